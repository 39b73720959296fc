"""Sequences cut into batches for the processor at hand: by length instead of padded, with negatives that all share.

A batch holds sequences of nearly the same length, so that hardly a position is computed for nothing, and one draw of
negatives serves every position in it, so that the loss is one matrix product. Everything an epoch draws comes from
(seed, epoch) alone: a training that goes on from its checkpoint sees what it would have seen.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tailorbird.types import Array, FloatArray, IntArray, Interactions

Longs = NDArray[np.int64]
Bools = NDArray[np.bool_]

N_BUCKETS: Final = 64
HIDDEN: Final = -1
"""Stands for an item that is to be guessed."""

_BUCKET_WIDTH: Final = 0.301
_MOST_POSITIONS: Final = 4_096
_WINDOW: Final = 20
"""Batches among which sequences are sorted by length: enough to be alike, few enough to stay shuffled."""


@dataclass(frozen=True)
class Sequences:
    """What many people took up, oldest first; sequence p has the rows ``starts[p]`` to ``ends[p]``, this one excluded.

    ``items`` count from 0 without gaps. Sequences of one person may overlap; none has fewer than two rows.
    """

    items: Longs
    at: FloatArray
    starts: Longs
    ends: Longs

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def lengths(self) -> Longs:
        """Rows of each sequence."""
        return self.ends - self.starts

    def rows(self) -> tuple[Longs, Longs]:
        """For every row of every sequence, the sequence and the row."""
        lengths = self.lengths
        of = np.repeat(np.arange(len(self)), lengths)
        first = np.cumsum(lengths) - lengths
        return of, np.arange(len(of)) - np.repeat(first - self.starts, lengths)

    def newest(self, n: int) -> "Sequences":
        """Of each sequence the newest ``n`` rows."""
        return replace(self, starts=np.maximum(self.starts, self.ends - n))

    def take(self, which: Longs) -> "Sequences":
        """These sequences alone."""
        return replace(self, starts=self.starts[which], ends=self.ends[which])


@dataclass(frozen=True)
class Batch:
    """b sequences of at most n positions, and what is to be guessed of them.

    ``items`` and ``targets`` (b, n) are what stands at each position, HIDDEN where it must not be seen, and what is
    right there; ``there`` tells which positions are real and ``asks`` at which the guess counts. ``at`` (b, n) is when
    each item was taken up and ``asked`` (b, n) when each question was.
    """

    items: Longs
    targets: Longs
    there: Bools
    asks: Bools
    at: FloatArray
    asked: FloatArray


def sequences_of(interactions: Interactions, numbers: IntArray) -> Sequences:
    """Everybody's interactions in the order of their times; ``numbers`` renames the items.

    At equal times the log's order stands. Whoever has a single interaction teaches no sequence.
    """
    order = np.lexsort((interactions.at, interactions.users))
    counts = np.bincount(interactions.users, minlength=interactions.n_users)
    ends = np.cumsum(counts)
    able = np.flatnonzero(counts > 1)
    items = numbers[interactions.items[order]].astype(np.int64)
    return Sequences(items, interactions.at[order], (ends - counts)[able], ends[able])


def numbered(sequences: Sequences) -> tuple[Sequences, Longs]:
    """The same with items numbered from 0 without gaps, and which item each of these numbers stands for."""
    _, rows = sequences.rows()
    known = np.unique(sequences.items[rows])
    return replace(sequences, items=np.searchsorted(known, sequences.items)), known


def held_out(sequences: Sequences, most: int, seed: int) -> tuple[Sequences, Sequences]:
    """What to train on, and for validation the whole sequences of a tenth of the people, at most ``most``.

    Of these the last row is taken from training; only people with three rows and more are drawn.
    """
    able = np.flatnonzero(sequences.lengths >= 3)
    n = min(most, len(able) // 10)
    drawn = np.sort(np.random.default_rng(seed).choice(able, n, replace=False))
    ends = sequences.ends.copy()
    ends[drawn] -= 1
    return replace(sequences, ends=ends), sequences.take(drawn)


def windows(sequences: Sequences, longest: int, draw: np.random.Generator) -> Sequences:
    """Sequences cut into windows of at most ``longest`` queries, the first of them by chance of a shorter length.

    Every row but a person's first is the answer of one window, and another cut gives it another past.
    """
    asked = sequences.lengths - 1
    first = np.where(asked > longest, draw.integers(1, longest + 1, len(sequences)), asked)
    n = 1 - (first - asked) // longest
    of = np.repeat(np.arange(len(sequences)), n)
    later = np.arange(len(of)) - np.repeat(np.cumsum(n) - n, n)
    end = np.minimum(first[of] + later * longest, asked[of])
    start = np.where(later > 0, first[of] + (later - 1) * longest, 0)
    return replace(sequences, starts=sequences.starts[of] + start, ends=sequences.starts[of] + end + 1)


def groups(sequences: Sequences, size: int, draw: np.random.Generator) -> Iterator[Sequences]:
    """All sequences once, shuffled, ``size`` at a time or fewer of long ones."""
    lengths = sequences.lengths
    shuffled = draw.permutation(len(sequences))
    made: list[Longs] = []
    for first in range(0, len(shuffled), _WINDOW * size):
        window = shuffled[first : first + _WINDOW * size]
        window = window[np.argsort(lengths[window], kind="stable")]
        made += _cut(window, lengths, size)
    for place in draw.permutation(len(made)):
        yield sequences.take(made[place])


def following(sequences: Sequences) -> Batch:
    """Each item asks for the one that came next."""
    there, places = _side_by_side(replace(sequences, ends=sequences.ends - 1))
    after = np.where(there, places + 1, places)
    items, at = sequences.items, sequences.at
    return Batch(items[places], items[after], there, there, at[places], at[after])


def cloze(sequences: Sequences, share: float, draw: np.random.Generator) -> Batch:
    """A ``share`` of the items is hidden and asked for; every other sequence ends somewhere, and hides that end alone.

    So the model also knows what a question is: a gap at the end, of a short history as well as of a long one.
    """
    whole = draw.random(len(sequences)) < 0.5
    somewhere = draw.integers(2, sequences.lengths, endpoint=True)
    cut = replace(sequences, ends=sequences.starts + np.where(whole, sequences.lengths, somewhere))
    there, places = _side_by_side(cut)
    last = np.arange(there.shape[1]) == cut.lengths[:, None] - 1
    asks = there & whole[:, None] & (draw.random(there.shape) < share)
    asks |= last & ~asks.any(axis=1, keepdims=True)
    return _hiding(cut, there, places, asks)


def last_hidden(sequences: Sequences) -> Batch:
    """The last item of each alone is hidden and asked for."""
    there, places = _side_by_side(sequences)
    return _hiding(sequences, there, places, np.arange(there.shape[1]) == sequences.lengths[:, None] - 1)


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
    number = np.where(batch.asks, np.cumsum(batch.asks).reshape(batch.asks.shape) - 1, -1)
    asked, before = np.tril_indices(batch.items.shape[1])
    rows, items = number[:, asked], batch.items[:, before]
    found = (rows >= 0) & (place[items] >= 0) & (items != batch.targets[:, asked])
    return rows[found], place[items[found]]


def age_buckets(at: FloatArray, asked: FloatArray, n_buckets: int, *, causal: bool) -> Longs:
    """How far each item was from each question, by its logarithm; shape (..., n questions, n items).

    ``at`` and ``asked`` have shape (..., n). A bucket spans 35% of time from a second on; the last takes all that is
    farther, and with one bucket there is no telling. A causal question may not see what was later: its bucket is
    ``n_buckets``.
    """
    gaps = asked[..., :, None] - at[..., None, :]
    gaps = np.maximum(gaps if causal else np.abs(gaps), 1.0)
    buckets = np.minimum((np.log(gaps) / _BUCKET_WIDTH).astype(np.int64), n_buckets - 1)
    if causal:
        buckets[..., ~np.tri(at.shape[-1], dtype=np.bool_)] = n_buckets
    return buckets


def _side_by_side(sequences: Sequences) -> tuple[Bools, Longs]:
    """Which positions are there, and their rows, (b, n); a sequence's first row stands where nothing is."""
    steps = np.arange(int(sequences.lengths.max(initial=1)))
    there = steps < sequences.lengths[:, None]
    return there, sequences.starts[:, None] + np.where(there, steps, 0)


def _hiding(sequences: Sequences, there: Bools, places: Longs, asks: Bools) -> Batch:
    items, at = sequences.items[places], sequences.at[places]
    return Batch(np.where(asks, HIDDEN, items), items, there, asks, at, at)


def _cut(people: Array, lengths: Array, size: int) -> list[Any]:
    """Groups of ``size`` people in this order, smaller where their sequences are long."""
    groups, first = [], 0
    while first < len(people):
        widest = lengths[people[min(first + size, len(people)) - 1]]
        n = min(size, max(1, _MOST_POSITIONS // int(widest)))
        groups.append(people[first : first + n])
        first += n
    return groups
