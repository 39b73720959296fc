"""What a person bought or put in the cart, and when: decides what not to show again, and what is due again."""

from dataclasses import dataclass, field
from typing import ClassVar, Final, NamedTuple

import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.protocols import FOR_EVER, Scope
from tailorbird.types import DAY_SECONDS, FloatArray, IntArray, Interaction, Request

_NEVER_DAYS: Final = 3_650.0


class Purchases(NamedTuple):
    """How often one item was bought by one person, and when for the first and for the last time."""

    times: int
    first: float
    last: float

    def share_of_interval(self, at: float) -> float:
        """The time since the last one, in mean intervals between them; 0 where there is no interval yet."""
        if self.times < 2 or self.last <= self.first:
            return 0.0
        return max(at - self.last, 0.0) * (self.times - 1) / (self.last - self.first)


@dataclass(slots=True)
class Owned:
    """Item number -> its purchases, and what lies in the cart (item number -> when it was put there)."""

    bought: dict[int, Purchases] = field(default_factory=dict)
    cart: dict[int, float] = field(default_factory=dict)


class Ownership:
    """Fold of scope user."""

    name: ClassVar[str] = "ownership"
    version: ClassVar[int] = 2
    scope: ClassVar[Scope] = Scope.USER
    columns: ClassVar[tuple[str, ...]] = (
        "times_bought",
        "log_days_since_bought",
        "in_cart",
        "share_of_repurchase_interval",
    )
    owner: ClassVar[str] = "tailorbird"
    ttl_days: ClassVar[float] = FOR_EVER
    freshness_seconds: ClassVar[float] = 60.0
    begins_with: ClassVar[frozenset[str]] = frozenset({"purchase", "cart_add"})

    def empty(self) -> Owned:
        """Nothing bought."""
        return Owned()

    def update(self, state: Owned, step: Interaction, _catalogue: Catalogue) -> Owned:
        """A purchase empties the item's place in the cart; a refund takes one purchase back."""
        times, first, last = state.bought.get(step.item, (0, step.at, step.at))
        if step.type == "purchase":
            state.bought[step.item] = Purchases(times + 1, min(first, step.at), max(last, step.at))
            state.cart.pop(step.item, None)
        elif step.type == "refund" and times:
            state.bought[step.item] = Purchases(times - 1, first, last)
            if times == 1:
                del state.bought[step.item]
        elif step.type == "cart_add":
            state.cart[step.item] = step.at
        elif step.type == "cart_remove":
            state.cart.pop(step.item, None)
        return state

    def merge(self, mine: Owned, theirs: Owned) -> Owned:
        """Purchases add up, from the first of either to the last of either; a cart holds what either held."""
        bought = dict(theirs.bought)
        for item, (times, first, last) in mine.bought.items():
            more, earlier, later = bought.get(item, (0, first, last))
            bought[item] = Purchases(times + more, min(first, earlier), max(last, later))
        return Owned(bought, {**theirs.cart, **mine.cart})

    def read(self, state: Owned, request: Request, items: IntArray, _catalogue: Catalogue) -> FloatArray:
        """Times bought, days since the last time (log), whether it lies in the cart, and whether it is due again.

        The last is the time since the person last bought the item, in mean intervals between their purchases of it:
        from about 1 on it is due. 0 for what was not bought at two different times.
        """
        out = np.zeros((len(items), len(self.columns)))
        out[:, 1] = np.log1p(_NEVER_DAYS)
        if not state.bought and not state.cart:
            return out
        for row, item in enumerate(items.tolist()):
            if (owned := state.bought.get(item)) is not None:
                out[row, 0] = owned.times
                out[row, 1] = np.log1p(max(request.at - owned.last, 0.0) / DAY_SECONDS)
                out[row, 3] = owned.share_of_interval(request.at)
            out[row, 2] = item in state.cart
        return out
