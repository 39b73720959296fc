"""The ranker's training lists: what the engine would have had to choose from, and what the person chose.

Lists come from replay through the engine that serves (`Engine.gather` and `Engine.matrix`), with channels fitted on an
earlier period; so a feature is at training what it will be at serving, and no channel has seen the answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import numpy as np

from tailorbird.decide import Engine
from tailorbird.learning.metrics import Worth
from tailorbird.ranking.lambda_ranker import LabelledLists
from tailorbird.stopwatch import Stopwatch
from tailorbird.types import Array, Candidates, FloatArray, History, IntArray, Person, Request

MOST_OTHERS: Final = 100
"""Unwanted candidates kept in a list: more of them teach a little more and cost in proportion."""

LISTS_BETWEEN_WORDS: Final = 200
"""So many lists are gathered before progress is told again: seconds."""

_GROWTH: Final = 1.1
_CUT: Final = 10


@dataclass
class Lists:
    """Rows of many lists, one after the other, in one matrix of float32: a million rows of 60 columns must fit, once.

    ``seqs`` says of each list before which record of the log it stands, ``people`` for whom, ``items`` of what.
    """

    labels: list[Array] = field(default_factory=list)
    shown: list[bool] = field(default_factory=list)
    stands_for: list[Array] = field(default_factory=list)
    weights: list[Array] = field(default_factory=list)
    seqs: list[int] = field(default_factory=list)
    people: list[int] = field(default_factory=list)
    items: list[IntArray] = field(default_factory=list)
    missed: int = 0
    _matrix: Array = field(init=False, default_factory=lambda: np.empty((0, 0), np.float32))
    _n_rows: int = field(init=False, default=0)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def n_asked(self) -> int:
        """How many questions there were, with those of which no list came."""
        return len(self) + self.missed

    def add_rows(self, rows: Array) -> None:
        """The rows of one more list, below those of the others."""
        end = self._n_rows + len(rows)
        if end > len(self._matrix):
            # In place: where memory is mapped by pages nothing is copied, so that there is never a second matrix.
            self._matrix.resize((max(end, int(_GROWTH * len(self._matrix))), rows.shape[1]))
        self._matrix[self._n_rows : end] = rows
        self._n_rows = end

    def labelled(self) -> LabelledLists:
        """All of them, as the ranker takes them; a view, so that none can be added while it is held."""
        if not self.labels:
            none = np.empty(0, np.int32)
            return LabelledLists.plain(np.empty((0, 0)), none, none)
        lengths = np.array([len(labels) for labels in self.labels], np.int32)
        matrix, labels = self._matrix[: self._n_rows], np.concatenate(self.labels)
        stands_for, weights = np.concatenate(self.stands_for), np.concatenate(self.weights)
        return LabelledLists(matrix, labels, lengths, np.array(self.shown), stands_for, weights)


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of an item on a slate: how many other ways of filling it this one stands for, and a click on it."""

    weight: float = 1.0
    click_weight: float = 1.0


@dataclass(frozen=True)
class Question:
    """One moment at which a slate could have been asked for: the request, who asked, and the query of the channels."""

    request: Request
    person: Person
    query: History

    @staticmethod
    def of(engine: Engine, request: Request) -> "Question":
        """What this request is to the engine now."""
        person = engine.state.person(request.person)
        return Question(request, person, engine.query(request, person))


def gathered(engine: Engine, asked: Question, *, hidden: IntArray | None = None) -> Candidates:
    """The pool for one question, without the ``hidden`` items; no budget, since nobody waits."""
    policy = engine.policy_of(asked.request.surface)
    pool = engine.gather(asked.request, asked.person, asked.query, policy, Stopwatch(1e9))
    return pool if hidden is None else pool.take(~np.isin(pool.items, hidden))


def add_list(
    lists: Lists,
    engine: Engine,
    asked: Question,
    grades: Mapping[int, int],
    draw: np.random.Generator,
    *,
    hidden: IntArray | None = None,
    n_others: int = MOST_OTHERS,
    among: Mapping[int, Slot] = MappingProxyType({}),
) -> None:
    """Add the list of one question, in answer to which the items in ``grades`` (item number -> grade) were wanted.

    ``among`` are the items that were really shown then, if any, each with its slot: of the others nobody knows what
    they were worth.

    Keeps every wanted item that was retrieved and a uniform sample of the other candidates. Uniform, because a sample
    of the hardest by one order hides from the trees how many are hard by another (LAB.md: 0.055 against 0.065 NDCG@10).
    A list in which nothing wanted was retrieved teaches nothing and is counted as missed.
    """
    pool = gathered(engine, asked, hidden=hidden)
    labels = np.array([grades.get(item, 0) for item in pool.items.tolist()], np.int32)
    if not labels.any():
        lists.missed += 1
        return
    shown = np.isin(pool.items, list(among)) if among else np.ones(len(pool), np.bool_)
    slots = [among.get(item, Slot()) for item in pool.items.tolist()]
    others = np.flatnonzero((labels == 0) & shown)
    stands_for = np.where(labels > 0, 1.0, max(len(others) / n_others, 1.0))
    if len(others) > n_others:
        others = draw.choice(others, n_others, replace=False)
    rows = np.sort(np.concatenate((np.flatnonzero(labels), others)))
    # The matrix is made from the whole pool: ranks and relative scores depend on who else is in it.
    lists.add_rows(engine.matrix(pool, asked.request, asked.person)[rows])
    lists.labels.append(labels[rows])
    lists.shown.append(bool(among))
    lists.stands_for.append(stands_for[rows])
    lists.weights.append(np.array([slots[row].click_weight if labels[row] else slots[row].weight for row in rows]))
    lists.seqs.append(engine.seq)
    lists.people.append(asked.person.number)
    lists.items.append(pool.items[rows])


def graded_gains(scores: FloatArray, lists: LabelledLists) -> Worth:
    """The discounted gain of each list at 10 when it stands in the order of ``scores``; a grade g gains 2**g - 1."""
    gained, possible = (_at_the_top(order, lists) for order in (scores, lists.labels.astype(np.float64)))
    return Worth(gained / np.maximum(possible, 1e-12), np.ones(len(lists)))


def _at_the_top(scores: FloatArray, lists: LabelledLists) -> FloatArray:
    """The discounted gain of the ten best of each list; shape (lists,)."""
    of_list: IntArray = np.repeat(np.arange(len(lists), dtype=np.int32), lists.lengths)
    order = np.lexsort((-scores, of_list))
    place = np.arange(len(scores)) - np.repeat(np.cumsum(lists.lengths) - lists.lengths, lists.lengths)
    worth = np.where(place < _CUT, (2.0 ** lists.labels[order] - 1.0) / np.log2(place + 2.0), 0.0)
    return np.asarray(np.bincount(of_list, worth, len(lists)))
