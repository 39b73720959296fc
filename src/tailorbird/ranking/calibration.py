"""From a ranker's score to the log-odds that its candidate is wanted.

J. Platt, Probabilistic Outputs for Support Vector Machines and Comparisons to Regularized Likelihood Methods, 1999: a
logistic curve with two numbers. Chosen over isotonic steps because it never lets two candidates tie that the trees have
told apart. Rows are weighed, since of the unwanted candidates a list keeps a sample.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from tailorbird.types import BoolArray, FloatArray, IntArray

_LEAST_SLOPE: Final = 1e-3
_STEPS: Final = 50
_BINS: Final = 10


@dataclass(frozen=True)
class LogOdds:
    """``slope * score + intercept``; the slope is above 0, so that the order stays."""

    slope: float
    intercept: float

    def of(self, scores: FloatArray) -> FloatArray:
        """The log-odds of these scores."""
        return np.asarray(self.slope * scores + self.intercept)


def log_odds(scores: FloatArray, wanted: BoolArray, weights: FloatArray) -> LogOdds:
    """The most likely curve through these candidates, all arrays of shape (n,), by Newton's method.

    Targets are drawn a little towards each other (the paper's section 2.2), so that candidates which the score parts
    without a mistake do not send the slope to infinity. A score that says nothing, or the opposite, keeps its order at
    the least slope.
    """
    yes, no = float(weights[wanted].sum()), float(weights[~wanted].sum())
    target = np.where(wanted, (yes + 1.0) / (yes + 2.0), 1.0 / (no + 2.0))
    middle, spread = float(scores.mean()), max(float(scores.std()), 1e-9)
    columns = np.column_stack(((scores - middle) / spread, np.ones(len(scores))))
    curve = np.array([0.0, np.log((yes + 1.0) / (no + 1.0))])
    for _ in range(_STEPS):
        p = _chance(columns @ curve)
        slopes = columns.T @ (weights * (target - p))
        bends = (columns * (weights * p * (1 - p))[:, None]).T @ columns + 1e-9 * np.eye(2)
        step = np.linalg.solve(bends, slopes)
        before = _unlikelihood(columns @ curve, target, weights)
        # Where nearly all is told apart, a whole step goes far beyond the best: half of it, until it is a gain.
        while _unlikelihood(columns @ (curve + step), target, weights) > before and float(np.abs(step).max()) > 1e-9:
            step = step / 2.0
        curve = curve + step
        if float(np.abs(step).max()) < 1e-9:
            break
    slope = max(float(curve[0]) / spread, _LEAST_SLOPE)
    return LogOdds(slope, float(curve[1]) - slope * middle)


MEANING: Final = (
    "how far the ranker's chances are from what happened, as a share of them: 0 is perfect, 0.1 is a tenth too high or"
    " too low on average"
)
"""Of `calibration_error`, wherever the figure is shown."""


def calibration_error(foretold: FloatArray, wanted: BoolArray, weights: FloatArray) -> float:
    """How far the chances are from what happened: the mean over ten bins, as a share of the mean chance.

    ``foretold`` are log-odds. Bins are of equal weight by what was foretold (M. Naeini et al., Obtaining Well
    Calibrated Probabilities Using Bayesian Binning, AAAI 2015, call the sum expected calibration error); ours is a
    share, because a candidate among hundreds has a chance of a few thousandths and every error would look small.
    """
    order = np.argsort(foretold, kind="stable")
    so_far = np.cumsum(weights[order])
    bins: IntArray = np.minimum(((so_far - weights[order] / 2) * _BINS / so_far[-1]).astype(np.int32), _BINS - 1)
    said = np.bincount(bins, (weights * _chance(foretold))[order], _BINS)
    happened = np.bincount(bins, (weights * wanted)[order], _BINS)
    return float(np.abs(said - happened).sum() / max(happened.sum(), 1e-12))


def _unlikelihood(log_odds: FloatArray, target: FloatArray, weights: FloatArray) -> float:
    """The cross-entropy of the targets."""
    return float((weights * (np.logaddexp(0.0, log_odds) - target * log_odds)).sum())


def _chance(log_odds: FloatArray) -> FloatArray:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(log_odds, -60.0, 60.0))))
