"""Visits: position bias, clicks that follow hidden tastes, common random numbers, logging in."""

from collections import Counter
from functools import lru_cache

import numpy as np
import pytest

from tailorbird.simulator.listings import Listings
from tailorbird.simulator.visits import Ask, Slate, Visit
from tailorbird.simulator.world import World
from tailorbird.types import Event, Identity

NOW = 1_750_000_000.0


@pytest.fixture(scope="module")
def world():
    return World("fashion", shoppers=400, items=400, seed=1, now=NOW)


def sold(world):
    shelf = world.shelf
    return np.flatnonzero((shelf.launched_at <= NOW) & (shelf.stock > 0)).astype(np.int32)


@lru_cache
def listings_of(world):
    return Listings(world, NOW)


def walk(world, shopper, number, recommend):
    """All steps of one visit to a shop that recommends so."""
    # Nobody refreshes these lists, so that one visit does not change the next.
    visit = Visit(world, listings_of(world), shopper, number, NOW)
    steps, answer, happened = visit.follow(), None, []
    while True:
        try:
            step = steps.send(answer)
        except StopIteration:
            return happened
        happened.append(step)
        answer = None
        if isinstance(step, Ask):
            items = recommend(step, shopper)
            answer = Slate(items, world.prices(step.at)[items], f"{step.session_id}-{len(happened)}")


def home_clicks_per_slate(world, recommend, shoppers=400):
    slates = clicks = 0
    for shopper in range(shoppers):
        for step in walk(world, shopper, 1, recommend):
            if isinstance(step, Event) and step.decision_id and step.surface == "home":
                slates += step.type == "list_view"
                clicks += step.type == "list_click"
    world.shoppers.memories.clear()
    return clicks / slates


def test_the_same_visit_happens_twice_in_the_same_way(world):
    listing = sold(world)[:12]
    first, second = (walk(world, 5, 1, lambda _ask, _who: listing) for _ in range(2))
    assert first == second
    assert first != walk(world, 5, 2, lambda _ask, _who: listing)


def test_earlier_positions_are_seen_more_often_and_clicked_more_often(world):
    items = sold(world)
    seen, clicked = Counter(), Counter()
    for shopper in range(400):
        # A random slate: rank says nothing of the items, so that only reading depth can tell the ranks apart.
        slate = np.random.default_rng(shopper).permutation(items)[:12]
        for step in walk(world, shopper, 1, lambda _ask, _who, slate=slate: slate):
            if isinstance(step, Event) and step.type == "list_view" and step.decision_id:
                seen.update(range(len(step.items)))
            if isinstance(step, Event) and step.type == "list_click" and step.decision_id:
                clicked[step.position] += 1
    views = [seen[rank] for rank in range(12)]
    assert views == sorted(views, reverse=True)
    assert views[11] / views[0] == pytest.approx(12**-0.6, abs=0.08)
    assert sum(clicked[rank] for rank in range(4)) > sum(clicked[rank] for rank in range(4, 12))
    assert all(rank < 12 for rank in clicked)


def test_a_shop_that_knows_the_hidden_tastes_earns_much_more_than_bestsellers_or_chance(world):
    items = sold(world)
    bestsellers = listings_of(world).bestsellers(12)

    def mind_reader(ask, shopper):
        return items[np.argsort(-world.utility(shopper, items, ask.at))[:12]]

    def chance(ask, shopper):
        del ask
        return np.random.default_rng(shopper).permutation(items)[:12]

    known = home_clicks_per_slate(world, mind_reader)
    popular = home_clicks_per_slate(world, lambda _ask, _who: bestsellers)
    lucky = home_clicks_per_slate(world, chance)
    assert known > 1.5 * popular
    assert popular > 1.5 * lucky


def test_an_item_shown_in_either_shop_meets_the_same_mood(world):
    items = listings_of(world).bestsellers(6)

    def clicks(order):
        found = set()
        for shopper in range(400):
            steps = walk(world, shopper, 1, lambda _ask, _who: order)
            views = [s for s in steps if isinstance(s, Event) and s.type == "list_view" and s.surface == "home"]
            if views and len(views[0].items) == 6:
                home = [s for s in steps if isinstance(s, Event) and s.type == "list_click" and s.surface == "home"]
                found |= {(shopper, step.item_id) for step in home}
        world.shoppers.memories.clear()
        return found

    forth, back = clicks(items), clicks(items[::-1].copy())
    assert len(forth) > 10
    assert len(forth & back) / len(forth | back) > 0.9


def test_whoever_logs_in_is_identified_once_and_known_from_then_on(world):
    joined = 0
    for shopper in range(400):
        steps = walk(world, shopper, 3, lambda _ask, _who: np.empty(0, np.int32))
        at = [n for n, step in enumerate(steps) if isinstance(step, Identity)]
        assert len(at) <= 1
        if at:
            joined += 1
            before = [step for step in steps[: at[0]] if isinstance(step, Event)]
            after = [step for step in steps[at[0] :] if isinstance(step, Event)]
            assert all(step.user_id is None for step in before)
            assert all(step.user_id == steps[at[0]].user_id for step in after)
            assert all(step.anonymous_id == steps[at[0]].anonymous_id for step in (*before, *after))
    assert joined > 5
    world.shoppers.memories.clear()


def test_items_that_this_world_does_not_know_are_never_clicked_or_reported(world):
    strangers = np.array([-1, -1, -1], np.int32)
    for shopper in range(60):
        for step in walk(world, shopper, 1, lambda _ask, _who: strangers):
            if isinstance(step, Event):
                assert step.decision_id is None


def test_a_price_told_by_the_engine_is_the_price_that_is_paid(world):
    items, paid = sold(world)[:12], set()
    for shopper in range(400):
        visit = Visit(world, listings_of(world), shopper, 1, NOW)
        steps, answer = visit.follow(), None
        recommended = set()
        while True:
            try:
                step = steps.send(answer)
            except StopIteration:
                break
            answer = Slate(items, np.full(12, 0.5), "d") if isinstance(step, Ask) else None
            if isinstance(step, Event) and step.type == "list_click" and step.decision_id:
                recommended.add(step.item_id)
            if isinstance(step, Event) and step.type == "purchase":
                paid |= {line.price for line in step.items if line.item_id in recommended}
    world.shoppers.memories.clear()
    assert paid == {0.5}
