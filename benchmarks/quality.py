"""How good the models are on public data sets, with the command that measures each.

Usage: ``python benchmarks/quality.py DATA_DIR [--only NAME,...] [--json]``. DATA_DIR holds the folders named in `RUNS`;
one that is not there is named and left out. Every run is one ``tailorbird evaluate`` in its own process on one thread,
so that a row can be repeated by pasting its command, and what one model leaves in memory is not another's.

Tables go to stdout as Markdown, or everything as one JSON document; progress goes to stderr.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

THREADS: Final = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
CHANNELS: Final = "popular,trending,covisitation,item-knn,ease,ials"
COLUMNS: Final = {
    "hr@10": "HR@10",
    "ndcg@10": "NDCG@10",
    "interval": "95%",
    "recall@20": "recall@20",
    "mrr@20": "MRR@20",
    "coverage@10": "coverage@10",
    "fit_cpu_seconds": "fit CPU s",
    "query_ms": "query ms",
}
"""Of a row, and what it is called above the table; the interval is that of NDCG@10."""


@dataclass(frozen=True)
class Run:
    """One table: what it is called, the files under the data directory, and the rest of the command."""

    name: str
    events: str
    options: str
    items: str | None = None

    def command(self, data: Path) -> list[str]:
        """What to run, without the program."""
        described = ["--items", str(data / self.items)] if self.items else []
        return ["evaluate", str(data / self.events), *described, *self.options.split()]


BEAUTY: Final = ("seq-beauty/sequences.parquet", "seq-beauty/item_attributes.parquet")
ML_1M: Final = ("movielens-1m/ratings.parquet", "movielens-1m/movies.parquet")
ML_1M_MAP: Final = "--map user_id=user_id,item_id=movie_id,at=time_rank,categories=genres"
ML_100K: Final = "movielens-100k/ratings.parquet"
RETAIL: Final = "uci-online-retail/transactions.parquet"
RETAIL_MAP: Final = "--map user_id=CustomerID,item_id=StockCode,at=InvoiceDate"
DIGINETICA: Final = "diginetica/sessions_remapped.parquet"
DIGINETICA_MAP: Final = "--map user_id=session,item_id=item,at=position --protocol next-in-session"
YOOCHOOSE: Final = "yoochoose-100k-clicks/clicks.parquet"
YOOCHOOSE_MAP: Final = "--map user_id=SessionId,item_id=ItemId,at=Time --protocol next-in-session"
NEIGHBOURS: Final = "popular,covisitation,item-knn,v-sknn,user-knn"
RECIPE: Final = (
    "--models v-sknn --set v-sknn.steepness=1 --set v-sknn.source_exponent=0 --set v-sknn.nearness=none --no-tune"
)
GAMES: Final = "seq-video-games-sasrec/sequences.parquet"
GROCERY: Final = ("amazon-grocery/interactions.parquet", "amazon-grocery/items.parquet")
GLOBO: Final = "globo-news-clicks/clicks.parquet"
GLOBO_MAP: Final = "--map item_id=click_article_id,at=click_timestamp"
ITEMS: Final = "content,cold-items"
NEURAL: Final = "sasrec,two-tower,lightgcn"
TIMED: Final = "popular,trending,covisitation,item-knn,user-knn,ease,ials"
NEWS: Final = "popular,trending,covisitation,item-knn,v-sknn"
ML_1M_MODELS: Final = "popular,covisitation,item-knn,v-sknn,user-knn,ease,ials,content,sasrec,two-tower,ranker,slates"
ML_1M_SASREC: Final = "--set sasrec.negatives=1024 --set sasrec.epochs=24 --set sasrec.attributes=false"

RUNS: Final = (
    Run("beauty-strict", BEAUTY[0], f"--map at=position --models {CHANNELS},content,ranker", BEAUTY[1]),
    Run("beauty-refit", BEAUTY[0], f"--map at=position --models {CHANNELS},content --refit", BEAUTY[1]),
    Run("beauty-ease-plain", BEAUTY[0], "--map at=position --models ease --set ease.half_life=none --refit --no-tune"),
    Run("beauty-ease-recency", BEAUTY[0], "--map at=position --models ease --set ease.half_life=3 --refit --no-tune"),
    Run("movielens-1m-strict", ML_1M[0], f"{ML_1M_MAP} --models {CHANNELS},content,ranker", ML_1M[1]),
    Run("movielens-1m-refit", ML_1M[0], f"{ML_1M_MAP} --models {CHANNELS},content --refit", ML_1M[1]),
    Run("movielens-100k-refit", ML_100K, f"--map at=timestamp --models {CHANNELS} --refit"),
    Run("movielens-100k-time", ML_100K, f"--map at=timestamp --models {CHANNELS} --protocol time-split --refit"),
    Run("online-retail-time", RETAIL, f"{RETAIL_MAP} --models {CHANNELS} --protocol time-split --refit"),
    Run(
        "online-retail-session",
        RETAIL,
        f"{RETAIL_MAP},session_id=InvoiceNo --models {CHANNELS} --protocol next-in-session --users 5000",
    ),
    Run("diginetica-session", DIGINETICA, f"{DIGINETICA_MAP} --models {NEIGHBOURS}"),
    Run("diginetica-session-recipe", DIGINETICA, f"{DIGINETICA_MAP} {RECIPE}"),
    Run("yoochoose-session", YOOCHOOSE, f"{YOOCHOOSE_MAP} --models {NEIGHBOURS}"),
    Run("yoochoose-session-recipe", YOOCHOOSE, f"{YOOCHOOSE_MAP} {RECIPE}"),
    Run("movielens-100k-neighbours", ML_100K, f"--map at=timestamp --models {NEIGHBOURS} --refit"),
    Run(
        "beauty-all",
        BEAUTY[0],
        f"--map at=position --models {NEIGHBOURS},ease,ials,{ITEMS},{NEURAL},ranker,slates",
        BEAUTY[1],
    ),
    Run("movielens-1m-all", ML_1M[0], f"{ML_1M_MAP} --models {ML_1M_MODELS} {ML_1M_SASREC}", ML_1M[1]),
    Run("video-games-all", GAMES, f"--map at=position --models {NEIGHBOURS},ials,{NEURAL},ranker,slates"),
    Run(
        "grocery-links",
        GROCERY[0],
        f"--map at=time --models {NEIGHBOURS},trending,ease,ials,content,ranker",
        GROCERY[1],
    ),
    Run("grocery", GROCERY[0], f"--map at=time --models {NEIGHBOURS},trending,ease,ials,{NEURAL},ranker,slates"),
    Run("diginetica-ranker", DIGINETICA, f"{DIGINETICA_MAP} --models {NEIGHBOURS},ranker --users 10000"),
    Run("yoochoose-ranker", YOOCHOOSE, f"{YOOCHOOSE_MAP} --models {NEIGHBOURS},ranker"),
    Run(
        "movielens-100k-time-ranker",
        ML_100K,
        f"--map at=timestamp --protocol time-split --models {TIMED},v-sknn,ranker",
    ),
    Run("online-retail-time-ranker", RETAIL, f"{RETAIL_MAP} --protocol time-split --models {TIMED},ranker"),
    Run("movielens-100k-replay", ML_100K, f"--map at=timestamp --protocol replay --models {TIMED},v-sknn,ranker"),
    Run("online-retail-replay", RETAIL, f"{RETAIL_MAP} --protocol replay --models {TIMED},ranker"),
    Run("globo-replay", GLOBO, f"{GLOBO_MAP} --protocol replay --models {NEWS},ranker --users 3000"),
    Run("globo-time-ranker", GLOBO, f"{GLOBO_MAP} --protocol time-split --models {NEWS},ranker --users 3000"),
)


def main() -> None:
    """Run what was asked for and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder that holds the data sets")
    parser.add_argument("--only", default="", help="names of runs, separated by commas")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of tables")
    asked = parser.parse_args()
    wanted = {name for name in asked.only.split(",") if name} or {run.name for run in RUNS}
    unknown = wanted - {run.name for run in RUNS}
    if unknown:
        parser.error(f"no run is called {', '.join(sorted(unknown))}; there are {', '.join(run.name for run in RUNS)}")
    reports = {run.name: measure(run, asked.data) for run in RUNS if run.name in wanted}
    done = {name: report for name, report in reports.items() if report is not None}
    print(json.dumps(done, indent=2) if asked.json else "\n".join(markdown(name, done[name]) for name in done))


def measure(run: Run, data: Path) -> dict[str, Any] | None:
    """The report of one run with its command, or None where its data is not there.

    Raises:
        SystemExit: the command failed; what it said is on stderr.
    """
    if not (data / run.events).exists():
        print(f"{run.name}: left out, {data / run.events} is not there", file=sys.stderr)
        return None
    print(f"{run.name} ...", file=sys.stderr, flush=True)
    began = time.perf_counter()
    program = [sys.executable, "-m", "tailorbird"]
    done = subprocess.run(
        [*program, *run.command(data), "--json"], env={**os.environ, **THREADS}, stdout=subprocess.PIPE, check=False
    )
    if done.returncode:
        raise SystemExit(f"{run.name} failed with exit code {done.returncode}.")
    shown = " ".join(["tailorbird", *run.command(Path("DATA"))])
    return {"command": shown, "wall_seconds": round(time.perf_counter() - began, 1), **json.loads(done.stdout)}


def markdown(name: str, report: dict[str, Any]) -> str:
    """One table with what it is about above it."""
    data, protocol = report["data"], report["protocol"]
    lines = [
        f"### {name}",
        "",
        f"`{report['command']}`",
        "",
        f"{protocol['name']}, fitted on {protocol['fitted_on']}; {data['users']:,} users, {data['items']:,} items, "
        f"{data['interactions']:,} interactions, {data['test_cases']:,} cases"
        f"{', of which ' + str(protocol['sampled_cases']) + ' sampled' if protocol['sampled_cases'] else ''}; "
        f"times: {data['times']}; split `{data['split_sha256'][:16]}`; {report['wall_seconds']} s in all.",
        "",
        f"| model | {' | '.join(COLUMNS.values())} | chosen |",
        "|---|" + "---|" * (len(COLUMNS) + 1),
    ]
    for row in report["results"]:
        if "skipped" in row:
            lines.append(f"| {row['model']} | {row['skipped']} |" + " |" * len(COLUMNS))
        else:
            cells = " | ".join(_cell(name, row) for name in COLUMNS)
            lines.append(f"| {row['model']} | {cells} | {_chosen(row['params'])} |")
    return "\n".join([*lines, ""])


def _cell(name: str, row: dict[str, Any]) -> str:
    """One figure: four digits of a metric, its interval, and what it took."""
    if name == "interval":
        bounds = row["intervals"].get("ndcg@10")
        return " to ".join(_four(bound) for bound in bounds) if bounds else ""
    value = row[name]
    if value is None:
        return ""
    return f"{value:.1f}" if name == "fit_cpu_seconds" else f"{value:.2f}" if name == "query_ms" else _four(value)


def _four(value: float) -> str:
    """Four digits without the zero before the point."""
    return f"{value:.4f}".removeprefix("0")


def _chosen(params: dict[str, Any]) -> str:
    """The settings in short."""
    short = {"half_life_days": "half-life, days", "half_life": "half-life"}
    parts = ((short.get(name, name.removesuffix("_exponent")), value) for name, value in params.items())
    return ", ".join(f"{name} {'none' if value is None else f'{value:.3g}'}" for name, value in parts)


if __name__ == "__main__":
    main()
