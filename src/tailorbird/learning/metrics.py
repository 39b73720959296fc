"""What a ranking is worth: hit rate, NDCG, recall, reciprocal rank, and how much of the catalogue is shown to whom.

The rank of a right answer is 1 + the candidates with a higher score + half of the others with an equal one, so that a
model which gives everything the same score is not credited for the order of the item numbers. Relevance is 0 or 1.
NDCG is as in Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques, TOIS 2002; recall is divided by
the smaller of the number of answers and k.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from tailorbird.retrieval.loops import push, sort_heap
from tailorbird.types import NOBODY, Array, FloatArray, IntArray


@dataclass(frozen=True)
class Placements:
    """Where a model put the answers of n cases, and what it would have shown.

    ``ranks`` are the answers' ranks, case by case as ``starts`` says; ``shown`` (n, k) the best items, NOBODY where the
    model had no opinion (score 0) on any more.
    """

    ranks: FloatArray
    starts: Array
    shown: IntArray

    def __len__(self) -> int:
        return len(self.starts) - 1

    def hit_rate(self, k: int) -> float:
        """Share of cases with at least one answer among the first k."""
        return float(np.mean(self._best() <= k))

    def ndcg(self, k: int) -> float:
        """Mean discounted gain at k, as a share of the best possible."""
        gains = np.where(self.ranks <= k, 1.0 / np.log2(self.ranks + 1.0), 0.0)
        ideal = np.concatenate(([0.0], np.cumsum(1.0 / np.log2(np.arange(2, k + 2)))))
        possible = ideal[np.minimum(np.diff(self.starts), k)]
        return float(np.mean(np.add.reduceat(gains, self.starts[:-1]) / possible))

    def recall(self, k: int) -> float:
        """Mean share of the answers, or of k if they are more, that are among the first k."""
        found = np.add.reduceat((self.ranks <= k).astype(np.float64), self.starts[:-1])
        return float(np.mean(found / np.minimum(np.diff(self.starts), k)))

    def reciprocal_rank(self, k: int) -> float:
        """Mean of 1 / rank of the first answer, 0 beyond k."""
        best = self._best()
        return float(np.mean(np.where(best <= k, 1.0 / best, 0.0)))

    def coverage(self, n_items: int) -> float:
        """Share of all items that are shown to anybody."""
        return float(np.count_nonzero(self._times_shown(n_items)) / n_items)

    def gini(self, n_items: int) -> float:
        """How unequally items are shown: 0 all alike, towards 1 a few items take every place."""
        times = np.sort(self._times_shown(n_items))
        total = times.sum()
        if not total:
            return 0.0
        places = np.arange(1, n_items + 1)
        return float((2.0 * (places * times).sum() / total - (n_items + 1)) / n_items)

    def intra_list_diversity(self, vectors: Array) -> float | None:
        """Mean over lists of 1 - cosine of two of its items; None when no item is described.

        ``vectors`` (n_items, size) are unit vectors, or zero for an item without description, which is left out.
        """
        total, lists = 0.0, 0
        for first in range(0, len(self), 4_096):
            shown = self.shown[first : first + 4_096]
            rows = np.where((shown == NOBODY)[:, :, None], 0.0, vectors[shown])
            n = (np.abs(rows).max(axis=2) > 0).sum(axis=1)
            alike = (rows.sum(axis=1) ** 2).sum(axis=1) - n
            pairs = n * (n - 1)
            total += float((1.0 - alike[pairs > 0] / pairs[pairs > 0]).sum())
            lists += int((pairs > 0).sum())
        return total / lists if lists else None

    def _best(self) -> FloatArray:
        best: FloatArray = np.minimum.reduceat(self.ranks, self.starts[:-1])
        return best

    def _times_shown(self, n_items: int) -> Array:
        return np.bincount(self.shown[self.shown != NOBODY], minlength=n_items)


@njit(cache=True)
def place(scores: FloatArray, answers: IntArray, ranks: FloatArray, shown: IntArray, best: FloatArray) -> None:
    """Write the rank of each answer and the best items of one case.

    ``scores`` (n_items,) are -inf for what is not ranked; ``ranks`` is as long as ``answers``, ``shown`` and ``best``
    are as long as the list.
    """
    for n in range(len(answers)):
        mine, above, beside = scores[answers[n]], 0, 0
        for item in range(len(scores)):
            above += scores[item] > mine
            beside += scores[item] == mine
        ranks[n] = 1.0 + above + 0.5 * (beside - 1)
    size = 0
    for item in range(len(scores)):
        if scores[item] != 0.0 and scores[item] != -np.inf:
            size = push(shown, best, size, item, scores[item])
    sort_heap(shown, best, size)
    shown[size:] = -1
