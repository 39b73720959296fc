"""What a person looked at last: the history that retrievers read as their query, and what it says of each candidate.

Kept whole (the last few hundred) instead of summarised, because every sequence-aware channel wants the order.
"""

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.protocols import EVERY, FOR_EVER, Scope
from tailorbird.types import Array, BoolArray, FloatArray, History, IntArray, Interaction, Request

_NEVER_MINUTES: Final = 60 * 24 * 365.0
_RECENT: Final = 20
_RECENT_HALF_LIFE: Final = 3.0


class Recent:
    """A person's interactions of interest, oldest first, and what they said no to (item number -> when).

    The columns have room behind their end: what `history` gives looks at them and is not changed by what follows.
    """

    __slots__ = ("_columns", "_n", "rejected")

    def __init__(self, history: History | None = None, rejected: dict[int, float] | None = None) -> None:
        """Nothing yet, or what is given."""
        self._n = 0
        self._columns: tuple[IntArray, FloatArray, FloatArray, BoolArray]
        self._hold(history or History.empty())
        self.rejected = {} if rejected is None else rejected

    def __len__(self) -> int:
        return self._n

    def history(self) -> History:
        """As columns, without a copy."""
        n, (items, at, weights, bought) = self._n, self._columns
        return History(items[:n], at[:n], weights[:n], bought[:n])

    def append(self, step: Interaction) -> None:
        """One more, as the newest."""
        n = self._n
        if n == len(self._columns[0]):
            self._widen(n + n // 2 + 4)
        items, at, weights, bought = self._columns
        items[n], at[n], weights[n], bought[n] = step.item, step.at, step.weight, step.type == "purchase"
        self._n = n + 1

    def trim(self, keep: int) -> None:
        """Keep only the newest ``keep``."""
        self._hold(self.history().last(keep))

    def _hold(self, history: History) -> None:
        self._columns = (history.items, history.at, history.weights, history.bought)
        self._n = len(history)

    def _widen(self, room: int) -> None:
        items, at, weights, bought = self._columns
        self._columns = (
            _with_room(items, room),
            _with_room(at, room),
            _with_room(weights, room),
            _with_room(bought, room),
        )


class RecentItems:
    """Fold of scope user."""

    name: ClassVar[str] = "recent_items"
    version: ClassVar[int] = 1
    scope: ClassVar[Scope] = Scope.USER
    columns: ClassVar[tuple[str, ...]] = (
        "times_seen",
        "log_minutes_since_seen",
        "category_of_last",
        "brand_of_last",
        "log_price_to_last",
        "likeness_to_last",
        "likeness_to_recent",
    )
    owner: ClassVar[str] = "tailorbird"
    ttl_days: ClassVar[float] = FOR_EVER
    freshness_seconds: ClassVar[float] = 60.0
    begins_with: ClassVar[frozenset[str]] = EVERY

    def __init__(self, keep: int = 200) -> None:
        self.keep = keep

    def empty(self) -> Recent:
        """Nothing seen."""
        return Recent()

    def update(self, state: Recent, step: Interaction, _catalogue: Catalogue) -> Recent:
        """Append interest; remember an explicit no until interest in the same item returns."""
        if step.weight < 0:
            state.rejected[step.item] = step.at
        elif step.weight > 0:
            if state.rejected:
                state.rejected.pop(step.item, None)
            state.append(step)
            # Trimmed in strides: shifting 200 entries on every event would be most of the fold's cost.
            if len(state) >= 2 * self.keep:
                state.trim(self.keep)
        return state

    def merge(self, mine: Recent, theirs: Recent) -> Recent:
        """Both histories by time; equal times keep mine first."""
        both = mine.history().plus_history(theirs.history())
        rejected = dict(theirs.rejected)
        for item, at in mine.rejected.items():
            rejected[item] = max(at, rejected.get(item, at))
        return Recent(both.last(self.keep), rejected)

    def read(self, state: Recent, request: Request, items: IntArray, catalogue: Catalogue) -> FloatArray:
        """Against what was seen: times, minutes since (log); and how like the last item, and all recent ones, it is.

        Likeness is the cosine of the catalogue's hashed vectors; recent means the last 20, with a half-life of 3 steps.
        """
        out = np.zeros((len(items), len(self.columns)))
        out[:, 1] = np.log1p(_NEVER_MINUTES)
        if not len(state):
            return out
        history = state.history()
        seen = history.items
        order = np.argsort(seen, kind="stable")
        ranked = seen[order]
        first, end = np.searchsorted(ranked, items), np.searchsorted(ranked, items, side="right")
        out[:, 0] = end - first
        again = end > first
        last_at = history.at[order[end[again] - 1]]
        out[again, 1] = np.log1p(np.maximum(request.at - last_at, 0.0) / 60)
        last = int(seen[-1])
        out[:, 2] = (catalogue.category[items] == catalogue.category[last]) & (catalogue.category[last] >= 0)
        out[:, 3] = (catalogue.brand[items] == catalogue.brand[last]) & (catalogue.brand[last] >= 0)
        ratio = np.log((catalogue.price[items] + 0.01) / (catalogue.price[last] + 0.01))
        out[:, 4] = np.nan_to_num(ratio, nan=0.0, posinf=0.0, neginf=0.0)
        vectors = catalogue.vectors[items]
        recent = seen[-_RECENT:]
        weights = np.exp2(-np.arange(len(recent))[::-1] / _RECENT_HALF_LIFE)
        profile = weights @ catalogue.vectors[recent]
        out[:, 5] = vectors @ catalogue.vectors[last]
        out[:, 6] = vectors @ (profile / max(float(np.linalg.norm(profile)), 1e-9)).astype(np.float32)
        return out


def _with_room(column: Array, room: int) -> Array:
    wider = np.empty(room, column.dtype)
    wider[: len(column)] = column
    return wider


def history_of(states: Mapping[str, Recent]) -> History:
    """The history inside a person's states; empty for nobody's."""
    recent = states.get(RecentItems.name)
    return recent.history() if recent else History.empty()
