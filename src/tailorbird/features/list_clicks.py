"""How often an item is clicked when it is shown: its pull, freed from how often it was shown.

Counts say what was put in front of people; a rate says what they thought of it. The shop's own lists and recommended
slates are counted apart, because who searches for a kettle clicks on kettles.
"""

from typing import ClassVar, Final

import numpy as np
from numba import njit

from tailorbird.catalogue import Catalogue
from tailorbird.protocols import EVERY, FOR_EVER, Scope
from tailorbird.types import DAY_SECONDS, Array, FloatArray, IntArray, Interaction, Request

_HALF_LIFE_DAYS: Final = 30.0
_AT: Final = 4
_PRIOR: Final = 20.0
SLATES: Final = frozenset({"home", "item", "cart", "email", "push", "feed"})


class ListClicks:
    """Fold of scope item: decayed impressions and clicks on the shop's own lists and on slates, and their time."""

    name: ClassVar[str] = "list_clicks"
    version: ClassVar[int] = 1
    scope: ClassVar[Scope] = Scope.ITEM
    columns: ClassVar[tuple[str, ...]] = ("log_listed", "list_click_rate", "log_recommended", "slate_click_rate")
    owner: ClassVar[str] = "tailorbird"
    ttl_days: ClassVar[float] = FOR_EVER
    freshness_seconds: ClassVar[float] = 3600.0
    begins_with: ClassVar[frozenset[str]] = EVERY

    def empty(self) -> Array:
        """Zeros; shape (5,)."""
        return np.zeros(_AT + 1)

    def update(self, state: Array, step: Interaction, _catalogue: Catalogue) -> Array:
        """Count an impression or a click."""
        if step.type in {"list_view", "list_click"}:
            column = 2 * (step.surface in SLATES) + (step.type == "list_click")
            _count(state, step.at, column)
        return state

    def merge(self, mine: Array, theirs: Array) -> Array:
        """Both decayed to the later time, then added."""
        late, early = (mine, theirs) if mine[_AT] >= theirs[_AT] else (theirs, mine)
        merged = late.copy()
        merged[:_AT] += early[:_AT] * np.exp2(-(late[_AT] - early[_AT]) / DAY_SECONDS / _HALF_LIFE_DAYS)
        return merged

    def read(self, state: Array, _request: Request, items: IntArray, _catalogue: Catalogue) -> FloatArray:
        """Per kind of list: impressions (log) and clicks per impression, drawn to the average of these candidates."""
        out = np.empty((len(items), len(self.columns)))
        for column in (0, 2):
            shown, clicks = state[:, column], state[:, column + 1]
            average = (clicks.sum() + 1.0) / (shown.sum() + _PRIOR)
            out[:, column] = np.log1p(shown)
            out[:, column + 1] = (clicks + _PRIOR * average) / (shown + _PRIOR)
        return out


@njit(cache=True)
def _count(row: Array, at: float, column: int) -> None:
    """Fade the row to the later of both times and add one, itself faded if it is late."""
    faded = 2.0 ** (-abs(at - row[_AT]) / DAY_SECONDS / _HALF_LIFE_DAYS)
    if at > row[_AT]:
        for n in range(_AT):
            row[n] *= faded
        row[_AT], faded = at, 1.0
    row[column] += faded
