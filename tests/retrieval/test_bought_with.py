"""What is bought together: learning is fitting, however many looks lie between two purchases."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tailorbird.catalogue import Catalogue
from tailorbird.config import EventsConfig
from tailorbird.features.online_state import OnlineState
from tailorbird.features.recent_items import RecentItems
from tailorbird.retrieval.bought_with import BoughtWith, BoughtWithConfig
from tailorbird.types import History, Interaction, Interactions, Request

from purchases import LINES, N_ITEMS, N_PEOPLE, fitted, interactions, learned, same_arrays

REQUEST = Request(surface="home", at=100.0)
EVERY = np.arange(N_ITEMS, dtype=np.int32)
PLAIN = BoughtWithConfig(source_exponent=0, target_exponent=0)


def cells(log: Interactions, config: BoughtWithConfig) -> NDArray[np.float64]:
    """What must stand between any two items, by the book."""
    made = np.zeros((N_ITEMS, N_ITEMS))
    for person in range(N_PEOPLE):
        bought = log.items[(log.users == person) & log.bought]
        for n, b in enumerate(bought):
            for gap in range(1, min(n, config.window) + 1):
                a = bought[n - gap]
                if a != b:
                    made[a, b] += 1 / gap
                    made[b, a] += 1 / gap
    return made


@settings(max_examples=150)
@given(LINES, st.integers(1, 6), st.sampled_from([0.0, 0.3, 1.0]))
def test_learning_line_by_line_gives_the_very_arrays_of_a_fit(
    lines: list[tuple[int, int, int, bool]], window: int, backward: float
) -> None:
    config, log = BoughtWithConfig(window=window, backward=backward), interactions(lines)
    assert same_arrays(fitted(BoughtWith(config), log), learned(BoughtWith(config), log))


@settings(max_examples=50)
@given(LINES)
def test_fitting_a_part_and_learning_the_rest_is_fitting_all(lines: list[tuple[int, int, int, bool]]) -> None:
    log, half = interactions(lines), len(lines) // 2
    part = fitted(BoughtWith(), log.take(np.arange(len(lines)) < half))
    assert same_arrays(fitted(BoughtWith(), log), learned(part, log, since=half))


@settings(max_examples=50)
@given(LINES, st.integers(0, N_ITEMS - 1))
def test_the_score_is_the_plain_sum_over_purchases(lines: list[tuple[int, int, int, bool]], asked: int) -> None:
    log = interactions(lines)
    scores = fitted(BoughtWith(PLAIN), log).score(REQUEST, History.of([asked]), EVERY)
    assert np.allclose(scores, cells(log, PLAIN)[asked], atol=1e-4), "cells are rounded to 2 ** -20"


def test_looks_between_two_purchases_do_not_part_them() -> None:
    looks = [(0, item, 1, False) for item in (4, 5, 6, 4, 5)]
    model = fitted(BoughtWith(PLAIN), interactions([(0, 1, 1, True), *looks, (0, 2, 1, True)]))
    assert model.score(REQUEST, History.of([1]), EVERY).tolist() == [0, 0, 1, 0, 0, 0, 0, 0]
    assert model.score(REQUEST, History.of([2]), EVERY)[1] == 1.0, "and it goes both ways"


@pytest.mark.parametrize(("n_looks", "weight"), [(199, 1.0), (200, 0.0)])
def test_two_purchases_too_many_looks_apart_are_not_together(n_looks: int, weight: float) -> None:
    looks = [(0, 4, 1, False)] * n_looks
    log = interactions([(0, 1, 1, True), *looks, (0, 2, 1, True)])
    for model in (fitted(BoughtWith(PLAIN), log), learned(BoughtWith(PLAIN), log)):
        assert model.score(REQUEST, History.of([1]), EVERY)[2] == weight


def test_learning_behind_the_online_state_is_fitting_although_the_state_forgets() -> None:
    draw = np.random.default_rng(4)
    n = 1_500
    items, bought, at = draw.integers(0, N_ITEMS, n), draw.random(n) < 0.03, np.cumsum(draw.integers(0, 2, n)) + 1e9
    log = Interactions(np.zeros(n, np.int32), items.astype(np.int32), at, np.ones(n), 1, N_ITEMS, bought)
    state, model = OnlineState(EventsConfig(), [RecentItems], Catalogue()), BoughtWith()
    person = state.number("u:1")
    for item, now, is_bought in zip(items.tolist(), at.tolist(), bought.tolist(), strict=True):
        step = Interaction(person, item, now, "purchase" if is_bought else "item_view", 1.0)
        model.learn(step, state.history(person))
        state.fold(step)
    assert len(state.history(person)) < 400 < n
    assert same_arrays(fitted(BoughtWith(), log), model)
    assert model.arrays()["values"].any()
