"""How a person answers to discounts."""

import msgspec
import numpy as np
import pytest

from features.shelf import ITEMS, asked, shelf, step, steps
from tailorbird.features.price_sensitivity import PriceSensitivity, discount_lift
from tailorbird.features.shop_averages import Averages, ShopAverages
from tailorbird.types import DAY_SECONDS, Array, Interaction

from made_up import NOW

VIEW, SHELF = PriceSensitivity(), shelf()


def folded(told: list[Interaction]) -> Array:
    state = VIEW.empty()
    for one in told:
        state = VIEW.update(state, one, SHELF)
    return state


def shop(told: list[Interaction]) -> Averages:
    state = ShopAverages().empty()
    for one in told:
        state = ShopAverages().update(state, one, SHELF)
    return state


def shown(n: int, item: int, *, taken: int) -> list[Interaction]:
    """So often on a list, and so often clicked there."""
    return [step("list_view", item)] * n + [step("list_click", item)] * taken


def test_the_index_is_that_of_a_slow_count() -> None:
    told, everybody = steps(), shop(steps(seed=6))
    counts = np.zeros((2, 4))
    for one in told:
        if one.type in {"list_view", "list_click", "item_view", "cart_add"}:
            row = int(SHELF.price[one.item] < 0.95 * SHELF.list_price[one.item])
            column = ["list_view", "list_click", "item_view", "cart_add"].index(one.type)
            counts[row, column] += 0.5 ** ((NOW - one.at) / DAY_SECONDS / 90.0)
    usual = everybody.rates(NOW)
    looked = np.maximum(counts[:, 1], counts[:, 2])
    clicks = (np.minimum(counts[:, 1], counts[:, 0]) + 20 * usual[:, 0]) / (counts[:, 0] + 20)
    carts = (np.minimum(counts[:, 3], looked) + 20 * usual[:, 1]) / (looked + 20)
    slow = (np.log(clicks[1] / clicks[0]) + np.log(carts[1] / carts[0])) / 2
    read = VIEW.read((folded(told), everybody), asked(), ITEMS, SHELF)
    assert read[:, 0] == pytest.approx(slow)
    assert read[:, 1] == pytest.approx(slow * SHELF.discount(ITEMS))


def test_who_takes_up_what_is_reduced_is_sensitive_and_who_does_not_is_not() -> None:
    keen = folded(shown(40, 0, taken=2) + shown(40, 1, taken=12))
    cold = folded(shown(40, 0, taken=12) + shown(40, 1, taken=2))
    assert discount_lift(keen, Averages(), NOW) > 0.3
    assert discount_lift(cold, Averages(), NOW) < -0.3


def test_a_stranger_has_the_shops_lift_and_a_few_answers_move_it_little() -> None:
    everybody = shop(shown(2_000, 0, taken=100) + shown(2_000, 1, taken=300))
    usual = discount_lift(VIEW.empty(), everybody, NOW)
    assert usual > 0.1
    assert discount_lift(folded(shown(1, 0, taken=1)), everybody, NOW) == pytest.approx(usual, abs=0.5)


def test_a_price_counts_as_it_was_when_the_item_was_shown() -> None:
    moved = shelf()
    state = VIEW.update(VIEW.empty(), step("list_view", 0), moved)
    moved.upsert(msgspec.structs.replace(moved.item(0), price=1.0))
    state = VIEW.update(state, step("list_view", 0), moved)
    assert state[0, 0] == state[1, 0] > 0
