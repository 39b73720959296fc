"""Weights that halve with time, so that a late event weighs what it would have weighed in time.

Two ways. *Grown* weights (forward decay: Cormode et al., Forward Decay, 2009, section 3) become larger the later an
event is, and are divided by the weight of now when read: adding is all that an update does, and sums commute. *Faded*
rows keep the time to which their counts are decayed: for tables of items, where all rows are read at once.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numba import njit

from tailorbird.types import DAY_SECONDS, Array, FloatArray, IntArray

_LANDMARK: Final = 1_577_836_800.0  # 2020-01-01: any constant serves, since every reader divides by it again
_MOST_DOUBLINGS: Final = 900.0


def grown(at: float, half_life_days: float) -> float:
    """2 ** (half-lives since 2020), held within the range of a float for times that are mere positions.

    >>> round(grown(1.6e9, 30.0) / grown(1.6e9 - 30 * 86_400, 30.0), 9)
    2.0
    """
    doublings = (at - _LANDMARK) / DAY_SECONDS / half_life_days
    return float(2.0 ** min(max(doublings, -_MOST_DOUBLINGS), _MOST_DOUBLINGS))


@njit(cache=True)
def add_faded(row: Array, at: float, column: int, half_life_days: float) -> None:
    """Add one to a column of a row whose last place keeps its time, both faded to the later of the two times."""
    faded = 2.0 ** (-abs(at - row[-1]) / DAY_SECONDS / half_life_days)
    if at > row[-1]:
        for n in range(len(row) - 1):
            row[n] *= faded
        row[-1], faded = at, 1.0
    row[column] += faded


def merged_faded(mine: Array, theirs: Array, half_life_days: float) -> Array:
    """The sum of two such rows, at the later of their times."""
    late, early = (mine, theirs) if mine[-1] >= theirs[-1] else (theirs, mine)
    merged = late.copy()
    merged[:-1] += early[:-1] * np.exp2(-(late[-1] - early[-1]) / DAY_SECONDS / half_life_days)
    return np.asarray(merged)


def of_codes(weights: Mapping[int, float], codes: IntArray) -> FloatArray:
    """The weight of each code, 0 for one that has none; shape of ``codes``."""
    n = len(weights)
    if not n:
        return np.zeros(len(codes))
    known, values = np.fromiter(weights.keys(), np.int64, n), np.fromiter(weights.values(), np.float64, n)
    order = np.argsort(known)
    known, values = known[order], values[order]
    place = np.minimum(np.searchsorted(known, codes), n - 1)
    return np.where(known[place] == codes, values[place], 0.0)
