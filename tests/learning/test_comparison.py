"""A worse version does not serve, a better or equal one does, and chance decides nothing."""

from pathlib import Path

import numpy as np
import pytest

from tailorbird.app import App
from tailorbird.catalogue import Catalogue
from tailorbird.config import BudgetConfig, Config, TrainingConfig
from tailorbird.learning.comparison import LEAST_QUESTIONS, Comparison, channels_compared
from tailorbird.learning.lists import graded_gains
from tailorbird.learning.splits import later_period
from tailorbird.learning.training import TrainingRun, train
from tailorbird.ranking.lambda_ranker import LabelledLists
from tailorbird.retrieval.covisitation import Covisitation
from tailorbird.types import Interactions

from made_up import NOW, event, small_shop

MODELS = ("covisitation", "item-knn", "ranker")
SHOP = small_shop(n_items=80, n_people=400, n_events=8_000)
EARLY, LATE = SHOP[:-1_500], SHOP[-1_500:]


def config(**models: dict[str, object]) -> Config:
    return Config(training=TrainingConfig(ranker_lists=400), budget=BudgetConfig(total_ms=60_000), models={**models})


def twice(shop_dir: Path, second: Config, **options: object) -> tuple[App, TrainingRun, dict[str, str]]:
    """Train, let more happen, train again otherwise: the open app, the second run, and what served before it."""
    app = App.open(shop_dir, config=config(), clock=lambda: NOW)
    app.append(EARLY)
    train(app.log, app.registry, config(), models=MODELS, now=NOW)
    before = app.registry.current()
    app.append(LATE)
    return app, train(app.log, app.registry, second, models=MODELS, now=NOW + 60, **options), before  # type: ignore[arg-type]


# Of covisitation's rows hardly anything is left: it can only be worse.
ASTRAY = {"covisitation": {"target_exponent": 2.0, "half_life": 0.1, "source_exponent": 0.0}}


def test_a_worse_version_is_kept_but_the_one_before_goes_on_serving(shop_dir: Path) -> None:
    app, run, before = twice(shop_dir, config(**ASTRAY))
    with app:
        now = app.registry.current()
        assert run.held_back == {"covisitation"}
        assert now["covisitation"] == before["covisitation"]
        assert now["item-knn"] != before["item-knn"], "the others are promoted"
        assert len(app.registry.versions("covisitation")) == 2
        assert "covisitation" in app.engine.retrievers
        waiting = app.registry.waiting("covisitation")
        assert waiting is not None
        assert waiting.held_back == str(run.compared["covisitation"])
        assert "of the version before" in waiting.held_back
        assert app.registry.waiting("item-knn") is None
        app.registry.promote({"covisitation": waiting.version})
        assert app.registry.waiting("covisitation") is None


def test_what_was_held_back_once_is_held_back_again(shop_dir: Path) -> None:
    app, _, before = twice(shop_dir, config(**ASTRAY))
    with app:
        more = [event(f"more{n}", at=NOW + n, user_id=f"u{n % 400}", item_id=f"i{n % 80}") for n in range(1_200)]
        app.append(more)
        run = train(app.log, app.registry, config(**ASTRAY), models=MODELS, now=NOW + 120)
        assert "covisitation" in run.held_back
        assert app.registry.current()["covisitation"] == before["covisitation"]


def test_a_worse_version_serves_when_it_is_told_to(shop_dir: Path) -> None:
    app, run, before = twice(shop_dir, config(**ASTRAY), even_if_worse=True)
    with app:
        assert run.compared["covisitation"].worse
        assert run.held_back == frozenset()
        assert app.registry.current()["covisitation"] != before["covisitation"]


def test_the_same_recipe_on_more_of_the_log_is_promoted(shop_dir: Path) -> None:
    app, run, before = twice(shop_dir, config())
    with app:
        assert set(run.compared) >= {"covisitation", "item-knn", "popular"}
        assert run.held_back == frozenset()
        assert all(app.registry.current()[name] != version for name, version in before.items())


def test_without_anything_new_there_is_nothing_to_compare(shop_dir: Path) -> None:
    with App.open(shop_dir, config=config(), clock=lambda: NOW) as app:
        app.append(EARLY)
        first, second = (train(app.log, app.registry, config(), models=MODELS, now=NOW + n) for n in range(2))
        assert second.compared == {}
        assert {m.data_sha256 for m in first.manifests} == {m.data_sha256 for m in second.manifests}
        assert all(m.metrics["ndcg@10"] > 0 for m in second.manifests if m.name != "ranker")
        assert second.manifests[-1].metrics["fused_ndcg@10"] > 0


def test_a_serving_version_that_is_damaged_is_simply_replaced(shop_dir: Path) -> None:
    with App.open(shop_dir, config=config(), clock=lambda: NOW) as app:
        app.append(EARLY)
        train(app.log, app.registry, config(), models=MODELS, now=NOW)
        for name in ("covisitation", "ranker"):
            version = app.registry.current()[name]
            array = next((shop_dir / "models" / name / version).glob("*.npy"))
            array.write_bytes(array.read_bytes()[:-1] + b"x")
        (shop_dir / "models" / "item-knn" / app.registry.current()["item-knn"] / "manifest.json").write_text("{")
        app.append(LATE)
        run = train(app.log, app.registry, config(), models=MODELS, now=NOW + 60)
        assert not {"covisitation", "item-knn", "ranker"} & set(run.compared)
        assert set(app.registry.current()) >= set(MODELS)


def test_few_questions_decide_nothing() -> None:
    n = LEAST_QUESTIONS - 1
    users = np.repeat(np.arange(n, dtype=np.int32), 2)
    log = Interactions(users, np.tile([0, 1], n).astype(np.int32), np.tile([NOW, NOW + 9], n), np.ones(2 * n), n, 2)
    split = later_period(log, log, NOW + 5, Catalogue())
    assert channels_compared(Covisitation(), Covisitation(), split) is None


@pytest.mark.parametrize(("high", "worse"), [(-0.001, True), (0.0, False), (0.02, False)])
def test_worse_means_by_more_than_chance(high: float, worse: bool) -> None:  # noqa: FBT001  # a parameter of the test
    assert Comparison(0.1, 0.12, -0.04, high, 500).worse is worse


def test_graded_gains_are_those_of_the_definition() -> None:
    labels = np.array([0, 3, 1, 0, 0], np.int32)
    lists = LabelledLists.plain(np.zeros((5, 1)), labels, np.array([3, 2], np.int32))
    gains = graded_gains(np.array([3.0, 2.0, 1.0, 1.0, 2.0]), lists).gained
    assert gains[0] == pytest.approx((7 / np.log2(3) + 1 / 2) / (7 + 1 / np.log2(3)))
    assert gains[1] == 0
