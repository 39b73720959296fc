"""Items that are one thing under two ids, and items that only look so."""

import pytest

from tailorbird.ingest.checks.described import Catalogue
from tailorbird.ingest.checks.duplicates import find
from tailorbird.types import Item

DESK = {"title": "Oak writing desk with two drawers and brass handles", "brand": "Aster", "price": 100.0}


def pairs(*items: dict, rates: dict | None = None) -> list[tuple[str, str]]:
    catalogue = Catalogue()
    for n, fields in enumerate(items):
        catalogue.take(Item(item_id=f"i{n}", **fields), n + 1)
    return find(catalogue.items, lambda currency: (rates or {}).get(currency, 1.0))


def test_one_thing_under_two_ids_is_found_once():
    assert pairs(DESK, {"title": "Lamp"}, {**DESK, "title": f"{DESK['title'].upper()}!"}) == [("i0", "i2")]


@pytest.mark.parametrize(
    "other",
    [
        {"brand": "Bora"},
        {"price": 120.0},
        {"title": "Oak writing desk with 2 drawers and brass handles"},
        {"title": "Oak dining table with two benches and steel legs"},
        {"title": "Oak writing desk with two drawers and brass handles XL"},
        {"withdrawn": True},
        {"available": False},
        {"attributes": {"colour": "dark", "wood": "oak"}},
        {"attributes": {"finish": "raw", "wood": "elm", "legs": 4}},
        {"attributes": {"gtin": "2"}},
    ],
)
def test_what_differs_in_what_matters_is_another_thing(other):
    first = {**DESK, "attributes": {"colour": "light", "wood": "oak", "finish": "oiled", "gtin": "1"}}
    assert pairs(first, {**first, **other}) == []


def test_variants_of_one_group_are_no_duplicates():
    assert pairs({**DESK, "group_id": "g"}, {**DESK, "group_id": "g"}) == []
    assert pairs({**DESK, "group_id": "g"}, {**DESK, "group_id": "h"}) == [("i0", "i1")]
    assert pairs(DESK, DESK) == [("i0", "i1")]


def test_prices_are_compared_in_one_currency_and_an_unknown_one_is_no_difference():
    dollars = {**DESK, "price": 200.0, "currency": "USD"}
    assert pairs(DESK, dollars) == []
    assert pairs(DESK, dollars, rates={"USD": 0.5}) == [("i0", "i1")]
    assert pairs(DESK, dollars, rates={"USD": float("nan")}) == [("i0", "i1")]
    assert pairs(DESK, {**DESK, "price": None}) == [("i0", "i1")]


def test_nearly_all_planted_duplicates_are_found_and_hardly_anything_else():
    nouns, kinds = ["desk", "lamp", "chair", "shelf", "bench"], ["oak", "elm", "ash", "teak", "pine", "birch"]
    extras = [f"{a}{b}" for a in "bcdfgklmnprst" for b in ("olin", "arda", "etto", "usca")]
    items = [
        {"title": f"{kind} {noun} {one} {other} by the window", "brand": "Aster"}
        for kind in kinds
        for noun in nouns
        for one, other in zip(extras, extras[7:] + extras[:7], strict=True)
    ]
    planted = [{**item, "title": f"{item['title']} today"} for item in items[::10]]
    found = pairs(*items, *planted)
    expected = {(f"i{10 * n}", f"i{len(items) + n}") for n in range(len(planted))}
    assert len(expected & set(found)) >= 0.95 * len(expected)
    assert len(set(found) - expected) <= 0.02 * len(items)


def test_a_thousand_equal_titles_are_compared_with_few_neighbours_each():
    assert 999 <= len(pairs(*[DESK] * 1_000)) <= 6_000


@pytest.mark.parametrize("items", [[], [DESK], [{"title": "!!!"}, {"title": "???"}], [{}, {}]])
def test_catalogues_with_nothing_to_compare(items):
    assert pairs(*items) == [] or items[0]["title"] == "!!!"
