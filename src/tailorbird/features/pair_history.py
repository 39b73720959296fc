"""What one person and one item have been through together: looked at, shown, left in the cart, sent back.

`recent_items` knows the last few hundred interactions; this knows the last few hundred items, however often each came.
"""

from typing import ClassVar, Final

import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.protocols import EVERY, Scope
from tailorbird.types import DAY_SECONDS, Array, FloatArray, IntArray, Interaction, Request

SEEN, SEEN_AT, SHOWN, CARTED_AT, BOUGHT_AT, RETURNED = range(6)
_NEVER_DAYS: Final = 3_650.0


class PairHistory:
    """Fold of scope pair: looks, the last one's time, impressions, times of the last cart and purchase, returns."""

    name: ClassVar[str] = "pair_history"
    version: ClassVar[int] = 1
    scope: ClassVar[Scope] = Scope.PAIR
    columns: ClassVar[tuple[str, ...]] = (
        "log_pair_looks",
        "log_days_since_pair_look",
        "log_pair_shown",
        "carted_not_bought",
        "times_returned",
    )
    owner: ClassVar[str] = "tailorbird"
    ttl_days: ClassVar[float] = 180.0
    freshness_seconds: ClassVar[float] = 60.0
    begins_with: ClassVar[frozenset[str]] = EVERY

    def empty(self) -> Array:
        """Never met; shape (6,)."""
        return np.zeros(6)

    def update(self, state: Array, step: Interaction, _catalogue: Catalogue) -> Array:
        """Note the step; of two carts or purchases the later counts, whichever is told first."""
        if step.weight > 0:
            state[SEEN] += 1
            state[SEEN_AT] = max(state[SEEN_AT], step.at)
        if step.type == "list_view":
            state[SHOWN] += 1
        elif step.type == "cart_add":
            state[CARTED_AT] = max(state[CARTED_AT], step.at)
        elif step.type == "purchase":
            state[BOUGHT_AT] = max(state[BOUGHT_AT], step.at)
        elif step.type == "refund":
            state[RETURNED] += 1
        return state

    def merge(self, mine: Array, theirs: Array) -> Array:
        """Counts add up, the later times stand."""
        merged = mine + theirs
        for column in (SEEN_AT, CARTED_AT, BOUGHT_AT):
            merged[column] = max(mine[column], theirs[column])
        return np.asarray(merged)

    def read(self, state: Array, request: Request, items: IntArray, _catalogue: Catalogue) -> FloatArray:
        """Looks (log), days since the last (log), impressions (log), whether it waits in some cart, returns."""
        if not state.any():
            out = np.zeros((len(items), len(self.columns)))
            out[:, 1] = np.log1p(_NEVER_DAYS)
            return out
        days = np.where(state[:, SEEN] > 0, np.maximum(request.at - state[:, SEEN_AT], 0.0) / DAY_SECONDS, _NEVER_DAYS)
        return np.column_stack(
            (
                np.log1p(state[:, SEEN]),
                np.log1p(days),
                np.log1p(state[:, SHOWN]),
                state[:, CARTED_AT] > state[:, BOUGHT_AT],
                state[:, RETURNED],
            )
        )
