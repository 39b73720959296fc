"""One source's records on their way in: checked, under the shop's ids, with the shop's categories."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import msgspec

from tailorbird.config import CatalogueConfig
from tailorbird.errors import BadInput, UnmatchedItem
from tailorbird.ingest.fields import shown
from tailorbird.ingest.parts.aliases import Matches, entry_of_alias, known_aliases, read_ids
from tailorbird.ingest.parts.part import Part, entry_of_part, parse_part, patch_part
from tailorbird.ingest.parts.precedence import check_source
from tailorbird.ingest.parts.taxonomy import BETWEEN, Taxonomy
from tailorbird.protocols import Log
from tailorbird.types import Entry, Item


@dataclass
class Source:
    """One source, for one import or one request.

    ``told`` maps their ids to ours as the log has it, ``ids`` as a table says now; ``is_ours`` says whether the shop
    has an item of an id. ``unmatched`` counts the items of which none of ours is known, and which came in as new ones;
    ``unmapped`` the category paths that the taxonomy does not have.
    """

    name: str
    config: CatalogueConfig
    told: Mapping[str, str] = field(default_factory=dict)
    ids: Mapping[str, str] = field(default_factory=dict)
    is_ours: Callable[[str], bool] = lambda _item_id: False
    matches: Matches | None = None
    taxonomy: Taxonomy | None = None
    unmatched: int = 0
    unmapped: Counter[str] = field(default_factory=Counter)
    _theirs: dict[str, str] = field(default_factory=dict)

    def entries(self, raw: Mapping[str, Any], *, at: float) -> list[Entry]:
        """What to append for a record that is all that this source says of an item.

        Raises:
            BadInput: one of its children; the record cannot be used.
        """
        part = parse_part(raw, self.name, currency=self.config.currency)
        ours = self._ours(part)
        entry = entry_of_part(self._mapped(msgspec.structs.replace(part, item_id=ours)), at=at)
        return [*self._renamed(part.item_id, ours, at), entry]

    def changed(self, before: Part | None, item_id: str, change: Mapping[str, Any]) -> Part:
        """This source's part of an item of ours with some fields changed; null withdraws a field.

        Raises:
            BadInput: one of its children; the change cannot be used.
        """
        part = patch_part(before, item_id, self.name, change, currency=self.config.currency)
        if "categories" in change:
            return self._mapped(part)
        return msgspec.structs.replace(part, unmapped="" if before is None else before.unmapped)

    def ours(self, theirs: str) -> str | None:
        """Our id of an item that this source calls so, as far as it was told."""
        return self.ids.get(theirs) or self.told.get(theirs)

    def _ours(self, part: Part) -> str:
        theirs, ours = part.item_id, self.ours(part.item_id)
        if ours is None and self.matches is not None:
            ours = self.matches.find(theirs, part.said.get("attributes", {}))
        if ours is None:
            if self._translated and not self.is_ours(theirs):
                self._miss(part)
            ours = theirs
        if self._theirs.setdefault(ours, theirs) != theirs:
            raise BadInput(
                f"{shown(theirs)} is the item {shown(ours)}, and so is {shown(self._theirs[ours])} of the same source.",
                hint="A source says one thing of an item: leave one of the two out, or map them with --ids.",
            )
        return ours

    @cached_property
    def _translated(self) -> bool:
        """Whether an id of this source's need not be one of ours."""
        return bool(self.ids or self.told or self.matches or self.name in self.config.unmatched)

    @cached_property
    def _claimed(self) -> frozenset[str]:
        """Ids of ours for which this source has a name."""
        return frozenset({**self.told, **self.ids}.values())

    def _renamed(self, theirs: str, ours: str, at: float) -> Iterator[Entry]:
        """What to append when an id is found to mean another item than before: there the source says nothing now."""
        before = self.told.get(theirs, theirs)
        if ours == before:
            return
        yield entry_of_alias(self.name, theirs, ours, at=at)
        if before not in self._claimed and before not in self._theirs:
            yield entry_of_part(Part(source=self.name, item_id=before, withdrawn=True), at=at)

    def _miss(self, part: Part) -> None:
        """Count an item that is none of ours.

        Raises:
            UnmatchedItem: the settings say to reject it.
        """
        if self.config.unmatched.get(self.name) == "reject":
            attribute = "" if self.matches is None else f" or has its {self.matches.attribute}"
            raise UnmatchedItem(
                f"No item of the shop goes by {shown(part.item_id)} of {self.name}{attribute}.",
                hint=f'Add it to the file of --ids, or set unmatched.{self.name} = "new" under [catalogue].',
            )
        self.unmatched += 1

    def _mapped(self, part: Part) -> Part:
        path = part.said.get("categories")
        if self.taxonomy is None or not path:
            return part
        ours = self.taxonomy.find(path)
        if ours is None:
            unmapped = BETWEEN.join(path)
            self.unmapped[unmapped] += 1
            return msgspec.structs.replace(part, unmapped=unmapped)
        said = {**part.said, "categories": ours}
        return msgspec.structs.replace(part, said={name: value for name, value in said.items() if value}, unmapped="")


def open_source(
    log: Log,
    config: CatalogueConfig,
    folder: Path,
    name: str,
    *,
    theirs: Collection[str] | None = None,
    ids: Path | None = None,
    matches: Matches | None = None,
) -> Source:
    """A source as the settings and the log have it; for one import, or for records with the ids ``theirs``.

    ``folder`` is the shop directory, ``ids`` a table of their ids and ours. ``matches`` is brought up to date. Reads
    the log and files.

    Raises:
        UnknownSource: the settings name none of this name.
        UnknownColumn, BadInput: a table of ids or categories cannot be used.
    """
    check_source(name, config)
    taxonomy = config.taxonomy.get(name)
    if name not in config.match:
        matches = None
    elif matches is None:
        matches = Matches(config.match[name])
    if matches is not None:
        matches.follow(log)
    if theirs is not None:
        bodies = log.newest("item", theirs)
        is_ours = frozenset(msgspec.json.decode(body, type=Item).item_id for body in bodies).__contains__
    else:

        def is_ours(item_id: object) -> bool:
            return log.current("item", str(item_id)) is not None

    return Source(
        name,
        config,
        told=known_aliases(log, name, theirs),
        ids={} if ids is None else read_ids(ids),
        is_ours=is_ours,
        matches=matches,
        taxonomy=None if taxonomy is None else _read_taxonomy(folder / taxonomy),
    )


def _read_taxonomy(path: Path) -> Taxonomy:
    return _taxonomy(path, path.stat().st_mtime_ns if path.exists() else 0)


@lru_cache(maxsize=16)
def _taxonomy(path: Path, _changed_at: int) -> Taxonomy:
    """Read once for as long as the file is the same: every request of a source asks for it."""
    return Taxonomy.read(path)
