"""Diversity by a determinantal point process: the set whose items are good and differ.

Greedy MAP inference (Chen, Zhang and Zhou, Fast Greedy MAP Inference for Determinantal Point Process, NeurIPS 2018,
algorithm 1): O(pool x slate^2). Chosen over a sliding window and MMR because online it was the one of the three that
people rewarded (Wilhelm et al., Practical Diversified Recommendations on YouTube with DPPs, CIKM 2018).
"""

from typing import ClassVar

import numpy as np
from numba import njit

from tailorbird.catalogue import Catalogue
from tailorbird.types import Array, Candidates, FloatArray, IntArray, Person, Policy, Request


class DppDiversity:
    """Reorders the top of the pool. ``policy.diversity`` 0 leaves it by score, 1 looks at difference alone."""

    name: ClassVar[str] = "diversity"

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def rerank(self, request: Request, _person: Person, pool: Candidates, policy: Policy) -> Candidates:
        """The pool with ``2 * limit`` places chosen greedily from its best ``diversity_pool``, the rest by score.

        Twice the slate, because exploration and the next page draw from what follows it.
        """
        pool = pool.ordered()
        n = min(policy.diversity_pool, len(pool))
        if policy.diversity <= 0 or n < 3:
            return pool
        vectors = self._catalogue.vectors[pool.items[:n]]
        chosen = greedy_order(pool.score[:n], vectors, min(2 * request.limit, n), policy.diversity)
        rest = np.setdiff1d(np.arange(len(pool)), chosen, assume_unique=True)
        return pool.take(np.concatenate((chosen, rest)))


def greedy_order(score: FloatArray, vectors: Array, k: int, diversity: float) -> IntArray:
    """Rows in the order in which greedy MAP inference picks them; shape (k,).

    ``score`` (n,) is scaled to [0, 1]; ``vectors`` (n, d) are unit rows, a zero row is unlike everything. The kernel is
    q_i q_j S_ij with log q_i = theta / (2 (1 - theta)) * score_i and theta = 1 - diversity (the paper's equation 8).
    """
    low, high = float(score.min()), float(score.max())
    relevance = (score - low) / (high - low) if high > low else np.zeros(len(score))
    weight = (1 - diversity) / max(diversity, 1e-9)
    return np.asarray(_greedy(weight * relevance, np.ascontiguousarray(vectors, np.float32), k))


@njit(cache=True, nogil=True)
def _greedy(gain, vectors, k):  # type: ignore[no-untyped-def]  # numba infers  # noqa: ANN001, ANN202
    n = vectors.shape[0]
    residual = np.full(n, 1.0 + 1e-6)
    rows = np.zeros((k, n))
    taken = np.zeros(n, np.bool_)
    order = np.empty(k, np.int32)
    for step in range(k):
        best, best_value = -1, -np.inf
        for i in range(n):
            if not taken[i]:
                value = gain[i] + np.log(max(residual[i], 1e-12))
                if value > best_value:
                    best, best_value = i, value
        taken[best] = True
        order[step] = best
        root = np.sqrt(max(residual[best], 1e-12))
        for i in range(n):
            if not taken[i]:
                similarity = max(np.dot(vectors[best], vectors[i]), np.float32(0.0))
                dot = 0.0
                for s in range(step):
                    dot += rows[s, best] * rows[s, i]
                row = (similarity - dot) / root
                rows[step, i] = row
                residual[i] = max(residual[i] - row * row, 0.0)
    return order
