"""Diversity."""

import numpy as np

from tailorbird.reranking.dpp import greedy_order


def unit(rows: list[list[float]]) -> np.ndarray:
    array = np.array(rows, np.float32)
    return array / np.linalg.norm(array, axis=1, keepdims=True)


def test_a_second_identical_item_loses_its_place_to_a_different_one() -> None:
    order = greedy_order(np.array([1.0, 0.99, 0.5]), unit([[1, 0], [1, 0], [0, 1]]), 3, diversity=0.3)
    assert order.tolist() == [0, 2, 1]


def test_with_little_diversity_the_score_decides() -> None:
    order = greedy_order(np.array([1.0, 0.99, 0.5]), unit([[1, 0], [0.9, 0.4], [0, 1]]), 3, diversity=0.01)
    assert order.tolist() == [0, 1, 2]


def test_it_picks_the_set_that_brute_force_greedy_determinants_pick() -> None:
    draw = np.random.default_rng(3)
    score, vectors = draw.random(12), unit(draw.random((12, 5)).tolist())
    diversity = 0.4
    order = greedy_order(score, vectors, 6, diversity)
    relevance = (score - score.min()) / (score.max() - score.min())
    quality = np.exp((1 - diversity) / diversity * relevance / 2)
    similarity = np.maximum(vectors @ vectors.T, 0) + 1e-6 * np.eye(12)
    kernel = quality[:, None] * similarity * quality[None, :]
    chosen: list[int] = []
    for _ in range(6):
        gains = {
            i: np.linalg.slogdet(kernel[np.ix_([*chosen, i], [*chosen, i])])[1] for i in range(12) if i not in chosen
        }
        chosen.append(max(gains, key=gains.__getitem__))
    assert order.tolist() == chosen


def test_items_without_any_description_are_left_in_order_of_score() -> None:
    order = greedy_order(np.array([0.1, 0.9, 0.5]), np.zeros((3, 4), np.float32), 3, diversity=0.5)
    assert order.tolist() == [1, 2, 0]
