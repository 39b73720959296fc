"""How fast slates are made while events come in: the measurement behind `tailorbird bench decide`.

Everything is the real thing: log, training, ledger, production policy. The measured process is held to one core; the
events come from another process, through the log. A slate's time includes the slice of following that stood before it,
since that is what a request in the queue would have waited for.
"""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from itertools import islice
from typing import Any, Protocol

import numpy as np

from tailorbird.decide import Engine
from tailorbird.protocols import Log
from tailorbird.simulator.bulk import bulk_events, quantiles
from tailorbird.types import Decision, Entry, Request

_FEEDER = """
import sys, time
from pathlib import Path
from tailorbird.backends.sql.log import SqlLog
from tailorbird.simulator.bench import append_all, paced
from tailorbird.simulator.bulk import bulk_events
log, items, users, rate, seconds = SqlLog(Path(sys.argv[1])), *map(float, sys.argv[2:])
events = bulk_events(10**9, int(items), int(users), until=time.time(), days=0.0, seed=3, name=f"live{time.time()}-")
until = time.monotonic() + seconds
source, batch = (paced(events, rate), 100) if rate else (events, 500)
append_all(log, source, batch=batch, stop=lambda: time.monotonic() > until)
"""


class Serving(Protocol):
    """What the measurement needs of an app."""

    @property
    def engine(self) -> Engine:
        """State and models."""

    def follow(self, budget_ms: float = 2.0) -> int:
        """Apply what is new in the log."""

    def recommend(self, request: Request) -> Decision:
        """Decide and record."""

    def settle(self) -> None:
        """What is there now stays."""


def append_all(
    log: Log,
    entries: Iterable[Entry],
    *,
    batch: int = 2_000,
    stop: Callable[[], bool] = lambda: False,
    told: Callable[[int], None] = lambda _n: None,
) -> int:
    """Append everything in batches; how many."""
    iterator, done = iter(entries), 0
    while (some := list(islice(iterator, batch))) and not stop():
        log.append(some)
        done += len(some)
        told(done)
    return done


def paced(entries: Iterable[Entry], per_second: float) -> Iterable[Entry]:
    """The entries, not faster than this."""
    started = time.monotonic()
    for n, entry in enumerate(entries):
        ahead = n / per_second - (time.monotonic() - started)
        if ahead > 0.05:
            time.sleep(ahead)
        yield entry


@contextmanager
def fed(shop_dir: Any, *, n_items: int, n_users: int, rate: float, seconds: float) -> Any:
    """While this lasts, another process appends ``rate`` events a second to the log; 0: as fast as it can."""
    numbers = [str(n) for n in (n_items, n_users, rate, seconds)]
    feeder = subprocess.Popen([sys.executable, "-c", _FEEDER, str(shop_dir), *numbers])  # noqa: S603  # our own code
    try:
        time.sleep(2.0)  # its imports are not what is measured
        yield
    finally:
        feeder.terminate()
        feeder.wait()


def measure(app: Serving, *, n_requests: int, n_items: int, n_users: int, seed: int = 5) -> dict[str, Any]:
    """Times of ``n_requests`` slates of 20 for random users on home, item and cart pages; milliseconds."""
    draw = np.random.default_rng(seed)
    cpu = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cpu[:1])
    app.settle()
    totals: list[float] = []
    stages: dict[str, list[float]] = {}
    applied, degraded = 0, 0
    started = time.perf_counter()
    try:
        for n in range(n_requests):
            request = Request(
                surface=("home", "home", "item", "cart")[n % 4],
                at=time.time(),
                user_id=f"user-{draw.integers(n_users)}",
                item_id=f"item-{draw.integers(n_items)}" if n % 4 == 2 else None,
                cart=(f"item-{draw.integers(n_items)}",) if n % 4 == 3 else (),
            )
            before = time.perf_counter()
            applied += app.follow()
            decision = app.recommend(request)
            totals.append((time.perf_counter() - before) * 1000)
            degraded += decision.degraded is not None
            for name, spent in decision.timings_ms.items():
                stages.setdefault(name, []).append(spent)
    finally:
        os.sched_setaffinity(0, cpu)
    seconds = time.perf_counter() - started
    policy = app.engine.policy_of("home")
    return {
        "items": len(app.engine.catalogue),
        "users": n_users,
        "pool": policy.pool,
        "policy": f"{policy.name} {policy.version}",
        "channels": [channel.retriever for channel in policy.channels],
        "features": len(app.engine.columns),
        "requests": n_requests,
        "total": quantiles(totals),
        "stages": {name: quantiles(spent) for name, spent in stages.items()},
        "decisions_per_second": round(n_requests / seconds, 1),
        "events_followed_per_second": round(applied / seconds, 1),
        "degraded": degraded,
        "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


__all__ = ["append_all", "bulk_events", "fed", "measure", "paced"]
