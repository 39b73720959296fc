"""The most wanted items now: counts of interest that halve with time. The baseline, and the answer for a stranger.

Decayed instead of windowed, so that one number per item is the whole state; kept as the logarithm of a sum that grows
with time instead of shrinking (forward decay: Cormode et al., Forward Decay, 2009), so that an event touches one number
and an order once made stays right until somebody's next event.
"""

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tailorbird.catalogue import Catalogue
from tailorbird.types import DAY_SECONDS, Array, FloatArray, History, IntArray, Interaction, Interactions, Request

_FRESH_SECONDS: Final = 5.0


class PopularConfig(BaseModel):
    """How fast interest fades."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    half_life_days: float = Field(14.0, gt=0, description="days after which an interaction counts half")


class Popular:
    """Counts per item; ``fit`` is ``learn`` of every interaction at once."""

    name: ClassVar[str] = "popular"
    Config = PopularConfig

    def __init__(self, config: PopularConfig | None = None, arrays: Mapping[str, Array] | None = None) -> None:
        self.config = config or PopularConfig()
        self._log_counts = np.full(0, -np.inf) if arrays is None else np.array(arrays["log_counts"])
        self._order: tuple[float, IntArray] = (-np.inf, np.empty(0, np.int32))

    def fit(self, interactions: Interactions, _catalogue: Catalogue) -> None:
        """Count everything."""
        self._log_counts = np.full(interactions.n_items, -np.inf)
        np.logaddexp.at(self._log_counts, interactions.items, self._grown(interactions.at))
        self._order = (-np.inf, np.empty(0, np.int32))

    def learn(self, step: Interaction, _history: History) -> None:
        """One more."""
        if step.item >= len(self._log_counts):
            more = np.full(step.item + 1 + len(self._log_counts), -np.inf)
            more[: len(self._log_counts)] = self._log_counts
            self._log_counts = more
        self._log_counts[step.item] = np.logaddexp(self._log_counts[step.item], self._grown(step.at))

    def retrieve(self, request: Request, history: History, limit: int) -> tuple[IntArray, FloatArray]:
        """The top of an order that is remade when it is older than five seconds of the requests' time."""
        made, order = self._order
        if abs(request.at - made) > _FRESH_SECONDS or len(order) < min(limit, len(self._log_counts)):
            known = np.flatnonzero(np.isfinite(self._log_counts))
            keep = max(limit, 500)
            if len(known) > keep:
                known = known[np.argpartition(-self._log_counts[known], keep)[:keep]]
            order = known[np.argsort(-self._log_counts[known], kind="stable")].astype(np.int32)
            self._order = (request.at, order)
        items = order[:limit]
        return items, self.score(request, history, items)

    def score(self, request: Request, _history: History, items: IntArray) -> FloatArray:
        """The decayed count as of the request's time; shape (n,)."""
        known = (items >= 0) & (items < len(self._log_counts))
        out = np.zeros(len(items))
        # Capped: a request before the last event (a replay's, say) would otherwise overflow.
        out[known] = np.exp(np.minimum(self._log_counts[items[known]] - self._grown(request.at), 500.0))
        return out

    def arrays(self) -> Mapping[str, Array]:
        """One number per item."""
        return {"log_counts": self._log_counts}

    def _grown(self, at: FloatArray | float) -> FloatArray:
        """Logarithm of the weight that an event at this time has for ever."""
        return np.asarray(np.asarray(at) * (np.log(2) / (self.config.half_life_days * DAY_SECONDS)))
