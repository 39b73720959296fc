"""Whether a server that lived through everything holds, to the bit, what a replay of its log holds.

Usage: ``python benchmarks/parity.py [--events 1000000] [--people 50000] [--days 20] [--json]``

A shop's log grows in slices, as it would under a server that follows it: events, of which some come twice, some days
late, some with a device or from a device alone, some by users nobody has seen; items that change; logins; ids taken
apart and joined again; people erased. After each day's separations and erasures the running engine is renewed, as
`tailorbird serve` does, and goes on. At the end the log is replayed from its first record by a new engine, and the two
are compared: numbers of people and items, every person's states, the features of 300 items for some people, every row
of every item view, and every array of every channel that learned.
"""

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from tailorbird.app import App
from tailorbird.config import Config
from tailorbird.features.recent_items import Recent
from tailorbird.simulator.bulk import bulk_items
from tailorbird.types import DAY_SECONDS, Entry, Event, Identity, Item, Request

N_ITEMS = 5_000
SLICE = 500
KINDS = ("item_view", "list_view", "list_click", "cart_add", "purchase", "dismiss", "refund", "search")
SHARES = (0.5, 0.15, 0.1, 0.1, 0.08, 0.03, 0.02, 0.02)


def main() -> None:
    """Live, then replay, then compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, default=50_000)
    parser.add_argument("--days", type=int, default=20, help="after each of them ids are separated, people erased")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tailorbird-parity-") as folder:
        found = measured(Path(folder), asked.events, asked.people, asked.days)
    if asked.json:
        print(json.dumps(found, indent=2))
    else:
        for name, value in found.items():
            print(f"{name}: {value}")
    raise SystemExit(1 if found["differences"] else 0)


def measured(directory: Path, n_events: int, n_people: int, n_days: int) -> dict[str, Any]:
    """What happened, and what differs."""
    now, draw = [1_760_000_000.0], np.random.default_rng(7)
    happened: Counter[str] = Counter()
    with App.open(directory, config=Config(), clock=lambda: now[0]) as app:
        app.append(list(bulk_items(N_ITEMS, at=now[0])))
        live_seconds = 0.0
        for day in range(n_days):
            batch: list[Entry] = []
            for entry in a_day(draw, n_events // n_days, n_people, now[0], name=f"d{day}-"):
                batch.append(entry)
                if len(batch) == SLICE:
                    verdicts = zip(batch, app.append(batch), strict=True)
                    happened.update(f"{one.kind} {verdict}" for one, verdict in verdicts)
                    batch = []
                    began = time.process_time()
                    app.follow(1e9)
                    live_seconds += time.process_time() - began
            app.append(batch)
            now[0] += DAY_SECONDS
            happened.update(changed_past(app, draw, n_people, last=day == n_days - 1))
            app.follow(1e9)
            if app.outdated:
                now[0] += 1
                app.renew(app.build_engine())
                happened["renewals"] += 1
        live = app.engine
        began = time.process_time()
        replayed = app.build_engine()
        replay_seconds = time.process_time() - began
        differences = list(compared(live, replayed, draw, now[0]))
        return {
            "records": app.log.last_seq(),
            "happened": dict(sorted(happened.items())),
            "people": len(live.state.keys),
            "live_cpu_us_per_record": round(live_seconds / n_events * 1e6, 1),
            "replay_cpu_us_per_record": round(replay_seconds / app.log.last_seq() * 1e6, 1),
            "differences": differences,
        }


def a_day(draw: np.random.Generator, n: int, n_people: int, start: float, *, name: str) -> Iterator[Entry]:
    """What a day's traffic appends; one in fifty comes again, one in twenty is up to three days late."""
    kinds, people = draw.choice(len(KINDS), n, p=SHARES), (n_people * draw.random(n) ** 2).astype(int)
    items, chances = (N_ITEMS * draw.random(n) ** 3).astype(int), draw.random((n, 4))
    before: Entry | None = None
    for k in range(n):
        at = float(start + DAY_SECONDS * (k / n - (3 * chances[k, 0] if chances[k, 1] < 0.05 else 0)))
        user, device = f"user-{people[k]}", f"device-{people[k] // 2 + int(7 * chances[k, 2])}"
        who = chances[k, 3]
        ids = {"user_id": user if who < 0.6 else None, "anonymous_id": device if who > 0.45 else None}
        kind = KINDS[kinds[k]]
        event = Event(
            type=kind,
            at=at,
            event_id=f"{name}{k}",
            item_id=None if kind == "search" else f"item-{items[k]}",
            query="warm thing" if kind == "search" else None,
            surface="home" if kind == "list_view" else None,
            **ids,
        )
        entry = Entry("event", event.event_id, at, msgspec.json.encode(event))
        yield entry
        if before is not None and chances[k, 0] < 0.02:
            yield before
        before = entry
        if chances[k, 0] > 0.995:
            number = int(items[k])
            price, brand = float(1 + k % 90), f"brand {k % 20}"
            item = Item(item_id=f"item-{number}", title=f"changed {k}", price=price, brand=brand)
            yield Entry("item", item.item_id, at, msgspec.json.encode(item))
        elif chances[k, 0] > 0.99:
            login = Identity(anonymous_id=device, user_id=user, at=at)
            yield Entry("identity", device, at, msgspec.json.encode(login))


def changed_past(app: App, draw: np.random.Generator, n_people: int, *, last: bool) -> Iterator[str]:
    """Separations, some taken back, and erasures; not on the last day, so that the engine goes on living after them."""
    if last:
        return
    for _ in range(5):
        person = int(n_people * draw.random() ** 2)
        pair = (f"device-{person // 2 + int(7 * draw.random())}", f"user-{person}")
        if draw.random() < 0.3:
            again = Identity(anonymous_id=pair[0], user_id=pair[1], at=app.clock())
            app.append(app.claim(again, rejoin=True)[0])
            yield "joined by the shop"
        else:
            app.append(app.separation(*pair))
            yield "separations"
    gone = {f"user-{int(n_people * x**2)}" for x in draw.random(3)}
    known = [user for user in gone if app.engine.state.identities.find(f"u:{user}") >= 0]
    if known:
        _, names = app.erase(known)
        app.forget(names)
        yield from ["erased"] * len(known)


def compared(live: Any, replayed: Any, draw: np.random.Generator, at: float) -> Iterator[str]:
    """What is not the same, in words."""
    mine, theirs = live.state, replayed.state
    if mine.keys != theirs.keys:
        yield "the numbers of people"
    one, other = live.catalogue, replayed.catalogue
    if one.ids != other.ids or not np.array_equal(one.vectors, other.vectors):
        yield "the catalogue"
    request = Request(surface="home", at=at)
    keys = list(dict.fromkeys(mine.keys))
    unlike = sum(packed(mine.person(key)) != packed(theirs.person(key)) for key in keys)
    if unlike:
        yield f"the states of {unlike} of {len(keys)} people"
    items = draw.choice(len(live.catalogue), 300, replace=False).astype(np.int32)
    for key in draw.choice(keys, 2_000):
        if not np.array_equal(*(state.read(state.person(key), request, items) for state in (mine, theirs))):
            yield f"the features for {key}"
            break
    every = np.arange(len(live.catalogue), dtype=np.int32)
    if not np.array_equal(mine.read(mine.person(""), request, every), theirs.read(theirs.person(""), request, every)):
        yield "the features of items"
    for name, retriever in live.retrievers.items():
        parts, others = retriever.arrays(), replayed.retrievers[name].arrays()
        if parts.keys() != others.keys() or any(parts[part].tobytes() != others[part].tobytes() for part in parts):
            yield f"what {name} learned"


def packed(person: Any) -> bytes:
    """Everything that is kept of somebody, in one string of bytes."""
    states = [plain(state) for state in person.states.values()]
    return repr((person.number, person.unit, person.consent, states)).encode()


def plain(value: Any) -> Any:
    """A state of any shape as tuples of numbers and bytes."""
    if isinstance(value, Recent):  # its columns have room behind their end, where anything may stand
        value = (value.rejected, *msgspec.structs.astuple(value.history()))
    if isinstance(value, np.ndarray):
        return value.tobytes()
    if isinstance(value, dict):
        return tuple((key, plain(one)) for key, one in value.items())
    if isinstance(value, set | list | tuple):
        return tuple(plain(one) for one in (sorted(value) if isinstance(value, set) else value))
    slots = getattr(type(value), "__slots__", None)
    if slots is not None:
        return tuple(plain(getattr(value, name)) for name in slots)
    if hasattr(value, "tobytes"):
        return value.tobytes()
    return value if isinstance(value, int | float | str | bool | type(None)) else plain(vars(value))


if __name__ == "__main__":
    main()
