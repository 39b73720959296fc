"""A shop behind an address of its own, for tests that look at it through a browser."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import uvicorn

from tailorbird.api.server import create_api
from tailorbird.app import App


@dataclass(frozen=True)
class Served:
    """A shop behind its address, and its secret key, which also opens its console."""

    app: App
    address: str
    key: str


@contextlib.contextmanager
def served(app: App, *, also: Sequence[Any] = ()) -> Iterator[Served]:
    """The shop on a free port; ``also`` are further handlers."""
    key = app.keys.create("test", "secret")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    server = uvicorn.Server(uvicorn.Config(create_api(app, also=also), port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    try:
        yield Served(app, f"http://127.0.0.1:{port}", key)
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        app.close()
