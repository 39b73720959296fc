"""Data that no model was made for: trained on as far as it goes, and the shop goes on answering."""

from pathlib import Path

import numpy as np
import pytest

from tailorbird.app import App
from tailorbird.config import BudgetConfig, Config, TrainingConfig
from tailorbird.errors import BadModelFile
from tailorbird.learning.training import train
from tailorbird.ranking.lambda_ranker import LabelledLists, LambdaRanker
from tailorbird.ranking.matrix import ranking_matrix
from tailorbird.types import Candidates, Entry, Item, Request

from made_up import NOW, entry, event, small_shop

ALL = ("popular", "trending", "covisitation", "item-knn", "user-knn", "v-sknn", "ease", "ials", "content", "ranker")
CONFIG = Config(training=TrainingConfig(ranker_lists=200), budget=BudgetConfig(total_ms=60_000))


def opened(folder: Path, entries: list[Entry]) -> App:
    app = App.open(folder, config=CONFIG, clock=lambda: NOW)
    app.append(entries)
    return app


def items(n: int, **fields: object) -> list[Entry]:
    return [entry("item", f"i{k}", Item(item_id=f"i{k}", **fields), NOW - 9e6) for k in range(n)]  # type: ignore[arg-type]


def visits(n_people: int, n_steps: int, n_items: int) -> list[Entry]:
    """Everybody looks at the first items of the shop, in their order."""
    return [
        event(f"e{u}-{k}", user_id=f"u{u}", item_id=f"i{(u * (n_steps == 1) + k) % n_items}", at=NOW - 9e5 + 60 * k + u)
        for u in range(n_people)
        for k in range(n_steps)
    ]


SHOPS = {
    "everybody did one thing": items(20, title="thing") + visits(60, 1, 20),
    "a catalogue of three": items(3, title="thing") + visits(60, 3, 3),
    "all people are the same": items(20, title="thing") + visits(60, 6, 20),
    "nothing has a text": items(20) + visits(60, 6, 20),
}


@pytest.mark.parametrize("shop", SHOPS)
def test_odd_data_train_what_they_can_and_every_slate_is_full(shop: str, shop_dir: Path) -> None:
    with opened(shop_dir, SHOPS[shop]) as app:
        run = train(app.log, app.registry, app.config, models=ALL)
        assert set(app.registry.current()) == {m.name for m in run.manifests}
        for user in ("u1", "stranger"):
            slate = app.recommend(Request(surface="home", at=NOW, user_id=user, limit=3))
            assert len(slate.items) == 3
            assert slate.degraded is None
            assert all(np.isfinite(placed.score) for placed in slate.items)


def test_features_that_are_no_numbers_reach_the_ranker_as_0() -> None:
    scores = np.array([[np.nan, 1.0], [np.inf, -np.inf], [0.5, 2.0]])
    pool = Candidates(np.arange(3, dtype=np.int32), ("a", "b"), scores, scores, scores > 0, np.zeros(3))
    assert np.isfinite(ranking_matrix(pool, np.array([[np.nan], [np.inf], [1.0]]), np.ones(1))).all()


@pytest.mark.parametrize("label", [0, 1])
def test_lists_of_one_class_teach_no_order_and_do_no_harm(label: int) -> None:
    matrix = np.random.default_rng(1).normal(size=(300, 3))
    ranker = LambdaRanker()
    ranker.fit(LabelledLists.plain(matrix, np.full(300, label, np.int32), np.full(30, 10, np.int32)), ("a", "b", "c"))
    assert np.isfinite(ranker.score(matrix)).all()


def test_a_foreign_file_among_the_models_is_left_out_with_its_reason_and_the_others_serve(shop_dir: Path) -> None:
    with opened(shop_dir, small_shop()) as app:
        train(app.log, app.registry, app.config, models=("item-knn", "content"))
        foreign = {"weights": np.random.default_rng(1).random((4, 4))}
        wrong = app.registry.save("item-knn", foreign, fitted_seq=1, now=NOW)
        unknown = app.registry.save("deep-thought", foreign, fitted_seq=1, now=NOW)
        app.registry.promote({"item-knn": wrong.version, "deep-thought": unknown.version})
        assert {"item-knn", "deep-thought"}.isdisjoint(app.engine.retrievers)
        assert "content" in app.engine.models
        assert len(app.recommend(Request(surface="home", at=NOW, user_id="u1", limit=5)).items) == 5


def test_a_version_whose_file_was_changed_is_not_promoted(shop_dir: Path) -> None:
    with opened(shop_dir, small_shop()) as app:
        first, second = (
            train(app.log, app.registry, app.config, models=("item-knn",), now=NOW + n).manifests[0] for n in range(2)
        )
        name = first.name
        (shop_dir / "models" / name / first.version / next(iter(first.files))).write_bytes(b"garbage")
        with pytest.raises(BadModelFile, match="was changed"):
            app.registry.promote({name: first.version})
        assert app.registry.current()[name] == second.version


def test_a_broken_list_of_what_serves_is_named_and_counting_channels_serve(shop_dir: Path) -> None:
    with opened(shop_dir, small_shop()) as app:
        train(app.log, app.registry, app.config, models=("item-knn",))
    (shop_dir / "models" / "current.json").write_text("{broken")
    with opened(shop_dir, []) as app:
        with pytest.raises(BadModelFile, match=r"current\.json, which says what serves, cannot be read"):
            app.registry.current()
        assert "covisitation" in app.engine.retrievers
        assert len(app.recommend(Request(surface="home", at=NOW, user_id="u1", limit=5)).items) == 5


def test_a_training_says_which_versions_it_could_not_compare(shop_dir: Path) -> None:
    with opened(shop_dir, small_shop()) as app:
        assert train(app.log, app.registry, app.config, models=("item-knn",)).uncompared == ()
        assert "item-knn" in train(app.log, app.registry, app.config, models=("item-knn",)).uncompared


def test_a_promotion_that_was_interrupted_leaves_what_served_before(shop_dir: Path) -> None:
    with opened(shop_dir, small_shop()) as app:
        train(app.log, app.registry, app.config, models=("item-knn",))
        before = app.registry.current()
        # What a kill leaves: half of the new file beside the whole old one.
        (shop_dir / "models" / "current.json.4711").write_bytes(b'{"item-knn":"2026')
        assert app.registry.current() == before
        assert "item-knn" in app.engine.models
        train(app.log, app.registry, app.config, models=("item-knn",))
        assert app.registry.current() != before
