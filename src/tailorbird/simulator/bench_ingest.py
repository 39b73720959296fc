"""How many events a second a running server takes, durably, and how soon a slate shows one: `tailorbird bench ingest`.

The server is a process of its own, held to one core; this client speaks HTTP to it from another. Bodies are encoded
before the clock starts, because a shop's tracker does that on somebody else's machine.
"""

import asyncio
import os
import time
from collections.abc import Sequence
from typing import Any, Final

import httpx
import msgspec
import numpy as np

from tailorbird.simulator.bulk import bulk_events, quantiles

BATCH: Final = 100
_CONNECTIONS: Final = 8
_PROBE_EVERY_SECONDS: Final = 0.1
_PATIENCE_SECONDS: Final = 5.0


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


async def measure_ingest(url: str, key: str, *, n_events: int, n_items: int, n_users: int) -> dict[str, Any]:
    """Send ``n_events`` in batches of 100 over 8 connections, while probes ask how soon one of theirs is seen."""
    bodies = encoded_batches(n_events, n_items, n_users)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    limits = httpx.Limits(max_connections=_CONNECTIONS + 2)
    async with httpx.AsyncClient(base_url=url, headers=headers, limits=limits, timeout=60) as client:
        done = asyncio.Event()
        probing = asyncio.create_task(_probe(client, done, n_items))
        taken: list[float] = []
        queue = iter(bodies)
        started = time.perf_counter()
        await asyncio.gather(*(_send(client, queue, taken) for _ in range(_CONNECTIONS)))
        seconds = time.perf_counter() - started
        done.set()
        visible = await probing
    return {
        "events": len(bodies) * BATCH,
        "batch": BATCH,
        "events_per_second": round(len(bodies) * BATCH / seconds),
        "p99_ms": quantiles(taken)["p99"],
        "visible_p50_ms": quantiles(visible)["p50"],
        "visible_p99_ms": quantiles(visible)["p99"],
        "probes": len(visible),
    }


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


def hold_to(core: int) -> None:
    """Keep this process on one core, if the machine has it."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[core % len(cores)]})
