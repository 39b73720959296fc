"""Evaluation: models whose worth is known get the figures they deserve."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tailorbird.app import App
from tailorbird.catalogue import Catalogue
from tailorbird.errors import BadInput, InvalidConfig, NotEnoughEvents, UnknownModel
from tailorbird.learning.cases import Split
from tailorbird.learning.evaluation import BASELINES, evaluate, ranks, retriever_factories
from tailorbird.learning.interactions import Dataset
from tailorbird.learning.ranked import RankedModel, Slates
from tailorbird.learning.splits import split
from tailorbird.types import NOBODY, Array, History, IntArray, Interactions, Request

from made_up import NOW, small_shop

N_ITEMS = 30


@pytest.fixture
def cut() -> Split:
    """80 people who walk the items in a circle, five steps each, from anywhere."""
    catalogue = Catalogue()
    for n in range(N_ITEMS):
        catalogue.number(f"i{n}")
    draw = np.random.default_rng(9)
    starts = draw.integers(0, N_ITEMS, 80)
    items = (starts[:, None] + np.arange(5)).ravel() % N_ITEMS
    at = 1.7e9 + np.tile(np.arange(5.0) * 60, 80)
    order = np.argsort(at, kind="stable")
    users = np.repeat(np.arange(80, dtype=np.int32), 5)
    log = Interactions(users[order], items[order].astype(np.int32), at[order], np.ones(400), 80, N_ITEMS)
    return split(
        Dataset(log, catalogue, [f"u{n}" for n in range(80)], np.full(400, NOBODY, np.int32), timed=True, rows=400),
        "leave-one-out",
    )


class Walker:
    """Knows the circle. Notes what it was fitted on."""

    def __init__(self) -> None:
        self.fitted: list[int] = []

    def fit(self, interactions: Interactions, catalogue: Catalogue) -> None:
        assert len(catalogue) == N_ITEMS
        self.fitted.append(len(interactions))

    def score(self, request: Request, history: History, items: IntArray) -> Array:
        assert request.at >= history.at[-1]
        return np.where(items == (history.items[-1] + 1) % N_ITEMS, 1.0, 0.0)


class Indifferent(Walker):
    """Gives everything the same score."""

    def score(self, request: Request, history: History, items: IntArray) -> Array:  # noqa: ARG002
        return np.ones(len(items))


class Repeater(Walker):
    """Proposes what was seen."""

    def score(self, request: Request, history: History, items: IntArray) -> Array:  # noqa: ARG002
        return np.isin(items, history.items).astype(float)


class Broken(Walker):
    """Cannot be fitted."""

    def fit(self, interactions: Interactions, catalogue: Catalogue) -> None:  # noqa: ARG002
        raise NotEnoughEvents("No.", hint="Try less.")


class Dreamer(Walker):
    """Scores with what is no number."""

    def score(self, request: Request, history: History, items: IntArray) -> Array:  # noqa: ARG002
        return np.full(len(items), np.nan)


def test_a_model_that_knows_is_always_right_and_one_that_does_not_gets_the_average(cut: Split) -> None:
    knows, shrugs, repeats = evaluate(cut, {"w": Walker, "i": Indifferent, "r": Repeater})
    assert knows.metrics["hr@10"] == knows.metrics["ndcg@10"] == knows.metrics["mrr@20"] == 1
    assert shrugs.metrics["hr@10"] == 0, "26 items remain; the middle of them is 13.5"
    assert shrugs.metrics["recall@20"] == 1
    assert repeats.metrics["hr@10"] == 0
    assert repeats.metrics["coverage@10"] == 0, "what was seen is not shown, and it has no other opinion"


class Talker(Walker):
    """Says where its fit is."""

    def __init__(self) -> None:
        super().__init__()
        self.told: Any = None

    def fit(self, interactions: Interactions, catalogue: Catalogue) -> None:
        super().fit(interactions, catalogue)
        self.told("half of it", 0.5)


def test_a_long_fit_tells_where_it_is(cut: Split) -> None:
    told: list[tuple[str, float]] = []
    evaluate(cut, {"w": Walker, "t": Talker}, told=lambda what, share: told.append((what, share)))
    words, shares = zip(*told, strict=True)
    assert words == ("w", "w, case 0 of 80", "t", "t, half of it", "t, case 0 of 80", "")
    assert list(shares) == sorted(shares)
    assert (shares[0], shares[2], shares[-1]) == (0.0, 0.5, 1.0)


def test_the_ranker_tells_its_lists_its_trees_and_what_it_and_its_slates_are_asked(cut: Split) -> None:
    told: list[tuple[str, float]] = []
    fitted: dict[str, Any] = {}
    models: dict[str, Any] = {
        **retriever_factories(["covisitation"], cut),
        "ranker": lambda: RankedModel(cut, {"covisitation": fitted["covisitation"]}),
        "slates": lambda: Slates(fitted["ranker"]),
    }
    evaluate(cut, models, fitted=fitted, told=lambda what, share: told.append((what, share)))
    words, shares = [what for what, _ in told], [share for _, share in told]
    wanted = ("ranker, list 0 of 80", "ranker, tree 1 of at most 300", "ranker, case 0 of 80", "slates, case 0 of 80")
    places = [words.index(one) for one in wanted]
    assert places == sorted(places)
    assert shares == sorted(shares)


def test_strict_fits_on_train_and_refit_also_on_validation(cut: Split) -> None:
    made: list[Walker] = []

    def factory() -> Walker:
        made.append(Walker())
        return made[-1]

    evaluate(cut, {"w": factory})
    evaluate(cut, {"w": factory}, refit=True)
    assert [model.fitted for model in made] == [[240], [320]]


def test_a_model_that_cannot_be_made_gets_a_row_that_says_why(cut: Split) -> None:
    broken, fine = evaluate(cut, {"b": Broken, "w": Walker})
    assert broken.row() == {"model": "b", "skipped": "No. Try less."}
    assert fine.skipped is None


def test_a_score_that_is_no_number_is_an_error(cut: Split) -> None:
    with pytest.raises(ValueError, match="not a number"):
        evaluate(cut, {"d": Dreamer})


def test_retrievers_learn_the_circle(cut: Split) -> None:
    factories = retriever_factories(["covisitation"], cut)
    assert list(factories) == ["covisitation", *BASELINES]
    rows = {result.model: result for result in evaluate(cut, factories)}
    assert rows["covisitation"].metrics["ndcg@10"] > 0.9
    assert rows["covisitation"].params.keys() == {"half_life", "source_exponent", "target_exponent"}
    assert rows["covisitation"].metrics["ndcg@10"] > rows["popular"].metrics["ndcg@10"]  # type: ignore[operator]
    assert all(rows[name].skipped is None for name in BASELINES)
    assert all(result.query_ms > 0 for result in rows.values())


def test_baselines_that_cannot_be_say_so(cut: Split) -> None:
    cut_without_times = split(
        Dataset(
            Interactions(
                cut.test.log.users, cut.test.log.items, np.tile(np.arange(5.0), 80), np.ones(400), 80, N_ITEMS
            ),
            cut.catalogue,
            cut.user_ids,
            np.full(400, NOBODY, np.int32),
            timed=False,
            rows=400,
        ),
        "leave-one-out",
    )
    factories = retriever_factories([], cut_without_times, {"ease": {"max_items": 10}})
    rows = {result.model: result.row() for result in evaluate(cut_without_times, factories)}
    assert "order" in rows["trending"]["skipped"]
    assert "limit is 10" in rows["ease"]["skipped"]


@pytest.mark.parametrize(
    ("bought", "said"),
    [
        ("nothing", {"bought-after": "no interaction is one", "bought-with": "no interaction is one"}),
        ("every second", {"bought-after": None, "bought-with": None}),
        ("everything", {"bought-after": "covisitation says as much", "bought-with": "covisitation says as much"}),
    ],
)
def test_a_channel_of_purchases_says_why_it_has_nothing_to_say(
    cut: Split, bought: str, said: dict[str, str | None]
) -> None:
    log = cut.train
    column = {"nothing": np.zeros(len(log), bool), "everything": np.ones(len(log), bool)}
    marked = replace(log, bought=column.get(bought, np.arange(len(log)) % 2 == 0))
    shop = replace(cut, train=marked)
    rows = {row.model: row for row in evaluate(shop, retriever_factories(said, shop), tune=False)}
    for name, reason in said.items():
        assert (rows[name].skipped is None) == (reason is None)
        assert (reason or "") in (rows[name].skipped or "")
        assert reason or rows[name].metrics["hr@10"]


def test_a_refit_is_of_the_chosen_settings(cut: Split) -> None:
    strict, refitted = (
        evaluate(cut, {"covisitation": retriever_factories(["covisitation"], cut)["covisitation"]}, refit=refit)[0]
        for refit in (False, True)
    )
    assert strict.params == refitted.params


def test_a_sample_of_cases_is_ranked(cut: Split) -> None:
    (result,) = evaluate(cut, {"w": Walker}, n_cases=7, ks=(5, 5))
    assert result.metrics["hr@5"] == result.metrics["recall@5"] == 1


def test_each_figure_says_how_sure_it_is_and_whether_the_best_channel_is_beaten(cut: Split) -> None:
    names = {"covisitation", "popular"}
    factories = {name: made for name, made in retriever_factories(names, cut).items() if name in names}
    rows = {result.model: result for result in evaluate(cut, {"w": Walker, "i": Indifferent, **factories}, tune=False)}
    best, popular, walker = rows["covisitation"], rows["popular"], rows["w"]
    assert best.against is None, "the best channel has nothing to be held against"
    assert popular.against == walker.against == "covisitation", "a model that is no channel is never the yardstick"
    assert walker.intervals["hr@10"] == (1, 1)
    low, high = popular.intervals["ndcg@10"]  # type: ignore[misc]
    assert low < popular.metrics["ndcg@10"] < high  # type: ignore[operator]
    worse = popular.differences["ndcg@10"]
    assert worse is not None
    assert worse.difference == pytest.approx(popular.metrics["ndcg@10"] - best.metrics["ndcg@10"])  # type: ignore[operator]
    assert worse.low < worse.difference < worse.high < 0
    assert popular.row()["against"]["ndcg@10"]["high"] == round(worse.high, 5)
    assert best.row()["against"] is None


def test_figures_of_segments_are_those_of_their_cases(cut: Split) -> None:
    (result,) = evaluate(cut, {"w": Walker})
    assert result.segments["light"] == {"cases": 80, "hr@10": 1, "ndcg@10": 1, "recall@20": 1, "mrr@20": 1}
    nobody = {"cases": 0, "hr@10": None, "ndcg@10": None, "recall@20": None, "mrr@20": None}
    assert result.segments["new"] == result.segments["heavy"] == nobody
    assert evaluate(cut, {"w": Walker}, segment="light")[0].metrics == result.metrics
    with pytest.raises(NotEnoughEvents, match="segment 'new'"):
        evaluate(cut, {"w": Walker}, segment="new")
    with pytest.raises(BadInput, match="no segment 'lite'"):
        evaluate(cut, {"w": Walker}, segment="lite")


def test_popularity_of_the_figures_is_that_of_train_also_after_a_refit(cut: Split) -> None:
    strict, refitted = (evaluate(cut, {"i": Indifferent}, refit=refit)[0].metrics for refit in (False, True))
    assert strict["novelty@10"] == refitted["novelty@10"]
    assert strict["debiased_ndcg@10"] == refitted["debiased_ndcg@10"]


def test_unknown_names_and_settings_are_explained(cut: Split) -> None:
    with pytest.raises(UnknownModel, match="Did you mean 'covisitation'"):
        retriever_factories(["covisitaton"], cut)
    with pytest.raises(InvalidConfig, match=r"ease.half_lif is no setting.*'ease'.*half_life"):
        retriever_factories([], cut, {"ease": {"half_lif": 3}})
    with pytest.raises(
        InvalidConfig, match=r"ease.half_life is 'long'; a number is needed. ease.last is '-2'; it must"
    ):
        retriever_factories([], cut, {"ease": {"half_life": "long", "last": "-2"}})


def test_ranking_no_cases_is_refused(cut: Split) -> None:
    with pytest.raises(NotEnoughEvents, match="no case"):
        ranks(Walker(), cut.test.take(np.empty(0, np.int64)), cut, k=10)


def command(tmp_path: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, str, str]:
    from tailorbird.cli import main  # noqa: PLC0415  # it reads the environment

    lines = [f"u{n},i{(n * 7 + k) % 25},{1_700_000_000 + 3_600 * k + n}" for n in range(40) for k in range(5)]
    path = tmp_path / "events.csv"
    path.write_text("\n".join(["user_id,item_id,at", *lines, "u1,,5"]))
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", str(path), *more])
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def test_the_command_prints_nothing_but_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = command(tmp_path, capsys, "--models", "covisitation", "--json")
    report: dict[str, Any] = json.loads(out)
    assert code == 0
    assert report.keys() == {"protocol", "data", "results"}
    assert {"users": 40, "items": 25, "interactions": 200, "rows_left_out": 1}.items() <= report["data"].items()
    assert len(report["data"]["split_sha256"]) == 64
    assert [row["model"] for row in report["results"]] == ["covisitation", *BASELINES]
    names = {"hr@10", "ndcg@10", "recall@20", "mrr@20", "coverage@10", "gini@10", "ild@10"}
    names |= {"debiased_ndcg@10", "novelty@10", "intervals", "against", "segments"}
    assert names | {"fit_seconds", "fit_cpu_seconds", "query_ms"} <= report["results"][0].keys()
    assert "1 of 201 rows" in err


@pytest.mark.parametrize(
    ("more", "word"),
    [
        (["--k", "ten"], "--k is 'ten'"),
        (["--set", "ease=3"], "MODEL.SETTING=VALUE"),
        (["--models", "nope"], "no model 'nope'"),
        (["--map", "at=when"], "no column 'when'"),
        (["--segment", "lite"], "Did you mean 'light'"),
        (["--protocol", "leave-one"], "'leave-one' is not one of"),
        (["--protocol", "time-split", "--fold-in", "random"], "--fold-in random is nothing to time-split"),
    ],
)
def test_the_command_explains_what_it_cannot_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], word: str
) -> None:
    code, out, err = command(tmp_path, capsys, *more)
    assert code == 2
    assert word in err
    assert not out


def test_without_a_file_the_log_of_the_shop_is_measured(shop_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tailorbird.cli import main  # noqa: PLC0415  # it reads the environment

    with App.open(shop_dir, clock=lambda: NOW) as app:
        app.append(small_shop())
    with pytest.raises(SystemExit) as ended:
        main(["--shop-dir", str(shop_dir), "evaluate", "--models", "content,ranker", "--refit", "--json"])
    report = json.loads(capsys.readouterr().out)
    rows = {row["model"]: row for row in report["results"]}
    assert not ended.value.code
    assert report["protocol"]["name"] == "time-split", "last events are mostly repeats in a shop's own log"
    assert report["data"]["times"] == "real"
    assert report["data"]["items"] == 40
    assert (report["data"]["users"], report["data"]["interactions"]) == (30, 1_500)
    assert rows["content"]["ild@10"] < rows["popular"]["ild@10"], "what resembles one thing resembles itself"
    assert "strict" in rows["ranker"]["skipped"]


def test_an_empty_log_says_what_to_do(shop_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tailorbird.cli import main  # noqa: PLC0415  # it reads the environment

    App.open(shop_dir).close()
    with pytest.raises(SystemExit) as ended:
        main(["--shop-dir", str(shop_dir), "evaluate"])
    assert ended.value.code == 1
    assert "Import some" in capsys.readouterr().err


def test_one_single_person_can_be_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tailorbird.cli import main  # noqa: PLC0415  # it reads the environment

    path = tmp_path / "one.csv"
    path.write_text("user_id,item_id,at\nu,a,1\nu,b,2\nu,c,3\n")
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", str(path), "--models", "covisitation,ials", "--json"])
    assert not ended.value.code
    report = json.loads(capsys.readouterr().out)
    assert report["data"]["test_cases"] == 1
    assert all(row.get("intervals", {}).get("hr@10") is None for row in report["results"]), "one person cannot vary"
    assert all(row.get("hr@10", 1) == 1 for row in report["results"]), "one item is left to rank"


def test_the_command_prints_a_table_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = command(tmp_path, capsys, "--models", "popular", "--users", "10", "--no-tune", "--refit")
    assert code == 0
    assert "all items ranked" in out
    assert "40 users, 25 items, 200 interactions" in out


def test_slates_are_the_rankers_order_diversified_and_explored(
    shop_dir: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from tailorbird.cli import main  # noqa: PLC0415  # as the other test of the command does

    with App.open(shop_dir, clock=lambda: NOW) as app:
        app.append(small_shop(n_items=80, n_people=100, n_events=4_000))
    asked = ["--shop-dir", str(shop_dir), "evaluate", "--json", "--models"]
    with pytest.raises(SystemExit):
        main([*asked, "covisitation,item-knn,ranker,slates"])
    rows = {row["model"]: row for row in json.loads(capfd.readouterr().out)["results"]}
    assert rows["slates"]["ild@10"] > rows["ranker"]["ild@10"]
    assert rows["slates"]["hr@10"] > rows["popular"]["hr@10"]
    with pytest.raises(SystemExit):
        main([*asked, "covisitation,slates"])
    rows = {row["model"]: row for row in json.loads(capfd.readouterr().out)["results"]}
    assert "Name ranker before slates" in rows["slates"]["skipped"]
