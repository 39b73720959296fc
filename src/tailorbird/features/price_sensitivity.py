"""How a person's answers depend on a discount: whether they take up more of what is reduced than of what is not.

Two rates at full price and at a discount: taken up per time shown, and put in the cart per look. Each is drawn to the
shop's own rate at that price, so that a stranger has the shop's lift, and somebody whom discounts leave cold shows it
after some tens of impressions. The index is the mean of the two log ratios.
"""

from typing import ClassVar, Final

import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.features.decay import grown
from tailorbird.features.shop_averages import CARTED, CLICKED, LISTED, SEEN, STAGES, Averages
from tailorbird.protocols import Scope
from tailorbird.types import NOBODY, Array, FloatArray, IntArray, Interaction, Request

HALF_LIFE_DAYS: Final = 90.0
_PRIOR: Final = 20.0


class PriceSensitivity:
    """Fold of scope user: grown weights of four stages, row 0 at full price and row 1 at a discount."""

    name: ClassVar[str] = "price_sensitivity"
    version: ClassVar[int] = 1
    scope: ClassVar[Scope] = Scope.USER
    columns: ClassVar[tuple[str, ...]] = ("discount_lift", "discount_appeal")
    owner: ClassVar[str] = "tailorbird"
    ttl_days: ClassVar[float] = 365.0
    freshness_seconds: ClassVar[float] = 3_600.0
    begins_with: ClassVar[frozenset[str]] = frozenset(kind for kind, stage in STAGES.items() if stage <= CARTED)
    shop: ClassVar[str] = "shop_averages"

    def empty(self) -> Array:
        """Zeros; shape (2, 4)."""
        return np.zeros((2, CARTED + 1))

    def update(self, state: Array, step: Interaction, catalogue: Catalogue) -> Array:
        """Count an impression, a click, a look or a cart at the price of its time."""
        stage = STAGES.get(step.type, CARTED + 1)
        if stage <= CARTED and step.item != NOBODY:
            state[int(catalogue.facts(step.item).discounted), stage] += grown(step.at, HALF_LIFE_DAYS)
        return state

    def merge(self, mine: Array, theirs: Array) -> Array:
        """Added up."""
        return np.asarray(mine + theirs)

    def read(
        self, state: tuple[Array, Averages], request: Request, items: IntArray, catalogue: Catalogue
    ) -> FloatArray:
        """The index, the same for all, and the index times the candidate's own discount."""
        lift = discount_lift(*state, request.at)
        return np.column_stack((np.full(len(items), lift), lift * catalogue.discount(items)))


def discount_lift(mine: Array, shop: Averages, at: float) -> float:
    """By how much more this person answers at a discount than at full price: a log ratio, 0 for no difference."""
    counts = mine / grown(at, HALF_LIFE_DAYS)
    looked = np.maximum(counts[:, SEEN], counts[:, CLICKED])
    usual = shop.rates(at)
    clicks = (np.minimum(counts[:, CLICKED], counts[:, LISTED]) + _PRIOR * usual[:, 0]) / (counts[:, LISTED] + _PRIOR)
    carts = (np.minimum(counts[:, CARTED], looked) + _PRIOR * usual[:, 1]) / (looked + _PRIOR)
    (full, reduced), (full_cart, reduced_cart) = clicks, carts
    return float(np.log(reduced / full) + np.log(reduced_cart / full_cart)) / 2
