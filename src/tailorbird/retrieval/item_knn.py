"""Items that the same people chose: each item's nearest neighbours, by a cosine whose two exponents are free.

    similarity(i, j) = people with both / (people with i ** source_exponent * people with j ** target_exponent)

Exponents of 1/2 are the cosine of G. Linden et al., Amazon.com Recommendations, 2003; others are the asymmetric cosine
of F. Aiolli, RecSys 2013. With ``weighting = "bm25"`` people count by how few items they have and items by a saturating
length norm (Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009); plain BM25 has both exponents 0. What
is stored is the numerator, so that exponents are chosen without a second fit; which neighbours are kept is decided by
the symmetric measure.
"""

from collections.abc import Mapping
from typing import ClassVar, Final, Literal

import numpy as np
from numba import njit
from pydantic import Field

from tailorbird.catalogue import Catalogue
from tailorbird.retrieval.loops import push
from tailorbird.retrieval.neighbours import ExponentsConfig, ItemItem
from tailorbird.retrieval.rows import Longs, Rows
from tailorbird.types import Array, FloatArray, History, IntArray, Interaction, Interactions

_SATURATION: Final = 100.0
_LENGTH_NORM: Final = 0.8


class ItemKnnConfig(ExponentsConfig):
    """``neighbours``, ``weighting`` and ``longest`` belong to the fit, the rest to the query."""

    neighbours: int = Field(300, ge=1, description="kept per item")
    weighting: Literal["cosine", "bm25"] = "cosine"
    longest: int = Field(1_000, ge=1, description="newest items of one person that are paired")


class ItemKnn(ItemItem):
    """The neighbours of every item, with how many people both share."""

    name: ClassVar[str] = "item-knn"
    Config = ItemKnnConfig
    config: ItemKnnConfig

    def __init__(self, config: ItemKnnConfig | None = None, arrays: Mapping[str, Array] | None = None) -> None:
        """New, or as `arrays` gave it."""
        self.config = config or ItemKnnConfig()
        super().__init__(arrays, np.float32)

    def fit(self, interactions: Interactions, catalogue: Catalogue) -> None:
        """Pair the items of every person; cost: the sum over people of their items squared."""
        n_items = max(interactions.n_items, len(catalogue))
        users, items = distinct_pairs(interactions, self.config.longest)
        people = np.bincount(items, minlength=n_items).astype(np.int64)
        each = np.bincount(users, minlength=interactions.n_users)
        by_item = np.argsort(items, kind="stable")
        person_factors, item_factors = self._factors(each, people)
        keep = people.astype(np.float64) if self.config.weighting == "cosine" else np.ones(n_items)
        pointers, columns, values = _nearest(
            items,
            np.concatenate((np.zeros(1, np.int64), np.cumsum(each))),
            users[by_item],
            np.concatenate((np.zeros(1, np.int64), np.cumsum(people))),
            person_factors,
            item_factors,
            1.0 / np.sqrt(np.maximum(keep, 1.0)),
            self.config.neighbours,
        )
        self.rows = Rows.of({"pointers": pointers, "columns": columns, "values": values}, n_items)
        self._hold(people)

    def learn(self, step: Interaction, history: History) -> None:
        """Does nothing: neighbours are found by the next fit."""

    def _factors(self, each: Array, people: Longs) -> tuple[FloatArray, FloatArray]:
        """What one person adds to a pair, and what an item's own weight is."""
        if self.config.weighting == "cosine":
            return np.ones(len(each)), np.ones(len(people))
        rarity = np.log(np.maximum(len(people) / (1.0 + each), 1.0))
        length = people / max(float(people[people > 0].mean()) if people.any() else 1.0, 1.0)
        norm = _SATURATION * (1.0 - _LENGTH_NORM + _LENGTH_NORM * length) + 1.0
        return rarity**2, (_SATURATION + 1.0) / norm


def distinct_pairs(interactions: Interactions, longest: int) -> tuple[IntArray, IntArray]:
    """Who has which item, each pair once, person by person; of each the ``longest`` newest items, newest first."""
    order = interactions.by_user()[0][::-1]
    users, items = interactions.users[order], interactions.items[order]
    _, first = np.unique(users.astype(np.int64) * max(interactions.n_items, 1) + items, return_index=True)
    first.sort()
    first = first[np.argsort(users[first], kind="stable")]
    users, items = users[first], items[first]
    begins = np.searchsorted(users, users)
    kept = np.arange(len(users)) - begins < longest
    return users[kept], items[kept]


@njit(cache=True)
def _nearest(  # noqa: PLR0917  # numba takes arrays by position
    items: IntArray,
    user_starts: Longs,
    users: IntArray,
    item_starts: Longs,
    person_factors: FloatArray,
    item_factors: FloatArray,
    measure: FloatArray,
    limit: int,
) -> tuple[Longs, IntArray, Array]:
    """Row by row: add up everybody's other items, keep the nearest, in ascending order of their number.

    ``items[user_starts[u]:user_starts[u + 1]]`` are a person's, ``users[item_starts[i]:item_starts[i + 1]]`` an item's.
    """
    n_items = len(item_starts) - 1
    pointers = np.zeros(n_items + 1, np.int64)
    sums, touched = np.zeros(n_items), np.empty(n_items, np.int32)
    columns, values = (
        np.empty(n_items * min(limit, n_items), np.int32),
        np.empty(n_items * min(limit, n_items), np.float32),
    )
    near, scores = np.empty(limit, np.int32), np.empty(limit)
    for item in range(n_items):
        n = 0
        for which in range(item_starts[item], item_starts[item + 1]):
            user = users[which]
            for at in range(user_starts[user], user_starts[user + 1]):
                other = items[at]
                if other == item or person_factors[user] == 0.0:
                    continue
                if sums[other] == 0.0:
                    touched[n] = other
                    n += 1
                sums[other] += person_factors[user]
        size = 0
        for at in range(n):
            other = touched[at]
            size = push(near, scores, size, other, sums[other] * item_factors[other] * measure[other])
        row, start = np.sort(near[:size]), pointers[item]
        for at in range(size):
            columns[start + at] = row[at]
            values[start + at] = sums[row[at]] * item_factors[item] * item_factors[row[at]]
        for at in range(n):
            sums[touched[at]] = 0.0
        pointers[item + 1] = start + size
    return pointers, columns, values
