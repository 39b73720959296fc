"""Whether everybody means the same item by the same id: events beside the catalogue, and the catalogue by itself."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from tailorbird.ingest.checks.described import Described
from tailorbird.ingest.checks.findings import Example, Finding, Rows, counted, note, warning

NOT_IN_CATALOGUE: Final = 0.05
"""Share of what events name from which it is told, spelled alike or not."""


class Names:
    """The ids that events name: how often, and in which record first."""

    def __init__(self) -> None:
        self.lines: dict[str, int] = {}
        self._first: dict[str, int] = {}

    def take(self, item_id: str, seq: int) -> None:
        """One line of one event."""
        before = self.lines.get(item_id)
        if before is None:
            self.lines[item_id], self._first[item_id] = 1, seq
        else:
            self.lines[item_id] = before + 1

    def share_not_in(self, items: Mapping[str, Described]) -> float | None:
        """Of all lines, those about items that are not described; None where there is no line."""
        lines = sum(self.lines.values())
        unknown = sum(count for item, count in self.lines.items() if item not in items)
        return unknown / lines if lines else None

    def findings(self, items: Mapping[str, Described]) -> Iterator[Finding]:
        """What to know of them."""
        if not items:
            return
        near = _Near(items)
        yield from self._unknown(items, near)
        twins = [names for names in near.spelled.values() if len(names) > 1]
        if twins:
            yield note(
                "ids_alike",
                f"{counted(len(twins), 'id is', 'ids are')} in the catalogue in several spellings (case, spaces, "
                "leading zeros).",
                cost="Where they mean one item, its history is split: each spelling is half as popular, has half the "
                "neighbours, and both may stand in one slate.",
                hint="Write ids in one way in every file. Where they are different items, leave them.",
                rows=[Example(items[names[1]].seq, names[1], f"beside {names[0]}") for names in twins],
            )

    def _unknown(self, items: Mapping[str, Described], near: "_Near") -> Iterator[Finding]:
        by_use = sorted((-count, item) for item, count in self.lines.items() if item not in items)
        meant = {item: meaning for _, item in by_use if (meaning := near.meant_by(item))}
        share = self.share_not_in(items) or 0.0
        if not by_use or (share <= NOT_IN_CATALOGUE and not meant):
            return
        rows = Rows()
        for _, item in sorted(by_use, key=lambda pair: pair[1] not in meant):
            rows.add(self._first[item], item, meant.get(item, ""))
        found = f" {counted(len(meant), 'looks', 'look')} like an id of the catalogue." if meant else ""
        yield warning(
            "items_not_in_catalogue",
            f"{share:.1%} of what events name is not in the catalogue: {counted(len(by_use), 'id')}.{found}",
            cost="Such items are never shown, on any surface; what people did with them trains channels on items they "
            "cannot propose.",
            hint="Import them, or check that both files mean the same id. The number is that of the first event.",
            rows=rows.first,
        )


class _Near:
    """The catalogue's ids by what is left of them without case, spaces, hyphens and leading zeros; and its groups."""

    def __init__(self, items: Mapping[str, Described]) -> None:
        self._items = items
        self.spelled: defaultdict[str, list[str]] = defaultdict(list)
        self._groups: dict[str, str] = {}
        for name, item in items.items():
            self.spelled[_folded(name)].append(name)
            if item.group is not None:
                self._groups.setdefault(item.group, name)

    def meant_by(self, name: str) -> str:
        """What an unknown id may mean, in words; empty where nothing is near."""
        if alike := self.spelled.get(_folded(name)):
            return f"{alike[0]}?"
        if (variant := self._groups.get(name)) is not None:
            return f"the group of {variant}?"
        for end in range(len(name) - 1, max(len(name) - 5, 3), -1):
            if (shorter := name[:end].rstrip("-_. /")) in self._items:
                return f"a variant of {shorter}?"
        return ""


def _folded(name: str) -> str:
    """What two spellings of one id share.

    >>> _folded(" 0085123a") == _folded("85123-A")
    True
    """
    return "".join(part for part in name.casefold() if part not in " -_\t").lstrip("0")
