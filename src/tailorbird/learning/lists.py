"""The ranker's training lists: what the engine would have had to choose from, and what the person chose.

Lists come from replay through the engine that serves (`Engine.gather` and `Engine.matrix`), with channels fitted on an
earlier period; so a feature is at training what it will be at serving, and no channel has seen the answer.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from tailorbird.decide import Engine
from tailorbird.stopwatch import Stopwatch
from tailorbird.types import Array, Candidates, FloatArray, History, IntArray, Person, Request

GRADES: Final[Mapping[str, int]] = {
    "item_view": 1, "list_click": 1, "promo_click": 1, "message_click": 1, "watch": 1, "consume": 1, "answer": 1,
    "rating": 2, "wishlist_add": 2, "share": 2, "review": 2, "cart_add": 2, "purchase": 3,
}  # fmt: skip
"""The grade of each kind of interest; a grade g gains 2**g - 1."""

MOST_OTHERS: Final = 100
"""Unwanted candidates kept in a list: more of them teach a little more and cost in proportion."""


@dataclass
class Lists:
    """Rows of many lists, one after the other; float32, because a million rows of 60 columns must fit."""

    matrices: list[Array] = field(default_factory=list)
    labels: list[Array] = field(default_factory=list)
    missed: int = 0

    def add(self, matrix: FloatArray, labels: IntArray) -> None:
        """One list."""
        self.matrices.append(matrix.astype(np.float32))
        self.labels.append(labels)

    def __len__(self) -> int:
        return len(self.matrices)

    def columns(self) -> tuple[Array, Array, IntArray]:
        """Matrix (n, c, float32), labels (n,), and the lists' lengths."""
        if not self.labels:
            return np.empty((0, 0)), np.empty(0), np.empty(0, np.int32)
        lengths = np.array([len(labels) for labels in self.labels], np.int32)
        return np.concatenate(self.matrices), np.concatenate(self.labels), lengths


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
    among: Collection[int] = (),
) -> None:
    """Add the list of one question, in answer to which the items in ``grades`` (item number -> grade) were wanted.

    ``among`` are the items that were really shown then, if any: of the others nobody knows what they were worth.

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
    others = np.flatnonzero((labels == 0) & shown)
    if len(others) > n_others:
        others = draw.choice(others, n_others, replace=False)
    rows = np.sort(np.concatenate((np.flatnonzero(labels), others)))
    # The matrix is made from the whole pool: ranks and relative scores depend on who else is in it.
    lists.add(engine.matrix(pool, asked.request, asked.person)[rows], labels[rows])
