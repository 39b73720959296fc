"""What a ranking is worth: hit rate, NDCG, recall, reciprocal rank, and which part of the catalogue is shown to whom.

The rank of a right answer is 1 + the candidates with a higher score + half of the others with an equal one, so that a
model which gives everything the same score is not credited for the order of the item numbers. Relevance is 0 or 1.
NDCG is as in Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques, TOIS 2002; recall is divided by
the smaller of the number of answers and k. No figure reads an item's number, except that of items with equal scores
the list holds the lower number first, as a slate would.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit

from tailorbird.learning.interactions import positions_within
from tailorbird.retrieval.loops import push, sort_heap
from tailorbird.types import NOBODY, Array, FloatArray, IntArray, Interactions

PROPENSITY_EXPONENT: Final = 1.25
"""How much likelier than a rare item a popular one is to be seen; see `inverse_propensities`."""


@dataclass(frozen=True)
class Worth:
    """One figure case by case: what was gained of what was possible, both of shape (n cases,)."""

    gained: FloatArray
    possible: FloatArray

    def figure(self) -> float | None:
        """All that was gained as a share of all that was possible; None when nothing was."""
        possible = float(self.possible.sum())
        return float(self.gained.sum()) / possible if possible else None


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

    def take(self, cases: Array) -> "Placements":
        """These cases (positions), in that order."""
        counts = np.diff(self.starts)[cases]
        rows = positions_within(self.starts[:-1][cases], counts)
        return Placements(self.ranks[rows], np.concatenate(([0], np.cumsum(counts))), self.shown[cases])

    def hits(self, k: int) -> Worth:
        """Whether each case has an answer among the first k."""
        return Worth((self._best() <= k).astype(np.float64), np.ones(len(self)))

    def hit_rate(self, k: int) -> float:
        """Share of cases with at least one answer among the first k."""
        return float(np.mean(self._best() <= k))

    def gains(self, k: int) -> Worth:
        """The discounted gain of each case at k, as a share of its best possible."""
        ideal = np.concatenate(([0.0], np.cumsum(1.0 / np.log2(np.arange(2, k + 2)))))
        possible = ideal[np.minimum(np.diff(self.starts), k)]
        return Worth(np.add.reduceat(self._discounts(k), self.starts[:-1]) / possible, np.ones(len(self)))

    def ndcg(self, k: int) -> float:
        """Mean discounted gain at k, as a share of the best possible."""
        return float(np.mean(self.gains(k).gained))

    def debiased_gains(self, k: int, weights: FloatArray) -> Worth:
        """The discounted gain of each case at k with answers of unequal weight, and its best possible.

        ``weights`` has the shape of ``ranks``; with those of `inverse_propensities` the figure is an NDCG as if every
        item had had the same chance to be met. L. Yang et al., Unbiased Offline Recommender Evaluation for
        Missing-Not-At-Random Implicit Feedback, RecSys 2018, divide by the sum of one person's weights; we divide by
        the sum over all cases, because with one answer a case theirs would weigh nothing at all. With equal weights and
        one answer a case this is the NDCG.
        """
        gained = np.add.reduceat(weights * self._discounts(k), self.starts[:-1])
        counts = np.diff(self.starts)
        heaviest_first = np.lexsort((-weights, np.repeat(np.arange(len(self)), counts)))
        place = positions_within(np.zeros(len(self), np.int64), counts)
        discounts = np.where(place < k, 1.0 / np.log2(place + 2.0), 0.0)
        return Worth(gained, np.add.reduceat(weights[heaviest_first] * discounts, self.starts[:-1]))

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

    def novelty(self, bits: FloatArray) -> float | None:
        """Mean over lists of the mean self-information of what they show, in bits; None when nothing is shown.

        ``bits`` (n_items,) are those of `self_information`. P. Castells, N. Hurley and S. Vargas, Novelty and Diversity
        in Recommender Systems, Recommender Systems Handbook, 2nd edition, 2015: mean self-information.
        """
        shown = self.shown != NOBODY
        counts = shown.sum(axis=1)
        surprise = np.where(shown, bits[self.shown], 0.0).sum(axis=1)
        return float(np.mean(surprise[counts > 0] / counts[counts > 0])) if counts.any() else None

    def _discounts(self, k: int) -> FloatArray:
        discounts: FloatArray = np.where(self.ranks <= k, 1.0 / np.log2(self.ranks + 1.0), 0.0)
        return discounts

    def _best(self) -> FloatArray:
        best: FloatArray = np.minimum.reduceat(self.ranks, self.starts[:-1])
        return best

    def _times_shown(self, n_items: int) -> Array:
        return np.bincount(self.shown[self.shown != NOBODY], minlength=n_items)


def people_per_item(interactions: Interactions) -> Array:
    """How many different people each item has; shape (n_items,)."""
    # Sorted by hand: numpy's unique takes forty times as long.
    pairs = np.sort(interactions.users.astype(np.int64) * interactions.n_items + interactions.items)
    first = np.r_[True, pairs[1:] != pairs[:-1]][: len(pairs)]
    return np.bincount(pairs[first] % max(interactions.n_items, 1), minlength=interactions.n_items)


def inverse_propensities(people: Array, *, exponent: float = PROPENSITY_EXPONENT) -> FloatArray:
    """The weight of an item with that many people in training: ``people ** -exponent``.

    Yang et al. (2018) take the chance that an item is met for proportional to people ** ((g + 1) / 2) and try g from
    1.5 to 3. Ours is the mildest of these, g = 1.5: the steeper it is, the fewer rare answers decide alone. An item
    that nobody has in training has no such chance and, as with them, does not count.
    """
    known = people > 0
    return np.where(known, np.maximum(people, 1) ** -exponent, 0.0)


def self_information(people: Array, n_people: int) -> FloatArray:
    """How surprising it is, in bits, that somebody has an item: -log2 of the share of people who have it in training.

    An item that nobody has counts as if one person had it.
    """
    return -np.log2(np.maximum(people, 1) / max(n_people, 1))


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
