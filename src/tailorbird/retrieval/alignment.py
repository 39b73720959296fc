"""The map from tokens to tokens behind `cold-items`: what it is learned from, and how much it has to be held back.

Two numbers decide what comes of it, and no shop's best are another's: the ridge, and how much an item is its own
neighbour. So a tenth of the items are hidden from the map, and people who took some of them up are asked for them. The
numbers win whose map has the highest NDCG at ten among the hidden items and among all items, added up: the first says
whether new items are told apart, the second whether they come forward at all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final, Self

import numpy as np
from numba import njit
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_matrix, diags

from tailorbird.retrieval.neighbours import QueryConfig, query_of
from tailorbird.retrieval.rows import Longs, best_of
from tailorbird.types import Array, BoolArray, FloatArray, History, IntArray, Interactions

RIDGES: Final = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
OWN_PARTS: Final = (0.0, 0.03, 0.1, 0.3, 1.0)
"""What is chosen from, `USUAL` where there is nothing to choose by."""

_HIDDEN_SHARE: Final = 0.1
_MOST_CASES: Final = 1_000
_MOST_SCORES: Final = 10_000_000
_LIST: Final = 10


@dataclass(frozen=True)
class Strength:
    """``ridge`` holds the map back; an item is ``itself`` of a neighbour to itself, all others together being 1."""

    ridge: float
    itself: float


USUAL: Final = Strength(ridge=3.0, itself=0.1)


@dataclass(frozen=True)
class Evidence:
    """Which tokens stand on one item, and which stand on items that go together; both of shape (n_tokens, n_tokens)."""

    gram: Array
    paired: Array

    @classmethod
    def of(cls, tokens: Any, together: Any, counted: BoolArray) -> Self:
        """From the items' tokens, sparse (n_items, n_tokens), and how often items went together, sparse and square.

        Items that are not ``counted`` (n_items,) leave no trace.
        """
        only = diags(counted.astype(np.float64))
        known, pairs = (only @ tokens).tocsr(), (only @ together @ only).tocsr()
        sums = np.asarray(pairs.sum(axis=1)).ravel()
        shares = (diags(1.0 / np.maximum(sums, 1e-9)) @ pairs).tocsr()
        gram = (known.T @ known).toarray()
        paired = np.zeros(gram.shape)
        _pair(
            known.indptr.astype(np.int64), known.indices, known.data,
            shares.indptr.astype(np.int64), shares.indices, shares.data, paired,
        )  # fmt: skip
        return cls(gram.astype(np.float32), paired.astype(np.float32))

    def maps(self, ridge: float) -> tuple[Array, Array]:
        """The map by other items and the map by the item itself, both under this ridge; cost: n_tokens ** 3."""
        if not len(self.gram):
            return self.gram, self.gram
        factor = cho_factor(self.gram + np.float32(ridge) * np.eye(len(self.gram), dtype=np.float32), lower=True)
        return _both_sides(factor, self.paired), _both_sides(factor, self.gram)

    def aligned(self, strength: Strength) -> Array:
        """The map."""
        others, own = self.maps(strength.ridge)
        return np.ascontiguousarray(others + np.float32(strength.itself) * own, np.float32)


def best_strength(
    interactions: Interactions, tokens: Any, together: Any, config: QueryConfig, among: Sequence[Strength], *, seed: int
) -> Strength:
    """The one of ``among`` with which hidden items are found best; `USUAL` where nobody could be asked for any."""
    if len(among) == 1:
        return among[0]
    n_items = tokens.shape[0]
    touched = touched_items(interactions, n_items)
    draw = np.random.default_rng(seed)
    hidden = touched & (draw.random(n_items) < _HIDDEN_SHARE)
    queries, wanted = _cases(interactions, hidden, config, draw)
    if not len(wanted):
        return USUAL if USUAL in among else among[0]
    evidence = Evidence.of(tokens, together, touched & ~hidden)
    tokens, seen = tokens.astype(np.float32), queries.nonzero()
    profiles = (queries @ tokens).astype(np.float32)

    def worths(ridge: float) -> Iterator[tuple[float, Strength]]:
        others, own = ((tokens @ (profiles @ part).T).T for part in evidence.maps(ridge))
        for strength in (one for one in among if one.ridge == ridge):
            scores = others + np.float32(strength.itself) * own
            scores[seen] = -np.inf
            yield _ndcg(scores[:, hidden], wanted[:, hidden]) + _ndcg(scores, wanted), strength

    found = [one for ridge in sorted({strength.ridge for strength in among}) for one in worths(ridge)]
    return max(found, key=itemgetter(0))[1]


def _both_sides(factor: Any, middle: Array) -> Array:
    """The inverse of what was factored, on both sides of ``middle``."""
    sided: Array = cho_solve(factor, cho_solve(factor, middle).T).T
    return sided


def touched_items(interactions: Interactions, n_items: int) -> BoolArray:
    """Which of the first ``n_items`` numbers somebody took up."""
    touched: BoolArray = np.bincount(interactions.items, minlength=n_items)[:n_items] > 0
    return touched


def _cases(
    interactions: Interactions, hidden: BoolArray, config: QueryConfig, draw: np.random.Generator
) -> tuple[Any, BoolArray]:
    """People who took up hidden items and others: the weights of the others (sparse) and what is wanted."""
    order, ends = interactions.by_user()
    items = interactions.items[order]
    is_hidden = np.append(hidden, np.zeros(max(interactions.n_items - len(hidden), 0), np.bool_))[items]
    n_hidden = np.diff(np.concatenate((np.zeros(1, np.int64), np.cumsum(is_hidden)))[ends])
    asked = np.flatnonzero((n_hidden > 0) & (n_hidden < np.diff(ends)))
    asked = np.sort(draw.permutation(asked)[: min(_MOST_CASES, max(100, _MOST_SCORES // max(len(hidden), 1)))])
    queries, wanted = [], np.zeros((len(asked), len(hidden)), np.bool_)
    for case, person in enumerate(asked.tolist()):
        own, is_wanted = items[ends[person] : ends[person + 1]], is_hidden[ends[person] : ends[person + 1]]
        queries.append(query_of(History.of(own[~is_wanted]), config, len(hidden)))
        wanted[case, own[is_wanted]] = True
    return _sparse(queries, len(hidden)), wanted


def _sparse(queries: list[tuple[IntArray, FloatArray]], n_items: int) -> Any:
    """One row per query; an item that occurs twice has both weights."""
    lengths = np.array([len(items) for items, _ in queries], np.int64)
    rows = np.repeat(np.arange(len(queries)), lengths)
    columns = np.concatenate([np.empty(0, np.int32), *(items for items, _ in queries)])
    weights = np.concatenate([np.empty(0), *(weights for _, weights in queries)])
    return csr_matrix((weights, (rows, columns)), (len(queries), n_items))


def _ndcg(scores: FloatArray, wanted: BoolArray) -> float:
    """Mean NDCG at ten; both of the same shape (n, n_items), at least one wanted in each row."""
    discounts = 1.0 / np.log2(np.arange(2, _LIST + 2))
    possible = np.cumsum(discounts)[np.minimum(wanted.sum(axis=1), _LIST) - 1]
    gained = [wanted[case, best_of(row, _LIST)[0]] for case, row in enumerate(np.ascontiguousarray(scores))]
    return float(np.mean([hits @ discounts[: len(hits)] for hits in gained] / possible))


@njit(cache=True)
def _pair(  # noqa: PLR0917  # numba takes arrays by position
    pointers: Longs,
    columns: IntArray,
    values: FloatArray,
    share_pointers: Longs,
    share_columns: IntArray,
    shares: FloatArray,
    paired: FloatArray,
) -> None:
    """Add F'TF to ``paired``, row of T by row: the sum of the neighbours' tokens goes to each of the item's own."""
    around = np.empty(len(paired))
    for item in range(len(pointers) - 1):
        if pointers[item] == pointers[item + 1] or share_pointers[item] == share_pointers[item + 1]:
            continue
        around[:] = 0.0
        for at in range(share_pointers[item], share_pointers[item + 1]):
            other = share_columns[at]
            for cell in range(pointers[other], pointers[other + 1]):
                around[columns[cell]] += shares[at] * values[cell]
        for cell in range(pointers[item], pointers[item + 1]):
            row, value = paired[columns[cell]], values[cell]
            for token in range(len(around)):
                row[token] += value * around[token]
