"""Metrics against plain definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.learning.metrics import Placements, place
from tailorbird.types import NOBODY


def placed(scores: list[float], answers: list[int], k: int = 3) -> tuple[list[float], list[int]]:
    ranks, shown = np.empty(len(answers)), np.empty(k, np.int32)
    place(np.array(scores), np.array(answers, np.int32), ranks, shown, np.empty(k))
    return ranks.tolist(), shown.tolist()


def of_ranks(*cases: list[float], shown: list[list[int]] | None = None) -> Placements:
    lists = np.array(shown, np.int32) if shown else np.full((len(cases), 1), NOBODY, np.int32)
    starts = np.concatenate(([0], np.cumsum([len(case) for case in cases])))
    return Placements(np.array([rank for case in cases for rank in case], np.float64), starts, lists)


def test_a_rank_counts_what_is_better_and_half_of_what_is_equal() -> None:
    assert placed([0.1, 0.9, 0.5, 0.5, 0.5], [2])[0] == [3.0]
    assert placed([1.0, 1.0, 1.0, 1.0], [0])[0] == [2.5]
    assert placed([3.0, -np.inf, 2.0, -np.inf], [2])[0] == [2.0], "what is not ranked is behind"


def test_what_is_shown_is_best_first_and_stops_where_there_is_no_opinion() -> None:
    assert placed([0.0, 2.0, 0.0, 5.0, -np.inf], [1])[1] == [3, 1, NOBODY]
    assert placed([4.0, 4.0, 4.0, 4.0], [1])[1] == [0, 1, 2]


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=30), st.data())
def test_ranks_average_over_every_order_of_equals(values: list[int], data: st.DataObject) -> None:
    scores = [float(value) for value in values]
    answer = data.draw(st.integers(0, len(scores) - 1))
    ranks, _ = placed(scores, [answer])
    first = 1 + sum(score > scores[answer] for score in scores)
    last = first + sum(score == scores[answer] for score in scores) - 1
    assert ranks == [(first + last) / 2]


def test_figures_of_single_answers() -> None:
    placements = of_ranks([1], [3], [10], [11], [400])
    assert placements.hit_rate(10) == pytest.approx(3 / 5)
    assert placements.recall(10) == pytest.approx(3 / 5)
    assert placements.ndcg(10) == pytest.approx((1 + 0.5 + 1 / np.log2(11)) / 5)
    assert placements.reciprocal_rank(20) == pytest.approx((1 + 1 / 3 + 1 / 10 + 1 / 11) / 5)


def test_figures_of_several_answers() -> None:
    placements = of_ranks([1, 3, 50], [2])
    assert placements.hit_rate(3) == 1
    assert placements.recall(2) == pytest.approx((1 / 2 + 1) / 2), "two of three could be among two"
    ideal = 1 + 1 / np.log2(3) + 0.5
    assert placements.ndcg(3) == pytest.approx((1.5 / ideal + 1 / np.log2(3)) / 2)
    assert placements.reciprocal_rank(3) == pytest.approx((1 + 0.5) / 2)


def test_the_best_possible_ranking_has_an_ndcg_of_one() -> None:
    assert of_ranks([1, 2, 3], [1], [1, 2]).ndcg(10) == pytest.approx(1)


def test_coverage_is_the_share_of_items_shown_to_anybody() -> None:
    placements = of_ranks([1], [1], [1], shown=[[0, 1], [1, 0], [0, NOBODY]])
    assert placements.coverage(10) == pytest.approx(0.2)


def test_gini_is_0_for_all_alike_and_near_1_for_one_taking_all() -> None:
    alike = of_ranks(*([[1]] * 4), shown=[[0], [1], [2], [3]])
    assert alike.gini(4) == pytest.approx(0)
    one = of_ranks(*([[1]] * 4), shown=[[0]] * 4)
    assert one.gini(4) == pytest.approx(3 / 4)
    assert one.gini(1_000) > 0.99
    assert of_ranks([1]).gini(10) == 0, "nothing shown"


def test_diversity_is_one_minus_the_mean_cosine_of_two_shown() -> None:
    vectors = np.array([[1, 0], [0, 1], [1, 0], [0, 0]], np.float32)
    assert of_ranks([1], shown=[[0, 1]]).intra_list_diversity(vectors) == pytest.approx(1)
    assert of_ranks([1], shown=[[0, 2]]).intra_list_diversity(vectors) == pytest.approx(0)
    assert of_ranks([1], shown=[[0, 1, 2]]).intra_list_diversity(vectors) == pytest.approx(2 / 3)
    both = of_ranks([1], [1], shown=[[0, 1, 3], [0, 3, NOBODY]])
    assert both.intra_list_diversity(vectors) == pytest.approx(1), "items without description do not count"
    assert of_ranks([1], shown=[[3, 3]]).intra_list_diversity(vectors) is None
