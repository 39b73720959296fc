"""The system page: the settings in force, the log and the ledger, memory and disk, keys and health."""

import asyncio
import os
import platform
import resource
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import msgspec
from litestar import Response, get
from litestar.types import ControllerRouterHandler

from tailorbird.app import App
from tailorbird.config import Config
from tailorbird.console.attention import matters
from tailorbird.console.desk import Desk, TheDesk
from tailorbird.console.models import serving_manifests, waiting
from tailorbird.types import Policy

_PACKAGES: Final = ("litestar", "msgspec", "numpy", "scipy", "numba", "lightgbm", "sqlalchemy", "pyarrow", "plotly")


@get("/system")
async def show(desk: TheDesk) -> Response[str]:
    """The page."""
    content = await asyncio.to_thread(_content, desk)
    return desk.page("system.html", page="system", **content)


def _content(desk: Desk) -> dict[str, Any]:
    app, beat = desk.app, desk.heartbeat.beat()
    log, engine = app.log.summary(), app.engine
    return {
        "settings": list(settings(app.config)),
        "log": log,
        "lag": max(log["last_seq"] - engine.seq, 0),
        "engine_seq": engine.seq,
        "ledger": app.ledger.summary(),
        "memory": memory(),
        "disk": shutil.disk_usage(app.shop_dir),
        "counts": _counts(app),
        "versions": {"Tailorbird": version("tailorbird"), "Python": platform.python_version(), **_versions()},
        "platform": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "keys": app.keys.list(),
        "recipes": recipes(engine.policies.values()),
        "attention": matters(app, beat, serving_manifests(app), waiting(app), desk.live.limits.refused),
    }


def _counts(app: App) -> dict[str, int]:
    engine = app.engine
    return {
        "Items described": engine.catalogue.n_described,
        "Items only named by events": len(engine.catalogue) - engine.catalogue.n_described,
        "People": len(engine.state.keys),
    }


def recipes(policies: Iterable[Policy]) -> list[list[Policy]]:
    """Policies that differ in nothing but their surface and version, together; by surface."""
    alike: dict[Policy, list[Policy]] = {}
    for policy in sorted(policies, key=lambda one: one.surface):
        alike.setdefault(msgspec.structs.replace(policy, surface="", version=""), []).append(policy)
    return list(alike.values())


def settings(config: Config) -> Iterator[tuple[str, str, bool]]:
    """Every setting in force as (path, value, whether it differs from the default)."""
    yield from _leaves("", config.model_dump(), Config().model_dump())


def _leaves(path: str, here: Mapping[str, Any], default: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    for name, value in here.items():
        place, usual = f"{path}.{name}" if path else name, default.get(name)
        if isinstance(value, Mapping) and value:
            yield from _leaves(place, value, usual if isinstance(usual, Mapping) else {})
        elif not isinstance(value, Mapping) or usual:
            yield place, _said(value), value != usual


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None or value == {} else str(value)


def memory() -> dict[str, float]:
    """Bytes that this process holds now (where the system tells) and held at most."""
    # Linux counts in kB, macOS in bytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="utf-8").splitlines() if status.exists() else []
    now = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:")), peak)
    return {"now": float(now), "peak": float(max(now, peak))}


def _versions() -> dict[str, str]:
    return {name: version(name) for name in _PACKAGES}


pages: Final[list[ControllerRouterHandler]] = [show]
