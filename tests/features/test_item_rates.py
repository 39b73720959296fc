"""What becomes of an item that is shown."""

import numpy as np
import pytest

from features.shelf import ITEMS, N, asked, shelf, step, steps
from tailorbird.features.item_rates import ItemRates
from tailorbird.features.shop_averages import Averages, ShopAverages
from tailorbird.types import DAY_SECONDS, Array, Interaction

from made_up import NOW

VIEW, SHELF = ItemRates(), shelf()


def shop(told: list[Interaction]) -> Averages:
    state = ShopAverages().empty()
    for one in told:
        state = ShopAverages().update(state, one, SHELF)
    return state


def rates(told: list[Interaction], everybody: Averages) -> Array:
    rows = np.tile(VIEW.empty(), (N, 1))
    for one in told:
        if one.item >= 0:
            rows[one.item] = VIEW.update(rows[one.item], one, SHELF)
    return VIEW.read((rows, everybody), asked(), ITEMS, SHELF)


def test_each_rate_is_that_of_a_slow_count_drawn_to_the_shops() -> None:
    told = steps(2_000)
    everybody = shop(told)
    usual = everybody.rates(NOW).mean(axis=0)
    read = rates(told, everybody)
    for item in range(N):
        n = dict.fromkeys(("list_view", "list_click", "item_view", "cart_add", "purchase", "refund"), 0.0)
        for one in told:
            if one.item == item:
                n[one.type] += 0.5 ** ((NOW - one.at) / DAY_SECONDS / 60.0)
        looked = max(n["item_view"], n["list_click"])
        pairs = ((n["list_click"], n["list_view"]), (n["cart_add"], looked), (n["purchase"], n["cart_add"]),
                 (n["refund"], n["purchase"]))  # fmt: skip
        slow = [
            (min(few, many) + prior * rate) / (many + prior)
            for (few, many), prior, rate in zip(pairs, (50, 20, 10, 10), usual, strict=True)
        ]
        assert read[item] == pytest.approx(slow)


def test_an_item_of_which_little_is_known_has_the_shops_own_rates() -> None:
    everybody = shop([step("item_view", 1)] * 400 + [step("cart_add", 1)] * 200)
    none, one_of_two = rates([], everybody)[0, 1], rates([step("item_view"), step("cart_add")], everybody)[0, 1]
    assert none == pytest.approx(everybody.rates(NOW)[:, 1].mean())
    assert none < one_of_two < none + 0.1


def test_a_shop_of_which_nothing_is_known_has_the_rates_that_shops_have() -> None:
    assert Averages().rates(NOW)[0] == pytest.approx([0.02, 0.05, 0.3, 0.02])
    assert Averages().usual_price() == 0.0


def test_the_shop_knows_what_people_pay_for_one_piece() -> None:
    told = [step("purchase", 0, price=4.0, quantity=3.0), step("purchase", 1), step("purchase", 2, price=0.0)]
    assert shop(told).usual_price() == pytest.approx((3 * 4.0 + 11.0) / 4)


def test_more_purchases_than_carts_are_no_rate_above_one() -> None:
    told = [step("cart_add")] + [step("purchase")] * 100
    assert rates(told, Averages())[0, 2] <= 1.0
