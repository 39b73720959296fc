"""Whether the trained engine earns more clicks per slate than a popularity list, where the truth is known.

Usage: ``python benchmarks/worlds.py [--worlds fashion,grocery] [--history-days 60] [--days 14] [--seed 1] [--oracle]``

Per world: write its history to a log, train as `tailorbird train` does, then let the *same* shoppers make the same
visits to three shops: one whose slates are the popularity channel alone, one that also moves what was just passed over
behind the rest (the recipe's `fatigue_minutes`), and one with the trained recipe. The target is the ratio to the first;
the second says how much of it that one rule explains. All explore as configured and see their own events at once.
Moods are common random numbers (see `visits`), so what differs is the slates. Clicks per slate count slates that were
looked at. The interval resamples shoppers, who are independent, and keeps both arms of a shopper together (percentile
bootstrap, 2,000 draws).

The worlds were frozen before this was first run; see docs/simulator.md.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from tailorbird.app import App
from tailorbird.config import BudgetConfig, Config, PolicyConfig
from tailorbird.decide import Engine
from tailorbird.learning.training import train
from tailorbird.simulator.history import arrivals, changes, entry_of, tell
from tailorbird.simulator.listings import Listings
from tailorbird.simulator.visits import Ask, Slate, Visit
from tailorbird.simulator.world import World
from tailorbird.simulator.worlds import WORLDS
from tailorbird.types import DAY_SECONDS, Entry, Event, FloatArray, Record, Request

NOW: Final = 1_750_000_000.0
DRAWS: Final = 2_000
FIRST_VISIT: Final = 1_000_000
SURFACES: Final = ("home", "item", "cart")
CONFIG: Final = Config(budget=BudgetConfig(total_ms=60_000.0))
"""The defaults, but without a deadline: how busy this machine is must not change what is recommended."""


class Shop(Protocol):
    """What a policy has to be here: it answers, and it is told what happened."""

    def recommend(self, ask: Ask, decision_id: str) -> Sequence[str]:
        """Item ids, best first."""

    def observe(self, entry: Entry) -> None:
        """Something that the log would hold."""


@dataclass
class EngineShop:
    """A shop whose slates an engine decides."""

    engine: Engine
    degraded: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def recommend(self, ask: Ask, decision_id: str) -> Sequence[str]:
        """What the whole request gives, exploration included."""
        request = Request(
            surface=ask.surface,
            at=ask.at,
            user_id=ask.user_id,
            anonymous_id=ask.anonymous_id,
            session_id=ask.session_id,
            item_id=ask.item_id,
            cart=ask.cart,
            limit=ask.limit,
            decision_id=decision_id,
        )
        decision = self.engine.decide(request)
        if decision.degraded:
            self.degraded[decision.degraded] += 1
        return [placed.item_id for placed in decision.items]

    def observe(self, entry: Entry) -> None:
        """The engine follows, as it would follow the log."""
        seq = self.engine.seq + 1
        self.engine.apply(Record(seq, entry.kind, entry.key, entry.at, entry.at, entry.body))


@dataclass
class OracleShop:
    """A shop that reads minds: the hidden utility itself, though not the errand. A bound, not a rival."""

    world: World

    def recommend(self, ask: Ask, decision_id: str) -> Sequence[str]:
        """The items of highest utility to this shopper now."""
        del decision_id
        shelf = self.world.shelf
        sold = np.flatnonzero((shelf.launched_at <= ask.at) & (shelf.stock > 0)).astype(np.int32)
        utility = self.world.utility(int(ask.anonymous_id[1:6]), sold, ask.at)
        return [shelf.ids[n] for n in sold[np.argsort(-utility)[: ask.limit]]]

    def observe(self, entry: Entry) -> None:
        """Nothing to learn."""


@dataclass
class Earned:
    """Slates looked at and clicks on them, per surface, of every shopper: arrays of shape (3, n_shoppers)."""

    slates: FloatArray
    clicks: FloatArray

    def per_slate(self, surface: int | None = None) -> float:
        """Clicks per slate, of one surface or all."""
        rows = slice(None) if surface is None else surface
        return float(self.clicks[rows].sum() / max(self.slates[rows].sum(), 1))


def visit_all(world: World, listings: Listings, shop: Shop, days: float) -> Earned:
    """Let everybody visit for some days after the history; the shop hears of every event at once."""
    shape = (len(SURFACES), world.shoppers.n)
    earned = Earned(np.zeros(shape), np.zeros(shape))
    today = world.now
    coming = arrivals(world, world.now, world.now + days * DAY_SECONDS, newcomers=0.0, stream=20, first=FIRST_VISIT)
    for one in coming:
        while one.at >= today + DAY_SECONDS:
            for entry in changes(world, today, today + DAY_SECONDS):
                shop.observe(entry)
            today += DAY_SECONDS
            listings.refresh(today)
        _visit_once(world, Visit(world, listings, one.shopper, one.number, one.at), shop, earned)
    return earned


def _visit_once(world: World, visit: Visit, shop: Shop, earned: Earned) -> None:
    steps, answer, asked = visit.follow(), None, 0
    while True:
        try:
            step = steps.send(answer)
        except StopIteration:
            return
        answer = None
        if isinstance(step, Ask):
            asked += 1
            # Named alike in both arms, so that exploration draws alike too.
            decision_id = f"{step.session_id}-{step.surface}-{step.item_id or asked}"
            items = [world.shelf.number[one] for one in shop.recommend(step, decision_id)]
            numbers = np.array(items, np.int32)
            answer = Slate(numbers, world.prices(step.at)[numbers], decision_id)
            continue
        if isinstance(step, Event) and step.decision_id and step.surface:
            place = (SURFACES.index(step.surface), visit.shopper)
            earned.slates[place] += step.type == "list_view"
            earned.clicks[place] += step.type == "list_click"
        shop.observe(entry_of(step))


def ratio_interval(better: Earned, base: Earned, seed: int) -> tuple[float, float, float]:
    """Ratio of clicks per slate with its 95% interval over shoppers."""
    columns = np.stack([earned.sum(0) for earned in (better.clicks, better.slates, base.clicks, base.slates)])
    rng, n = np.random.default_rng(seed), columns.shape[1]
    draws = np.array([columns[:, rng.integers(0, n, n)].sum(1) for _ in range(DRAWS)])
    sums = columns.sum(1)

    def ratio(sums: FloatArray) -> FloatArray:
        return np.asarray((sums[..., 0] / sums[..., 1]) / (sums[..., 2] / sums[..., 3]))

    low, high = np.quantile(ratio(draws), (0.025, 0.975))
    return float(ratio(sums)), float(low), float(high)


def popularity_config(config: Config, fatigue_minutes: float = 0.0) -> Config:
    """The same configuration with the popularity channel alone on every surface measured, in its own order."""
    recipe = PolicyConfig(channels={"popular": 300}, ranker=None, diversity=0.0, fatigue_minutes=fatigue_minutes)
    return config.model_copy(update={"policies": dict.fromkeys(SURFACES, recipe)})


def measure(
    name: str,
    *,
    seed: int,
    history_days: float,
    days: float,
    sizes: tuple[int, int],
    oracle: bool,
    say: Callable[[str], None],
) -> dict[str, object]:
    """One world, from its history to the ratio."""
    world = World(name, shoppers=sizes[0], items=sizes[1], seed=seed, now=NOW)
    listings = Listings(world, NOW - history_days * DAY_SECONDS)
    with tempfile.TemporaryDirectory() as folder, App.open(Path(folder), config=CONFIG, clock=lambda: NOW) as app:
        n_events = 0
        for entries in tell(world, history_days, listings=listings):
            app.log.append(entries)
            n_events += sum(entry.kind == "event" for entry in entries)
        say(f"{name}: {n_events:,} events; training")
        began = time.process_time()
        run = train(app.log, app.registry, app.config, now=NOW)
        seconds = time.process_time() - began
        trained = app.build_engine()
        shops: dict[str, Shop] = {
            "popular": EngineShop(_popular_engine(app, 0.0)),
            "rotated": EngineShop(_popular_engine(app, PolicyConfig().fatigue_minutes)),
            "trained": EngineShop(trained),
        }
    earned = {}
    for arm, shop in (shops | ({"oracle": OracleShop(world)} if oracle else {})).items():
        say(f"{name}: visiting the {arm} shop")
        # Each arm goes on from the end of the history with shoppers and lists of its own.
        own = deepcopy(world.shoppers.memories)
        earned[arm] = visit_all(world, deepcopy(listings, {id(world): world}), shop, days)
        world.shoppers.memories = own
    ratio, low, high = ratio_interval(earned["trained"], earned["popular"], seed)
    return {
        "world": name,
        "history_days": history_days,
        "events": n_events,
        "models": sorted(manifest.name for manifest in run.manifests),
        "left_out": run.reasons,
        "train_cpu_seconds": round(seconds, 1),
        "slates": int(earned["trained"].slates.sum()),
        "clicks_per_slate": {arm: round(one.per_slate(), 4) for arm, one in earned.items()},
        "by_surface": {
            surface: {arm: round(one.per_slate(n), 4) for arm, one in earned.items()}
            for n, surface in enumerate(SURFACES)
        },
        "ratio_to_rotated": round(ratio_interval(earned["trained"], earned["rotated"], seed)[0], 3),
        "ratio": round(ratio, 3),
        "interval": [round(low, 3), round(high, 3)],
        "ok": ratio >= 1.3 and low > 1,
        "degraded": {arm: dict(shop.degraded) for arm, shop in shops.items() if isinstance(shop, EngineShop)},
    }


def _popular_engine(app: App, fatigue_minutes: float) -> Engine:
    """An engine that has seen the whole log and knows popularity alone."""
    engine, models = Engine(popularity_config(app.config, fatigue_minutes)), app.load_models()
    engine.install({"popular": models.retrievers["popular"]}, fitted_seq={"popular": models.fitted_seq["popular"]})
    for record in _records(app):
        engine.apply(record)
    return engine


def _records(app: App) -> list[Record]:
    found: list[Record] = []
    while more := app.log.read(found[-1].seq if found else 0, 5_000):
        found += more
    return found


def main() -> None:
    """Measure what was asked for; exit 1 if a world misses the target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", default=",".join(WORLDS))
    parser.add_argument("--history-days", type=float, default=60.0, help="as `simulate shop` writes")
    parser.add_argument("--days", type=float, default=14.0, help="of visits to the two shops")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shoppers", type=int, default=0, help="0: the world's own number")
    parser.add_argument("--items", type=int, default=0, help="0: the world's own number")
    parser.add_argument("--oracle", action="store_true", help="also a shop that reads minds")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    sizes = (asked.shoppers, asked.items)

    def say(sentence: str) -> None:
        print(sentence, file=sys.stderr)

    found = [
        measure(
            name,
            seed=asked.seed,
            history_days=asked.history_days,
            days=asked.days,
            sizes=sizes,
            oracle=asked.oracle,
            say=say,
        )
        for name in asked.worlds.split(",")
    ]
    if asked.json:
        print(json.dumps(found, indent=1))
    else:
        print(
            "| world | slates | popular | rotated | trained | ratio | 95% interval | to rotated | home | item | cart |"
        )
        print("|---" * 11 + "|")
        for one in found:
            per, low_high = one["clicks_per_slate"], one["interval"]
            surfaces = (f"{by['popular']:.2f} / {by['trained']:.2f}" for by in one["by_surface"].values())
            print(
                f"| {one['world']} | {one['slates']:,} |",
                " | ".join(f"{per[arm]:.3f}" for arm in ("popular", "rotated", "trained")),
                f"| **{one['ratio']:.2f}** | {low_high[0]:.2f} to {low_high[1]:.2f} | {one['ratio_to_rotated']:.2f} |",
                " | ".join(surfaces),
                "|",
            )
    sys.exit(0 if all(one["ok"] for one in found) else 1)


if __name__ == "__main__":
    main()
