"""What a person was shown and passed over, and how often items are clicked on lists."""

import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.features.list_clicks import ListClicks
from tailorbird.features.shown import Impressions, Shown
from tailorbird.types import Array, Interaction, Item, Request

ITEMS = np.arange(6, dtype=np.int32)


def catalogue() -> Catalogue:
    shop = Catalogue()
    for n in range(6):
        shop.upsert(Item(item_id=f"i{n}", title=("red shoe", "blue lamp")[n % 2], brand=("Aster", "Bora")[n % 2]))
    return shop


def shown(item: int, at: float = 0.0, surface: str | None = "home") -> Interaction:
    return Interaction(0, item, at, "list_view", 0.0, surface=surface)


def clicked(item: int, at: float = 1.0) -> Interaction:
    return Interaction(0, item, at, "list_click", 1.0, surface="home")


def folded(*steps: Interaction) -> Impressions:
    view, shop = Shown(), catalogue()
    state = view.empty()
    for step in steps:
        state = view.update(state, step, shop)
    return state


def column(state: Impressions, name: str, at: float = 60.0) -> Array:
    values = Shown().read(state, Request(surface="home", at=at), ITEMS, catalogue())
    return values[:, Shown.columns.index(name)]


def test_an_item_is_passed_over_until_it_is_clicked() -> None:
    state = folded(shown(0), shown(1), shown(1, 30.0))
    assert column(state, "times_passed_over").tolist() == [1, 2, 0, 0, 0, 0]
    assert np.allclose(np.expm1(column(state, "log_minutes_since_passed_over")[:2]), [1.0, 0.5])
    assert state.passed_over(0.0).tolist() == [0, 1, 1]
    assert state.passed_over(10.0).tolist() == [1]
    assert folded(shown(0), shown(1), clicked(0)).passed_over(0.0).tolist() == [1]


def test_the_shops_own_lists_tell_of_taste_but_pass_nothing_over() -> None:
    state = folded(shown(0, surface="search"), shown(2, surface=None))
    assert state.passed_over(0.0).tolist() == []
    assert column(state, "times_passed_over").tolist() == [0] * 6
    assert np.allclose(np.expm1(column(state, "log_brand_shown")), [2, 0, 2, 0, 2, 0])


def test_a_brand_that_is_taken_more_often_than_others_is_lifted_and_so_is_the_taste() -> None:
    seen = [shown(n % 6) for n in range(12)]
    state = folded(*seen, clicked(0), clicked(2), clicked(4))
    lift, taste = column(state, "brand_lift"), column(state, "taste_in_lists")
    assert lift[0] > 0 > lift[1]
    assert taste[0] > 0 > taste[1]


def test_what_nobody_was_shown_says_nothing() -> None:
    assert not column(folded(), "times_passed_over").any()
    assert not column(folded(clicked(3)), "taste_in_lists").any()


def test_impressions_are_bounded() -> None:
    state = folded(*(shown(n % 6, float(n)) for n in range(2_000)))
    assert len(state.items) <= 400
    assert state.at[-1] == 1_999.0


def test_merging_two_devices_adds_up_and_keeps_the_order_of_time() -> None:
    mine, theirs = folded(shown(0, 1.0), shown(1, 3.0), clicked(1, 4.0)), folded(shown(2, 2.0), shown(0, 5.0))
    merged = Shown().merge(mine, theirs)
    assert merged.passed_over(0.0).tolist() == [0, 2, 0]
    assert (merged.shown, merged.taken) == (4, 1)
    assert merged.brands_shown == {0: 3, 1: 1}
    assert np.allclose(merged.taste, mine.taste + theirs.taste)


def rates(*steps: Interaction) -> Array:
    view, shop = ListClicks(), catalogue()
    rows = np.tile(view.empty(), (6, 1))
    for step in steps:
        rows[step.item] = view.update(rows[step.item], step, shop)
    return view.read(rows, Request(surface="home", at=0.0), ITEMS, shop)


def test_an_item_that_is_clicked_when_shown_beats_one_that_is_only_shown_often() -> None:
    own, slate = ListClicks.columns.index("list_click_rate"), ListClicks.columns.index("slate_click_rate")
    often = [shown(1) for _ in range(50)]
    values = rates(shown(0), clicked(0), *often, clicked(1))
    assert values[0, slate] > values[1, slate]
    assert len(set(values[:, own])) == 1, "slates say nothing of the shop's own lists"


def test_a_late_impression_is_faded_to_the_time_of_the_row() -> None:
    early, late = shown(0, 0.0), shown(0, 30 * 86_400.0)
    assert np.allclose(rates(early, late), rates(late, early))
    assert np.isclose(np.expm1(rates(early, late)[0, 2]), 1.5)
