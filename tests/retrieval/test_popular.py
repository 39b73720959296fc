"""Popularity that fades, and trends."""

import numpy as np
import pytest

from tailorbird.catalogue import Catalogue
from tailorbird.retrieval.decay import DecayedCounts
from tailorbird.retrieval.popular import Popular, PopularConfig
from tailorbird.retrieval.trending import Trending
from tailorbird.types import DAY_SECONDS, History, Interaction, Interactions, Request

START = 1.7e9
NOBODY = History.empty()


def log(rows: list[tuple[int, float]], n_items: int = 10) -> Interactions:
    """Events by one person: (item, days since the start)."""
    items, days = (np.array(column) for column in zip(*rows, strict=True))
    at = START + days * DAY_SECONDS
    return Interactions(np.zeros(len(rows), np.int32), items.astype(np.int32), at, np.ones(len(rows)), 1, n_items)


def asked(days: float) -> Request:
    return Request(surface="home", at=START + days * DAY_SECONDS)


def view(item: int, days: float, weight: float = 1.0) -> Interaction:
    return Interaction(person=0, item=item, at=START + days * DAY_SECONDS, type="item_view", weight=weight)


def test_an_event_of_one_half_life_ago_counts_half() -> None:
    model = Popular(PopularConfig(half_life_days=10))
    model.fit(log([(1, 0), (2, 10)]), Catalogue())
    shares = model.score(asked(10), NOBODY, np.array([1, 2, 3], np.int32))
    assert np.allclose(shares, [1 / 3, 2 / 3, 0])


def test_learning_is_counting() -> None:
    rows = [(n % 7, n / 3) for n in range(200)]
    fitted, learned = Popular(), Popular()
    fitted.fit(log(rows), Catalogue())
    for item, days in rows:
        learned.learn(view(item, days), NOBODY)
    items = np.arange(10, dtype=np.int32)
    assert np.allclose(fitted.score(asked(99), NOBODY, items), learned.score(asked(99), NOBODY, items))
    assert fitted.retrieve(asked(99), NOBODY, 5)[0].tolist() == learned.retrieve(asked(99), NOBODY, 5)[0].tolist()


def test_years_of_events_do_not_overflow() -> None:
    counts = DecayedCounts(half_life_days=0.5)
    for days in range(0, 3_650, 5):
        counts.add(days % 3, START + days * DAY_SECONDS, 1.0)
    values = counts.at(START + 3_645 * DAY_SECONDS)
    assert np.isfinite(counts.values).all()
    assert values[0] == pytest.approx(1.0, rel=1e-3)


def test_events_with_an_order_but_no_times_are_plainly_counted() -> None:
    model = Popular(PopularConfig(half_life_days=0.001))
    users, items = np.zeros(5, np.int32), np.array([1, 1, 1, 2, 2], np.int32)
    model.fit(Interactions(users, items, np.arange(5.0) * 1_000, np.ones(5), 1, 3), Catalogue())
    found, shares = model.retrieve(Request(surface="home", at=5_000.0), NOBODY, 3)
    assert found.tolist() == [1, 2]
    assert np.allclose(shares, [0.6, 0.4])


def test_a_burst_reaches_the_front_of_a_kept_order() -> None:
    model = Popular()
    model.fit(log([(n % 9, 0) for n in range(900)]), Catalogue())
    assert model.retrieve(asked(1), NOBODY, 1)[0][0] == 0
    for _ in range(150):
        model.learn(view(9, 1), NOBODY)
    assert model.retrieve(asked(1), NOBODY, 1)[0][0] == 9


def test_an_explicit_no_is_not_popularity() -> None:
    model = Popular()
    model.learn(view(1, 0, weight=-4.0), NOBODY)
    assert not len(model.retrieve(asked(0), NOBODY, 5)[0])


def test_what_rises_is_trending_and_what_fades_is_not() -> None:
    steady = [(1, n / 10) for n in range(300)]
    faded = [(2, n / 20) for n in range(300)]
    rising = [(3, 28 + n / 100) for n in range(200)]
    model = Trending()
    model.fit(log(sorted(steady + faded + rising, key=lambda row: row[1])), Catalogue())
    items, scores = model.retrieve(asked(30), NOBODY, 10)
    assert items[0] == 3
    assert 2 not in items.tolist()
    faded_score, rising_score, unknown = model.score(asked(30), NOBODY, np.array([2, 3, 77], np.int32))
    assert faded_score < 0 < rising_score == pytest.approx(scores[0])
    assert unknown == 0


def test_a_trend_ends_when_time_goes_by() -> None:
    model = Trending()
    model.fit(log([(3, 28 + n / 100) for n in range(200)]), Catalogue())
    assert model.retrieve(asked(30), NOBODY, 5)[0].tolist() == [3]
    assert model.retrieve(asked(60), NOBODY, 5)[0].tolist() == []


def test_a_single_click_is_no_trend() -> None:
    model = Trending()
    model.fit(log([(1, 29.9)] + [(2, 27 + n / 10) for n in range(30)]), Catalogue())
    one, many = model.score(asked(30), NOBODY, np.array([1, 2], np.int32))
    assert 0 < one < many / 3
