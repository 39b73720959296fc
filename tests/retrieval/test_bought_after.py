"""What was bought after what: learning is fitting, and only purchases are led to."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tailorbird.retrieval.bought_after import BoughtAfter, BoughtAfterConfig
from tailorbird.retrieval.covisitation import Covisitation, CovisitationConfig
from tailorbird.types import History, Interactions, Request

from purchases import LINES, N_ITEMS, N_PEOPLE, fitted, interactions, learned, same_arrays

REQUEST = Request(surface="home", at=100.0)
EVERY = np.arange(N_ITEMS, dtype=np.int32)
PLAIN = BoughtAfterConfig(source_exponent=0, target_exponent=0)


def cells(log: Interactions, config: BoughtAfterConfig) -> NDArray[np.float64]:
    """What must stand between any two items, by the book."""
    made = np.zeros((N_ITEMS, N_ITEMS))
    for person in range(N_PEOPLE):
        rows = np.flatnonzero(log.users == person)
        for n, later in enumerate(rows):
            for gap in range(1, min(n, config.window) + 1):
                earlier = rows[n - gap]
                a, b = log.items[earlier], log.items[later]
                together = log.at[earlier] == log.at[later]
                there, back = ((1 + config.backward) / 2,) * 2 if together else (1.0, config.backward)
                if a != b:
                    made[a, b] += log.bought[later] * there / gap
                    made[b, a] += log.bought[earlier] * back / gap
    return made


@settings(max_examples=150)
@given(LINES, st.integers(1, 6), st.sampled_from([0.0, 0.3]))
def test_learning_line_by_line_gives_the_very_arrays_of_a_fit(
    lines: list[tuple[int, int, int, bool]], window: int, backward: float
) -> None:
    config, log = BoughtAfterConfig(window=window, backward=backward), interactions(lines)
    assert same_arrays(fitted(BoughtAfter(config), log), learned(BoughtAfter(config), log))


@settings(max_examples=50)
@given(LINES)
def test_fitting_a_part_and_learning_the_rest_is_fitting_all(lines: list[tuple[int, int, int, bool]]) -> None:
    log, half = interactions(lines), len(lines) // 2
    part = fitted(BoughtAfter(), log.take(np.arange(len(lines)) < half))
    assert same_arrays(fitted(BoughtAfter(), log), learned(part, log, since=half))


@settings(max_examples=50)
@given(LINES, st.integers(0, N_ITEMS - 1), st.sampled_from([0.0, 0.3]))
def test_the_score_is_the_plain_sum(lines: list[tuple[int, int, int, bool]], asked: int, backward: float) -> None:
    log, config = interactions(lines), PLAIN.model_copy(update={"backward": backward})
    scores = fitted(BoughtAfter(config), log).score(REQUEST, History.of([asked]), EVERY)
    assert np.allclose(scores, cells(log, config)[asked], atol=1e-4), "cells are rounded to 2 ** -20"


@settings(max_examples=30)
@given(LINES)
def test_where_everything_is_a_purchase_it_is_covisitation(lines: list[tuple[int, int, int, bool]]) -> None:
    log = interactions([(*line[:3], True) for line in lines])
    plain = Covisitation(CovisitationConfig(backward=0.0))
    assert same_arrays(fitted(BoughtAfter(), log), fitted(plain, log))


def test_a_look_leads_to_the_purchase_and_not_to_the_looks_in_between() -> None:
    model = fitted(BoughtAfter(PLAIN), interactions([(0, 1, 1, False), (0, 2, 1, False), (0, 3, 1, True)]))
    items, scores = model.retrieve(REQUEST, History.of([1]), 5)
    assert items.tolist() == [3]
    assert scores.tolist() == [0.5]
    assert not len(model.retrieve(REQUEST, History.of([3]), 5)[0]), "nothing leads back"


@pytest.mark.parametrize(("second_later", "led_back_to"), [(0, 0.5), (1, 0.0)])
def test_lines_of_one_order_lead_to_each_other_and_later_ones_only_forward(
    second_later: int, led_back_to: float
) -> None:
    model = fitted(BoughtAfter(PLAIN), interactions([(0, 1, 1, True), (0, 2, second_later, True)]))
    assert model.score(REQUEST, History.of([1]), EVERY)[2] == (0.5 if second_later == 0 else 1.0)
    assert model.score(REQUEST, History.of([2]), EVERY)[1] == led_back_to
