"""What every view keeps: it does not matter on which device, or how late, things were told; and old states end."""

from typing import Any

import numpy as np
import pytest

from features.shelf import ITEMS, TYPES, asked, shelf, step, steps
from tailorbird.config import NOT_RANKED
from tailorbird.features import VIEWS
from tailorbird.features.keeping import Kept, kept
from tailorbird.protocols import FeatureView, ReadsShop, Scope
from tailorbird.types import DAY_SECONDS, Array, Interaction

SHELF = shelf()
ANY_ORDER = ("price_sensitivity", "repurchase", "spending", "pair_history", "rhythm", "visit", "item_rates",
             "shop_averages", "shop_rhythm")  # fmt: skip
"""Views whose state does not depend on the order in which they are told."""


def around(name: str) -> Kept:
    """The view as the online state keeps it; a visit may pause for a day here."""
    return kept(VIEWS[name](), session_seconds=DAY_SECONDS, pairs=200)


def lately(name: str) -> list[Interaction]:
    """Steps of a day for a visit, of two months for the others."""
    return steps(days=0.9 if VIEWS[name].scope is Scope.SESSION else 60.0)


def folded(name: str, told: list[Interaction]) -> Any:
    """The state after these; of a view of scope item the rows of all items."""
    fold = around(name)
    if fold.view.scope is Scope.ITEM:
        rows = np.tile(fold.empty(), (len(ITEMS), 1))
        for one in told:
            if one.item >= 0:
                rows[one.item] = fold.update(rows[one.item], one, SHELF)
        return rows
    state = fold.empty()
    for one in told:
        state = fold.update(state, one, SHELF)
    return state


def merged(name: str, mine: Any, theirs: Any) -> Any:
    """Both, item by item where it is a table."""
    fold = around(name)
    if fold.view.scope is Scope.ITEM:
        return np.array([fold.merge(one, other) for one, other in zip(mine, theirs, strict=True)])
    return fold.merge(mine, theirs)


def read(name: str, state: Any, days: float = 0.0, shop: Any = None) -> Array:
    """All items' columns, some days from now; the shop's state is that of the same steps unless given."""
    view: FeatureView = VIEWS[name]()
    request = asked(days)
    own = around(name).now(state, request.at, ITEMS)
    if isinstance(view, ReadsShop):
        of = VIEWS[view.shop]()
        own = (own, of.empty() if shop is None else shop)
    return np.array(view.read(own, request, ITEMS, SHELF))


def contents(name: str, state: Any) -> Any:
    """What a reader sees of it, and of one without columns the counts."""
    return state[1].counts if name == "shop_averages" else read(name, state)


@pytest.mark.parametrize("name", ANY_ORDER)
def test_the_order_in_which_steps_are_told_does_not_matter(name: str) -> None:
    told = lately(name)
    late = [told[n] for n in np.random.default_rng(1).permutation(len(told))]
    assert np.allclose(contents(name, folded(name, late)), contents(name, folded(name, told)), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ANY_ORDER)
def test_two_devices_merged_know_what_one_would_have_known(name: str) -> None:
    told = lately(name)
    halves = folded(name, told[::2]), folded(name, told[1::2])
    whole = contents(name, folded(name, told))
    assert np.allclose(contents(name, merged(name, *halves)), whole, rtol=1e-9, atol=1e-9)
    assert np.allclose(contents(name, merged(name, *halves[::-1])), whole, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", [name for name, view in VIEWS.items() if np.isfinite(view.ttl_days)])
def test_after_its_ttl_a_view_reads_as_if_nothing_had_been(name: str) -> None:
    long_ago = VIEWS[name].ttl_days + 1.0
    nothing = read(name, folded(name, []), long_ago)
    state = folded(name, lately(name))
    assert np.array_equal(read(name, state, long_ago), nothing)
    if VIEWS[name].columns and name != "rhythm":
        assert not np.array_equal(read(name, state, 0.0), read(name, folded(name, []), 0.0))


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_says_whose_it_is_and_how_fresh_it_has_to_be(name: str) -> None:
    view = VIEWS[name]
    assert view.owner
    assert view.ttl_days > 0
    assert view.freshness_seconds >= 0
    assert len(set(view.columns)) == len(view.columns)


def test_what_the_ranker_does_without_by_default_exists_and_the_rest_keeps_its_place() -> None:
    assert set(NOT_RANKED) < set(VIEWS)
    ranked = [name for name, view in VIEWS.items() if name not in NOT_RANKED and view.columns]
    assert ranked[:3] == ["recent_items", "shown", "ownership"], "rankers read columns by position"


def test_no_two_views_have_a_column_of_one_name() -> None:
    columns = [column for view in VIEWS.values() for column in view.columns]
    assert len(set(columns)) == len(columns)


@pytest.mark.parametrize("name", VIEWS)
def test_no_items_give_no_rows_and_everything_is_finite(name: str) -> None:
    view: FeatureView = VIEWS[name]()
    own = around(name).now(folded(name, steps()), asked().at, ITEMS[:0]) if view.scope is not Scope.REQUEST else None
    state = (own, VIEWS[view.shop]().empty()) if isinstance(view, ReadsShop) else own
    assert np.shape(view.read(state, asked(), ITEMS[:0], SHELF)) == (0, len(view.columns))
    if view.scope is not Scope.REQUEST:
        assert np.isfinite(read(name, folded(name, steps()))).all()


@pytest.mark.parametrize("name", [name for name, view in VIEWS.items() if view.begins_with])
def test_steps_that_begin_nothing_leave_an_empty_state_as_it_is(name: str) -> None:
    fold = kept(VIEWS[name](), session_seconds=np.inf, pairs=10).view
    for kind in (*TYPES, "dismiss", "cart_remove", "rating"):
        for weight in (-4.0, 0.0, 8.0):
            if kind not in fold.begins_with:
                after = fold.update(fold.empty(), step(kind, weight=weight), SHELF)
                assert repr(after) == repr(fold.empty()), kind
        if kind in fold.begins_with:
            assert repr(fold.update(fold.empty(), step(kind), SHELF)) != repr(fold.empty()), kind
