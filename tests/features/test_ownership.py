"""What a person owns, and whether it is due again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.catalogue import Catalogue
from tailorbird.features.ownership import Owned, Ownership, Purchases
from tailorbird.types import DAY_SECONDS, Interaction, Request

NOW = 1.76e9
VIEW = Ownership()
STEPS = st.lists(st.tuples(st.integers(0, 2), st.integers(-90, 0)), max_size=12)


def owned(*steps: tuple[int, float, str]) -> Owned:
    """After these: item, days from now, type."""
    state = VIEW.empty()
    for item, days, kind in steps:
        state = VIEW.update(state, Interaction(0, item, NOW + days * DAY_SECONDS, kind, 1.0), Catalogue())
    return state


def share(state: Owned, item: int, days: float = 0.0) -> float:
    """How far the interval of an item has run, some days from now."""
    request = Request(surface="home", at=NOW + days * DAY_SECONDS)
    read = VIEW.read(state, request, np.array([item], np.int32), Catalogue())
    return float(read[0, VIEW.columns.index("share_of_repurchase_interval")])


def test_what_is_bought_monthly_is_due_after_a_month() -> None:
    coffee = owned(*((1, days, "purchase") for days in (-90, -58, -30)))
    assert share(coffee, 1) == pytest.approx(1.0), "30 days after the last one, 30 days apart on average"
    assert share(coffee, 1, days=-30) == 0.0
    assert share(coffee, 1, days=15) == pytest.approx(1.5)
    assert share(coffee, 2) == 0.0


def test_what_was_bought_once_or_at_one_time_has_no_interval() -> None:
    assert share(owned((1, -30, "purchase")), 1) == 0.0
    assert share(owned((1, -30, "purchase"), (1, -30, "purchase")), 1) == 0.0


def test_a_refund_takes_the_interval_back_with_the_purchase() -> None:
    assert share(owned((1, -30, "purchase"), (1, -10, "purchase"), (1, -9, "refund")), 1) == 0.0


def test_a_late_report_of_an_older_purchase_counts_where_it_belongs() -> None:
    assert owned((1, -10, "purchase"), (1, -30, "purchase")) == owned((1, -30, "purchase"), (1, -10, "purchase"))


@given(STEPS, STEPS)
def test_two_ids_of_one_person_own_what_one_id_would_have(
    mine: list[tuple[int, int]], theirs: list[tuple[int, int]]
) -> None:
    parts = [owned(*((item, days, "purchase") for item, days in steps)) for steps in (mine, theirs)]
    whole = owned(*((item, days, "purchase") for item, days in (*mine, *theirs)))
    assert VIEW.merge(*parts).bought == whole.bought == VIEW.merge(*parts[::-1]).bought


def test_a_merge_reaches_from_the_first_purchase_to_the_last() -> None:
    phone, desk = owned((1, -80, "purchase"), (1, -20, "purchase")), owned((1, -60, "purchase"), (1, -40, "purchase"))
    merged = VIEW.merge(phone, desk)
    assert merged.bought[1] == Purchases(4, NOW - 80 * DAY_SECONDS, NOW - 20 * DAY_SECONDS)
    assert share(merged, 1) == pytest.approx(1.0)
