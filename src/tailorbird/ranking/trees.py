"""Gradient-boosted trees as five plain arrays, read by a walk of our own.

LightGBM trains them; serving needs neither its library nor its file format. The walk gives LightGBM's own scores to the
last bits of a float64 sum, somewhat faster for a few hundred rows (decision 0008), and arrays are safe to load.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numba import njit

from tailorbird.errors import BadModelFile
from tailorbird.types import Array, FloatArray, IntArray

LEAF: Final = -1


@dataclass(frozen=True, slots=True)
class Trees:
    """All nodes of all trees in one table; ``roots`` are rows of it.

    ``feature`` is the column that a node splits on, LEAF for a leaf; a row goes ``left`` when its value is at most
    ``threshold``. ``value`` is a leaf's score, and for an inner node the mean score of what passes it.
    """

    roots: IntArray
    feature: IntArray
    threshold: FloatArray
    left: IntArray
    right: IntArray
    value: FloatArray

    def score(self, matrix: FloatArray) -> FloatArray:
        """Sum of the leaves that each row falls into; shape (n,)."""
        return np.asarray(
            _walk(
                np.ascontiguousarray(matrix, np.float64),
                self.roots,
                self.feature,
                self.threshold,
                self.left,
                self.right,
                self.value,
            )
        )

    def contributions(self, row: FloatArray) -> FloatArray:
        """What each column added to the score of one row, along its paths (Saabas, 2014); shape (n_columns,).

        With the mean over all roots they sum to the score exactly. Cheaper than Shapley values, and biased towards
        splits near the leaves.
        """
        out = np.zeros(len(row))
        for root in self.roots:
            node = int(root)
            while (column := int(self.feature[node])) != LEAF:
                child = int(self.left[node] if row[column] <= self.threshold[node] else self.right[node])
                out[column] += self.value[child] - self.value[node]
                node = child
        return out

    def scaled(self, slope: float, intercept: float) -> "Trees":
        """The trees whose score is ``slope * score + intercept``."""
        value = self.value * slope + intercept / max(len(self.roots), 1)
        return Trees(self.roots, self.feature, self.threshold, self.left, self.right, value)

    def arrays(self) -> dict[str, Array]:
        """What is stored."""
        return {name: getattr(self, name) for name in self.__slots__}

    @staticmethod
    def of_arrays(arrays: Mapping[str, Array], n_columns: int) -> "Trees":
        """The trees that were stored, checked so that no walk can leave the table.

        Raises:
            BadModelFile: an index points outside, or a child stands before its parent.
        """
        trees = Trees(**{name: np.ascontiguousarray(arrays[name]) for name in Trees.__slots__})
        n = len(trees.feature)
        inner = trees.feature != LEAF
        nodes = np.flatnonzero(inner)
        sound = all(len(getattr(trees, name)) == n for name in ("threshold", "left", "right", "value"))
        sound = sound and bool(np.all((trees.roots >= 0) & (trees.roots < n)))
        sound = sound and bool(np.all((trees.feature >= LEAF) & (trees.feature < n_columns)))
        sound = sound and all(
            bool(np.all((child[inner] > nodes) & (child[inner] < n))) for child in (trees.left, trees.right)
        )
        if not sound:
            raise BadModelFile("The ranker's trees are not sound.", hint="Train again: `tailorbird train`.")
        return trees

    @staticmethod
    def of_lightgbm(dump: Mapping[str, Any]) -> "Trees":
        """The trees of ``Booster.dump_model()``; numerical splits only."""
        rows: list[tuple[int, float, int, int, float]] = []
        roots = []
        for tree in dump["tree_info"]:
            roots.append(len(rows))
            rows.extend(_flattened(tree["tree_structure"], len(rows)))
        columns = [[row[n] for row in rows] for n in range(5)]
        return Trees(
            np.array(roots, np.int32),
            np.array(columns[0], np.int32),
            np.array(columns[1], np.float64),
            np.array(columns[2], np.int32),
            np.array(columns[3], np.int32),
            np.array(columns[4], np.float64),
        )


def _flattened(root: Mapping[str, Any], offset: int) -> Iterator[tuple[int, float, int, int, float]]:
    """One tree's nodes, parents before children, as (feature, threshold, left, right, value)."""
    nodes = [root]
    for node in nodes:
        if "split_feature" in node:
            left = offset + len(nodes)
            nodes += [node["left_child"], node["right_child"]]
            yield node["split_feature"], node["threshold"], left, left + 1, node["internal_value"]
        else:
            yield LEAF, 0.0, 0, 0, node["leaf_value"]


@njit(cache=True, nogil=True)
def _walk(matrix, roots, feature, threshold, left, right, value):  # type: ignore[no-untyped-def]  # numba infers  # noqa: ANN001, ANN202, PLR0917
    n = matrix.shape[0]
    out = np.zeros(n)
    for tree in range(roots.shape[0]):
        for row in range(n):
            node = roots[tree]
            while feature[node] != -1:
                node = left[node] if matrix[row, feature[node]] <= threshold[node] else right[node]
            out[row] += value[node]
    return out
