"""Log-odds are those of the truth, keep the order, and the error says how far off they are."""

import numpy as np
import pytest

from tailorbird.ranking.calibration import calibration_error, log_odds


def drawn(slope: float, intercept: float, n: int = 40_000, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    scores = draw.normal(3.0, 2.0, n)
    return scores, draw.random(n) < 1 / (1 + np.exp(-(slope * scores + intercept)))


def test_the_curve_that_made_the_labels_is_found_again() -> None:
    scores, wanted = drawn(0.8, -4.0)
    curve = log_odds(scores, wanted, np.ones(len(scores)))
    assert curve.slope == pytest.approx(0.8, abs=0.04)
    assert curve.intercept == pytest.approx(-4.0, abs=0.15)


def test_a_sample_of_the_unwanted_that_knows_what_it_stands_for_says_the_same_as_all_of_them() -> None:
    scores, wanted = drawn(0.8, -4.0)
    kept = wanted | (np.random.default_rng(2).random(len(scores)) < 0.1)
    weights = np.where(wanted, 1.0, 10.0)[kept]
    curve = log_odds(scores[kept], wanted[kept], weights)
    assert curve.slope == pytest.approx(0.8, abs=0.06)
    assert calibration_error(curve.of(scores), wanted, np.ones(len(scores))) < 0.06


def test_where_nearly_everything_is_told_apart_the_curve_stays_sober() -> None:
    draw = np.random.default_rng(4)
    scores = np.concatenate((draw.normal(1.15, 0.1, 54), draw.normal(-1.56, 0.05, 10_111)))
    wanted = np.arange(len(scores)) < 54
    curve = log_odds(scores, wanted, np.ones(len(scores)))
    assert 1.0 < curve.slope < 30.0
    assert np.abs(curve.of(scores)).max() < 50.0


def test_chances_twice_too_high_are_an_error_of_one_whole() -> None:
    draw = np.random.default_rng(3)
    chance = draw.uniform(0.01, 0.3, 100_000)
    wanted = draw.random(len(chance)) < chance
    double = np.log(2 * chance / (1 - 2 * chance))
    assert calibration_error(double, wanted, np.ones(len(chance))) == pytest.approx(1.0, abs=0.03)
    assert calibration_error(np.log(chance / (1 - chance)), wanted, np.ones(len(chance))) < 0.03


@pytest.mark.parametrize(
    ("scores", "wanted"),
    [
        (np.zeros(50), np.arange(50) < 5),
        (np.arange(50.0), np.arange(50) < 25),
        (np.arange(50.0), np.arange(50) >= 25),
        (np.arange(50.0), np.zeros(50, np.bool_)),
        (np.arange(50.0), np.ones(50, np.bool_)),
        (np.array([1e12, -1e12]), np.array([True, False])),
    ],
)
def test_scores_that_say_nothing_the_opposite_or_everything_keep_their_order(
    scores: np.ndarray, wanted: np.ndarray
) -> None:
    curve = log_odds(scores, wanted, np.ones(len(scores)))
    assert curve.slope > 0
    assert np.isfinite(curve.of(scores)).all()
