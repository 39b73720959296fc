"""The map from tokens to tokens behind `cold-items`: what it is learned from, and how much it has to be held back.

The ridge decides everything, and no shop's best is another's. So a tenth of the items are hidden from the map, and
people who took some of them up are asked for them: the ridge whose map ranks them best wins.
"""

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numba import njit
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_matrix, diags

from tailorbird.retrieval.neighbours import QueryConfig, query_of
from tailorbird.retrieval.rows import Longs
from tailorbird.types import Array, BoolArray, FloatArray, History, IntArray, Interactions

RIDGES: Final = (0.3, 1.0, 3.0, 10.0, 30.0)
"""What is chosen from; the middle one where there is nothing to choose by."""

USUAL_RIDGE: Final = RIDGES[len(RIDGES) // 2]

_HIDDEN_SHARE: Final = 0.1
_MOST_CASES: Final = 1_000
_LIST: Final = 10


@dataclass(frozen=True)
class Evidence:
    """Which tokens stand on one item, and which stand on items that go together; both of shape (n_tokens, n_tokens)."""

    gram: Array
    paired: Array

    @classmethod
    def of(cls, tokens: Any, together: Any, counted: BoolArray, itself: float) -> Self:
        """From the items' tokens, sparse (n_items, n_tokens), and how often items went together, sparse and square.

        Items that are not ``counted`` (n_items,) leave no trace. ``itself`` is what an item counts as its own
        neighbour, all others together counting 1.
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
        return cls(gram.astype(np.float32), (paired + itself * gram).astype(np.float32))

    def aligned(self, ridge: float) -> Array:
        """The map of this ridge; cost: n_tokens ** 3."""
        if not len(self.gram):
            return self.gram
        factor = cho_factor(self.gram + np.float32(ridge) * np.eye(len(self.gram), dtype=np.float32), lower=True)
        left = cho_solve(factor, self.paired)
        return np.ascontiguousarray(cho_solve(factor, left.T).T, np.float32)


def best_ridge(
    interactions: Interactions, tokens: Any, together: Any, config: QueryConfig, *, itself: float, seed: int
) -> float:
    """The one of `RIDGES` with which hidden items are found best, by NDCG at ten among them."""
    n_items = tokens.shape[0]
    touched = touched_items(interactions, n_items)
    draw = np.random.default_rng(seed)
    hidden = touched & (draw.random(n_items) < _HIDDEN_SHARE)
    queries, wanted = _cases(interactions, hidden, config, draw)
    if not len(wanted):
        return USUAL_RIDGE
    evidence = Evidence.of(tokens, together, touched & ~hidden, itself)
    profiles, answers = queries @ tokens, tokens[hidden]
    worths = [_ndcg((answers @ (profiles @ evidence.aligned(ridge)).T).T, wanted) for ridge in RIDGES]
    return RIDGES[int(np.argmax(worths))]


def touched_items(interactions: Interactions, n_items: int) -> BoolArray:
    """Which of the first ``n_items`` numbers somebody took up."""
    touched: BoolArray = np.bincount(interactions.items, minlength=n_items)[:n_items] > 0
    return touched


def _cases(
    interactions: Interactions, hidden: BoolArray, config: QueryConfig, draw: np.random.Generator
) -> tuple[Any, BoolArray]:
    """People who took up hidden items and others: the weights of the others, sparse (n, n_items), and which hidden."""
    order, ends = interactions.by_user()
    items = interactions.items[order]
    is_hidden = np.append(hidden, np.zeros(max(interactions.n_items - len(hidden), 0), np.bool_))[items]
    n_hidden = np.diff(np.concatenate((np.zeros(1, np.int64), np.cumsum(is_hidden)))[ends])
    asked = np.flatnonzero((n_hidden > 0) & (n_hidden < np.diff(ends)))
    asked = np.sort(draw.permutation(asked)[:_MOST_CASES])
    queries, wanted, place = [], np.zeros((len(asked), int(hidden.sum())), np.bool_), np.cumsum(hidden) - 1
    for case, person in enumerate(asked.tolist()):
        own, is_wanted = items[ends[person] : ends[person + 1]], is_hidden[ends[person] : ends[person + 1]]
        queries.append(query_of(History.of(own[~is_wanted]), config, len(hidden)))
        wanted[case, place[own[is_wanted]]] = True
    return _sparse(queries, len(hidden)), wanted


def _sparse(queries: list[tuple[IntArray, FloatArray]], n_items: int) -> Any:
    """One row per query; an item that occurs twice has both weights."""
    lengths = np.array([len(items) for items, _ in queries], np.int64)
    rows = np.repeat(np.arange(len(queries)), lengths)
    columns = np.concatenate([np.empty(0, np.int32), *(items for items, _ in queries)])
    weights = np.concatenate([np.empty(0), *(weights for _, weights in queries)])
    return csr_matrix((weights, (rows, columns)), (len(queries), n_items))


def _ndcg(scores: FloatArray, wanted: BoolArray) -> float:
    """Mean NDCG at ten; both of shape (n, n_hidden), at least one wanted in each row."""
    first = np.argsort(-scores, axis=1, kind="stable")[:, :_LIST]
    discounts = 1.0 / np.log2(np.arange(2, _LIST + 2))
    gained = np.take_along_axis(wanted, first, axis=1) @ discounts[: first.shape[1]]
    possible = np.cumsum(discounts)[np.minimum(wanted.sum(axis=1), _LIST) - 1]
    return float(np.mean(gained / possible))


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
