"""EASE: the closed form, its query, and its limit."""

import numpy as np
import pytest

from tailorbird.catalogue import Catalogue
from tailorbird.errors import InvalidConfig, TooManyItems
from tailorbird.retrieval.ease import Ease, EaseConfig
from tailorbird.types import History, Interactions, Request

REQUEST = Request(surface="home", at=0.0)


@pytest.fixture
def log() -> Interactions:
    draw = np.random.default_rng(4)
    items = (draw.random(900) ** 2 * 150).astype(np.int32)
    return Interactions(draw.integers(0, 60, 900).astype(np.int32), items, np.arange(900.0), np.ones(900), 60, 200)


def test_weights_are_those_of_equation_8(log: Interactions) -> None:
    model = Ease(EaseConfig(regularisation=5.0, half_life=None))
    model.fit(log, Catalogue())
    chosen = np.zeros((60, 200))
    chosen[log.users, log.items] = 1
    inverse = np.linalg.inv(chosen.T @ chosen + 5.0 * np.eye(200))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    query = [3, 50, 9]
    scores = model.score(REQUEST, History.of(query), np.arange(200, dtype=np.int32))
    assert np.allclose(scores, weights[query].sum(axis=0), atol=1e-5)
    some = np.array([7, 199, 500, 3], np.int32)
    assert np.allclose(model.score(REQUEST, History.of(query), some), [scores[7], scores[199], 0, scores[3]], atol=1e-6)


def test_recency_weighs_the_query(log: Interactions) -> None:
    model = Ease(EaseConfig(half_life=1.0))
    model.fit(log, Catalogue())
    every = np.arange(200, dtype=np.int32)
    one, two = (model.score(REQUEST, History.of([item]), every) for item in (5, 17))
    assert np.allclose(model.score(REQUEST, History.of([5, 17]), every), 0.5 * one + two, atol=1e-6)


def test_items_without_interactions_cost_nothing(log: Interactions) -> None:
    model = Ease()
    model.fit(log, Catalogue())
    n_members = len(np.unique(log.items))
    assert model.arrays()["weights"].shape == (n_members, n_members)
    items, _ = model.retrieve(REQUEST, History.of([3]), 200)
    assert set(items.tolist()) == set(np.unique(log.items).tolist())


def test_too_many_items_are_refused_with_the_number_and_the_remedy(log: Interactions) -> None:
    with pytest.raises(TooManyItems, match=r"limit is 20.*covisitation"):
        Ease(EaseConfig(max_items=20)).fit(log, Catalogue())


def test_a_regularisation_too_small_for_single_precision_says_so() -> None:
    users = np.repeat(np.arange(50, dtype=np.int32), 4)
    alike = Interactions(users, np.tile(np.arange(4, dtype=np.int32), 50), np.zeros(200), np.ones(200), 50, 4)
    with pytest.raises(InvalidConfig, match="tenfold"):
        Ease(EaseConfig(regularisation=1e-9)).fit(alike, Catalogue())


def test_weights_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="do not match"):
        Ease(None, {"members": np.arange(3, dtype=np.int32), "weights": np.zeros((2, 2), np.float32)})
