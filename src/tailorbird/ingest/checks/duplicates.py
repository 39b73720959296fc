"""Items that are one thing under two ids: alike in title, attributes, brand and price, and not variants of each other.

Comparing all pairs of a hundred thousand items is out of the question. MinHash (Broder, On the Resemblance and
Containment of Documents, 1997) makes of each title's words and pairs of words a signature whose places agree with the
probability that is their Jaccard similarity; where a band of places agrees (locality-sensitive hashing; Indyk and
Motwani, Approximate Nearest Neighbors, 1998), two items are compared exactly. Of items that share a band only a few
neighbours each are compared, so that a thousand equal titles cost no more than a thousand others.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tailorbird.catalogue import words
from tailorbird.ingest.checks.described import Described, mark
from tailorbird.ingest.checks.findings import Example, Finding, counted, warning
from tailorbird.types import Array

LIKE_TITLES: Final = 0.8
"""Jaccard similarity of two titles' words and pairs of words from which they are one."""

LIKE_ATTRIBUTES: Final = 0.8
"""Share of the attributes that both have in which they agree."""

NEAR_PRICE: Final = 1.1
"""One price is at most so many times the other."""

_KINDS: Final = frozenset(
    """
    s m l x xs xl xxl small medium large left right men women mens womens boys girls
    black white grey gray red green blue navy yellow orange purple pink brown beige silver gold
    """.split()  # noqa: SIM905 - in quotes one by one they would fill a page
)
"""Words of a title that tell variants apart, as numbers do."""

_BANDS: Final = 12
_ROWS: Final = 4
_BESIDE: Final = 6
_ESTIMATE: Final = 0.6
_MOST_COMPARED: Final = 200_000
_APART: Final = frozenset(
    mark(name)
    for name in ("gtin", "ean", "upc", "isbn", "mpn", "asin", "sku", "color", "colour", "size", "pack", "multipack")
)
"""Attributes of which one difference makes two things."""


def findings(items: Mapping[str, Described], rate: Callable[[str | None], float]) -> Iterator[Finding]:
    """What to know of them; ``rate`` makes prices comparable."""
    twins = find(items, rate)
    if not twins:
        return
    n_items = len({name for pair in twins for name in pair})
    yield warning(
        "near_duplicates",
        f"{counted(n_items, 'item seems', 'items seem')} to be in the catalogue under another id too: title, brand, "
        f"price and attributes are nearly the same ({counted(len(twins), 'pair')}).",
        cost="Both may stand in one slate, and what people did is split between them: each looks half as popular and "
        "has half the neighbours.",
        hint="Withdraw one of the two. Where they are variants, give both one group_id; where two sources name one "
        "thing, join them (`import items --source NAME --ids FILE`).",
        rows=[Example(items[second].seq, second, f"beside {first}: {items[second].title}") for first, second in twins],
    )


def find(items: Mapping[str, Described], rate: Callable[[str | None], float]) -> list[tuple[str, str]]:
    """Pairs of ids of items that seem to be one thing, in the catalogue's order."""
    names = [name for name, item in items.items() if item.title and item.sellable]
    if len(names) < 2:
        return []
    asked = [items[name] for name in names]
    titles = [words(item.title) for item in asked]
    signatures = _signatures(titles)
    brands = _codes([(item.brand or "").strip().casefold() for item in asked])
    first, second = _beside(signatures, brands)
    near = _may_be_one(asked, titles, rate, first, second)
    near &= (signatures[first] == signatures[second]).mean(axis=1) >= _ESTIMATE
    pairs = zip(first[near][:_MOST_COMPARED].tolist(), second[near][:_MOST_COMPARED].tolist(), strict=True)
    return [
        (names[one], names[other])
        for one, other in pairs
        if _alike(_shingles(titles[one]), _shingles(titles[other])) and _agree(asked[one].marks, asked[other].marks)
    ]


def _signatures(titles: Sequence[Sequence[str]]) -> Array:
    """MinHash signatures, shape (n, _BANDS * _ROWS), uint32."""
    lengths = np.array([len(title) for title in titles])
    known: dict[str, int] = {}
    codes = np.array([known.setdefault(word, len(known) + 1) for title in titles for word in title], np.uint64)
    starts = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    # A pair of words at the end of a title would reach into the next one: there its first word counts again.
    last = np.zeros(len(codes), np.bool_)
    last[(starts + lengths - 1)[lengths > 0]] = True
    following = np.where(last, codes, np.append(codes[1:], codes[-1:]))
    pairs = np.where(last, codes, codes * np.uint64(0x9E3779B97F4A7C15) + following)
    single, paired = _mixed(codes), _mixed(pairs ^ np.uint64(0xA5A5A5A5))
    paired = np.where(last, single, paired)
    draw = np.random.default_rng(1)
    signatures = np.zeros((len(titles), _BANDS * _ROWS), np.uint32)
    worded = np.flatnonzero(lengths > 0)
    for column in range(signatures.shape[1]):
        factor, shift = draw.integers(1, 2**63, 2, dtype=np.uint64) | np.uint64(1)
        hashed = np.minimum(single * factor + shift, paired * factor + shift) >> np.uint64(32)
        signatures[worded, column] = np.minimum.reduceat(hashed, starts[worded]).astype(np.uint32)
    return signatures


def _beside(signatures: Array, brands: Array) -> tuple[Array, Array]:
    """Pairs of rows that share a band and a brand, each once, the lower row first."""
    n, found = len(signatures), [np.empty(0, np.int64)]
    for band in range(_BANDS):
        key = brands.astype(np.uint64)
        for column in signatures[:, band * _ROWS : (band + 1) * _ROWS].T:
            key = _mixed(key ^ column.astype(np.uint64))
        order = np.argsort(key, kind="stable")
        ordered = key[order]
        for step in range(1, min(_BESIDE, n - 1) + 1):
            same = np.flatnonzero(ordered[:-step] == ordered[step:])
            found.append(order[same] * n + order[same + step])  # the order is stable: the lower row comes first
    codes = np.unique(np.concatenate(found))
    return codes // n, codes % n


def _may_be_one(
    items: Sequence[Described],
    titles: Sequence[Sequence[str]],
    rate: Callable[[str | None], float],
    first: Array,
    second: Array,
) -> NDArray[np.bool_]:
    """Which pairs have the same numbers, sizes and colours in their titles, a near price, and no group in common."""
    kinds = _codes([" ".join(sorted({word for word in title if _tells_apart(word)})) for title in titles])
    groups = _codes([item.group or f"\0{n}" for n, item in enumerate(items)])
    prices = np.array([np.nan if item.price is None else item.price * rate(item.currency) for item in items])
    one, other = prices[first], prices[second]
    with np.errstate(invalid="ignore"):
        far = np.maximum(one, other) > NEAR_PRICE * np.minimum(one, other)  # a price that is not known is not far
    found: NDArray[np.bool_] = (kinds[first] == kinds[second]) & (groups[first] != groups[second]) & ~far
    return found


def _tells_apart(word: str) -> bool:
    return word in _KINDS or any(map(str.isdigit, word))


def _shingles(title: Sequence[str]) -> frozenset[object]:
    return frozenset((*title, *pairwise(title)))


def _alike(mine: frozenset[object], theirs: frozenset[object]) -> bool:
    return len(mine & theirs) >= LIKE_TITLES * len(mine | theirs)


def _agree(mine: bytes, theirs: bytes) -> bool:
    """Whether the attributes that both have are nearly the same."""
    one, other = _read(mine), _read(theirs)
    common = one.keys() & other.keys()
    unlike = {name for name in common if one[name] != other[name]}
    return len(unlike) <= (1 - LIKE_ATTRIBUTES) * len(common) and not unlike & _APART


def _read(marks: bytes) -> dict[int, int]:
    names, values = np.frombuffer(marks, np.uint32).reshape(-1, 2).T.tolist()
    return dict(zip(names, values, strict=True))


def _codes(names: Sequence[str]) -> Array:
    known: dict[str, int] = {}
    return np.array([known.setdefault(name, len(known)) for name in names], np.int64)


def _mixed(numbers: Array) -> Array:
    """Numbers spread over 64 bits: the finaliser of SplitMix64 (Steele, Lea and Flood, 2014)."""
    mixed: Array = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed
