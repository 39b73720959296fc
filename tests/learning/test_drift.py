"""Whether what is read today looks like what was learned from."""

import numpy as np
import pytest

from tailorbird.learning.drift import MOVED, Reference, psi


def test_the_index_of_a_known_case() -> None:
    assert psi(np.full(4, 0.25), np.array([0.4, 0.3, 0.2, 0.1])) == pytest.approx(0.228217, abs=1e-6)
    assert psi(np.full(4, 0.25), np.full(4, 0.25)) == 0.0


def test_the_same_distribution_has_not_moved_and_a_shifted_one_has() -> None:
    draw = np.random.default_rng(1)
    reference = Reference.of(draw.normal(size=(5_000, 2)), np.ones(5_000))
    newer = np.column_stack((draw.normal(size=3_000), draw.normal(1.0, 1.0, 3_000)))
    same, moved = reference.drift(newer)
    assert same < 0.02
    assert moved > MOVED


def test_a_column_that_is_mostly_zero_shows_when_it_is_so_less_often() -> None:
    draw = np.random.default_rng(2)
    before = np.where(draw.random(5_000) < 0.95, 0.0, draw.random(5_000))[:, None]
    after = np.where(draw.random(5_000) < 0.5, 0.0, draw.random(5_000))[:, None]
    reference = Reference.of(before, np.ones(5_000))
    assert reference.drift(before)[0] < 0.01
    assert reference.drift(after)[0] > MOVED


def test_rows_that_stand_for_many_weigh_as_many() -> None:
    rows = np.array([[0.0], [1.0]])
    assert Reference.of(rows, np.array([1.0, 9.0])).shares[0, :2].tolist() == [0.1, 0.9]


def test_what_is_kept_is_what_comes_back_and_an_older_version_has_none() -> None:
    reference = Reference.of(np.arange(100.0)[:, None], np.ones(100))
    again = Reference.of_arrays(reference.arrays())
    assert again is not None
    assert np.array_equal(again.edges, reference.edges)
    assert np.array_equal(again.shares, reference.shares)
    assert Reference.of_arrays({}) is None


def test_a_column_of_one_value_and_no_rows_at_all_give_no_trouble() -> None:
    assert Reference.of(np.ones((50, 1)), np.ones(50)).drift(np.ones((9, 1))).tolist() == [0.0]
    assert np.isfinite(Reference.of(np.empty((0, 2)), np.empty(0)).drift(np.ones((3, 2)))).all()
