"""Items seen near each other, by nearness in the sequence. The cheapest strong channel, exact under every event.

Whenever somebody has item a and then, ``gap`` steps later, item b, the cell a -> b gets 1 / gap and the cell b -> a a
part of that: order matters, and it matters less the further apart. Lines of one order happen at one time, and then both
ways get the mean of the two. What stands in a cell is a whole number of 2**-20, so that sums commute: learning event by
event, in whatever order people come, gives the very arrays that a fit of the whole log gives. Popularity and recency
enter only when a question is asked (see `neighbours`).

The idea is the sequential rule of M. Ludewig and D. Jannach, Evaluation of session-based recommendation algorithms,
UMUAI 2018 (section 3.1, "SR"); we also count backwards and choose the exponents and the half-life on held-out data.
"""

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
from numba import njit
from pydantic import Field

from tailorbird.catalogue import Catalogue
from tailorbird.retrieval.loops import add_to_cells
from tailorbird.retrieval.neighbours import ExponentsConfig, ItemItem
from tailorbird.retrieval.rows import Longs, Rows
from tailorbird.types import Array, BoolArray, FloatArray, History, IntArray, Interaction, Interactions

_ONE: Final = 1 << 20
_REACH: Final = 200
"""Entries of a history within which a pair counts: learning from an event knows no more of them than the fold keeps."""


class CovisitationConfig(ExponentsConfig):
    """``window`` and ``backward`` belong to the fit, the rest to the query."""

    window: int = Field(20, ge=1, le=200, description="steps between two items of one history that still count")
    backward: float = Field(0.3, ge=0, le=1, description="what the way back counts, the way forward being 1")
    half_life: float | None = Field(2.0, gt=0, description="steps in the history; empty: all count alike")
    source_exponent: float = Field(0.5, ge=0, le=2, description="how much a popular item in the history says less")
    target_exponent: float = Field(0.3, ge=0, le=2, description="how much a popular candidate is held back")


class Covisitation(ItemItem):
    """Decayed counts of which item came near which, as rows that grow.

    A subclass may count ``among_purchases`` alone, whose steps are then from purchase to purchase, or only what leads
    ``to_purchases``, by the steps of the whole history.
    """

    name: ClassVar[str] = "covisitation"
    among_purchases: ClassVar[bool] = False
    to_purchases: ClassVar[bool] = False
    Config: ClassVar[type[CovisitationConfig]] = CovisitationConfig
    unit = 1.0 / _ONE
    config: CovisitationConfig

    def __init__(self, config: CovisitationConfig | None = None, arrays: Mapping[str, Array] | None = None) -> None:
        """New, or as `arrays` gave it."""
        self.config = config or self.Config()
        gaps = np.arange(1, self.config.window + 1)
        self._forward: Longs = np.rint(_ONE / gaps).astype(np.int64)
        self._backward: Longs = np.rint(self.config.backward * _ONE / gaps).astype(np.int64)
        self._together: Longs = (self._forward + self._backward) // 2
        cells = 2 * self.config.window
        self._pairs = (np.empty(cells, np.int32), np.empty(cells, np.int32), np.empty(cells, np.int64))
        super().__init__(arrays, np.int64)
        if arrays is not None:
            self.rows.make_room()

    def fit(self, interactions: Interactions, catalogue: Catalogue) -> None:
        """Count the whole log at once; cost: interactions * 2 * window additions."""
        order, ends = interactions.by_user()
        places = np.arange(len(order))
        if self.among_purchases:
            kept = interactions.bought[order]
            order, places, ends = order[kept], places[kept], np.concatenate(([0], np.cumsum(kept)))[ends]
        sequence = interactions.items[order]
        occurrences = np.argsort(sequence, kind="stable").astype(np.int64)
        counts = np.bincount(sequence, minlength=max(interactions.n_items, len(catalogue))).astype(np.int64)
        lengths = np.diff(ends)
        pointers, columns, values = _count_windows(
            sequence,
            interactions.at[order],
            places,
            self._led_to(interactions.bought[order]),
            np.repeat(ends[:-1], lengths),
            np.repeat(ends[1:], lengths),
            occurrences,
            np.concatenate((np.zeros(1, np.int64), np.cumsum(counts))),
            self._forward,
            self._backward,
            self._together,
        )
        self.rows = Rows.of({"pointers": pointers, "columns": columns, "values": values}, len(counts))
        self._hold(counts)

    def learn(self, step: Interaction, history: History) -> None:
        """Add the pairs that this interaction makes with the window before it; cost: 2 * window cells."""
        bought = step.type == "purchase"
        if step.weight <= 0 or step.item < 0 or (self.among_purchases and not bought):
            return
        self._count(step.item)
        if self.among_purchases:
            near = history.last(_REACH)
            history = near.take(near.bought)
        if not len(history):
            return
        rows, columns, amounts = self._pairs
        cells = self.rows
        n, highest, done = _add_pairs_with(
            step.item,
            step.at,
            bought,
            self.to_purchases,
            history.items,
            history.at,
            history.bought,
            self._forward,
            self._backward,
            self._together,
            rows,
            columns,
            amounts,
            self.n_items,
            cells.starts,
            cells.lengths,
            cells.capacities,
            cells.columns,
            cells.values,
            cells.used,
        )
        if done < n:
            self._reserve(highest + 1)
            cells.add(rows[done:n], columns[done:n], amounts[done:n])

    def _led_to(self, bought: BoolArray) -> BoolArray:
        """Which entries may stand in a column; shape (n,)."""
        return bought if self.to_purchases else np.ones(len(bought), np.bool_)


@njit(cache=True)
def _add_pairs_with(  # noqa: PLR0917  # numba takes arrays by position
    item: int,
    now: float,
    leads: bool,  # noqa: FBT001  # numba takes arguments by position
    to_purchases: bool,  # noqa: FBT001  # as above
    items: IntArray,
    at: FloatArray,
    led_to: BoolArray,
    forward: Longs,
    backward: Longs,
    together: Longs,
    rows: IntArray,
    columns: IntArray,
    amounts: Longs,
    n_items: int,
    starts: Longs,
    lengths: Longs,
    capacities: Longs,
    cell_columns: IntArray,
    cell_values: Longs,
    used: Longs,
) -> tuple[int, int, int]:
    """Find the cells (``rows``, ``columns``) and amounts that one more interaction makes with the history before it.

    They are added right away, if there is room; the last six arrays are those of `Rows`.

    ``leads`` says of the new item, and ``led_to`` of those before it, whether it was bought; where only what leads
    ``to_purchases`` counts, no other may stand in a column. Returns how many cells there are, the highest item number,
    and how many of them were added.
    """
    window, highest = min(len(forward), len(items)), item
    n = 0
    for gap in range(window):
        other = items[len(items) - 1 - gap]
        if other == item or other < 0:
            continue
        same_time = at[len(at) - 1 - gap] == now
        there, back = together[gap] if same_time else forward[gap], together[gap] if same_time else backward[gap]
        highest = max(highest, other)
        if there > 0 and (leads or not to_purchases):
            rows[n], columns[n], amounts[n] = other, item, there
            n += 1
        if back > 0 and (led_to[len(items) - 1 - gap] or not to_purchases):
            rows[n], columns[n], amounts[n] = item, other, back
            n += 1
    if highest >= n_items:
        return n, highest, 0
    done = add_to_cells(
        starts, lengths, capacities, cell_columns, cell_values, used, rows[:n], columns[:n], amounts[:n], 0
    )
    return n, highest, done


@njit(cache=True)
def _count_windows(  # noqa: PLR0917  # numba takes arrays by position
    sequence: IntArray,
    at: FloatArray,
    places: Longs,
    led_to: BoolArray,
    first: Longs,
    end: Longs,
    occurrences: Longs,
    item_starts: Longs,
    forward: Longs,
    backward: Longs,
    together: Longs,
) -> tuple[Longs, IntArray, Longs]:
    """Row by row (Gustavson 1978): walk an item's occurrences, add up their windows in a dense row, keep what is there.

    ``sequence`` holds all histories one after another, with their times ``at``, their ``places`` among all entries, and
    whether each may stand in a column; position p belongs to the one from ``first[p]`` to ``end[p]``.
    ``occurrences[item_starts[i]:item_starts[i + 1]]`` are the positions of item i. Gives pointers, columns and values;
    the last two are longer than needed.
    """
    n_items, window = len(item_starts) - 1, len(forward)
    pointers = np.zeros(n_items + 1, np.int64)
    columns, values = np.empty(4 * len(sequence) + n_items, np.int32), np.empty(4 * len(sequence) + n_items, np.int64)
    sums, touched, used = np.zeros(n_items, np.int64), np.empty(n_items, np.int32), 0
    for item in range(n_items):
        n = 0
        for which in range(item_starts[item], item_starts[item + 1]):
            here = occurrences[which]
            for other in range(max(first[here], here - window), min(end[here], here + window + 1)):
                column = sequence[other]
                if not led_to[other] or abs(places[other] - places[here]) > _REACH:
                    continue
                if at[other] == at[here]:
                    amount = together[abs(other - here) - 1]
                else:
                    amount = forward[other - here - 1] if other > here else backward[here - other - 1]
                if column == item or amount == 0:
                    continue
                if sums[column] == 0:
                    touched[n] = column
                    n += 1
                sums[column] += amount
        if used + n > len(columns):
            room = 2 * len(columns) + n
            more_columns, more_values = np.empty(room, np.int32), np.empty(room, np.int64)
            more_columns[:used], more_values[:used] = columns[:used], values[:used]
            columns, values = more_columns, more_values
        row = np.sort(touched[:n])
        for cell in range(n):
            columns[used + cell], values[used + cell] = row[cell], sums[row[cell]]
            sums[row[cell]] = 0
        used += n
        pointers[item + 1] = used
    return pointers, columns, values
