"""Recency, frequency and money, and what follows."""

import numpy as np
import pytest

from features.shelf import ITEMS, asked, shelf, step, steps
from tailorbird.features.churn import SEGMENTS, churn_risk, segment
from tailorbird.features.spending import Purse, Spending
from tailorbird.types import DAY_SECONDS, Interaction

from made_up import NOW

VIEW, SHELF = Spending(), shelf()


def folded(told: list[Interaction]) -> Purse:
    state = VIEW.empty()
    for one in told:
        state = VIEW.update(state, one, SHELF)
    assert state is not None
    return state


def test_the_columns_are_those_of_a_slow_count() -> None:
    told = steps(400)
    lines = [one for one in told if one.type == "purchase"]
    prices = [float(SHELF.price[one.item]) for one in lines]
    reduced = sum(price for one, price in zip(lines, prices, strict=True) if one.item % 2)
    returned = sum(float(SHELF.price[one.item]) for one in told if one.type == "refund")
    read = VIEW.read(folded(told), asked(), ITEMS, SHELF)
    usual = np.log(SHELF.price[ITEMS]) - np.log(sum(prices) / len(prices))
    assert read[0, [0, 1, 3, 4]] == pytest.approx(
        [np.log1p(len(lines)), np.log1p(sum(prices)), reduced / sum(prices), returned / sum(prices)]
    )
    assert read[:, 5] == pytest.approx(usual)
    first, last = (one.at / DAY_SECONDS for one in (lines[0], lines[-1]))
    assert read[0, 2] == pytest.approx(churn_risk(len(lines), first, last, NOW / DAY_SECONDS))


def test_lines_of_one_moment_are_one_order_and_a_price_paid_stands_before_a_listed_one() -> None:
    state = folded([step("purchase", 0, price=3.0, quantity=2.0), step("purchase", 1)])
    assert (state.orders, state.spent, state.pieces) == (1, 6.0 + 11.0, 3.0)


def test_old_orders_are_counted_without_their_times() -> None:
    state = folded([step("purchase", at=NOW - days * DAY_SECONDS) for days in range(150, 0, -1)])
    assert (state.orders, len(state.times)) == (150, 100)


def test_silence_is_measured_in_a_persons_own_intervals() -> None:
    weekly = [churn_risk(10, 0.0, 63.0, now) for now in (64.0, 70.0, 100.0, 150.0)]
    monthly = [churn_risk(10, 0.0, 270.0, now) for now in (271.0, 300.0, 400.0, 650.0)]
    assert weekly == sorted(weekly)
    assert weekly[1] < 0.2
    assert weekly[3] > 0.8
    assert monthly[1] < 0.25
    assert churn_risk(10, 0.0, 270.0, 357.0) < weekly[3], "87 days of silence say less of who comes monthly"
    assert churn_risk(0, 0.0, 0.0, 10.0) == 0.0


def test_the_risk_is_the_formula_of_the_paper() -> None:
    r, alpha, a, b, x, t_x, seen = 0.243, 4.414 * 7, 0.793, 2.426, 4, 100.0, 160.0
    alive = 1 / (1 + a / (b + x - 1) * ((alpha + seen) / (alpha + t_x)) ** (r + x))
    assert churn_risk(x + 1, 20.0, 20.0 + t_x, 20.0 + seen) == pytest.approx(1 - alive)


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"orders": 0, "looked": False}, "stranger"),
        ({"orders": 0}, "visitor"),
        ({"orders": 1, "days_since_first": 5.0}, "new"),
        ({"orders": 2}, "promising"),
        ({"orders": 4}, "loyal"),
        ({"orders": 4, "spent_in_orders": 20.0}, "champion"),
        ({"orders": 4, "risk": 0.6, "spent_in_orders": 20.0}, "at risk"),
        ({"orders": 4, "risk": 0.9}, "lapsed"),
    ],
)
def test_everybody_is_in_one_segment(known: dict[str, float], expected: str) -> None:
    usual = {"days_since_first": 90.0, "risk": 0.1, "spent_in_orders": 2.0, "looked": True}
    assert segment(**{**usual, **known}) == expected  # type: ignore[arg-type]  # the test's own numbers
    assert expected in SEGMENTS
