"""What an import writes, in small durable transactions, and the report of what became of every row."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from tailorbird.errors import BadInput, BrokenLine, ConflictingEvent, MissingField
from tailorbird.ingest.fields import shown
from tailorbird.protocols import Verdict
from tailorbird.types import Entry

BATCH_ENTRIES: Final = 1_000
"""Of one transaction."""

BATCH_BYTES: Final = 2**25
"""Of one transaction: records may be large."""

EXAMPLES: Final = 3
"""Rejected rows that are named for each reason."""

_PAUSE_SECONDS: Final = 0.001
_RARE: Final = ("skipped", "silent", "declined", "unmatched", "unmapped", "unknown_types")


@dataclass
class Reason:
    """Why rows were rejected, and where the first of them are; ``field`` is the one that they lack, if they lack one.

    ``message`` is about the first row, ``more`` about those that follow, without the remedy.
    """

    code: str
    count: int
    first_line: int
    message: str
    more: list[str] = field(default_factory=list)
    field: str = ""

    @property
    def examples(self) -> list[str]:
        """The first `EXAMPLES` rows, each with its place and what is wrong with it."""
        return [self.message, *self.more]

    def as_json(self) -> dict[str, Any]:
        """The public shape."""
        return {name: getattr(self, name) for name in ("code", "count", "first_line", "message", "more")}


@dataclass
class Report:
    """What became of every row: ``rows`` is the sum of the next three.

    ``skipped`` rows were left out because an option said so, ``silent`` messages say nothing to a shop, by their names,
    and ``declined`` are events of people who decline analytics. ``order_from`` is the time from which places in an
    order were counted, where the file had no times. ``unmatched`` items of a source were none of the shop's, and came
    in as new ones; ``unmapped`` are its category paths that its taxonomy does not have, and how many items have each.
    """

    rows: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    reasons: list[Reason] = field(default_factory=list)
    skipped: int = 0
    declined: int = 0
    silent: dict[str, int] = field(default_factory=dict)
    order_from: float | None = None
    unmatched: int = 0
    unmapped: dict[str, int] = field(default_factory=dict)
    unknown_types: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 when every row is in, 1 when some were rejected, 2 when there was no line that could be read."""
        n_broken = sum(reason.count for reason in self.reasons if reason.code == BrokenLine.code)
        return 2 if self.rows and n_broken == self.rows else min(1, self.rejected)

    def reject(self, error: BadInput | ConflictingEvent, line: int, where: str) -> None:
        """Count one row; of each code, and each field that is missing, the first are remembered with their lines."""
        self.rejected += 1
        missing = error.field if isinstance(error, MissingField) else ""
        for reason in self.reasons:
            if (reason.code, reason.field) == (error.code, missing):
                reason.count += 1
                if len(reason.examples) < EXAMPLES:
                    reason.more.append(f"{where}: {error.message}")
                return
        self.reasons.append(Reason(error.code, 1, line, f"{where}: {error}", field=missing))

    def note_declined(self) -> None:
        """Say how many events were not kept, if any."""
        if self.declined:
            self.notes.append(f"{self.declined:,} events were not kept: whoever did them declines analytics.")

    def as_json(self) -> dict[str, Any]:
        """The public shape."""
        counts = {name: getattr(self, name) for name in ("rows", "accepted", "duplicates", "rejected")}
        rare = {name: value for name in _RARE if (value := getattr(self, name))}
        return {**counts, **rare, "reasons": [reason.as_json() for reason in self.reasons]}


class Appends(Protocol):
    """A log, or what stands before one."""

    def append(self, entries: Sequence[Entry]) -> Sequence[Verdict]:
        """Durably add these, all or nothing, and say of each what became of it."""


class Writer:
    """Gathers entries into transactions, and counts what became of each row: accepted, if anything of it was new.

    With ``resent``, a name that came before with other content is a duplicate; without, it is refused as a conflict.
    """

    def __init__(self, log: Appends, report: Report, *, resent: bool = False) -> None:
        self._log, self._report, self._resent = log, report, resent
        self._entries: list[Entry] = []
        self._n_bytes = 0
        self._rows: list[tuple[int, int, str]] = []

    def add(self, entries: Sequence[Entry], line: int, where: str) -> None:
        """The entries of one more row, and where it stands."""
        self._entries += entries
        self._rows.append((len(entries), line, where))
        self._n_bytes += sum(len(entry.body) for entry in entries)
        if len(self._entries) >= BATCH_ENTRIES or self._n_bytes > BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Append what was gathered, and count it."""
        verdicts = self._log.append(self._entries)
        start = 0
        for n, line, where in self._rows:
            of_row = verdicts[start : start + n]
            if Verdict.ACCEPTED in of_row:
                self._report.accepted += 1
            elif Verdict.CONFLICT in of_row and not self._resent:
                self._report.reject(_conflict(self._entries[start].key), line, f"{where}, line {line}")
            else:
                self._report.duplicates += 1
            start += n
        self._entries.clear()
        self._n_bytes = 0
        self._rows.clear()
        # Whoever waits for the disk, a server above all, gets its turn between two transactions.
        time.sleep(_PAUSE_SECONDS)


def _conflict(key: str) -> ConflictingEvent:
    return ConflictingEvent(
        f"The event_id {shown(key)} came before with other content.", hint="The first one stays; give this one its own."
    )
