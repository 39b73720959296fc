"""Matrix factorisation: the gradients lead to the least squares, and two tastes come apart."""

import numpy as np
import pytest

from tailorbird.catalogue import Catalogue
from tailorbird.retrieval.ials import ImplicitAls, ImplicitAlsConfig, _conjugate_gradients, observed_pairs
from tailorbird.types import History, Interactions, Request

REQUEST = Request(surface="home", at=0.0)


@pytest.fixture
def two_tastes() -> Interactions:
    """60 people, half of whom choose among items 0-19, the others among 20-39."""
    draw = np.random.default_rng(6)
    users = np.repeat(np.arange(60, dtype=np.int32), 10)
    items = (draw.integers(0, 20, 600) + 20 * (users % 2)).astype(np.int32)
    return Interactions(users, items, np.arange(600.0), np.ones(600), 60, 45)


def test_enough_steps_solve_the_normal_equations() -> None:
    draw = np.random.default_rng(1)
    theirs, mine = draw.normal(size=(12, 5)).astype(np.float32), np.zeros((1, 5), np.float32)
    columns, weights = np.array([1, 4, 7], np.int32), np.array([1.0, 2.0, 0.5], np.float32)
    gram = (0.1 * theirs.T @ theirs).astype(np.float32)
    _conjugate_gradients(mine, theirs, gram, np.array([0, 3]), columns, weights, 0.2, 0.3, 30)
    rows = theirs[columns].astype(np.float64)
    normal = gram + (rows.T * weights) @ rows + (0.2 * weights.sum() + 0.3) * np.eye(5)
    assert np.allclose(mine[0], np.linalg.solve(normal, weights @ rows), atol=1e-4)


def test_a_stranger_gets_the_taste_of_two_clicks(two_tastes: Interactions) -> None:
    model = ImplicitAls(ImplicitAlsConfig(factors=8))
    model.fit(two_tastes, Catalogue())
    items, scores = model.retrieve(REQUEST, History.of([1, 2]), 10)
    assert np.mean(items < 20) >= 0.9
    assert scores[0] > 0.2
    judged = model.score(REQUEST, History.of([21]), np.arange(40, dtype=np.int32))
    assert judged[20:].mean() > 5 * abs(judged[:20].mean())


def test_items_nobody_chose_have_no_score(two_tastes: Interactions) -> None:
    model = ImplicitAls(ImplicitAlsConfig(factors=8))
    model.fit(two_tastes, Catalogue())
    assert not model.score(REQUEST, History.of([1]), np.array([40, 44, 1_000], np.int32)).any()


def test_the_same_seed_gives_the_same_vectors(two_tastes: Interactions) -> None:
    one, two, other = (ImplicitAls(ImplicitAlsConfig(factors=8, seed=seed)) for seed in (1, 1, 2))
    for model in (one, two, other):
        model.fit(two_tastes, Catalogue())
    assert np.array_equal(one.arrays()["vectors"], two.arrays()["vectors"])
    assert not np.array_equal(one.arrays()["vectors"], other.arrays()["vectors"])


def test_an_order_says_more_than_a_view_but_not_eight_times_as_much() -> None:
    log = Interactions(
        np.array([0, 0, 1], np.int32), np.array([3, 3, 2], np.int32), np.zeros(3), np.array([1.0, 8.0, 1.0]), 2, 4
    )
    users, items, weights = observed_pairs(log)
    assert (users.tolist(), items.tolist()) == ([0, 1], [3, 2])
    assert np.allclose(weights, [np.log2(10), 1])


def test_a_heavier_entry_pulls_the_person_further(two_tastes: Interactions) -> None:
    model = ImplicitAls(ImplicitAlsConfig(factors=8, half_life=None))
    model.fit(two_tastes, Catalogue())
    items, at = np.array([1, 21], np.int32), np.zeros(2)
    bought, every = np.zeros(2, np.bool_), np.arange(20, dtype=np.int32)
    first = model.score(REQUEST, History(items, at, np.array([8.0, 1.0]), bought), every).mean()
    second = model.score(REQUEST, History(items, at, np.array([1.0, 8.0]), bought), every).mean()
    assert first > second
