"""When a person comes, by hour and weekday, against when everybody does."""

from typing import ClassVar

import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.features.decay import grown
from tailorbird.features.shop_rhythm import HALF_LIFE_DAYS, HOURS, WEEKDAYS, Rhythm, lift, places_of
from tailorbird.protocols import EVERY, Scope
from tailorbird.types import Array, FloatArray, IntArray, Interaction, Request


class PersonRhythm:
    """Fold of scope user: grown weights by hour (24) and weekday (7)."""

    name: ClassVar[str] = "rhythm"
    version: ClassVar[int] = 1
    scope: ClassVar[Scope] = Scope.USER
    columns: ClassVar[tuple[str, ...]] = ("hour_lift", "weekday_lift")
    owner: ClassVar[str] = "tailorbird"
    ttl_days: ClassVar[float] = 365.0
    freshness_seconds: ClassVar[float] = 86_400.0
    begins_with: ClassVar[frozenset[str]] = EVERY
    shop: ClassVar[str] = "shop_rhythm"

    def empty(self) -> Array:
        """Zeros; shape (31,)."""
        return np.zeros(31)

    def update(self, state: Array, step: Interaction, _catalogue: Catalogue) -> Array:
        """Count interest at its own time."""
        if step.weight > 0:
            weight, (hour, weekday) = grown(step.at, HALF_LIFE_DAYS), places_of(step.at)
            state[hour] += weight
            state[weekday] += weight
        return state

    def merge(self, mine: Array, theirs: Array) -> Array:
        """Added up."""
        return np.asarray(mine + theirs)

    def read(self, state: tuple[Array, Rhythm], request: Request, items: IntArray, _catalogue: Catalogue) -> FloatArray:
        """By how much more of this person's interest falls to this hour, and weekday, than of everybody's: logs."""
        mine, shop = state
        now = grown(request.at, HALF_LIFE_DAYS)
        row = [
            lift(mine[place] / now, mine[of].sum() / now, shop.share(place, of))
            for place, of in zip(places_of(request.at), (HOURS, WEEKDAYS), strict=True)
        ]
        return np.broadcast_to(np.array(row), (len(items), len(self.columns)))
