"""What the shop itself shows without any engine: search results, category pages and a bestseller list, by popularity.

This is the organic half of the log (Rohde et al., RecoGym, 2018): the lists that shoppers find by themselves. They
favour what sold, so a history made with them has the popularity bias of a real one.
"""

from typing import Final

import numpy as np

from tailorbird.simulator.world import World
from tailorbird.types import DAY_SECONDS, FloatArray, IntArray

HALF_LIFE_DAYS: Final = 14.0
PRIOR: Final = 4.0
PAGE: Final = 20


class Listings:
    """Item numbers in the order of popularity, as of the last `refresh`."""

    def __init__(self, world: World, at: float) -> None:
        """Start with a merchandiser's guess: appeal seen through noise."""
        shelf = world.shelf
        self._world, self._at = world, at
        noise = np.random.default_rng([world.seed, 6]).standard_normal(len(shelf))
        guess = 0.5 * shelf.appeal + 0.5 * shelf.demand[shelf.kinds] + 0.5 * noise
        self._interest = PRIOR * np.exp(guess)
        self._by_kind: list[IntArray] = []
        self._by_category: list[IntArray] = []
        self._everything = np.empty(0, np.int32)
        self.refresh(at)

    def saw(self, item: int, weight: float) -> None:
        """Somebody viewed (1) or bought (5) an item; it counts from the next refresh on."""
        self._interest[item] += weight

    def refresh(self, at: float) -> None:
        """Order everything anew: what is not launched or out of stock is left out, old interest fades."""
        shelf = self._world.shelf
        self._interest *= 0.5 ** (max(at - self._at, 0.0) / (HALF_LIFE_DAYS * DAY_SECONDS))
        self._at = at
        order = np.argsort(-self._interest, kind="stable").astype(np.int32)
        order = order[(shelf.launched_at[order] <= at) & (shelf.stock[order] > 0)]
        kinds = shelf.kinds[order]
        categories = shelf.categories[kinds]
        self._by_kind = [order[kinds == kind] for kind in range(len(shelf.categories))]
        self._by_category = [order[categories == one] for one in range(int(shelf.categories.max()) + 1)]
        self._everything = order

    def of_kind(self, kind: int, page: int = 0) -> IntArray:
        """A page of the search results for a product type."""
        return self._by_kind[kind][page * PAGE : (page + 1) * PAGE]

    def of_category(self, category: int, page: int = 0) -> IntArray:
        """A page of a category."""
        return self._by_category[category][page * PAGE : (page + 1) * PAGE]

    def bestsellers(self, limit: int) -> IntArray:
        """The most popular items of the whole shop."""
        return self._everything[:limit]

    def beside(self, item: int, limit: int) -> IntArray:
        """What the shop shows under an item without an engine: the bestsellers of its category."""
        shelf = self._world.shelf
        category = self._by_category[shelf.categories[shelf.kinds[item]]]
        others: IntArray = category[category != item]
        return others[:limit]

    def is_sold(self, item: int) -> bool:
        """Whether the item can be bought now."""
        shelf = self._world.shelf
        return bool(shelf.launched_at[item] <= self._at and shelf.stock[item] > 0)

    @property
    def interest(self) -> FloatArray:
        """Decayed interest per item; shape (n_items,)."""
        return self._interest
