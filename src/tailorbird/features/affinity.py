"""How much a person leans to each category, department and brand, and at which prices, recent events weighing more.

Chosen over a plain count because taste moves; over a model because it must change with the next click. Weights grow
with time (`decay`): a share is a ratio, so that what is common to all of them cancels.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Final

import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.features.decay import grown
from tailorbird.features.tally import Tally
from tailorbird.protocols import EVERY, FOR_EVER, Scope
from tailorbird.types import NOBODY, FloatArray, IntArray, Interaction, Request

CATEGORY, DEPARTMENT, BRAND = range(3)
_KINDS: Final = 3


@dataclass(slots=True)
class Taste:
    """Forward-decayed weight per code, and of log prices: total weight, weighted sum, weighted sum of squares.

    One tally for all three kinds of codes, for there are as many of these as people: `_KINDS` * code + kind.
    """

    marks: Tally = field(default_factory=Tally)
    prices: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def of_kind(self, kind: int) -> dict[int, float]:
        """The weight of each code of a kind."""
        return {mark // _KINDS: weight for mark, weight in self.marks.items() if mark % _KINDS == kind}


class Affinity:
    """Fold of scope user."""

    name: ClassVar[str] = "affinity"
    version: ClassVar[int] = 1
    scope: ClassVar[Scope] = Scope.USER
    columns: ClassVar[tuple[str, ...]] = ("category_share", "department_share", "brand_share", "price_gap")
    owner: ClassVar[str] = "tailorbird"
    ttl_days: ClassVar[float] = FOR_EVER
    freshness_seconds: ClassVar[float] = 300.0
    begins_with: ClassVar[frozenset[str]] = EVERY

    def __init__(self, half_life_days: float = 30.0) -> None:
        self.half_life_days = half_life_days

    def empty(self) -> Taste:
        """No taste known."""
        return Taste()

    def update(self, state: Taste, step: Interaction, catalogue: Catalogue) -> Taste:
        """Add the step's weight where the item stands in the catalogue now."""
        if step.weight <= 0:
            return state
        weight = step.weight * grown(step.at, self.half_life_days)
        category, department, brand, price, log_price, _ = catalogue.facts(step.item)
        if category != NOBODY:
            state.marks.add(_KINDS * category + CATEGORY, weight)
        if department != NOBODY:
            state.marks.add(_KINDS * department + DEPARTMENT, weight)
        if brand != NOBODY:
            state.marks.add(_KINDS * brand + BRAND, weight)
        if price > 0:
            total, first, second = state.prices
            state.prices = (total + weight, first + weight * log_price, second + weight * log_price**2)
        return state

    def merge(self, mine: Taste, theirs: Taste) -> Taste:
        """Weights add up: both were grown from the same landmark."""
        return Taste(
            mine.marks.plus(theirs.marks),
            tuple(a + b for a, b in zip(mine.prices, theirs.prices, strict=True)),  # type: ignore[arg-type]  # three
        )

    def read(self, state: Taste, _request: Request, items: IntArray, catalogue: Catalogue) -> FloatArray:
        """Three shares in [0, 1], and how many deviations the price lies above what the person looks at."""
        out = np.zeros((len(items), len(self.columns)))
        if len(state.marks):
            codes = np.stack((catalogue.category[items], catalogue.department[items], catalogue.brand[items]), axis=1)
            kinds = np.array(state.marks.codes) % _KINDS
            totals = np.bincount(kinds, state.marks.weights, minlength=_KINDS)
            weights = state.marks.of((_KINDS * codes + np.arange(_KINDS)).astype(np.int32))
            out[:, :_KINDS] = weights / np.where(totals > 0, totals, 1.0)
        total, first, second = state.prices
        if total > 0:
            mean = first / total
            spread = np.sqrt(max(second / total - mean**2, 0.0)) + 0.3
            gap = (np.log(np.maximum(catalogue.price[items], 0.01)) - mean) / spread
            out[:, 3] = np.clip(np.nan_to_num(gap, nan=0.0), -10, 10)
        return out
