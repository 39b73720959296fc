"""The ranker's matrix: what every channel says of every candidate, and the feature views' columns beside it.

Each channel gives three columns, for the *whole* union and not only for what it proposed: its score, the reciprocal of
its rank within the pool, and its score relative to its best. Ranks make channels comparable; relative scores say how
sure one is. One column sets an item's popularity against that of what the person usually takes up: some follow the
crowd and some avoid it.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from tailorbird.protocols import Retriever
from tailorbird.types import Array, Candidates, FloatArray, History, Request

BESIDE_LAST: Final = frozenset({"covisitation", "bought-after", "bought-with", "item-knn", "content"})
"""Channels that are also asked about the newest item of the history alone: what was just looked at says most."""

_POPULARITY: Final = "popular"
_USUAL: Final = 20
_LEAST_SHARE: Final = 1e-6


def matrix_columns(channels: Sequence[str], features: Sequence[str]) -> tuple[str, ...]:
    """Names of the matrix's columns, in order."""
    return (
        *(f"{channel}.score" for channel in channels),
        *(f"{channel}.rank" for channel in channels),
        *(f"{channel}.relative" for channel in channels),
        *(f"{channel}.beside_last" for channel in channels if channel in BESIDE_LAST),
        "n_found",
        "best_rank",
        "popularity_to_taste",
        *features,
    )


def ranking_matrix(pool: Candidates, features: FloatArray, usual: FloatArray) -> FloatArray:
    """One row per candidate; finite; shape (n, len(matrix_columns(...))).

    ``usual`` is what `usual_popularity` gives for the person.
    """
    ranks = reciprocal_ranks(pool.scores)
    best = np.maximum(pool.scores.max(axis=0, initial=0.0), 1e-12)
    parts = (
        pool.scores,
        ranks,
        pool.scores / best,
        pool.beside_last[:, [channel in BESIDE_LAST for channel in pool.channels]],
        pool.found.sum(axis=1, keepdims=True),
        ranks.max(axis=1, keepdims=True, initial=0.0),
        _popularity_to_taste(pool, usual)[:, None],
        features,
    )
    return np.asarray(np.nan_to_num(np.concatenate(parts, axis=1), nan=0.0, posinf=0.0, neginf=0.0))


def usual_popularity(retrievers: Mapping[str, Retriever], request: Request, history: History) -> FloatArray:
    """The share of everybody's interest that each of the person's newest 20 entries has; none without the channel."""
    popular, newest = retrievers.get(_POPULARITY), history.last(_USUAL)
    return np.empty(0) if popular is None else popular.score(request, newest, newest.items)


def _popularity_to_taste(pool: Candidates, usual: FloatArray) -> FloatArray:
    """How much more popular each candidate is than what the person usually takes up: a log ratio, shape (n,).

    Shares below a millionth count as that. 0 for everything without a history, and without the channel.
    """
    if not len(usual) or _POPULARITY not in pool.channels:
        return np.zeros(len(pool))
    shares = np.nan_to_num(pool.scores[:, pool.channels.index(_POPULARITY)])
    return np.asarray(_log_share(shares) - _log_share(usual).mean())


def _log_share(shares: FloatArray) -> FloatArray:
    return np.log(np.maximum(shares, _LEAST_SHARE))


def reciprocal_ranks(scores: FloatArray) -> FloatArray:
    """1 / rank within each column, 0 where the score is not above 0; equal scores rank in order of row."""
    ranks: FloatArray = np.empty(scores.shape)
    order = np.argsort(-scores, axis=0, kind="stable")
    np.put_along_axis(ranks, order, 1.0 / np.arange(1, len(scores) + 1)[:, None], axis=0)
    ranks[scores <= 0] = 0.0
    return np.asarray(ranks)


def fused_score(scores: FloatArray, constant: float = 20.0) -> FloatArray:
    """Reciprocal rank fusion over the channels (Cormack, Clarke, Büttcher, SIGIR 2009); shape (n,). Needs no training.

    ``constant`` is 60 in the paper, for lists of thousands; with pools of hundreds a smaller one keeps the tops apart.
    """
    return _fused(reciprocal_ranks(scores), constant)


def fused_columns(matrix: Array, columns: Sequence[str], constant: float = 20.0) -> FloatArray:
    """`fused_score` of rows of a ranking matrix, whatever pools they come from: what the ranker has to beat."""
    return _fused(matrix[:, [column.endswith(".rank") for column in columns]].astype(np.float64), constant)


def _fused(ranks: FloatArray, constant: float) -> FloatArray:
    with np.errstate(divide="ignore"):
        parts = np.where(ranks > 0, 1.0 / (constant + 1.0 / ranks), 0.0)
    return np.asarray(parts.sum(axis=1))
