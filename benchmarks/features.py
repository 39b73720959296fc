"""What reading the feature views of 500 candidates takes, view by view.

Usage: ``python benchmarks/features.py SHOP_DIR [--candidates 500] [--people 400] [--json FILE]``

Folds the log of a shop directory (``tailorbird --shop-dir DIR simulate shop`` makes one) into an online state, then
reads every view for many people, half of the candidates being items that they have met. CPU milliseconds of one thread:
the median, and the 99th percentile over people. The last two rows are what the ranker reads, and all there is.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from tailorbird.app import App
from tailorbird.features import VIEWS
from tailorbird.features.online_state import OnlineState
from tailorbird.learning.past import records
from tailorbird.types import IntArray, Person, Request

RANKER, ALL = "what the ranker reads", "all views"
_WARM = 20


def main() -> None:
    """Measure it and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shop", type=Path)
    parser.add_argument("--candidates", type=int, default=500)
    parser.add_argument("--people", type=int, default=400)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with App.open(asked.shop) as app:
        state = OnlineState(app.config.events, VIEWS.values(), left_out=app.config.features.leave_out)
        seconds, n_steps, now = folded(app, state)
    found = times(state, asked.people, asked.candidates, now)
    print(
        f"{len(state.keys):,} people, {len(state.catalogue):,} items;"
        f" folding took {1e6 * seconds / n_steps:.1f} us a step"
    )
    print(f"\nCPU ms for {asked.candidates} candidates, {asked.people} people\n")
    print("| view | columns | median | p99 |\n|---|---|---|---|")
    for name, (columns, median, p99) in found.items():
        print(f"| {name} | {columns} | {median:.3f} | {p99:.3f} |")
    if asked.json:
        told = {name: {"columns": c, "median_ms": m, "p99_ms": p} for name, (c, m, p) in found.items()}
        asked.json.write_text(
            json.dumps({"candidates": asked.candidates, "fold_us": 1e6 * seconds / n_steps, "views": told})
        )


def folded(app: App, state: OnlineState) -> tuple[float, int, float]:
    """The whole log; CPU seconds of the folds alone, how many steps there were, and the time of the last one."""
    seconds, n_steps, now = 0.0, 0, 0.0
    for record in records(app.log):
        steps = state.steps(record)
        began = time.thread_time()
        for step in steps:
            state.fold(step)
        seconds += time.thread_time() - began
        n_steps += len(steps)
        now = max(now, record.at) if steps else now
    return seconds, max(n_steps, 1), now


def times(state: OnlineState, n_people: int, n_candidates: int, now: float) -> dict[str, tuple[int, float, float]]:
    """Per view, and in all: columns, median and 99th percentile in ms."""
    draw, spent = np.random.default_rng(1), dict[str, list[float]]()
    for n in range(n_people + _WARM):
        person = state.person(state.keys[int(draw.integers(len(state.keys)))])
        # A minute after they were last here, so that their visit still goes on.
        request = Request(surface="home", at=float(person.history.at[-1]) + 60.0 if len(person.history) else now)
        items = candidates(person, len(state.catalogue), n_candidates, draw)
        for name in (*VIEWS, RANKER):
            began = time.thread_time_ns()
            if name == RANKER:
                state.read(person, request, items)
            else:
                state.read_view(name, person, request, items)
            if n >= _WARM:
                spent.setdefault(name, []).append((time.thread_time_ns() - began) / 1e6)
    spent[ALL] = np.sum([spent[name] for name in VIEWS], axis=0).tolist()
    columns = {name: len(view.columns) for name, view in VIEWS.items()}
    columns |= {RANKER: len(state.columns), ALL: sum(columns.values())}
    return {name: (columns[name], float(np.median(ms)), float(np.percentile(ms, 99))) for name, ms in spent.items()}


def candidates(person: Person, n_items: int, n: int, draw: np.random.Generator) -> IntArray:
    """Half of them met before, as far as there are that many; the others drawn."""
    met = np.unique(person.history.items)[: n // 2]
    others = draw.permutation(n_items)
    return np.concatenate((met, others[~np.isin(others, met)]))[:n].astype(np.int32)


if __name__ == "__main__":
    main()
