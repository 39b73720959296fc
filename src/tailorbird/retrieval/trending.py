"""What is rising: interest over a short half-life against interest over a long one.

A smoothed ratio of two decayed rates, so that an item with two views cannot lead; it finds what popularity will only
show in a week.
"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tailorbird.catalogue import Catalogue
from tailorbird.retrieval.popular import Popular, PopularConfig
from tailorbird.types import Array, FloatArray, History, IntArray, Interaction, Interactions, Request


class TrendingConfig(BaseModel):
    """The two windows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    short_days: float = Field(1.0, gt=0, description="half-life of the interest that counts as now")
    long_days: float = Field(14.0, gt=0, description="half-life of the interest it is held against")
    prior: float = Field(5.0, gt=0, description="interactions of the long window that an item is given to begin with")


class Trending:
    """Two `Popular` side by side."""

    name: ClassVar[str] = "trending"
    Config = TrendingConfig

    def __init__(self, config: TrendingConfig | None = None, arrays: Mapping[str, Array] | None = None) -> None:
        self.config = config or TrendingConfig()
        short, long = (
            None if arrays is None else {"log_counts": arrays[f"{window}_log_counts"]} for window in ("short", "long")
        )
        self._short = Popular(PopularConfig(half_life_days=self.config.short_days), short)
        self._long = Popular(PopularConfig(half_life_days=self.config.long_days), long)

    def fit(self, interactions: Interactions, catalogue: Catalogue) -> None:
        """Count over both windows."""
        self._short.fit(interactions, catalogue)
        self._long.fit(interactions, catalogue)

    def learn(self, step: Interaction, history: History) -> None:
        """One more for both."""
        self._short.learn(step, history)
        self._long.learn(step, history)

    def retrieve(self, request: Request, history: History, limit: int) -> tuple[IntArray, FloatArray]:
        """The fastest risers among what is wanted most right now."""
        items, _ = self._short.retrieve(request, history, 5 * limit)
        scores = self.score(request, history, items)
        best = np.argsort(-scores, kind="stable")[:limit]
        return items[best], scores[best]

    def score(self, request: Request, history: History, items: IntArray) -> FloatArray:
        """Short rate over smoothed long rate, per day; 1 is steady; 0 for what nobody wanted; shape (n,)."""
        short = self._short.score(request, history, items) / self.config.short_days
        long = self._long.score(request, history, items)
        return np.where(long > 0, short / ((long + self.config.prior) / self.config.long_days), 0.0)

    def arrays(self) -> Mapping[str, Array]:
        """One number per item and window."""
        return {
            "short_log_counts": self._short.arrays()["log_counts"],
            "long_log_counts": self._long.arrays()["log_counts"],
        }
