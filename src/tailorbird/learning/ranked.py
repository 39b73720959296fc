"""The learned ranker, and the slates it leads to, as models of `evaluate`: all together, under the same split.

Strict by construction: the channels are those that `evaluate` fitted and tuned for their own rows, and the lists that
label the trees are the validation cases, whose answers no channel saw. A case's person is folded from its query alone,
so that the features of any protocol are those of that moment.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.config import Config, PolicyConfig
from tailorbird.decide import Engine
from tailorbird.learning.cases import Split
from tailorbird.learning.lists import Lists, Question, add_list, gathered
from tailorbird.protocols import Retriever
from tailorbird.ranking.lambda_ranker import LambdaRanker, LambdaRankerConfig
from tailorbird.types import FloatArray, History, IntArray, Interaction, Interactions, Request

NOT_IN_POOL: Final = -1e9


class RankedModel:
    """Learn to rank on the validation cases over these fitted channels; then score any query."""

    def __init__(
        self,
        split: Split,
        channels: Mapping[str, Retriever],
        *,
        n_lists: int = 40_000,
        per_channel: int = 100,
        pool: int = 300,
        ranker: LambdaRankerConfig | None = None,
        seed: int = 1,
    ) -> None:
        self._split, self._channels, self._n_lists, self._seed = split, channels, n_lists, seed
        self._per_channel, self._pool = per_channel, pool
        self._ranker = LambdaRanker(ranker)
        self._engine: Engine | None = None

    def fit(self, interactions: Interactions, catalogue: Catalogue) -> None:
        """Trees on the split's validation cases; ``interactions`` are what the channels were fitted on."""
        recipe = PolicyConfig(pool=self._pool, channels=dict.fromkeys(self._channels, self._per_channel))
        engine = self._engine = Engine(Config(policies={"home": recipe}), catalogue=catalogue)
        engine.install(self._channels)
        for person in range(interactions.n_users):
            engine.state.number(str(person))
        for step in steps_of(interactions):
            engine.state.fold(step)
        lists, draw = Lists(), np.random.default_rng(self._seed)
        cases = self._split.validation.sample(self._n_lists, self._seed)
        # People stand in the order of the file, and who stands last is like nobody else: the lists that decide when to
        # stop are drawn from all of them.
        cases = cases.take(draw.permutation(len(cases)))
        for case in range(len(cases)):
            history = cases.history(case)
            request = Request(surface="home", at=float(cases.at[case]))
            grades = dict.fromkeys(cases.answers_of(case).tolist(), 1)
            add_list(
                lists,
                engine,
                self._question(request, history),
                grades,
                draw,
                hidden=self._hidden(history),
                n_others=300,
            )
        labelled = lists.labelled()
        del lists
        self._ranker.fit(labelled, engine.columns)
        engine.install(self._channels, self._ranker, ranker_columns=engine.columns)

    def decided(self, history: History, at: float, limit: int) -> IntArray:
        """The whole slate that `decide` gives to somebody with this history: diversified and explored, best first."""
        if self._engine is None:
            raise RuntimeError("fit comes before a slate")
        hidden = self._hidden(history)
        ids = self._engine.catalogue.ids
        request = Request(
            surface="home",
            at=at,
            limit=limit,
            exclude=() if hidden is None else tuple(ids[item] for item in hidden.tolist()),
            decision_id=f"{at}, {len(history)} to {history.items[-1:].tolist()}",
        )
        with self._engine.patient():
            decision = self._engine.decide(request, self._engine.state.stranger(_of_history(history)))
        shown = self._engine.catalogue.numbers(placed.item_id for placed in decision.items)
        return np.array(shown, np.int32)

    def score(self, request: Request, history: History, items: IntArray) -> FloatArray:
        """The ranker's score for what the channels propose; everything else stands behind it, in no order."""
        if self._engine is None:
            raise RuntimeError("fit comes before score")
        asked = Request(surface="home", at=request.at)
        question = self._question(asked, history)
        pool = gathered(self._engine, question, hidden=self._hidden(history))
        of_item = np.full(max(int(items.max(initial=0)), int(pool.items.max(initial=0))) + 1, NOT_IN_POOL)
        if len(pool):
            of_item[pool.items] = self._ranker.score(self._engine.matrix(pool, asked, question.person))
        return of_item[items]

    def _question(self, request: Request, history: History) -> Question:
        assert self._engine is not None  # noqa: S101  # both callers come after fit
        person = self._engine.state.stranger(_of_history(history))
        return Question(request, person, history)

    def _hidden(self, history: History) -> IntArray | None:
        return history.items if self._split.hide_seen else None


class Slates:
    """What the ranker's row would have become on a page: the same pool, diversified and explored as a shop's is."""

    def __init__(self, ranked: RankedModel, limit: int = 20) -> None:
        """Over a ranker that is fitted already."""
        self._ranked, self._limit = ranked, limit

    def fit(self, interactions: Interactions, catalogue: Catalogue) -> None:
        """Does nothing: the ranker was fitted for its own row."""

    def score(self, request: Request, history: History, items: IntArray) -> FloatArray:
        """The places of the slate from its end; everything else stands behind it, in no order."""
        shown = self._ranked.decided(history, request.at, self._limit)
        place = np.full(max(int(items.max(initial=0)), int(shown.max(initial=0))) + 1, NOT_IN_POOL)
        place[shown] = np.arange(len(shown), 0, -1)
        return place[items]


def steps_of(interactions: Interactions) -> Iterator[Interaction]:
    """What a feature folds, in their order."""
    log = interactions
    columns = (log.users, log.items, log.at, log.weights, log.bought)
    for user, item, at, weight, bought in zip(*(column.tolist() for column in columns), strict=True):
        yield Interaction(user, item, at, "purchase" if bought else "item_view", weight)


def _of_history(history: History) -> Iterator[Interaction]:
    recent = history.last(200)
    columns = (recent.items, recent.at, recent.weights, recent.bought)
    for item, at, weight, bought in zip(*(column.tolist() for column in columns), strict=True):
        yield Interaction(0, item, at, "purchase" if bought else "item_view", weight)
