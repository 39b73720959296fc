"""What people chose who resemble this one: a recency-weighted cosine over items, from the history alone.

    nearness(p) = sum over the query's items i that p has of recency(i) * source(i) / sqrt(items of p + shrinkage)
    score(j) = target(j) * sum over the nearest people p that have j of nearness(p) / sum over them all of nearness(p)

with source(i) = people(i) ** -source_exponent and target(j) = people(j) ** -target_exponent. The neighbourhood is that
of J. Herlocker et al., An Algorithmic Framework for Performing Collaborative Filtering, SIGIR 1999; where we differ:
nobody is looked up by name, so that a person who came after the fit is served like any other, what was chosen lately
says more, and the shrinkage stands under the root, where it belongs to a person and costs nothing per question.
"""

from collections.abc import Mapping
from functools import partial
from typing import ClassVar

import numpy as np
from pydantic import Field

from tailorbird.catalogue import Catalogue
from tailorbird.retrieval.item_knn import distinct_pairs
from tailorbird.retrieval.neighbours import ExponentsConfig, LastAsked, query_of
from tailorbird.retrieval.rows import Longs, Rows
from tailorbird.types import Array, FloatArray, History, IntArray, Interaction, Interactions, Request


class UserKnnConfig(ExponentsConfig):
    """``longest`` belongs to the fit, the rest to the query."""

    neighbours: int = Field(200, ge=1, description="nearest people that are listened to")
    shrinkage: float = Field(10.0, ge=0, description="items added to everybody's count; few in common then say less")
    longest: int = Field(1_000, ge=1, description="newest items of one person that are known")


class UserKnn:
    """Who has which item, by item and by person."""

    name: ClassVar[str] = "user-knn"
    Config = UserKnnConfig

    def __init__(self, config: UserKnnConfig | None = None, arrays: Mapping[str, Array] | None = None) -> None:
        """New, or as `arrays` gave it.

        Raises:
            KeyError, ValueError: the arrays are not what `arrays` gives.
        """
        self.config = config or UserKnnConfig()
        if arrays is None:
            arrays = _both_ways(np.empty(0, np.int32), np.empty(0, np.int32), 0, 0)
        self._hold(arrays)

    def fit(self, interactions: Interactions, catalogue: Catalogue) -> None:
        """Write down who has what; cost: a sort."""
        users, items = distinct_pairs(interactions, self.config.longest)
        n_items = max(interactions.n_items, len(catalogue))
        self._hold(_both_ways(users, items, interactions.n_users, n_items))

    def learn(self, step: Interaction, history: History) -> None:
        """Does nothing: people are compared as the last fit knew them."""

    def retrieve(self, _request: Request, history: History, limit: int) -> tuple[IntArray, FloatArray]:
        """The items that the nearest people have, best first."""
        people, shares = self._asked.of(history, partial(self._nearest, history))
        return self._items.best(people, shares, self._target, limit)

    def score(self, _request: Request, history: History, items: IntArray) -> FloatArray:
        """The share of the nearest people, by nearness, that have each of ``items``."""
        people, shares = self._asked.of(history, partial(self._nearest, history))
        return self._items.judge(people, shares, self._target, items)

    def arrays(self) -> Mapping[str, Array]:
        """The pairs, by item and by person."""
        return {**_labelled("people", self._people.arrays()), **_labelled("items", self._items.arrays())}

    def _hold(self, arrays: Mapping[str, Array]) -> None:
        n_items, n_people = len(arrays["people_pointers"]) - 1, len(arrays["items_pointers"]) - 1
        self._people = Rows.of(_part("people", arrays), n_people)
        self._items = Rows.of(_part("items", arrays), n_items)
        known = np.maximum(self._people.lengths, 1).astype(np.float64)
        self._source, self._target = known**-self.config.source_exponent, known**-self.config.target_exponent
        self._closeness = np.maximum(self._items.lengths + self.config.shrinkage, 1.0) ** -0.5
        self._asked: LastAsked[tuple[IntArray, FloatArray]] = LastAsked()

    def _nearest(self, history: History) -> tuple[IntArray, FloatArray]:
        """The people nearest to whoever has this history, and the share that each has in their word."""
        items, weights = query_of(history, self.config, len(self._source))
        people, nearness = self._people.best(
            items, weights * self._source[items], self._closeness, self.config.neighbours
        )
        return people, nearness / max(float(nearness.sum()), np.finfo(float).tiny)


def _both_ways(users: IntArray, items: IntArray, n_people: int, n_items: int) -> dict[str, Array]:
    """Rows of people per item and of items per person; each pair stands once."""
    return {
        **_labelled("people", _rows(items, users, n_items)),
        **_labelled("items", _rows(users, items, n_people)),
    }


def _rows(rows: IntArray, columns: IntArray, n_rows: int) -> dict[str, Array]:
    pointers: Longs = np.concatenate((np.zeros(1, np.int64), np.cumsum(np.bincount(rows, minlength=n_rows))))
    order = np.lexsort((columns, rows))
    return {"pointers": pointers, "columns": columns[order], "values": np.ones(len(rows), np.float32)}


def _labelled(label: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {f"{label}_{name}": array for name, array in arrays.items()}


def _part(label: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {name: arrays[f"{label}_{name}"] for name in ("pointers", "columns", "values")}
