"""The versions of an item: from when to when each held, what was different from the one before, and who said so."""

from collections.abc import Collection, Sequence
from typing import Any, Final, Literal, Protocol, TypeAlias

import msgspec

from tailorbird.errors import NotFound
from tailorbird.ingest.parts.joining import sources_of
from tailorbird.ingest.parts.part import KIND, UNNAMED, Part, item_of
from tailorbird.types import Item, Record

Cause: TypeAlias = Literal["source", "whole", "settings"]

_PART: Final = msgspec.json.Decoder(Part)
_ITEM: Final = msgspec.json.Decoder(Item)


class Change(msgspec.Struct, frozen=True):
    """A field, or ``attributes.NAME``, before and after; None where it was or is not known."""

    field: str
    before: Any
    after: Any


class Version(msgspec.Struct, frozen=True):
    """One version of an item. ``until`` is None for the one that holds.

    ``cause`` is source, where ``sources`` are those whose parts came with it, or hold again after the item had come
    whole; whole, where it came without a source; settings, where nobody said anything new, but the same parts come to
    another item now: by other sources or another precedence, or since an import was cut short or met another one.
    """

    seq: int
    since: float
    until: float | None
    cause: Cause
    sources: tuple[str, ...]
    withdrawn: bool
    changes: tuple[Change, ...]


class SearchableLog(Protocol):
    """A log in which records are found by their names."""

    def keys(self, kind: str, *, ending: str = "") -> list[str]:
        """The keys of all that has a newest version of this kind; those alone that end so."""

    def of_keys(self, names: Collection[tuple[str, str]]) -> list[Record]:
        """Every record of these (kind, key), in order."""


def look_up(log: SearchableLog, item_id: str) -> list[Version]:
    """An item's versions, the newest first. Looks through the whole log.

    Raises:
        NotFound: there is no such item.
    """
    # Also of sources that the settings name no more: what they said then was theirs.
    keys = [key for key in log.keys(KIND, ending=item_id) if item_of(key) == item_id]
    found = versions(log.of_keys({("item", item_id), *((KIND, key) for key in keys)}))
    if not found:
        raise NotFound(f"There is no item '{item_id[:256]}'.", hint="Ids are case-sensitive.")
    return found


def versions(records: Sequence[Record]) -> list[Version]:
    """Out of an item's records and its parts', in the log's order; the newest first."""
    found: list[Version] = []
    before: Item | None = None
    spoke: dict[str, float] = {}
    was_merged = False
    for record in records:
        if record.kind == KIND:
            spoke[_PART.decode(record.body).source] = record.recorded_at
            continue
        item, merged_from = _ITEM.decode(record.body), sources_of(record.body)
        whole_before, was_merged = not was_merged, merged_from is not None
        changes = tuple(_changes(before, item))
        if before is not None and not changes:
            continue
        if found:
            found[-1] = msgspec.structs.replace(found[-1], until=record.at)
        # A part and the item that it changes are one append, which arrives at one time.
        said_by = tuple(source for source, at in spoke.items() if at == record.recorded_at and source != UNNAMED)
        if not said_by and whole_before:
            said_by = tuple(merged_from or ())
        cause: Cause = "whole" if merged_from is None else "source" if said_by else "settings"
        found.append(Version(record.seq, record.at, None, cause, said_by, item.withdrawn, changes))
        before = item
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
