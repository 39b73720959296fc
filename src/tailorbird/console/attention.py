"""What an operator should look at now, each with the step that mends it. Nothing to say is the best answer."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

import numpy as np

from tailorbird.app import App
from tailorbird.console.heartbeat import Beat
from tailorbird.ingest.checks.findings import Level, counted
from tailorbird.ingest.checks.kept import newest_check
from tailorbird.learning.registry import Manifest
from tailorbird.types import DAY_SECONDS

_FEW: Final = 3
"""So many degraded decisions are no trend, whatever their share of a quiet quarter of an hour."""

_LEVELS: Final[Mapping[Level, Literal["warn", "bad"]]] = {"problem": "bad", "warning": "warn"}
_TOLD_LIVE: Final = frozenset({"no_events", "empty_catalogue"})
"""What a check says too, hours later."""


@dataclass(frozen=True)
class Matter:
    """One thing to look at. ``command`` is what to run, if a command is what helps."""

    level: Literal["note", "warn", "bad"]
    text: str
    remedy: str
    command: str = ""


def matters(
    app: App,
    beat: Beat,
    serving: list[Manifest],
    waiting: list[Manifest],
    refused: Mapping[str, int] = MappingProxyType({}),
) -> list[Matter]:
    """Everything that needs attention, the worst first. Reads the disk: call it off the engine's thread.

    ``refused`` counts by its setting what a limit has refused.
    """
    models = [*_models(app, serving, waiting), *_held_back(waiting)]
    found = [*_shop(app, beat), *models, *_answers(app, beat), *_machine(app), *_refused(refused), *_data(app)]
    return sorted(found, key=lambda matter: ("bad", "warn", "note").index(matter.level))


def _shop(app: App, beat: Beat) -> list[Matter]:
    catalogue, found = app.engine.catalogue, []
    if not catalogue.n_described:
        found.append(
            Matter("warn", "The catalogue is empty.", "Import your items:", "tailorbird import items items.jsonl")
        )
    else:
        unpriced = int(np.count_nonzero(catalogue.described & ~np.isfinite(catalogue.price)))
        if unpriced > 0.1 * catalogue.n_described:
            text = f"{unpriced:,} of {catalogue.n_described:,} items have no price."
            found.append(Matter("note", text, "Price features stay silent for them; send prices with the items."))
        unsold = int(np.count_nonzero(catalogue.described & ~catalogue.sellable))
        if unsold > 0.5 * catalogue.n_described:
            text = f"{unsold:,} of {catalogue.n_described:,} items are sold out or not available."
            found.append(Matter("warn", text, "They are never shown. Check the stock feed."))
    if not app.engine.state.keys:
        found.append(
            Matter("warn", "No event has arrived yet.", "Bring the history:", "tailorbird import events events.jsonl")
        )
    elif not beat.events_per_minute:
        text = "No event has come in for a minute."
        found.append(Matter("note", text, "If shoppers are there, see whether their tracker reaches /v1/events."))
    return found


def _models(app: App, serving: list[Manifest], waiting: list[Manifest]) -> list[Matter]:
    if not serving and app.engine.state.keys:
        text = "No model is trained: slates come from the channels that only count."
        return [Matter("warn", text, "Train on the history:", "tailorbird train")]
    if serving and app.engine.ranker is None:
        if any(manifest.columns for manifest in serving):
            text = "The promoted ranker was fitted on other channels or features and is idle."
            return [Matter("warn", text, "Channels are fused by rank until you train again:", "tailorbird train")]
        text = "No learned ranker serves; channels are fused by rank."
        return [Matter("note", text, "This says whether there is enough history for one:", "tailorbird check")]
    newest = {manifest.name: manifest.created_at for manifest in (*serving, *waiting)}
    days = (app.clock() - min(newest.values(), default=app.clock())) / DAY_SECONDS
    if days > 7:
        text = f"The oldest model was trained {days:.0f} days ago."
        return [Matter("note", text, "Train again:", "tailorbird train")]
    return []


def _held_back(waiting: list[Manifest]) -> list[Matter]:
    return [
        Matter(
            "note", f"{model.name} was held back: {model.held_back}.", "This takes it all the same:", model.promotion
        )
        for model in waiting
    ]


def _answers(app: App, beat: Beat) -> list[Matter]:
    found = []
    if beat.degraded:
        verb = "was" if beat.degraded == 1 else "were"
        text = f"{beat.degraded:,} of the last {beat.slates:,} decisions {verb} made without one of their stages."
        often = beat.degraded > max(0.05 * beat.slates, _FEW)
        excuse = next(iter(beat.excuses), "")
        found.append(Matter("bad" if often else "warn", text, f"Mostly, in their own words: “{excuse}”."))
    slow, budget = beat.total.get("p99", 0.0), app.config.budget.total_ms
    if slow > budget:
        text = f"The slowest hundredth of decisions takes {slow:.0f} ms; the budget is {budget:.0f} ms."
        stage = max(beat.stages, key=lambda name: beat.stages[name]["p99"])
        found.append(Matter("warn", text, f"Its slowest stage is “{stage}”; the overview shows them all."))
    behind = app.log.last_seq() - app.engine.seq
    if behind > 5_000:
        text = f"The engine is {behind:,} records behind the log."
        found.append(Matter("note", text, "It catches up by itself; an import may be running."))
    return found


def _machine(app: App) -> list[Matter]:
    disk = shutil.disk_usage(app.shop_dir)
    found = []
    if disk.free < 0.1 * disk.total:
        text = f"The shop's disk has {disk.free / 1e9:.1f} GB left of {disk.total / 1e9:.0f} GB."
        found.append(Matter("bad", text, "Make room: without it new events are refused with 503."))
    if app.ledger.lost:
        found.append(
            Matter("bad", f"{app.ledger.lost:,} decisions were lost.", "The disk did not take them; see its health.")
        )
    return found


def _refused(refused: Mapping[str, int]) -> list[Matter]:
    """What limits said no to since the server started: a quota costs events, a rate perhaps a robot's."""
    found = []
    for limit, n in refused.items():
        quota = not limit.endswith("_per_second")
        text = f"{n:,} requests were refused by the limit {limit} since the server started."
        remedy = "What was refused is not kept." if quota else "A robot, a page that loops, or a limit that is too low."
        found.append(Matter("bad" if quota else "warn", text, f"{remedy} The setting is limits.{limit}."))
    return found


def _data(app: App) -> list[Matter]:
    """What the newest check of the data found; its notes in one line."""
    kept = newest_check(app.shop_dir)
    if kept is None:
        return []
    found = [
        Matter(_LEVELS[finding.level], finding.message, finding.hint)
        for finding in kept.findings
        if finding.level in _LEVELS and finding.code not in _TOLD_LIVE
    ]
    hours = max(app.clock() - kept.at, 0.0) / 3_600
    if found or kept.levels["note"]:
        text = f"The data was checked {hours:.0f} hours ago; it has {counted(kept.levels['note'], 'note')} besides."
        found.append(Matter("note", text, "What each finding costs, with rows to mend:", "tailorbird check"))
    return found
