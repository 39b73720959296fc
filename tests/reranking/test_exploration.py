"""Exploration: what the decision says of its own chances is true."""

import numpy as np
import pytest

from tailorbird.reranking.exploration import place, seed_of


@pytest.mark.parametrize(("n_pool", "limit", "most"), [(30, 6, 100), (8, 6, 100), (60, 5, 12), (7, 7, 100)])
def test_logged_propensities_are_the_frequencies_of_200000_draws(n_pool: int, limit: int, most: int) -> None:
    draws, counts = 200_000, np.zeros((limit, n_pool))
    logged = np.zeros((limit, n_pool))
    for seed in range(draws):
        placement = place(n_pool, limit, 0.3, most_explored=most, seed=seed)
        positions = np.arange(len(placement.rows))
        counts[positions, placement.rows] += 1
        logged[positions, placement.rows] = placement.propensities
    frequency = counts / draws
    error = np.sqrt(np.maximum(logged * (1 - logged), 1e-9) / draws)
    assert np.all(np.abs(frequency - logged) <= 5 * error + 1e-12)
    assert logged.sum(axis=1) == pytest.approx(1.0), "the chances of one position sum to one"


def test_no_item_stands_twice_and_the_same_seed_gives_the_same_slate() -> None:
    for seed in range(500):
        one, two = place(40, 20, 0.5, seed=seed), place(40, 20, 0.5, seed=seed)
        assert len(set(one.rows.tolist())) == 20
        assert np.array_equal(one.rows, two.rows)


def test_without_exploration_the_ranking_stands_with_certainty() -> None:
    placement = place(10, 4, 0.0, seed=1)
    assert placement.rows.tolist() == [0, 1, 2, 3]
    assert placement.propensities.tolist() == [1.0] * 4


def test_a_seed_follows_from_the_id() -> None:
    assert seed_of("a") == seed_of("a") != seed_of("b")
