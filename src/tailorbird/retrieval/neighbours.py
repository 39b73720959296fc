"""What every item-item channel has in common: a recency-weighted query, popularity exponents, and sparse rows.

    score(j) = target(j) * sum over the query's items i of 0.5 ** (steps(i) / half_life) * source(i) * cell[i, j]

with source(i) = count(i) ** -source_exponent and target(j) = count(j) ** -target_exponent. All three numbers belong to
the query, not to the fit, so that they are chosen on held-out interactions in seconds and never refitted for. Fixed
exponents are the usual mistake: .5 and .5 is the cosine (best on few data sets), 1 and 0 a conditional probability
(F. Aiolli, Efficient Top-N Recommendation for Very Large Scale Binary Rated Datasets, RecSys 2013, gives the family).
"""

from collections.abc import Callable, Mapping
from typing import ClassVar, Final, Generic, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tailorbird.retrieval.rows import Longs, Rows, grown
from tailorbird.types import Array, BoolArray, FloatArray, History, IntArray, Request

_FAINTEST: Final = 2.0**-10

T = TypeVar("T")


class QueryConfig(BaseModel):
    """How a history becomes a query."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    half_life: float | None = Field(
        3.0, gt=0, description="steps back in the history after which an item counts half; empty: all count alike"
    )
    last: int = Field(200, ge=1, description="newest entries of the history that are looked at")


class ExponentsConfig(QueryConfig):
    """A query whose items, and whose answers, are weighed by their popularity."""

    source_exponent: float = Field(0.5, ge=0, le=2, description="how much a popular item in the history says less")
    target_exponent: float = Field(0.5, ge=0, le=2, description="how much a popular candidate is held back")


def query_of(history: History, config: QueryConfig, n_items: int) -> tuple[IntArray, FloatArray]:
    """The history's known items with their recency weights, oldest first; both of shape (n,), n <= ``config.last``.

    Entries that weigh less than 1/1024 of the newest are left out: they cost as much as the others.
    """
    newest = history.last(config.last)
    weights = newest.recency(config.half_life or np.inf)
    keep = entries_known(newest, weights, n_items)
    return newest.items[keep], weights[keep]


def entries_known(newest: History, weights: FloatArray, n_items: int) -> BoolArray:
    """Which entries are of items that the fit knew, and heavy enough to matter."""
    known: BoolArray = (newest.items >= 0) & (newest.items < n_items) & (weights >= _FAINTEST)
    return known


class LastAsked(Generic[T]):
    """What was made of the history asked about last: a request asks twice, to find and to judge."""

    def __init__(self) -> None:
        """Nothing was asked."""
        self._asked: tuple[History, float] | None = None
        self._made: T

    def of(self, history: History, make: Callable[[], T], *, at: float = 0.0) -> T:
        """What ``make`` gives for this very history at this moment; it is not called a second time."""
        if self._asked is None or self._asked[0] is not history or self._asked[1] != at:
            self._made, self._asked = make(), (history, at)
        return self._made


class ItemItem:
    """`retrieve` and `score` of a channel that is rows between items; subclasses fill ``rows`` and ``counts``.

    ``counts`` (n_items,) is what the exponents apply to. Columns never exceed the number of counts.
    """

    config: ExponentsConfig
    unit: ClassVar[float] = 1.0

    def __init__(self, arrays: Mapping[str, Array] | None, dtype: type) -> None:
        """As stored in ``arrays``, or empty.

        Raises:
            KeyError, ValueError: the arrays are not what `arrays` gives.
        """
        self.rows = Rows(0, dtype) if arrays is None else Rows.of(arrays, len(arrays["counts"]))
        self._hold(np.zeros(0, np.int64) if arrays is None else arrays["counts"])
        if self.rows.n_rows != self.n_items:
            raise ValueError(f"{self.rows.n_rows} rows do not match {self.n_items} counts")

    def retrieve(self, _request: Request, history: History, limit: int) -> tuple[IntArray, FloatArray]:
        """The items that score highest, best first; none for a history of which nothing is known."""
        items, weights = query_of(history, self.config, self.n_items)
        return self.rows.best(items, weights * self._source[items], self._target[: self.n_items], limit)

    def score(self, _request: Request, history: History, items: IntArray) -> FloatArray:
        """The score of each of ``items``; 0 where the history never led."""
        query, weights = query_of(history, self.config, self.n_items)
        return self.rows.judge(query, weights * self._source[query], self._target[: self.n_items], items)

    def arrays(self) -> Mapping[str, Array]:
        """The rows and the counts; exponents and half-life are configuration."""
        return {**self.rows.arrays(), "counts": self.counts[: self.n_items].copy()}

    def _hold(self, counts: Longs) -> None:
        """Take these counts and derive both factors from them."""
        self.n_items = len(counts)
        self.counts = counts.astype(np.int64)
        known = np.maximum(self.counts, 1).astype(np.float64)
        self._source = known**-self.config.source_exponent * self.unit
        self._target = known**-self.config.target_exponent

    def _count(self, item: int) -> None:
        """One more interaction with ``item``, which may be new."""
        self._reserve(item + 1)
        self.counts[item] += 1
        known = float(self.counts[item])
        self._source[item] = known**-self.config.source_exponent * self.unit
        self._target[item] = known**-self.config.target_exponent

    def _reserve(self, n_items: int) -> None:
        """Have at least this many items."""
        if n_items <= self.n_items:
            return
        if n_items > len(self.counts):
            room, before = 2 * n_items, self.n_items
            self.counts = grown(self.counts, room)
            self._source, self._target = grown(self._source, room), grown(self._target, room)
            self._source[before:], self._target[before:] = self.unit, 1.0
        self.rows.reserve(n_items)
        self.n_items = n_items
