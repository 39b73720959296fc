"""What `doctor` looks at: the installation, the shop directory and what is stale in it. Changes nothing."""

import platform
import shutil
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from tailorbird import __version__
from tailorbird.config import Config, load_config
from tailorbird.errors import PortInUse, TailorbirdError
from tailorbird.types import DAY_SECONDS

if TYPE_CHECKING:
    from tailorbird.app import App
    from tailorbird.learning.registry import Manifest

State = Literal["good", "warning", "problem"]

_BASE: Final = ("numpy", "numba", "lightgbm", "litestar", "uvicorn", "msgspec", "pyarrow", "sqlalchemy")
_OPTIONAL: Final = {"torch": "neural models", "onnxruntime": "serving neural models"}
_LITTLE_DISK_BYTES: Final = 2 * 2**30
_STALE_DAYS: Final = 14.0
_STALE_SHARE: Final = 0.2


@dataclass(frozen=True)
class Finding:
    """One line of the diagnosis."""

    state: State
    what: str
    found: str
    remedy: str = ""


def diagnose(shop_dir: Path) -> list[Finding]:
    """Everything, in the order in which it is worth mending."""
    findings = [*_installation(), *_directory(shop_dir)]
    try:
        config = sound_config(shop_dir)
    except TailorbirdError as error:
        return [*findings, Finding("problem", "configuration", error.message, error.hint or "Mend these.")]
    path = shop_dir / "tailorbird.toml"
    found = f"{path} is sound" if path.exists() else f"the defaults; there is no {path}"
    return [*findings, Finding("good", "configuration", found), *_server(config), *_log(shop_dir, config)]


def sound_config(shop_dir: Path) -> Config:
    """The configuration, after every check that opening the shop makes.

    Raises:
        InvalidConfig: the shop cannot be opened with it.
    """
    from tailorbird.ingest.parts.precedence import check_sources
    from tailorbird.learning.models import check_names

    config = load_config(shop_dir)
    check_names(config)
    check_sources(config)
    return config


def _installation() -> Iterator[Finding]:
    yield Finding("good", "tailorbird", f"{__version__} on Python {platform.python_version()}")
    missing = [name for name in _BASE if _version(name) is None]
    if missing:
        yield Finding("problem", "packages", f"{', '.join(missing)} not installed", "Install Tailorbird again.")
    else:
        yield Finding("good", "packages", ", ".join(f"{name} {_version(name)}" for name in _BASE))
    for name, purpose in _OPTIONAL.items():
        found = _version(name)
        yield Finding("good", name, found or f"not installed; only {purpose} would need it")


def _directory(shop_dir: Path) -> Iterator[Finding]:
    if not shop_dir.is_dir():
        yield Finding("problem", "shop directory", f"{shop_dir} is not there", "`tailorbird init`, or --shop-dir.")
        return
    free = shutil.disk_usage(shop_dir).free
    state: State = "warning" if free < _LITTLE_DISK_BYTES else "good"
    yield Finding(state, "disk", f"{free / 2**30:,.1f} GB free", "Free some space." if state != "good" else "")
    try:
        probe = shop_dir / ".doctor"
        probe.touch()
        probe.unlink()
    except OSError as error:
        yield Finding("problem", "shop directory", f"{shop_dir}: {error.strerror}", "Make it writable.")
    else:
        yield Finding("good", "shop directory", f"{shop_dir.absolute()} is writable")


def _server(config: Config) -> Iterator[Finding]:
    from tailorbird.cli.service import listen

    where = f"{config.server.host}:{config.server.port}"
    try:
        with listen(config.server.host, config.server.port):
            yield Finding("good", "server", f"nothing listens on {where}, where this shop is configured to serve")
    except TailorbirdError as error:
        if isinstance(error, PortInUse) and _answers(config):
            yield Finding("good", "server", f"something answers on {where}: a server, or a port in use")
        else:
            yield Finding("problem", "server", error.message, error.hint)


def _answers(config: Config) -> bool:
    try:
        socket.create_connection((config.server.host, config.server.port), timeout=0.5).close()
    except OSError:
        return False
    return True


def _log(shop_dir: Path, config: Config) -> Iterator[Finding]:
    from tailorbird.backends.sql.probe import lock_state, processes_with

    path = shop_dir / "tailorbird.db"
    state = lock_state(path)
    if state == "absent":
        yield Finding("warning", "log", "empty", "`tailorbird import events FILE`.")
        return
    if state == "damaged":
        yield Finding("problem", "log", f"{path} is damaged", "Restore a backup with `tailorbird restore`.")
        return
    users = ", ".join(f"{process} ({command[:60]})" for process, command in processes_with(path))
    if state == "held":
        who = f"held by one of: {users}" if users else "held by another process"
        yield Finding("warning", "log's lock", who, "Wait for it, or end that process.")
        return
    yield Finding("good", "log's lock", f"free; open in {users}" if users else "free")
    yield from _contents(shop_dir, config)


def _contents(shop_dir: Path, config: Config) -> Iterator[Finding]:
    from tailorbird.app import App

    try:
        with App.open(shop_dir, config=config) as app:
            summary = app.log.summary()
            yield Finding("good", "log", _log_facts(summary))
            yield _ledger(app)
            yield from _models(app.registry, summary["last_seq"])
            yield from _encoder(app)
    except TailorbirdError as error:
        yield Finding("problem", "log", error.message, error.hint)


def _ledger(app: "App") -> Finding:
    try:
        summary = app.ledger.summary()
    except TailorbirdError as error:
        return Finding("problem", "ledger", error.message, error.hint)
    return Finding("good", "ledger", f"{summary['committed']:,} slates; {summary['bytes'] / 2**20:,.1f} MB")


def _log_facts(summary: dict[str, Any]) -> str:
    return (
        f"{summary['last_seq']:,} records, {summary['hot_rows']:,} in SQL and {summary['segment_rows']:,} in "
        f"{summary['segments']:,} closed segments; {summary['bytes'] / 2**20:,.1f} MB"
    )


def _encoder(app: "App") -> Iterator[Finding]:
    from tailorbird.app import ENCODER_FOLDER, LOCAL
    from tailorbird.retrieval.deep.text_encoder import LocalEncoder

    if app.config.text.encoder != LOCAL:
        return
    try:
        encoder = LocalEncoder(app.shop_dir / ENCODER_FOLDER)
    except TailorbirdError as error:
        yield Finding("problem", "text encoder", error.message, error.hint)
    else:
        yield Finding("good", "text encoder", f"{encoder.name}, as it was written")


def _models(registry: Any, last_seq: int) -> Iterator[Finding]:
    from tailorbird.learning.models import load_models

    try:
        serving = registry.current()
    except TailorbirdError as error:
        yield Finding("problem", "models", error.message, error.hint)
        return
    if not serving:
        yield Finding("warning", "models", "none is trained; counting ones serve", "`tailorbird train`.")
    left_out = load_models(registry, 0.0).left_out
    for name, chosen in sorted(serving.items()):
        try:
            if name in left_out:
                raise left_out[name]
            manifest, waiting = registry.manifest(name, chosen), registry.waiting(name)
        except TailorbirdError as error:
            yield Finding("problem", f"model {name}", error.message, error.hint)
            continue
        found = f"{chosen}, {_age(manifest, last_seq)}"
        if waiting:
            found += f"; {waiting.version}, {_age(waiting, last_seq)}, was held back: {waiting.held_back}"
        if _stale(waiting or manifest, last_seq):
            yield Finding("warning", f"model {name}", found, "`tailorbird train`.")
        elif waiting:
            yield Finding("warning", f"model {name}", found, f"`{waiting.promotion}` takes it all the same.")
        else:
            yield Finding("good", f"model {name}", found)


def _age(manifest: "Manifest", last_seq: int) -> str:
    days = (time.time() - manifest.created_at) / DAY_SECONDS
    return f"trained {days:,.1f} days and {last_seq - manifest.fitted_seq:,} records ago"


def _stale(manifest: "Manifest", last_seq: int) -> bool:
    behind = last_seq - manifest.fitted_seq
    old = time.time() - manifest.created_at > _STALE_DAYS * DAY_SECONDS
    return old or behind > _STALE_SHARE * max(1, manifest.fitted_seq)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
