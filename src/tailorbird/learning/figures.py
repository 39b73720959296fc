"""The figures of one model on one split: overall, by segment, and with what chance alone could make of them.

What the figures need beside the placements (how popular each answer was in training, whose each case is) is the same
for all models of a table and made once. Popularity is always that of the split's train part, so that strict and refit
figures can be compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tailorbird.learning.cases import Split
from tailorbird.learning.intervals import interval, resampled
from tailorbird.learning.metrics import Placements, Worth, inverse_propensities, people_per_item, self_information
from tailorbird.learning.segments import segments_of
from tailorbird.types import Array, FloatArray

Figures = dict[str, float | None]
Worths = Mapping[str, Worth]


@dataclass(frozen=True)
class Difference:
    """A model's figure less that of another over the same people, and its 95% interval."""

    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class Yardstick:
    """Everything that measures, for the test cases of one split.

    ``weights`` (n answers,) debias, ``bits`` (n_items,) are how surprising each item is, ``segments`` the positions of
    their cases. ``ks`` are the list lengths of (hit rate, NDCG and all that is about what is shown) and of (recall,
    reciprocal rank).
    """

    split: Split
    ks: tuple[int, int]
    weights: FloatArray
    bits: FloatArray
    segments: dict[str, Array]

    @staticmethod
    def of(split: Split, ks: tuple[int, int]) -> "Yardstick":
        """For the test cases of this split."""
        people = people_per_item(split.train)
        n_people = int(np.count_nonzero(np.bincount(split.train.users)))
        weights = inverse_propensities(people)[split.test.answers]
        return Yardstick(split, ks, weights, self_information(people, n_people), segments_of(split.test))

    def figures(self, placements: Placements) -> Figures:
        """All of them, over all cases."""
        short, n_items = self.ks[0], self.split.n_items
        return {
            **self._accuracy(placements),
            f"debiased_ndcg@{short}": placements.debiased_gains(short, self.weights).figure(),
            f"coverage@{short}": placements.coverage(n_items),
            f"gini@{short}": placements.gini(n_items),
            f"novelty@{short}": placements.novelty(self.bits),
            f"ild@{short}": placements.intra_list_diversity(self.split.catalogue.vectors),
        }

    def by_segment(self, placements: Placements) -> dict[str, Figures]:
        """Those of accuracy and the number of cases, for each segment; None where it has no case."""
        told: dict[str, Figures] = {}
        names = self._accuracy(placements)
        for segment, cases in self.segments.items():
            figures = self._accuracy(placements.take(cases)) if len(cases) else dict.fromkeys(names)
            told[segment] = {"cases": len(cases), **figures}
        return told

    def worths(self, placements: Placements) -> Worths:
        """Case by case, those figures that get an interval."""
        short = self.ks[0]
        return {
            f"hr@{short}": placements.hits(short),
            f"ndcg@{short}": placements.gains(short),
            f"debiased_ndcg@{short}": placements.debiased_gains(short, self.weights),
        }

    def _accuracy(self, placements: Placements) -> Figures:
        short, long = self.ks
        return {
            f"hr@{short}": placements.hit_rate(short),
            f"ndcg@{short}": placements.ndcg(short),
            f"recall@{long}": placements.recall(long),
            f"mrr@{long}": placements.reciprocal_rank(long),
        }


class Draws:
    """The figures of all models over the same draws of the same people."""

    def __init__(self, worths: Mapping[str, Worths], persons: Array) -> None:
        self._worths = worths
        keys = [(model, name) for model, named in worths.items() for name in named]
        self._places = {key: place for place, key in enumerate(keys)}
        every = [worth for named in worths.values() for worth in named.values()]
        # Of one person every draw is the same, which would look like certainty.
        enough = every and len(set(persons.tolist())) > 1
        self._figures = resampled(every, persons) if enough else None

    def intervals(self, model: str) -> dict[str, tuple[float, float] | None]:
        """The 95% interval of each of a model's figures; None where there is but one person to draw."""
        return {name: self._interval(model, name) for name in self._worths[model]}

    def differences(self, model: str, other: str) -> dict[str, Difference | None]:
        """Each figure of ``model`` less that of ``other``."""
        return {name: self._difference(model, other, name) for name in self._worths[model]}

    def _interval(self, model: str, name: str) -> tuple[float, float] | None:
        return None if self._figures is None else interval(self._figures[:, self._places[model, name]])

    def _difference(self, model: str, other: str, name: str) -> Difference | None:
        mine, theirs = self._worths[model][name].figure(), self._worths[other][name].figure()
        if self._figures is None or mine is None or theirs is None:
            return None
        figures = self._figures
        bounds = interval(figures[:, self._places[model, name]] - figures[:, self._places[other, name]])
        return None if bounds is None else Difference(mine - theirs, *bounds)
