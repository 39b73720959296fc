"""How many events the log took today, whichever way they came: over HTTP, by an import, through another process.

Counted in the log once a day, when somebody first asks, and then with the records that are followed.
"""

from collections.abc import Callable

from tailorbird.backends.sql.log import SqlLog
from tailorbird.types import DAY_SECONDS, Record


class Today:
    """The events of the day (UTC), as far as the log was followed."""

    def __init__(self, log: SqlLog, clock: Callable[[], float]) -> None:
        self._log, self._clock = log, clock
        self._day, self._n_events = -1.0, 0

    def n_events(self, followed_seq: int) -> int:
        """Since midnight, up to the record ``followed_seq``."""
        day = self._clock() // DAY_SECONDS
        if day != self._day:
            self._day = day
            self._n_events = self._log.count_since("event", day * DAY_SECONDS, until_seq=followed_seq)
        return self._n_events

    def count(self, record: Record) -> None:
        """One record more that was followed."""
        if record.kind == "event" and record.recorded_at // DAY_SECONDS == self._day:
            self._n_events += 1
