"""Shops in service: their port, their keys, their engines, their server, and a stop that loses nothing."""

import asyncio
import contextlib
import errno
import logging
import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tailorbird.cli.opening import build_engines
from tailorbird.cli.terminal import note
from tailorbird.errors import BadInput, PortInUse, TailorbirdError

if TYPE_CHECKING:
    import uvicorn

    from tailorbird.api.server import Api
    from tailorbird.api.shops import Closed, Shops
    from tailorbird.app import App
    from tailorbird.config import Config

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


def serve_shops(
    apps: "list[App]",
    closed: "list[Closed]",
    door: socket.socket,
    *,
    config: "Config",
    host: str,
    port: int,
    demo: bool,
) -> None:
    """Build the engines, open the door, and serve until stopped; then everything that waits is written."""
    from tailorbird.api.live import Live
    from tailorbird.api.server import create_api
    from tailorbird.api.shops import Shops
    from tailorbird.app import App

    _quiet_logs(config.log_level)
    build_engines(apps, closed)
    keys = {app.shop_dir: first_keys(app) for app in apps}
    shops = Shops([Live(app) for app in apps], closed)
    api = create_api(shops, also=_console())
    App.settle()
    at = _address(host, port)
    # A journal keeps what a service says: keys are shown to people only.
    shown = demo or sys.stderr.isatty()
    for app in apps:
        _greet(app, keys[app.shop_dir], at=at, show_keys=shown)
    note(f"API        {at}/docs")
    server = server_of(api, shops, trusted_proxies=config.server.trusted_proxies)
    # A polite kill must take the same way out as Ctrl-C: through every `with` on the way.
    signal.signal(signal.SIGTERM, _leave)
    with contextlib.ExitStack() as stack:
        for app in apps if demo else ():
            stack.enter_context(_visitors(app, at, keys[app.shop_dir]))
        try:
            server.run(sockets=[door])
        except KeyboardInterrupt:
            pass
        finally:
            note("Stopped; everything accepted is kept.")


def server_of(api: "Api", shops: "Shops", *, trusted_proxies: Sequence[str]) -> "uvicorn.Server":
    """The server of the application. From the moment of the signal to stop it begins nothing new."""
    import uvicorn

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            shops.stop()
            super().handle_exit(sig, frame)

    return Server(
        uvicorn.Config(
            api,
            log_config=None,
            access_log=False,
            server_header=False,
            ws="none",
            lifespan="on",
            forwarded_allow_ips=list(trusted_proxies),
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
    )


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def _console() -> list[Any]:
    """The console's pages, where it is installed; whoever asks for no page at all is led there."""
    if find_spec("tailorbird.console") is None:
        return []
    from litestar import get
    from litestar.response import Redirect

    from tailorbird import console

    @get("/", sync_to_thread=False)
    def front() -> Redirect:
        return Redirect("/console")

    return [front, *console.routes()]


def _address(host: str, port: int) -> str:
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104  # compared with, not listened on
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def _greet(app: "App", keys: FirstKeys | None, *, at: str, show_keys: bool) -> None:
    catalogue = app.engine.catalogue
    n_named = len(catalogue) - catalogue.n_described
    named = f", {n_named:,} more named in events only" if n_named else ""
    note(f"Shop       {app.shop_dir} ({catalogue.n_described:,} items{named}, record {app.engine.seq:,})")
    note(f"Console    {at}/console{f'?key={keys.secret}' if keys and show_keys else ''}")
    if keys is None:
        note("Keys       `tailorbird keys list` names them; `tailorbird keys create` makes another.")
        return
    if not show_keys:
        note(f"Keys       in {app.shop_dir / KEYS_FILE}; they are shown on a terminal only.")
        return
    note(f"Secret key {keys.secret}")
    note(f"Write key  {keys.write}")
    note(f"           (both in {app.shop_dir / KEYS_FILE}; the secret key belongs on servers only)")


def _quiet_logs(level: str) -> None:
    """One line of text per log entry on stderr, causes without values, which may be personal."""
    import structlog

    from tailorbird.monitoring.causes import cause_of

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(lambda about: cause_of(about[1]) if about[1] else ""),
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
