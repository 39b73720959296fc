"""Two towers: items that nobody touched, items that come late, and how a step is corrected."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tailorbird.catalogue import Catalogue
from tailorbird.protocols import FollowsCatalogue, TellsProgress
from tailorbird.retrieval.two_tower import TwoTower, TwoTowerConfig
from tailorbird.types import History, Interactions, Item, Request

NOW, N_ITEMS = 1.76e9, 40
KINDS = ("shoes", "shirts", "lamps", "books")
REQUEST = Request(surface="home", at=NOW)
EVERY = np.arange(N_ITEMS, dtype=np.int32)
SMALL = {"factors": 16, "hidden": 16, "batch": 32, "uniform": 8, "epochs": 15, "learning_rate": 0.01, "validation": 0}
COLD = 36
"""From this item on nobody touched any."""

pytestmark = pytest.mark.usefixtures("torch")


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch", reason="two-tower needs torch: pip install 'tailorbird[deep]'")


def article(n: int) -> Item:
    kind = KINDS[n % 4]
    return Item(item_id=f"i{n}", title=f"{kind} of a kind", categories=("shop", kind), price=10.0 + n % 4)


def shop(n_items: int = N_ITEMS) -> Catalogue:
    made = Catalogue()
    for n in range(n_items):
        made.upsert(article(n))
    return made


def log(n_people: int = 150, length: int = 6) -> Interactions:
    """Everybody stays with one kind."""
    draw = np.random.default_rng(4)
    users = np.repeat(np.arange(n_people, dtype=np.int32), length)
    items = (users % 4 + 4 * draw.integers(0, COLD // 4, len(users))).astype(np.int32)
    at = np.tile(NOW - 1e6 + 60.0 * np.arange(length), n_people)
    return Interactions(users, items, at, np.ones(len(users)), n_people, N_ITEMS)


def fitted(catalogue: Catalogue, interactions: Interactions | None = None, **settings: Any) -> TwoTower:
    model = TwoTower(TwoTowerConfig(**{**SMALL, **settings}))
    model.fit(interactions or log(), catalogue)
    return model


def test_an_item_that_nobody_touched_is_found_by_what_describes_it() -> None:
    scores = fitted(shop()).score(REQUEST, History.of([1, 5, 9]), EVERY)
    cold = scores[COLD:]
    assert cold.argmax() == 1, "the untouched shirt, for somebody who looks at shirts"
    assert cold[1] > scores[np.flatnonzero(EVERY % 4 != 1)].max()


def test_without_descriptions_an_item_that_nobody_touched_is_not_known() -> None:
    model = fitted(Catalogue())
    items, _ = model.retrieve(REQUEST, History.of([1, 5]), 100)
    assert sorted(items.tolist()) == list(range(COLD))
    assert not model.score(REQUEST, History.of([1, 5]), EVERY[COLD:]).any()
    assert not len(model.retrieve(REQUEST, History.of([COLD]), 10)[0])


def test_an_item_described_after_the_fit_is_found_by_the_next_question() -> None:
    catalogue = shop()
    model = fitted(catalogue)
    assert isinstance(model, FollowsCatalogue)
    number = catalogue.upsert(article(N_ITEMS + 1))
    twin = model.score(REQUEST, History.of([1, 5]), np.array([COLD + 1, number], np.int32))
    assert twin[0] == pytest.approx(twin[1], rel=1e-4), "described alike, wanted alike"
    assert number in model.retrieve(REQUEST, History.of([1, 5]), 20)[0]
    again = TwoTower(model.config, model.arrays())
    assert again.score(REQUEST, History.of([1, 5]), np.array([number], np.int32))[0] == pytest.approx(twin[1], rel=1e-5)


def test_a_stored_model_takes_in_what_is_new_once_it_is_bound() -> None:
    catalogue = shop()
    stored = TwoTower(TwoTowerConfig(**SMALL), fitted(catalogue).arrays())
    number = catalogue.upsert(article(N_ITEMS + 1))
    asked = np.array([number], np.int32)
    assert not stored.score(REQUEST, History.of([1]), asked).any()
    stored.bind(catalogue)
    assert stored.score(REQUEST, History.of([1]), asked).all()


def test_an_import_of_many_items_is_taken_in_a_few_at_a_time_and_all_are_found() -> None:
    catalogue = shop()
    model, history = fitted(catalogue, epochs=1), History.of([1])
    for n in range(N_ITEMS, N_ITEMS + 2_500):
        catalogue.upsert(article(n))
    late = np.arange(N_ITEMS, N_ITEMS + 2_500, dtype=np.int32)
    assert np.count_nonzero(model.score(REQUEST, history, late)) == 50
    for _ in range(49):
        items, scores = model.retrieve(REQUEST, history, 2_000)
        assert len(np.unique(items)) == len(items)
        assert (np.diff(scores) <= 0).all()
    assert model.score(REQUEST, history, late).all()
    assert len(model.retrieve(REQUEST, history, 5_000)[0]) == N_ITEMS + 2_500


def test_an_item_of_which_no_token_is_known_stays_unknown() -> None:
    catalogue = shop()
    model = fitted(catalogue, epochs=1)
    number = catalogue.upsert(Item(item_id="odd", title="quux"))
    assert not model.score(REQUEST, History.of([1]), np.array([number], np.int32)).any()
    assert number not in model.retrieve(REQUEST, History.of([1]), 100)[0]


def test_what_was_taken_up_last_weighs_most() -> None:
    model = fitted(shop())
    shirts, lamps = (model.score(REQUEST, History.of(items), EVERY) for items in ([2, 6, 1, 5], [1, 5, 2, 6]))
    assert shirts[EVERY % 4 == 1].mean() > shirts[EVERY % 4 == 2].mean()
    assert lamps[EVERY % 4 == 2].mean() > lamps[EVERY % 4 == 1].mean()


def test_only_the_newest_entries_are_looked_at() -> None:
    model = fitted(shop(), epochs=1, last=3)
    long, short = History.of([2, 6, 1, 5, 9]), History.of([1, 5, 9])
    assert np.array_equal(model.score(REQUEST, long, EVERY), model.score(REQUEST, short, EVERY))


class Killed(Exception):
    pass


def test_a_killed_training_goes_on_from_its_checkpoint_to_the_same_model(tmp_path: Path) -> None:
    def killed_at(_epoch: str, share: float) -> None:
        if share == 0.5:
            raise Killed

    settings = {"epochs": 4, "validation": 20, "checkpoints": str(tmp_path)}
    model, told = TwoTower(TwoTowerConfig(**{**SMALL, **settings})), {}
    assert isinstance(model, TellsProgress)
    model.told = killed_at
    with pytest.raises(Killed):
        model.fit(log(), shop())
    assert len(list(tmp_path.iterdir())) == 1
    model.told = told.__setitem__
    model.fit(log(), shop())
    assert [epoch.split(",")[0] for epoch in told] == ["epoch 3", "epoch 4"]
    assert not list(tmp_path.iterdir())
    whole = fitted(shop(), epochs=4, validation=20)
    assert all(np.array_equal(array, whole.arrays()[name]) for name, array in model.arrays().items())


@pytest.mark.parametrize(("setting", "value"), [("factors", 8), ("hidden", 8), ("half_lives", (1.0,))])
def test_arrays_of_another_size_are_refused(setting: str, value: Any) -> None:
    arrays = fitted(shop(), epochs=1).arrays()
    with pytest.raises(ValueError, match=r"of shape .* is not"):
        TwoTower(TwoTowerConfig(**{**SMALL, setting: value}), arrays)
