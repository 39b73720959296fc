"""When this shop is visited, by hour and weekday, and for what: breakfast in the morning, toys before the weekend."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.features.decay import grown
from tailorbird.protocols import EVERY, Scope
from tailorbird.types import DAY_SECONDS, NOBODY, Array, FloatArray, IntArray, Interaction, Request

HALF_LIFE_DAYS: Final = 60.0
HOURS, WEEKDAYS = slice(0, 24), slice(24, 31)
_PRIOR: Final = 20.0
_EPOCH_WEEKDAY: Final = 3  # the first of January 1970 was a Thursday


def places_of(at: float) -> tuple[int, int]:
    """Where a time counts: its hour in 0..23 and its weekday in 24..30, Monday first; both of UTC.

    >>> places_of(1_760_000_000.0)
    (8, 27)
    """
    days, seconds = divmod(at, DAY_SECONDS)
    return int(seconds // 3_600), 24 + int(days + _EPOCH_WEEKDAY) % 7


@dataclass(slots=True)
class Rhythm:
    """Grown weights by hour and weekday: of all interest in row 0, and in row 1 + c of category c."""

    weights: Array = field(default_factory=lambda: np.zeros((1, 31)))

    def add(self, category: int, at: float) -> None:
        """One more interest."""
        if category + 1 >= len(self.weights):
            wider = np.zeros((2 * category + 2, 31))
            wider[: len(self.weights)] = self.weights
            self.weights = wider
        weight = grown(at, HALF_LIFE_DAYS)
        for place in places_of(at):
            self.weights[0, place] += weight
            if category != NOBODY:
                self.weights[1 + category, place] += weight

    def share(self, place: int, of: slice) -> float:
        """The share of all interest that falls to a place among its kind; all alike where nothing is known."""
        every = self.weights[0, of]
        total, n = float(every.sum()), len(every)
        least = total / (_PRIOR * n) or 1.0
        return float((self.weights[0, place] + least) / (total + n * least))


class ShopRhythm:
    """Fold of scope shop."""

    name: ClassVar[str] = "shop_rhythm"
    version: ClassVar[int] = 1
    scope: ClassVar[Scope] = Scope.SHOP
    columns: ClassVar[tuple[str, ...]] = ("category_hour_lift", "category_weekday_lift")
    owner: ClassVar[str] = "tailorbird"
    ttl_days: ClassVar[float] = 365.0
    freshness_seconds: ClassVar[float] = 86_400.0
    begins_with: ClassVar[frozenset[str]] = EVERY

    def empty(self) -> Rhythm:
        """Nobody came yet."""
        return Rhythm()

    def update(self, state: Rhythm, step: Interaction, catalogue: Catalogue) -> Rhythm:
        """Count interest at its own time."""
        if step.weight > 0 and step.item != NOBODY:
            state.add(catalogue.facts(step.item).category, step.at)
        return state

    def merge(self, mine: Rhythm, theirs: Rhythm) -> Rhythm:
        """Added up."""
        big, small = (mine, theirs) if len(mine.weights) >= len(theirs.weights) else (theirs, mine)
        weights = big.weights.copy()
        weights[: len(small.weights)] += small.weights
        return Rhythm(weights)

    def read(self, state: Rhythm, request: Request, items: IntArray, catalogue: Catalogue) -> FloatArray:
        """By how much more of the category's interest falls to this hour, and weekday, than of all interest: logs."""
        code = catalogue.category[items]
        row = np.where((code >= 0) & (code + 1 < len(state.weights)), code + 1, 0)
        now = grown(request.at, HALF_LIFE_DAYS)
        lifts = [
            lift(state.weights[row, place] / now, state.weights[row, of].sum(axis=1) / now, state.share(place, of))
            for place, of in zip(places_of(request.at), (HOURS, WEEKDAYS), strict=True)
        ]
        return np.where(row[:, None] > 0, np.column_stack(lifts), 0.0)


def lift(there: Any, everywhere: Any, usual: float) -> Any:
    """The log of how much larger a share is than the usual one, drawn to 0 as by twenty events."""
    return np.log((there + _PRIOR * usual) / (everywhere + _PRIOR) / usual)
