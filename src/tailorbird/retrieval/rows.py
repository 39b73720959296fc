"""Sparse rows that are asked and that may grow: the one mechanism under every item-item channel.

"What goes with these items?" is always the same sum: walk the rows of the items in the query, each with its weight, add
up what stands in them, scale each column, keep the best. It is done here once, compiled, over one reused buffer, so
that a question costs what its rows hold and never the size of the catalogue.

The rows live in one arena with a start, a length and a capacity each: a full row moves to the end of the arena with
twice the room (a dynamic CSR, as in Busato et al., Hornet, 2018). Within a row the columns stand in ascending order, so
that a cell is found by bisection and equal contents are equal arrays, however they came about.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tailorbird.retrieval.loops import add_to_cells, best_of_dense, best_of_rows, compact, judge_by_rows
from tailorbird.types import Array, FloatArray, IntArray

Longs: TypeAlias = NDArray[np.int64]

_SPARE: Final = 4_096


class Rows:
    """A sparse matrix by rows, of any number type, whose cells can be added to."""

    def __init__(self, n_rows: int, dtype: Any) -> None:
        """Empty rows."""
        self.n_rows = n_rows
        self.starts: Longs = np.zeros(n_rows, np.int64)
        self.lengths: Longs = np.zeros(n_rows, np.int64)
        self.capacities: Longs = np.zeros(n_rows, np.int64)
        self.columns: IntArray = np.empty(_SPARE, np.int32)
        self.values: Array = np.empty(_SPARE, dtype)
        self.used: Longs = np.zeros(1, np.int64)
        # Sums per column, all zero between two questions.
        self._sums: FloatArray = np.zeros(0)

    @classmethod
    def of(cls, arrays: Mapping[str, Array], n_columns: int) -> "Rows":
        """Rows ``columns[pointers[r]:pointers[r + 1]]``, ascending in each, with their ``values``: what `arrays` gives.

        Columns and values are taken, not copied, and may be longer than the rows: the rest is room to grow.

        Raises:
            ValueError: the arrays do not describe rows of columns below ``n_columns``.
        """
        pointers, columns, values = arrays["pointers"], arrays["columns"], arrays["values"]
        if len(columns) != len(values) or not len(pointers) or not 0 <= pointers[-1] <= len(columns):
            raise ValueError(f"{len(pointers)} pointers, {len(columns)} columns and {len(values)} values are no rows")
        # The compiled loops trust what they read: a column beyond the buffer would write over other memory.
        filled = columns[: pointers[-1]]
        if pointers[0] != 0 or (np.diff(pointers) < 0).any() or filled.min(initial=0) < 0:
            raise ValueError("pointers do not ascend from 0, or a column is negative")
        if filled.max(initial=-1) >= n_columns:
            raise ValueError(f"column {filled.max()} does not exist among {n_columns}")
        rows = cls(len(pointers) - 1, values.dtype)
        rows.starts = pointers[:-1].astype(np.int64)
        rows.lengths = np.diff(pointers).astype(np.int64)
        rows.capacities = rows.lengths.copy()
        rows.columns, rows.values = np.ascontiguousarray(columns), np.ascontiguousarray(values)
        rows.used[0] = pointers[-1]
        return rows

    def arrays(self) -> dict[str, Array]:
        """The rows without their slack: ``pointers``, ``columns``, ``values``."""
        pointers = np.concatenate((np.zeros(1, np.int64), np.cumsum(self.lengths[: self.n_rows])))
        columns, values = np.empty(pointers[-1], np.int32), np.empty(pointers[-1], self.values.dtype)
        compact(self.starts, pointers, self.columns, self.values, columns, values)
        return {"pointers": pointers, "columns": columns, "values": values}

    def __len__(self) -> int:
        """How many cells are filled."""
        return int(self.lengths.sum())

    def reserve(self, n_rows: int) -> None:
        """Have at least this many rows; new ones are empty."""
        if n_rows > len(self.starts):
            room = max(n_rows, 2 * len(self.starts))
            self.starts, self.lengths, self.capacities = (
                grown(old, room) for old in (self.starts, self.lengths, self.capacities)
            )
        self.n_rows = max(n_rows, self.n_rows)

    def add(self, rows: IntArray, columns: IntArray, amounts: Array) -> None:
        """Add ``amounts[n]`` to the cell (``rows[n]``, ``columns[n]``); all shape (n,), rows below ``n_rows``."""
        done = 0
        while True:
            done = add_to_cells(
                self.starts, self.lengths, self.capacities, self.columns, self.values, self.used,
                rows, columns, amounts, done,
            )  # fmt: skip
            if done == len(rows):
                return
            if done < 0:
                raise ValueError(f"a row or column of {rows.tolist()} x {columns.tolist()} is out of range")
            self._widen(2 * len(self.columns) + 2 * int(self.lengths[rows[done]]) + _SPARE)

    def make_room(self) -> None:
        """Have room for every row to move once, so that no addition has to wait for the arena to be copied."""
        self._widen(max(3 * int(self.used[0]) + _SPARE, len(self.columns)))

    def _widen(self, room: int) -> None:
        # Memory that is never written to is never really taken from the machine.
        self.columns, self.values = grown(self.columns, room), grown(self.values, room)

    def best(self, rows: IntArray, weights: FloatArray, scale: FloatArray, limit: int) -> tuple[IntArray, FloatArray]:
        """The columns with the highest ``scale[c] * sum_r weights[r] * cell[r, c]``, best first, and these scores.

        ``rows`` and ``weights`` (n,) are the query; ``scale`` has an entry per column. Only scores above 0 are given.
        """
        self._reserve_sums(len(scale))
        limit = max(0, min(limit, len(scale)))
        items, scores = np.empty(limit, np.int32), np.empty(limit)
        if not limit:
            return items, scores
        n = best_of_rows(
            self.starts, self.lengths, self.columns, self.values, rows, weights, scale,
            self._sums, items, scores,
        )  # fmt: skip
        return items[:n], scores[:n]

    def judge(self, rows: IntArray, weights: FloatArray, scale: FloatArray, items: IntArray) -> FloatArray:
        """The same score for each of ``items`` (numbers beyond ``scale`` get 0); shape (len(items),)."""
        self._reserve_sums(len(scale))
        scores = np.zeros(len(items))
        judge_by_rows(
            self.starts, self.lengths, self.columns, self.values, rows, weights, scale, self._sums, items, scores
        )
        return scores

    def _reserve_sums(self, n_columns: int) -> None:
        if len(self._sums) < n_columns:
            self._sums = np.zeros(max(n_columns, 2 * len(self._sums)))


def grown(old: Array, room: int) -> Array:
    """``old`` with zeros behind it, of length ``room``."""
    wider = np.zeros(room, old.dtype)
    wider[: len(old)] = old
    return wider


def best_of(scores: Array, limit: int) -> tuple[IntArray, FloatArray]:
    """The positions of the ``limit`` highest of dense ``scores`` (n,), best first, and these scores."""
    limit = max(0, min(limit, len(scores)))
    items, best = np.empty(limit, np.int32), np.empty(limit)
    if limit:
        best_of_dense(scores, items, best)
    return items, best
