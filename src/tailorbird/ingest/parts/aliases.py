"""Which item of the shop a source's own id means: by a table of both ids, or by an attribute that both know.

What was found is kept in the log (kind ``alias``), so that the source's next rows, and events that name the item by
that id, reach the shop's item. An id under which the shop itself describes an item always means that item.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from tailorbird.catalogue import Alias
from tailorbird.config import CatalogueConfig
from tailorbird.errors import BadInput, BrokenLine, UnknownColumn
from tailorbird.ingest.fields import read_id, read_text, shown
from tailorbird.ingest.parts.part import key_of
from tailorbird.ingest.parts.precedence import check_source
from tailorbird.ingest.tables import open_table
from tailorbird.protocols import Log
from tailorbird.types import Entry, Item

KIND: Final = "alias"
_COLUMNS: Final = ("theirs", "ours")
_NUMBERED: Final = frozenset({"gtin", "ean", "upc", "isbn", "gtin8", "gtin12", "gtin13", "gtin14"})
"""Attributes of digits, which some systems fill up with zeros on the left."""

_CHUNK: Final = 5_000
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


def read_pairs(path: Path) -> Iterator[tuple[int, str, str]]:
    """The lines of a table with the columns ``theirs`` and ``ours``; a line with both cells empty is left out.

    Raises:
        UnknownColumn: it lacks one of the two.
        BadInput: a cell is missing, or the file cannot be read.
    """
    table = open_table(path)
    missing = [name for name in _COLUMNS if name not in table.columns]
    if missing:
        raise UnknownColumn(
            f"{path.name} has no column {' and no column '.join(map(repr, missing))}; it has {len(table.columns)}: "
            f"{', '.join(table.columns[:8])}.",
            hint="Two columns are needed, with the header theirs,ours.",
        )
    for line, row in table.rows():
        if isinstance(row, BrokenLine):
            raise BrokenLine(f"{path.name}, line {line}: {row.message}", hint=row.hint)
        theirs, ours = (read_text(name, row[name]) if row.get(name) is not None else None for name in _COLUMNS)
        if (theirs is None) != (ours is None):
            raise BadInput(f"{path.name}, line {line} has one cell where theirs and ours are needed.", hint="Mend it.")
        if theirs is not None and ours is not None:
            yield line, theirs.strip(), ours.strip()


def read_ids(path: Path) -> dict[str, str]:
    """Their id -> our id.

    Raises:
        UnknownColumn: a column is missing.
        BadInput: an id stands for two others, or is too long.
    """
    found: dict[str, str] = {}
    first: dict[str, str] = {}
    for line, theirs, ours in read_pairs(path):
        read_id("theirs", theirs)
        read_id("ours", ours)
        if found.setdefault(theirs, ours) != ours:
            raise _twice(path, line, "theirs", theirs, (found[theirs], ours))
        if first.setdefault(ours, theirs) != theirs:
            raise _twice(path, line, "ours", ours, (first[ours], theirs))
    return found


def _twice(path: Path, line: int, column: str, name: str, both: tuple[str, str]) -> BadInput:
    return BadInput(
        f"{path.name}, line {line}: {column} {shown(name)} stands beside {shown(both[0])} and beside {shown(both[1])}.",
        hint="Each id has one counterpart.",
    )


def known_aliases(log: Log, source: str, theirs: Iterable[str] | None = None) -> dict[str, str]:
    """Their id -> our id, as the log has it: for all of a source's ids, or for some."""
    keys = None if theirs is None else [key_of(source, one) for one in theirs]
    aliases = (msgspec.json.decode(body, type=Alias) for body in log.newest(KIND, keys))
    return {alias.alias: alias.item_id for alias in aliases if alias.source == source}


def meant(
    log: Log, config: CatalogueConfig, item_id: str, source: str | None = None, *, withdrawn: bool = False
) -> str:
    """The shop's id of an item that may be called by a source's: by that of ``source``, if one is given.

    Without one, an item that goes by this id comes first; one that was withdrawn only if so asked. An id that nobody
    knows, or that two sources give to different items, stays as it is.

    Raises:
        UnknownSource: the settings name none of this name.
    """
    sources = config.sources if source is None else (check_source(source, config),)
    body = log.current("item", item_id) if source is None else None
    if body is not None and (withdrawn or not msgspec.json.decode(body, type=Item).withdrawn):
        return item_id
    found = {ours for one in sources for ours in known_aliases(log, one, [item_id]).values()}
    return found.pop() if len(found) == 1 else item_id


def entry_of_alias(source: str, theirs: str, ours: str, *, at: float) -> Entry:
    """The log entry that says so."""
    return Entry(KIND, key_of(source, theirs), at, _ENCODER.encode(Alias(source, theirs, ours)))


class Matches:
    """The shop's items by the value of one attribute, kept up to date by following the log."""

    def __init__(self, attribute: str) -> None:
        """No items yet."""
        self.attribute = attribute
        self._seq = 0
        self._value: dict[str, str] = {}
        self._items: dict[str, set[str]] = {}
        self._item = msgspec.json.Decoder(Item)

    def follow(self, log: Log) -> None:
        """Take in every item that is newer than the last one seen. Reads the log; call it off the request's thread."""
        if not self._seq:
            self._seq = log.last_seq()
            for body in log.newest("item"):
                self._take(self._item.decode(body))
        while records := log.read(self._seq, _CHUNK):
            for record in records:
                if record.kind == "item":
                    self._take(self._item.decode(record.body))
            self._seq = records[-1].seq

    def find(self, theirs: str, attributes: Mapping[str, Any]) -> str | None:
        """The one item with the same value; None where there is none, or several.

        ``theirs`` is the id of who asks: an item that came in under it does not stand in the way of another.
        """
        found = self._items.get(self._read(attributes), set()) - {theirs}
        return next(iter(found)) if len(found) == 1 else None

    def _take(self, item: Item) -> None:
        before = self._value.pop(item.item_id, "")
        if before:
            self._items[before].discard(item.item_id)
        value = "" if item.withdrawn else self._read(item.attributes)
        if value:
            self._value[item.item_id] = value
            self._items.setdefault(value, set()).add(item.item_id)

    def _read(self, attributes: Mapping[str, Any]) -> str:
        value = attributes.get(self.attribute)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return ""
        text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip().casefold()
        return text.lstrip("0") if self.attribute.casefold() in _NUMBERED else text
