"""A whole world: its shelf, its shoppers, and the truth about what they would like. Only benchmarks may ask for it."""

from functools import lru_cache

import numpy as np

from tailorbird.errors import BadNumber
from tailorbird.simulator.catalogue import WEEK_SECONDS, build_shelf
from tailorbird.simulator.shoppers import Shoppers
from tailorbird.simulator.worlds import world_config
from tailorbird.types import FloatArray, IntArray, Item, User


class World:
    """One simulated shop at full size. The same arguments give the same world, whatever happened in another one."""

    def __init__(self, name: str, *, shoppers: int = 0, items: int = 0, seed: int = 1, now: float) -> None:
        """Draw the catalogue and the shoppers; 0 takes the world's own size. The newest items are new at ``now``.

        Raises:
            NotFound: there is no world of that name.
            BadNumber: a size is negative, or too small to have a shop at all.
        """
        self.config = world_config(name)
        n_shoppers, n_items = shoppers or self.config.shoppers, items or self.config.items
        for what, size, least in (("shoppers", n_shoppers, 1), ("items", n_items, 10)):
            if size < least:
                raise BadNumber(f"A simulated shop cannot have {size} {what}.", hint=f"Give {least} or more.")
        self.seed, self.now = seed, now
        self.shelf = build_shelf(self.config, n_items, seed, now)
        self.shoppers = Shoppers(self.shelf, n_shoppers, seed)
        self._prices_of_week = lru_cache(maxsize=4)(self.shelf.prices)

    def prices(self, at: float) -> FloatArray:
        """What each item costs at that time; shape (n_items,)."""
        return self._prices_of_week(int(at // WEEK_SECONDS))

    def utility(self, shopper: int, items: IntArray, at: float) -> FloatArray:
        """The hidden truth: what ``shopper`` would think of each item at that time, before any errand; shape (n,).

        Chances to click grow with it; see `visits.Visit`.
        """
        mood = self.shoppers.mood(shopper, at)
        wish = self.shoppers.wish(mood)
        return self.shoppers.liking(mood, items, self.prices(at)[items]) + wish[self.shelf.kinds[items]]

    def item(self, number: int, at: float) -> Item:
        """The record of an item as it is at that time."""
        return self.shelf.item(number, float(self.prices(at)[number]))

    def user(self, shopper: int) -> User:
        """The account of a shopper, as the shop knows it: nothing of the hidden tastes."""
        rng = np.random.default_rng([self.seed, 4, shopper])
        return User(
            user_id=user_id(shopper),
            traits={
                "newsletter": bool(rng.random() < 0.4),
                "joined_with": str(rng.choice(["web", "app", "store"], p=[0.6, 0.3, 0.1])),
            },
            locale="en",
            currency="EUR",
            region=str(rng.choice(["DE", "FR", "NL", "IT", "ES"], p=[0.4, 0.2, 0.2, 0.1, 0.1])),
            consent={"personalisation": bool(rng.random() < 0.97)},
        )


def user_id(shopper: int) -> str:
    """The account id of a shopper."""
    return f"u{shopper:05d}"


def device_id(shopper: int, device: int) -> str:
    """The anonymous id of one of a shopper's devices."""
    return f"d{shopper:05d}-{device}"
