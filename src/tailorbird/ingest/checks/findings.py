"""What a check says: a sentence with a figure, what it costs, what mends it, and the rows to begin with."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, Literal, TypeAlias

Level: TypeAlias = Literal["problem", "warning", "note"]

LEVELS: Final[tuple[Level, ...]] = ("problem", "warning", "note")
"""The worst first."""

EXAMPLES: Final = 5
"""Rows that are named for each fault."""


@dataclass(frozen=True, slots=True)
class Example:
    """A row to look at: the number of a record in the log (0 for a row that never came in), its id, what to see there.

    ``kind`` is item where the id is an item's, which it is from the start; else it is that of the record, whose id is
    looked up when the log has been read. It stays empty for records of people, and where it looks like an e-mail
    address or a phone number.
    """

    seq: int
    id: str = ""
    note: str = ""
    kind: str = "item"

    def __str__(self) -> str:
        """As a person reads it."""
        place = " ".join(part for part in (self.id, f"#{self.seq}" if self.seq else "") if part)
        return f"{place} ({self.note})" if place and self.note else place or self.note


@dataclass(slots=True)
class Rows:
    """How many rows have a fault, and the first of them."""

    count: int = 0
    first: list[Example] = field(default_factory=list)

    def add(self, seq: int, name: str = "", note: str = "") -> None:
        """One more."""
        self.count += 1
        if len(self.first) < EXAMPLES:
            self.first.append(Example(seq, name, note))


@dataclass(frozen=True)
class Finding:
    """Something to know about the data.

    A problem makes the shop not ready; a warning makes its slates worse; a note explains, and may be as it should be.
    ``message`` has the figure, ``cost`` says which models or surfaces suffer and how, ``hint`` what mends it.
    """

    level: Level
    code: str
    message: str
    cost: str
    hint: str
    examples: Sequence[Example] = ()


def problem(code: str, message: str, *, cost: str, hint: str, rows: Iterable[Example] = ()) -> Finding:
    """A fault that makes the shop not ready."""
    return Finding("problem", code, message, cost, hint, tuple(islice(rows, EXAMPLES)))


def warning(code: str, message: str, *, cost: str, hint: str, rows: Iterable[Example] = ()) -> Finding:
    """A fault that makes slates worse."""
    return Finding("warning", code, message, cost, hint, tuple(islice(rows, EXAMPLES)))


def note(code: str, message: str, *, cost: str, hint: str, rows: Iterable[Example] = ()) -> Finding:
    """Something that may be as it should be."""
    return Finding("note", code, message, cost, hint, tuple(islice(rows, EXAMPLES)))


def percent(n: int, of: int) -> str:
    """A share in words that never round something to nothing.

    >>> percent(1, 4), percent(2, 541_909)
    ('25.0%', 'under 0.1%')
    """
    share = n / of if of else 0.0
    return "under 0.1%" if 0 < share < 0.0005 else f"{share:.1%}"


def counted(n: int, one: str, many: str = "") -> str:
    """A number with its noun.

    >>> counted(1, "item"), counted(2_000, "item"), counted(2, "is", "are")
    ('1 item', '2,000 items', '2 are')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def listed(values: Iterable[Any], most: int = 3) -> str:
    """The first few, with commas.

    >>> listed(["a", "b", "c", "d"])
    'a, b, c and 1 more'
    """
    names = [str(value) for value in values]
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
