"""What becomes of an item that is shown: looked at, put in the cart, bought, sent back.

Each rate is a beta posterior mean whose prior is the shop's own average as it is now, so that an item with three looks
and one cart is not taken for the best of all.
"""

from typing import ClassVar, Final

import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.features.decay import add_faded, merged_faded
from tailorbird.features.shop_averages import HALF_LIFE_DAYS, STAGES, Averages, rates_of
from tailorbird.protocols import EVERY, Scope
from tailorbird.types import DAY_SECONDS, Array, FloatArray, IntArray, Interaction, Request

_PRIORS: Final = np.array([50.0, 20.0, 10.0, 10.0])


class ItemRates:
    """Fold of scope item: faded counts of the six stages, and their time."""

    name: ClassVar[str] = "item_rates"
    version: ClassVar[int] = 1
    scope: ClassVar[Scope] = Scope.ITEM
    columns: ClassVar[tuple[str, ...]] = ("click_rate", "cart_rate", "cart_purchase_rate", "refund_rate")
    owner: ClassVar[str] = "tailorbird"
    ttl_days: ClassVar[float] = 365.0
    freshness_seconds: ClassVar[float] = 3_600.0
    begins_with: ClassVar[frozenset[str]] = EVERY
    shop: ClassVar[str] = "shop_averages"

    def empty(self) -> Array:
        """Zeros; shape (7,)."""
        return np.zeros(len(STAGES) + 1)

    def update(self, state: Array, step: Interaction, _catalogue: Catalogue) -> Array:
        """Count the step, faded to the later of its time and the row's."""
        stage = STAGES.get(step.type)
        if stage is not None:
            add_faded(state, step.at, stage, HALF_LIFE_DAYS)
        return state

    def merge(self, mine: Array, theirs: Array) -> Array:
        """Both faded to the later time, then added."""
        return merged_faded(mine, theirs, HALF_LIFE_DAYS)

    def read(
        self, state: tuple[Array, Averages], request: Request, items: IntArray, _catalogue: Catalogue
    ) -> FloatArray:
        """Clicks per impression, cart per look, purchases per cart, refunds per purchase; drawn to the shop's."""
        rows, shop = state
        if not len(items):
            return np.empty((0, len(self.columns)))
        days = np.maximum(request.at - rows[:, -1:], 0.0) / DAY_SECONDS
        usual = shop.rates(request.at).mean(axis=0)
        return rates_of(rows[:, :-1] * np.exp2(-days / HALF_LIFE_DAYS), usual, _PRIORS)
