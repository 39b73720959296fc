"""Who somebody is to the shop."""

from collections.abc import Iterable

import pytest

from tailorbird.config import NOT_RANKED, EventsConfig
from tailorbird.features import VIEWS, folded
from tailorbird.features.customer import Customer, customer
from tailorbird.features.online_state import OnlineState
from tailorbird.protocols import FeatureView
from tailorbird.types import DAY_SECONDS, Entry

from made_up import NOW, event, records, small_shop


def known(*told: Entry, at: float = NOW, views: Iterable[type[FeatureView]] = tuple(VIEWS.values())) -> Customer:
    state = OnlineState(EventsConfig(), views)
    for record in records([*small_shop(n_events=0), *told]):
        for step in state.steps(record):
            state.fold(step)
    return customer(state, state.person("u:u1"), at)


def bought(days: float, item: str = "i1") -> Entry:
    return event(f"p{item}{days}", type="purchase", item_id=item, at=NOW - days * DAY_SECONDS)


def test_a_stranger_is_nobody_in_particular() -> None:
    nobody = known()
    assert nobody == Customer(
        segment="stranger", orders=0, spent=0.0, days_since_order=None, churn_risk=0.0, discount_lift=0.0, due={},
        left_in_cart=[], usual_hour=None, usual_weekday=None,
    )  # fmt: skip


def test_a_regular_is_told_by_orders_money_and_what_is_due() -> None:
    regular = known(*(bought(days) for days in (85, 57, 29)))
    assert (regular.segment, regular.orders, regular.spent) == ("loyal", 3, 18.0)
    assert regular.days_since_order == pytest.approx(29.0)
    assert 0 < regular.churn_risk < 0.5
    assert regular.due == {"shirts": pytest.approx(1.02, abs=0.04)}
    assert (regular.usual_hour, regular.usual_weekday) == (8, "Wednesday")


def test_who_came_weekly_and_stopped_is_lost_sooner_than_who_comes_monthly() -> None:
    weekly = known(*(bought(days) for days in range(60, 120, 7)))
    monthly = known(*(bought(days) for days in range(60, 320, 30)))
    assert weekly.churn_risk > monthly.churn_risk
    assert weekly.segment in {"at risk", "lapsed"}


def test_what_waits_in_a_cart_is_named_until_it_is_bought() -> None:
    carted = [event(f"c{n}", type="cart_add", item_id=f"i{n}", at=NOW - n) for n in range(3)]
    assert known(*carted).left_in_cart == ["i0", "i1", "i2"]
    assert known(*carted, bought(0.0, "i0")).left_in_cart == ["i1", "i2"]
    assert known(*carted).segment == "visitor"


def test_what_a_shop_does_not_keep_is_not_told() -> None:
    views = folded(NOT_RANKED, keep=("spending",))
    told = known(*(bought(days) for days in (85, 57, 29)), views=views)
    assert (told.orders, told.discount_lift, told.due, told.usual_hour) == (3, None, {}, None)
