"""One shop in service: its port, its keys, its engine, its server, and a stop that loses nothing."""

import asyncio
import contextlib
import errno
import logging
import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tailorbird.cli.terminal import note, progress
from tailorbird.errors import BadInput, PortInUse, TailorbirdError

if TYPE_CHECKING:
    from tailorbird.app import App

KEYS_FILE: Final = "keys.json"
"""Where the keys of the first start are kept, readable by the owner of the shop directory alone."""

_STOP_SECONDS: Final = 10
_VISITS_A_MINUTE: Final = 20.0


class FirstKeys(msgspec.Struct, frozen=True):
    """The two keys that a new shop starts with."""

    secret: str
    write: str


@contextlib.contextmanager
def listen(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens there.

    Raises:
        PortInUse: another process does.
        BadInput: this machine has no such address.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        door = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise BadInput(f"'{host}' is no address of this machine.", hint="Use 127.0.0.1 or 0.0.0.0.") from error
    with door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind(address)
            door.listen(2048)
        except PermissionError as error:
            raise PortInUse(f"Port {port} may not be used by this user.", hint="Choose one above 1023.") from error
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise BadInput(f"'{host}' is no address of this machine.", hint="Use 127.0.0.1 or 0.0.0.0.") from error
            raise PortInUse(
                f"Port {port} of {host} is in use by another process.",
                hint=f"Stop it, or choose another: tailorbird serve --port {port + 1 if port < 65_535 else 8_000}.",
            ) from error
        yield door


def first_keys(app: "App") -> FirstKeys | None:
    """The keys of the first start; made now if the shop has none. None if it has keys of its own and no file."""
    path = app.shop_dir / KEYS_FILE
    if not app.keys.list():
        made = FirstKeys(app.keys.create("first start", "secret"), app.keys.create("first start, browser", "write"))
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(handle, "wb") as file:  # noqa: PTH123  # a Path cannot be opened with a mode of its own
            file.write(msgspec.json.format(msgspec.json.encode(made)) + b"\n")
        return made
    try:
        return msgspec.json.decode(path.read_bytes(), type=FirstKeys)
    except (OSError, msgspec.DecodeError):
        return None


def serve_shop(app: "App", door: socket.socket, *, host: str, port: int, demo: bool) -> None:
    """Build the engine, open the door, and serve until stopped; then everything that waits is written."""
    import uvicorn

    from tailorbird.api.server import create_api

    _quiet_logs(app.config.log_level)
    keys = first_keys(app)
    app.ledger.summary()  # that it cannot be opened is known now, and not at the first slate
    with progress("following the log") as show:
        app.__dict__["engine"] = app.build_engine(lambda done, of: show(done / max(of, 1), f"{done:,} records"))
    api = create_api(app, also=_console(app))
    app.settle()
    _greet(app, keys, host=host, port=port)
    server = uvicorn.Server(
        uvicorn.Config(
            api,
            log_config=None,
            access_log=False,
            server_header=False,
            ws="none",
            lifespan="on",
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
    )
    # A polite kill must take the same way out as Ctrl-C: through every `with` on the way.
    signal.signal(signal.SIGTERM, _leave)
    with _visitors(app, _address(host, port), keys) if demo else contextlib.nullcontext():
        try:
            server.run(sockets=[door])
        except KeyboardInterrupt:
            pass
        finally:
            note("Stopped; everything accepted is kept.")


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def _console(app: "App") -> list[Any]:
    """The console's pages, where it is installed; whoever asks for no page at all is led there."""
    if find_spec("tailorbird.console") is None:
        return []
    from litestar import get
    from litestar.response import Redirect

    from tailorbird import console

    @get("/", sync_to_thread=False)
    def front() -> Redirect:
        return Redirect("/console")

    return [front, *console.routes(app)]


def _address(host: str, port: int) -> str:
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104  # compared with, not listened on
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def _greet(app: "App", keys: FirstKeys | None, *, host: str, port: int) -> None:
    at = _address(host, port)
    note(f"Shop       {app.shop_dir} ({len(app.engine.catalogue):,} items, record {app.engine.seq:,})")
    note(f"Console    {at}/console{f'?key={keys.secret}' if keys else ''}")
    note(f"API        {at}/docs")
    if keys is None:
        note("Keys       `tailorbird keys list` names them; `tailorbird keys create` makes another.")
        return
    note(f"Secret key {keys.secret}")
    note(f"Write key  {keys.write}")
    note(f"           (both in {app.shop_dir / KEYS_FILE}; the secret key belongs on servers only)")


def _quiet_logs(level: str) -> None:
    """One line of text per log entry on stderr, tracebacks without the values of variables, which may be personal."""
    import structlog

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")


@contextlib.contextmanager
def _visitors(app: "App", url: str, keys: FirstKeys | None) -> Iterator[None]:
    """Shoppers of the simulated shop, visiting over HTTP like everybody else, as long as this is open.

    They have a process of their own: in this one they would take turns with the engine, and its times would be wrong.
    """
    from tailorbird.simulator.saved import FILE

    if not (app.shop_dir / FILE).exists():
        note("This is no simulated shop, so nobody visits by themselves.")
        yield
        return
    key = keys.write if keys else app.keys.create("simulated shoppers", "write")
    process = multiprocessing.get_context("spawn").Process(
        target=_visit, args=(app.shop_dir, url, key, os.getpid()), name="shoppers", daemon=True
    )
    # Inherited by the new process: a Ctrl-C while it still imports is for the server too.
    for_server = signal.signal(signal.SIGINT, signal.SIG_IGN)
    process.start()
    signal.signal(signal.SIGINT, for_server)
    try:
        yield
    finally:
        process.terminate()
        process.join(timeout=5)


def _visit(shop_dir: Path, url: str, key: str, server: int) -> None:
    from tailorbird.simulator.saved import load_world
    from tailorbird.simulator.traffic import visit

    # Ctrl-C is for the server; when that is gone, however it went, the shoppers go too.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        world = load_world(shop_dir)
        asyncio.run(visit(url, key, world, rate=_VISITS_A_MINUTE, stop=lambda: os.getppid() != server, say=note))
    except TailorbirdError as error:
        note(f"The simulated shoppers went home: {error}")
