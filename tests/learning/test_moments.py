"""At which moments of a log a slate could have been asked for, and what was wanted then."""

import numpy as np

from tailorbird.config import Config, TrainingConfig
from tailorbird.learning.moments import Moment, moments, sample
from tailorbird.types import Entry, OrderLine

from made_up import NOW, event, records


def looked(name: str, *items: str, minute: float, surface: str | None = None) -> Entry:
    lines = tuple(OrderLine(item) for item in items)
    return event(name, type="list_view", item_id=None, items=lines, surface=surface, at=NOW + 60 * minute)


def touched(name: str, item: str, *, minute: float, kind: str = "item_view", user: str = "u1") -> Entry:
    return event(name, type=kind, item_id=item, user_id=user, at=NOW + 60 * minute)


def found(*entries: Entry, cut: int = 0, config: Config = Config()) -> list[Moment]:  # noqa: B008  # frozen
    return moments(records(list(entries)), config, cut)


def test_without_lists_each_first_touch_after_another_is_a_moment() -> None:
    a, b, again = touched("1", "a", minute=0), touched("2", "b", minute=1), touched("3", "a", minute=2)
    assert found(a, b, again) == [Moment(1, None, {0: 1, 1: 1}), Moment(2, 0, {1: 1})]


def test_a_pause_begins_a_new_session_and_everybody_has_their_own() -> None:
    a, later = touched("1", "a", minute=0), touched("3", "b", minute=60)
    other = touched("2", "b", minute=1, user="u2")
    assert found(a, other, later) == [Moment(1, None, {0: 1}), Moment(2, None, {1: 1}), Moment(3, None, {1: 1})]


def test_a_search_begins_a_visit_for_a_home_page_is_asked_for_before_it() -> None:
    search = event("1", type="search", item_id=None, query="shoe", at=NOW)
    listed = looked("2", "x", "a", minute=1, surface="search")
    assert found(search, listed, touched("3", "a", minute=2)) == [Moment(1, None, {1: 1})]
    assert found(search) == []


def test_an_item_found_on_a_list_was_wanted_before_the_list_was_seen() -> None:
    entries = (
        looked("1", "x", "a", minute=0, surface="search"),
        touched("2", "a", minute=1),
        looked("3", "y", "b", minute=2, surface="search"),
        touched("4", "b", minute=3, kind="cart_add"),
    )
    assert [(m.seq, m.after, sorted(m.grades.values())) for m in found(*entries)] == [(1, None, [1, 2]), (3, 1, [2])]


def test_a_clicked_slate_says_what_of_it_was_wanted_and_what_was_passed_over() -> None:
    entries = (
        touched("1", "a", minute=0),
        looked("2", "x", "b", "y", minute=1, surface="item"),
        touched("3", "b", minute=2, kind="list_click"),
        looked("4", "z", minute=3, surface="item"),
    )
    begun, later, slate = found(*entries)
    assert (begun.seq, later.seq, slate.seq) == (1, 2, 2)
    assert (slate.after, dict(slate.grades), slate.shown) == (0, {2: 1}, frozenset({1, 2, 3}))
    assert later.shown == frozenset()


def test_a_long_look_told_when_the_page_is_left_raises_what_was_touched_and_nothing_else() -> None:
    def left(name: str, item: str, seconds: float) -> Entry:
        return event(name, type="page_leave", item_id=item, dwell_seconds=seconds, at=NOW + 120)

    looks = [touched("1", "a", minute=0), touched("2", "b", minute=1)]
    (begun, _) = found(*looks, left("3", "a", 90), left("4", "b", 5), left("5", "c", 90))
    assert begun == Moment(1, None, {0: 2, 1: 1})


def test_moments_up_to_the_cut_are_left_out() -> None:
    a, b = touched("1", "a", minute=0), touched("2", "b", minute=1)
    assert found(a, b, cut=1) == [Moment(2, 0, {1: 1})]


def test_a_sample_takes_of_each_kind_alike_and_fills_up_from_those_that_have_more() -> None:
    doors = [Moment(n, None, {0: 1}) for n in range(100)]
    slates = [Moment(n, None, {0: 1}, frozenset({0, 1})) for n in range(10)]
    chosen = sample([*doors, *slates], 60, np.random.default_rng(1))
    assert len(chosen) == len({(m.seq, m.kind) for m in chosen}) == 60
    assert sum(bool(m.shown) for m in chosen) == 10


def test_grades_are_the_shops_and_a_look_that_lasts_is_worth_one_more() -> None:
    def worth(config: Config = Config(), **fields: object) -> list[int]:  # noqa: B008  # frozen
        (moment,) = found(event("1", item_id="a", **fields), config=config)
        return list(moment.grades.values())

    assert worth() == [1]
    assert worth(dwell_seconds=90) == worth(scroll_depth=0.9) == worth(type="watch", watch_seconds=61) == [2]
    assert worth(dwell_seconds=59) == [1]
    mine = Config(training=TrainingConfig(grades={"item_view": 2, "purchase": 5}, long_dwell_seconds=10))
    assert worth(mine, dwell_seconds=59) == [3]
    assert worth(mine, type="purchase", dwell_seconds=59) == [5]
    assert found(event("1", item_id="a"), config=Config(training=TrainingConfig(grades={"item_view": 0}))) == []


def test_what_was_sent_back_had_not_been_wanted_by_whoever_sent_it_back() -> None:
    bought = [
        touched(f"{u}{i}", i, minute=n, kind="purchase", user=u) for u in ("u1", "u2") for n, i in enumerate("ab")
    ]
    returned = touched("back", "b", minute=9_000, kind="refund", user="u1")
    assert [sorted(m.grades) for m in found(*bought, returned)] == [[0], [0, 1], [1]]
