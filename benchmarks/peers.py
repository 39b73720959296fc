"""Tailorbird beside implicit, RecTools and LensKit: one split, one machine, one protocol, a process for each method.

Usage::

    python -m venv PEERS && PEERS/bin/pip install implicit "rectools[torch]" lenskit "pyarrow<22"
    python benchmarks/peers.py DATA_DIR --peers-python PEERS/bin/python --rows ROWS [--plot FILE.svg] [--json]

DATA_DIR holds the folders named in `DATASETS`. ROWS keeps what was measured, one file per data set and method, and is
read first, so that a run that was stopped goes on. Without --peers-python only our own models are measured.

Leave-one-out, strict: everything is fitted on train alone, a test query holds train and validation items, and all items
but those of the query are ranked. The split is ours (`learning.splits`) and goes to `peers_worker.py` as numbers, with
the 5,000 validation cases that our own tuning looks at. Each method is told by its defaults and by the setting that was
best on those. All run on one thread. *Query* is CPU time for the fifty best new items of one person: ours are asked one
by one, implicit and RecTools in one call for everybody. Memory is the peak of the process before any tuning.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from peers_plot import plot
from peers_worker import LENGTH, METHODS, peak_mb
from tailorbird import __version__
from tailorbird.learning.cases import Cases, Split
from tailorbird.learning.evaluation import ranks, retriever_factories
from tailorbird.learning.interactions import parse_mapping, read_dataset
from tailorbird.learning.metrics import Placements
from tailorbird.learning.splits import leave_one_out
from tailorbird.learning.tuning import SEARCHES, choose
from tailorbird.types import Request

OURS: Final = (
    *("popular", "covisitation", "item-knn", "user-knn", "v-sknn", "ease", "ials"),
    *("sasrec", "two-tower", "lightgcn"),
)
"""The last three need the extra `deep`; they choose their number of epochs themselves, and nothing else."""

THREADS: Final = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS"), "1"
)
WORKER: Final = Path(__file__).with_name("peers_worker.py")
Row = dict[str, Any]


@dataclass(frozen=True)
class Data:
    """A file under the data directory and what its columns are called."""

    events: str
    mapping: str

    def split(self, folder: Path) -> Split:
        """Cut it."""
        return leave_one_out(read_dataset(folder / self.events, mapping=parse_mapping(self.mapping)))


DATASETS: Final[Mapping[str, Data]] = {
    "movielens-100k": Data("movielens-100k/ratings.parquet", "at=timestamp"),
    "seq-beauty": Data("seq-beauty/sequences.parquet", "at=position"),
    "movielens-1m": Data("movielens-1m/ratings.parquet", "item_id=movie_id,at=time_rank"),
}


def main() -> None:
    """Measure what is not yet measured, then print everything."""
    asked = _asked()
    if asked.one:
        print(json.dumps(ours(asked.one, DATASETS[asked.data_sets[0]].split(asked.data))))
        return
    asked.rows.mkdir(parents=True, exist_ok=True)
    for name in asked.data_sets:
        if (asked.data / DATASETS[name].events).exists():
            measure(name, asked)
        else:
            print(f"{name}: left out, {asked.data / DATASETS[name].events} is not there", file=sys.stderr)
    rows = [json.loads(path.read_text()) for path in sorted(asked.rows.glob("*.json"))]
    if asked.plot:
        asked.plot.write_text(plot({name: [row for row in rows if row["data"] == name] for name in asked.data_sets}))
    print(json.dumps(rows, indent=2) if asked.json else "\n".join(markdown(name, rows) for name in asked.data_sets))


def measure(name: str, asked: argparse.Namespace) -> None:
    """A file in ``asked.rows`` for each method on this data set that has none."""
    possible = [*OURS, *(METHODS if asked.peers_python else ())]
    wanted = [one for one in asked.only or possible if one in possible]
    missing = [one for one in wanted if not _row_file(asked.rows, name, one).exists()]
    if not missing:
        return
    split = DATASETS[name].split(asked.data)
    with TemporaryDirectory(prefix="tailorbird-peers-") as folder:
        handed = Path(folder) / "split.npz"
        hand_over(split, handed)
        for method in missing:
            print(f"{name}, {method} ...", file=sys.stderr, flush=True)
            began = time.perf_counter()
            row = _ours_apart(name, method, asked) if method in OURS else theirs(method, handed, asked)
            row = {"data": name, "split_sha256": split.sha256, "cases": len(split.test), "method": method, **row}
            _row_file(asked.rows, name, method).write_text(json.dumps(row, indent=2))
            print(f"  {row.get('failed') or row['tuned']}, {time.perf_counter() - began:.0f} s", file=sys.stderr)


def ours(name: str, split: Split) -> Row:
    """One of our models in this process: by its defaults, then tuned as ``tailorbird evaluate`` does it."""
    model: Any = retriever_factories((name,), split)[name]()
    fit_seconds = -time.process_time()
    model.fit(split.train, split.catalogue)
    fit_seconds += time.process_time()
    default = figures(ranks(model, split.test, split, k=10))
    query_ms = _query_cpu_ms(model, split.test)
    peak, tries, tune_seconds, chosen = peak_mb(), 0, -time.process_time(), {}

    def counted(*args: Any, **options: Any) -> Placements:
        nonlocal tries
        tries += 1
        return ranks(*args, **options)

    if name in SEARCHES:
        model, chosen = choose(name, model, split, counted)
    tune_seconds += time.process_time()
    return {
        "library": f"tailorbird {__version__}",
        "default": default,
        "tuned": figures(ranks(model, split.test, split, k=10)) if chosen else default,
        "fit_cpu_seconds": {"default": fit_seconds, "tuned": fit_seconds},
        "tune_cpu_seconds": tune_seconds,
        "query_cpu_ms": query_ms,
        "tries": tries,
        "setting": chosen,
        "peak_mb": peak,
        "peak_mb_tuning": peak_mb(),
    }


def theirs(method: str, handed: Path, asked: argparse.Namespace) -> Row:
    """What another library's method says in its own process, or the last line of why it failed."""
    out = handed.with_name(f"{method}.npz")
    command = [asked.peers_python, str(WORKER), str(handed), method, str(out), f"--tune-seconds={asked.tune_seconds}"]
    done = subprocess.run(command, env={**os.environ, **THREADS}, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        return {"library": METHODS[method].library, "failed": said[-1]}
    with np.load(out, allow_pickle=False) as found:
        worth = {which: figures(_placed(found[which])) for which in ("default", "tuned")}
    return {**json.loads(done.stdout.splitlines()[-1]), **worth}


def hand_over(split: Split, path: Path) -> None:
    """Write train and both sets of questions as plain numbers."""
    arrays: dict[str, Any] = {"users": split.train.users, "items": split.train.items}
    for name, cases in (("validation", split.validation.sample(5_000, seed=3)), ("test", split.test)):
        histories = [cases.history(case).items for case in range(len(cases))]
        arrays[f"{name}_starts"] = np.cumsum([0, *map(len, histories)])
        arrays[f"{name}_items"] = np.concatenate(histories)
        arrays[f"{name}_answers"] = cases.answers
    np.savez(path, **arrays, n_users=split.train.n_users, n_items=split.n_items)


def figures(placements: Placements) -> dict[str, float]:
    """What the table shows of a ranking."""
    return {"hr@10": placements.hit_rate(10), "ndcg@10": placements.ndcg(10)}


def markdown(name: str, rows: list[Row]) -> str:
    """The table of one data set, best first."""
    mine = sorted((row for row in rows if row["data"] == name), key=lambda row: -row.get("tuned", {}).get("ndcg@10", 0))
    if not mine:
        return f"### {name}\n\nNothing was measured.\n"
    columns = "tuned HR@10|NDCG@10|default HR@10|NDCG@10|fit CPU s|tuning CPU s|tries|query CPU ms|peak MB|chosen"
    lines = [
        f"### {name}, split `{mine[0]['split_sha256'][:16]}`, {mine[0]['cases']:,} people",
        "",
        f"| library | method | {columns.replace('|', ' | ')} |",
        "|---|---" * 6 + "|",
        *map(_line, mine),
    ]
    return "\n".join([*lines, ""])


def _line(row: Row) -> str:
    library, method = row["library"], row["method"].removeprefix(f"{row['library'].split()[0]}-")
    if "failed" in row:
        return f"| {library} | {method} | not measured: {row['failed']}" + " |" * 10
    worth = [f"{row[which][metric]:.4f}"[1:] for which in ("tuned", "default") for metric in ("hr@10", "ndcg@10")]
    cost = [
        f"{row['fit_cpu_seconds']['tuned']:.1f}",
        f"{row['tune_cpu_seconds']:.1f}",
        f"{row['tries']}",
        f"{row['query_cpu_ms']:.2f}",
        f"{row['peak_mb']:.0f}",
    ]
    chosen = ", ".join(f"{setting} {value}" for setting, value in row["setting"].items())
    return f"| {' | '.join([library, method, *worth, *cost, chosen])} |"


def _ours_apart(name: str, method: str, asked: argparse.Namespace) -> Row:
    """`ours` in a process of its own."""
    command = [sys.executable, __file__, str(asked.data), "--data-sets", name, "--one", method]
    done = subprocess.run(command, env={**os.environ, **THREADS}, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{method} on {name} failed with exit code {done.returncode}.")
    row: Row = json.loads(done.stdout)
    return row


def _query_cpu_ms(model: Any, cases: Cases) -> float:
    """Mean CPU milliseconds to list the `LENGTH` best items that are not in the query."""
    asked = [(Request(surface="home", at=float(cases.at[case])), cases.history(case)) for case in range(len(cases))]
    began = time.process_time()
    for request, history in asked:
        found, _ = model.retrieve(request, history, LENGTH + len(history))
        found[~np.isin(found, history.items)][:LENGTH]
    return (time.process_time() - began) * 1e3 / len(asked)


def _placed(found: NDArray[Any]) -> Placements:
    """Ranks of one answer per case as our metrics take them."""
    return Placements(found, np.arange(len(found) + 1), np.empty((len(found), 0), np.int32))


def _row_file(rows: Path, name: str, method: str) -> Path:
    return rows / f"{name}.{method}.json"


def _asked() -> argparse.Namespace:
    def names(text: str) -> list[str]:
        return [name for name in text.split(",") if name]

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder that holds the data sets")
    parser.add_argument("--rows", type=Path, default=Path("peers-rows"), help="the folder that keeps what was measured")
    parser.add_argument("--peers-python", help="an interpreter that has implicit, rectools and lenskit")
    parser.add_argument("--data-sets", type=names, default=[*DATASETS], help="names, separated by commas")
    parser.add_argument("--only", type=names, default=[], help="methods to measure, in this order, separated by commas")
    parser.add_argument("--tune-seconds", type=float, default=300.0, help="CPU seconds after which a peer stops trying")
    parser.add_argument("--plot", type=Path, help="where to draw quality against CPU seconds")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of tables")
    parser.add_argument("--one", choices=OURS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    unknown = [*(set(asked.data_sets) - {*DATASETS}), *(set(asked.only) - {*OURS, *METHODS})]
    if unknown:
        known = ", ".join([*DATASETS, *OURS, *METHODS])
        parser.error(f"nothing is called {', '.join(sorted(unknown))}; there are {known}")
    return asked


if __name__ == "__main__":
    main()
