"""One version of an item or user out of the several rows that a file has about it.

Catalogues are often cut out of order files, where an item comes once per order line, each time with the price and the
spelling of that day. Were every row a version, importing the file again would write them all again. So the ids that
come more than once are found in a first pass; in the second their rows are folded into one.
"""

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import msgspec

Rule: TypeAlias = Literal["last", "most-frequent"]


class Repeats:
    """Which ids come more than once, and what their rows come to."""

    def __init__(self, rule: Rule) -> None:
        """``last``: a field's last known value stands. ``most-frequent``: its most frequent one, the later if tied."""
        self._rule = rule
        self._once: set[int] = set()
        self._again: set[int] = set()
        self._folded: dict[str, _Fold] = {}
        self.n_rows = 0

    def see(self, key: str) -> None:
        """First pass: the id of one row."""
        # The hash is enough: a wrong match only sends a row through the fold.
        code = hash(key)
        (self._again if code in self._once else self._once).add(code)

    def __contains__(self, key: str) -> bool:
        return hash(key) in self._again

    def fold(self, key: str, raw: dict[str, Any], line: int, where: str) -> bool:
        """Second pass: take one row of a repeated id; whether it is the first of that id."""
        self.n_rows += 1
        fold = self._folded.get(key)
        is_first = fold is None
        if fold is None:
            fold = self._folded[key] = _Fold()
        fold.line, fold.where = line, where
        if self._rule == "last":
            fold.fields.update(raw)
        else:
            for name, value in raw.items():
                counts = fold.counts.setdefault(name, {})
                encoded = msgspec.json.encode(value, order="deterministic")
                counts[encoded] = (counts.get(encoded, (0, 0))[0] + 1, self.n_rows)
        return is_first

    def resolved(self) -> Iterator[tuple[dict[str, Any], int, str]]:
        """The one row of each repeated id, with the place of its last row."""
        for fold in self._folded.values():
            for name, counts in fold.counts.items():
                _, value = max((count, value) for value, count in counts.items())
                fold.fields[name] = msgspec.json.decode(value)
            yield fold.fields, fold.line, fold.where

    def note(self, kind: str) -> str | None:
        """What happened, for the report."""
        if not self._folded:
            return None
        which = "last known" if self._rule == "last" else "most frequent"
        other = " --repeats most-frequent takes the most frequent instead." if self._rule == "last" else ""
        return (
            f"{len(self._folded):,} {kind} came in {self.n_rows:,} rows; of each field the {which} value stands.{other}"
        )


class _Fold:
    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self.counts: dict[str, dict[bytes, tuple[int, int]]] = {}
        self.line = 0
        self.where = ""
