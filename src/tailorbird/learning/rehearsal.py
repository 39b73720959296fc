"""The ranker learns as it will serve: over channels that were fitted some time ago and have been learning since.

The log is cut in two. Channels fitted on the first part serve a replay of the second, whose choices label the lists;
the same cut chooses the channels' settings and measures them.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
import numpy as np

from tailorbird.decide import Engine
from tailorbird.errors import NotEnoughEvents
from tailorbird.identity.joins import Identities
from tailorbird.learning.examination import USUAL_EXPONENT, exponent_of
from tailorbird.learning.fitting import Fitting
from tailorbird.learning.leakage import Copies, check
from tailorbird.learning.lists import LISTS_BETWEEN_WORDS, Lists, Question, Slot, add_list, graded_gains
from tailorbird.learning.moments import Moment, moments, sample
from tailorbird.learning.past import CHUNK, Past, records
from tailorbird.learning.splits import later_period
from tailorbird.protocols import Ledger, Log, Retriever
from tailorbird.ranking.lambda_ranker import LambdaRanker, LambdaRankerConfig
from tailorbird.ranking.matrix import fused_columns
from tailorbird.types import DAY_SECONDS, NOBODY, Event, Request

RANKER: Final = LambdaRanker.name
_SHARE_FOR_LABELS: Final = 0.3
_MOST_WEIGHT: Final = 10.0


@dataclass
class Rehearsal:
    """What came of it: per model its figures on the later part, the ranker with its lists, or why there is none."""

    metrics: dict[str, dict[str, float]] = field(default_factory=dict)
    ranker: LambdaRanker | None = None
    lists: Lists = field(default_factory=Lists)
    reason: str | None = None


def rehearse(
    log: Log, fitting: Fitting, channels: Sequence[str], *, with_ranker: bool, ledger: Ledger | None = None
) -> Rehearsal:
    """Fit on the earlier part of the log, choose settings, measure, and learn to rank on the later part.

    The ``ledger`` knows where on a slate an item stood, and how likely it was to stand there.
    """
    past, config = fitting.past, fitting.config
    row = _cut(past, fitting)
    cut = int(past.seqs[row])
    earlier = past.until(cut)
    fitted = fitting.fitted(channels, earlier, "fitting on the earlier part")
    later = later_period(earlier, past.interactions, float(past.interactions.at[row]), past.catalogue)
    fitting.choose_settings(fitted, later)
    made = Rehearsal(fitting.measured(fitted, later))
    if not with_ranker:
        return made
    engine = _engine(fitted, cut, log, fitting)
    made.lists, copies = _lists_after(cut, log, engine, fitting, ledger)
    check(made.lists, copies, engine, log)
    fitting.progress("training the ranker", 0.9)
    started = time.process_time()
    ranker, lists = LambdaRanker(LambdaRankerConfig(**config.models.get(RANKER, {}))), made.lists.labelled()
    ranker.told = lambda tree, share: fitting.progress(f"training the ranker, {tree}", 0.9 + 0.1 * share)
    try:
        ranker.fit(lists, engine.columns)
    except NotEnoughEvents as error:
        made.reason = str(error)
        return made
    fitting.seconds[RANKER] = time.process_time() - started
    _, asked = lists.parted(ranker.n_learned(lists))
    fused = graded_gains(fused_columns(asked.matrix, engine.columns), asked).figure()
    made.ranker, made.metrics[RANKER] = ranker, {**ranker.metrics, "fused_ndcg@10": fused or 0.0}
    return made


def _cut(past: Past, fitting: Fitting) -> int:
    """The row of the interactions after which choices are labels: the last days, but at most three tenths of the log.

    A shop that was imported in one go has one moment of arrival but many of occurrence; the log's order serves both.
    """
    at, n = past.interactions.at, len(past.interactions)
    late = at >= at.max() - fitting.config.training.ranker_days * DAY_SECONDS
    first_late = int(np.argmax(late)) if late.any() else n
    row = max(first_late, int(n * (1 - _SHARE_FOR_LABELS)))
    return min(row, n - 1)


def gathered_lists(log: Log, fitting: Fitting, channels: Sequence[str], ledger: Ledger | None) -> tuple[Engine, Lists]:
    """The lists that the ranker would learn from, and the engine that made them; nothing is measured or refused."""
    cut = int(fitting.past.seqs[_cut(fitting.past, fitting)])
    fitted = fitting.fitted(channels, fitting.past.until(cut), "fitting on the earlier part")
    engine = _engine(fitted, cut, log, fitting)
    return engine, _lists_after(cut, log, engine, fitting, ledger)[0]


def _engine(fitted: Mapping[str, Retriever], cut: int, log: Log, fitting: Fitting) -> Engine:
    engine = Engine(fitting.config, identities=Identities.of(log, fitting.config.identity))
    engine.install(fitted, fitted_seq=dict.fromkeys(fitted, cut))
    return engine


def _lists_after(cut: int, log: Log, engine: Engine, fitting: Fitting, ledger: Ledger | None) -> tuple[Lists, Copies]:
    """Replay the log; after ``cut``, make a list for a sample of the first touches of an item in a session.

    Of each kind there are as many as of any other, where there are enough: a sample by touches alone would hold few
    home pages and fewer slates.
    """
    training = fitting.config.training
    fitting.progress("finding the ranker's moments", 0.3)
    found = moments(records(log), fitting.config, cut, Identities.of(log, fitting.config.identity))
    draw = np.random.default_rng(training.seed)
    chosen: dict[int, list[Moment]] = {}
    sampled = sample(found, training.ranker_lists, draw)
    for moment in sampled:
        chosen.setdefault(moment.seq, []).append(moment)
    lists, copies = Lists(), Copies()
    exponent = exponent_of(records(log), ledger) if ledger else USUAL_EXPONENT
    for record in records(log):
        for moment in chosen.get(record.seq, ()):
            event = msgspec.json.decode(record.body, type=Event)
            asked = Question.of(engine, _request_of(event, moment, engine))
            slots = _slots(event, moment, engine, ledger, exponent)
            n_lists = len(lists)
            add_list(lists, engine, asked, moment.grades, draw, among=slots)
            if len(lists) > n_lists:
                copies.before(n_lists, asked, moment.grades)
            if lists.n_asked % LISTS_BETWEEN_WORDS == 0:
                words = f"replaying for the ranker, list {lists.n_asked:,} of {len(sampled):,}"
                fitting.progress(words, 0.3 + 0.6 * record.seq / fitting.past.last_seq)
        copies.note(engine.apply(record))
        if record.seq % CHUNK == 0:
            fitting.progress("replaying for the ranker", 0.3 + 0.6 * record.seq / fitting.past.last_seq)
    return lists, copies


def _slots(event: Event, moment: Moment, engine: Engine, ledger: Ledger | None, exponent: float) -> dict[int, Slot]:
    """What was shown at the moment; where the decision is on record, with inverse propensities.

    What exploration placed stands for all that it might have placed there, and a click further down for those who never
    looked; but neither for more than ten, or a few lucky clicks would teach everything (A. Swaminathan and T. Joachims,
    Counterfactual Risk Minimization, ICML 2015, clip alike).
    """
    slots = dict.fromkeys(moment.shown, Slot())
    decision = ledger.get(event.decision_id) if slots and ledger and event.decision_id else None
    for placed in decision.items if decision else ():
        (item,) = engine.catalogue.numbers((placed.item_id,)) or (NOBODY,)
        if item in slots:
            others, unseen = 1.0 / placed.propensity, (placed.position + 1.0) ** exponent
            slots[item] = Slot(min(others, _MOST_WEIGHT), min(others * unseen, _MOST_WEIGHT))
    return slots


def _request_of(event: Event, moment: Moment, engine: Engine) -> Request:
    """The request that the moment stands for: a home page at a visit's beginning, else the page of the item before."""
    return Request(
        surface="home" if moment.after is None else "item",
        at=event.at,
        user_id=event.user_id,
        anonymous_id=event.anonymous_id,
        item_id=None if moment.after is None else engine.catalogue.ids[moment.after],
    )
