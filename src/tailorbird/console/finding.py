"""Finding items among a million without an index of its own: columns narrow, hashed words guess, the items decide.

Filters are masks over the catalogue's columns. Titles are in no column, so that a text is matched by decoding items;
the likely ones come first: those whose hashed vector (`tailorbird.catalogue`) has every word's mark, or whose brand or
category is called so. The walk ends after a bounded number of items, and says when it ended early.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from tailorbird.catalogue import Catalogue, hashed_vector, words
from tailorbird.types import NOBODY, BoolArray, Item

PAGE: Final = 25
MOST_FOUND: Final = 1_000
MOST_DECODED: Final = 100_000
_CHUNK: Final = 2_000
ORDERS: Final = ("newest", "cheapest", "dearest", "number")


@dataclass(frozen=True)
class Search:
    """What is looked for. Empty fields narrow nothing."""

    text: str = ""
    category: str = ""
    brand: str = ""
    state: str = ""
    order: str = "number"
    page: int = 1


@dataclass(frozen=True)
class Found:
    """One page of item numbers. ``complete`` is False when a text matched more than was looked through."""

    numbers: list[int]
    total: int
    complete: bool = True
    page: int = 1
    pages: int = 1
    shown: int = field(default=PAGE)


def find(catalogue: Catalogue, search: Search) -> Found:
    """One page of what matches: a few passes over columns, and a bounded number of items decoded."""
    rows = np.flatnonzero(_mask(catalogue, search))
    complete = True
    if search.text.strip():
        rows, complete = _matching(catalogue, rows, search.text)
    total = len(rows)
    pages = max(-(-total // PAGE), 1)
    page = min(max(search.page, 1), pages)
    rows = _ordered(catalogue, rows, search, stop=page * PAGE)
    return Found(rows[(page - 1) * PAGE : page * PAGE].tolist(), total, complete, page, pages)


def _mask(catalogue: Catalogue, search: Search) -> BoolArray:
    n = len(catalogue.price)
    mask: BoolArray = catalogue.described[:n].copy()
    if search.state == "named":
        mask = ~mask
    elif search.state == "sellable":
        mask &= catalogue.sellable[:n]
    elif search.state == "unsellable":
        mask &= ~catalogue.sellable[:n]
    if search.category:
        code = catalogue.categories.find(search.category)
        mask &= ((catalogue.category[:n] == code) | (catalogue.department[:n] == code)) & (code != NOBODY)
    if search.brand:
        code = catalogue.brands.find(search.brand)
        mask &= (catalogue.brand[:n] == code) & (code != NOBODY)
    return mask


def _matching(catalogue: Catalogue, rows: Any, text: str) -> tuple[Any, bool]:
    """The rows whose item contains every word, an item of that very id first; and whether all were looked at."""
    wanted = words(text)
    exact = catalogue.find(text.strip())
    found = [exact] if exact != NOBODY and exact in rows else []
    likely = _likely(catalogue, rows, wanted)
    walk = np.concatenate((rows[likely], rows[~likely]))[:MOST_DECODED] if wanted else rows[:0]
    for start in range(0, len(walk), _CHUNK):
        chunk = walk[start : start + _CHUNK].tolist()
        found += [n for n in chunk if n != exact and _contains(catalogue.item(n), wanted)]
        if len(found) >= MOST_FOUND:
            return np.array(found[:MOST_FOUND], np.int64), False
    return np.array(found, np.int64), not wanted or len(walk) == len(rows)


def _likely(catalogue: Catalogue, rows: Any, wanted: Sequence[str]) -> BoolArray:
    """Which rows may well contain every word: a guess that costs a pass over one column for each word."""
    likely: BoolArray = np.ones(len(rows), np.bool_)
    for word in wanted:
        mark = hashed_vector(Item(item_id="-", title=word))
        place = int(np.abs(mark).argmax())
        here = catalogue.vectors[rows, place] * mark[place] > 0
        for names, column in (
            (catalogue.brands.names, catalogue.brand),
            (catalogue.categories.names, catalogue.category),
            (catalogue.categories.names, catalogue.department),
        ):
            called = [code for code, name in enumerate(names) if word in name.lower()]
            here |= np.isin(column[rows], called)
        likely &= here
    return likely


def _contains(item: Item, wanted: Sequence[str]) -> bool:
    text = " ".join((item.title, item.brand or "", *item.categories, *item.tags, item.item_id)).lower()
    return all(word in text for word in wanted)


def _ordered(catalogue: Catalogue, rows: Any, search: Search, *, stop: int) -> Any:
    """The first ``stop`` rows in the order wanted; what has no value comes last."""
    if search.order == "newest":
        key = -catalogue.created_at[rows]
    elif search.order == "cheapest":
        key = catalogue.price[rows]
    elif search.order == "dearest":
        key = -catalogue.price[rows]
    else:
        return rows[:stop]
    return rows[_top(np.nan_to_num(key, nan=np.inf), stop)]


def _top(key: Any, n: int) -> Any:
    """Positions of the ``n`` smallest keys, in order; equal keys keep theirs."""
    if n >= len(key):
        return np.argsort(key, kind="stable")
    some = np.sort(np.argpartition(key, n)[:n])
    return some[np.argsort(key[some], kind="stable")]


@dataclass(frozen=True)
class Facets:
    """What the whole catalogue is made of: the biggest categories, departments and brands with their counts."""

    version: int
    departments: list[tuple[str, int]]
    categories: list[tuple[str, int]]
    brands: list[tuple[str, int]]
    n_categories: int
    n_brands: int


def facets(catalogue: Catalogue, most: int = 14) -> Facets:
    """Counts over the described items."""
    described = catalogue.described
    departments, _ = _tally(catalogue.department[: len(described)][described], catalogue.categories.names, most)
    categories, n_categories = _tally(catalogue.category[: len(described)][described], catalogue.categories.names, most)
    brands, n_brands = _tally(catalogue.brand[: len(described)][described], catalogue.brands.names, most)
    return Facets(catalogue.version, departments, categories, brands, n_categories, n_brands)


def _tally(codes: Any, names: Sequence[str], most: int) -> tuple[list[tuple[str, int]], int]:
    counts = np.bincount(codes[codes >= 0], minlength=1)
    order = np.argsort(-counts, kind="stable")[:most]
    return [(names[code], int(counts[code])) for code in order.tolist() if counts[code]], int((counts > 0).sum())
