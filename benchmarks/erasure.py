"""What forgetting people takes, and whether anything of them is left.

Usage: ``python benchmarks/erasure.py [--people 100000] [--erased 1000] [--events 500000]``

Writes a shop's log (a third of the people on a device of their own, part of the log in closed segments), makes slates,
erases some people in one request, then looks for their ids and their devices' in every byte of the directory and in
the memory of the engine, and compares the histories and the slates of a thousand others before and after.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pyarrow.parquet as pq

from tailorbird.app import App
from tailorbird.config import Config, PolicyConfig
from tailorbird.simulator.bulk import bulk_items
from tailorbird.types import DAY_SECONDS, Entry, Event, Request

CONFIG = Config(policies={"home": PolicyConfig(exploration=0.0)})
N_ITEMS = 5_000
LOOKED_AT = 1_000


def main() -> None:
    """Measure it and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--erased", type=int, default=1_000)
    parser.add_argument("--events", type=int, default=500_000)
    asked = parser.parse_args()
    now = [time.time()]
    with tempfile.TemporaryDirectory(prefix="tailorbird-erasure-") as folder:
        directory = Path(folder)
        with App.open(directory, config=CONFIG, clock=lambda: now[0]) as app:
            fill(app, asked.people, asked.events)
            now[0] += 3 * DAY_SECONDS
            app.append(list(some_events(asked.people, 1_000, now[0], seed=2)))
            files = app.close_segments()
            draw = np.random.default_rng(3)
            gone = draw.choice(asked.people, asked.erased, replace=False)
            others = np.setdiff1d(draw.choice(asked.people, LOOKED_AT, replace=False), gone)
            for person in gone[:100]:
                app.recommend(Request(surface="home", at=now[0], user_id=user(person)))
            before = looked_at(app, others, now[0])
            began, cpu = time.perf_counter(), time.process_time()
            proof, names = app.erase([user(person) for person in gone])
            erased = time.perf_counter() - began, time.process_time() - cpu
            app.forget(names)
            began = time.perf_counter()
            now[0] += 1
            app.renew(app.build_engine())
            renewed = time.perf_counter() - began
            after = looked_at(app, others, now[0])
            ids = [key[2:].encode() for key in names]
            left = found(directory, ids) + sum(key in app.engine.state.keys for key in names)
        same = sum(np.array_equal(one[0], other[0]) for one, other in zip(before, after, strict=True))
        alike = np.mean([len({*one[1]} & {*other[1]}) / len(one[1]) for one, other in zip(before, after, strict=True)])
    print(f"{asked.people:,} people, {asked.events:,} events, {len(files)} segments; {asked.erased:,} people erased")
    print(f"proof: {msgspec.json.encode(proof).decode()}")
    print(f"erased in {erased[0]:.1f} s ({erased[1]:.1f} CPU s); a new engine in {renewed:.1f} s")
    print(f"ids and devices found in files and memory: {left}")
    print(f"of {len(others):,} others, {same:,} have the same history; their slates share {alike:.1%} of the items")


def fill(app: App, n_people: int, n_events: int) -> None:
    """Items and what people did."""
    app.append(list(bulk_items(N_ITEMS, at=app.clock() - 60 * DAY_SECONDS)))
    chunk: list[Entry] = []
    for entry in some_events(n_people, n_events, app.clock()):
        chunk.append(entry)
        if len(chunk) == 2_000:
            app.append(chunk)
            chunk = []
    app.append(chunk)


def some_events(n_people: int, n: int, until: float, seed: int = 1) -> Iterator[Entry]:
    """Views and purchases; every third person is met on a device, now and then before logging in."""
    draw = np.random.default_rng(seed)
    at = until - 30 * DAY_SECONDS
    for number in range(n):
        at += 30 * DAY_SECONDS / n
        person, item = int(draw.integers(n_people)), int(N_ITEMS * draw.random() ** 3)
        device = f"device-{person}-{person * 7919 % 9973}" if person % 3 == 0 else None
        known = device is None or draw.random() < 0.5
        event = Event(
            type="purchase" if draw.random() < 0.1 else "item_view",
            at=at,
            event_id=f"{seed}-{number}",
            user_id=user(person) if known else None,
            anonymous_id=device,
            item_id=f"item-{item}",
        )
        yield Entry("event", event.event_id, at, msgspec.json.encode(event))


def user(person: int) -> str:
    """An id that is in no other."""
    return f"user-{person}-{person * 104_729 % 99_991}@shop"


def looked_at(app: App, people: np.ndarray, at: float) -> list[tuple[np.ndarray, list[str]]]:
    """Each one's history, and a slate without exploration."""
    told = []
    with app.engine.patient():
        for person in people.tolist():
            decision = app.engine.decide(Request(surface="home", at=at, user_id=user(person), decision_id=f"{person}"))
            history = app.engine.state.person(f"u:{user(person)}").history.items
            told.append((history, [placed.item_id for placed in decision.items]))
    return told


def found(directory: Path, ids: list[bytes]) -> int:
    """How many of these stand anywhere in the directory's files; in Parquet, in what it holds."""
    haystack = b"\0".join(
        b"\0".join(str(value).encode() for column in pq.read_table(file).to_pydict().values() for value in column)
        if file.suffix == ".parquet"
        else file.read_bytes()
        for file in sorted(directory.rglob("*"))
        if file.is_file()
    )
    return sum(one in haystack for one in ids)


if __name__ == "__main__":
    main()
