"""What a person bought or put in the cart, and when: decides what not to show again, and what is due again."""

from dataclasses import dataclass, field
from typing import ClassVar, Final

import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.protocols import Scope
from tailorbird.types import DAY_SECONDS, FloatArray, IntArray, Interaction, Request

_NEVER_DAYS: Final = 3_650.0


@dataclass(slots=True)
class Owned:
    """Item number -> (times bought, last time), and what lies in the cart (item number -> when it was put there)."""

    bought: dict[int, tuple[int, float]] = field(default_factory=dict)
    cart: dict[int, float] = field(default_factory=dict)


class Ownership:
    """Fold of scope user."""

    name: ClassVar[str] = "ownership"
    version: ClassVar[int] = 1
    scope: ClassVar[Scope] = Scope.USER
    columns: ClassVar[tuple[str, ...]] = ("times_bought", "log_days_since_bought", "in_cart")

    def empty(self) -> Owned:
        """Nothing bought."""
        return Owned()

    def update(self, state: Owned, step: Interaction, _catalogue: Catalogue) -> Owned:
        """A purchase empties the item's place in the cart; a refund takes one purchase back."""
        times, last = state.bought.get(step.item, (0, step.at))
        if step.type == "purchase":
            state.bought[step.item] = (times + 1, max(last, step.at))
            state.cart.pop(step.item, None)
        elif step.type == "refund" and times:
            state.bought[step.item] = (times - 1, last)
            if times == 1:
                del state.bought[step.item]
        elif step.type == "cart_add":
            state.cart[step.item] = step.at
        elif step.type == "cart_remove":
            state.cart.pop(step.item, None)
        return state

    def merge(self, mine: Owned, theirs: Owned) -> Owned:
        """Purchases add up; a cart holds what either held."""
        bought = dict(theirs.bought)
        for item, (times, last) in mine.bought.items():
            more, later = bought.get(item, (0, last))
            bought[item] = (times + more, max(last, later))
        return Owned(bought, {**theirs.cart, **mine.cart})

    def read(self, state: Owned, request: Request, items: IntArray, _catalogue: Catalogue) -> FloatArray:
        """Times bought, days since the last time (log), whether it lies in the cart."""
        out = np.zeros((len(items), len(self.columns)))
        out[:, 1] = np.log1p(_NEVER_DAYS)
        if not state.bought and not state.cart:
            return out
        for row, item in enumerate(items.tolist()):
            if (owned := state.bought.get(item)) is not None:
                out[row, 0] = owned[0]
                out[row, 1] = np.log1p(max(request.at - owned[1], 0.0) / DAY_SECONDS)
            out[row, 2] = item in state.cart
        return out
