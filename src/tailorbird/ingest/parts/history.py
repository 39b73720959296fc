"""The versions of an item: from when to when each held, what was different from the one before, and who said so."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from tailorbird.ingest.parts.part import KIND, UNNAMED, Part, key_of
from tailorbird.types import Item, Record

_PART: Final = msgspec.json.Decoder(Part)
_ITEM: Final = msgspec.json.Decoder(Item)


class Change(msgspec.Struct, frozen=True):
    """A field, or ``attributes.NAME``, before and after; None where it was or is not known."""

    field: str
    before: Any
    after: Any


class Version(msgspec.Struct, frozen=True):
    """One version of an item. ``until`` is None for the one that holds.

    ``sources`` are those whose parts came since the version before; none, where the item came whole.
    """

    seq: int
    since: float
    until: float | None
    sources: tuple[str, ...]
    withdrawn: bool
    changes: tuple[Change, ...]


def names_of(item_id: str, sources: Sequence[str]) -> set[tuple[str, str]]:
    """The (kind, key) of an item and of all that may be said of it."""
    return {("item", item_id), *((KIND, key_of(source, item_id)) for source in (UNNAMED, *sources))}


def versions(records: Sequence[Record]) -> list[Version]:
    """Out of an item's records and its parts', in the log's order; the newest first."""
    found: list[Version] = []
    before: Item | None = None
    sources: dict[str, None] = {}
    for record in records:
        if record.kind == KIND:
            sources[_PART.decode(record.body).source] = None
            continue
        item = _ITEM.decode(record.body)
        changes = tuple(_changes(before, item))
        if before is not None and not changes:
            continue
        if found:
            found[-1] = msgspec.structs.replace(found[-1], until=record.at)
        said_by = tuple(source for source in sources if source != UNNAMED)
        found.append(Version(record.seq, record.at, None, said_by, item.withdrawn, changes))
        before, sources = item, {}
    return found[::-1]


def _changes(before: Item | None, after: Item) -> list[Change]:
    old, new = {} if before is None else _flat(before), _flat(after)
    names = dict.fromkeys((*old, *new))
    return [Change(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)]


def _flat(item: Item) -> dict[str, Any]:
    """The fields that are known, those of objects under dotted names."""
    flat: dict[str, Any] = {}
    for name, value in msgspec.to_builtins(item).items():
        if name == "attributes":
            flat |= {f"{name}.{inner}": one for inner, one in value.items()}
        elif name == "translations":
            flat |= {f"{name}.{locale}.{text}": one for locale, texts in value.items() for text, one in texts.items()}
        elif name != "item_id":
            flat[name] = value
    return flat
