"""The graph model: who is alike by neighbours, how a person is folded in, and how a killed training goes on."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tailorbird.catalogue import Catalogue
from tailorbird.learning.tuning import with_settings
from tailorbird.protocols import TellsProgress
from tailorbird.retrieval.lightgcn import LightGcn, LightGcnConfig
from tailorbird.types import Array, History, Interactions, Request

NOW, N_ITEMS = 1.76e9, 24
REQUEST = Request(surface="home", at=NOW)
EVERY = np.arange(N_ITEMS, dtype=np.int32)
SMALL = {"factors": 16, "batch": 32, "negatives": 16, "epochs": 15, "learning_rate": 0.01, "validation": 0}

pytestmark = pytest.mark.usefixtures("torch")


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch", reason="lightgcn needs torch: pip install 'tailorbird[deep]'")


def circles(n_people: int = 120, length: int = 5) -> Interactions:
    """Everybody takes items of one of three circles; the last two items belong to nobody."""
    draw = np.random.default_rng(4)
    users = np.repeat(np.arange(n_people, dtype=np.int32), length)
    items = (users % 3 + 3 * draw.integers(0, 7, len(users))).astype(np.int32)
    at = np.tile(60.0 * np.arange(length), n_people)
    return Interactions(users, items, at, np.ones(len(users)), n_people, N_ITEMS)


def fitted(**settings: Any) -> LightGcn:
    model = LightGcn(LightGcnConfig(**{**SMALL, **settings}))
    model.fit(circles(), Catalogue())
    return model


def cosine(a: Array, b: Array) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_items_of_the_same_people_are_found_first() -> None:
    items, _ = fitted().retrieve(REQUEST, History.of([1, 4]), 7)
    assert sorted(items.tolist()) == [1, 4, 7, 10, 13, 16, 19]


def test_a_person_is_the_weighted_sum_of_their_items() -> None:
    model = fitted(half_life=1.0)
    vectors, people = (model.arrays()[name] for name in ("vectors", "people"))
    person = 0.5 * vectors[3] / people[3] ** 0.5 + vectors[8] / people[8] ** 0.5
    expected = np.log1p(np.exp(cosine(person, vectors[5]) / model.config.temperature))
    assert model.score(REQUEST, History.of([3, 8]), EVERY)[5] == pytest.approx(expected, rel=1e-4)


def test_the_half_life_is_a_matter_of_the_question() -> None:
    model, history = fitted(), History.of([1, 4, 7, 2])
    newest, alike = (with_settings(model, {"half_life": steps}) for steps in (0.2, None))
    second, first = EVERY[:21] % 3 == 1, EVERY[:21] % 3 == 2
    scores = newest.score(REQUEST, history, EVERY[:21])
    assert scores[first].mean() > scores[second].mean()
    scores = alike.score(REQUEST, history, EVERY[:21])
    assert scores[second].mean() > scores[first].mean()


def test_what_nobody_had_is_neither_found_nor_judged() -> None:
    model = fitted(epochs=1)
    assert sorted(model.retrieve(REQUEST, History.of([1]), 100)[0].tolist()) == list(range(21))
    assert not model.score(REQUEST, History.of([1]), EVERY[21:]).any()
    assert not len(model.retrieve(REQUEST, History.of([22]), 10)[0])


def test_a_graph_can_be_learned_from_samples_of_it() -> None:
    sampled = fitted(neighbours=2)
    assert not np.array_equal(sampled.arrays()["vectors"], fitted().arrays()["vectors"])
    assert (sampled.retrieve(REQUEST, History.of([1, 4]), 7)[0] % 3 == 1).all()


class Killed(Exception):
    pass


def test_a_killed_training_goes_on_from_its_checkpoint_to_the_same_model(tmp_path: Path) -> None:
    def killed_at(_epoch: str, share: float) -> None:
        if share == 0.5:
            raise Killed

    settings = {"epochs": 4, "validation": 20, "checkpoints": str(tmp_path)}
    model, told = LightGcn(LightGcnConfig(**{**SMALL, **settings})), {}
    assert isinstance(model, TellsProgress)
    model.told = killed_at
    with pytest.raises(Killed):
        model.fit(circles(), Catalogue())
    assert len(list(tmp_path.iterdir())) == 1
    model.told = told.__setitem__
    model.fit(circles(), Catalogue())
    assert [epoch.split(",")[0] for epoch in told] == ["epoch 3", "epoch 4"]
    assert not list(tmp_path.iterdir())
    whole = fitted(epochs=4, validation=20)
    assert all(np.array_equal(array, whole.arrays()[name]) for name, array in model.arrays().items())


def test_vectors_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(24, 16\) are not 8 factors"):
        LightGcn(LightGcnConfig(factors=8), fitted(epochs=1).arrays())
