"""Counts per item that fade with time, at the cost of one addition per event.

*Forward decay* (G. Cormode et al., Forward Decay: A Practical Time Decay Model for Streaming Systems, ICDE 2009): an
event is not made smaller as time goes by, later ones are made larger, by 2 ** (time since a landmark / half-life). All
counts at a moment differ from that by one factor, so that nothing has to be touched when only time passes, and the
order of items changes only with events.

Events that carry a mere order instead of a time (small numbers) do not fade: then these are plain counts.
"""

from array import array
from collections.abc import Mapping
from typing import Final

import numpy as np
from numba import njit

from tailorbird.retrieval.rows import grown
from tailorbird.types import DAY_SECONDS, FIRST_TIME, Array, FloatArray, IntArray, Interactions

_REBASE_AT: Final = 64.0
_MOST_WAITING: Final = 256


class DecayedCounts:
    """``values`` (n_items,) as of ``landmark``, an epoch time; see above for any other moment."""

    def __init__(self, half_life_days: float) -> None:
        """No events yet."""
        self._half_life = half_life_days * DAY_SECONDS
        self.n_items = 0
        self._landmark = 0.0
        self._values: FloatArray = np.zeros(0)
        # Events that nobody has asked about yet: added up together, each costs a tenth of what it costs alone.
        self._waiting = (array("i"), array("d"), array("d"))

    @property
    def landmark(self) -> float:
        """The epoch time that `values` belong to; 0 for none."""
        self._add_up()
        return self._landmark

    @property
    def values(self) -> FloatArray:
        """The counts as of the landmark, to be read and not kept."""
        self._add_up()
        return self._values[: self.n_items]

    def fit(self, interactions: Interactions, n_items: int) -> None:
        """Forget everything and count these."""
        timed = interactions.at >= FIRST_TIME
        for column in self._waiting:
            del column[:]
        self._landmark = float(interactions.at[timed].max(initial=0.0))
        grown_by = np.where(timed, (interactions.at - self._landmark) / self._half_life, 0.0)
        weights = interactions.weights * np.exp2(grown_by)
        self._values = np.bincount(interactions.items, weights, minlength=n_items).astype(np.float64)
        self.n_items = len(self._values)

    def add(self, item: int, at: float, weight: float) -> None:
        """One more event; ``item`` may be new."""
        if item >= self.n_items:
            self.n_items = item + 1
        items, times, weights = self._waiting
        items.append(item)
        times.append(at)
        weights.append(weight)
        if len(items) >= _MOST_WAITING:
            self._add_up()

    def at(self, at: float, items: IntArray | None = None) -> FloatArray:
        """The counts as they are at a moment, of all items or of these (0 for numbers not yet seen)."""
        landmark = self.landmark
        faded = (at - landmark) / self._half_life if landmark and at >= FIRST_TIME else 0.0
        counts: FloatArray = self.of(items) * 2.0 ** -min(max(faded, -_REBASE_AT), 1_000.0)
        return counts

    def of(self, items: IntArray | None = None) -> FloatArray:
        """The counts as of the landmark, of all items or of these (0 for numbers not yet seen)."""
        if items is None:
            return self.values
        known, values = (items >= 0) & (items < self.n_items), self.values
        return np.where(known, values[np.where(known, items, 0)], 0.0) if self.n_items else np.zeros(len(items))

    def arrays(self, label: str) -> dict[str, Array]:
        """What `load` takes, under names that start with ``label``."""
        return {f"{label}_values": self.values.copy(), f"{label}_landmark": np.array([self.landmark])}

    def load(self, arrays: Mapping[str, Array], label: str) -> None:
        """Become what `arrays` gave."""
        self._values = np.array(arrays[f"{label}_values"], np.float64)
        self.n_items = len(self._values)
        self._landmark = float(arrays[f"{label}_landmark"][0])

    def _add_up(self) -> None:
        """Add the waiting events, in their order."""
        items, times, weights = self._waiting
        if not items:
            return
        if self.n_items > len(self._values):
            self._values = grown(self._values, 2 * self.n_items)
        self._landmark = _add_events(
            self._values,
            np.frombuffer(items, np.int32),
            np.frombuffer(times),
            np.frombuffer(weights),
            self._landmark,
            self._half_life,
        )
        for column in self._waiting:
            del column[:]


@njit(cache=True)
def _add_events(  # noqa: PLR0917  # numba takes arrays by position
    values: FloatArray, items: IntArray, at: FloatArray, weights: FloatArray, landmark: float, half_life: float
) -> float:
    """Add each event as it weighs at the landmark; the landmark, which moves on before numbers become too large."""
    for n in range(len(items)):
        steps = 0.0
        if at[n] >= FIRST_TIME:
            landmark = landmark if landmark > 0.0 else at[n]
            steps = (at[n] - landmark) / half_life
            if steps > _REBASE_AT:
                values *= 2.0**-steps
                landmark, steps = at[n], 0.0
        values[items[n]] += weights[n] * 2.0**steps
    return landmark


class Order:
    """The best items of a slowly changing order: kept, and remade when enough events or time went by."""

    SIZE: Final = 1_000

    def __init__(self) -> None:
        """Nothing kept."""
        self.items: IntArray = np.empty(0, np.int32)
        self._made_at = -np.inf
        self._events = 0
        self._next = 0

    def learned(self) -> None:
        """One more event happened."""
        self._events += 1

    def is_stale(self, limit: int, at: float, patience_seconds: float = np.inf) -> bool:
        """Whether `keep` should be called: 1% more events, or another time, or more wanted than is kept."""
        old = abs(at - self._made_at) > patience_seconds or self._made_at == -np.inf
        return old or self._events >= self._next or (limit > self.SIZE and limit > len(self.items))

    def keep(self, items: IntArray, at: float, n_events: int) -> None:
        """Keep these; ``n_events`` is how many they rest on."""
        self.items, self._made_at, self._events = items, at, 0
        self._next = max(1, n_events // 100)

    def forget(self) -> None:
        """Be stale."""
        self._made_at = -np.inf


def sorted_by(items: IntArray, scores: FloatArray, limit: int) -> tuple[IntArray, FloatArray]:
    """The first ``limit`` by score, best first, equal scores by item number; only scores above 0."""
    order = np.lexsort((items, -scores))[: max(0, limit)]
    order = order[scores[order] > 0]
    return items[order], scores[order]
