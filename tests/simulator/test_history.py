"""A history: ordered, decodable, the same twice, and shaped like the data sets it was calibrated to."""

from collections import Counter, defaultdict
from itertools import pairwise

import msgspec
import numpy as np
import pytest

from tailorbird.backends.memory import MemoryLog
from tailorbird.simulator.history import arrivals, changes, tell, write
from tailorbird.simulator.world import World
from tailorbird.types import DAY_SECONDS, EVENT_TYPES, Event, Identity, Item, User

NOW = 1_750_000_000.0
_TYPES = {"event": Event, "identity": Identity, "item": Item, "user": User}


def entries_of(name, **sizes):
    world = World(name, seed=1, now=NOW, **sizes)
    return world, [entry for day in tell(world, sizes.pop("days", 60)) for entry in day]


@pytest.fixture(scope="module")
def fashion():
    return entries_of("fashion", shoppers=300, items=400)


def orders_of(entries):
    events = [msgspec.json.decode(entry.body, type=Event) for entry in entries if entry.kind == "event"]
    return [event for event in events if event.type == "purchase"]


def test_the_same_arguments_give_the_same_history_to_the_byte(fashion):
    assert entries_of("fashion", shoppers=300, items=400)[1] == fashion[1]


def test_it_is_in_order_of_time_and_ends_now(fashion):
    at = [entry.at for entry in fashion[1]]
    assert at[0] == NOW - 60 * DAY_SECONDS
    assert max(at) <= NOW
    events = [entry.at for entry in fashion[1] if entry.kind == "event"]
    # A visit may run past the end of its day; a log takes such events as late by minutes.
    assert max(a - b for a, b in pairwise(events)) < 2 * 3600
    assert events[-1] > NOW - DAY_SECONDS


def test_every_body_is_the_record_that_its_entry_says(fashion):
    for entry in fashion[1]:
        record = msgspec.json.decode(entry.body, type=_TYPES[entry.kind])
        key = {"event": "event_id", "item": "item_id", "user": "user_id", "identity": "anonymous_id"}[entry.kind]
        assert getattr(record, key) == entry.key
        if isinstance(record, Event):
            assert record.type in EVENT_TYPES
            assert record.person
    keys = Counter(entry.key for entry in fashion[1] if entry.kind == "event")
    assert max(keys.values()) == 1


def test_no_item_is_seen_before_it_came_on_sale(fashion):
    world, entries = fashion
    described = set()
    for entry in entries:
        if entry.kind == "item":
            described.add(entry.key)
        elif entry.kind == "event":
            lines = msgspec.json.decode(entry.body, type=Event).lines
            assert all(world.shelf.launched_at[world.shelf.number[line.item_id]] <= entry.at for line in lines)
            assert {line.item_id for line in lines} <= described
    assert len(described) == len(world.shelf)


def test_prices_change_in_the_log_when_the_week_does(fashion):
    world, entries = fashion
    versions = Counter(entry.key for entry in entries if entry.kind == "item")
    assert max(versions.values()) > 2
    newest = {entry.key: entry for entry in entries if entry.kind == "item"}
    for item_id, entry in newest.items():
        price = msgspec.json.decode(entry.body, type=Item).price
        assert price == pytest.approx(world.prices(NOW)[world.shelf.number[item_id]], abs=0.006)


def test_write_puts_all_of_it_into_a_log_in_small_batches():
    world = World("electronics", shoppers=80, items=120, seed=2, now=NOW)
    log, sizes = MemoryLog(), []

    class Watched:
        def append(self, entries):
            sizes.append(len(entries))
            return log.append(entries)

    told = write(world, 20, Watched())
    kinds = Counter(record.kind for record in log.read(0, 1_000_000))
    assert kinds["event"] == told.events > 100
    assert told.orders > 0
    assert max(sizes) <= 500


@pytest.mark.parametrize(
    ("name", "sizes", "basket", "again"),
    [
        # dunnhumby: 10.3 items an order, a quarter of the lines bought before in the world at its own size.
        ("grocery", {"shoppers": 100, "items": 800}, (6.5, 12.0), (0.15, 0.35)),
        # uci-online-retail: 0.107 of the lines bought before within 60 days.
        ("gifts", {"shoppers": 150, "items": 1_000}, (5.0, 10.0), (0.05, 0.16)),
    ],
)
def test_baskets_and_repeats_are_as_calibrated(name, sizes, basket, again):
    orders = [order for order in orders_of(entries_of(name, **sizes)[1]) if order.user_id]
    assert basket[0] < np.mean([len(order.items) for order in orders]) < basket[1]
    had, lines, repeats = defaultdict(set), 0, 0
    for order in sorted(orders, key=lambda order: order.at):
        for line in order.items:
            lines += 1
            repeats += line.item_id in had[order.user_id]
        had[order.user_id] |= {line.item_id for line in order.items}
    assert again[0] < repeats / lines < again[1]


def test_popularity_is_steep_but_not_absurd(fashion):
    bought = Counter(line.item_id for order in orders_of(fashion[1]) for line in order.items)
    top = sum(count for _, count in bought.most_common(max(len(bought) // 10, 1)))
    assert 0.2 < top / sum(bought.values()) < 0.7


def test_some_shoppers_discover_the_shop_late_and_none_does_without_newcomers():
    world = World("fashion", shoppers=500, items=100, seed=1, now=NOW)
    start = NOW - 60 * DAY_SECONDS

    def first_days(newcomers):
        first = {}
        for one in arrivals(world, start, NOW, newcomers=newcomers):
            first.setdefault(one.shopper, (one.at - start) / DAY_SECONDS)
        return np.mean(list(first.values()))

    assert first_days(0.9) > first_days(0.0) + 5


def test_there_are_more_visits_in_the_evening_than_at_night():
    world = World("grocery", shoppers=300, items=100, seed=1, now=NOW)
    hours = Counter(int(one.at % DAY_SECONDS // 3600) for one in arrivals(world, NOW - 30 * DAY_SECONDS, NOW))
    start = int(NOW % DAY_SECONDS // 3600)
    assert start == 15
    assert sum(hours[(start + hour) % 24] for hour in (19, 20, 21)) > 4 * sum(
        hours[(start + hour) % 24] for hour in (1, 2, 3)
    )


def test_changes_hold_nothing_within_a_week_without_arrivals():
    world = World("fashion", shoppers=5, items=100, seed=1, now=NOW)
    assert changes(world, NOW + DAY_SECONDS, NOW + 7.9 * DAY_SECONDS)
    mondays = [bool(changes(world, NOW + day * DAY_SECONDS, NOW + (day + 1) * DAY_SECONDS)) for day in range(7)]
    assert sum(mondays) == 1
