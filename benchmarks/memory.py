"""How much memory a million people take in a server.

Usage: ``python benchmarks/memory.py [--people 200000] [--events 5,20] [--json]``

One engine for each number of events a person: items, then the events of `tailorbird.simulator.bulk`, applied as a
server applies them. What the process holds more than before the first event, per million people; without channels,
whose arrays grow with items and not with people.
"""

import argparse
import gc
import json
import subprocess
import sys
import time
from pathlib import Path

from tailorbird.config import Config
from tailorbird.decide import Engine
from tailorbird.simulator.bulk import bulk_events, bulk_items
from tailorbird.types import Record

N_ITEMS = 10_000


def main() -> None:
    """One process for each size, so that none inherits what another one's allocator kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=200_000)
    parser.add_argument("--events", default="5,20", help="events a person, one or several numbers")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(measured(asked.people, asked.one)))
        return
    found = []
    for each in asked.events.split(","):
        command = [sys.executable, __file__, "--people", str(asked.people), "--one", each]
        found.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    if asked.json:
        print(json.dumps(found, indent=2))
        return
    for one in found:
        print(
            f"{one['people']:,} people of {one['events_each']} events: "
            f"{one['gib_per_million_people']} GiB per million, "
            f"{one['cpu_us_per_event']} CPU microseconds an event"
        )


def measured(n_people: int, events_each: int) -> dict[str, float]:
    """Fill an engine and look at the process."""
    engine, now = Engine(Config()), time.time()
    seq = 0
    for entry in bulk_items(N_ITEMS, at=now):
        seq += 1
        engine.apply(Record(seq, entry.kind, entry.key, entry.at, entry.at, entry.body))
    engine.warm(now)
    gc.collect()
    before, cpu, n_events = resident(), 0.0, n_people * events_each
    records: list[Record] = []
    for entry in bulk_events(n_events, N_ITEMS, n_people, until=now):
        seq += 1
        records.append(Record(seq, entry.kind, entry.key, entry.at, entry.at, entry.body))
        if len(records) == 5_000:
            began = time.process_time()
            for record in records:
                engine.apply(record)
            cpu += time.process_time() - began
            records.clear()
    gc.collect()
    taken = resident() - before
    return {
        "people": n_people,
        "events_each": events_each,
        "gib_per_million_people": round(taken / n_people * 1e6 / 2**30, 2),
        "cpu_us_per_event": round(cpu / n_events * 1e6, 1),
    }


def resident() -> int:
    """Bytes that the process holds."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4_096


if __name__ == "__main__":
    main()
