"""Implicit matrix factorisation: people and items as short vectors, for tastes that no single item shows.

The objective is that of Y. Hu, Y. Koren and C. Volinsky, Collaborative Filtering for Implicit Feedback Datasets, ICDM
2008, with what S. Rendle et al., Revisiting the Performance of iALS on Item Recommendation Benchmarks, RecSys 2022,
found to matter: a weight for everything unobserved, and a regularisation scaled by how often a person or an item
occurs (their exponent nu = 1). Solved by alternating a few steps of conjugate gradients, as G. Takacs, I. Pilaszy and
D. Tikk, Applications of the Conjugate Gradient Method for Implicit Feedback Collaborative Filtering, RecSys 2011.

Nobody's vector is stored. A person is folded in at each question, exactly, from the recency-weighted history of that
moment, so that a stranger after two clicks and a regular customer take the same path.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numba import njit
from pydantic import Field

from tailorbird.catalogue import Catalogue
from tailorbird.retrieval.loops import dot, products
from tailorbird.retrieval.neighbours import LastAsked, QueryConfig, entries_known
from tailorbird.retrieval.rows import Longs
from tailorbird.retrieval.vectors import ByLength
from tailorbird.types import Array, FloatArray, History, IntArray, Interaction, Interactions, Request


class ImplicitAlsConfig(QueryConfig):
    """All but ``half_life`` and ``last`` belong to the fit."""

    factors: int = Field(128, ge=1, le=512)
    epochs: int = Field(12, ge=1)
    regularisation: float = Field(0.003, gt=0, description="lambda, times how often a person or item occurs")
    unobserved: float = Field(0.03, gt=0, description="weight of a pair that was not observed; an observed one has 1")
    steps: int = Field(3, ge=1, description="conjugate gradient steps per vector and epoch")
    seed: int = 1


class ImplicitAls:
    """One vector per item; people are folded in."""

    name: ClassVar[str] = "ials"
    Config = ImplicitAlsConfig

    def __init__(self, config: ImplicitAlsConfig | None = None, arrays: Mapping[str, Array] | None = None) -> None:
        """New, or as `arrays` gave it."""
        self.config = config or ImplicitAlsConfig()
        self._hold(np.zeros((0, self.config.factors), np.float32) if arrays is None else arrays["vectors"])

    def fit(self, interactions: Interactions, catalogue: Catalogue) -> None:
        """Alternate; cost per epoch: steps * (interactions * factors + (people + items) * factors ** 2)."""
        n_items, n_users = max(interactions.n_items, len(catalogue)), interactions.n_users
        users, items, weights = observed_pairs(interactions)
        random = np.random.default_rng(self.config.seed)
        size = 0.1 / np.sqrt(self.config.factors)
        people = random.normal(0.0, size, (n_users, self.config.factors)).astype(np.float32)
        vectors = random.normal(0.0, size, (n_items, self.config.factors)).astype(np.float32)
        by_user = _grouped(users, items, weights, n_users)
        by_item = _grouped(items, users, weights, n_items)
        n_active = (int(np.count_nonzero(np.diff(by_user[0]))), int(np.count_nonzero(np.diff(by_item[0]))))
        for _ in range(self.config.epochs):
            self._solve(people, vectors, by_user, n_active[1])
            self._solve(vectors, people, by_item, n_active[0])
        self._hold(vectors)

    def learn(self, step: Interaction, history: History) -> None:
        """Does nothing: the person's next question already holds the step, and items move with the next fit."""

    def retrieve(self, _request: Request, history: History, limit: int) -> tuple[IntArray, FloatArray]:
        """The items nearest to the person's vector; none for a history of which nothing is known."""
        person = self._person(history)
        return self._by_length.best(person, limit if person.any() else 0)

    def score(self, _request: Request, history: History, items: IntArray) -> FloatArray:
        """The inner product with the person's vector: about 1 for what they surely want."""
        person = self._person(history)
        known = (items >= 0) & (items < len(self._vectors))
        scores = np.zeros(len(items))
        products(self._vectors, person, items, np.flatnonzero(known), scores)
        return scores

    def arrays(self) -> Mapping[str, Array]:
        """The items' vectors, shape (n_items, factors)."""
        return {"vectors": self._vectors}

    def _hold(self, vectors: Array) -> None:
        if vectors.ndim != 2:
            raise ValueError(f"vectors of shape {vectors.shape} are not one row per item")
        self._vectors, self._by_length = vectors, ByLength(vectors)
        self._n_active = int(np.count_nonzero(vectors.any(axis=1)))
        self._gram = vectors.T.astype(np.float64) @ vectors
        self._folded: LastAsked[Array] = LastAsked()

    def _person(self, history: History) -> Array:
        """The vector of whoever has this history."""
        return self._folded.of(history, partial(self._fold_in, history))

    def _fold_in(self, history: History) -> Array:
        """The vector of whoever has this history, by the normal equations; shape (factors,)."""
        newest = history.last(self.config.last)
        weights = newest.recency(self.config.half_life or np.inf)
        keep = entries_known(newest, weights, len(self._vectors))
        if not keep.any():
            return np.zeros(self._vectors.shape[1], np.float32)
        items, weights = newest.items[keep], (weights * confidence(newest.weights))[keep]
        rows = self._vectors[items].astype(np.float64)
        ridge = self.config.regularisation * (weights.sum() + self.config.unobserved * self._n_active)
        normal = self.config.unobserved * self._gram + (rows.T * weights) @ rows
        normal[np.diag_indices_from(normal)] += ridge
        person: Array = np.linalg.solve(normal, weights @ rows).astype(np.float32)
        return person

    def _solve(self, mine: Array, theirs: Array, grouped: tuple[Longs, IntArray, Array], n_theirs: int) -> None:
        """Improve every row of ``mine`` while ``theirs`` stand still."""
        gram = (self.config.unobserved * (theirs.T @ theirs)).astype(np.float32)
        ridge = self.config.regularisation
        _conjugate_gradients(
            mine, theirs, gram, *grouped, ridge, ridge * self.config.unobserved * n_theirs, self.config.steps
        )


def confidence(weights: FloatArray) -> FloatArray:
    """What interactions of this total weight count: 1 for one view, and the logarithm of more."""
    return np.log2(1.0 + weights)


def observed_pairs(interactions: Interactions) -> tuple[IntArray, IntArray, Array]:
    """Each person and item that met, once, with the confidence of all their interactions together."""
    keys = interactions.users.astype(np.int64) * max(interactions.n_items, 1) + interactions.items
    distinct, places = np.unique(keys, return_inverse=True)
    weights = confidence(np.bincount(places, interactions.weights, minlength=len(distinct)).astype(np.float64))
    users, items = np.divmod(distinct, max(interactions.n_items, 1))
    return users.astype(np.int32), items.astype(np.int32), weights.astype(np.float32)


def _grouped(rows: IntArray, columns: IntArray, weights: Array, n_rows: int) -> tuple[Longs, IntArray, Array]:
    """The pairs row by row: pointers, columns, weights."""
    order = np.argsort(rows, kind="stable")
    pointers = np.concatenate((np.zeros(1, np.int64), np.cumsum(np.bincount(rows, minlength=n_rows))))
    return pointers, columns[order], weights[order]


@njit(cache=True, fastmath={"contract", "reassoc", "nsz"})
def _conjugate_gradients(  # noqa: PLR0917  # numba takes arrays by position
    mine: Array,
    theirs: Array,
    gram: Array,
    pointers: Longs,
    columns: IntArray,
    weights: Array,
    ridge: float,
    floor: float,
    steps: int,
) -> None:
    """For each row x: (gram + sum w h h' + (ridge sum w + floor) I) x = sum w h, from where x is.

    Rows without any observation become 0: they are of no known taste, or of no known use.
    """
    size = mine.shape[1]
    residual, direction, product = np.empty(size, np.float32), np.empty(size, np.float32), np.empty(size, np.float32)
    for row in range(len(mine)):
        first, end = pointers[row], pointers[row + 1]
        x = mine[row]
        if first == end:
            x[:] = 0.0
            continue
        diagonal = np.float32(floor + ridge * weights[first:end].sum())
        _multiply(gram, theirs, columns, weights, first, end, diagonal, x, product)
        residual[:] = -product
        for at in range(first, end):
            _add(residual, weights[at], theirs[columns[at]])
        direction[:] = residual
        length = dot(residual, residual)
        for _ in range(steps):
            if length < 1e-20:
                break
            _multiply(gram, theirs, columns, weights, first, end, diagonal, direction, product)
            step = length / dot(direction, product)
            _add(x, step, direction)
            _add(residual, -step, product)
            before, length = length, dot(residual, residual)
            for f in range(size):
                direction[f] = residual[f] + (length / before) * direction[f]


@njit(cache=True, fastmath={"contract", "reassoc", "nsz"})
def _multiply(  # noqa: PLR0917  # numba takes arrays by position
    gram: Array,
    theirs: Array,
    columns: IntArray,
    weights: Array,
    first: int,
    end: int,
    diagonal: Any,
    vector: Array,
    product: Array,
) -> None:
    """Write (gram + sum w h h' + diagonal I) ``vector`` into ``product``."""
    for f in range(len(vector)):
        product[f] = diagonal * vector[f]
    for f in range(len(vector)):
        _add(product, vector[f], gram[f])
    for at in range(first, end):
        other = theirs[columns[at]]
        _add(product, weights[at] * dot(other, vector), other)


@njit(cache=True, fastmath={"contract", "reassoc", "nsz"})
def _add(target: Array, factor: float, vector: Array) -> None:
    """Add ``factor`` times ``vector``."""
    for f in range(len(target)):
        target[f] += factor * vector[f]
