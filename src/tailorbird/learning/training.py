"""`train`: rehearse on a later period than the channels saw, refit on everything, promote what is not worse.

All versions of a run are promoted at once. A new version that is worse than the one it replaces, on what came after
that one was fitted, is kept beside it and does not serve.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tailorbird.config import Config
from tailorbird.errors import NotEnoughEvents, UnknownModel, did_you_mean
from tailorbird.ingest.advice import MOST_EASE_ITEMS, advise, deep_installed
from tailorbird.learning.comparison import Comparison, compared
from tailorbird.learning.drift import Reference
from tailorbird.learning.fitting import Fitting
from tailorbird.learning.models import EVENTLESS, UNTRAINED
from tailorbird.learning.past import Past, read_past
from tailorbird.learning.registry import Manifest, Registry
from tailorbird.learning.rehearsal import RANKER, Rehearsal, rehearse
from tailorbird.protocols import Ledger, Log, ReadsText, TextEncoder, Told, unheard
from tailorbird.retrieval import RETRIEVERS


@dataclass(frozen=True)
class Choice:
    """Which models to train, and why each of the others is left out."""

    models: tuple[str, ...]
    reasons: Mapping[str, str]


@dataclass
class TrainingRun:
    """What a run made. A manifest that was ``held_back`` does not serve: it is worse than what it was to replace.

    ``uncompared`` took the place of a version with which they could not be compared: too few questions came since.
    """

    manifests: list[Manifest] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    compared: dict[str, Comparison] = field(default_factory=dict)
    uncompared: tuple[str, ...] = ()

    @property
    def held_back(self) -> frozenset[str]:
        """The names of the models whose new version does not serve."""
        return frozenset(manifest.name for manifest in self.manifests if manifest.held_back)


def choose(past: Past, asked: Sequence[str] = ()) -> Choice:
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
        n_purchases=int(past.interactions.bought.sum()),
        deep=deep_installed(),
    )
    if asked:
        too_many = [a for a in advice if a.model == "ease" and n_items > MOST_EASE_ITEMS]
        reasons = {a.model: a.reason for a in too_many if a.model in asked}
        return Choice(tuple(name for name in asked if name not in reasons), reasons)
    return Choice(tuple(sorted(a.model for a in advice if a.train)), {a.model: a.reason for a in advice if not a.train})


def train(
    log: Log,
    registry: Registry,
    config: Config,
    *,
    ledger: Ledger | None = None,
    models: Sequence[str] = (),
    encoder: TextEncoder | None = None,
    even_if_worse: bool = False,
    progress: Told = unheard,
    now: float | None = None,
) -> TrainingRun:
    """Train and promote; a version that is worse than the one it replaces is only promoted ``even_if_worse``.

    The ``ledger`` knows more of the slates that were clicked than the log does; ``encoder`` reads the items' texts,
    where the shop has one.

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
    # The channels that serve untrained are always there, so the ranker has to have met them.
    channels = sorted({*choice.models, *(UNTRAINED if has_events else ())} - {RANKER})
    fitting = Fitting(past, config, progress, encoder)
    rehearsal = Rehearsal()
    if has_events:
        rehearsal = rehearse(log, fitting, channels, with_ranker=RANKER in choice.models, ledger=ledger)
    run = TrainingRun(reasons=dict(choice.reasons), seconds=fitting.seconds)
    if rehearsal.reason:
        run.reasons[RANKER] = rehearsal.reason
    run.compared = compared(fitting, rehearsal, channels, registry) if has_events else {}
    worse = {name: str(found) for name, found in run.compared.items() if found.worse and not even_if_worse}
    run.manifests = _saved(fitting, rehearsal, channels, registry, held_back=worse, now=now)
    replacing = {m.name for m in run.manifests} & registry.current().keys()
    run.uncompared = tuple(sorted(replacing - run.compared.keys()))
    # A ranker that was fitted on other channels would read their columns as its own: what was not trained retires.
    retired = dict.fromkeys(name for name in registry.current() if name not in run.held_back)
    registry.promote({**retired, **{m.name: m.version for m in run.manifests if not m.held_back}})
    progress("done", 1.0)
    return run


def _saved(
    fitting: Fitting,
    rehearsal: Rehearsal,
    channels: Sequence[str],
    registry: Registry,
    *,
    held_back: Mapping[str, str],
    now: float | None,
) -> list[Manifest]:
    """Fit on everything and store it; nothing of it serves yet."""
    past, log = fitting.past, fitting.past.interactions
    counts = {"interactions": len(log), "people": log.n_users, "items": log.n_items}
    told: dict[str, Any]
    same: dict[str, Any] = {"fitted_seq": past.last_seq, "data_sha256": past.sha256, "now": now}
    made = []
    for name, model in fitting.fitted(channels, log, "fitting").items():
        settings = dict(model.config.model_dump())  # type: ignore[attr-defined]  # every channel keeps its config
        figures, embedding = rehearsal.metrics.get(name, {}), model.made_by if isinstance(model, ReadsText) else ""
        told = {"settings": settings, "metrics": figures, "events": counts, "embedding": embedding}
        told["held_back"] = held_back.get(name, "")
        made.append(registry.save(name, model.arrays(), **told, **same))
    if rehearsal.ranker is not None:
        ranker, figures = rehearsal.ranker, rehearsal.metrics[RANKER]
        told = {"settings": ranker.config.model_dump(), "metrics": figures, "columns": ranker.columns}
        told |= {"events": {**counts, "lists": len(rehearsal.lists)}, "held_back": held_back.get(RANKER, "")}
        lists = rehearsal.lists.labelled()
        pools = lists.take(~lists.shown)
        kept = Reference.of(pools.matrix, pools.stands_for).arrays()
        made.append(registry.save(RANKER, {**ranker.arrays(), **kept}, **told, **same))
    return made
