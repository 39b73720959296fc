"""How often people click, put in the cart, buy and send back in this shop, at full price and at a discount.

One item's few events, and one person's, are drawn to what everybody does.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Final

import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.features.decay import grown
from tailorbird.protocols import EVERY, Scope
from tailorbird.types import NOBODY, Array, FloatArray, IntArray, Interaction, Request

LISTED, CLICKED, SEEN, CARTED, BOUGHT, REFUNDED = range(6)
STAGES: Final = {
    "list_view": LISTED,
    "list_click": CLICKED,
    "item_view": SEEN,
    "cart_add": CARTED,
    "purchase": BOUGHT,
    "refund": REFUNDED,
}
"""The column in which each type of event counts."""

HALF_LIFE_DAYS: Final = 60.0
_FLOOR: Final = (0.02, 0.05, 0.3, 0.02)
_PRIOR: Final = 50.0


@dataclass(slots=True)
class Averages:
    """Grown weights of each stage, in row 0 at full price and in row 1 at a discount; and of orders and their money."""

    counts: Array = field(default_factory=lambda: np.zeros((2, len(STAGES))))
    bought: float = 0.0
    spent: float = 0.0

    def rates(self, at: float) -> FloatArray:
        """Clicks per impression, cart per look, purchases per cart, refunds per purchase; shape (2, 4).

        A shop of which little is known has the rates that shops have.
        """
        return rates_of(self.counts / grown(at, HALF_LIFE_DAYS), np.array(_FLOOR), np.full(4, _PRIOR))

    def usual_price(self) -> float:
        """What people pay for one piece on average; 0 where nobody bought anything with a price."""
        return self.spent / self.bought if self.bought else 0.0


def rates_of(counts: FloatArray, usual: FloatArray, prior: FloatArray) -> FloatArray:
    """The four rates of rows of counts, each drawn to ``usual`` as by ``prior`` events; shape (n, 4).

    Whoever clicks in a list is taken to the item's page, which reports a look of its own or not: the larger of both
    counts is how often it was looked at.
    """
    looked = np.maximum(counts[..., SEEN], counts[..., CLICKED])
    of = (counts[..., LISTED], looked, counts[..., CARTED], counts[..., BOUGHT])
    taken = (counts[..., CLICKED], counts[..., CARTED], counts[..., BOUGHT], counts[..., REFUNDED])
    many, few = np.stack(of, axis=-1), np.stack(taken, axis=-1)
    # A purchase without a cart, and a refund of what was bought before the log began, are no rate above 1.
    return np.asarray((np.minimum(few, many) + prior * usual) / (many + prior))


class ShopAverages:
    """Fold of scope shop; it has no columns of its own, other views are read beside it."""

    name: ClassVar[str] = "shop_averages"
    version: ClassVar[int] = 1
    scope: ClassVar[Scope] = Scope.SHOP
    columns: ClassVar[tuple[str, ...]] = ()
    owner: ClassVar[str] = "tailorbird"
    ttl_days: ClassVar[float] = 730.0
    freshness_seconds: ClassVar[float] = 86_400.0
    begins_with: ClassVar[frozenset[str]] = EVERY

    def empty(self) -> Averages:
        """Nothing happened yet."""
        return Averages()

    def update(self, state: Averages, step: Interaction, catalogue: Catalogue) -> Averages:
        """Count the step at the price of its time."""
        stage = STAGES.get(step.type)
        if stage is None or step.item == NOBODY:
            return state
        weight = grown(step.at, HALF_LIFE_DAYS)
        state.counts[int(catalogue.facts(step.item).discounted), stage] += weight
        price = step.price if step.price is not None else catalogue.facts(step.item).price
        if stage == BOUGHT and price > 0:
            state.bought += weight * step.quantity
            state.spent += weight * step.quantity * price
        return state

    def merge(self, mine: Averages, theirs: Averages) -> Averages:
        """Both added up."""
        return Averages(mine.counts + theirs.counts, mine.bought + theirs.bought, mine.spent + theirs.spent)

    def read(self, _state: Averages, _request: Request, items: IntArray, _catalogue: Catalogue) -> FloatArray:
        """No column."""
        return np.empty((len(items), 0))
