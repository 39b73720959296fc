"""`tailorbird evaluate`: models side by side on one data set, under one protocol, the baselines always beside them."""

import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import typer

from tailorbird.cli import existing_shop
from tailorbird.cli.evaluate_options import (
    Asked,
    BySegment,
    ColumnNames,
    Decimal,
    EventsFile,
    EventType,
    FoldedIn,
    Frozen,
    ItemsFile,
    Json,
    Lengths,
    Models,
    Protocol,
    Refit,
    Segment,
    Settings,
    Tune,
    Users,
    check_pace,
    fold_in_of,
    list_lengths,
    model_settings,
)
from tailorbird.cli.terminal import note, print_json, progress

if TYPE_CHECKING:
    from tailorbird.learning.cases import Split
    from tailorbird.learning.evaluation import Factory, Result
    from tailorbird.learning.interactions import Dataset

RANKER: Final = "ranker"
SLATES: Final = "slates"
REPLAYED_CASES: Final = 5_000
"""Asked unless somebody says otherwise: a log has as many moments as interactions."""

DEFAULT_MODELS: Final = "popular,trending,covisitation,item-knn,ease,ials,content"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("evaluate")(evaluate_models)


def evaluate_models(
    context: typer.Context,
    events: EventsFile = None,
    *,
    items: ItemsFile = None,
    mapping: ColumnNames = "",
    event_type: EventType = None,
    decimal: Decimal = ".",
    protocol: Asked = None,
    fold_in: FoldedIn = None,
    models: Models = DEFAULT_MODELS,
    k: Lengths = "10,20",
    refit: Refit = False,
    frozen: Frozen = False,
    tune: Tune = True,
    settings: Settings = None,
    users: Users = None,
    segment: Segment = None,
    by_segment: BySegment = False,
    json: Json = False,
) -> None:
    """Compare models: every item ranked, nothing sampled, the past never fitted on the future."""
    from tailorbird.cli.evaluation_tables import print_tables
    from tailorbird.errors import BadInput
    from tailorbird.learning.evaluation import data_counts
    from tailorbird.learning.interactions import parse_mapping
    from tailorbird.learning.reports import FOLDER, keep
    from tailorbird.learning.splits import split

    ks = list_lengths(k)
    # People come back for the same things: of a shop's own log, few last events are new to their person.
    protocol = protocol or (Protocol.LEAVE_ONE_OUT if events else Protocol.TIME_SPLIT)
    options = fold_in_of(protocol, fold_in)
    check_pace(protocol, refit=refit, frozen=frozen)
    if events is None and event_type is not None:
        raise BadInput("--type is for a FILE.", hint="The shop's own types get weights under [events.weights].")
    if events is None:
        data, n_rejected = logged(existing_shop(context)), 0
    else:
        data, n_rejected = tabled(events, items, parse_mapping(mapping), event_type, decimal)
    if data.incomplete:
        note(f"{data.incomplete} of {data.rows} rows lack a person, an item or a time and are left out.")
    cut = split(data, protocol.value, **options)
    if cut.n_items <= ks[0]:
        note(f"A list of {ks[0]} holds all {cut.n_items} items, so that every answer is a hit: try a smaller --k.")
    names = [name.strip() for name in models.split(",") if name.strip()]
    if users is None and protocol is Protocol.REPLAY:
        users = REPLAYED_CASES
    course = Course(refit=refit, frozen=frozen, tune=tune, ks=ks, n_cases=users, segment=segment)
    results = measured(cut, names, model_settings(settings or []), course)
    report = {
        "protocol": protocol_of(cut, options, course),
        "data": {
            **data_counts(cut),
            "rows_left_out": data.incomplete + n_rejected,
            "rows_against": data.against,
            "times": "real" if data.timed else "an order only",
        },
        "results": [result.row() for result in results],
    }
    if events is None:
        keep(existing_shop(context) / FOLDER, report, now=time.time())
    if json:
        print_json(report)
    else:
        print_tables(report, by_segment=by_segment)


@dataclass(frozen=True)
class Course:
    """How to go about it: see the command's options of these names."""

    refit: bool
    frozen: bool
    tune: bool
    ks: tuple[int, int]
    n_cases: int | None
    segment: str | None


def measured(
    cut: "Split", names: list[str], settings: dict[str, dict[str, str | None]], course: Course
) -> "list[Result]":
    """One result per model of these names and per baseline."""
    from tailorbird.learning.evaluation import evaluate, retriever_factories
    from tailorbird.learning.replay import Pace, replayed

    channels = [name for name in names if name not in {RANKER, SLATES}]
    factories = retriever_factories(channels, cut, settings)
    with progress("evaluate") as show:

        def told(name: str, share: float) -> None:
            show(share, name)

        if cut.protocol == Protocol.REPLAY:
            return replayed(
                cut,
                factories,
                ranker=RANKER in names,
                slates=SLATES in names,
                pace=Pace.FROZEN if course.frozen else Pace.NIGHTLY if course.refit else Pace.LIVE,
                n_cases=course.n_cases,
                segment=course.segment,
                tune=course.tune,
                ks=course.ks,
                told=told,
            )
        fitted: dict[str, Any] = {}
        if RANKER in names:
            factories[RANKER] = ranker_factory(cut, channels, fitted, refit=course.refit)
        if SLATES in names:
            factories[SLATES] = slates_factory(fitted, limit=course.ks[-1])
        return evaluate(
            cut,
            factories,
            refit=course.refit,
            n_cases=course.n_cases,
            segment=course.segment,
            fitted=fitted,
            tune=course.tune,
            ks=course.ks,
            told=told,
        )


def protocol_of(cut: "Split", options: dict[str, str], course: Course) -> dict[str, object]:
    """How the figures came about, so that nobody has to guess with what they may be compared."""
    part = "train and validation" if course.refit else "train"
    if cut.protocol == Protocol.REPLAY:
        then = "people's own histories alone moving on" if course.frozen else "learning of each event"
        part = f"train{', every night again' if course.refit else ''}; {then} from then on"
    return {
        "name": cut.protocol,
        **options,
        "fitted_on": part,
        "tuned_on": "validation" if course.tune else None,
        "ranked": "all items",
        "seen_items": "not ranked" if cut.hide_seen else "ranked",
        "ties": "averaged",
        "k": list(course.ks),
        "sampled_cases": course.n_cases,
        "segment": course.segment,
        "intervals": "95%, 1,000 draws of the people",
    }


def tabled(
    events: Path, items: Path | None, mapping: dict[str, str], event_type: str | None, decimal: str
) -> tuple["Dataset", int]:
    """The interactions of a file, and how many of its rows were rejected, which are told with their reasons.

    A file in which something cannot be read as a column, or would be rejected by `import`, is read again row by row.

    Raises:
        NotEnoughEvents: no row that can be read shows interest in an item.
    """
    from tailorbird.errors import BadNumber, BadTime, BrokenLine, ImplausibleTime, NotEnoughEvents
    from tailorbird.ingest.good_rows import GoodRows
    from tailorbird.learning.interactions import read_dataset

    now = time.time()
    if event_type is None and decimal == ".":
        try:
            return read_dataset(events, items=items, mapping=mapping, now=now), 0
        except (BrokenLine, BadTime, BadNumber, ImplausibleTime):
            note(f"{events} cannot be read at once: row by row.")
    rows = GoodRows(events, mapping, event_type, now=now, decimal=decimal)
    with TemporaryDirectory(prefix="tailorbird-evaluate-") as folder:
        good = Path(folder) / "events.parquet"
        rows.write(good)
        report = rows.report
        for reason in report.reasons:
            note(f"{reason.count:,} of {report.rows:,} rows are left out as {reason.code}: {' '.join(reason.examples)}")
        try:
            return read_dataset(good, items=items, mapping=mapping), report.rejected
        except NotEnoughEvents as error:
            types = ", ".join(f"{kind!r} ({count:,})" for kind, count in rows.types.most_common(5)) or "none"
            raise NotEnoughEvents(
                f"None of the {report.accepted:,} good rows of {events} shows interest in an item; types: {types}.",
                hint="Is --map right? `--type item_view=THEIRS,...` says which of their types is which of ours.",
            ) from error


def logged(directory: Path) -> "Dataset":
    """The interactions of a shop's log."""
    import numpy as np

    from tailorbird.app import App
    from tailorbird.errors import NotEnoughEvents
    from tailorbird.learning.interactions import Dataset
    from tailorbird.learning.past import read_past
    from tailorbird.types import NOBODY

    with App.open(directory) as app:
        past = read_past(app.log, app.config)
    log = past.interactions
    if not len(log):
        raise NotEnoughEvents(
            f"The log of {directory} holds no event that shows interest in an item.",
            hint="Import some, or name a file of events.",
        )
    log = log.take(np.argsort(log.at, kind="stable"))
    people = [str(person) for person in range(log.n_users)]
    return Dataset(log, past.catalogue, people, np.full(len(log), NOBODY, np.int32), timed=True, rows=len(log))


def ranker_factory(cut: "Split", channels: list[str], fitted: dict[str, Any], *, refit: bool) -> "Factory":
    """A factory of the learned ranker over those of these channels that are fitted by then."""
    from tailorbird.errors import BadInput
    from tailorbird.learning.ranked import RankedModel

    def made() -> RankedModel:
        if refit:
            raise BadInput("It learns from the validation cases.", hint="It is measured with --strict.")
        return RankedModel(cut, {name: fitted[name] for name in channels if name in fitted})

    return made


def slates_factory(fitted: dict[str, Any], *, limit: int) -> "Factory":
    """A factory of the whole slates that the fitted ranker leads to."""
    from tailorbird.errors import BadInput
    from tailorbird.learning.ranked import Slates

    def made() -> Slates:
        if RANKER not in fitted:
            raise BadInput("They are made of the ranker's order.", hint="Name ranker before slates in --models.")
        return Slates(fitted[RANKER], limit)

    return made
