"""The last fifteen minutes, for people who watch: counts per second, the newest decisions and events, the click rate.

A ring of one row per second instead of a query on the log: it costs a microsecond to write and nothing to forget, and
nothing here has to survive a restart, for the log and the ledger hold all of it.

**Click rate** is clicks on recommended items for each recommended item that was shown: ``list_click`` events that carry
a ``decision_id``, divided by the items of ``list_view`` events that carry one. A shop that reports no such views gets
the items of its answered decisions as the divisor, which is an upper bound of what was seen, so that the rate comes out
too low rather than too high; ``Rates.divisor`` says which of the two was taken.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np

from tailorbird.monitoring.metrics import total_ms
from tailorbird.types import Decision, Event, FloatArray

WINDOW_SECONDS: Final = 900
COUNTS: Final = (
    "decisions", "degraded", "events", "duplicates", "rejected", "errors",
    "items_decided", "items_viewed", "clicks", "purchases",
)  # fmt: skip
_NEWEST_KEPT: Final = 200
_TIMINGS_KEPT: Final = 4_096


class Rates(NamedTuple):
    """Clicks per recommended item shown; ``rate`` is None while nothing was shown. ``divisor``: viewed or decided."""

    clicks: int
    shown: int
    rate: float | None
    divisor: str


class Recent:
    """What this process did in the last fifteen minutes; a Litestar handler gets it as a parameter named ``recent``.

    Belongs to the event loop's thread, like the engine.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self.decisions: deque[Decision] = deque(maxlen=_NEWEST_KEPT)
        self.events: deque[Event] = deque(maxlen=_NEWEST_KEPT)
        self._clock = clock
        self._started = int(clock())
        self._second = np.full(WINDOW_SECONDS, -1, np.int64)
        self._counts = np.zeros((WINDOW_SECONDS, len(COUNTS)), np.int64)
        self._timings: dict[str, deque[tuple[float, float]]] = {}

    # ---- what is told to it -----------------------------------------------------------------------------------

    def decided(self, decision: Decision) -> None:
        """One slate was answered."""
        self.decisions.append(decision)
        self.count(decisions=1, degraded=int(decision.degraded is not None), items_decided=len(decision.items))
        now = self._clock()
        for stage, ms in decision.timings_ms.items():
            self._keep_timing(stage, now, ms)
        if "total" not in decision.timings_ms:
            self._keep_timing("total", now, total_ms(decision.timings_ms))

    def accepted(self, event: Event) -> None:
        """One event became durable."""
        self.events.append(event)
        recommended = event.decision_id is not None
        self.count(
            events=1,
            items_viewed=len(event.lines) if recommended and event.type == "list_view" else 0,
            clicks=int(recommended and event.type == "list_click"),
            purchases=int(event.type == "purchase"),
        )

    def count(self, **more: int) -> None:
        """Add to the counts of this second; names as in `COUNTS`."""
        row = self._row()
        for name, n in more.items():
            if n:
                row[_PLACE[name]] += n

    # ---- what it answers --------------------------------------------------------------------------------------

    def total(self, name: str, *, seconds: int = WINDOW_SECONDS) -> int:
        """How many of ``name`` in the last ``seconds``, the running second included."""
        now = int(self._clock())
        rows = self._second > now - min(seconds, WINDOW_SECONDS)
        return int(self._counts[rows, _PLACE[name]].sum())

    def per_second(self, name: str, *, seconds: int = 60) -> float:
        """Mean per second over the last whole ``seconds``, or over the time since the start if that is shorter."""
        now = int(self._clock())
        rows = (self._second >= now - seconds) & (self._second < now)
        return float(self._counts[rows, _PLACE[name]].sum()) / max(min(seconds, now - self._started), 1)

    def series(self, name: str, *, seconds: int = WINDOW_SECONDS, step: int = 10) -> tuple[FloatArray, FloatArray]:
        """Times (start of each step, epoch seconds) and counts per step, oldest first; shape (seconds // step,)."""
        end = (int(self._clock()) // step + 1) * step
        n_steps = min(seconds, WINDOW_SECONDS) // step
        start = end - n_steps * step
        counts = np.zeros(n_steps)
        rows = self._second >= start
        np.add.at(counts, (self._second[rows] - start) // step, self._counts[rows, _PLACE[name]])
        return start + step * np.arange(n_steps, dtype=np.float64), counts

    def click_rate(self, *, seconds: int = WINDOW_SECONDS) -> Rates:
        """Clicks per recommended item shown; see the module for its definition."""
        clicks, viewed = self.total("clicks", seconds=seconds), self.total("items_viewed", seconds=seconds)
        shown = viewed or self.total("items_decided", seconds=seconds)
        divisor = "viewed" if viewed else "decided"
        return Rates(clicks, shown, clicks / shown if shown else None, divisor)

    def latency_ms(self, *, seconds: int = WINDOW_SECONDS) -> Mapping[str, Mapping[str, float]]:
        """``{stage: {"p50", "p95", "p99", "n"}}`` of the last ``seconds`` (at most 4,096 decisions), ``total`` last."""
        since = self._clock() - seconds
        found = {}
        for stage in sorted(self._timings, key=lambda name: name == "total"):
            ms = np.array([value for at, value in self._timings[stage] if at >= since])
            if len(ms):
                p50, p95, p99 = np.percentile(ms, (50, 95, 99)).tolist()
                found[stage] = {"p50": p50, "p95": p95, "p99": p99, "n": float(len(ms))}
        return found

    def _row(self) -> Any:
        now = int(self._clock())
        place = now % WINDOW_SECONDS
        if self._second[place] != now:
            self._second[place] = now
            self._counts[place] = 0
        return self._counts[place]

    def _keep_timing(self, stage: str, at: float, ms: float) -> None:
        self._timings.setdefault(stage, deque(maxlen=_TIMINGS_KEPT)).append((at, ms))


_PLACE: Final = {name: n for n, name in enumerate(COUNTS)}
