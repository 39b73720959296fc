"""Models side by side on one split: how good, how broad, how fast.

A model is anything with ``fit(interactions, catalogue)`` and ``score(request, history, items)``; `evaluate` takes a
factory for each, so that retrievers, the learned ranker and any experiment stand in one table under one protocol.
Each row says how sure it is, and whether it differs from the best channel's by more than chance.
Compilation of the inner loops happens once per machine and is not counted as fitting.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from pydantic import BaseModel, ValidationError

from tailorbird.catalogue import Catalogue
from tailorbird.config import what_is_needed
from tailorbird.errors import InvalidConfig, NotEnoughEvents, TailorbirdError, UnknownModel, did_you_mean
from tailorbird.ingest.advice import OF_PURCHASES, nothing_bought
from tailorbird.learning.cases import Cases, Split, sampled
from tailorbird.learning.figures import Difference, Draws, Figures, Worths, Yardstick
from tailorbird.learning.metrics import Placements, place
from tailorbird.learning.segments import in_segment, segments_of
from tailorbird.learning.tuning import FADING, SEARCHES, choose
from tailorbird.protocols import TellsProgress, Told, unheard
from tailorbird.retrieval import RETRIEVERS
from tailorbird.types import FloatArray, History, IntArray, Interactions, Request

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

BASELINES: Final = ("popular", "trending", "item-knn", "ease")
"""Always in the table, so that no figure stands without something to hold it against."""

_FITTING: Final = 0.7
"""Of the time that a model takes; asking takes the rest."""

_CASES_BETWEEN_WORDS: Final = 200
TIMED_QUERIES: Final = 300
TIMED_LIMIT: Final = 100


class Model(Protocol):
    """What can be evaluated. Scores are finite, or -inf for an item the model would never show."""

    def fit(self, interactions: Interactions, catalogue: Catalogue) -> None:
        """Learn from these, and from nothing else."""

    def score(self, request: Request, history: History, items: IntArray) -> FloatArray:
        """Higher is better; 0 is no opinion; shape (len(items),)."""


Factory = Callable[[], Model]


@dataclass(frozen=True)
class Result:
    """One row of the table. ``skipped`` says why there are no figures; ``params`` are those chosen on validation.

    ``intervals`` are those of 95% of some of the metrics, ``segments`` the accuracy by length of history, and
    ``differences`` those from ``against``, the best channel; the best channel itself has none.
    """

    model: str
    metrics: Figures = field(default_factory=dict)
    intervals: dict[str, tuple[float, float] | None] = field(default_factory=dict)
    against: str | None = None
    differences: dict[str, Difference | None] = field(default_factory=dict)
    segments: dict[str, Figures] = field(default_factory=dict)
    fit_seconds: float = 0.0
    fit_cpu_seconds: float = 0.0
    tune_cpu_seconds: float = 0.0
    query_ms: float = 0.0
    params: dict[str, Any] = field(default_factory=dict)
    skipped: str | None = None

    def row(self) -> dict[str, Any]:
        """As it stands in the JSON."""
        if self.skipped is not None:
            return {"model": self.model, "skipped": self.skipped}
        return {
            "model": self.model,
            **_rounded(self.metrics),
            "intervals": {
                name: bounds and [round(one, 5) for one in bounds] for name, bounds in self.intervals.items()
            },
            "against": self.against
            and {
                "model": self.against,
                **{name: found and _rounded(asdict(found)) for name, found in self.differences.items()},
            },
            "segments": {segment: _rounded(figures) for segment, figures in self.segments.items()},
            "fit_seconds": round(self.fit_seconds, 3),
            "fit_cpu_seconds": round(self.fit_cpu_seconds, 3),
            "tune_cpu_seconds": round(self.tune_cpu_seconds, 3),
            "query_ms": round(self.query_ms, 4),
            "params": self.params,
        }


def evaluate(
    split: Split,
    models: Mapping[str, Factory],
    *,
    refit: bool = False,
    tune: bool = True,
    ks: tuple[int, int] = (10, 20),
    n_cases: int | None = None,
    segment: str | None = None,
    fitted: dict[str, Any] | None = None,
    told: Told = unheard,
) -> list[Result]:
    """Fit, choose, and measure each model; one result per model, in their order.

    A model is fitted on ``split.train``; those with an entry in `tuning.SEARCHES` choose what belongs to their query
    on the validation cases. With ``refit`` the chosen model is then fitted again on train and validation together,
    which is what a shop does every night; without it (strict) nothing is fitted on what came after train. ``ks`` are
    the list lengths of (hit rate, NDCG, coverage, Gini, novelty, diversity) and of (recall, reciprocal rank);
    ``n_cases`` samples the test cases and ``segment`` asks only those of one segment; ``told`` hears of progress. A
    model that raises a `TailorbirdError` gets a row saying why; all others are put into ``fitted``, so that a factory
    further down can build on them.

    Raises:
        BadInput: there is no such segment.
        NotEnoughEvents: it has no case.
    """
    asked = split if segment is None else replace(split, test=in_segment(split.test, segment))
    asked = sampled(asked, n_cases)
    yardstick = Yardstick.of(asked, ks)
    results: list[Result] = []
    worths: dict[str, Worths] = {}
    for n, (name, factory) in enumerate(models.items()):
        told(name, n / len(models))
        within = partial(_within, told=told, name=name, n=n, of=len(models))
        try:
            result, placements, model = _evaluate_one(
                name, factory, asked, yardstick, refit=refit, tune=tune, told=within
            )
        except TailorbirdError as error:
            results.append(Result(name, skipped=str(error)))
        else:
            results.append(result)
            worths[name] = yardstick.worths(placements)
            if fitted is not None:
                fitted[name] = model
    told("", 1.0)
    return compared(results, Draws(worths, asked.test.askers()), f"ndcg@{ks[0]}")


def retriever_factories(
    names: Iterable[str], split: Split, settings: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, Factory]:
    """Factories of the retrievers of these names and of all `BASELINES`, their loops compiled.

    ``settings`` maps a name to what its configuration has instead of the defaults.

    Raises:
        UnknownModel: a name is no retriever's.
        InvalidConfig: a setting does not exist, or its value is not allowed.
    """
    factories: dict[str, Factory] = {}
    n_purchases = int(split.train.bought.sum())
    for name in dict.fromkeys((*names, *BASELINES, *(settings or {}))):
        if name not in RETRIEVERS:
            raise UnknownModel(f"There is no model '{name}'.", hint=did_you_mean(name, (*RETRIEVERS, "ranker")))
        kind: Any = RETRIEVERS[name]
        config = _config(name, kind.Config, (settings or {}).get(name, {}))
        if name == "trending" and not split.timed:
            factories[name] = partial(_cannot, "It needs times, and these interactions only carry an order.")
        elif name == "content" and not split.catalogue.n_described:
            factories[name] = partial(_cannot, "It needs a catalogue, and no item is described.")
        elif name in OF_PURCHASES and (why_not := nothing_bought(len(split.train), n_purchases)):
            factories[name] = partial(_cannot, f"{why_not[0].upper()}{why_not[1:]}.")
        else:
            _compile(kind)
            factories[name] = partial(kind, config)
    return factories


def ranks(model: Model, cases: Cases, split: Split, *, k: int, told: Told = unheard) -> Placements:
    """Rank all items of the split for each case, and keep the ``k`` best; ``told`` hears of every few cases.

    Raises:
        NotEnoughEvents: there are no cases.
    """
    if not len(cases):
        raise NotEnoughEvents("There is no case to ask.", hint="More data, or another protocol.")
    every = np.arange(split.n_items, dtype=np.int32)
    placed, shown = np.empty(len(cases.answers)), np.empty((len(cases), min(k, split.n_items)), np.int32)
    best = np.empty(shown.shape[1])
    for case in range(len(cases)):
        if case % _CASES_BETWEEN_WORDS == 0:
            told(f"case {case:,} of {len(cases):,}", case / len(cases))
        history, answers = cases.history(case), cases.answers_of(case)
        scores = np.array(model.score(_request(cases, case), history, every), np.float64)
        if np.isnan(scores).any():
            raise ValueError(f"{model!r} gave a score that is not a number")
        if split.hide_seen:
            scores[history.items] = -np.inf
        place(scores, answers, placed[cases.starts[case] : cases.starts[case + 1]], shown[case], best)
    return Placements(placed, cases.starts, shown)


def data_counts(split: Split) -> dict[str, Any]:
    """What the figures are about: people, items, interactions, cases, and the split's hash."""
    persons = np.union1d(split.refit.users, split.test.log.users)
    return {
        "users": len(persons),
        "items": split.n_items,
        "interactions": len(split.test.log),
        "train": len(split.train),
        "validation_cases": len(split.validation),
        "test_cases": len(split.test),
        "test_cases_by_segment": {name: len(cases) for name, cases in segments_of(split.test).items()},
        "left_out": split.left_out,
        "split_sha256": split.sha256,
    }


def _evaluate_one(
    name: str, factory: Factory, split: Split, yardstick: Yardstick, *, refit: bool, tune: bool, told: Told
) -> tuple[Result, Placements, Model]:
    made = telling(factory, lambda what, share: told(what, _FITTING * share))
    model, result = fitted_and_chosen(name, made, split, tune=tune, refit=refit)
    placements = ranks(
        model,
        split.test,
        split,
        k=yardstick.ks[0],
        told=lambda what, share: told(what, _FITTING + (1.0 - _FITTING) * share),
    )
    result = replace(
        result,
        metrics=yardstick.figures(placements),
        segments=yardstick.by_segment(placements),
        query_ms=_query_ms(model, split),
    )
    return result, placements, model


def fitted_and_chosen(
    name: str, model: Model, split: Split, *, tune: bool, refit: bool = False
) -> tuple[Model, Result]:
    """The model fitted, with its settings chosen on the validation cases, and what that cost; no figures yet."""
    params: dict[str, Any] = {}
    wall = cpu = tuning = 0.0
    able = name in SEARCHES or (name in FADING and split.timed)
    chooses = tune and able and len(split.validation) > 0
    if chooses or not refit:
        wall, cpu = _timed_fit(model, split.train, split.catalogue)
    if chooses:
        began = time.process_time()
        model, params = choose(name, model, split, ranks)
        tuning = time.process_time() - began
    if refit:
        wall, cpu = _timed_fit(model, split.refit, split.catalogue)
    return model, Result(name, fit_seconds=wall, fit_cpu_seconds=cpu, tune_cpu_seconds=tuning, params=params)


def telling(factory: Factory, told: Told) -> Model:
    """A new model of this factory; one whose fit takes minutes tells of it."""
    model = factory()
    if isinstance(model, TellsProgress):
        model.told = told
    return model


def _within(detail: str, share: float, *, told: Told, name: str, n: int, of: int) -> None:
    """Tell of the inside of the ``n``-th of several models."""
    told(f"{name}, {detail}", (n + share) / of)


def compared(results: list[Result], draws: Draws, by: str) -> list[Result]:
    """The results with their intervals and their differences from the best channel, which is the best ``by`` test."""
    channels = [result for result in results if result.skipped is None and result.model in RETRIEVERS]
    best = max(channels, key=lambda result: result.metrics[by] or 0.0).model if channels else None

    def compared(result: Result) -> Result:
        if result.skipped is not None:
            return result
        sure = replace(result, intervals=draws.intervals(result.model))
        if best is None or best == result.model:
            return sure
        return replace(sure, against=best, differences=draws.differences(result.model, best))

    return [compared(result) for result in results]


def _rounded(figures: Mapping[str, float | None]) -> Figures:
    return {name: None if value is None else round(value, 5) for name, value in figures.items()}


def _timed_fit(model: Model, interactions: Interactions, catalogue: Catalogue) -> tuple[float, float]:
    """Wall and CPU seconds of a fit."""
    wall, cpu = time.perf_counter(), time.process_time()
    model.fit(interactions, catalogue)
    return time.perf_counter() - wall, time.process_time() - cpu


def _query_ms(model: Any, split: Split) -> float:
    """Mean milliseconds to find 100 candidates, or to score all items where a model does not find any itself."""
    cases = split.test.sample(TIMED_QUERIES, seed=2)
    every = np.arange(split.n_items, dtype=np.int32)
    asked = [(_request(cases, case), cases.history(case)) for case in range(len(cases))]
    began = time.perf_counter()
    for request, history in asked:
        if hasattr(model, "retrieve"):
            model.retrieve(request, history, TIMED_LIMIT)
        else:
            model.score(request, history, every)
    return (time.perf_counter() - began) * 1e3 / len(asked)


def _request(cases: Cases, case: int) -> Request:
    return Request(surface="home", at=float(cases.at[case]))


def _config(name: str, kind: type[BaseModel], settings: Mapping[str, Any]) -> BaseModel:
    try:
        return kind(**settings)
    except ValidationError as error:
        mistakes = " ".join(_mistake(name, one) for one in error.errors())
        allowed = ", ".join(sorted(kind.model_fields))
        raise InvalidConfig(mistakes, hint=f"The settings of '{name}' are {allowed}.") from error


def _mistake(name: str, mistake: "ErrorDetails") -> str:
    place = ".".join(map(str, (name, *mistake["loc"])))
    return f"{place} is no setting." if mistake["type"] == "extra_forbidden" else f"{place}{what_is_needed(mistake)}"


def _cannot(why: str) -> Model:
    raise NotEnoughEvents(why)


def _compile(kind: Any) -> None:
    """Run a model once on three people, so that no compilation is timed."""
    users, items = np.repeat(np.arange(3, dtype=np.int32), 4), np.tile(np.arange(4, dtype=np.int32), 3)
    toy = Interactions(users, items, np.arange(12.0) + 1e9, np.ones(12), 3, 4)
    request, history = Request(surface="home", at=1e9 + 12.0), History.of([0, 1], at=1e9)
    model = kind()
    model.fit(toy, Catalogue())
    model.retrieve(request, history, 2)
    model.score(request, history, np.arange(4, dtype=np.int32))
