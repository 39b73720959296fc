"""How many events a second a running server takes, durably, and how soon a slate shows one: `tailorbird bench ingest`.

The server is a process of its own, held to one core; this client speaks HTTP to it from another. Bodies are encoded
before the clock starts, because a shop's tracker does that on somebody else's machine.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import msgspec
import numpy as np

from tailorbird.errors import Unavailable
from tailorbird.simulator.bulk import bulk_events, bulk_items, quantiles

BATCH: Final = 100
_PROBE_EVERY_SECONDS: Final = 0.1
_PATIENCE_SECONDS: Final = 5.0
_LAG_EVERY_SECONDS: Final = 0.02


def encoded_batches(n_events: int, n_items: int, n_users: int) -> list[bytes]:
    """Bodies for POST /v1/events, `BATCH` events each."""
    entries = bulk_events(n_events, n_items, n_users, until=time.time(), days=1.0, seed=9, name=f"load{time.time()}-")
    bodies, batch = [], []
    for entry in entries:
        batch.append(entry.body)
        if len(batch) == BATCH:
            bodies.append(b'{"events":[' + b",".join(batch) + b"]}")
            batch = []
    return bodies


class Usage(NamedTuple):
    """What a server has used since it started."""

    cpu_seconds: float
    peak_memory_mb: float


async def measure_ingest(
    url: str, key: str, usage: Callable[[], Usage], *, n_events: int, n_items: int, n_users: int, n_connections: int
) -> dict[str, Any]:
    """Send ``n_events`` in batches of 100: the first half alone, the other while probes ask how soon theirs is seen.

    The first half tells what an event costs the server, until it is followed, without the slates of the probes.
    """
    bodies = encoded_batches(n_events, n_items, n_users)
    half = len(bodies) // 2
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    limits = httpx.Limits(max_connections=n_connections + 2)
    async with httpx.AsyncClient(base_url=url, headers=headers, limits=limits, timeout=60) as client:
        used = usage().cpu_seconds
        await _send_all(client, bodies[:half], n_connections)
        while (await client.get("/health/ready")).json()["lag"]:  # noqa: ASYNC110  # another process, which sets no event
            await asyncio.sleep(_LAG_EVERY_SECONDS)
        used = usage().cpu_seconds - used
        done = asyncio.Event()
        probing = asyncio.create_task(_probe(client, done, n_items))
        started = time.perf_counter()
        taken = await _send_all(client, bodies[half:], n_connections)
        seconds = time.perf_counter() - started
        done.set()
        visible = await probing
    return {
        "events": len(bodies) * BATCH,
        "batch": BATCH,
        "connections": n_connections,
        "events_per_second": round(len(taken) * BATCH / seconds),
        "server_cpu_us_per_event": round(1e6 * used / (half * BATCH), 1),
        "p99_ms": quantiles(taken)["p99"],
        "visible_p50_ms": quantiles(visible)["p50"],
        "visible_p99_ms": quantiles(visible)["p99"],
        "probes": len(visible),
        "memory_mb": usage().peak_memory_mb,
    }


async def _send_all(client: httpx.AsyncClient, bodies: Sequence[bytes], n_connections: int) -> list[float]:
    """Send these over so many connections; the milliseconds that each took."""
    taken: list[float] = []
    queue = iter(bodies)
    await asyncio.gather(*(_send(client, queue, taken) for _ in range(n_connections)))
    return taken


async def _send(client: httpx.AsyncClient, bodies: Any, taken: list[float]) -> None:
    for body in bodies:
        before = time.perf_counter()
        answer = await client.post("/v1/events", content=body)
        taken.append((time.perf_counter() - before) * 1000)
        answer.raise_for_status()
        rejected = answer.json()["rejected"]
        if rejected:
            raise RuntimeError(f"an event of the load was rejected: {rejected[0]}")


async def _probe(client: httpx.AsyncClient, done: asyncio.Event, n_items: int) -> Sequence[float]:
    """From the 202 of one event of a stranger to the first slate that differs from the one before it; milliseconds."""
    draw, visible = np.random.default_rng(11), []
    while not done.is_set():
        user = f"probe-{time.time_ns()}"
        before = await _slate(client, user)
        item = f"item-{draw.integers(n_items)}"
        event = {"type": "purchase", "user_id": user, "item_id": item, "at": time.time()}
        answer = await client.post("/v1/events", content=msgspec.json.encode([event]))
        answer.raise_for_status()
        accepted = time.perf_counter()
        while (await _slate(client, user)) == before:
            if time.perf_counter() - accepted > _PATIENCE_SECONDS:
                break
        visible.append((time.perf_counter() - accepted) * 1000)
        await asyncio.sleep(_PROBE_EVERY_SECONDS)
    return visible


async def _slate(client: httpx.AsyncClient, user: str) -> list[str]:
    answer = await client.post(
        "/v1/recommendations", content=msgspec.json.encode({"surface": "home", "user_id": user, "limit": 20})
    )
    answer.raise_for_status()
    return [item["item_id"] for item in answer.json()["items"]]


@contextmanager
def served(shop_dir: Path, *, n_items: int) -> Iterator[tuple[str, str, Callable[[], Usage]]]:
    """A server of its own over a bulk shop, on the first core; gives its address, a secret key, and what it has used.

    This process moves to the last core. Exploration is off, so that only an event can change a slate.
    """
    cores = sorted(os.sched_getaffinity(0))
    command = [sys.executable, "-m", "tailorbird", "--shop-dir", str(shop_dir)]
    load = shop_dir / "items.jsonl"
    load.write_bytes(b"\n".join(entry.body for entry in bulk_items(n_items, at=time.time())))
    subprocess.run([*command, "import", "items", str(load), "--json"], check=True, capture_output=True)  # noqa: S603  # our own command
    port = _free_port()
    server = subprocess.Popen(  # noqa: S603  # our own command
        [*command, "serve", "--port", str(port)],
        env={**os.environ, "TAILORBIRD_POLICIES__HOME__EXPLORATION": "0"},
        stdout=subprocess.DEVNULL,
    )
    try:
        os.sched_setaffinity(server.pid, cores[:1])
        os.sched_setaffinity(0, cores[-1:])
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(url, server)
        yield url, json.loads((shop_dir / "keys.json").read_text())["secret"], lambda: _usage(server.pid)
    finally:
        os.sched_setaffinity(0, cores)
        server.terminate()
        server.wait(timeout=30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(url: str, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if httpx.get(f"{url}/health/ready").status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise Unavailable("The server to be measured did not come up.", hint="`tailorbird serve` says why.")


def _usage(pid: int) -> Usage:
    process = Path(f"/proc/{pid}")
    status = (process / "status").read_text(encoding="ascii")
    # The name of the program, in brackets, may hold spaces; user and system time are the 14th and 15th field.
    fields = (process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    memory_mb = round(int(status.partition("VmHWM:")[2].split()[0]) / 1024, 1)
    return Usage(ticks / os.sysconf("SC_CLK_TCK"), memory_mb)
