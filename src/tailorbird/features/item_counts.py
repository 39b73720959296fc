"""How much an item is wanted now, and since when: decayed counts of interest and of purchases over several half-lives.

Decayed instead of windowed, so that one row of numbers per item is the whole state; several half-lives, so that their
ratios say what is rising. The shortest is an hour: news is old by the evening.
"""

from typing import ClassVar, Final

import numpy as np
from numba import njit

from tailorbird.catalogue import Catalogue
from tailorbird.protocols import EVERY, FOR_EVER, Scope
from tailorbird.types import DAY_SECONDS, Array, FloatArray, IntArray, Interaction, Request

_HALF_LIVES_DAYS: Final = np.array([1.0 / 24.0, 1.0, 7.0, 30.0])
_N: Final = len(_HALF_LIVES_DAYS)
_AT: Final = 2 * _N  # where the row keeps the time its counts are decayed to
_FIRST: Final = _AT + 1  # and when the first interest was shown; 0 for never


class ItemCounts:
    """Fold of scope item: counts of interest (an hour, 1, 7, 30 days), of purchases (the same), and their times."""

    name: ClassVar[str] = "item_counts"
    version: ClassVar[int] = 2
    scope: ClassVar[Scope] = Scope.ITEM
    columns: ClassVar[tuple[str, ...]] = (
        "log_interest_1h",
        "log_interest_1d",
        "log_interest_7d",
        "log_interest_30d",
        "log_purchases_7d",
        "log_purchases_30d",
        "trend_1h_1d",
        "trend_1d_7d",
        "trend_7d_30d",
        "purchase_rate",
        "log_hours_since_first",
    )
    owner: ClassVar[str] = "tailorbird"
    ttl_days: ClassVar[float] = FOR_EVER
    freshness_seconds: ClassVar[float] = 300.0
    begins_with: ClassVar[frozenset[str]] = EVERY

    MONTH: ClassVar[int] = 3
    """Where a row keeps the interest of about a month, for those who want but one number."""

    def empty(self) -> Array:
        """Zeros; shape (10,)."""
        return np.zeros(_FIRST + 1)

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
        firsts = [row[_FIRST] for row in (mine, theirs) if row[_FIRST]]
        merged[_FIRST] = min(firsts, default=0.0)
        return merged

    def read(self, state: Array, request: Request, _items: IntArray, _catalogue: Catalogue) -> FloatArray:
        """Logs of the counts decayed to now, trends (log ratios of rates), purchases per interest, log of hours.

        The hours are those since anybody's first interest; 0 where there was none.
        """
        age_days = np.maximum(request.at - state[:, _AT], 0.0) / DAY_SECONDS
        factors = np.exp2(-age_days[:, None] / _HALF_LIVES_DAYS)
        interest, bought = state[:, :_N] * factors, state[:, _N:_AT] * factors
        rates = np.log(interest / _HALF_LIVES_DAYS + 0.1)
        out = np.empty((len(state), len(self.columns)))
        np.log1p(interest, out=out[:, :4])
        np.log1p(bought[:, 2:], out=out[:, 4:6])
        np.subtract(rates[:, :-1], rates[:, 1:], out=out[:, 6:9])
        out[:, 9] = (bought[:, -1] + 0.5) / (interest[:, -1] + 10.0)
        hours = np.where(state[:, _FIRST] > 0, np.maximum(request.at - state[:, _FIRST], 0.0) / 3_600.0, 0.0)
        np.log1p(hours, out=out[:, 10])
        return out


@njit(cache=True)
def _count(row: Array, at: float, half_lives: FloatArray, bought: bool) -> None:  # noqa: FBT001  # numba takes arguments by position
    """Add one to the counts of interest, and to those of purchases if it was one."""
    age_days = (at - row[_AT]) / DAY_SECONDS
    for n, half_life in enumerate(half_lives):
        faded = 2.0 ** (-abs(age_days) / half_life)
        if age_days > 0:
            row[n], row[n + _N], faded = row[n] * faded, row[n + _N] * faded, 1.0
        row[n] += faded
        if bought:
            row[n + _N] += faded
    row[_AT] = max(at, row[_AT])
    row[_FIRST] = at if row[_FIRST] == 0.0 else min(at, row[_FIRST])
