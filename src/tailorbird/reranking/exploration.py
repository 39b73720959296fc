"""Exploration comes last, over a fixed pool, so that every propensity is exact and a replay is too.

The slate is the ranked top; what follows it in the ranking is the exploration pool. Each position flips its own coin;
where it falls for exploration, a token drawn without replacement takes the place. With T = max(pool, slate) tokens, of
which the pool's items are M and the others are blank (a blank leaves the ranked item where it is), every token is
equally likely at every position, whatever happened elsewhere. Hence, exactly and for each position:

    P(pool item e stands at p) = epsilon / T        P(ranked item p stands at p) = 1 - epsilon * M / T
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from tailorbird.types import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Placement:
    """Rows of the pool by position, the probability of each at its position, and which were explored; shape (k,)."""

    rows: IntArray
    propensities: FloatArray
    explored: BoolArray


def place(n_pool: int, limit: int, epsilon: float, *, most_explored: int = 100, seed: int) -> Placement:
    """Fill a slate of ``limit`` from a ranked pool of ``n_pool`` rows; deterministic under ``seed``."""
    k = min(limit, n_pool)
    rows = np.arange(k, dtype=np.int32)
    n_items = min(n_pool - k, most_explored)
    if epsilon <= 0 or n_items <= 0:
        return Placement(rows, np.ones(k), np.zeros(k, np.bool_))
    n_tokens = max(n_items, k)
    draw = np.random.default_rng(seed)
    tokens = draw.permutation(n_tokens)[:k]
    explored = (draw.random(k) < epsilon) & (tokens < n_items)
    rows[explored] = k + tokens[explored]
    propensities = np.where(explored, epsilon / n_tokens, 1 - epsilon * n_items / n_tokens)
    return Placement(rows, propensities, explored)


def seed_of(decision_id: str) -> int:
    """64 bits that follow from a decision's id, so that its draw can be repeated."""
    return int.from_bytes(hashlib.blake2b(decision_id.encode(), digest_size=8).digest(), "big")
