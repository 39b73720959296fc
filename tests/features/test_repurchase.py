"""What is bought again and again."""

import numpy as np
import pytest

from features.shelf import ITEMS, asked, shelf, step, steps
from tailorbird.features.repurchase import Orders, Repurchase
from tailorbird.types import DAY_SECONDS, Interaction

from made_up import NOW

VIEW, SHELF = Repurchase(), shelf()


def folded(told: list[Interaction]) -> Orders:
    state = VIEW.empty()
    for one in told:
        state = VIEW.update(state, one, SHELF)
    assert state is not None
    return state


def bought(item: int, days: float) -> Interaction:
    return step("purchase", item, NOW + days * DAY_SECONDS)


def test_the_columns_are_those_of_a_slow_count() -> None:
    told = [one for one in steps(150) if one.type == "purchase"]
    read = VIEW.read(folded(told), asked(), ITEMS, SHELF)
    every = sorted({int(one.at // DAY_SECONDS) for one in told})[-24:]
    usual = (every[-1] - every[0]) / (len(every) - 1)
    for item in ITEMS:
        days = sorted({int(one.at // DAY_SECONDS) for one in told if SHELF.category[one.item] == SHELF.category[item]})
        since = max(NOW / DAY_SECONDS - days[-1] - 0.5, 0.0)
        interval = max((days[-1] - days[0] + usual) / len(days), 1.0)
        assert read[item] == pytest.approx([len(days), np.log1p(since), since / interval])


def test_what_is_bought_every_four_weeks_is_due_after_four_weeks() -> None:
    state = folded([bought(0, -84), bought(4, -56), bought(0, -28)])
    category = int(SHELF.category[0])
    assert state.interval_days(category) == pytest.approx(28.0)
    due = [VIEW.read(state, asked(days), ITEMS, SHELF)[0, 2] for days in (-20.0, 0.0, 28.0)]
    assert due == pytest.approx([7.5 / 28, 27.5 / 28, 55.5 / 28], abs=0.04)


def test_an_order_of_six_things_of_a_category_is_one_purchase_of_it() -> None:
    state = folded([bought(item, -10.0) for item in (0, 4, 8)])
    assert VIEW.read(state, asked(), ITEMS, SHELF)[0, 0] == 1.0


def test_only_the_newest_days_are_kept() -> None:
    state = folded([bought(0, float(-days)) for days in range(100, 0, -1)])
    assert len(state.all) == len(state.by_category[int(SHELF.category[0])]) == 24
    assert max(state.all) == int((NOW - DAY_SECONDS) // DAY_SECONDS)
    assert Orders().interval_days(3) == 0.0
