"""Sequences cut into batches for the processor at hand: by length instead of padded, with negatives that all share.

A batch holds sequences of nearly the same length, so that hardly a position is computed for nothing, and one draw of
negatives serves every position in it, so that the loss is one matrix product. Everything an epoch draws comes from
(seed, epoch) alone: a training that goes on from its checkpoint sees what it would have seen.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tailorbird.types import Array, FloatArray, IntArray, Interactions

Longs = NDArray[np.int64]

N_BUCKETS: Final = 64
_BUCKET_WIDTH: Final = 0.301
_MOST_POSITIONS: Final = 16_384
_WINDOW: Final = 20
"""Batches among which sequences are sorted by length: enough to be alike, few enough to stay shuffled."""


@dataclass(frozen=True)
class Sequences:
    """What many people took up, oldest first; person p has the rows ``starts[p]:starts[p + 1]``.

    ``items`` count from 0 without gaps. Nobody has fewer than two rows, or more than one above the longest query.
    """

    items: Longs
    at: FloatArray
    starts: Longs

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> Longs:
        """Rows of each person."""
        return np.diff(self.starts)


@dataclass(frozen=True)
class Batch:
    """Queries and what followed each of their positions; b sequences of at most n positions.

    ``items``, ``targets`` (b, n) with ``real`` telling which positions are there; ``at`` (b, n) is when each item was
    taken up and ``asked`` (b, n) when the next one was.
    """

    items: Longs
    targets: Longs
    real: NDArray[np.bool_]
    at: FloatArray
    asked: FloatArray


def sequences_of(interactions: Interactions, numbers: IntArray, last: int) -> Sequences:
    """Everybody's newest ``last`` + 1 interactions in the order of their times; ``numbers`` renames the items.

    At equal times the log's order stands. Whoever has a single interaction teaches no sequence.
    """
    order = np.lexsort((interactions.at, interactions.users))
    users = interactions.users[order]
    counts = np.bincount(users, minlength=interactions.n_users)
    ends = np.cumsum(counts)
    from_end = np.repeat(ends, counts) - np.arange(len(users))
    keep = (from_end <= last + 1) & (counts[users] > 1)
    kept = np.bincount(users[keep], minlength=interactions.n_users)
    starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(kept[kept > 0])))
    rows = order[keep]
    return Sequences(numbers[interactions.items[rows]].astype(np.int64), interactions.at[rows], starts)


def numbered(sequences: Sequences) -> tuple[Sequences, Longs]:
    """The same with items numbered from 0 without gaps, and which item each of these numbers stands for."""
    items, places = np.unique(sequences.items, return_inverse=True)
    return Sequences(places.astype(np.int64), sequences.at, sequences.starts), items


def held_out(sequences: Sequences, most: int, seed: int) -> tuple[Sequences, Sequences]:
    """What to train on, and for validation the whole sequences of a tenth of the people, at most ``most``.

    Of these the last row is taken from training; only people with three rows and more are drawn.
    """
    lengths = sequences.lengths
    able = np.flatnonzero(lengths >= 3)
    n = min(most, len(able) // 10)
    drawn = np.sort(np.random.default_rng(seed).choice(able, n, replace=False))
    last = np.zeros(len(sequences.items), np.bool_)
    last[sequences.starts[1:][drawn] - 1] = True
    shorter = lengths.copy()
    shorter[drawn] -= 1
    starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(shorter)))
    return Sequences(sequences.items[~last], sequences.at[~last], starts), _of(sequences, drawn)


def batches(
    sequences: Sequences, size: int, draw: np.random.Generator, *, most: int = _MOST_POSITIONS
) -> Iterator[Batch]:
    """All sequences once, shuffled, ``size`` at a time or fewer of long ones: not above ``most`` positions."""
    lengths = sequences.lengths
    shuffled = draw.permutation(len(sequences))
    groups: list[Longs] = []
    for first in range(0, len(shuffled), _WINDOW * size):
        window = shuffled[first : first + _WINDOW * size]
        window = window[np.argsort(lengths[window], kind="stable")]
        groups += _cut(window, lengths, size, most)
    for group in draw.permutation(len(groups)):
        yield batch_of(sequences, groups[group])


def batch_of(sequences: Sequences, people: Longs) -> Batch:
    """These people's sequences side by side."""
    lengths = sequences.lengths[people] - 1
    steps = np.arange(int(lengths.max(initial=1)))
    real = steps < lengths[:, None]
    places = np.where(real, sequences.starts[people][:, None] + steps, sequences.starts[people][:, None])
    following = np.where(real, places + 1, places)
    return Batch(
        sequences.items[places], sequences.items[following], real, sequences.at[places], sequences.at[following]
    )


def negatives(n_items: int, n: int, draw: np.random.Generator) -> Longs:
    """``n`` different items, each as likely as any other; all of them where there are no more."""
    if n >= n_items:
        return np.arange(n_items)
    return draw.choice(n_items, n, replace=False, shuffle=False)


def hits(targets: Longs, drawn: Longs, n_items: int) -> tuple[Longs, Longs]:
    """Where a negative is the very target: positions among ``targets``, and places among ``drawn``."""
    place = np.full(n_items, -1)
    place[drawn] = np.arange(len(drawn))
    found = place[targets]
    return np.flatnonzero(found >= 0), found[found >= 0]


def had_before(batch: Batch, columns: Longs, n_items: int) -> tuple[Longs, Longs]:
    """Rows (answers) and columns where the column's item is in the history and not the answer: it is no negative."""
    place = np.full(n_items, -1)
    place[columns] = np.arange(len(columns))
    number = np.where(batch.real, np.cumsum(batch.real).reshape(batch.real.shape) - 1, -1)
    asked, before = np.tril_indices(batch.items.shape[1])
    rows, items = number[:, asked], batch.items[:, before]
    found = (rows >= 0) & (place[items] >= 0) & (items != batch.targets[:, asked])
    return rows[found], place[items[found]]


def age_buckets(at: FloatArray, asked: FloatArray, n_buckets: int) -> Longs:
    """How long ago each item was when each question was asked, by its logarithm; shape (..., n questions, n items).

    ``at`` and ``asked`` have shape (..., n). A bucket spans 35% of time from a second on; the last takes all that is
    older, and with one bucket there is no telling. What a question may not see has the bucket ``n_buckets``.
    """
    gaps = np.maximum(asked[..., :, None] - at[..., None, :], 1.0)
    buckets = np.minimum((np.log(gaps) / _BUCKET_WIDTH).astype(np.int64), n_buckets - 1)
    ahead = ~np.tri(at.shape[-1], dtype=np.bool_)
    buckets[..., ahead] = n_buckets
    return buckets


def _of(sequences: Sequences, people: Longs) -> Sequences:
    lengths = sequences.lengths[people]
    starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)))
    rows = np.repeat(sequences.starts[people] - starts[:-1], lengths) + np.arange(starts[-1])
    return Sequences(sequences.items[rows], sequences.at[rows], starts)


def _cut(people: Array, lengths: Array, size: int, most: int) -> list[Any]:
    """Groups of ``size`` people in this order, smaller where their sequences are long."""
    groups, first = [], 0
    while first < len(people):
        widest = lengths[people[min(first + size, len(people)) - 1]]
        n = min(size, max(1, most // int(widest)))
        groups.append(people[first : first + n])
        first += n
    return groups
