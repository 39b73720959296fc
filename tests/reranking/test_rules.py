"""Hard rules."""

import numpy as np
import pytest

from tailorbird.catalogue import Catalogue
from tailorbird.errors import BadInput
from tailorbird.features.ownership import Owned, Purchases
from tailorbird.features.recent_items import Recent
from tailorbird.reranking.rules import allowed, one_per_group
from tailorbird.types import History, Item, Person, Policy, Request

from made_up import NOW

ALL = np.arange(6, dtype=np.int32)


def shown(catalogue: Catalogue, policy: Policy | None = None, states: dict | None = None, **request) -> list[str]:
    person = Person("u:1", 0, History.empty(), states or {})
    asked = Request(surface="home", at=NOW, **request)
    keep, _ = allowed(ALL, asked, person, policy or Policy(surface="home"), catalogue)
    return [catalogue.ids[n] for n in ALL[keep]]


def test_what_is_sold_out_or_sold_elsewhere_is_not_shown(catalogue: Catalogue) -> None:
    assert shown(catalogue) == ["i0", "i1", "i2", "i3"]
    assert shown(catalogue, region="NO") == ["i0", "i1", "i2", "i3", "i5"]


def test_the_page_its_cart_and_what_the_request_excludes_are_not_repeated(catalogue: Catalogue) -> None:
    assert shown(catalogue, item_id="i0", cart=("i1",), exclude=("i2", "unknown")) == ["i3"]


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        ({"brand": "Aster"}, ["i0", "i2"]),
        ({"brand": ["Aster", "Bora"], "category": "shoes"}, ["i0", "i1"]),
        ({"price": {"min": 20, "max": 55}}, ["i0", "i2"]),
        ({"category": "home"}, ["i3"]),
        ({"brand": "Nobody"}, []),
    ],
)
def test_filters(catalogue: Catalogue, wanted: dict, left: list[str]) -> None:
    assert shown(catalogue, filter=wanted) == left


def test_a_filter_on_an_unknown_field_names_the_field_and_the_allowed_ones(catalogue: Catalogue) -> None:
    with pytest.raises(BadInput, match="colour") as caught:
        shown(catalogue, filter={"colour": "red"})
    assert "attributes.<name>" in caught.value.hint
    with pytest.raises(BadInput, match="cheap"):
        shown(catalogue, filter={"price": {"max": "cheap"}})


def test_what_was_turned_down_or_bought_is_hidden_where_the_shop_wants_it(catalogue: Catalogue) -> None:
    states = {
        "recent_items": Recent(rejected={0: NOW}),
        "ownership": Owned(bought={1: Purchases(1, NOW - 90 * 86_400, NOW - 86_400)}),
    }
    assert shown(catalogue, states=states) == ["i1", "i2", "i3"]
    hide = Policy(surface="home", hide_bought=True, bought_days=30)
    assert shown(catalogue, hide, states) == ["i2", "i3"]
    assert shown(catalogue, Policy(surface="home", hide_bought=True, bought_days=0.5), states) == ["i1", "i2", "i3"]


def test_one_variant_stands_for_its_group() -> None:
    catalogue = Catalogue()
    for item_id, group in (("a1", "a"), ("b", None), ("a2", "a"), ("c", None)):
        catalogue.upsert(Item(item_id=item_id, group_id=group))
    assert one_per_group(np.array([2, 0, 1, 3], np.int32), catalogue).tolist() == [True, False, True, True]
