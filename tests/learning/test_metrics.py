"""Metrics against plain definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.learning.metrics import (
    Placements,
    inverse_propensities,
    people_per_item,
    place,
    self_information,
)
from tailorbird.types import NOBODY, Interactions


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


def interactions(pairs: list[tuple[int, int]], n_items: int) -> Interactions:
    users, items = (np.array(column, np.int32) for column in zip(*pairs, strict=True))
    return Interactions(users, items, np.arange(len(pairs), dtype=float), np.ones(len(pairs)), 10, n_items)


def test_a_person_counts_once_for_an_item() -> None:
    log = interactions([(0, 1), (0, 1), (1, 1), (9, 0), (0, 3), (0, 1)], 5)
    assert people_per_item(log).tolist() == [1, 2, 0, 1, 0]


def test_an_answer_weighs_the_less_the_more_people_have_it_and_nothing_when_nobody_has() -> None:
    assert inverse_propensities(np.array([0, 1, 16, 256])).tolist() == pytest.approx([0, 1, 1 / 32, 1 / 1024])
    assert inverse_propensities(np.array([0, 1, 16]), exponent=0.5).tolist() == pytest.approx([0, 1, 1 / 4])


def test_a_hit_of_a_rare_answer_is_worth_more_than_one_of_a_popular_answer() -> None:
    weights = inverse_propensities(np.array([16, 1, 1]))
    placements = of_ranks([1], [3], [11])
    debiased = placements.debiased_gains(10, weights)
    assert debiased.gained.tolist() == pytest.approx([1 / 32, 0.5, 0])
    assert debiased.possible.tolist() == pytest.approx([1 / 32, 1, 1])
    assert debiased.figure() == pytest.approx((1 / 32 + 0.5) / (2 + 1 / 32))
    assert placements.ndcg(10) == pytest.approx(1.5 / 3)


def test_the_best_possible_order_of_several_answers_has_the_rarest_first() -> None:
    placements = of_ranks([1, 3], [2, 1, 4])
    debiased = placements.debiased_gains(2, np.array([0.25, 1.0, 0.5, 0.0, 1.0]))
    second = 1 / np.log2(3)
    assert debiased.gained.tolist() == pytest.approx([0.25, 0.5 * second])
    assert debiased.possible.tolist() == pytest.approx([1 + 0.25 * second, 1 + 0.5 * second])


def test_a_debiased_figure_of_items_nobody_knows_is_none() -> None:
    assert of_ranks([1]).debiased_gains(10, np.zeros(1)).figure() is None


@given(st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_with_equal_popularity_and_single_answers_debiasing_changes_nothing(ranks: list[int]) -> None:
    placements = of_ranks(*([float(rank)] for rank in ranks))
    debiased = placements.debiased_gains(10, np.full(len(ranks), 0.3))
    assert debiased.figure() == pytest.approx(placements.ndcg(10))


def test_novelty_is_the_mean_surprise_of_what_is_shown() -> None:
    bits = self_information(np.array([8, 4, 1, 0]), 8)
    assert bits.tolist() == [0, 1, 3, 3]
    lists = of_ranks([1], [1], [1], shown=[[0, 1], [2, NOBODY], [NOBODY, NOBODY]])
    assert lists.novelty(bits) == pytest.approx((0.5 + 3) / 2), "an empty list does not count"
    assert of_ranks([1], shown=[[NOBODY]]).novelty(bits) is None


def test_no_figure_depends_on_how_items_are_numbered() -> None:
    draw = np.random.default_rng(4)
    n, k = 40, 6
    log = interactions(list(zip(draw.integers(0, 10, 200).tolist(), draw.integers(0, n, 200).tolist(), strict=True)), n)
    scores, answers = draw.permuted(np.tile(np.arange(1.0, n + 1), (25, 1)), axis=1), draw.integers(0, n, (25, 2))
    vectors = draw.normal(size=(n, 4))
    vectors /= np.linalg.norm(vectors, axis=1)[:, None]

    def figures(number: np.ndarray) -> list[float | None]:
        """All of them when item i is called number[i]."""
        back = np.argsort(number)
        called = Interactions(log.users, number[log.items].astype(np.int32), log.at, log.weights, 10, n)
        ranks, shown = np.empty((25, 2)), np.empty((25, k), np.int32)
        for case in range(25):
            place(scores[case][back], number[answers[case]].astype(np.int32), ranks[case], shown[case], np.empty(k))
        placements = Placements(ranks.ravel(), np.arange(0, 51, 2), shown)
        people = people_per_item(called)
        weights = inverse_propensities(people)[number[answers].ravel()]
        return [
            placements.debiased_gains(k, weights).figure(),
            placements.novelty(self_information(people, 10)),
            placements.ndcg(k),
            placements.coverage(n),
            placements.gini(n),
            placements.intra_list_diversity(vectors[back]),
        ]

    assert figures(draw.permutation(n)) == pytest.approx(figures(np.arange(n)))


def test_some_cases_of_many_keep_their_ranks_and_lists() -> None:
    placements = of_ranks([1, 3], [2], [7, 8, 9], shown=[[0], [1], [2]])
    some = placements.take(np.array([2, 0]))
    assert some.ranks.tolist() == [7, 8, 9, 1, 3]
    assert some.starts.tolist() == [0, 3, 5]
    assert some.shown.tolist() == [[2], [0]]
