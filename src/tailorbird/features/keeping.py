"""Whose state a feature view keeps, and for how long: one fold around the view's own, chosen by its scope and ttl.

A view says nothing of time but ``ttl_days``. Around it a state carries the time of its owner's newest step: what lies
further back than the ttl reads as empty, is not merged, and is let go. A session is the same with the gap between two
visits as its lifetime, a pair the same for each of a person's newest items. A step older than that comes too late to
count; every other one counts by its own time, which is the view's own affair.
"""

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.protocols import FeatureView, ReadsShop, Scope
from tailorbird.types import DAY_SECONDS, NOBODY, Array, IntArray, Interaction

_CLOCK_SECONDS: Final = DAY_SECONDS
"""A client's clock may be as far ahead; what one of them says must not end the sessions of all others."""

_AT: Final = -1
"""Where a row keeps the time of its newest step."""


class Kept:
    """A view whose state is kept for ever, and what all others have in common."""

    def __init__(self, view: FeatureView, seconds: float = np.inf) -> None:
        self.view = view
        self.name = view.name
        self.seconds = seconds
        self.shop = view.shop if isinstance(view, ReadsShop) else None
        self.begins_with = view.begins_with
        # The fold itself where nothing stands around it: one call less for each view and step.
        plain = type(self).update is Kept.update
        self.own_update: Callable[[Any, Interaction, Catalogue], Any] = view.update if plain else self.update

    def empty(self) -> Any:
        """The state of somebody or something of which nothing is known."""
        return self.view.empty()

    def update(self, state: Any, step: Interaction, catalogue: Catalogue) -> Any:
        """The state after one more step."""
        return self.view.update(state, step, catalogue)

    def merge(self, mine: Any, theirs: Any) -> Any:
        """The state of one who turns out to be both."""
        return self.view.merge(mine, theirs)

    def now(self, state: Any, _at: float, _items: IntArray) -> Any:
        """What the view reads of a state at this time, for these items."""
        return state

    def let_go(self, state: Any, _at: float) -> Any:
        """The state without what no reader can see any more."""
        return state


class Ageing(Kept):
    """A person's, a visit's or the shop's: a list of the time of the newest step and the view's own state.

    None where there is nothing to keep.
    """

    def empty(self) -> Any:
        """Nothing."""
        return None

    def update(self, state: Any, step: Interaction, catalogue: Catalogue) -> Any:
        """Begin anew when the last step lies too far back; leave out a step that lies too far back itself."""
        if state is not None and step.at < state[0] - self.seconds:
            return state
        over = state is None or step.at - state[0] > self.seconds
        own = self.view.update(self.view.empty() if over else state[1], step, catalogue)
        if over:
            return [step.at, own]
        state[0], state[1] = max(state[0], step.at), own
        return state

    def merge(self, mine: Any, theirs: Any) -> Any:
        """Both, unless one was over when the other began."""
        if mine is None or theirs is None:
            return mine or theirs
        if abs(mine[0] - theirs[0]) > self.seconds:
            return mine if mine[0] > theirs[0] else theirs
        return [max(mine[0], theirs[0]), self.view.merge(mine[1], theirs[1])]

    def now(self, state: Any, at: float, _items: IntArray) -> Any:
        """The view's own state, or an empty one."""
        return self.view.empty() if state is None or at - state[0] > self.seconds else state[1]

    def let_go(self, state: Any, at: float) -> Any:
        """Nothing where it is over by any clock."""
        return None if state is None or at - state[0] > self.seconds + _CLOCK_SECONDS else state


class AgeingRows(Kept):
    """An item's: the view's row, and behind it the time of the newest step."""

    def empty(self) -> Array:
        """The view's empty row, since ever."""
        return np.append(self.view.empty(), -np.inf)

    def update(self, state: Array, step: Interaction, catalogue: Catalogue) -> Array:
        """Begin anew when the last step lies too far back; leave out a step that lies too far back itself."""
        if step.at < state[_AT] - self.seconds:
            return state
        if step.at - state[_AT] > self.seconds:
            state[:_AT] = self.view.empty()
        state[:_AT] = self.view.update(state[:_AT], step, catalogue)
        state[_AT] = max(state[_AT], step.at)
        return state

    def merge(self, mine: Array, theirs: Array) -> Array:
        """Both, unless one was over when the other began."""
        if abs(mine[_AT] - theirs[_AT]) > self.seconds:
            return mine if mine[_AT] > theirs[_AT] else theirs
        return np.append(self.view.merge(mine[:_AT], theirs[:_AT]), max(mine[_AT], theirs[_AT]))

    def now(self, state: Array, at: float, items: IntArray) -> Array:
        """The rows of these items, empty ones where they are over; ``state`` is the table of all items."""
        rows = state[items]
        over = at - rows[:, _AT] > self.seconds
        rows[over, :_AT] = self.view.empty()
        return np.asarray(rows[:, :_AT])


class Rows(Kept):
    """An item's row that is kept for ever."""

    def now(self, state: Array, _at: float, items: IntArray) -> Array:
        """The rows of these items; ``state`` is the table of all items."""
        return np.asarray(state[items])


@dataclass(slots=True)
class Table:
    """Rows by item number, one after the other; two objects for a person instead of one for each item."""

    items: "array[int]" = field(default_factory=lambda: array("i"))
    rows: "array[float]" = field(default_factory=lambda: array("d"))


class Pairs(AgeingRows):
    """One person's: such a row for each of the newest ``most`` items; None where there is none yet."""

    def __init__(self, view: FeatureView, seconds: float, most: int) -> None:
        super().__init__(view, seconds)
        self._most = most
        self._nothing = super().empty()

    def empty(self) -> Any:
        """No item yet."""
        return None

    def update(self, state: Any, step: Interaction, catalogue: Catalogue) -> Any:
        """Let the item's own row take the step."""
        if step.item == NOBODY:
            return state
        table: Table = state or Table()
        if step.item not in table.items:
            table.items.append(step.item)
            table.rows.frombytes(self._nothing.tobytes())
        super().update(self._rows(table)[table.items.index(step.item)], step, catalogue)
        # In strides: finding the oldest on every step would be most of the fold's cost.
        return table if len(table.items) < 2 * self._most else self._table(self.by_item(table))

    def merge(self, mine: Any, theirs: Any) -> Any:
        """Both people's items, those that they share merged."""
        if mine is None or theirs is None:
            return mine or theirs
        one, other = self.by_item(mine), self.by_item(theirs)
        both = {**other, **one}
        for item in one.keys() & other.keys():
            both[item] = super().merge(one[item], other[item])
        return self._table(both)

    def now(self, state: Any, at: float, items: IntArray) -> Array:
        """One row per item; an empty one where they have not met."""
        out = np.tile(self._nothing[:_AT], (len(items), 1))
        if state is None:
            return out
        known, rows = np.array(state.items, np.int32), self._rows(state)
        order = np.argsort(known)
        place = order[np.minimum(np.searchsorted(known[order], items), len(known) - 1)]
        met = (known[place] == items) & (at - rows[place, _AT] <= self.seconds)
        out[met] = rows[place[met], :_AT]
        return out

    def let_go(self, state: Any, at: float) -> Any:
        """Only the items that are not over by any clock."""
        before = at - self.seconds - _CLOCK_SECONDS
        if state is None or self._rows(state)[:, _AT].min() >= before:
            return state
        return self._table({item: row for item, row in self.by_item(state).items() if row[_AT] >= before})

    def by_item(self, state: Any, at: float = -np.inf) -> dict[int, Array]:
        """A copy of each row that is not over at that time, by item number."""
        if state is None:
            return {}
        rows = self._rows(state).copy()
        return {item: row for item, row in zip(state.items, rows, strict=True) if at - row[_AT] <= self.seconds}

    def _rows(self, table: Table) -> Array:
        """The rows themselves; nobody may hold on to them, for a table whose memory is looked at cannot grow."""
        return np.frombuffer(table.rows).reshape(-1, len(self._nothing))

    def _table(self, rows: dict[int, Array]) -> Table | None:
        """The newest by their own time; of the same time those with the higher number, whoever came first."""
        kept = sorted(rows, key=lambda item: (rows[item][_AT], item))[-self._most :]
        return Table(array("i", kept), array("d", np.concatenate([rows[item] for item in kept]))) if kept else None


def kept(view: FeatureView, *, session_seconds: float, pairs: int) -> Kept:
    """The fold around a view; ``session_seconds`` end a visit, and ``pairs`` is how many items a person keeps."""
    seconds = view.ttl_days * DAY_SECONDS
    if view.scope is Scope.SESSION:
        return Ageing(view, min(seconds, session_seconds))
    if view.scope is Scope.PAIR:
        return Pairs(view, seconds, pairs)
    if view.scope is Scope.ITEM:
        return AgeingRows(view, seconds) if np.isfinite(seconds) else Rows(view)
    return Ageing(view, seconds) if np.isfinite(seconds) else Kept(view)
