"""What is wanted more now than it used to be.

The score is the logarithm of (rate of the last days + a) / (rate of the last weeks + a), both exponentially decayed and
in weight per day. ``a`` is what ``smoothing`` events in one short half-life amount to: it keeps a single click on a
forgotten item from being a trend, as the constant of L. Hong et al., Predicting Popular Messages in Twitter, WWW 2011,
or any Beta prior does. 0 is "as ever", and an item that fades is below 0. Without times both rates are plain counts,
and so is the order.
"""

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tailorbird.catalogue import Catalogue
from tailorbird.retrieval.decay import DecayedCounts, Order, sorted_by
from tailorbird.retrieval.rows import best_of
from tailorbird.types import DAY_SECONDS, Array, FloatArray, History, IntArray, Interaction, Interactions, Request

_PATIENCE: Final = 0.02
"""Share of the short half-life after which the order is made anew."""


class TrendingConfig(BaseModel):
    """Which two periods are compared."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    short_days: float = Field(2.0, gt=0, description="half-life of the rate now")
    long_days: float = Field(21.0, gt=0, description="half-life of the rate it is compared with")
    smoothing: float = Field(5.0, gt=0, description="weight in one short half-life that says nothing yet")


class Trending:
    """Items by how much faster they are wanted than before."""

    name: ClassVar[str] = "trending"
    Config = TrendingConfig

    def __init__(self, config: TrendingConfig | None = None, arrays: Mapping[str, Array] | None = None) -> None:
        """New, or as `arrays` gave it."""
        self.config = config or TrendingConfig()
        self._short, self._long = DecayedCounts(self.config.short_days), DecayedCounts(self.config.long_days)
        self._order = Order()
        self._events = 0
        if arrays is not None:
            self._short.load(arrays, "short")
            self._long.load(arrays, "long")
            self._events = int(arrays["events"][0])

    def fit(self, interactions: Interactions, catalogue: Catalogue) -> None:
        """Count these, twice."""
        n_items = max(interactions.n_items, len(catalogue))
        self._short.fit(interactions, n_items)
        self._long.fit(interactions, n_items)
        self._events = len(interactions)
        self._order.forget()

    def learn(self, step: Interaction, _history: History) -> None:
        """Count one more."""
        if step.weight <= 0 or step.item < 0:
            return
        self._short.add(step.item, step.at, step.weight)
        self._long.add(step.item, step.at, step.weight)
        self._events += 1
        self._order.learned()

    def retrieve(self, request: Request, _history: History, limit: int) -> tuple[IntArray, FloatArray]:
        """The items that rise fastest; fewer than ``limit`` when fewer rise."""
        if self._order.is_stale(limit, request.at, _PATIENCE * self.config.short_days * DAY_SECONDS):
            items, _ = best_of(self._trends(request.at), max(limit, Order.SIZE))
            self._order.keep(items, request.at, self._events)
        items = self._order.items
        return sorted_by(items, self._trends(request.at, items), limit)

    def score(self, request: Request, _history: History, items: IntArray) -> FloatArray:
        """Logarithm of the smoothed ratio of the two rates."""
        return self._trends(request.at, items)

    def arrays(self) -> Mapping[str, Array]:
        """Both counts."""
        return {**self._short.arrays("short"), **self._long.arrays("long"), "events": np.array([self._events])}

    def _trends(self, at: float, items: IntArray | None = None) -> FloatArray:
        # A decayed count divided by the half-life is, up to one constant that is left out of all three, a rate per day.
        beyond_doubt = self.config.smoothing / self.config.short_days
        now = self._short.at(at, items) / self.config.short_days + beyond_doubt
        before = self._long.at(at, items) / self.config.long_days + beyond_doubt
        trends: FloatArray = np.log(now / before)
        return trends
