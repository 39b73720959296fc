"""The figures of a small split, by hand."""

import numpy as np
import pytest

from tailorbird.catalogue import Catalogue
from tailorbird.learning.figures import Draws, Yardstick
from tailorbird.learning.interactions import Dataset
from tailorbird.learning.metrics import Placements
from tailorbird.learning.splits import split
from tailorbird.types import NOBODY, Interactions

HISTORIES = {"u": "abc", "v": "acdb", "w": "a"}
"""Leave-one-out trains on u: a, v: a c, w: a. It asks u for c, who has had a b, and v for b, who has had a c d."""


@pytest.fixture
def yardstick() -> Yardstick:
    catalogue = Catalogue()
    for item in "abcd":
        catalogue.number(item)
    rows = [
        (user, "abcd".index(item), at) for user, word in enumerate(HISTORIES.values()) for at, item in enumerate(word)
    ]
    users, items, at = (np.array(column) for column in zip(*rows, strict=True))
    order = np.argsort(at, kind="stable")
    log = Interactions(
        users[order].astype(np.int32), items[order].astype(np.int32), at[order].astype(float), np.ones(len(at)), 3, 4
    )
    sessions = np.full(len(at), NOBODY, np.int32)
    cut = split(Dataset(log, catalogue, list(HISTORIES), sessions, timed=False, rows=len(at)), "leave-one-out")
    return Yardstick.of(cut, (2, 2))


@pytest.fixture
def placements() -> Placements:
    """Lists of two: d and c for u, b alone for v."""
    return Placements(np.array([2.0, 1.0]), np.arange(3), np.array([[3, 2], [1, NOBODY]], np.int32))


def test_popularity_is_that_of_train(yardstick: Yardstick) -> None:
    assert yardstick.weights.tolist() == [1, 0], "one person has c in training, and nobody b"
    assert yardstick.bits.tolist() == pytest.approx([0, np.log2(3), np.log2(3), np.log2(3)])


def test_figures_by_hand(yardstick: Yardstick, placements: Placements) -> None:
    second = 1 / np.log2(3)
    assert yardstick.figures(placements) == pytest.approx(
        {
            "hr@2": 1,
            "ndcg@2": (second + 1) / 2,
            "recall@2": 1,
            "mrr@2": 0.75,
            "debiased_ndcg@2": second,
            "coverage@2": 3 / 4,
            "gini@2": 1 / 4,
            "novelty@2": np.log2(3),
            "ild@2": None,
        }
    )


def test_segments_by_hand(yardstick: Yardstick, placements: Placements) -> None:
    segments = yardstick.by_segment(placements)
    assert segments["new"] == pytest.approx(
        {"cases": 1, "hr@2": 1, "ndcg@2": 1 / np.log2(3), "recall@2": 1, "mrr@2": 0.5}
    )
    assert segments["light"] == {"cases": 1, "hr@2": 1, "ndcg@2": 1, "recall@2": 1, "mrr@2": 1}
    assert segments["heavy"] == {"cases": 0, "hr@2": None, "ndcg@2": None, "recall@2": None, "mrr@2": None}


def test_what_gets_an_interval_is_the_figure_of_the_table(yardstick: Yardstick, placements: Placements) -> None:
    figures = yardstick.figures(placements)
    worths = yardstick.worths(placements)
    assert {name: worth.figure() for name, worth in worths.items()} == {name: figures[name] for name in worths}
    draws = Draws({"m": worths}, yardstick.split.test.askers())
    assert draws.intervals("m")["ndcg@2"] == pytest.approx((1 / np.log2(3), 1)), "u twice, or v twice"
    nothing = draws.differences("m", "m")["ndcg@2"]
    assert nothing is not None
    assert (nothing.difference, nothing.low, nothing.high) == (0, 0, 0)


def test_one_person_has_no_interval(placements: Placements) -> None:
    draws = Draws({"m": {"hr@2": placements.hits(2)}}, np.array([7, 7]))
    assert draws.intervals("m") == {"hr@2": None}
    assert draws.differences("m", "m") == {"hr@2": None}
