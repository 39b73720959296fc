"""How much an item is wanted now: decayed counts of interest and of purchases over several half-lives.

Decayed instead of windowed, so that one row of numbers per item is the whole state; several half-lives, so that their
ratios say what is rising.
"""

from typing import ClassVar, Final

import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.protocols import Scope
from tailorbird.types import DAY_SECONDS, Array, FloatArray, IntArray, Interaction, Request

_HALF_LIVES_DAYS: Final = np.array([1.0, 7.0, 30.0])
_DAYS: Final = (1.0, 7.0, 30.0, 1.0, 7.0, 30.0)
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
        # Plain floats: for seven numbers numpy's calls would cost four times the arithmetic.
        *counts, at = state.tolist()
        age_days = (step.at - at) / DAY_SECONDS
        factors = [2.0 ** (-abs(age_days) / half_life) for half_life in _DAYS]
        if age_days > 0:
            counts = [count * factor for count, factor in zip(counts, factors, strict=True)]
            at, factors = step.at, [1.0] * 6
        bought = 6 if step.type == "purchase" else 3
        state[:] = (*(c + f for c, f in zip(counts[:bought], factors, strict=False)), *counts[bought:], at)
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
