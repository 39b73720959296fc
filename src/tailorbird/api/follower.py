"""Following the log on the event loop's thread, in slices, so that the engine needs no locks.

A slice holds the loop for two milliseconds, then everybody else gets a turn: a bulk import that another process writes
costs a slate two milliseconds, not the import's length. Where everybody else takes longer than that, because more
arrives than can be served, a slice takes as long as they did: the engine then falls behind no faster than the answers
do. An append in this process wakes it at once; what other processes append is seen within a twentieth of a second.
"""

import asyncio
import heapq
import time
from collections.abc import Callable
from itertools import count
from typing import Final, Protocol

import structlog

SLICE_MS: Final = 2.0
MOST_SLICE_MS: Final = 20.0
POLL_SECONDS: Final = 0.05
_AFTER_FAILURE_SECONDS: Final = 1.0
_LAG_EVERY_SECONDS: Final = 1.0


class Following(Protocol):
    """What can be followed: an `App`, as far as this module needs it."""

    def follow(self, budget_ms: float = ...) -> int:
        """Apply what is new for at most so long; how many records that were."""


class Follower:
    """The task that keeps the engine at the log's end. ``failing`` says why it does not, while it does not."""

    def __init__(
        self,
        app: Following,
        seq: Callable[[], int],
        last_seq: Callable[[], int],
        *,
        on_slice: Callable[[int, int, int], None] = lambda _applied, _seq, _lag: None,
    ) -> None:
        self.failing: str | None = None
        self.lag = 0
        self.caught_up = False
        self._app, self._seq, self._last_seq, self._on_slice = app, seq, last_seq, on_slice
        self._wake = asyncio.Event()
        self._waiting: list[tuple[int, int, asyncio.Future[bool]]] = []
        self._tickets = count()
        self._lag_known_at = -1.0

    async def run(self) -> None:
        """Follow until cancelled."""
        budget = SLICE_MS
        while True:
            self._wake.clear()
            start = time.perf_counter()
            try:
                applied = self._app.follow(budget)
            except Exception:  # noqa: BLE001  # the edge of a task: without it no slate would ever change again
                self._fail()
                await asyncio.sleep(_AFTER_FAILURE_SECONDS)
                continue
            self.failing = None
            # A slice ends at the log's end or at its time, whichever comes first.
            end = time.perf_counter()
            at_end = (end - start) * 1000 < budget
            self._note(applied, at_end=at_end)
            self._resolve()
            if not at_end:
                await asyncio.sleep(0)
                budget = min(max(SLICE_MS, (time.perf_counter() - end) * 1000), MOST_SLICE_MS)
                continue
            budget = SLICE_MS
            try:
                await asyncio.wait_for(self._wake.wait(), POLL_SECONDS)
            except TimeoutError:
                continue

    def wake(self) -> None:
        """There is something new in the log."""
        self._wake.set()

    async def reached(self, seq: int, *, seconds: float) -> bool:
        """Wait until the engine has applied record ``seq``, but not for longer than ``seconds``; whether it has."""
        if self._seq() >= seq:
            return True
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (seq, next(self._tickets), done))
        self.wake()
        try:
            return await asyncio.wait_for(done, seconds)
        except TimeoutError:
            return False

    def _resolve(self) -> None:
        reached = self._seq()
        while self._waiting and self._waiting[0][0] <= reached:
            done = heapq.heappop(self._waiting)[2]
            if not done.done():
                done.set_result(True)

    def _note(self, applied: int, *, at_end: bool) -> None:
        now = time.monotonic()
        if at_end:
            self.lag, self.caught_up = 0, True
        elif now - self._lag_known_at >= _LAG_EVERY_SECONDS:
            self.lag, self._lag_known_at = max(self._last_seq() - self._seq(), 0), now
        self._on_slice(applied, self._seq(), self.lag)

    def _fail(self) -> None:
        if self.failing is None:
            structlog.get_logger("tailorbird.api").exception("the log cannot be followed", seq=self._seq())
        self.failing = f"The log cannot be followed past record {self._seq()}."
