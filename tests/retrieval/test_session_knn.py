"""Sessions alike: the paper's sum, learned event by event as by a fit, over a bounded number of sessions."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tailorbird.catalogue import Catalogue
from tailorbird.retrieval.session_knn import SessionKnn, SessionKnnConfig
from tailorbird.types import History, Interaction, Interactions, Request

START, MINUTE, N_ITEMS = 1.76e9, 60.0, 8
EVERY = np.arange(N_ITEMS, dtype=np.int32)
PAPER = SessionKnnConfig(reach=10, steepness=1, source_exponent=0, nearness=None)
# person, item, and minutes since the line before: some are within one session, some are not
LINE = st.tuples(st.integers(0, 3), st.integers(0, N_ITEMS - 1), st.sampled_from([0, 1, 12, 40]))
LINES = st.lists(LINE, max_size=60)


def interactions(lines: list[tuple[int, int, int]]) -> Interactions:
    at = START + MINUTE * np.cumsum([minutes for _, _, minutes in lines], dtype=np.float64)
    users, items = (np.array([line[n] for line in lines], np.int32) for n in (0, 1))
    return Interactions(users, items, at, np.ones(len(lines)), 4, N_ITEMS)


def visits(*sessions: list[int]) -> Interactions:
    """One session after the other, each of somebody else, a minute between two items."""
    items = [item for session in sessions for item in session]
    users = np.repeat(np.arange(len(sessions), dtype=np.int32), [len(session) for session in sessions])
    at = START + MINUTE * np.arange(len(items))
    return Interactions(users, np.array(items, np.int32), at, np.ones(len(items)), len(sessions), N_ITEMS)


def fitted(log: Interactions, config: SessionKnnConfig = PAPER) -> SessionKnn:
    model = SessionKnn(config)
    model.fit(log, Catalogue())
    return model


def learn(model: SessionKnn, log: Interactions) -> SessionKnn:
    for person, item, at in zip(log.users.tolist(), log.items.tolist(), log.at.tolist(), strict=True):
        step = Interaction(person=person, item=item, at=at, type="item_view", weight=1.0)
        model.learn(step, History.empty())
    return model


def asked(model: SessionKnn, session: list[int], items: NDArray[np.int32] = EVERY) -> NDArray[np.float64]:
    """At a moment when no session of the log ended, so that none is the asker's own."""
    return model.score(Request(surface="home", at=START), History.of(session, at=START - 1), items)


def sessions_of(log: Interactions, config: SessionKnnConfig) -> list[list[int]]:
    """What is kept at the end, by the book: oldest first."""
    kept: list[list[int]] = []
    running: dict[int, tuple[list[int], float]] = {}
    for person, item, at in zip(log.users.tolist(), log.items.tolist(), log.at.tolist(), strict=True):
        session, before = running.get(person, ([], -np.inf))
        is_kept = any(session is other for other in kept)
        if not is_kept or at - before >= config.gap_minutes * MINUTE or len(session) == config.longest:
            session = []
            kept = [*kept, session][-config.sessions :]
        session.append(item)
        running[person] = session, at
    return kept


def by_the_book(sessions: list[list[int]], query: list[int], config: SessionKnnConfig) -> NDArray[np.float64]:
    """The two formulas of the module's docstring."""
    back = query[::-1][: config.reach]
    of_step = (1 - np.arange(config.reach) / config.reach) ** config.steepness
    weight = {item: of_step[n] for n, item in reversed(list(enumerate(back)))}
    holders = np.array([sum(item in session for session in sessions) for item in range(N_ITEMS)])
    newest_first = [item for n, item in enumerate(query[::-1]) if item not in query[::-1][:n] and item in weight]
    alike = []
    for session in sessions[::-1]:
        shared = [item for item in newest_first if item in session]
        if shared:
            says = [weight[item] * float(holders[item]) ** -config.source_exponent for item in shared]
            alike.append((sum(says), shared[0], session))
    alike = sorted(alike[: config.recent], key=lambda found: -found[0])[: config.neighbours]
    scores = np.zeros(N_ITEMS)
    for likeness, last, session in alike:
        place = {item: n for n, item in enumerate(session)}
        for item, n in place.items():
            steps = max(abs(n - place[last]) - 1, 0)
            near = 1.0 if config.nearness is None else 0.5 ** (steps / config.nearness)
            scores[item] += likeness * weight[last] * near
    return scores * np.log(1 + len(sessions) / np.maximum(holders, 1))


def test_the_figures_of_three_sessions() -> None:
    """The query 0, 1 weighs 1 for item 1 and .9 for item 0; each session says its likeness times the newest shared."""
    model = fitted(visits([0, 1, 2], [0, 3], [1, 4, 4]))
    both, first, last = 1.9 * 1.0, 0.9 * 0.9, 1.0 * 1.0
    twice, once = math.log(1 + 3 / 2), math.log(1 + 3 / 1)
    expected = [(both + first) * twice, (both + last) * twice, both * once, first * once, last * once, 0, 0, 0]
    assert np.allclose(asked(model, [0, 1]), expected)
    items, _ = model.retrieve(Request(surface="home", at=START), History.of([0, 1], at=START), 3)
    assert items.tolist() == [1, 2, 0]


@settings(max_examples=150)
@given(
    LINES,
    st.lists(st.integers(0, N_ITEMS - 1), min_size=1, max_size=12),
    st.builds(
        SessionKnnConfig,
        neighbours=st.integers(1, 6),
        recent=st.integers(1, 8),
        reach=st.integers(1, 12),
        steepness=st.sampled_from([1.0, 2.0]),
        source_exponent=st.sampled_from([0.0, 1.0]),
        nearness=st.sampled_from([0.5, 2.0, None]),
        sessions=st.integers(2, 30),
        longest=st.integers(2, 6),
    ),
)
def test_the_score_is_the_sum_over_the_newest_sessions_alike(
    lines: list[tuple[int, int, int]], query: list[int], config: SessionKnnConfig
) -> None:
    log = interactions(lines)
    expected = by_the_book(sessions_of(log, config), query, config)
    assert np.allclose(asked(fitted(log, config), query), expected)


@settings(max_examples=150)
@given(LINES, st.integers(1, 9), st.integers(2, 5), st.integers(0, 60))
def test_fitting_a_part_and_learning_the_rest_gives_the_very_arrays_of_a_fit_of_all(
    lines: list[tuple[int, int, int]], kept: int, longest: int, known: int
) -> None:
    log, config = interactions(lines), SessionKnnConfig(sessions=kept, longest=longest)
    earlier = np.arange(len(log)) < known
    whole, part = fitted(log, config), learn(fitted(log.take(earlier), config), log.take(~earlier))
    assert all(np.array_equal(part.arrays()[name], array) for name, array in whole.arrays().items())
    sessions = np.split(whole.arrays()["items"], whole.arrays()["pointers"][1:-1])
    assert [session.tolist() for session in sessions if len(session)] == sessions_of(log, config)
    for first, second in pairwise(lines):
        query = [first[1], second[1]]
        assert np.array_equal(asked(part, query), asked(whole, query))


def test_half_an_hour_of_silence_begins_a_session_and_an_order_without_times_has_no_silence() -> None:
    log = interactions([(0, 1, 0), (0, 2, 29), (0, 3, 30), (0, 4, 1)])
    assert fitted(log).arrays()["pointers"].tolist() == [0, 2, 4]
    order = Interactions(log.users, log.items, np.array([0.0, 5e3, 1e5, 2e5]), log.weights, 4, N_ITEMS)
    assert fitted(order).arrays()["pointers"].tolist() == [0, 4]


def test_an_import_of_older_events_does_not_go_on_with_the_running_session() -> None:
    log = visits([1, 2], [3])
    old = Interaction(person=0, item=4, at=START - 86_400, type="item_view", weight=1.0)
    model = fitted(log)
    model.learn(old, History.empty())
    assert model.arrays()["items"].tolist() == [1, 2, 3, 4]
    assert model.arrays()["owners"].tolist() == [0, 1, 0]


def test_only_the_running_session_of_a_history_is_asked_about() -> None:
    model = fitted(visits([1, 2], [3, 4]))
    at = np.array([START - 31 * MINUTE, START])
    history = History(np.array([1, 3], np.int32), at, np.ones(2), np.zeros(2, np.bool_))
    now, later = (Request(surface="home", at=START + minutes * MINUTE) for minutes in (1, 30))
    assert model.retrieve(now, history, 5)[0].tolist() == [3, 4]
    assert not len(model.retrieve(later, history, 5)[0])
    assert not model.score(later, history, EVERY).any()
    order = History(history.items, np.array([1.0, 9e6]), history.weights, history.bought)
    assert model.score(later, order, EVERY)[1:5].all()


def test_ones_own_running_session_is_no_neighbour() -> None:
    log = visits([1, 2, 3], [1, 5])
    model, now = learn(SessionKnn(PAPER), log), Request(surface="home", at=float(log.at[-1]))
    own = History(log.items[:3], log.at[:3], log.weights[:3], log.bought[:3])
    assert model.score(now, own, EVERY)[2] == 0, "nobody else has it"
    assert model.score(now, own, EVERY)[5] > 0
    assert model.score(now, own.plus([5], at=now.at), EVERY)[2] == 0, "nor when the page's item comes after it"
    anothers = History(own.items, own.at + 1.0, own.weights, own.bought)
    assert model.score(now, anothers, EVERY)[2] > 0


def test_the_newest_sessions_are_compared_and_the_rest_is_not() -> None:
    log = visits([0, 1], [0, 2], [0, 3])
    items, _ = fitted(log, SessionKnnConfig(recent=2)).retrieve(
        Request(surface="home", at=START), History.of([0], at=START), 9
    )
    assert sorted(items.tolist()) == [0, 2, 3]


def test_what_is_near_the_shared_item_counts_more() -> None:
    model = fitted(visits([1, 0, 2, 3, 4]), SessionKnnConfig(nearness=1.0))
    scores = asked(model, [0])
    assert scores[1] == scores[2] == 2 * scores[3] == 4 * scores[4] > 0


def test_of_more_sessions_than_are_kept_the_oldest_leave_and_take_no_room() -> None:
    config = SessionKnnConfig(sessions=50, longest=10)
    draw = np.random.default_rng(4)
    model = SessionKnn(config)
    room = []
    for n in range(3_000):
        model.learn(
            Interaction(person=n // 3, item=int(draw.integers(N_ITEMS)), at=START + n, type="x", weight=1.0),
            History.empty(),
        )
        room.append(len(model._sequences.columns) + len(model._holders.columns) + len(model._owners))
    assert len(model.arrays()["owners"]) == 50
    assert model.arrays()["owners"].tolist() == list(range(950, 1_000))
    assert max(room) < 20_000, "an arena of 4,096 cells each is what an empty one has"
    assert len(model._running) <= 2 * 50


def test_a_dismissal_teaches_nothing() -> None:
    model = SessionKnn()
    model.learn(Interaction(person=0, item=3, at=START, type="dismiss", weight=-4.0), History.of([1, 2]))
    assert not len(model.arrays()["items"])


@pytest.mark.parametrize("name", ["pointers", "items", "owners", "ended"])
def test_arrays_that_do_not_fit_together_are_refused(name: str) -> None:
    arrays = {**fitted(visits([1, 2], [3, 4])).arrays()}
    arrays[name] = arrays[name][:-1]
    with pytest.raises(ValueError, match="do not fit"):
        SessionKnn(PAPER, arrays)


def test_sessions_that_the_compiled_loops_cannot_walk_are_refused() -> None:
    arrays = {**fitted(visits([1, 2, 3])).arrays()}
    with pytest.raises(ValueError, match="longer than 2"):
        SessionKnn(SessionKnnConfig(longest=2), arrays)
    with pytest.raises(ValueError, match="negative"):
        SessionKnn(PAPER, {**arrays, "items": -arrays["items"]})
