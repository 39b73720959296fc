"""Half an hour at half load: whether the memory of a server stays flat.

Usage: ``python benchmarks/soak.py [--minutes 30] [--events-per-second N] [--json]``

A server process of its own, over HTTP: batches of events, slates on three surfaces, lists that are reported as seen,
and now and then a changed price, a user's traits and a device that changes hands. Without ``--events-per-second`` a
closed loop measures for a quarter of a minute what this machine takes, and half of that is sent.

People, devices and items are a fixed hundred, with two thousand events each before it begins, so that the state which
a server keeps of them is bounded and full: what grows then is a leak. The resident size is read every ten seconds;
growth is the slope of a line through what came after the first third, in percent of that line's beginning for 30
minutes. Exit 1 above ``--allowed``.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np

from tailorbird.simulator.bench_ingest import _free_port, _wait_until_ready
from tailorbird.simulator.bulk import bulk_events, bulk_items, quantiles

N_PEOPLE, N_ITEMS, N_DEVICES = 100, 100, 40
HISTORY_EVENTS = 200_000
MODELS = "popular,trending,covisitation,bought-after,bought-with,item-knn,content,ranker"
BATCH, SLATES = 50, 4
RARE = 5
"""One beat in so many also changes an item, a user and an identity."""

SAMPLE_SECONDS, CALIBRATION_SECONDS, PATIENCE_SECONDS = 10.0, 15.0, 300.0
LINES = 8
COMMAND = [sys.executable, "-m", "tailorbird"]


class Load:
    """What one shop's pages send. A beat is `BATCH` events, `SLATES` slates, and rarely more."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        """Nothing sent yet."""
        self.client, self.counts = client, Counter[str]()
        self.slate_ms: list[float] = []
        self._draw = np.random.default_rng(4)
        self._run = f"{time.time():.0f}"
        self._seen: list[tuple[str, str, list[str]]] = []

    async def beat(self) -> None:
        """Send everything of one beat."""
        await self._events()
        for n in range(SLATES):
            await self._slate(n)
        self.counts["beats"] += 1
        if self.counts["beats"] % RARE == 0:
            await self._changes()

    async def _events(self) -> None:
        draw, events, now = self._draw, [], time.time()
        people, items = draw.integers(0, N_PEOPLE, BATCH), (N_ITEMS * draw.random(BATCH) ** 2).astype(int)
        kinds = draw.choice(("item_view", "list_click", "cart_add", "cart_remove", "purchase"), BATCH)
        for n in range(BATCH - len(self._seen)):
            number = self.counts["made"] = self.counts["made"] + 1
            event = {
                "event_id": f"soak-{self._run}-{number}",
                "type": str(kinds[n]),
                "at": now,
                "item_id": f"item-{items[n]}",
                "session_id": f"s{people[n]}-{int(now) // 1800}",
            }
            who = {"anonymous_id": f"device-{people[n]}"} if people[n] < N_DEVICES and n % 2 else {}
            events.append({**event, **(who or {"user_id": f"user-{people[n]}"})})
        for decision, user, shown in self._seen:
            number = self.counts["made"] = self.counts["made"] + 1
            event = {"event_id": f"soak-{self._run}-{number}", "type": "list_view", "at": now, "user_id": user}
            events.append({**event, "decision_id": decision, "items": [{"item_id": item} for item in shown]})
        self._seen = []
        told = await self._call("POST", "/v1/events", {"events": events})
        self.counts["accepted"] += told.get("accepted", 0)
        self.counts["rejected"] += len(told.get("rejected", ()))

    async def _slate(self, n: int) -> None:
        user = f"user-{self._draw.integers(N_PEOPLE)}"
        item = f"item-{self._draw.integers(N_ITEMS)}"
        ask: dict[str, Any] = {"surface": ("home", "item", "cart", "home")[n], "user_id": user, "limit": 12}
        ask |= {"item_id": item} if n == 1 else {"cart": [item]} if n == 2 else {}
        before = time.perf_counter()
        slate = await self._call("POST", "/v1/recommendations", ask)
        self.slate_ms.append((time.perf_counter() - before) * 1000)
        self.counts["slates"] += bool(slate.get("items"))
        self.counts["degraded"] += slate.get("degraded") is not None
        if n == 0 and slate.get("items"):
            self._seen.append((slate["decision_id"], user, [one["item_id"] for one in slate["items"]]))
        if n == 3 and slate.get("next_cursor"):
            await self._call("POST", "/v1/recommendations", {**ask, "cursor": slate["next_cursor"]})

    async def _changes(self) -> None:
        draw, beat = self._draw, self.counts["beats"]
        price = round(5 + 40 * float(draw.random()), 2)
        await self._call("PATCH", f"/v1/items/item-{draw.integers(N_ITEMS)}", {"price": price, "stock": beat})
        await self._call("PUT", f"/v1/users/user-{draw.integers(N_PEOPLE)}", {"traits": {"visits": beat}})
        device = int(draw.integers(N_DEVICES))
        told = {"anonymous_id": f"device-{device}", "user_id": f"user-{(device + beat) % N_PEOPLE}"}
        joined = await self._call("POST", "/v1/identify", told)
        self.counts["changes"] += 2 + bool(joined.get("joined"))

    async def _call(self, method: str, path: str, body: Any) -> dict[str, Any]:
        answer = await self.client.request(method, path, content=msgspec.json.encode(body))
        if answer.status_code >= httpx.codes.BAD_REQUEST:
            self.counts[f"answered {answer.status_code}"] += 1
            return {}
        told: dict[str, Any] = msgspec.json.decode(answer.content)
        return told


@contextmanager
def shop(folder: Path) -> Iterator[tuple[str, str, int]]:
    """A trained shop that is being served: its address, a secret key, and the process's number."""
    command = [*COMMAND, "--shop-dir", str(folder)]
    for kind, entries in (
        ("items", bulk_items(N_ITEMS, at=time.time())),
        ("events", bulk_events(HISTORY_EVENTS, N_ITEMS, N_PEOPLE, until=time.time())),
    ):
        file = folder / f"{kind}.jsonl"
        file.write_bytes(b"\n".join(entry.body for entry in entries))
        subprocess.run([*command, "import", kind, str(file), "--json"], check=True, capture_output=True)
    subprocess.run([*command, "train", "--models", MODELS, "--json"], check=True, capture_output=True)
    port = _free_port()
    server = subprocess.Popen([*command, "serve", "--port", str(port)], stdout=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(url, server)
        yield url, json.loads((folder / "keys.json").read_text())["secret"], server.pid
    finally:
        server.terminate()
        server.wait(timeout=60)


async def beats_a_second(load: Load) -> float:
    """How many beats this machine takes when nobody waits for anything but the answer."""
    until, done = time.monotonic() + CALIBRATION_SECONDS, 0

    async def worker() -> None:
        nonlocal done
        while time.monotonic() < until:
            await load.beat()
            done += 1

    await asyncio.gather(*(worker() for _ in range(LINES)))
    return done / CALIBRATION_SECONDS


async def soak(load: Load, pid: int, *, beats: float, seconds: float) -> list[tuple[float, float, float]]:
    """Send ``beats`` a second for so long; (second, resident MB, of that anonymous) every ten seconds."""
    samples, waiting = [], set[asyncio.Task[None]]()
    start, n = time.monotonic(), 0
    while (now := time.monotonic() - start) < seconds:
        if now >= len(samples) * SAMPLE_SECONDS:
            samples.append((now, *resident_mb(pid)))
        if len(waiting) < LINES and n < now * beats:
            task = asyncio.create_task(load.beat())
            waiting.add(task)
            task.add_done_callback(waiting.discard)
            n += 1
        else:
            await asyncio.sleep(0.002)
    await asyncio.gather(*waiting)
    return [*samples, (time.monotonic() - start, *resident_mb(pid))]


async def seconds_behind(client: httpx.AsyncClient) -> float:
    """How long the engine takes to come to the log's end, now that nothing more arrives."""
    start = time.monotonic()
    while time.monotonic() - start < PATIENCE_SECONDS:
        answer = await client.get("/health/ready")
        if answer.status_code == httpx.codes.OK and answer.json()["lag"] == 0:
            break
        await asyncio.sleep(0.1)
    return round(time.monotonic() - start, 1)


def resident_mb(pid: int) -> tuple[float, float]:
    """The resident size of a process, and what of it is no file's, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    held = {name: value for name, _, value in (line.partition(":") for line in lines)}
    return tuple(int(held[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon"))  # type: ignore[return-value]


def growth_percent(samples: list[tuple[float, float, float]], column: int) -> float:
    """The slope after the first third, in percent of the line's beginning, for 30 minutes."""
    times, sizes = np.array([s[0] for s in samples]), np.array([s[column] for s in samples])
    late = times >= times[-1] / 3
    slope, offset = np.polyfit(times[late], sizes[late], 1)
    return round(float(100 * slope * 1_800 / (offset + slope * times[late][0])), 2)


async def run(url: str, key: str, pid: int, asked: argparse.Namespace) -> dict[str, Any]:
    """The whole measurement on a shop that is served."""
    limits = httpx.Limits(max_connections=LINES)
    headers = {"X-API-Key": key, "Content-Type": "application/json"}
    async with httpx.AsyncClient(base_url=url, headers=headers, limits=limits, timeout=60) as client:
        first = (await client.get("/health/ready")).json()["seq"]
        load = Load(client)
        most = asked.events_per_second / BATCH * 2 if asked.events_per_second else await beats_a_second(load)
        load.slate_ms.clear()
        before, began = load.counts["accepted"], time.monotonic()
        samples = await soak(load, pid, beats=most / 2, seconds=asked.minutes * 60)
        seconds = time.monotonic() - began
        behind = await seconds_behind(client)
        last = (await client.get("/health/ready")).json()
    counts = load.counts
    third = [size for at, size, _ in samples if at >= samples[-1][0] / 3]
    return {
        "minutes": round(seconds / 60, 1),
        "events_per_second": round((counts["accepted"] - before) / seconds),
        "events_per_second_at_most": round(most * BATCH),
        "slates_per_second": round(len(load.slate_ms) / seconds, 1),
        "slate_ms": quantiles(load.slate_ms),
        "degraded": counts["degraded"],
        "answers": {name: n for name, n in counts.items() if name.startswith("answered")},
        "rejected": counts["rejected"],
        "records_missing": first + counts["accepted"] + counts["changes"] - last["seq"],
        "seconds_behind_at_the_end": behind,
        "people": N_PEOPLE,
        "items": N_ITEMS,
        "resident_mb": {"start": samples[0][1], "least_after_third": min(third), "most": max(s[1] for s in samples)},
        "growth_percent_per_30_min": growth_percent(samples, 1),
        "anonymous_growth_percent_per_30_min": growth_percent(samples, 2),
        "cores": len(os.sched_getaffinity(0)),
        "samples": [[round(at), round(size, 1), round(anonymous, 1)] for at, size, anonymous in samples],
    }


def main() -> int:
    """Measure it and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--events-per-second", type=float, default=0.0, help="0: half of what this machine takes")
    parser.add_argument("--allowed", type=float, default=5.0, help="percent of growth for 30 minutes")
    parser.add_argument("--json", action="store_true", help="print JSON with every sample")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tailorbird-soak-") as folder, shop(Path(folder)) as (url, key, pid):
        told = asyncio.run(run(url, key, pid, asked))
    if asked.json:
        print(json.dumps(told, indent=1))
    else:
        for name, value in told.items():
            print(f"{name:38} {value if name != 'samples' else f'{len(value)} of them'}")
    flat = told["growth_percent_per_30_min"] <= asked.allowed
    return 0 if flat and not told["records_missing"] and not told["answers"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
