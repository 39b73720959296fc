"""Models side by side on what happened, as it happened: whoever comes is asked, then everybody learns what it was.

Where things are new every hour, whatever was fitted yesterday knows nothing of what is wanted today; what learns from
each event does. So nothing is asked of a model that stands still. There is one engine, the one that serves: channels
are fitted on the train part, then all that came later passes once, in its order, through `Engine.observe`. The moments
of the validation part label the ranker's lists, those of the test part are measured. Nobody has seen an answer before
giving one, and features, channels and histories are at every moment what they would have been in the shop.

That is one `Pace` of three. Nightly, every channel is also fitted again each midnight (of the log's clock) on all that
came before it. Frozen, channels and what is known of items stay as they were after the fit, and a person's own history
alone moves on: the difference to it is what learning is worth, over the same questions.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from typing import Any, Final

import numpy as np

from tailorbird.decide import Engine
from tailorbird.errors import TailorbirdError
from tailorbird.learning.cases import Cases, Split, sampled
from tailorbird.learning.evaluation import (
    TIMED_LIMIT,
    TIMED_QUERIES,
    Factory,
    Result,
    compared,
    fitted_and_chosen,
    telling,
)
from tailorbird.learning.figures import Draws, Yardstick
from tailorbird.learning.lists import Question
from tailorbird.learning.metrics import Placements, place
from tailorbird.learning.segments import in_segment
from tailorbird.learning.teaching import Lesson, engine_after, ranker_scores, slate_places, steps_of, teach
from tailorbird.protocols import Told, unheard
from tailorbird.ranking.lambda_ranker import LambdaRanker
from tailorbird.types import DAY_SECONDS, FloatArray, IntArray, Request

RANKER: Final = LambdaRanker.name
SLATES: Final = "slates"
_CASES_TO_CHOOSE: Final = 2_000
_LISTS: Final = 10_000
_STEPS_BETWEEN_WORDS: Final = 5_000
_CASES_BETWEEN_WORDS: Final = 100


class Pace(StrEnum):
    """When channels take in what came after the fit."""

    LIVE = "live"
    NIGHTLY = "nightly"
    FROZEN = "frozen"


@dataclass
class _Answers:
    """Where one model put the answers, what it would have shown, and the seconds of the questions that were timed."""

    ranks: FloatArray
    shown: IntArray
    seconds: list[float] = field(default_factory=list)

    @staticmethod
    def room(cases: Cases, k: int) -> "_Answers":
        """For these cases and lists of ``k``."""
        return _Answers(np.empty(len(cases.answers)), np.empty((len(cases), k), np.int32))


@dataclass
class _Contest:
    """All models over one stream. ``rows`` are their results so far, without figures."""

    split: Split
    engine: Engine
    rows: dict[str, Result] = field(default_factory=dict)

    def question(self, cases: Cases, case: int) -> Question:
        """What the case asks of the engine now: a home page."""
        at, person = float(cases.at[case]), str(cases.persons[case])
        request = Request(surface="home", at=at, user_id=person, decision_id=f"{at} {person}")
        return Question.of(self.engine, request)

    def hidden(self, cases: Cases, case: int) -> IntArray:
        """What is not ranked."""
        return cases.history(case).items if self.split.hide_seen else np.empty(0, np.int32)

    def seconds(self, name: str, asked: Question, hidden: IntArray, limit: int) -> float:
        """How long one model takes, measured as in `evaluate`: a channel to find a hundred, the others to score."""
        began = time.perf_counter()
        if name in self.engine.retrievers:
            self.engine.retrievers[name].retrieve(asked.request, asked.query, TIMED_LIMIT)
        else:
            self.scores(name, asked, hidden, limit)
        return time.perf_counter() - began

    def scores(self, name: str, asked: Question, hidden: IntArray, limit: int) -> FloatArray:
        """What one model thinks of every item now; shape (n_items,)."""
        n_items, engine = self.split.n_items, self.engine
        if name in engine.retrievers:
            every = np.arange(n_items, dtype=np.int32)
            return engine.retrievers[name].score(asked.request, asked.query, every)
        if name == SLATES:
            return slate_places(engine, asked, hidden, n_items, limit)
        return ranker_scores(engine, asked, hidden, n_items)


class Walk:
    """Goes through what came after the train part, in its order."""

    def __init__(self, split: Split, engine: Engine, *, pace: Pace, told: Told) -> None:
        log = self._log = split.test.log
        self._split, self._engine, self._told = split, engine, told
        self._order = np.argsort(log.at, kind="stable")
        self._place = np.empty(len(log), np.int64)
        self._place[self._order] = np.arange(len(log))
        self._at = self._begin = len(split.train)
        self._steps = steps_of(log.take(self._order[self._begin :]))
        self._pace = pace
        self._day = self._day_of(self._at) if self._at < len(log) else 0

    def before(self, row: int) -> None:
        """Learn of everything that happened before this row of the log."""
        while self._at < self._place[row]:
            self._step()

    def tell(self, what: str) -> None:
        """Say what is being done; the share done is that of the log which has passed."""
        self._told(what, (self._at - self._begin) / max(len(self._log) - self._begin, 1))

    def _step(self) -> None:
        if self._pace is Pace.NIGHTLY and self._day_of(self._at) > self._day:
            self._fit_again()
        step = next(self._steps)
        if self._pace is Pace.FROZEN:
            self._engine.state.fold_person(step)
        else:
            self._engine.observe(step, seq=1)
        self._at += 1
        if self._at % _STEPS_BETWEEN_WORDS == 0:
            self.tell("what came next")

    def _fit_again(self) -> None:
        self._day = self._day_of(self._at)
        known = self._log.take(self._order[: self._at])
        for name, retriever in self._engine.retrievers.items():
            self.tell(f"a night: {name}")
            retriever.fit(known, self._split.catalogue)

    def _day_of(self, position: int) -> int:
        return int(self._log.at[self._order[position]] // DAY_SECONDS)


def replayed(
    split: Split,
    factories: Mapping[str, Factory],
    *,
    ranker: bool = False,
    slates: bool = False,
    pace: Pace = Pace.LIVE,
    tune: bool = True,
    ks: tuple[int, int] = (10, 20),
    n_cases: int | None = None,
    segment: str | None = None,
    n_lists: int = _LISTS,
    told: Told = unheard,
) -> list[Result]:
    """Fit each channel, let the rest of the log pass, and ask all of them on the way; one result per model.

    ``split`` is one of `splits.replay`. Settings are chosen on the first moments after the fit, before anything grew
    old. ``ranker`` learns over all channels, ``slates`` are what `decide` makes of it, with a row for the ranker or
    without; ``n_lists`` moments of the validation part teach it. A channel that raises a `TailorbirdError` gets a row
    saying why.
    """
    asked = split if segment is None else replace(split, test=in_segment(split.test, segment))
    asked = sampled(asked, n_cases)
    contest = _fitted(asked, factories, tune=tune, told=lambda what, share: told(what, 0.2 * share))
    walk = Walk(split, contest.engine, pace=pace, told=lambda what, share: told(what, 0.3 + 0.7 * share))
    if ranker or slates:
        row = _learn_to_rank(contest, walk, n_lists)
        contest.rows |= {RANKER: row} if ranker else {}
        contest.rows |= {SLATES: Result(SLATES, skipped=row.skipped)} if slates else {}
    names = [name for name, row in contest.rows.items() if row.skipped is None]
    answers = _answered(contest, walk, names, asked.test, ks)
    placements = {name: Placements(found.ranks, asked.test.starts, found.shown) for name, found in answers.items()}
    yardstick = Yardstick.of(asked, ks)
    results = [
        replace(
            contest.rows[name],
            metrics=yardstick.figures(placed),
            segments=yardstick.by_segment(placed),
            query_ms=float(np.mean(answers[name].seconds)) * 1e3,
        )
        for name, placed in placements.items()
    ]
    results += [row for row in contest.rows.values() if row.skipped is not None]
    worths = {name: yardstick.worths(placed) for name, placed in placements.items()}
    return compared(results, Draws(worths, asked.test.askers()), f"ndcg@{ks[0]}")


def _fitted(split: Split, factories: Mapping[str, Factory], *, tune: bool, told: Told) -> _Contest:
    """Every channel on the train part, in an engine that has folded the same."""
    early = np.arange(min(len(split.validation), _CASES_TO_CHOOSE))
    near = replace(split, validation=split.validation.take(early))
    channels: dict[str, Any] = {}
    rows: dict[str, Result] = {}
    for n, (name, factory) in enumerate(factories.items()):
        told(name, n / len(factories))
        try:
            model = telling(factory, partial(_within, told, name, n / len(factories)))
            channels[name], rows[name] = fitted_and_chosen(name, model, near, tune=tune)
        except TailorbirdError as error:
            rows[name] = Result(name, skipped=str(error))
    told("folding what is known", 1.0)
    return _Contest(split, engine_after(split.train, split.catalogue, channels), rows)


def _within(told: Told, name: str, share: float, detail: str, _share_of_model: float) -> None:
    told(f"{name}, {detail}", share)


def _learn_to_rank(contest: _Contest, walk: Walk, n_lists: int) -> Result:
    """Let the validation part pass, and learn from some of its moments, each at its time."""
    cases = contest.split.validation.sample(n_lists)
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        lessons, draw = _lessons(contest, walk, cases), np.random.default_rng(1)
        teach(contest.engine, LambdaRanker(), lessons, draw, of=len(cases), told=partial(_of_ranker, walk))
    except TailorbirdError as error:
        return Result(RANKER, skipped=str(error))
    return Result(RANKER, fit_seconds=time.perf_counter() - wall, fit_cpu_seconds=time.process_time() - cpu)


def _lessons(contest: _Contest, walk: Walk, cases: Cases) -> Iterator[Lesson]:
    for case in range(len(cases)):
        walk.before(int(cases.ends[case]))
        yield Lesson(contest.question(cases, case), cases.answers_of(case), contest.hidden(cases, case))


def _of_ranker(walk: Walk, detail: str, _share_of_ranker: float) -> None:
    walk.tell(f"{RANKER}, {detail}")


def _answered(
    contest: _Contest, walk: Walk, names: list[str], cases: Cases, ks: tuple[int, int]
) -> dict[str, _Answers]:
    """What each model answers to each case, at its moment."""
    k = min(ks[0], contest.split.n_items)
    answers = {name: _Answers.room(cases, k) for name in names}
    best, between = np.empty(k), max(len(cases) // TIMED_QUERIES, 1)
    for case in range(len(cases)):
        walk.before(int(cases.ends[case]))
        if case % _CASES_BETWEEN_WORDS == 0:
            walk.tell(f"case {case:,} of {len(cases):,}")
        asked, hidden, wanted = contest.question(cases, case), contest.hidden(cases, case), cases.answers_of(case)
        rows = slice(cases.starts[case], cases.starts[case + 1])
        for name, found in answers.items():
            # Before the scores, from which some channels would remember what they made of this history.
            if case % between == 0:
                found.seconds.append(contest.seconds(name, asked, hidden, ks[1]))
            scores = np.array(contest.scores(name, asked, hidden, ks[1]), np.float64)
            scores[hidden] = -np.inf
            place(scores, wanted, found.ranks[rows], found.shown[case], best)
    return answers
