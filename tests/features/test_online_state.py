"""The fold: live, replayed and merged, it comes to the same."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tailorbird.config import EventsConfig
from tailorbird.features import VIEWS
from tailorbird.features.activity import Activity
from tailorbird.features.affinity import Affinity
from tailorbird.features.item_counts import ItemCounts
from tailorbird.features.online_state import OnlineState
from tailorbird.types import Array, Entry, Identity, Request, User

from made_up import NOW, entry, event, records, small_shop


def folded(entries: list[Entry], state: OnlineState | None = None) -> OnlineState:
    state = state or OnlineState(EventsConfig(), VIEWS.values())
    for record in records(entries):
        for step in state.steps(record):
            state.fold(step)
    return state


def everything(state: OnlineState, person: str, at: float = NOW) -> Array:
    items = np.arange(len(state.catalogue), dtype=np.int32)
    return state.read(state.person(person), Request(surface="home", at=at), items)


def test_a_replay_gives_the_live_features_to_the_bit() -> None:
    entries = small_shop()
    live = folded(entries)
    replayed = folded(entries[700:], folded(entries[:700]))
    for n in range(30):
        assert np.array_equal(everything(live, f"u:u{n}"), everything(replayed, f"u:u{n}"))


def test_the_features_are_finite_for_strangers_regulars_and_items_without_anything() -> None:
    state = folded([*small_shop(), event("new", item_id="never described")])
    for person in ("u:u1", "u:nobody", ""):
        matrix = everything(state, person)
        assert matrix.shape == (len(state.catalogue), len(state.columns))
        assert np.isfinite(matrix).all()


def column(state: OnlineState, person: str, name: str, item: str) -> float:
    matrix = everything(state, person)
    return float(matrix[state.catalogue.find(item), state.columns.index(name)])


def test_taste_moves_with_the_next_click() -> None:
    shop = small_shop(n_events=0)
    before = folded(shop)
    assert column(before, "u:u1", "category_share", "i0") == 0
    after = folded([event("a", item_id="i4")], before)
    assert column(after, "u:u1", "category_share", "i0") == 1.0
    assert column(after, "u:u1", "category_of_last", "i0") == 1.0
    assert column(after, "u:u1", "times_seen", "i4") == 1.0
    assert column(after, "u:u1", "times_seen", "i0") == 0.0


def test_recent_interest_weighs_more_than_old_interest() -> None:
    state = folded(
        [
            *small_shop(n_events=0),
            event("old", item_id="i0", at=NOW - 60 * 86_400),
            event("new", item_id="i1", at=NOW),
        ]
    )
    share = column(state, "u:u1", "category_share", "i1")
    assert share == 1 / (1 + 0.25), "two half-lives of 30 days leave a quarter"


def test_a_purchase_leaves_the_cart_and_a_refund_takes_it_back() -> None:
    steps = [
        event("1", type="cart_add"),
        event("2", type="purchase", at=NOW + 1),
        event("3", type="refund", at=NOW + 2),
    ]
    seen = []
    for n in range(1, 4):
        state = folded([*small_shop(n_events=0), *steps[:n]])
        seen.append((column(state, "u:u1", "in_cart", "i1"), column(state, "u:u1", "times_bought", "i1")))
    assert seen == [(1.0, 0.0), (0.0, 1.0), (0.0, 0.0)]


def test_a_dismissed_item_is_remembered_until_interest_returns() -> None:
    state = folded([event("1", item_id="x"), event("2", item_id="x", type="dismiss")])
    assert state.person("u:u1").states["recent_items"].rejected == {0: NOW}
    state = folded([event("3", item_id="x", at=NOW + 5)], state)
    assert state.person("u:u1").states["recent_items"].rejected == {}


def test_a_low_rating_is_a_no_and_a_high_one_interest() -> None:
    events = EventsConfig()
    state = folded([event("1", type="rating", rating=1.0), event("2", type="rating", rating=5.0, item_id="i2")])
    person = state.person("u:u1")
    assert len(person.history) == 1
    assert list(person.states["recent_items"].rejected) == [state.catalogue.find("i1")]
    assert events.low_rating == 2.0


def test_a_history_says_what_was_bought_and_forgets_it_with_the_entry() -> None:
    steps = [event(str(n), type=("item_view", "purchase")[n % 3 == 0], at=NOW + n) for n in range(450)]
    history = folded(steps).person("u:u1").history
    assert len(history.bought) == len(history) < 450
    assert history.bought.tolist() == [at % 3 == 0 for at in (history.at - NOW).tolist()]
    assert history.last(2).bought.tolist() == history.bought[-2:].tolist()
    assert history.without_last(2).bought.tolist() == history.bought[:-2].tolist()
    assert history.plus([3], at=NOW).bought[-1:].tolist() == [False], "the page's item was not bought"


def identify(anonymous: str, user: str) -> Entry:
    return entry("identity", anonymous, Identity(anonymous_id=anonymous, user_id=user, at=NOW))


def test_logging_in_joins_what_was_done_before_with_what_is_done_after() -> None:
    state = folded(
        [
            event("1", user_id=None, anonymous_id="phone", item_id="i1", at=NOW - 9),
            event("2", user_id="u1", item_id="i2", at=NOW - 10, type="purchase"),
            identify("phone", "u1"),
            event("3", user_id=None, anonymous_id="phone", item_id="i3"),
        ]
    )
    names = [state.catalogue.ids[n] for n in state.person("u:u1").history.items]
    assert names == ["i2", "i1", "i3"], "by time, not by device"
    assert state.person("u:u1").history.bought.tolist() == [True, False, False]
    assert state.person("a:phone").number == state.person("u:u1").number


def seen(state: OnlineState, key: str) -> list[str]:
    return [state.catalogue.ids[n] for n in state.person(key).history.items]


def on_the_tv(gap_days: float) -> list[Entry]:
    """Mother logs in on a device that was used before, and the child some days later; then nobody is logged in."""
    later = NOW + gap_days * 86_400
    return [
        event("1", user_id=None, anonymous_id="tv", item_id="i1"),
        identify("tv", "mother"),
        event("2", user_id=None, anonymous_id="tv", item_id="i2"),
        entry("identity", "tv", Identity(anonymous_id="tv", user_id="child", at=later)),
        event("3", user_id=None, anonymous_id="tv", item_id="i3", at=later),
    ]


def test_a_device_that_two_people_use_is_neithers_while_nobody_is_logged_in() -> None:
    state = folded(on_the_tv(gap_days=2))
    assert [seen(state, key) for key in ("u:mother", "u:child", "a:tv")] == [["i1", "i2"], [], ["i3"]]


def test_a_device_that_changed_hands_takes_no_past_along() -> None:
    state = folded(on_the_tv(gap_days=40))
    assert [seen(state, key) for key in ("u:mother", "u:child", "a:tv")] == [["i1", "i2"], ["i3"], ["i3"]]


def test_a_refusal_stays_with_a_device_that_becomes_shared() -> None:
    refused = event("c", user_id="mother", anonymous_id="tv", consent={"personalisation": False})
    state = folded([identify("tv", "mother"), refused, *on_the_tv(gap_days=2)[3:]])
    assert not state.person("a:tv").may_personalise
    assert state.person("u:child").may_personalise


def test_the_history_is_bounded() -> None:
    state = OnlineState(EventsConfig(history=5), VIEWS.values())
    folded([event(str(n), item_id=f"i{n}") for n in range(100)], state)
    assert len(state.person("u:u1").history) <= 10
    assert state.catalogue.ids[int(state.person("u:u1").history.items[-1])] == "i99"


def counted(ages: list[float]) -> Array:
    view, state = ItemCounts(), ItemCounts().empty()
    for n, age in enumerate(ages):
        shop = folded([event(str(n), at=NOW - age * 86_400)])
        for step in shop.steps(records([event(str(n), at=NOW - age * 86_400)])[0]):
            state = view.update(state, step, shop.catalogue)
    return view.read(state[None, :], Request(surface="home", at=NOW), np.zeros(1, np.int32), shop.catalogue)


@settings(max_examples=25)
@given(st.lists(st.floats(0, 50), min_size=1, max_size=6), st.randoms())
def test_counts_do_not_depend_on_the_order_of_arrival(ages: list[float], shuffle: Any) -> None:
    late = list(ages)
    shuffle.shuffle(late)
    assert np.allclose(counted(ages), counted(late), rtol=1e-9, atol=1e-12)


def test_a_count_halves_with_each_half_life() -> None:
    (week,) = counted([7.0])
    (hour,) = counted([1.0 / 24.0])
    names = ItemCounts.columns
    assert np.isclose(np.expm1(week[names.index("log_interest_7d")]), 0.5)
    assert np.isclose(np.expm1(hour[names.index("log_interest_1h")]), 0.5)


def test_an_item_is_as_old_as_the_first_interest_in_it() -> None:
    (row,) = counted([2.0, 7.0, 1.0])
    hours = ItemCounts.columns.index("log_hours_since_first")
    assert np.isclose(np.expm1(row[hours]), 7 * 24)
    view = ItemCounts()
    nobody, somebody = view.empty(), view.empty()
    somebody[-1] = 5.0
    assert view.merge(nobody, somebody)[-1] == view.merge(somebody, nobody)[-1] == 5.0


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(1, 199))
def test_merging_two_halves_of_a_person_gives_the_person(seed: int, cut: int) -> None:
    entries = small_shop(n_people=1, n_events=200, seed=seed)
    head, tail = entries[: 40 + cut], entries[40 + cut :]
    whole, first, second = folded(entries), folded(head), folded([*entries[:40], *tail])
    for view in (Affinity(), Activity()):
        parts = (s.person("u:u0").states[view.name] for s in (first, second))
        merged = view.merge(*parts)
        items = np.arange(40, dtype=np.int32)
        request = Request(surface="home", at=NOW)
        expected = view.read(whole.person("u:u0").states[view.name], request, items, whole.catalogue)
        assert np.allclose(view.read(merged, request, items, whole.catalogue), expected, rtol=1e-9, atol=1e-9)


def test_the_last_answer_stands_whoever_it_came_from() -> None:
    said = [
        event("a", consent={"personalisation": True}),
        event("b", user_id=None, anonymous_id="d", consent={"personalisation": False, "advertising": True}),
    ]
    assert folded(said).person("u:u1").may_personalise
    assert not folded(said).person("a:d").may_personalise
    told = entry("user", "u1", User(user_id="u1", consent={"personalisation": False}))
    assert not folded([*said, told]).person("u:u1").may_personalise
    assert folded([told, *said]).person("u:u1").may_personalise


def test_a_refusal_outlives_logging_in_and_may_be_taken_back() -> None:
    refused = event("a", user_id=None, anonymous_id="d", consent={"personalisation": False})
    agreed = event("b", consent={"personalisation": True})
    joined = entry("identity", "d", Identity(anonymous_id="d", user_id="u1", at=NOW))
    state = folded([agreed, refused, joined])
    assert not state.person("u:u1").may_personalise
    assert not state.person("a:d").may_personalise
    again = event("c", user_id=None, anonymous_id="d", consent={"personalisation": True})
    assert folded([agreed, refused, joined, again]).person("u:u1").may_personalise
