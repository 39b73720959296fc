"""The rows with the highest inner product, without looking at most of them, and exactly.

No inner product exceeds the product of the two lengths (Cauchy and Schwarz). So rows are kept from the longest to the
shortest, and the search ends when not even a row in the very direction of the query could still be among the best
(Teflioudi et al., LEMP: Fast Retrieval of Large Entries in a Matrix Product, SIGMOD 2015, section 3). Vectors of items
that hardly anybody touched are short: of 100,000 such items two in a hundred are looked at.
"""

import numpy as np
from numba import njit

from tailorbird.retrieval.loops import dot, push, sort_heap
from tailorbird.types import Array, FloatArray, IntArray

_ROUNDING = 1.0 + 1e-5


class ByLength:
    """Vectors (n, d) in float32, from the longest to the shortest, with the numbers that they go by."""

    def __init__(self, vectors: Array, numbers: IntArray | None = None) -> None:
        """``numbers`` (n,) are those of the rows; without them their positions."""
        lengths = np.sqrt((vectors.astype(np.float64) ** 2).sum(axis=1))
        order = np.argsort(-lengths, kind="stable").astype(np.int32)
        self._vectors = np.ascontiguousarray(vectors[order], np.float32)
        self._lengths = lengths[order] * _ROUNDING
        self._numbers = order if numbers is None else numbers[order]

    def best(self, query: Array, limit: int) -> tuple[IntArray, FloatArray]:
        """The numbers of the ``limit`` rows nearest to ``query`` (d,), best first, and their products; fewer if few."""
        limit = max(0, min(limit, len(self._numbers)))
        items, scores = np.empty(limit, np.int32), np.empty(limit)
        if limit:
            length = float(np.sqrt((query.astype(np.float64) ** 2).sum()))
            _best_products(self._vectors, self._lengths * length, self._numbers, query, items, scores)
        return items, scores


@njit(cache=True)
def _best_products(  # noqa: PLR0917  # numba takes arrays by position
    vectors: Array, bounds: FloatArray, numbers: IntArray, query: Array, items: IntArray, scores: FloatArray
) -> None:
    """Write the best rows' numbers and products; no product of row n or a later one exceeds ``bounds[n]``."""
    size, limit, lowest = 0, len(items), -np.inf
    for row in range(len(vectors)):
        if bounds[row] < lowest:
            break
        score = dot(vectors[row], query)
        if score >= lowest:
            size = push(items, scores, size, numbers[row], score)
            lowest = scores[0] if size == limit else lowest
    sort_heap(items, scores, size)
