"""Whether what the ranker reads today looks like what it learned from: the population stability index, by column.

The index is the sum over bins of (q - p) * ln(q / p), the symmetric Kullback-Leibler divergence (S. Kullback,
Information Theory and Statistics, 1959) of scorecards: below 0.1 nothing has moved, above 0.25 much has. Bins are
tenths of the training rows, so that one number per edge is all that has to be kept of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from tailorbird.types import Array, FloatArray

EDGES, SHARES = "drift_edges", "drift_shares"
"""Under which names a ranker's version keeps them."""

MOVED: Final = 0.25
"""From here on a column has drifted."""

_BINS: Final = 10
_LEAST_SHARE: Final = 1e-4


def psi(expected: FloatArray, found: FloatArray) -> FloatArray:
    """The index between shares that sum to 1 along the last axis; an empty bin counts as a ten-thousandth.

    >>> float(psi(np.full(4, 0.25), np.array([0.4, 0.3, 0.2, 0.1])).round(6))
    0.228217
    """
    p, q = np.maximum(expected, _LEAST_SHARE), np.maximum(found, _LEAST_SHARE)
    return np.asarray(((q - p) * np.log(q / p)).sum(axis=-1))


@dataclass(frozen=True)
class Reference:
    """Per column the upper ``edges`` (c, 9) of its bins, unused ones infinite, and the rows' ``shares`` (c, 10)."""

    edges: FloatArray
    shares: FloatArray

    @staticmethod
    def of(matrix: Array, weights: FloatArray) -> "Reference":
        """What to remember of these rows, shapes (n, c) and (n,).

        A value that is as frequent as a whole bin is the edge of two, so that it has one for itself.
        """
        edges = np.full((matrix.shape[1], _BINS - 1), np.inf)
        at = np.linspace(0, 1, _BINS + 1)[1:-1]
        for column in range(matrix.shape[1] if len(matrix) else 0):
            found = np.unique(np.quantile(matrix[:, column], at, method="inverted_cdf"))
            edges[column, : len(found)] = found
        return Reference(edges, _shares(matrix, weights, edges))

    @staticmethod
    def of_arrays(arrays: Mapping[str, Array]) -> "Reference | None":
        """What a version of the ranker kept; None for one that was trained before anything was."""
        if EDGES not in arrays or SHARES not in arrays:
            return None
        return Reference(np.asarray(arrays[EDGES], np.float64), np.asarray(arrays[SHARES], np.float64))

    def arrays(self) -> dict[str, Array]:
        """What is kept."""
        return {EDGES: self.edges, SHARES: self.shares}

    def drift(self, matrix: Array) -> FloatArray:
        """The index of each column of newer rows; shape (c,)."""
        return psi(self.shares, _shares(matrix, np.ones(len(matrix)), self.edges))


def _shares(matrix: Array, weights: FloatArray, edges: FloatArray) -> FloatArray:
    out = np.empty((len(edges), _BINS))
    for column, ends in enumerate(edges):
        bins = np.searchsorted(ends, matrix[:, column].astype(np.float64), side="left")
        out[column] = np.bincount(bins, weights, _BINS)[:_BINS]
    return np.asarray(out / max(float(weights.sum()), 1e-12))
