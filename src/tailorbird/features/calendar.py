"""How much happened on each day, as the log tells it: for whoever looks after the shop, and no feature of a slate.

Counted while the log is followed, so that years of imported history cost nothing when somebody looks.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from tailorbird.types import DAY_SECONDS, Event

_ORDER: Final = "purchase"


class Day(NamedTuple):
    """One day (UTC) that begins at ``at``: events, and the orders among them."""

    at: float
    events: int
    orders: int


class Calendar:
    """Every day on which something happened. ``first_at`` and ``last_at`` are None while nothing did."""

    def __init__(self) -> None:
        self.events = self.orders = 0
        self.first_at: float | None = None
        self.last_at: float | None = None
        self._events: dict[int, int] = {}
        self._orders: dict[int, int] = {}

    def take(self, event: Event) -> None:
        """Count one event on the day on which it happened."""
        at, day = event.at, int(event.at // DAY_SECONDS)
        self.events += 1
        self._events[day] = self._events.get(day, 0) + 1
        if event.type == _ORDER:
            self.orders += 1
            self._orders[day] = self._orders.get(day, 0) + 1
        if self.first_at is None or at < self.first_at:
            self.first_at = at
        if self.last_at is None or at > self.last_at:
            self.last_at = at

    def last(self, n: int) -> Sequence[Day]:
        """The last ``n`` days up to the newest one on which something happened, the oldest first, quiet ones too."""
        if self.first_at is None or self.last_at is None:
            return []
        newest = int(self.last_at // DAY_SECONDS)
        oldest = max(newest - n + 1, int(self.first_at // DAY_SECONDS))
        return [
            Day(day * DAY_SECONDS, self._events.get(day, 0), self._orders.get(day, 0))
            for day in range(oldest, newest + 1)
        ]
