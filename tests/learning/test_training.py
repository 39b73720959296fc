"""From a log to models that serve, and what happens when there is too little or something is damaged."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tailorbird.app import App
from tailorbird.backends.memory import MemoryLog
from tailorbird.catalogue import Catalogue
from tailorbird.config import BudgetConfig, Config, TextConfig, TrainingConfig
from tailorbird.errors import BadModelFile, NotEnoughEvents, NotFound, UnknownModel
from tailorbird.learning.models import UNTRAINED, load_models
from tailorbird.learning.past import Past
from tailorbird.learning.registry import Registry
from tailorbird.learning.training import choose, train
from tailorbird.types import Entry, Interactions, OrderLine, Request

from made_up import NOW, event, small_shop

ALL = (
    "popular", "trending", "covisitation", "bought-after", "bought-with", "item-knn", "user-knn", "v-sknn", "ease",
    "ials", "content", "cold-items", "ranker",
)  # fmt: skip
COUNTING = {"popular", "trending", "covisitation", "bought-after", "bought-with", "item-knn", "user-knn", "content"}

# No deadline: how busy a machine is must not decide what a test sees.
CONFIG = Config(training=TrainingConfig(ranker_lists=400), budget=BudgetConfig(total_ms=60_000))


def opened(folder: Path, entries: list[Entry]) -> App:
    app = App.open(folder, config=CONFIG, clock=lambda: NOW)
    app.append(entries)
    return app


def slate(app: App, **fields: object) -> list[str]:
    request = Request(**{"surface": "home", "at": NOW, "user_id": "u1", "limit": 8, "decision_id": "d"} | fields)  # type: ignore[arg-type]
    return [placed.item_id for placed in app.recommend(request).items]


def test_all_models_are_trained_promoted_and_serve(shop_dir: Path) -> None:
    with opened(shop_dir, small_shop(n_events=4_000)) as app:
        told: list[str] = []
        run = train(app.log, app.registry, app.config, models=ALL, progress=lambda what, _share: told.append(what))
        assert any(what.startswith("replaying for the ranker, list 200 of ") for what in told)
        assert "training the ranker, tree 1 of at most 300" in told
        assert {m.name for m in run.manifests} == set(ALL)
        assert set(app.registry.current()) == set(ALL)
        engine = app.engine
        assert engine.ranker is not None
        assert set(engine.retrievers) == set(ALL) - {"ranker"}
        decision = app.recommend(Request(surface="home", at=NOW, user_id="u1", limit=8, explain=True))
        assert decision.degraded is None
        assert set(decision.models) == set(ALL)
        assert any(story["contributions"] for story in decision.explanation["items"].values())
        own = [int(i[1:]) % 4 == n % 4 for n in range(30) for i in slate(app, user_id=f"u{n}")]
        assert np.mean(own) > 0.35, "each person shops in one of four departments"


def test_a_ranker_serves_with_whatever_channels_it_was_asked_for(shop_dir: Path) -> None:
    with opened(shop_dir, small_shop()) as app:
        train(app.log, app.registry, app.config, models=("item-knn", "ranker"))
        assert set(app.engine.retrievers) == {"popular", "trending", "covisitation", "item-knn"}
        assert app.engine.ranker is not None


def test_below_50000_interactions_only_counting_models_are_trained_and_the_reason_is_told(shop_dir: Path) -> None:
    with opened(shop_dir, small_shop()) as app:
        run = train(app.log, app.registry, app.config)
        assert {m.name for m in run.manifests} == COUNTING
        assert "50,000" in run.reasons["ease"]
        assert slate(app)


def past_of(n_items: int) -> Past:
    catalogue = Catalogue()
    for n in range(n_items):
        catalogue.number(f"i{n}")
    column = np.zeros(1_000_000)
    interactions = Interactions(column.astype(np.int32), column.astype(np.int32), column, column, 1, n_items)
    return Past(interactions, column.astype(np.int64), catalogue, 1, 1_000_000)


def test_ease_is_left_out_of_a_large_catalogue_even_when_it_is_asked_for() -> None:
    assert "ease" in choose(past_of(15_000)).models
    assert "ease" not in choose(past_of(15_001)).models
    choice = choose(past_of(15_001), ["ease", "ials"])
    assert choice.models == ("ials",)
    assert "15,001" in choice.reasons["ease"]


def test_an_unknown_model_is_named_with_the_nearest_one() -> None:
    with pytest.raises(UnknownModel, match="'covisitatoin'") as caught:
        choose(past_of(10), ["covisitatoin"])
    assert "Did you mean 'covisitation'" in caught.value.hint


def test_no_events_is_an_answer_with_a_way_on(shop_dir: Path) -> None:
    with opened(shop_dir, small_shop(n_events=0)) as app:
        with pytest.raises(NotEnoughEvents, match="no event"):
            train(app.log, app.registry, app.config, models=("content", "ease"))
        assert len(slate(app)) == 8, "and the catalogue still answers"


def test_a_catalogue_alone_trains_content_so_that_an_items_page_shows_what_is_like_it(shop_dir: Path) -> None:
    with opened(shop_dir, small_shop(n_events=0)) as app:
        run = train(app.log, app.registry, app.config)
        assert [m.name for m in run.manifests] == ["content"]
        request = Request(surface="item", at=NOW, item_id="i5", limit=6, decision_id="d")
        by_content = [p for p in app.recommend(request).items if not p.explored]
        assert {p.source for p in by_content} == {"content"}
        assert np.mean([int(p.item_id[1:]) % 4 == 1 for p in by_content]) > 0.5, "most are of its own category"


def test_one_single_person_and_one_single_item_train_and_serve(shop_dir: Path) -> None:
    with opened(shop_dir, [event(str(n), at=NOW - 100 + n) for n in range(30)]) as app:
        train(app.log, app.registry, app.config, models=ALL)
        assert slate(app, user_id="cold") == ["i1"]


def test_an_empty_log_trains_nothing() -> None:
    with pytest.raises(NotEnoughEvents):
        train(MemoryLog(), Registry(Path("unused")), Config())


def test_a_running_engine_takes_over_new_models_and_has_learned_what_came_meanwhile(shop_dir: Path) -> None:
    order = tuple(OrderLine(f"i{n}") for n in (3, 7, 11))
    entries = [*small_shop(), event("order", type="purchase", item_id=None, items=order), event("late", at=NOW - 9e5)]
    with opened(shop_dir, entries[:-200]) as app:
        before = app.engine
        assert before.models == {}
        train(app.log, app.registry, app.config)
        app.append(entries[-200:])
        while app.follow(1_000):
            pass
        assert app.newer_models()
        app.install(app.load_models())
        assert not app.newer_models()
        assert set(app.engine.models) == COUNTING
        live = {name: dict(model.arrays()) for name, model in app.engine.retrievers.items()}
    with App.open(shop_dir, config=Config(), clock=lambda: NOW) as again:
        rebuilt = {name: dict(model.arrays()) for name, model in again.engine.retrievers.items()}
    for model, arrays in live.items():
        for name, array in arrays.items():
            assert np.array_equal(array, rebuilt[model][name]), f"{model}.{name}: a restart knows what the engine knew"


def test_a_damaged_model_is_left_out_and_the_others_serve(shop_dir: Path) -> None:
    with opened(shop_dir, small_shop()) as app:
        train(app.log, app.registry, app.config)
        version = app.registry.current()["content"]
        array = next((shop_dir / "models" / "content" / version).glob("*.npy"))
        array.write_bytes(array.read_bytes()[:-1] + b"x")
        with pytest.raises(BadModelFile, match="changed"):
            app.registry.load("content", version)
        assert "content" not in app.engine.retrievers
        assert "covisitation" in app.engine.models
        assert len(slate(app)) == 8


def test_a_neural_model_trains_tells_its_epochs_and_serves(shop_dir: Path) -> None:
    for package in ("torch", "onnx", "onnxruntime"):
        pytest.importorskip(package, reason=f"sasrec needs {package}: pip install 'tailorbird[deep]'")
    config = CONFIG.model_copy(update={"models": {"sasrec": {"epochs": 2, "factors": 16}}})
    told: list[str] = []
    with opened(shop_dir, small_shop()) as app:
        train(app.log, app.registry, config, models=("sasrec",), progress=lambda what, _share: told.append(what))
        assert any(what.startswith("fitting: sasrec, epoch 2, loss ") for what in told)
        assert "sasrec" in app.engine.retrievers
        assert len(slate(app)) == 8


def test_a_neural_model_that_cannot_be_run_is_left_out_with_the_reason(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    arrays = {
        "vectors": np.ones((2, 64), np.float32),
        "encoder": np.arange(9, dtype=np.uint8),
        "limits": np.array([50, 1]),
    }
    registry.promote(
        {"sasrec": registry.save("sasrec", arrays, fitted_seq=1, settings={"factors": 64}, now=NOW).version}
    )
    models = load_models(registry, 0.0)
    assert set(models.retrievers) == set(UNTRAINED)
    expected = "no ONNX model" if find_spec("onnxruntime") else "pip install 'tailorbird[neural]'"
    assert expected in str(models.left_out["sasrec"])


def test_rollback_goes_back_one_version_and_refuses_when_there_is_none(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    first, second = (registry.save("m", {"a": np.arange(n)}, fitted_seq=n, now=NOW + n) for n in (1, 2))
    registry.promote({"m": second.version})
    assert registry.rollback("m").version == first.version
    assert registry.current() == {"m": first.version}
    with pytest.raises(NotFound, match="no older version"):
        registry.rollback("m")
    with pytest.raises(NotFound, match="There is no model 'nope'"):
        registry.rollback("nope")
    with pytest.raises(NotFound, match="'nothing'"):
        registry.promote({"m": "nothing"})
    assert registry.current() == {"m": first.version}, "a promotion that fails changes nothing"


class Lengths:
    """How long a text is, and how many words it has."""

    name, dimension = "lengths", 3

    def encode(self, texts: Sequence[str]) -> Any:
        told = np.array([[1.0, len(text), len(text.split())] for text in texts], np.float32)
        return told / np.linalg.norm(told, axis=1, keepdims=True)


def test_texts_are_encoded_by_training_and_vectors_of_another_encoder_are_left_out_of_service(shop_dir: Path) -> None:
    with opened(shop_dir, small_shop()) as app:
        train(app.log, app.registry, app.config, models=("content",), encoder=Lengths())
        assert app.load_models().retrievers["content"].made_by == "lengths"  # type: ignore[attr-defined]
    same, other = (TextConfig(encoder="http://localhost:9", model=name) for name in ("lengths", "another"))
    for text, serves in ((same, True), (other, False)):
        with App.open(shop_dir, config=CONFIG.model_copy(update={"text": text}), clock=lambda: NOW) as app:
            assert ("content" in app.load_models().retrievers) is serves


def test_an_encoder_that_is_not_there_stops_training_and_says_what_to_do(shop_dir: Path) -> None:
    config = CONFIG.model_copy(update={"text": TextConfig(encoder="local")})
    with App.open(shop_dir, config=config, clock=lambda: NOW) as app, pytest.raises(NotFound) as error:
        app.text_encoder()
    assert "models encoder" in (error.value.hint or "")
