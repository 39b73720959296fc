"""When people come, and for what."""

from datetime import UTC, datetime

import numpy as np
import pytest

from features.shelf import ITEMS, asked, shelf, step, steps
from tailorbird.features.rhythm import PersonRhythm
from tailorbird.features.shop_rhythm import Rhythm, ShopRhythm, places_of
from tailorbird.types import DAY_SECONDS, Array, Interaction

from made_up import NOW

SHELF = shelf()


def shop(told: list[Interaction]) -> Rhythm:
    state = ShopRhythm().empty()
    for one in told:
        state = ShopRhythm().update(state, one, SHELF)
    return state


def person(told: list[Interaction]) -> Array:
    state = PersonRhythm().empty()
    for one in told:
        state = PersonRhythm().update(state, one, SHELF)
    return state


def slow_share(told: list[Interaction], kind: int, *, category: int | None = None) -> tuple[float, float]:
    """Weight at the hour (0) or weekday (1) of now, and in all."""
    there = total = 0.0
    for one in told:
        if one.weight <= 0 or (category is not None and SHELF.category[one.item] != category):
            continue
        weight = 0.5 ** ((NOW - one.at) / DAY_SECONDS / 60.0)
        when, now = datetime.fromtimestamp(one.at, UTC), datetime.fromtimestamp(NOW, UTC)
        same = when.hour == now.hour if kind == 0 else when.weekday() == now.weekday()
        there, total = there + weight * same, total + weight
    return there, total


def test_the_lifts_are_those_of_a_slow_count() -> None:
    told, everybody = steps(2_000), shop(steps(2_000))
    mine = PersonRhythm().read((person(told[:300]), everybody), asked(), ITEMS, SHELF)
    of_category = ShopRhythm().read(everybody, asked(), ITEMS, SHELF)
    for kind, n in enumerate((24, 7)):
        there, total = slow_share(told, kind)
        least = total / (20 * n)
        usual = (there + least) / (total + n * least)
        mine_there, mine_total = slow_share(told[:300], kind)
        assert mine[0, kind] == pytest.approx(np.log((mine_there + 20 * usual) / (mine_total + 20) / usual))
        there, total = slow_share(told, kind, category=int(SHELF.category[5]))
        assert of_category[5, kind] == pytest.approx(np.log((there + 20 * usual) / (total + 20) / usual))


def test_who_always_comes_at_this_hour_is_lifted_and_a_stranger_is_not() -> None:
    everybody = shop([step("item_view", at=NOW - hours * 3_600.0) for hours in range(24 * 14)])
    always = person([step("item_view", at=NOW - days * DAY_SECONDS) for days in range(20)])
    assert PersonRhythm().read((always, everybody), asked(), ITEMS, SHELF)[0, 0] > 1.0
    assert PersonRhythm().read((person([]), everybody), asked(), ITEMS, SHELF)[0] == pytest.approx([0.0, 0.0])


def test_what_is_wanted_in_the_morning_is_lifted_in_the_morning() -> None:
    coffee = [step("item_view", 0, NOW - days * DAY_SECONDS) for days in range(60)]
    beer = [step("item_view", 1, NOW - days * DAY_SECONDS - 43_200) for days in range(60)]
    lifts = ShopRhythm().read(shop(coffee + beer), asked(), ITEMS, SHELF)[:, 0]
    assert lifts[0] > 0.3 > -0.3 > lifts[1]
    assert lifts[2] == 0.0, "nobody asked for its category yet"


def test_a_shop_without_visits_and_one_without_categories_have_no_rhythm() -> None:
    assert not ShopRhythm().read(Rhythm(), asked(), ITEMS, SHELF).any()
    assert places_of(NOW) == (datetime.fromtimestamp(NOW, UTC).hour, 24 + datetime.fromtimestamp(NOW, UTC).weekday())
