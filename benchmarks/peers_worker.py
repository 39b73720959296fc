"""One method of another library on one split; runs in an interpreter that has the library and not Tailorbird.

Usage: ``python benchmarks/peers_worker.py SPLIT.npz METHOD OUT.npz``, as `peers.py` calls it. The split holds train and
two sets of questions (validation, test); OUT gets the rank of every test answer, by the library's defaults (or what is
nearest to them, see `METHODS`) and by the setting that was best on validation; what it cost goes to stdout as JSON.

A method is asked as its documentation shows, for the fifty best new items of each question, in one call where the
library takes many people at once; importing it is not timed. Equal scores share their rank as far as the fifty show
them; beyond, and where a library pads its list with scores of 0, the answer counts as not found. Peak memory is read
from Linux.
"""

import argparse
import importlib.metadata
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy import sparse

Array = np.ndarray[Any, Any]
Setting = Mapping[str, Any]
Lists = tuple[Array, Array]
"""Items and their scores, both (n questions, at most `LENGTH`), best first; a place without an item has item -1."""

LENGTH: Final = 50
TOP: Final = 10


@dataclass(frozen=True)
class Questions:
    """n queries, ``items[starts[q]:starts[q + 1]]`` oldest first, and their one right answer each."""

    starts: Array
    items: Array
    answers: Array
    n_items: int

    def __len__(self) -> int:
        return len(self.answers)

    def rows(self) -> Array:
        """The question of each item of the queries."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def matrix(self, half_life: float | None = None) -> Any:
        """Queries as a sparse matrix (n, n_items) of ones, or of weights that halve every ``half_life`` items back."""
        back = np.repeat(self.starts[1:], np.diff(self.starts)) - 1 - np.arange(len(self.items))
        weights = np.ones(len(self.items)) if half_life is None else 0.5 ** (back / half_life)
        return sparse.csr_matrix((weights.astype(np.float32), (self.rows(), self.items)), (len(self), self.n_items))


@dataclass(frozen=True)
class Train:
    """Who took which item, oldest first; numbers without gaps."""

    users: Array
    items: Array
    n_users: int
    n_items: int

    def matrix(self) -> Any:
        """People by items, how often; shape (n_users, n_items)."""
        ones = np.ones(len(self.users), np.float32)
        return sparse.csr_matrix((ones, (self.users, self.items)), (self.n_users, self.n_items))


Lister = Callable[[Questions], Lists]


@dataclass(frozen=True)
class Method:
    """How to fit, and the settings to try: the first are the library's defaults."""

    library: str
    fit: Callable[[Train, Setting], Lister]
    settings: Sequence[Setting]


def main() -> None:
    """Measure the method; see the top of this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("split", type=Path)
    parser.add_argument("method", choices=METHODS)
    parser.add_argument("out", type=Path)
    parser.add_argument("--tune-seconds", type=float, default=300.0, help="no setting is begun after these CPU seconds")
    asked = parser.parse_args()
    with np.load(asked.split, allow_pickle=False) as stored:
        arrays = dict(stored)
    train = Train(arrays["users"], arrays["items"], int(arrays["n_users"]), int(arrays["n_items"]))
    validation, test = (_questions(arrays, name) for name in ("validation", "test"))
    report, ranks = measured(METHODS[asked.method], train, validation, test, asked.tune_seconds)
    np.savez(asked.out, default=ranks[0], tuned=ranks[1])
    print(json.dumps(report))


def measured(
    method: Method, train: Train, validation: Questions, test: Questions, tune_seconds: float
) -> tuple[dict[str, Any], tuple[Array, Array]]:
    """What the method cost, and the ranks of the test answers by the defaults and by the best setting."""
    _warm(method)
    default_cost, lister = _fitted(method, train, method.settings[0])
    began = time.process_time()
    by_default = ranks_in(lister(test), test.answers)
    query_seconds = time.process_time() - began
    peak = peak_mb()
    best, best_cost, best_worth, tries = 0, default_cost, -1.0, 0
    tuning = time.process_time()
    kept = lister
    for n, setting in enumerate(method.settings):
        if n and default_cost + time.process_time() - tuning > tune_seconds:
            break
        cost, lister = (default_cost, kept) if n == 0 else _fitted(method, train, setting)
        worth, tries = ndcg(ranks_in(lister(validation), validation.answers)), tries + 1
        if worth > best_worth:
            best, best_cost, best_worth, kept = n, cost, worth, lister
    tune_seconds = default_cost + time.process_time() - tuning
    report = {
        "library": f"{method.library} {importlib.metadata.version(method.library)}",
        "fit_cpu_seconds": {"default": default_cost, "tuned": best_cost},
        "tune_cpu_seconds": tune_seconds,
        "query_cpu_ms": 1e3 * query_seconds / len(test),
        "tries": tries,
        "setting": dict(method.settings[best]),
        "peak_mb": peak,
        "peak_mb_tuning": peak_mb(),
    }
    return report, (by_default, by_default if best == 0 else ranks_in(kept(test), test.answers))


def _warm(method: Method) -> None:
    """Use the method once on a hundred made-up people, so that neither imports nor compilation are timed."""
    draw, n = np.random.default_rng(1), 100
    items = np.concatenate([draw.permutation(n)[:10] for _ in range(n)])
    train = Train(np.repeat(np.arange(n), 10), items, n, n)
    method.fit(train, method.settings[0])(Questions(np.arange(0, 10 * n + 1, 10), items, np.zeros(n, int), n))


def _fitted(method: Method, train: Train, setting: Setting) -> tuple[float, Lister]:
    """CPU seconds of a fit, all threads together, and what came of it."""
    began = time.process_time()
    lister = method.fit(train, setting)
    return time.process_time() - began, lister


def ranks_in(lists: Lists, answers: Array) -> Array:
    """The rank of each answer in its list, ties averaged; infinite where it is not in it."""
    items, scores = lists[0], lists[1].astype(np.float64)
    scores[(items < 0) | (scores == 0.0) | (scores < -1e30)] = np.nan
    at = (items == answers[:, None]) & np.isfinite(scores)
    found = at.any(axis=1)
    mine = scores[np.arange(len(answers)), at.argmax(axis=1)][:, None]
    return np.where(found, 1.0 + (scores > mine).sum(axis=1) + ((scores == mine).sum(axis=1) - 1) / 2, np.inf)


def ndcg(ranks: Array) -> float:
    """Mean discounted gain of one answer each among the first `TOP`."""
    return float(np.where(ranks <= TOP, 1.0 / np.log2(ranks + 1.0), 0.0).mean())


def peak_mb() -> float:
    """The most memory this process ever held; not ``ru_maxrss``, which a child inherits."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def _questions(arrays: Mapping[str, Array], name: str) -> Questions:
    columns = (arrays[f"{name}_{part}"] for part in ("starts", "items", "answers"))
    return Questions(*columns, n_items=int(arrays["n_items"]))


# implicit ------------------------------------------------------------------------------------------------------------


def implicit_neighbours(kind: str) -> Callable[[Train, Setting], Lister]:
    """An item-kNN of implicit; ``half_life`` in a setting weighs the query and is not of the library."""

    def fit(train: Train, setting: Setting) -> Lister:
        from implicit import nearest_neighbours  # noqa: PLC0415  # each process has one of the libraries

        own = {name: value for name, value in setting.items() if name != "half_life"}
        model = getattr(nearest_neighbours, kind)(**own, num_threads=1)
        model.fit(train.matrix(), show_progress=False)

        def lists(questions: Questions) -> Lists:
            asked = questions.matrix(setting.get("half_life"))
            return model.recommend(np.arange(len(questions)), asked, N=LENGTH, filter_already_liked_items=True)

        return lists

    return fit


def implicit_als(train: Train, setting: Setting) -> Lister:
    """ALS of implicit; a question's vector is computed from its query alone."""
    from implicit.cpu.als import AlternatingLeastSquares  # noqa: PLC0415

    model = AlternatingLeastSquares(factors=128, random_state=1, num_threads=1, **setting)
    model.fit(train.matrix(), show_progress=False)

    def lists(questions: Questions) -> Lists:
        return model.recommend(
            np.arange(len(questions)),
            questions.matrix(),
            N=LENGTH,
            filter_already_liked_items=True,
            recalculate_user=True,
        )

    return lists


# RecTools ------------------------------------------------------------------------------------------------------------


def rectools(make: Callable[[Setting], Any]) -> Callable[[Train, Setting], Lister]:
    """A model of RecTools. Questions go in as a data set of their own, with the same items."""

    def fit(train: Train, setting: Setting) -> Lister:
        model = make(setting)
        model.fit(_rectools_data(train.users, train.items, train.n_users, train.n_items))

        def lists(questions: Questions) -> Lists:
            n = len(questions)
            asked = _rectools_data(questions.rows(), questions.items, n, questions.n_items)
            table = model.recommend(users=np.arange(n), dataset=asked, k=LENGTH, filter_viewed=True)
            found, scores = np.full((n, LENGTH), -1), np.full((n, LENGTH), np.nan)
            places = table["user_id"].to_numpy(), table["rank"].to_numpy() - 1
            found[places], scores[places] = table["item_id"].to_numpy(), table["score"].to_numpy()
            return found, scores

        return lists

    return fit


def _rectools_data(users: Array, items: Array, n_users: int, n_items: int) -> Any:
    import pandas as pd  # noqa: PLC0415
    from rectools.dataset import Dataset, IdMap, Interactions  # noqa: PLC0415

    # Several days apart, so that the order is a time like any other.
    days = pd.to_datetime(np.arange(len(users)), unit="s")
    table = pd.DataFrame({"user_id": users, "item_id": items, "weight": 1.0, "datetime": days})
    return Dataset(IdMap(np.arange(n_users)), IdMap(np.arange(n_items)), Interactions(table))


def _rectools_ease(setting: Setting) -> Any:
    from rectools.models import EASEModel  # noqa: PLC0415

    return EASEModel(recommend_n_threads=1, **setting)


def _rectools_neighbours(setting: Setting) -> Any:
    from implicit.nearest_neighbours import TFIDFRecommender  # noqa: PLC0415
    from rectools.models import ImplicitItemKNNWrapperModel  # noqa: PLC0415

    return ImplicitItemKNNWrapperModel(TFIDFRecommender(num_threads=1, **setting))


def _rectools_popular(setting: Setting) -> Any:
    from rectools.models import PopularModel  # noqa: PLC0415

    return PopularModel(**setting)


def _rectools_sasrec(setting: Setting) -> Any:
    from rectools.models import SASRecModel  # noqa: PLC0415

    return SASRecModel(deterministic=True, recommend_torch_device="cpu", **setting)


# LensKit -------------------------------------------------------------------------------------------------------------


def lenskit(make: Callable[[Setting], Any]) -> Callable[[Train, Setting], Lister]:
    """A scorer of LensKit in its standard pipeline, asked person by person as it takes them.

    What nobody had in train is left out of the query: some scorers fail on it.
    """

    def fit(train: Train, setting: Setting) -> Lister:
        import pandas as pd  # noqa: PLC0415
        from lenskit import recommend  # noqa: PLC0415
        from lenskit.data import ItemList, RecQuery, from_interactions_df  # noqa: PLC0415
        from lenskit.pipeline import topn_pipeline  # noqa: PLC0415

        pipeline = topn_pipeline(make(setting))
        pipeline.train(from_interactions_df(pd.DataFrame({"user_id": train.users, "item_id": train.items})))
        known = np.bincount(train.items, minlength=train.n_items) > 0

        def lists(questions: Questions) -> Lists:
            found, scores = np.full((len(questions), LENGTH), -1), np.full((len(questions), LENGTH), np.nan)
            for n in range(len(questions)):
                query = questions.items[questions.starts[n] : questions.starts[n + 1]]
                asked = RecQuery(history_items=ItemList(item_ids=query[known[query]]))
                best = recommend(pipeline, asked, LENGTH)
                found[n, : len(best)], scores[n, : len(best)] = best.ids(), best.scores()
            return found, scores

        return lists

    return fit


def _lenskit_neighbours(setting: Setting) -> Any:
    from lenskit.knn import ItemKNNScorer  # noqa: PLC0415

    return ItemKNNScorer(feedback="implicit", **setting)


def _lenskit_als(setting: Setting) -> Any:
    from lenskit.als import ImplicitMFScorer  # noqa: PLC0415

    return ImplicitMFScorer(**setting)


def _lenskit_ease(setting: Setting) -> Any:
    from lenskit.knn import EASEScorer  # noqa: PLC0415

    return EASEScorer(**setting)


_NEIGHBOURS: Final = [{"K": 20}, {"K": 50}, {"K": 100}, {"K": 300}, {"K": 1000}]
_BM25: Final = [*_NEIGHBOURS, *({"K": 1000, "K1": k1, "B": b} for k1, b in ((0.5, 0.75), (3.0, 0.75), (1.2, 0.3)))]
_RECENT: Final = [{"K": 20, "half_life": 1.0}, *({"K": 1000, "half_life": h} for h in (0.5, 1.0, 2.0, 3.0, 5.0, 10.0))]
_ALS: Final = [{}, *({"regularization": r, "alpha": a} for r, a in ((0.1, 5.0), (0.1, 40.0), (1.0, 5.0), (10.0, 5.0)))]

METHODS: Final[Mapping[str, Method]] = {
    "implicit-bm25": Method("implicit", implicit_neighbours("BM25Recommender"), _BM25),
    "implicit-bm25-recent": Method("implicit", implicit_neighbours("BM25Recommender"), _RECENT),
    "implicit-tfidf": Method("implicit", implicit_neighbours("TFIDFRecommender"), _NEIGHBOURS),
    "implicit-cosine": Method("implicit", implicit_neighbours("CosineRecommender"), _NEIGHBOURS),
    "implicit-als": Method("implicit", implicit_als, _ALS),
    "rectools-popular": Method("rectools", rectools(_rectools_popular), [{}]),
    "rectools-tfidf": Method("rectools", rectools(_rectools_neighbours), _NEIGHBOURS),
    "rectools-ease": Method(
        "rectools", rectools(_rectools_ease), [{"regularization": r} for r in (500.0, 200.0, 50.0)]
    ),
    "rectools-sasrec": Method(
        "rectools", rectools(_rectools_sasrec), [{}, {"epochs": 10}, {"epochs": 20}, {"epochs": 20, "n_factors": 128}]
    ),
    "lenskit-item-knn": Method("lenskit", lenskit(_lenskit_neighbours), [{"max_nbrs": k} for k in (20, 100, 500)]),
    "lenskit-als": Method(
        "lenskit", lenskit(_lenskit_als), [{}, {"weight": 5.0}, {"embedding_size": 128, "weight": 5.0}]
    ),
    "lenskit-ease": Method("lenskit", lenskit(_lenskit_ease), [{"regularization": r} for r in (1.0, 50.0, 200.0)]),
}
"""Name -> method. Settings begin with the defaults, but for ALS of implicit, which has 128 factors throughout, and a
query weighted by recency, which the library leaves to its caller."""


if __name__ == "__main__":
    main()
