"""The learned ranker, and the slates it leads to, as models of `evaluate`: all together, under the same split.

Strict by construction: the channels are those that `evaluate` fitted and tuned for their own rows, and the lists that
label the trees are the validation cases, whose answers no channel saw. A case's person is folded from its query alone,
so that the features of any protocol are those of that moment.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.decide import Engine
from tailorbird.learning.cases import Cases, Split
from tailorbird.learning.lists import Question
from tailorbird.learning.teaching import Lesson, engine_after, ranker_scores, slate_places, teach
from tailorbird.protocols import Retriever, Told, unheard
from tailorbird.ranking.lambda_ranker import LambdaRanker
from tailorbird.types import FloatArray, History, IntArray, Interaction, Interactions, Request

_LISTS: Final = 40_000


class RankedModel:
    """Learn to rank on the validation cases over these fitted channels; then score any query.

    ``told`` hears of every few lists and of every tree of a fit.
    """

    def __init__(self, split: Split, channels: Mapping[str, Retriever], *, seed: int = 1) -> None:
        self._split, self._channels, self._seed = split, channels, seed
        self._engine: Engine | None = None
        self.told: Told = unheard

    def fit(self, interactions: Interactions, catalogue: Catalogue) -> None:
        """Trees on the split's validation cases; ``interactions`` are what the channels were fitted on."""
        self.told("folding what is known", 0.0)
        self._engine = engine_after(interactions, catalogue, self._channels)
        draw = np.random.default_rng(self._seed)
        cases = self._split.validation.sample(_LISTS, self._seed)
        # People stand in the order of the file, and who stands last is like nobody else: the lists that decide when to
        # stop are drawn from all of them.
        cases = cases.take(draw.permutation(len(cases)))
        teach(self._engine, LambdaRanker(), self._lessons(cases), draw, of=len(cases), told=self.told)

    def score(self, request: Request, history: History, items: IntArray) -> FloatArray:
        """The ranker's score for what the channels propose; everything else stands behind it, in no order."""
        asked, hidden = self._question(request.at, history), self._hidden(history)
        return ranker_scores(self._fitted, asked, hidden, _up_to(items))[items]

    def placed(self, request: Request, history: History, items: IntArray, limit: int) -> FloatArray:
        """The places, from its end, of the whole slate that `decide` gives to somebody with this history."""
        asked, hidden = self._question(request.at, history), self._hidden(history)
        return slate_places(self._fitted, asked, hidden, _up_to(items), limit)[items]

    def _lessons(self, cases: Cases) -> Iterator[Lesson]:
        for case in range(len(cases)):
            history = cases.history(case)
            asked = self._question(float(cases.at[case]), history)
            yield Lesson(asked, cases.answers_of(case), self._hidden(history))

    def _question(self, at: float, history: History) -> Question:
        """What somebody of whom only this history is known asks then: a home page."""
        decision_id = f"{at}, {len(history)} to {history.items[-1:].tolist()}"
        request = Request(surface="home", at=at, decision_id=decision_id)
        return Question(request, self._fitted.state.stranger(_of_history(history)), history)

    def _hidden(self, history: History) -> IntArray:
        return history.items if self._split.hide_seen else np.empty(0, np.int32)

    @property
    def _fitted(self) -> Engine:
        if self._engine is None:
            raise RuntimeError("fit comes before a question")
        return self._engine


class Slates:
    """What the ranker's row would have become on a page: the same pool, diversified and explored as a shop's is."""

    def __init__(self, ranked: RankedModel, limit: int = 20) -> None:
        """Over a ranker that is fitted already."""
        self._ranked, self._limit = ranked, limit

    def fit(self, interactions: Interactions, catalogue: Catalogue) -> None:
        """Does nothing: the ranker was fitted for its own row."""

    def score(self, request: Request, history: History, items: IntArray) -> FloatArray:
        """The places of the slate from its end; everything else stands behind it, in no order."""
        return self._ranked.placed(request, history, items, self._limit)


def _up_to(items: IntArray) -> int:
    """How many items there are at least, if these are some of them."""
    return int(items.max(initial=-1)) + 1


def _of_history(history: History) -> Iterator[Interaction]:
    recent = history.last(200)
    columns = (recent.items, recent.at, recent.weights, recent.bought)
    for item, at, weight, bought in zip(*(column.tolist() for column in columns), strict=True):
        yield Interaction(0, item, at, "purchase" if bought else "item_view", weight)
