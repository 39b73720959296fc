"""Co-visitation: learning event by event is fitting, and its score is what its docstring says."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tailorbird.catalogue import Catalogue
from tailorbird.retrieval.covisitation import Covisitation, CovisitationConfig
from tailorbird.types import History, Interaction, Interactions, Request

REQUEST = Request(surface="home", at=100.0)
# person, item, and how much later than the line before: 0 puts two lines into one order
LINES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 7), st.integers(0, 1)), max_size=60)


def interactions(lines: list[tuple[int, int, int]]) -> Interactions:
    at = np.cumsum([later for _, _, later in lines], dtype=np.float64) if lines else np.empty(0)
    users, items = (np.array([line[n] for line in lines], np.int32) for n in (0, 1))
    return Interactions(users, items, at, np.ones(len(lines)), 4, 8)


def replayed(model: Covisitation, log: Interactions) -> Covisitation:
    """Learn line by line, each with the history of that person before it."""
    histories = {person: History.empty() for person in range(4)}
    for person, item, at in zip(log.users.tolist(), log.items.tolist(), log.at.tolist(), strict=True):
        model.learn(Interaction(person=person, item=item, at=at, type="item_view", weight=1.0), histories[person])
        histories[person] = histories[person].plus([item], at=at)
    return model


def cells(log: Interactions, config: CovisitationConfig) -> NDArray[np.float64]:
    """What must stand between any two items, by the book."""
    made = np.zeros((8, 8))
    for person in range(4):
        rows = np.flatnonzero(log.users == person)
        for n, later in enumerate(rows):
            for gap in range(1, min(n, config.window) + 1):
                earlier = rows[n - gap]
                a, b = log.items[earlier], log.items[later]
                if a == b:
                    continue
                together = log.at[earlier] == log.at[later]
                there, back = ((1 + config.backward) / 2,) * 2 if together else (1.0, config.backward)
                made[a, b] += there / gap
                made[b, a] += back / gap
    return made


@settings(max_examples=150)
@given(LINES, st.integers(1, 6), st.sampled_from([0.0, 0.3, 1.0]))
def test_learning_line_by_line_gives_the_very_arrays_of_a_fit(
    lines: list[tuple[int, int, int]], window: int, backward: float
) -> None:
    config, log = CovisitationConfig(window=window, backward=backward), interactions(lines)
    fitted = Covisitation(config)
    fitted.fit(log, Catalogue())
    learned = replayed(Covisitation(config), log).arrays()
    n = len(learned["counts"])
    expected = fitted.arrays()
    assert not expected["counts"][n:].any()
    assert np.array_equal(learned["counts"], expected["counts"][:n])
    assert np.array_equal(learned["pointers"], expected["pointers"][: n + 1])
    assert np.array_equal(learned["columns"], expected["columns"])
    assert np.array_equal(learned["values"], expected["values"])


@settings(max_examples=50)
@given(LINES)
def test_fitting_a_part_and_learning_the_rest_is_fitting_all(lines: list[tuple[int, int, int]]) -> None:
    log, whole, part = interactions(lines), Covisitation(), Covisitation()
    whole.fit(log, Catalogue())
    half = len(lines) // 2
    part.fit(log.take(np.arange(len(lines)) < half), Catalogue())
    histories = {person: History.empty() for person in range(4)}
    for n, (person, item) in enumerate(zip(log.users.tolist(), log.items.tolist(), strict=True)):
        at = float(log.at[n])
        if n >= half:
            part.learn(Interaction(person=person, item=item, at=at, type="x", weight=1.0), histories[person])
        histories[person] = histories[person].plus([item], at=at)
    assert all(np.array_equal(part.arrays()[name], array) for name, array in whole.arrays().items())


@settings(max_examples=50)
@given(
    LINES,
    st.lists(st.integers(0, 9), max_size=10),
    st.sampled_from([0.5, 2.0, None]),
    st.sampled_from([0.0, 0.5, 1.0]),
    st.sampled_from([0.0, 0.3]),
)
def test_the_score_is_the_plain_sum(
    lines: list[tuple[int, int, int]], query: list[int], half_life: float | None, source: float, target: float
) -> None:
    log = interactions(lines)
    config = CovisitationConfig(half_life=half_life, source_exponent=source, target_exponent=target)
    model = Covisitation(config)
    model.fit(log, Catalogue())
    counts = np.maximum(np.bincount(log.items, minlength=8), 1).astype(float)
    expected = np.zeros(8)
    matrix = cells(log, config)
    for steps, item in enumerate(reversed(query)):
        weight = 1.0 if half_life is None else 0.5 ** (steps / half_life)
        # What the model leaves out on purpose: entries fainter than 1/1024, and items it never saw.
        if item < 8 and weight >= 2.0**-10:
            expected += weight * counts[item] ** -source * matrix[item] * counts**-target
    scores = model.score(REQUEST, History.of(query), np.arange(8, dtype=np.int32))
    assert np.allclose(scores, expected, rtol=1e-5, atol=1e-5), "cells are rounded to 2 ** -20"


def test_what_followed_comes_before_what_went_ahead() -> None:
    model = Covisitation(CovisitationConfig(source_exponent=0, target_exponent=0))
    model.fit(interactions([(0, 1, 1), (0, 2, 1), (0, 3, 1)]), Catalogue())
    items, scores = model.retrieve(REQUEST, History.of([2]), 5)
    assert items.tolist() == [3, 1]
    assert np.allclose(scores, [1.0, 0.3], atol=1e-6)


def test_one_order_has_no_direction() -> None:
    model = Covisitation(CovisitationConfig(source_exponent=0, target_exponent=0))
    model.fit(interactions([(0, 1, 1), (0, 2, 0)]), Catalogue())
    there = model.score(REQUEST, History.of([1]), np.array([2], np.int32))
    back = model.score(REQUEST, History.of([2]), np.array([1], np.int32))
    assert there == back
    assert np.allclose(there, 0.65, atol=1e-6)


def test_a_dismissal_teaches_nothing() -> None:
    model = Covisitation()
    model.learn(Interaction(person=0, item=3, at=1.0, type="dismiss", weight=-4.0), History.of([1, 2]))
    assert not len(model.rows)
    assert not model.arrays()["counts"].any()


def test_many_people_can_be_learned_after_a_fit() -> None:
    """Rows move to the end of the arena and the arena grows; nothing is lost."""
    draw = np.random.default_rng(5)
    log = Interactions(
        np.repeat(np.arange(200, dtype=np.int32), 30),
        draw.integers(0, 300, 6_000).astype(np.int32),
        np.arange(6_000.0),
        np.ones(6_000),
        200,
        300,
    )
    whole, learned = Covisitation(), Covisitation()
    whole.fit(log, Catalogue())
    for person in range(200):
        history = History.empty()
        for n in range(30):
            item, at = int(log.items[30 * person + n]), float(log.at[30 * person + n])
            learned.learn(Interaction(person=person, item=item, at=at, type="x", weight=1.0), history)
            history = history.plus([item], at=at)
    assert all(np.array_equal(learned.arrays()[name], array) for name, array in whole.arrays().items())
