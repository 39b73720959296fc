"""Categories and brands: used once, under several parents, or spelled in several ways."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from tailorbird.ingest.checks.described import Described
from tailorbird.ingest.checks.findings import Example, Finding, counted, listed, note, warning

USED_ONCE: Final = 0.1
"""Share of the leaf categories from which those with a single item are told."""

_First: TypeAlias = dict[str, tuple[str, int]]
"""Name -> an item that has it, and that item's record."""


def findings(items: Mapping[str, Described]) -> Iterator[Finding]:
    """What to know of the items' categories and brands."""
    yield from _used_once(items)
    yield from _several_parents(items)
    categories: _First = {}
    brands: _First = {}
    for name, item in items.items():
        for category in item.path:
            categories.setdefault(category, (name, item.seq))
        if item.brand:
            brands.setdefault(item.brand, (name, item.seq))
    yield from _spellings("category", "categories", categories, plurals=True)
    yield from _spellings("brand", "brands", brands, plurals=False)


def _used_once(items: Mapping[str, Described]) -> Iterator[Finding]:
    of_leaf: defaultdict[str, list[str]] = defaultdict(list)
    for name, item in items.items():
        if item.path and len(of_leaf[item.path[-1]]) < 2:
            of_leaf[item.path[-1]].append(name)
    once = {leaf: names[0] for leaf, names in of_leaf.items() if len(names) == 1}
    if len(once) > USED_ONCE * len(of_leaf):
        yield note(
            "categories_used_once",
            f"{len(once):,} of {counted(len(of_leaf), 'category has', 'categories have')} a single item.",
            cost="A taste for such a category cannot carry over to another item, and price_in_category has nothing to "
            "compare it with.",
            hint="Look for misspellings and for ids or titles mapped to categories; join what belongs together.",
            rows=[Example(items[name].seq, name, leaf) for leaf, name in once.items()],
        )


def _several_parents(items: Mapping[str, Described]) -> Iterator[Finding]:
    parents: defaultdict[str, dict[tuple[str, ...], str]] = defaultdict(dict)
    for name, item in items.items():
        if item.path:
            parents[item.path[-1]].setdefault(item.path[:-1], name)
    several = {leaf: above for leaf, above in parents.items() if len(above) > 1}
    if several:
        yield warning(
            "leaf_under_several_parents",
            f"{counted(len(several), 'category stands', 'categories stand')} under several parents: {listed(several)}.",
            cost="A category is known by its last name: who likes one of them is taken to like the other (affinity, "
            "category_of_last, price_in_category), and a filter or a boost by it takes both.",
            hint="Where they differ, name them apart (“Phone accessories”); where not, give them one path.",
            rows=[
                Example(items[name].seq, name, " > ".join((*path, leaf)))
                for leaf, above in several.items()
                for path, name in list(above.items())[:2]
            ],
        )


def _spellings(one: str, many: str, names: _First, *, plurals: bool) -> Iterator[Finding]:
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        alike[folded(name, plurals=plurals)].append(name)
    several = [spellings for spellings in alike.values() if len(spellings) > 1]
    if several:
        told = [" / ".join(f"“{spelling}”" for spelling in spellings) for spellings in several]
        yield warning(
            f"{one}_spellings",
            f"{counted(len(several), f'{one} is', f'{many} are')} spelled in several ways: {listed(told)}.",
            cost=f"Each spelling is a {one} of its own: somebody's taste is split between them, affinity and content "
            "find half of what belongs together, and a filter or a boost by one misses the other.",
            hint="Write each in one way at its source, and import the items again.",
            rows=[
                Example(names[spelling][1], names[spelling][0], spelling)
                for spellings in several
                for spelling in spellings[1:]
            ],
        )


def folded(name: str, *, plurals: bool) -> str:
    """What the spellings of one name share: letters and digits without case, in English also without a plural.

    >>> folded("T-Shirts ", plurals=True) == folded("t shirt", plurals=True), folded("Mars", plurals=False)
    (True, 'mars')
    """
    words = "".join(part if part.isalnum() else " " for part in name.casefold()).split()
    return "".join(_singular(word) if plurals else word for word in words)


def _singular(word: str) -> str:
    if len(word) < 4 or not word.endswith("s") or word.endswith("ss"):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-2] if word.endswith(("xes", "ches", "shes", "sses")) else word[:-1]
