"""Intervals, held to a known truth."""

import time

import numpy as np
import pytest

from tailorbird.learning.intervals import interval, resampled
from tailorbird.learning.metrics import Worth
from tailorbird.types import Array


def hits(gained: Array) -> Worth:
    return Worth(gained.astype(float), np.ones(len(gained)))


def test_an_interval_of_95_percent_holds_the_truth_in_95_of_100_worlds() -> None:
    draw, held = np.random.default_rng(1), 0
    for world in range(300):
        figures = resampled([hits(draw.random(150) < 0.3)], np.arange(150), draws=400, seed=world)
        low, high = interval(figures[:, 0]) or (0.0, 0.0)
        held += low <= 0.3 <= high
    assert 0.91 <= held / 300 <= 0.98


def test_cases_of_one_person_do_not_pass_for_independent_ones() -> None:
    person_hits = np.random.default_rng(2).random(100) < 0.4
    alone = resampled([hits(person_hits)], np.arange(100))
    repeated = resampled([hits(np.repeat(person_hits, 25))], np.repeat(np.arange(100), 25))
    assert repeated.std() == pytest.approx(alone.std(), rel=0.1)
    assert alone.std() == pytest.approx(np.sqrt(person_hits.mean() * (1 - person_hits.mean()) / 100), rel=0.1)


def test_a_difference_is_paired() -> None:
    draw = np.random.default_rng(3)
    easy = draw.random(2_000)
    theirs, mine = hits(easy < 0.5), hits(easy < 0.53)
    figures = resampled([mine, theirs], np.arange(2_000))
    low, high = interval(figures[:, 0] - figures[:, 1]) or (0.0, 0.0)
    apart = [interval(figures[:, n]) or (0.0, 0.0) for n in (0, 1)]
    assert low > 0, "whoever theirs serves, mine serves too"
    assert apart[0][0] < apart[1][1], "the two intervals overlap all the same"
    assert low <= mine.figure() - theirs.figure() <= high  # type: ignore[operator]


def test_the_draws_are_the_same_each_time_and_a_figure_is_a_ratio_of_sums() -> None:
    worth = Worth(np.array([1.0, 0.0, 3.0]), np.array([1.0, 2.0, 3.0]))
    one, two = (resampled([worth], np.array([5, 5, 9]), draws=50) for _ in range(2))
    assert (one == two).all()
    assert set(one[:, 0].round(9)) == {round(1 / 3, 9), round(4 / 6, 9), 1.0}, "5 twice, one of each, 9 twice"


def test_draws_in_which_nothing_was_possible_are_left_out() -> None:
    worth = Worth(np.array([0.5, 0.0]), np.array([1.0, 0.0]))
    figures = resampled([worth], np.array([0, 1]))
    assert np.isnan(figures).any()
    assert interval(figures[:, 0]) == (0.5, 0.5)
    assert interval(np.full(10, np.nan)) is None


def test_sixty_thousand_people_take_seconds() -> None:
    worths = [hits(np.random.default_rng(n).random(60_000) < 0.1) for n in range(8)]
    began = time.process_time()
    resampled(worths, np.arange(60_000))
    assert time.process_time() - began < 10
