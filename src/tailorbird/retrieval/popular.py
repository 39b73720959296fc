"""What most people want lately: the channel that is never empty, and the baseline that every model has to beat.

Recency matters more than it seems: on split-by-time tables popularity of the last days beats published neural models.
The score is an item's share of all decayed weight, in [0, 1], and the same at every moment between two events.
"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tailorbird.catalogue import Catalogue
from tailorbird.retrieval.decay import DecayedCounts, Order, sorted_by
from tailorbird.retrieval.rows import best_of
from tailorbird.types import Array, FloatArray, History, IntArray, Interaction, Interactions, Request


class PopularConfig(BaseModel):
    """How fast popularity fades."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    half_life_days: float = Field(30.0, gt=0, description="days after which an event counts half")


class Popular:
    """Items by their decayed weight."""

    name: ClassVar[str] = "popular"
    Config = PopularConfig

    def __init__(self, config: PopularConfig | None = None, arrays: Mapping[str, Array] | None = None) -> None:
        """New, or as `arrays` gave it."""
        self.config = config or PopularConfig()
        self._counts = DecayedCounts(self.config.half_life_days)
        self._order = Order()
        self._events = 0
        if arrays is not None:
            self._counts.load(arrays, "counts")
            self._events = int(arrays["events"][0])

    def fit(self, interactions: Interactions, catalogue: Catalogue) -> None:
        """Count these."""
        self._counts.fit(interactions, max(interactions.n_items, len(catalogue)))
        self._events = len(interactions)
        self._order.forget()

    def learn(self, step: Interaction, _history: History) -> None:
        """Count one more."""
        if step.weight <= 0 or step.item < 0:
            return
        self._counts.add(step.item, step.at, step.weight)
        self._events += 1
        self._order.learned()

    def retrieve(self, request: Request, _history: History, limit: int) -> tuple[IntArray, FloatArray]:
        """The most popular items, the same for everybody."""
        if self._order.is_stale(limit, request.at):
            items, _ = best_of(self._counts.values, max(limit, Order.SIZE))
            self._order.keep(items, request.at, self._events)
        items = self._order.items
        return sorted_by(items, self._shares(items), limit)

    def score(self, _request: Request, _history: History, items: IntArray) -> FloatArray:
        """Each item's share of all decayed weight."""
        return self._shares(items)

    def arrays(self) -> Mapping[str, Array]:
        """The counts."""
        return {**self._counts.arrays("counts"), "events": np.array([self._events])}

    def _shares(self, items: IntArray) -> FloatArray:
        total = float(self._counts.values.sum())
        return self._counts.of(items) / total if total > 0 else np.zeros(len(items))
