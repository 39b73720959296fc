"""`train`: fit the channels, learn to rank on a later period than they saw, refit on everything, promote.

The ranker must meet channels as it will meet them in service: fitted some time ago, and learning since. So the log is
cut in two; channels fitted on the first part serve a replay of the second, whose choices label the lists. Then all
channels are fitted again on the whole log, and all versions are promoted at once.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import msgspec
import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.config import Config
from tailorbird.decide import Engine
from tailorbird.errors import NotEnoughEvents, UnknownModel, did_you_mean
from tailorbird.features.online_state import OnlineState
from tailorbird.ingest.advice import MOST_EASE_ITEMS, advise, deep_installed
from tailorbird.ingest.readiness import CHOICES
from tailorbird.learning.evaluation import ranks
from tailorbird.learning.lists import Lists, Question, add_list
from tailorbird.learning.models import EVENTLESS, UNTRAINED, retriever
from tailorbird.learning.moments import Moment, moments, sample
from tailorbird.learning.registry import Manifest, Registry
from tailorbird.learning.splits import SESSION_GAP_SECONDS, Split, later_period
from tailorbird.learning.tuning import SEARCHES
from tailorbird.learning.tuning import choose as choose_query
from tailorbird.protocols import Log, Retriever, TellsProgress
from tailorbird.ranking.lambda_ranker import LambdaRanker, LambdaRankerConfig
from tailorbird.retrieval import RETRIEVERS
from tailorbird.types import DAY_SECONDS, Event, Interactions, Record, Request

RANKER: Final = LambdaRanker.name
_CHUNK: Final = 5_000
_SHARE_FOR_LABELS: Final = 0.3
_MOST_CASES_FOR_SETTINGS: Final = 1_000
_SCORES_FOR_SETTINGS: Final = 20_000_000

Progress = Callable[[str, float], None]
"""Told what is being done and how far it is, from 0 to 1."""


@dataclass(frozen=True)
class Choice:
    """Which models to train, and why each of the others is left out."""

    models: tuple[str, ...]
    reasons: Mapping[str, str]


@dataclass
class TrainingRun:
    """What a run made."""

    manifests: list[Manifest] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Past:
    """The log read once: interactions as columns, the sequence number of each, and the catalogue as it is now."""

    interactions: Interactions
    seqs: np.ndarray[Any, np.dtype[np.int64]]
    catalogue: Catalogue
    last_seq: int
    n_labels: int

    @property
    def n_sessions(self) -> int:
        """Runs of one person's interactions without a gap of 30 minutes."""
        order, _ = self.interactions.by_user()
        users, at = self.interactions.users[order], self.interactions.at[order]
        goes_on = (np.diff(users) == 0) & (np.abs(np.diff(at)) < SESSION_GAP_SECONDS)
        return len(users) - int(goes_on.sum())


def choose(past: "Past", asked: Sequence[str] = ()) -> Choice:
    """The models that the readiness check recommends for this past, or those asked for.

    Raises:
        UnknownModel: a name that was asked for does not exist.
    """
    known = {*RETRIEVERS, RANKER}
    for name in asked:
        if name not in known:
            raise UnknownModel(f"No model is called '{name}'.", hint=did_you_mean(name, known))
    n_items = len(past.catalogue)
    advice = advise(
        len(past.interactions),
        n_items,
        past.n_labels,
        past.catalogue.n_described,
        past.n_sessions,
        deep=deep_installed(),
    )
    if asked:
        too_many = [a for a in advice if a.model == "ease" and n_items > MOST_EASE_ITEMS]
        reasons = {a.model: a.reason for a in too_many if a.model in asked}
        return Choice(tuple(name for name in asked if name not in reasons), reasons)
    return Choice(tuple(sorted(a.model for a in advice if a.train)), {a.model: a.reason for a in advice if not a.train})


def read_past(log: Log, config: Config, since_days: float | None = None) -> Past:
    """Read the whole log into columns; item and person numbers are those of every engine that follows it."""
    state = OnlineState(config.events, ())
    rows: list[tuple[int, int, float, float, int]] = []
    seq = n_labels = 0
    for record in _records(log):
        seq = record.seq
        steps = [step for step in state.steps(record) if step.weight > 0]
        n_labels += sum(step.type in CHOICES for step in steps)
        rows.extend((step.person, step.item, step.at, step.weight, seq) for step in steps)
    table = np.array(rows, np.float64).reshape(-1, 5)
    if since_days is not None and len(table):
        table = table[table[:, 2] >= table[:, 2].max() - since_days * DAY_SECONDS]
    interactions = Interactions(
        table[:, 0].astype(np.int32),
        table[:, 1].astype(np.int32),
        table[:, 2],
        table[:, 3],
        len(state.keys),
        len(state.catalogue),
    )
    return Past(interactions, table[:, 4].astype(np.int64), state.catalogue, seq, n_labels)


def train(
    log: Log,
    registry: Registry,
    config: Config,
    *,
    models: Sequence[str] = (),
    progress: Progress = lambda _what, _share: None,
    now: float | None = None,
) -> TrainingRun:
    """Train and promote.

    Raises:
        NotEnoughEvents: the log holds no interaction of interest, and no item that could do without.
        UnknownModel: a name in ``models`` does not exist.
    """
    progress("reading the log", 0.0)
    past = read_past(log, config, config.training.since_days)
    choice = choose(past, models or config.training.models)
    has_events = len(past.interactions) > 0
    if not has_events and not (choice.models and EVENTLESS.issuperset(choice.models)):
        raise NotEnoughEvents(
            "The log holds no event that shows interest in an item.",
            hint="Import some: `tailorbird import events FILE`. Until then slates come from the catalogue.",
        )
    job = _Job(log, past, config, progress, TrainingRun(reasons=dict(choice.reasons)))
    # The channels that serve untrained are always there, so the ranker has to have met them.
    channels = sorted({*choice.models, *(UNTRAINED if has_events else ())} - {RANKER})
    ranker, n_lists = job.rehearsed(channels, with_ranker=RANKER in choice.models) if has_events else (None, 0)
    counts = {
        "interactions": len(past.interactions),
        "people": past.interactions.n_users,
        "items": past.interactions.n_items,
    }
    made = job.run.manifests
    for name, model in job.fitted(channels, past.interactions, "fitting").items():
        settings = dict(model.config.model_dump())  # type: ignore[attr-defined]  # every channel keeps its config
        made.append(
            registry.save(name, model.arrays(), fitted_seq=past.last_seq, settings=settings, events=counts, now=now)
        )
    if ranker is not None:
        made.append(
            registry.save(
                RANKER,
                ranker.arrays(),
                fitted_seq=past.last_seq,
                columns=ranker.columns,
                metrics={"validation_ndcg@10": ranker.validation_ndcg},
                events={**counts, "lists": n_lists},
                now=now,
            )
        )
    # A ranker that was fitted on other channels would read their columns as its own: what was not trained retires.
    registry.promote({**dict.fromkeys(registry.current()), **{m.name: m.version for m in made}})
    progress("done", 1.0)
    return job.run


@dataclass
class _Job:
    """One run of `train`."""

    log: Log
    past: Past
    config: Config
    progress: Progress
    run: TrainingRun
    chosen: dict[str, dict[str, Any]] = field(default_factory=dict)

    def fitted(self, names: Sequence[str], interactions: Interactions, what: str) -> dict[str, Retriever]:
        """The named channels, fitted, with the settings chosen so far; CPU seconds of each go into the run."""
        fitted = {}
        for n, name in enumerate(names):
            self.progress(f"{what}: {name}", n / len(names))
            started = time.process_time()
            model = retriever(name, {**self.chosen.get(name, {}), **self.config.models.get(name, {})}, None)
            if isinstance(model, TellsProgress):
                model.told = partial(self._within, f"{what}: {name}", n, len(names))
            model.fit(interactions, self.past.catalogue)
            self.run.seconds[name] = time.process_time() - started
            fitted[name] = model
        return fitted

    def _within(self, what: str, n: int, of: int, detail: str, share: float) -> None:
        """Tell of the inside of the ``n``-th of several fits."""
        self.progress(f"{what}, {detail}", (n + share) / of)

    def choose_settings(self, channels: dict[str, Retriever], split: Split) -> None:
        """Let each channel choose what belongs to its query on the later period; what the shop has set stays set.

        Half-lives and popularity exponents that are best on one shop lose to plain counting on another.
        """
        # A case scores every item: with 100,000 of them, fewer cases say as much in the same time.
        n_cases = max(200, min(_MOST_CASES_FOR_SETTINGS, _SCORES_FOR_SETTINGS // max(split.n_items, 1)))
        for name, model in list(channels.items()):
            if name not in SEARCHES or name in self.config.models or not len(split.validation):
                continue
            self.progress(f"choosing settings: {name}", 0.25)
            channels[name], self.chosen[name] = choose_query(name, model, split, ranks, n_cases=n_cases)

    def rehearsed(self, channels: Sequence[str], *, with_ranker: bool) -> tuple[LambdaRanker | None, int]:
        """Fit on the earlier part of the log, choose settings and learn to rank on the later part.

        Gives the ranker and on how many lists it was trained; None when there were too few, with the reason in the run.
        """
        row = _cut(self.past, self.config)
        cut = int(self.past.seqs[row])
        everything = self.past.interactions
        earlier = everything.take(self.past.seqs <= cut)
        fitted = self.fitted(channels, earlier, "fitting on the earlier part")
        self.choose_settings(fitted, later_period(earlier, everything, float(everything.at[row]), self.past.catalogue))
        if not with_ranker:
            return None, 0
        engine = Engine(self.config)
        engine.install(fitted, fitted_seq=dict.fromkeys(fitted, cut))
        lists = self._lists_after(cut, engine)
        ranker = LambdaRanker(LambdaRankerConfig(**self.config.models.get(RANKER, {})))
        self.progress("training the ranker", 0.9)
        started = time.process_time()
        try:
            ranker.fit(*lists.columns(), columns=engine.columns)
        except NotEnoughEvents as error:
            self.run.reasons[RANKER] = str(error)
            return None, 0
        self.run.seconds[RANKER] = time.process_time() - started
        return ranker, len(lists)

    def _lists_after(self, cut: int, engine: Engine) -> Lists:
        """Replay the log; after ``cut``, make a list for a sample of the first touches of an item in a session.

        Of each kind there are as many as of any other, where there are enough: a sample by touches alone would hold
        few home pages and fewer slates.
        """
        found = moments(_records(self.log), self.config.events, cut)
        draw = np.random.default_rng(self.config.training.seed)
        chosen: dict[int, list[Moment]] = {}
        for moment in sample(found, self.config.training.ranker_lists, draw):
            chosen.setdefault(moment.seq, []).append(moment)
        lists = Lists()
        for record in _records(self.log):
            for moment in chosen.get(record.seq, ()):
                asked = Question.of(engine, _request_of(record, moment, engine))
                add_list(lists, engine, asked, moment.grades, draw, among=moment.shown)
            engine.apply(record)
            if record.seq % _CHUNK == 0:
                self.progress("replaying for the ranker", 0.3 + 0.6 * record.seq / self.past.last_seq)
        return lists


def _cut(past: Past, config: Config) -> int:
    """The row of the interactions after which choices are labels: the last days, but at most three tenths of the log.

    A shop that was imported in one go has one moment of arrival but many of occurrence; the log's order serves both.
    """
    at, n = past.interactions.at, len(past.interactions)
    late = at >= at.max() - config.training.ranker_days * DAY_SECONDS
    first_late = int(np.argmax(late)) if late.any() else n
    row = max(first_late, int(n * (1 - _SHARE_FOR_LABELS)))
    return min(row, n - 1)


def _request_of(record: Record, moment: Moment, engine: Engine) -> Request:
    """The request that the moment stands for: a home page at a visit's beginning, else the page of the item before."""
    event = msgspec.json.decode(record.body, type=Event)
    return Request(
        surface="home" if moment.after is None else "item",
        at=event.at,
        user_id=event.user_id,
        anonymous_id=event.anonymous_id,
        item_id=None if moment.after is None else engine.catalogue.ids[moment.after],
    )


def _records(log: Log) -> Iterator[Record]:
    seq = 0
    while records := log.read(seq, _CHUNK):
        yield from records
        seq = records[-1].seq
