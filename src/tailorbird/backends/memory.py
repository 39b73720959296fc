"""The log in memory: for tests, trials and the simulator. Gone when the process ends."""

import time
from collections.abc import Callable, Collection, Sequence

from tailorbird.protocols import Verdict
from tailorbird.types import Entry, Record


class MemoryLog:
    """One shop's log as a list; keeps every promise of the protocol except being on a disk."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        """An empty log whose records arrive at the time ``clock`` tells."""
        self._records: list[Record] = []
        self._current: dict[tuple[str, str], bytes] = {}
        self._clock = clock

    def append(self, entries: Sequence[Entry]) -> Sequence[Verdict]:
        """Add these and say of each what became of it; see `Entry` for what counts as a duplicate."""
        now = self._clock()
        return [self._add(entry, now) for entry in entries]

    def read(self, after: int, limit: int) -> Sequence[Record]:
        """At most ``limit`` records with a higher number than ``after``, in order."""
        return self._records[max(after, 0) : max(after, 0) + limit]

    def last_seq(self) -> int:
        """The highest number given out; 0 for an empty log."""
        return len(self._records)

    def current(self, kind: str, key: str) -> bytes | None:
        """The newest body of that kind and key."""
        return self._current.get((kind, key))

    def newest(self, kind: str, keys: Collection[str] | None = None) -> list[bytes]:
        """The newest bodies of that kind, or of these keys of it."""
        if keys is not None:
            return [self._current[kind, key] for key in dict.fromkeys(keys) if (kind, key) in self._current]
        return [body for (of, _), body in self._current.items() if of == kind]

    def _add(self, entry: Entry, now: float) -> Verdict:
        known = self._current.get((entry.kind, entry.key))
        if known == entry.body:
            return Verdict.DUPLICATE
        if known is not None and entry.kind == "event":
            return Verdict.CONFLICT
        self._current[entry.kind, entry.key] = entry.body
        seq = len(self._records) + 1
        self._records.append(Record(seq, entry.kind, entry.key, entry.at, now, entry.body))
        return Verdict.ACCEPTED
