"""What one person and one item have been through."""

import numpy as np
import pytest

from features.shelf import ITEMS, N, asked, shelf, step, steps
from tailorbird.features.keeping import Pairs, kept
from tailorbird.features.pair_history import PairHistory
from tailorbird.types import DAY_SECONDS, Array, Interaction

from made_up import NOW

SHELF = shelf()


def read(told: list[Interaction]) -> Array:
    fold = kept(PairHistory(), session_seconds=1.0, pairs=200)
    assert isinstance(fold, Pairs)
    state = fold.empty()
    for one in told:
        state = fold.update(state, one, SHELF)
    return PairHistory().read(fold.now(state, NOW, ITEMS), asked(), ITEMS, SHELF)


def test_the_columns_are_those_of_a_slow_count() -> None:
    told = steps(100)
    found = read(told)
    for item in range(N):
        mine = [one for one in told if one.item == item]
        looks = [one.at for one in mine if one.weight > 0]
        kinds = ("cart_add", "purchase")
        last = {kind: max((one.at for one in mine if one.type == kind), default=0.0) for kind in kinds}
        slow = [
            np.log1p(len(looks)),
            np.log1p((NOW - max(looks)) / DAY_SECONDS if looks else 3_650.0),
            np.log1p(sum(one.type == "list_view" for one in mine)),
            float(last["cart_add"] > last["purchase"]),
            sum(one.type == "refund" for one in mine),
        ]
        assert found[item] == pytest.approx(slow)


def test_what_waits_in_a_cart_is_bought_even_if_the_order_is_told_first() -> None:
    waiting = PairHistory.columns.index("carted_not_bought")
    assert read([step("cart_add", 3, NOW - 9)])[3, waiting] == 1.0
    assert read([step("purchase", 3, NOW), step("cart_add", 3, NOW - 9)])[3, waiting] == 0.0
    assert read([step("purchase", 3, NOW - 9), step("cart_add", 3, NOW)])[3, waiting] == 1.0


def test_strangers_have_no_past() -> None:
    assert not read([])[:, [0, 2, 3, 4]].any()
