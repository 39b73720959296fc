"""How much an item is wanted now: decayed counts of interest and of purchases over several half-lives.

Decayed instead of windowed, so that one row of numbers per item is the whole state; several half-lives, so that their
ratios say what is rising.
"""

from typing import ClassVar, Final

import numpy as np
from numba import njit

from tailorbird.catalogue import Catalogue
from tailorbird.protocols import Scope
from tailorbird.types import DAY_SECONDS, Array, FloatArray, IntArray, Interaction, Request

_HALF_LIVES_DAYS: Final = np.array([1.0, 7.0, 30.0])
_AT: Final = 6  # where the row keeps the time its counts are decayed to


class ItemCounts:
    """Fold of scope item: counts of interest (1, 7, 30 days), of purchases (the same), and their time."""

    name: ClassVar[str] = "item_counts"
    version: ClassVar[int] = 1
    scope: ClassVar[Scope] = Scope.ITEM
    columns: ClassVar[tuple[str, ...]] = (
        "log_interest_1d",
        "log_interest_7d",
        "log_interest_30d",
        "log_purchases_7d",
        "log_purchases_30d",
        "trend_1d_7d",
        "trend_7d_30d",
        "purchase_rate",
    )

    def empty(self) -> Array:
        """Zeros; shape (7,)."""
        return np.zeros(_AT + 1)

    def update(self, state: Array, step: Interaction, _catalogue: Catalogue) -> Array:
        """Decay to the step's time and add one; a late step is itself decayed to the row's time."""
        if step.weight <= 0:
            return state
        _count(state, step.at, _HALF_LIVES_DAYS, step.type == "purchase")
        return state

    def merge(self, mine: Array, theirs: Array) -> Array:
        """Both decayed to the later time, then added."""
        late, early = (mine, theirs) if mine[_AT] >= theirs[_AT] else (theirs, mine)
        factors = np.tile(np.exp2(-(late[_AT] - early[_AT]) / DAY_SECONDS / _HALF_LIVES_DAYS), 2)
        merged = late.copy()
        merged[:_AT] += early[:_AT] * factors
        return merged

    def read(self, state: Array, request: Request, items: IntArray, _catalogue: Catalogue) -> FloatArray:
        """Logs of the counts decayed to now, two trends (log ratios of daily rates), purchases per interest."""
        age_days = np.maximum(request.at - state[:, _AT], 0.0) / DAY_SECONDS
        factors = np.exp2(-age_days[:, None] / _HALF_LIVES_DAYS)
        interest, bought = state[:, 0:3] * factors, state[:, 3:6] * factors
        rates = np.log(interest / _HALF_LIVES_DAYS + 0.1)
        out = np.empty((len(items), len(self.columns)))
        out[:, 0:3] = np.log1p(interest)
        out[:, 3:5] = np.log1p(bought[:, 1:])
        out[:, 5] = rates[:, 0] - rates[:, 1]
        out[:, 6] = rates[:, 1] - rates[:, 2]
        out[:, 7] = (bought[:, 2] + 0.5) / (interest[:, 2] + 10.0)
        return out


@njit(cache=True)
def _count(row: Array, at: float, half_lives: FloatArray, bought: bool) -> None:  # noqa: FBT001  # numba takes arguments by position
    """Add one to the three counts of interest, and to those of purchases if it was one."""
    age_days = (at - row[_AT]) / DAY_SECONDS
    for n, half_life in enumerate(half_lives):
        faded = 2.0 ** (-abs(age_days) / half_life)
        if age_days > 0:
            row[n], row[n + 3], faded = row[n] * faded, row[n + 3] * faded, 1.0
        row[n] += faded
        if bought:
            row[n + 3] += faded
    row[_AT] = max(at, row[_AT])
