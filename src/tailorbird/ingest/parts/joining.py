"""A log to which parts are appended: in the same transaction it writes the item that they come to.

So whoever follows the log sees whole items only. Two processes may speak of one item at once, and neither sees what the
other is about to append. Whoever appends therefore reads again afterwards, and appends what the parts come to now if
that is no longer what stands: the last one to append is the one that sees everything.

An item that was merged says from which sources (``sources`` in its body, which is no field of an item). One that does
not came without a source: it is the shop's own word from before there were sources, and is kept as a part of its own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from tailorbird.config import CatalogueConfig
from tailorbird.ingest.parts.part import KIND, UNNAMED, Part, entry_of_part, key_of, part_of_item
from tailorbird.ingest.parts.precedence import Precedence
from tailorbird.protocols import Log, Verdict
from tailorbird.types import Entry, Item

_ROUNDS: Final = 8
"""So often an item is looked at again; processes with different settings would go on for ever."""

_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_PART: Final = msgspec.json.Decoder(Part)
_ITEM: Final = msgspec.json.Decoder(Item)


class _Marks(msgspec.Struct):
    """What tells a merged item's body from one that came whole."""

    item_id: str
    sources: list[str] | None = None
    withdrawn: bool = False


_MARKS: Final = msgspec.json.Decoder(_Marks)


class Joined:
    """Appends to a log, merging the parts of items on the way."""

    def __init__(self, log: Log, config: CatalogueConfig) -> None:
        """``config`` names the sources and their precedence."""
        self._log = log
        self._precedence = Precedence(config)

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
        merged = list(self._changes(at, known, parts))
        given = iter(self._log.append([*kept, *merged]))
        verdicts = [Verdict.DUPLICATE if one.kind == KIND and one.key in void else next(given) for one in entries]
        self._settle(at)
        changed = {one.key for one in merged if one.kind == "item"}
        return [
            Verdict.ACCEPTED if one.kind == KIND and parts[one.key].item_id in changed else verdict
            for one, verdict in zip(entries, verdicts, strict=True)
        ]

    def _settle(self, at: Mapping[str, float]) -> None:
        """Append until these items are what their parts come to: another process may have spoken meanwhile."""
        for _ in range(_ROUNDS):
            later = list(self._changes(at, self._parts(at), {}))
            if not later:
                return
            self._log.append(later)

    def _changes(
        self, at: Mapping[str, float], parts: Mapping[str, Mapping[str, Part]], fresh: Mapping[str, Part]
    ) -> Iterator[Entry]:
        """What to append so that items are what their ``parts`` come to; ``fresh`` ones are not in the log yet."""
        # Read after the parts: what is unmerged here had no part when they were read, or one of no source.
        current = {_MARKS.decode(body).item_id: body for body in self._log.newest("item", list(at))}
        for item_id, when in at.items():
            known, body = parts.get(item_id, {}), current.get(item_id)
            unnamed = self._unnamed(body, known)
            if unnamed is not None:
                if _ENCODER.encode(unnamed) != _ENCODER.encode(known.get(UNNAMED)):
                    yield entry_of_part(unnamed, at=when)
                known = {**known, UNNAMED: unnamed}
            told = {source: fresh.get(key_of(source, item_id)) for source in self._precedence.sources}
            known = {**known, **{source: part for source, part in told.items() if part is not None}}
            if (item := self._item(item_id, known, body)) is not None and item != body:
                yield Entry("item", item_id, when, item)

    def _parts(self, item_ids: Iterable[str]) -> dict[str, dict[str, Part]]:
        """What is known of each item, by source."""
        keys = [key_of(source, item_id) for item_id in item_ids for source in self._precedence.sources]
        found: dict[str, dict[str, Part]] = {}
        for part in map(_PART.decode, self._log.newest(KIND, keys)):
            found.setdefault(part.item_id, {})[part.source] = part
        return found

    def _unnamed(self, body: bytes | None, known: Mapping[str, Part]) -> Part | None:
        """What came without a source, if it is still the shop's word; None where sources alone speak."""
        if body is None or _MARKS.decode(body).sources is not None or (known and UNNAMED not in known):
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
