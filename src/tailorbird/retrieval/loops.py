"""The compiled inner loops of retrieval: sums over sparse rows, the best few of many, and rows that grow.

Everything is reproducible to the last place: sums run in the order of the query, and of two equal scores the one with
the lower item number comes first. numba keeps what it compiled in a cache beside this file (or in the user's).
"""
# ruff: noqa: PLR0917  # numba takes arrays, not objects, and by position

from typing import Any, Final

import numpy as np
from numba import njit

from tailorbird.types import Array, FloatArray, IntArray

_TINY: Final = 5e-324


@njit(cache=True)
def best_of_rows(
    starts: Array,
    lengths: Array,
    columns: IntArray,
    values: Array,
    rows: IntArray,
    weights: FloatArray,
    scale: FloatArray,
    sums: FloatArray,
    items: IntArray,
    scores: FloatArray,
) -> int:
    """Write the best columns into ``items`` and ``scores`` and return how many; ``sums`` is zero before and after."""
    walked = _add_up(starts, lengths, columns, values, rows, weights, sums)
    size, limit, lowest = 0, len(items), _TINY
    if walked > len(scale):
        for column in range(len(scale)):
            score = sums[column] * scale[column]
            sums[column] = 0.0
            # The one branch that matters: it is hardly ever taken once the heap is full.
            if score >= lowest:
                size = push(items, scores, size, column, score)
                lowest = scores[0] if size == limit else lowest
    else:
        for row in rows:
            for at in range(starts[row], starts[row] + lengths[row]):
                cell = np.uint64(columns[at])
                score = sums[cell] * scale[cell]
                sums[cell] = 0.0
                if score >= lowest:
                    size = push(items, scores, size, columns[at], score)
                    lowest = scores[0] if size == limit else lowest
    sort_heap(items, scores, size)
    return size


@njit(cache=True)
def judge_by_rows(
    starts: Array,
    lengths: Array,
    columns: IntArray,
    values: Array,
    rows: IntArray,
    weights: FloatArray,
    scale: FloatArray,
    sums: FloatArray,
    items: IntArray,
    scores: FloatArray,
) -> None:
    """Write the score of each of ``items`` into ``scores``. ``sums`` is all zero before and after."""
    walked = _add_up(starts, lengths, columns, values, rows, weights, sums)
    for at in range(len(items)):
        if 0 <= items[at] < len(scale):
            scores[at] = sums[items[at]] * scale[items[at]]
    if walked > len(scale):
        sums[: len(scale)] = 0.0
        return
    for row in rows:
        for at in range(starts[row], starts[row] + lengths[row]):
            sums[np.uint64(columns[at])] = 0.0


@njit(cache=True)
def _add_up(
    starts: Array,
    lengths: Array,
    columns: IntArray,
    values: Array,
    rows: IntArray,
    weights: FloatArray,
    sums: FloatArray,
) -> int:
    """Add every row, times its weight, to ``sums``; how many cells that were.

    Unsigned indices spare the check for "from the end", and nothing branches on what is there: 1 ns per cell.
    """
    walked = 0
    for r in range(len(rows)):
        start, weight = starts[rows[r]], weights[r]
        walked += lengths[rows[r]]
        for at in range(start, start + lengths[rows[r]]):
            sums[np.uint64(columns[at])] += weight * values[at]
    return walked


@njit(cache=True)
def best_of_dense(scores: Array, items: IntArray, best: FloatArray) -> None:
    """Write the best positions of ``scores`` into ``items`` and ``best``, which are no longer than it."""
    size, limit, lowest = 0, len(items), -np.inf
    for item in range(len(scores)):
        if scores[item] >= lowest:
            size = push(items, best, size, item, scores[item])
            lowest = best[0] if size == limit else lowest
    sort_heap(items, best, size)


@njit(cache=True)
def products(vectors: Array, person: Array, items: IntArray, places: Array, scores: FloatArray) -> None:
    """Write the inner product of the item at each of ``places``."""
    for place in places:
        scores[place] = dot(vectors[items[place]], person)


@njit(cache=True, fastmath={"contract", "reassoc", "nsz"})
def dot(a: Array, b: Array) -> Any:
    """The inner product, in single precision."""
    total = np.float32(0.0)
    for f in range(len(a)):
        total += a[f] * b[f]
    return total


@njit(cache=True)
def push(items: IntArray, scores: FloatArray, size: int, item: int, score: float) -> int:
    """Offer one item to a heap of the best ``len(items)``, whose worst is at the root; its new size."""
    limit = len(items)
    if size < limit:
        at = size
        while at > 0:
            parent = (at - 1) >> 1
            if scores[parent] > score or (scores[parent] == score and items[parent] < item):
                items[at], scores[at] = items[parent], scores[parent]
                at = parent
            else:
                break
        items[at], scores[at] = item, score
        return size + 1
    if score < scores[0] or (score == scores[0] and item > items[0]):
        return size
    _sink(items, scores, size, item, score)
    return size


@njit(cache=True)
def sort_heap(items: IntArray, scores: FloatArray, size: int) -> None:
    """Turn the heap into best first: the root, the worst left, goes to the end each time."""
    for last in range(size - 1, 0, -1):
        item, score = items[last], scores[last]
        items[last], scores[last] = items[0], scores[0]
        _sink(items, scores, last, item, score)


@njit(cache=True)
def _sink(items: IntArray, scores: FloatArray, size: int, item: int, score: float) -> None:
    """Put an item at the root and let it sink to where nothing worse is below it."""
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        other = child + 1
        if other < size and (
            scores[other] < scores[child] or (scores[other] == scores[child] and items[other] > items[child])
        ):
            child = other
        if scores[child] < score or (scores[child] == score and items[child] > item):
            items[at], scores[at] = items[child], scores[child]
            at = child
        else:
            break
    items[at], scores[at] = item, score


@njit(cache=True)
def add_to_cells(
    starts: Array,
    lengths: Array,
    capacities: Array,
    columns: IntArray,
    values: Array,
    used: Array,
    rows: IntArray,
    added: IntArray,
    amounts: Array,
    done: int,
) -> int:
    """Add the amounts from position ``done`` on; the position that found the arena full, or how many there are.

    -1 when a number is out of range: from then on this would write over somebody else's memory.
    """
    for n in range(done, len(rows)):
        row, column = rows[n], added[n]
        if row < 0 or row >= len(starts) or column < 0:
            return -1
        low, high = starts[row], starts[row] + lengths[row]
        while low < high:
            middle = (low + high) >> 1
            if columns[middle] < column:
                low = middle + 1
            else:
                high = middle
        end = starts[row] + lengths[row]
        if low < end and columns[low] == column:
            values[low] += amounts[n]
            continue
        if lengths[row] == capacities[row]:
            room = max(2 * lengths[row], 4)
            if used[0] + room > len(columns):
                return n
            low += used[0] - starts[row]
            _move(starts, lengths, capacities, columns, values, used, row, room)
            end = starts[row] + lengths[row]
        for at in range(end, low, -1):
            columns[at] = columns[at - 1]
            values[at] = values[at - 1]
        columns[low], values[low] = column, amounts[n]
        lengths[row] += 1
    return len(rows)


@njit(cache=True)
def _move(
    starts: Array,
    lengths: Array,
    capacities: Array,
    columns: IntArray,
    values: Array,
    used: Array,
    row: int,
    room: int,
) -> None:
    """Move one row to the end of the arena, where it has ``room``."""
    start, target = starts[row], used[0]
    for at in range(lengths[row]):
        columns[target + at] = columns[start + at]
        values[target + at] = values[start + at]
    starts[row], capacities[row] = target, room
    used[0] = target + room


@njit(cache=True)
def compact(
    starts: Array, pointers: Array, columns: IntArray, values: Array, out_columns: IntArray, out_values: Array
) -> None:
    """Copy every row to ``pointers[row]`` of the arrays given."""
    for row in range(len(pointers) - 1):
        for at in range(pointers[row + 1] - pointers[row]):
            out_columns[pointers[row] + at] = columns[starts[row] + at]
            out_values[pointers[row] + at] = values[starts[row] + at]
