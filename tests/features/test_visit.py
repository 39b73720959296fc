"""What this visit is about."""

import numpy as np
import pytest

from features.shelf import ITEMS, N, asked, shelf, step, steps
from tailorbird.features.visit import Context, Visit
from tailorbird.types import Array, Interaction

from made_up import NOW

VIEW, SHELF = Visit(), shelf()


def folded(told: list[Interaction]) -> Context:
    state = VIEW.empty()
    for one in told:
        state = VIEW.update(state, one, SHELF)
    return state


def column(state: Context, name: str) -> Array:
    return VIEW.read(state, asked(), ITEMS, SHELF)[:, VIEW.columns.index(name)]


def test_shares_and_the_price_gap_are_those_of_a_slow_count() -> None:
    told = steps()
    interest = [one for one in told if one.weight > 0]
    total = sum(one.weight for one in interest)
    weights = np.array([one.weight for one in interest])
    logs = np.log([float(SHELF.price[one.item]) for one in interest])
    mean = np.average(logs, weights=weights)
    spread = np.sqrt(np.average((logs - mean) ** 2, weights=weights)) + 0.3
    state = folded(told)
    for item in range(N):
        for name, codes in (("visit_category_share", SHELF.category), ("visit_brand_share", SHELF.brand)):
            same = sum(one.weight for one in interest if codes[one.item] == codes[item])
            assert column(state, name)[item] == pytest.approx(same / total)
        assert column(state, "visit_price_gap")[item] == pytest.approx((np.log(SHELF.price[item]) - mean) / spread)


def test_the_words_searched_for_draw_what_has_them() -> None:
    state = folded([step("search", query="Red")])
    likeness = column(state, "visit_words_likeness")
    assert likeness[::2].mean() > likeness[1::2].mean() + 0.1, "every second thing is red"
    assert not column(folded([]), "visit_words_likeness").any()


def test_a_visit_knows_how_long_and_how_deep_it_is() -> None:
    state = folded([step("list_view", at=NOW - 600), step("search", at=NOW - 300, query="x"), step("cart_add", at=NOW)])
    told = [np.expm1(column(state, name)[0]) for name in VIEW.columns[4:]]
    assert told == pytest.approx([10.0, 1.0, 1.0])
    assert not column(folded([]), "log_visit_minutes").any()
