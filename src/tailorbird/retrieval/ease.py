"""EASE: a linear item-item model in closed form. Strong on dense data, and the proof that an evaluator is right.

H. Steck, Embarrassingly Shallow Autoencoders for Sparse Data, WWW 2019, equation 8: with P = (X'X + lambda I)^-1 the
weights are B = I - P diag(P)^-1, with a zero diagonal. The inverse is LAPACK's Cholesky pair (potrf, potri) in single
precision, in place: 12,000 items take 600 MB and less than a minute of one core, and cost grows with the third power,
so that ``max_items`` is a limit and not a suggestion. Where we differ: the query is weighted by recency, which is worth
a fifth of the NDCG wherever order matters.
"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numba import njit
from pydantic import Field
from scipy.linalg import lapack
from scipy.sparse import csr_matrix

from tailorbird.catalogue import Catalogue
from tailorbird.errors import InvalidConfig, TooManyItems
from tailorbird.retrieval.item_knn import distinct_pairs
from tailorbird.retrieval.neighbours import QueryConfig, query_of
from tailorbird.retrieval.rows import best_of
from tailorbird.types import NOBODY, Array, FloatArray, History, IntArray, Interaction, Interactions, Request


class EaseConfig(QueryConfig):
    """``regularisation`` and the limits belong to the fit, the rest to the query."""

    regularisation: float = Field(200.0, gt=0, description="lambda; more for fewer interactions")
    max_items: int = Field(15_000, ge=1, le=40_000, description="more items with interactions are refused")
    longest: int = Field(5_000, ge=1, description="newest items of one person that are used")
    last: int = Field(1_000, ge=1, description="newest entries of the history that are looked at")


class Ease:
    """Dense weights between the items that had interactions when it was fitted."""

    name: ClassVar[str] = "ease"
    Config = EaseConfig

    def __init__(self, config: EaseConfig | None = None, arrays: Mapping[str, Array] | None = None) -> None:
        """New, or as `arrays` gave it; the weights are taken, not copied."""
        self.config = config or EaseConfig()
        stored = arrays or {"members": np.empty(0, np.int32), "weights": np.empty((0, 0), np.float32)}
        self._hold(stored["members"], stored["weights"])

    def fit(self, interactions: Interactions, catalogue: Catalogue) -> None:  # noqa: ARG002  # knows interactions only
        """Invert the items' Gram matrix; cost: n_items ** 3.

        Raises:
            TooManyItems: more items have interactions than ``max_items``.
            InvalidConfig: the regularisation is too small for single precision.
        """
        users, items = distinct_pairs(interactions, self.config.longest)
        members, columns = np.unique(items, return_inverse=True)
        if len(members) > self.config.max_items:
            raise TooManyItems(
                f"EASE would invert a matrix of {len(members):,} items; its limit is {self.config.max_items:,}.",
                hint="Leave it out: covisitation and item-knn do the same job at any size.",
            )
        chosen = csr_matrix((np.ones(len(users), np.float32), (users, columns)), (interactions.n_users, len(members)))
        gram: Array = (chosen.T @ chosen).toarray()
        gram[np.diag_indices_from(gram)] += self.config.regularisation
        self._hold(members.astype(np.int32), _weights(gram) if len(members) else gram)

    def learn(self, step: Interaction, history: History) -> None:
        """Does nothing: the weights are found by the next fit."""

    def retrieve(self, _request: Request, history: History, limit: int) -> tuple[IntArray, FloatArray]:
        """The items whose weights from the history add up highest."""
        rows, weights = self._query(history)
        if not len(rows):
            return np.empty(0, np.int32), np.empty(0)
        places, scores = best_of(self._sums(rows, weights), limit)
        return self.members[places], scores

    def score(self, _request: Request, history: History, items: IntArray) -> FloatArray:
        """The sum of the weights from the history to each of ``items``."""
        rows, weights = self._query(history)
        known = (items >= 0) & (items < len(self._places))
        places = self._places[items[known]]
        member = places != NOBODY
        known[known] = member
        scores = np.zeros(len(items))
        if 4 * len(items) > len(self.members):
            scores[known] = self._sums(rows, weights)[places[member]]
        else:
            scores[known] = weights @ self.weights[np.ix_(rows, places[member])]
        return scores

    def arrays(self) -> Mapping[str, Array]:
        """The weights (not copied: they are large) and which items they are between."""
        return {"members": self.members, "weights": self.weights}

    def _hold(self, members: IntArray, weights: Array) -> None:
        if weights.shape != (len(members), len(members)):
            raise ValueError(f"weights of shape {weights.shape} do not match {len(members)} items")
        self.members, self.weights = members, weights
        self._places = np.full(int(members.max(initial=-1)) + 1, NOBODY, np.int32)
        self._places[members] = np.arange(len(members), dtype=np.int32)

    def _query(self, history: History) -> tuple[IntArray, FloatArray]:
        """Rows of the weights, and what each counts."""
        items, weights = query_of(history, self.config, len(self._places))
        rows = self._places[items]
        return rows[rows != NOBODY], weights[rows != NOBODY]

    def _sums(self, rows: IntArray, weights: FloatArray) -> FloatArray:
        sums = np.zeros(len(self.members))
        _add_rows(self.weights, rows, weights, sums)
        return sums


def _weights(gram: Array) -> Array:
    """B of a regularised Gram matrix, in its own memory."""
    factor, failed = lapack.spotrf(gram.T, lower=1, clean=0, overwrite_a=1)
    if not failed:
        factor, failed = lapack.spotri(factor, lower=1, overwrite_c=1)
    if failed:
        raise InvalidConfig(
            "EASE's Gram matrix is not positive definite in single precision.",
            hint="Raise its regularisation tenfold.",
        )
    # Fortran's lower triangle is the upper one of the same memory read by rows.
    inverse: Array = factor.T
    _scale(inverse, inverse.diagonal().copy())
    return inverse


@njit(cache=True)
def _scale(inverse: Array, diagonal: Array) -> None:
    """From the upper triangle of P to all of B, by blocks that stay in the cache."""
    n, block = len(inverse), 64
    for top in range(0, n, block):
        for left in range(top, n, block):
            for i in range(top, min(top + block, n)):
                for j in range(max(left, i + 1), min(left + block, n)):
                    value = -inverse[i, j]
                    inverse[i, j] = value / diagonal[j]
                    inverse[j, i] = value / diagonal[i]
    for i in range(n):
        inverse[i, i] = 0.0


@njit(cache=True)
def _add_rows(matrix: Array, rows: IntArray, weights: FloatArray, sums: FloatArray) -> None:
    """Add ``weights[r] * matrix[rows[r]]`` to ``sums``."""
    for r in range(len(rows)):
        row, weight = matrix[rows[r]], weights[r]
        for column in range(len(sums)):
            sums[column] += weight * row[column]
