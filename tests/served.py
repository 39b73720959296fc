"""Shops behind an address of their own: in this process, for browsers, and in another, as somebody starts them."""

import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
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


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as door:
        return int(door.getsockname()[1])


class Server:
    """`tailorbird serve` in a process of its own: of one shop (``--shop-dir``) or of several (``--shops``)."""

    def __init__(self, option: str, directory: Path, *, options: Sequence[str] = (), seconds: float = 60.0) -> None:
        self.port, self.directory, self._seconds = free_port(), directory, seconds
        where = ["serve", option, str(directory)] if option == "--shops" else [option, str(directory), "serve"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tailorbird", *where, "--port", str(self.port), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.keys = directory / "keys.json"

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ready(self) -> "Server":
        deadline = time.monotonic() + self._seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.address}/health/ready").status_code == 200:
                    return self
            time.sleep(0.05)
        raise AssertionError(self.stopped(signal.SIGKILL))

    def key(self, scope: str = "secret", *, shop: str = "") -> str:
        kept = self.directory / shop / "keys.json"
        return str(json.loads(kept.read_text())[scope])

    def call(self, method: str, path: str, *, key: str = "secret", shop: str = "", body: Any = None) -> httpx.Response:
        headers = {"X-API-Key": self.key(key, shop=shop)}
        return httpx.request(method, f"{self.address}{path}", headers=headers, json=body, timeout=30)

    def stopped(self, how: signal.Signals) -> tuple[int, str]:
        if self.process.poll() is None:
            self.process.send_signal(how)
        out, _ = self.process.communicate(timeout=30)
        return self.process.returncode, out
