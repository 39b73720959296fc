"""How well items that nobody has touched are found: `content` against `cold-items`, with a tenth of the items hidden.

Usage: ``python benchmarks/cold_items.py DATA_DIR [--only NAME,...] [--json]``. DATA_DIR holds the folders named in
`SETS`; one that is not there is named and left out.

A tenth of the items with an interaction, drawn by a seed, lose all their interactions; their descriptions stay. People
who took some of them up are asked for them, in two ways:

- *whole*: whoever has a hidden item and another one is asked once, knowing all the others, for all hidden ones
  together; models are fitted on every interaction with an item that is not hidden. This is the usual protocol of the
  cold-start literature (Monteil et al., 2024, among others). It knows what people did after they met the hidden items.
- *last*: everybody is asked for the last hidden item they met, knowing what they took up before it, and nothing that
  they did from then on is fitted on. Whoever had met that very item before is left out.

Ranked are the hidden items alone, and then all items; never what else the person took up, before or after. Equal scores
share their rank. Half-lives (and what texts weigh) are chosen, for either model, by the same protocol on another tenth
of the items, hidden from a fit of their own, with NDCG@10 among the hidden; then the model is fitted again with the
choice. The test items choose nothing. With ``--encoder FOLDER``, one that `tailorbird models encoder` wrote, both
models also read the texts' vectors. `ratio` is that of the NDCG@10; its interval resamples people, both models in the
same draws.

Tables go to stdout as Markdown, or everything as one JSON document; progress goes to stderr.
"""

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq

from tailorbird.backends.embeddings import Remembered
from tailorbird.catalogue import Catalogue
from tailorbird.ingest.items import parse_item
from tailorbird.learning.interactions import Dataset, read_dataset
from tailorbird.learning.intervals import interval, resampled
from tailorbird.learning.metrics import Placements, Worth, place
from tailorbird.learning.tuning import SEARCHES, climb, with_settings
from tailorbird.protocols import TextEncoder
from tailorbird.retrieval import RETRIEVERS
from tailorbird.retrieval.deep.text_encoder import LocalEncoder
from tailorbird.types import BoolArray, History, IntArray, Interactions, Request

MODELS: Final = ("content", "cold-items")
ASKED: Final = ("whole", "last")
HIDDEN_SHARE: Final = 0.1
REQUEST: Final = Request(surface="home", at=0.0)
K: Final = 10
_TIMED: Final = 300
_LIMIT: Final = 100
_VALIDATION_CASES: Final = 3_000

Row = Mapping[str, Any]


def as_they_are(folder: Path, file: str) -> Iterator[Row]:
    """The rows of one table of items."""
    return iter(pq.read_table(folder / file).to_pylist())


def beauty_items(folder: Path) -> Iterator[Row]:
    """Numbers that stand for categories and brands."""
    return as_they_are(folder, "item_attributes.parquet")


def film_items(folder: Path) -> Iterator[Row]:
    """Titles, genres and years."""
    for row in as_they_are(folder, "movies.parquet"):
        genres = row["genres"].split("|")
        yield {"item_id": row["movie_id"], "title": row["title"], "genre": genres, "year": row["year"]}


def film_items_in_full(folder: Path) -> Iterator[Row]:
    """The same with people, rating and plot."""
    more = {row["movie_id"]: row for row in as_they_are(folder, "movies_extra.parquet")}
    for row in film_items(folder):
        known = more.get(row["item_id"], {})
        names = {kind: (known.get(kind) or "").split(", ") for kind in ("director", "writer", "actors")}
        yield {**row, **names, "rated": known.get("rated"), "description": known.get("plot") or ""}


def grocery_items(folder: Path) -> Iterator[Row]:
    """The category. Which items were bought or viewed together is left out: that is no description of a new item."""
    for row in as_they_are(folder, "items.parquet"):
        yield {"item_id": row["item_id"], "category": row["i_category"]}


@dataclass(frozen=True)
class DataSet:
    """Where the interactions are, which columns they have, and how the items are described."""

    name: str
    events: str
    mapping: Mapping[str, str]
    items: Callable[[Path], Iterator[Row]]

    def read(self, data: Path) -> Dataset:
        """The interactions, with a described catalogue."""
        found = read_dataset(data / self.events, mapping=self.mapping)
        for row in self.items((data / self.events).parent):
            found.catalogue.upsert(parse_item({name: value for name, value in row.items() if value is not None}))
        return found


_RATINGS: Final = {"user_id": "user_id", "item_id": "movie_id", "at": "time_rank"}

SETS: Final = (
    DataSet("seq-beauty", "seq-beauty/sequences.parquet", {"at": "position"}, beauty_items),
    DataSet("movielens-1m", "movielens-1m/ratings.parquet", _RATINGS, film_items),
    DataSet("movielens-1m, in full", "movielens-1m/ratings.parquet", _RATINGS, film_items_in_full),
    DataSet("amazon-grocery", "amazon-grocery/interactions.parquet", {"at": "time"}, grocery_items),
)


@dataclass
class Questions:
    """What to fit on, and who is asked for what; see the top of this file. ``taken`` are all items of the person."""

    train: Interactions
    hidden: BoolArray
    persons: list[int] = field(default_factory=list)
    histories: list[History] = field(default_factory=list)
    answers: list[IntArray] = field(default_factory=list)
    taken: list[IntArray] = field(default_factory=list)

    @classmethod
    def of(cls, log: Interactions, hidden: BoolArray, asked: str) -> "Questions":
        """``hidden`` (n_items,) lose their interactions in ``log``."""
        order, starts = log.by_user()
        log = log.take(order)
        known = ~hidden[log.items]
        made = cls(log, hidden)
        for person, (begin, end) in enumerate(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)):
            rows = np.arange(begin, end)
            met = rows[~known[rows]]
            if not len(met):
                continue
            until = end if asked == "whole" else int(met[-1])
            before = rows[known[rows] & (rows < until)]
            answers = np.unique(log.items[met]) if asked == "whole" else log.items[met[-1:]]
            if asked == "last":
                known[until:end] = False
            if len(before) and (asked == "whole" or log.items[until] not in log.items[begin:until]):
                made.persons.append(person)
                made.histories.append(
                    History(log.items[before], log.at[before], log.weights[before], log.bought[before])
                )
                made.answers.append(answers)
                made.taken.append(log.items[rows])
        made.train = log.take(known)
        return made

    def __len__(self) -> int:
        return len(self.persons)

    def first(self, n: int) -> "Questions":
        """At most ``n`` of them, drawn by a fixed seed."""
        if n >= len(self):
            return self
        drawn = np.sort(np.random.default_rng(3).choice(len(self), n, replace=False)).tolist()
        columns = ([column[at] for at in drawn] for column in (self.persons, self.histories, self.answers, self.taken))
        return Questions(self.train, self.hidden, *columns)

    def sha256(self, data: Dataset) -> str:
        """Names the test answers, as the splits of ``evaluate`` do: sorted lines of person and item."""
        pairs = zip(self.persons, self.answers, strict=True)
        lines = [f"{data.user_ids[person]},{data.catalogue.ids[item]}\n" for person, some in pairs for item in some]
        return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


@dataclass(frozen=True)
class Outcome:
    """What one model came to among the hidden items and among all."""

    model: str
    half_life: float | None
    hidden: Placements
    everything: Placements
    fit_cpu_seconds: float
    query_ms: float

    def row(self) -> dict[str, Any]:
        """As it stands in the JSON."""
        return {
            "model": self.model,
            "half_life": self.half_life,
            "hidden": {f"hr@{K}": self.hidden.hit_rate(K), f"ndcg@{K}": self.hidden.ndcg(K)},
            "all": {f"hr@{K}": self.everything.hit_rate(K), f"ndcg@{K}": self.everything.ndcg(K)},
            "fit_cpu_seconds": round(self.fit_cpu_seconds, 2),
            "query_ms": round(self.query_ms, 3),
        }


def main() -> None:
    """Run what was asked for and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder that holds the data sets")
    parser.add_argument("--only", default="", help="names of data sets, separated by semicolons")
    parser.add_argument("--seed", type=int, default=1, help="draws the hidden items")
    parser.add_argument("--encoder", type=Path, help="a folder with a text encoder")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of tables")
    told = parser.parse_args()
    wanted = {name for name in told.only.split(";") if name} or {one.name for one in SETS}
    unknown = wanted - {one.name for one in SETS}
    if unknown:
        parser.error(f"no set is called {', '.join(sorted(unknown))}; there are {'; '.join(one.name for one in SETS)}")
    encoder = None if told.encoder is None else Remembered(LocalEncoder(told.encoder), told.encoder)
    reports = []
    for one in SETS:
        if one.name in wanted and not (told.data / one.events).exists():
            print(f"{one.name}: left out, {told.data / one.events} is not there", file=sys.stderr)
        elif one.name in wanted:
            data = one.read(told.data)
            for asked in ASKED:
                reports.append(measure(one.name, data, asked, told.seed, encoder))
                print(markdown(reports[-1:]), file=sys.stderr, flush=True)
    print(json.dumps(reports, indent=2) if told.json else markdown(reports))


def measure(name: str, data: Dataset, asked: str, seed: int, encoder: TextEncoder | None) -> dict[str, Any]:
    """Hide, choose, fit and ask, for both models."""
    print(f"{name}, {asked} ...", file=sys.stderr, flush=True)
    draw = np.random.default_rng(seed)
    log = data.interactions
    hidden = drawn(log, draw)
    test = Questions.of(log, hidden, asked)
    validation = Questions.of(test.train, drawn(test.train, draw), asked).first(_VALIDATION_CASES)
    outcomes = [outcome(model, test, validation, data.catalogue, encoder) for model in MODELS]
    content, cold = outcomes
    return {
        "data": name,
        "asked": asked,
        "encoder": encoder.name if encoder else None,
        "people": log.n_users,
        "items": log.n_items,
        "hidden_items": int(hidden.sum()),
        "cases": len(test),
        "answers_sha256": test.sha256(data),
        "results": [one.row() for one in outcomes],
        "ratio": {
            "hidden": ratio(content.hidden, cold.hidden, test),
            "all": ratio(content.everything, cold.everything, test),
        },
    }


def drawn(log: Interactions, draw: np.random.Generator) -> BoolArray:
    """Which items are hidden: a tenth of those with an interaction; shape (n_items,)."""
    touched = np.unique(log.items)
    hidden = np.zeros(log.n_items, np.bool_)
    hidden[draw.choice(touched, round(HIDDEN_SHARE * len(touched)), replace=False)] = True
    return hidden


def outcome(
    name: str, test: Questions, validation: Questions, catalogue: Catalogue, encoder: TextEncoder | None
) -> Outcome:
    """One model: its half-life by the validation items, then its places of the test items."""
    kind: Any = RETRIEVERS[name]
    model = kind()
    model.encoder = encoder
    model.fit(validation.train, catalogue)

    def worth(settings: dict[str, Any]) -> float:
        return placements(with_settings(model, settings), validation, among_hidden=True).ndcg(K)

    axes = {axis: values for axis, values in SEARCHES[name].items() if axis != "text" or encoder}
    chosen = climb(axes, {axis: getattr(model.config, axis) for axis in axes}, worth)
    began = time.process_time()
    model = kind(kind.Config(**chosen))
    model.encoder = encoder
    model.fit(test.train, catalogue)
    seconds = time.process_time() - began
    hidden, everything = (placements(model, test, among_hidden=among) for among in (True, False))
    return Outcome(name, chosen["half_life"], hidden, everything, seconds, query_ms(model, test))


def placements(model: Any, questions: Questions, *, among_hidden: bool) -> Placements:
    """Where the model puts the answers of each question."""
    n_items = len(questions.hidden)
    every = np.arange(n_items, dtype=np.int32)
    starts = np.concatenate(([0], np.cumsum([len(answers) for answers in questions.answers])))
    ranks, shown, best = np.empty(starts[-1]), np.empty((len(questions), K), np.int32), np.empty(K)
    for case, (history, answers, taken) in enumerate(
        zip(questions.histories, questions.answers, questions.taken, strict=True)
    ):
        scores = np.asarray(model.score(REQUEST, history, every))
        asked = scores[answers]
        scores[taken] = -np.inf
        if among_hidden:
            scores[~questions.hidden] = -np.inf
        scores[answers] = asked
        place(scores, answers, ranks[starts[case] : starts[case + 1]], shown[case], best)
    return Placements(ranks, starts, shown)


def query_ms(model: Any, questions: Questions) -> float:
    """Mean milliseconds to find a hundred candidates."""
    histories = questions.histories[:_TIMED]
    began = time.perf_counter()
    for history in histories:
        model.retrieve(REQUEST, history, _LIMIT)
    return (time.perf_counter() - began) * 1e3 / len(histories)


def ratio(before: Placements, after: Placements, questions: Questions) -> dict[str, float]:
    """How many times the NDCG of ``before`` the other has, with the interval of 95%."""
    worths: list[Worth] = [before.gains(K), after.gains(K)]
    figures = resampled(worths, np.array(questions.persons))
    low, high = interval(figures[:, 1] / figures[:, 0]) or (float("nan"), float("nan"))
    return {"value": after.ndcg(K) / before.ndcg(K), "low": low, "high": high}


def markdown(reports: list[dict[str, Any]]) -> str:
    """One table over all of them."""
    lines = [
        "| data | asked | cases | model | hidden: HR@10 | NDCG@10 | ratio | all: HR@10 | NDCG@10 | ratio | half-life |"
        " fit CPU s | query ms |",
        "|---|---|--:|---|--:|--:|---|--:|--:|---|--:|--:|--:|",
    ]
    for report in reports:
        for place_, row in enumerate(report["results"]):
            times = [times_of(report["ratio"][among]) if place_ else "" for among in ("hidden", "all")]
            half_life = "none" if row["half_life"] is None else f"{row['half_life']:g}"
            lines.append(
                f"| {report['data']} | {report['asked']} | {report['cases']:,} | {row['model']}"
                f" | {row['hidden']['hr@10']:.4f} | {row['hidden']['ndcg@10']:.4f} | {times[0]}"
                f" | {row['all']['hr@10']:.4f} | {row['all']['ndcg@10']:.4f} | {times[1]}"
                f" | {half_life} | {row['fit_cpu_seconds']:.1f} | {row['query_ms']:.2f} |"
            )
    return "\n".join(lines)


def times_of(found: Mapping[str, float]) -> str:
    """A ratio with its interval."""
    return f"{found['value']:.2f} ({found['low']:.2f} to {found['high']:.2f})"


if __name__ == "__main__":
    main()
