"""What is asked and what may be known: the nouns of an evaluation, which every protocol of `splits` makes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.learning.interactions import positions_within
from tailorbird.types import Array, FloatArray, History, IntArray, Interactions


@dataclass(frozen=True, slots=True)
class Cases:
    """Questions with their answers; n of them.

    Case c is asked by ``persons[c]`` at ``at[c]``; its query is the rows ``begins[c]:ends[c]`` of ``log``, oldest
    first, and its right answers are ``answers[starts[c]:starts[c + 1]]``, different items.
    """

    log: Interactions
    persons: IntArray
    at: FloatArray
    begins: Array
    ends: Array
    answers: IntArray
    starts: Array

    def __len__(self) -> int:
        return len(self.persons)

    def history(self, case: int) -> History:
        """What the model may look at."""
        rows = slice(self.begins[case], self.ends[case])
        return History(self.log.items[rows], self.log.at[rows], self.log.weights[rows], self.log.bought[rows])

    def answers_of(self, case: int) -> IntArray:
        """The items that are right; at least one."""
        return self.answers[self.starts[case] : self.starts[case + 1]]

    def askers(self) -> IntArray:
        """Who is behind each case, known to the model (``persons``) or not."""
        return self.log.users[self.begins]

    def take(self, cases: Array) -> "Cases":
        """These cases (positions), in that order."""
        counts = np.diff(self.starts)[cases]
        return Cases(
            self.log,
            self.persons[cases],
            self.at[cases],
            self.begins[cases],
            self.ends[cases],
            self.answers[positions_within(self.starts[:-1][cases], counts)],
            np.concatenate(([0], np.cumsum(counts))),
        )

    def sample(self, n: int | None, seed: int = 1) -> "Cases":
        """At most ``n`` cases drawn without replacement, in their order; the same for the same seed."""
        if n is None or n >= len(self):
            return self
        drawn = np.random.default_rng(seed).choice(len(self), n, replace=False)
        return self.take(np.sort(drawn))


@dataclass(frozen=True)
class Split:
    """What evaluation and training take.

    ``train`` may be fitted on under --strict; ``refit`` is train and validation together. Validation cases are for
    choosing and for labels, their queries hold only train rows; the queries of test cases also hold validation rows
    (in strong-generalisation, where each case is of a person that nothing was fitted on, neither does).
    ``hide_seen``: items of the query are not ranked. ``left_out`` counts cases that could not be asked, by reason.
    """

    protocol: str
    train: Interactions
    refit: Interactions
    validation: Cases
    test: Cases
    catalogue: Catalogue
    user_ids: Sequence[str]
    timed: bool
    hide_seen: bool
    sha256: str
    left_out: dict[str, int]

    @property
    def n_items(self) -> int:
        """How many items are ranked: those with an interaction anywhere in the data."""
        return self.train.n_items


def sampled(whole: Split, n_cases: int | None) -> Split:
    """The same split with at most ``n_cases`` test cases; its hash still names the whole."""
    return replace(whole, test=whole.test.sample(n_cases))
