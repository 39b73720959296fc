"""What several sources say of the catalogue: category paths that the shop's taxonomy does not have."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

import msgspec

from tailorbird.ingest.checks.findings import Example, Finding, counted, listed, warning
from tailorbird.ingest.parts.part import Part
from tailorbird.types import Record

_MOST_LISTED: Final = 5


class Sources:
    """The newest parts of all items whose path is not mapped."""

    def __init__(self) -> None:
        self._unmapped: dict[str, tuple[str, str, str, int]] = {}
        self._part = msgspec.json.Decoder(Part)

    def take(self, record: Record) -> None:
        """One version of a part."""
        self._unmapped.pop(record.key, None)
        part = self._part.decode(record.body)
        if part.unmapped:
            self._unmapped[record.key] = (part.source, part.unmapped, part.item_id, record.seq)

    def findings(self) -> Iterator[Finding]:
        """What to know of them."""
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
