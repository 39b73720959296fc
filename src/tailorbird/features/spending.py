"""When a person bought last, how often and for how much: recency, frequency and money, and what follows from them.

An order is a moment at which something was bought: its lines are one. Of orders the newest hundred are kept by their
times, so that a late or repeated one is counted where it belongs.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Final

import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.features.churn import churn_risk
from tailorbird.protocols import Scope
from tailorbird.types import DAY_SECONDS, NOBODY, FloatArray, IntArray, Interaction, Request

_MOST: Final = 100


@dataclass(slots=True)
class Purse:
    """Times of orders, how many older ones there were, and money: spent, of it at a discount, and given back."""

    times: set[float] = field(default_factory=set)
    older: int = 0
    pieces: float = 0.0
    spent: float = 0.0
    reduced: float = 0.0
    returned: float = 0.0

    @property
    def orders(self) -> int:
        """How many."""
        return len(self.times) + self.older

    def risk(self, at: float) -> float:
        """The chance that there will be no further one; see `churn_risk`."""
        if not self.times:
            return 0.0
        days = (min(self.times) / DAY_SECONDS, max(self.times) / DAY_SECONDS)
        return churn_risk(len(self.times), *days, at / DAY_SECONDS)

    def trim(self) -> None:
        """Keep the newest times alone."""
        if len(self.times) > _MOST:
            self.older += len(self.times) - _MOST
            self.times = set(sorted(self.times)[-_MOST:])


class Spending:
    """Fold of scope user; the same values stand beside every candidate, but for the last."""

    name: ClassVar[str] = "spending"
    version: ClassVar[int] = 1
    scope: ClassVar[Scope] = Scope.USER
    columns: ClassVar[tuple[str, ...]] = (
        "log_orders",
        "log_spent",
        "churn_risk",
        "reduced_share",
        "returned_share",
        "log_price_to_usual",
    )
    owner: ClassVar[str] = "tailorbird"
    ttl_days: ClassVar[float] = 1_095.0
    freshness_seconds: ClassVar[float] = 3_600.0
    begins_with: ClassVar[frozenset[str]] = frozenset({"purchase", "refund"})

    def empty(self) -> Purse:
        """Nothing bought."""
        return Purse()

    def update(self, state: Purse, step: Interaction, catalogue: Catalogue) -> Purse:
        """Count a line of an order, or one that came back, at the price of its time."""
        if step.type not in {"purchase", "refund"} or step.item == NOBODY:
            return state
        price = step.price if step.price is not None else catalogue.facts(step.item).price
        worth = step.quantity * price if price > 0 else 0.0
        if step.type == "refund":
            state.returned += worth
            return state
        state.times.add(step.at)
        state.trim()
        state.pieces += step.quantity * (worth > 0)
        state.spent += worth
        state.reduced += worth * catalogue.facts(step.item).discounted
        return state

    def merge(self, mine: Purse, theirs: Purse) -> Purse:
        """Orders of both, and their money added up."""
        merged = Purse(
            mine.times | theirs.times,
            mine.older + theirs.older,
            mine.pieces + theirs.pieces,
            mine.spent + theirs.spent,
            mine.reduced + theirs.reduced,
            mine.returned + theirs.returned,
        )
        merged.trim()
        return merged

    def read(self, state: Purse, request: Request, items: IntArray, catalogue: Catalogue) -> FloatArray:
        """Logs of orders and money, the risk, shares of the money in [0, 1], and the price to what they pay usually."""
        out = np.zeros((len(items), len(self.columns)))
        if not state.orders:
            return out
        spent = max(state.spent, 1e-9)
        out[:, 0], out[:, 1], out[:, 2] = np.log1p(state.orders), np.log1p(state.spent), state.risk(request.at)
        out[:, 3], out[:, 4] = state.reduced / spent, min(state.returned / spent, 1.0)
        if state.pieces > 0:
            with np.errstate(divide="ignore"):
                ratio = np.log(catalogue.price[items]) - np.log(state.spent / state.pieces)
            out[:, 5] = np.nan_to_num(ratio, nan=0.0, posinf=0.0, neginf=0.0)
        return out
