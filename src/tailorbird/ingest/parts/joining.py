"""A log to which parts are appended: in the same transaction it writes the item that they come to.

So whoever follows the log sees whole items only. Two processes may speak of one item at once, and neither sees what the
other is about to append. Whoever appends therefore reads again afterwards, and appends what the parts come to now if
that is no longer what stands: the last one to append is the one that sees everything.

An item that was merged says from which sources (``sources`` in its body, which is no field of an item). One that does
not came without a source: it is the shop's own word from before there were sources, and is kept as a part of its own.

Settings of the sources that have changed reach an item when a source speaks of it again, or by `Joined.merge`.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from tailorbird.config import CatalogueConfig
from tailorbird.errors import BadInput
from tailorbird.ingest.parts.part import KIND, UNNAMED, Part, entry_of_part, key_of, part_of_item
from tailorbird.ingest.parts.precedence import Precedence
from tailorbird.protocols import Log, Verdict
from tailorbird.types import Entry, Item

_ROUNDS: Final = 8
"""So often an item is looked at again; processes with different settings would go on for ever."""

_MERGED: Final = 500
"""Items that are merged anew in one transaction, between pauses in which others get the disk."""

_PAUSE_SECONDS: Final = 0.001

_NONE: Final[Mapping[str, Part]] = {}
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_PART: Final = msgspec.json.Decoder(Part)
_ITEM: Final = msgspec.json.Decoder(Item)


class _Marks(msgspec.Struct):
    """What tells a merged item's body from one that came whole."""

    item_id: str
    sources: list[str] | None = None
    withdrawn: bool = False


_MARKS: Final = msgspec.json.Decoder(_Marks)


class Merged(msgspec.Struct):
    """How many items were looked at, how many are others than before, and how many of those were withdrawn."""

    items: int = 0
    changed: int = 0
    withdrawn: int = 0


def sources_of(body: bytes) -> list[str] | None:
    """The sources that an item was merged from; None where it came whole."""
    return _MARKS.decode(body).sources


class Joined:
    """Appends to a log, merging the parts of items on the way."""

    def __init__(self, log: Log, config: CatalogueConfig) -> None:
        """``config`` names the sources and their precedence."""
        self._log = log
        self._precedence = Precedence(config)
        self.has_sources = bool(config.sources)

    def append(self, entries: Sequence[Entry]) -> Sequence[Verdict]:
        """Durably add these, and what their items come to. A part is accepted if it, or what comes of it, is new."""
        parts = {part.key: part for part in (_PART.decode(one.body) for one in entries if one.kind == KIND)}
        if not parts:
            return self._log.append(entries)
        known = self._parts({part.item_id for part in parts.values()})
        # To take back what was never said is nothing.
        void = {key for key, part in parts.items() if part.withdrawn and part.source not in known.get(part.item_id, {})}
        kept = [one for one in entries if one.kind != KIND or one.key not in void]
        at = {parts[one.key].item_id: one.at for one in kept if one.kind == KIND}
        merged = list(self._changes(at, known, self._bodies(at), parts))
        given = iter(self._log.append([*kept, *merged]))
        verdicts = [Verdict.DUPLICATE if one.kind == KIND and one.key in void else next(given) for one in entries]
        self._settle(at)
        changed = {one.key for one in merged if one.kind == "item"}
        return [
            Verdict.ACCEPTED if one.kind == KIND and parts[one.key].item_id in changed else verdict
            for one, verdict in zip(entries, verdicts, strict=True)
        ]

    def merge(
        self, item_ids: Sequence[str], *, at: float, progress: Callable[[int], None] = lambda _done: None
    ) -> Merged:
        """Append what these items come to by today's settings, where that is another item; see `stale`.

        ``progress`` hears how many are done. Ended early it may begin anew, and beside it anybody may append.

        Raises:
            BadInput: the settings name no sources, so that nobody would say anything of these items any more.
        """
        if not self.has_sources:
            raise BadInput(
                "The shop names no sources.",
                hint='Name them in tailorbird.toml: [catalogue] sources = ["erp", "pim"], the most trusted first.',
            )
        merged = Merged(items=len(item_ids))
        for start in range(0, len(item_ids), _MERGED):
            some, changed = item_ids[start : start + _MERGED], dict[str, bool]()
            for _ in range(_ROUNDS):
                later = self.stale(some, at=at)
                if not later:
                    break
                self._log.append(later)
                changed |= {entry.key: _MARKS.decode(entry.body).withdrawn for entry in later}
                time.sleep(_PAUSE_SECONDS)
            merged.changed += len(changed)
            merged.withdrawn += sum(changed.values())
            progress(start + len(some))
        return merged

    def stale(self, item_ids: Collection[str], *, at: float = 0.0) -> list[Entry]:
        """What to append so that these items are what their parts come to by today's settings.

        An item that came whole is nobody's to merge until a source speaks of it. Where only the order of the sources
        is another, so that every field stays, nothing is appended.
        """
        parts, bodies = self._parts(item_ids), self._bodies(item_ids)
        mixed = {item_id: body for item_id, body in bodies.items() if sources_of(body) is not None}
        later = self._changes(dict.fromkeys(mixed, at), parts, mixed)
        return [one for one in later if _ITEM.decode(one.body) != _ITEM.decode(mixed[one.key])]

    def _settle(self, at: Mapping[str, float]) -> None:
        """Append until these items are what their parts come to: another process may have spoken meanwhile."""
        for _ in range(_ROUNDS):
            later = list(self._changes(at, self._parts(at), self._bodies(at)))
            if not later:
                return
            self._log.append(later)

    def _changes(
        self,
        at: Mapping[str, float],
        parts: Mapping[str, Mapping[str, Part]],
        bodies: Mapping[str, bytes],
        fresh: Mapping[str, Part] = _NONE,
    ) -> Iterator[Entry]:
        """What to append so that items are what their ``parts`` come to; ``fresh`` ones are not in the log yet."""
        for item_id, when in at.items():
            known, body = parts.get(item_id, {}), bodies.get(item_id)
            unnamed = self._unnamed(body, known)
            if unnamed is not None:
                if _ENCODER.encode(unnamed) != _ENCODER.encode(known.get(UNNAMED)):
                    yield entry_of_part(unnamed, at=when)
                known = {**known, UNNAMED: unnamed}
            told = {source: fresh.get(key_of(source, item_id)) for source in self._precedence.sources}
            known = {**known, **{source: part for source, part in told.items() if part is not None}}
            if (item := self._item(item_id, known, body)) is not None and item != body:
                yield Entry("item", item_id, when, item)

    def _bodies(self, item_ids: Iterable[str]) -> dict[str, bytes]:
        """The items as they stand.

        Read after their parts: what is unmerged here had no part when those were read, or one of no source.
        """
        return {_MARKS.decode(body).item_id: body for body in self._log.newest("item", list(item_ids))}

    def _parts(self, item_ids: Iterable[str]) -> dict[str, dict[str, Part]]:
        """What is known of each item, by source."""
        keys = [key_of(source, item_id) for item_id in item_ids for source in self._precedence.sources]
        found: dict[str, dict[str, Part]] = {}
        for part in map(_PART.decode, self._log.newest(KIND, keys)):
            found.setdefault(part.item_id, {})[part.source] = part
        return found

    def _unnamed(self, body: bytes | None, known: Mapping[str, Part]) -> Part | None:
        """What came without a source, if it is still the shop's word; None where sources alone speak."""
        if body is None or sources_of(body) is not None or (known and UNNAMED not in known):
            return None
        return part_of_item(_ITEM.decode(body))

    def _item(self, item_id: str, known: Mapping[str, Part], body: bytes | None) -> bytes | None:
        """The body of the merged item; None where nothing has to be said."""
        item = self._precedence.merge(item_id, known.values())
        if item is None:
            if body is None or _MARKS.decode(body).withdrawn:
                return None
            item = msgspec.structs.replace(_ITEM.decode(body), withdrawn=True)
        named = [source for source in self._precedence.sources if source in known and source != UNNAMED]
        marked: dict[str, Any] = {"sources": [source for source in named if not known[source].withdrawn]}
        return _ENCODER.encode({**msgspec.to_builtins(item), **marked})
