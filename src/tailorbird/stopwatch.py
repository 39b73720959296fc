"""Milliseconds per stage of one request, and what happens to a stage that fails or would come too late."""

import time
from collections.abc import Callable
from typing import TypeVar

import structlog

from tailorbird.errors import TailorbirdError

T = TypeVar("T")


class Stopwatch:
    """Milliseconds per stage, and whether there is time for another one."""

    def __init__(self, budget_ms: float, tick: Callable[[], float] = time.perf_counter) -> None:
        self.spent: dict[str, float] = {}
        self.degraded: list[str] = []
        self._budget, self._tick = budget_ms, tick
        self._start = self._last = tick()

    def stage(self, name: str) -> None:
        """Close the stage that ends here."""
        now = self._tick()
        self.spent[name] = self.spent.get(name, 0.0) + (now - self._last) * 1000
        self._last = now

    @property
    def late(self) -> bool:
        """Whether the budget is used up."""
        return (self._tick() - self._start) * 1000 > self._budget

    def attempt(self, what: str, work: Callable[[], T], otherwise: T) -> T:
        """The work's result, or ``otherwise`` when there is no time or it fails; the decision will say which."""
        if self.late:
            self.degraded.append(f"{what}: left out, over budget")
            return otherwise
        try:
            return work()
        except TailorbirdError:
            raise
        except Exception:  # noqa: BLE001  # a stage's edge, see below
            # The edge of a stage: whatever a model does wrong, the shopper still gets a slate and the log the cause.
            structlog.get_logger("tailorbird.decide").exception("a stage failed", stage=what)
            self.degraded.append(f"{what}: failed")
            return otherwise
