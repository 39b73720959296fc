"""What several sources say of the catalogue: paths that the taxonomy lacks, and items merged by earlier settings."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

import msgspec

from tailorbird.config import CatalogueConfig
from tailorbird.ingest.checks.findings import Example, Finding, Rows, counted, listed, warning
from tailorbird.ingest.parts.joining import Joined
from tailorbird.ingest.parts.part import Part
from tailorbird.protocols import Log
from tailorbird.types import Item, Record

_MOST_LISTED: Final = 5


class Sources:
    """The newest parts of all items whose path is not mapped, and the items that are not what their parts come to."""

    def __init__(self, log: Log, config: CatalogueConfig) -> None:
        """No parts yet; ``config`` is what holds today."""
        self._unmapped: dict[str, tuple[str, str, str, int]] = {}
        self._part = msgspec.json.Decoder(Part)
        self._item = msgspec.json.Decoder(Item)
        self._joined = Joined(log, config)
        self._last: dict[str, int] = {}
        self._stale, self._withdrawn = Rows(), 0

    def take(self, record: Record) -> None:
        """One version of a part."""
        self._unmapped.pop(record.key, None)
        part = self._part.decode(record.body)
        self._last[part.item_id] = record.seq
        if part.unmapped:
            self._unmapped[record.key] = (part.source, part.unmapped, part.item_id, record.seq)

    def merge(self, at_once: int) -> Iterator[None]:
        """Look, without a change, what parts come to by today's settings; stops for breath after so many items."""
        item_ids = list(self._last) if self._joined.has_sources else []
        for start in range(0, len(item_ids), at_once):
            found = self._joined.stale(item_ids[start : start + at_once])
            # Looked at twice: an import may have come between the reading of the parts and that of the item.
            for entry in self._joined.stale([one.key for one in found]):
                item = self._item.decode(entry.body)
                self._stale.add(self._last[entry.key], entry.key, "withdrawn" if item.withdrawn else item.title)
                self._withdrawn += item.withdrawn
            yield

    def findings(self) -> Iterator[Finding]:
        """What to know of them."""
        if self._stale.count:
            gone = f"; {self._withdrawn:,} of them would be withdrawn" if self._withdrawn else ""
            yield warning(
                "items_not_merged_anew",
                f"{counted(self._stale.count, 'item is', 'items are')} not what the sources say of them by today's "
                f"settings{gone}.",
                cost="They are as they were when a source last spoke of them: the catalogue is mixed, in part by the "
                "sources and precedence of before.",
                hint="`tailorbird items merge`.",
                rows=self._stale.first,
            )
        yield from self._unmapped_findings()

    def _unmapped_findings(self) -> Iterator[Finding]:
        paths = Counter((source, path) for source, path, _, _ in self._unmapped.values())
        if not paths:
            return
        first: dict[tuple[str, str], Example] = {}
        for source, path, item_id, seq in self._unmapped.values():
            first.setdefault((source, path), Example(seq, item_id, path))
        told = [f"“{path}” of {source} ({n:,})" for (source, path), n in paths.most_common()]
        yield warning(
            "unmapped_paths",
            f"{counted(len(paths), 'category path is', 'category paths are')} not in the taxonomy file of its source "
            f"({counted(paths.total(), 'item')}): {listed(told, _MOST_LISTED)}.",
            cost="They stay as they came, beside the shop's own: somebody's taste is split between two trees, and a "
            "filter or a boost by the shop's category misses these items.",
            hint="Add them to the file (theirs,ours) that [catalogue.taxonomy] names, and import that source again.",
            rows=[first[key] for key, _ in paths.most_common()],
        )
