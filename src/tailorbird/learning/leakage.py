"""The guard against columns that know the answer: they shine in training and are worth nothing in the shop.

A fold cannot look ahead, but a view may be wrong, a catalogue may carry tomorrow's sales, and a tracker may report a
click twice, the copy a moment before the click. Two tests, of the columns of feature views. *Alone*: no honest column
puts what was wanted before all else in nearly every list (S. Kaufman et al., Leakage in Data Mining, KDD 2011, propose
to look at whatever is too good), unless a channel comes near, which was fitted before and cannot know. *A second
before*: where the log tells of a wanted item by the same person in the last second before the moment, the column is
read again without that second; what was worth much only with it has leaked.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
import numpy as np

from tailorbird.decide import Engine
from tailorbird.errors import LeakingFeature
from tailorbird.features import VIEWS, folded
from tailorbird.features.online_state import OnlineState
from tailorbird.identity.joins import Identities
from tailorbird.learning.lists import Lists, Question
from tailorbird.learning.past import records
from tailorbird.protocols import Log
from tailorbird.ranking.lambda_ranker import LabelledLists
from tailorbird.types import Array, BoolArray, FloatArray, IntArray, Interaction, Record, Request

TOO_GOOD: Final = 0.98
"""Of pairs of a wanted and an unwanted candidate, the share that no honest column puts in the right order."""

_NEAR: Final = 0.95
_LOST: Final = 0.1
_SECOND: Final = 1.0
_LEAST_LISTS: Final = 20
_MOST_LISTS: Final = 500
_LEAST_OTHERS: Final = 10
"""Unwanted candidates of a list that says something: among three items many a column is right by chance."""

_OF_PEOPLE: Final = frozenset({"event", "erased", "identity", "separation"})


@dataclass
class Copies:
    """Lists before which, within a second, the log told of a wanted item: its number, and the request."""

    lists: dict[int, Request] = field(default_factory=dict)
    _recent: dict[int, deque[tuple[float, int]]] = field(default_factory=dict)

    def note(self, steps: Iterable[Interaction]) -> None:
        """What the log told."""
        for step in steps:
            recent = self._recent.setdefault(step.person, deque(maxlen=20))
            recent.append((step.at, step.item))

    def before(self, number: int, asked: Question, wanted: Iterable[int]) -> None:
        """The list of this number was made; look whether it comes after a copy of its own answer."""
        since = asked.request.at - _SECOND
        recent = self._recent.get(asked.person.number, ())
        if {item for at, item in recent if at > since} & set(wanted):
            self.lists[number] = asked.request


def separation(lists: LabelledLists, matrix: Array | None = None, *, among: BoolArray | None = None) -> FloatArray:
    """Of pairs of a wanted and another candidate of one list, the share that each column orders; shape (c,).

    Either way round: a column that puts all that is wanted last says as much. 0.5 says nothing; equal values are half.
    Over 500 lists at most, spread evenly, all of them ``among`` those of a mask if one is given.
    """
    numbers = np.arange(len(lists)) if among is None else np.flatnonzero(among)
    chosen = np.zeros(len(lists), np.bool_)
    chosen[numbers[np.linspace(0, len(numbers) - 1, min(len(numbers), _MOST_LISTS)).astype(np.int64)]] = True
    rows = np.repeat(chosen, lists.lengths)
    values = (lists.matrix if matrix is None else matrix)[rows]
    wanted = lists.labels[rows] > 0
    of_list = np.repeat(np.arange(int(chosen.sum())), lists.lengths[chosen])
    n_wanted = np.bincount(of_list, wanted)
    n_others = np.bincount(of_list, ~wanted)
    both = (n_wanted > 0) & (n_others > 0)
    out = np.full(values.shape[1], 0.5)
    for column in range(values.shape[1] if both.any() else 0):
        ranks = _ranks(values[:, column], of_list)
        above = np.bincount(of_list, ranks * wanted) - n_wanted * (n_wanted + 1) / 2
        share = float((above[both] / (n_wanted * n_others)[both]).mean())
        out[column] = max(share, 1 - share)
    return out


def _ranks(values: Array, of_list: Array) -> FloatArray:
    """Ranks from 1 within each list, equal values sharing their mean; lists stand one after the other."""
    order = np.lexsort((values, of_list))
    ordered, lists = values[order], of_list[order]
    begins = np.concatenate(([True], (ordered[1:] != ordered[:-1]) | (lists[1:] != lists[:-1])))
    group = np.cumsum(begins) - 1
    first = np.flatnonzero(begins)
    mean = first + (np.bincount(group) - 1) / 2.0
    start_of_list = np.concatenate(([0], np.cumsum(np.bincount(of_list))))[:-1]
    ranks = np.empty(len(values))
    ranks[order] = mean[group] - start_of_list[lists] + 1
    return ranks


def check(lists: Lists, copies: Copies, engine: Engine, log: Log) -> None:
    """Refuse lists in which a column of a feature view knows the answer.

    Raises:
        LeakingFeature: names the columns, what gave them away, and their views.
    """
    names = engine.state.columns
    if len(lists) < _LEAST_LISTS or not names:
        return
    labelled = lists.labelled()
    long = np.array([int((labels == 0).sum()) for labels in lists.labels]) >= _LEAST_OTHERS
    if long.sum() < _LEAST_LISTS:
        return
    shares = separation(labelled, among=long)
    # Channels were fitted before and cannot know: where one of them comes near, what happens next is easily foretold.
    foretold = float(shares[: -len(names)].max(initial=0.0)) > _NEAR
    alone = dict(zip(names, [] if foretold else shares[-len(names) :].tolist(), strict=not foretold))
    told = {name: f"{name} alone orders {share:.1%} of them" for name, share in alone.items() if share > TOO_GOOD}
    if len(copies.lists) >= _LEAST_LISTS:
        for name, (now, before) in _a_second_before(lists, copies, engine, log):
            told[name] = f"{name} orders {now:.0%} of them, and {before:.0%} a second earlier"
    if told:
        views = sorted(view.name for view in VIEWS.values() if told.keys() & set(view.columns))
        raise LeakingFeature(
            "Of pairs of what was wanted and what was not, no column of a feature view can order nearly all before it"
            f" happens: {'; '.join(told.values())}.",
            hint=f"Mend what it reads, or leave it out: leave_out = {msgspec.json.encode(views).decode()}"
            " under [features].",
        )


def _a_second_before(
    lists: Lists, copies: Copies, engine: Engine, log: Log
) -> Iterator[tuple[str, tuple[float, float]]]:
    """Columns whose worth is lost with the last second, with the shares of pairs that they order now and before."""
    numbers = sorted(copies.lists)
    rows = [_rows_of(lists, number) for number in numbers]
    config = engine.config
    known = Identities.of(log, config.identity)
    # The items are those of the engine, as they are at the log's end: it is people and counts that may know too much.
    views = folded(config.features.leave_out, config.features.keep)
    state = OnlineState(config.events, views, engine.catalogue, known, config.features.leave_out)
    held: deque[Record] = deque()
    behind, told = [], (record for record in records(log) if record.kind in _OF_PEOPLE)
    record = next(told, None)
    for number in numbers:
        request = copies.lists[number]
        while record is not None and record.seq <= lists.seqs[number]:
            held.append(record)
            record = next(told, None)
        for waiting in _due(held, request.at - _SECOND):
            for step in state.steps(waiting):
                state.fold(step)
        behind.append(state.read(state.person(request.person), request, lists.items[number]))
    return _lost(lists, numbers, rows, behind, engine.state.columns)


def _due(held: deque[Record], at: float) -> Iterator[Record]:
    """Take out what happened until then, in the log's order."""
    for _ in range(len(held)):
        record = held.popleft()
        if record.at > at:
            held.append(record)
        else:
            yield record


def _rows_of(lists: Lists, number: int) -> slice:
    start = sum(map(len, lists.labels[:number]))
    return slice(start, start + len(lists.labels[number]))


def _lost(
    lists: Lists, numbers: Sequence[int], rows: Sequence[slice], behind: Sequence[FloatArray], names: Sequence[str]
) -> Iterator[tuple[str, tuple[float, float]]]:
    labelled = lists.labelled()
    now = np.concatenate([labelled.matrix[part, -len(names) :] for part in rows])
    labels: IntArray = np.concatenate([lists.labels[number] for number in numbers])
    lengths: IntArray = np.array([len(lists.labels[number]) for number in numbers], np.int32)
    of_these = LabelledLists.plain(now, labels, lengths)
    with_it, without = separation(of_these), separation(of_these, np.concatenate(behind))
    for name, one, other in zip(names, with_it, without, strict=True):
        if one - other > _LOST:
            yield name, (float(one), float(other))
