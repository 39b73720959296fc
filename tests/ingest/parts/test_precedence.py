"""Which source is believed about which field."""

from typing import Any

import pytest

from tailorbird.config import CatalogueConfig, Config
from tailorbird.errors import InvalidConfig, UnknownSource
from tailorbird.ingest.parts.part import Part, parse_part, patch_part
from tailorbird.ingest.parts.precedence import Precedence, check_source, check_sources
from tailorbird.types import Item

SOURCES = ("erp", "pim", "feed")


def merged(config: CatalogueConfig | None = None, **said: dict[str, Any]) -> Item:
    config = config or CatalogueConfig(sources=SOURCES)
    parts = [parse_part({"item_id": "x", **fields}, source, currency="EUR") for source, fields in said.items()]
    item = Precedence(config).merge("x", parts)
    assert item is not None
    return item


def test_a_field_comes_from_the_first_source_that_knows_it() -> None:
    item = merged(feed={"title": "Feed", "brand": "F"}, pim={"title": "Pim"}, erp={"price": 2})
    assert (item.title, item.brand, item.price) == ("Pim", "F", 2.0)


def test_a_field_may_have_an_order_of_its_own_and_the_others_follow() -> None:
    config = CatalogueConfig(sources=SOURCES, precedence={"title": ("feed",)})
    assert merged(config, erp={"title": "Erp"}, feed={"title": "Feed"}).title == "Feed"
    assert merged(config, erp={"title": "Erp"}, feed={"brand": "F"}).title == "Erp"


def test_an_empty_cell_says_nothing() -> None:
    item = merged(erp={"title": "", "categories": "", "tags": ""}, pim={"title": "Lamp", "categories": "a > b"})
    assert (item.title, item.categories) == ("Lamp", ("a", "b"))


def test_attributes_and_translations_are_merged_by_name_and_tags_united() -> None:
    item = merged(
        CatalogueConfig(sources=SOURCES, precedence={"attributes.colour": ("feed",)}),
        erp={"attributes": {"size": "L", "colour": "r"}, "tags": ["a", "b"], "translations": {"de": {"title": "Eins"}}},
        feed={
            "attributes": {"size": "XL", "colour": "red", "fit": "slim"},
            "tags": ["b", "c"],
            "translations": {"de": {"title": "Zwei", "description": "Text"}, "fr": {"title": "Un"}},
        },
    )
    assert item.attributes == {"size": "L", "colour": "red", "fit": "slim"}
    assert item.tags == ("a", "b", "c")
    assert item.translations == {"de": {"title": "Eins", "description": "Text"}, "fr": {"title": "Un"}}


def test_a_price_and_its_currency_come_from_one_source() -> None:
    item = merged(erp={"currency": "CHF"}, pim={"price": 10, "currency": "JPY"}, feed={"price": 9, "currency": "USD"})
    assert (item.price, item.currency) == (10.0, "JPY")


def test_a_list_price_is_taken_in_the_currency_of_the_price_only() -> None:
    priced = {"price": 8, "currency": "EUR"}
    usd, eur = {"list_price": 11, "currency": "USD"}, {"list_price": 12, "currency": "EUR"}
    assert merged(erp=priced, pim=usd).list_price is None
    assert merged(erp=priced, pim=usd, feed=eur).list_price == 12.0


def test_stock_and_availability_that_a_source_gives_together_stay_together() -> None:
    both = {"stock": 5, "available": True}
    item = merged(erp={"stock": 0}, pim=both, feed={"available": False})
    assert (item.stock, item.available) == (0.0, False)
    item = merged(erp=both, pim={"stock": 0, "available": False})
    assert (item.stock, item.available) == (5.0, True)
    assert merged(erp={"stock": 3}, pim=both).available


@pytest.mark.parametrize(
    ("erp", "feed", "known"),
    [
        ({"stock": 38}, {"available": False}, (38.0, True)),
        ({"stock": 38}, {"available": True}, (38.0, True)),
        ({"stock": 0}, {"available": True}, (0.0, True)),
        ({"stock": 0}, {"available": False}, (0.0, False)),
        ({"available": True}, {"stock": 5}, (5.0, True)),
        ({"available": True}, {"stock": 0}, (None, True)),
        ({"available": False}, {"stock": 5}, (None, False)),
        ({"available": False}, {"stock": 0}, (0.0, False)),
        ({"available": False, "stock": 5}, {"available": True}, (5.0, False)),
        ({"available": True}, {"available": False, "stock": 0}, (None, True)),
    ],
)
def test_stock_and_availability_are_not_contradicted_by_a_less_trusted_source(
    erp: dict[str, Any], feed: dict[str, Any], known: tuple[float | None, bool]
) -> None:
    item = merged(erp=erp, feed=feed)
    assert (item.stock, item.available) == known
    assert item.sellable == merged(erp=erp).sellable, "the more trusted one decides whether it may be shown"


def test_what_contradicts_is_passed_over_for_the_next_source() -> None:
    item = merged(erp={"available": True}, pim={"stock": 0}, feed={"stock": 7})
    assert (item.stock, item.available) == (7.0, True)


def test_nothing_is_left_where_every_source_took_back_what_it_said() -> None:
    order = Precedence(CatalogueConfig(sources=SOURCES))
    assert order.merge("x", [Part(source="erp", item_id="x", withdrawn=True)]) is None
    assert order.merge("x", [Part(source="once", item_id="x", said={"title": "old"})]) is None


def test_a_change_of_a_part_forgets_by_null() -> None:
    before = parse_part({"item_id": "x", "title": "a", "brand": "b", "price": 3, "fit": "slim"}, "erp", currency="EUR")
    part = patch_part(before, "x", "erp", {"brand": None, "price": 4, "attributes": {"fit": None}}, currency="USD")
    assert part.said == {"title": "a", "price": 4.0, "currency": "EUR"}


def test_an_unknown_source_is_told_with_those_that_there_are() -> None:
    with pytest.raises(UnknownSource, match=r"'epr'.*Did you mean 'erp'.*erp, feed, pim"):
        check_source("epr", CatalogueConfig(sources=SOURCES))
    with pytest.raises(UnknownSource, match="the shop names none"):
        check_source("erp", CatalogueConfig())


def test_settings_that_name_what_is_not_there_are_told_all_at_once() -> None:
    wrong = CatalogueConfig(
        sources=SOURCES,
        precedence={"titel": ("pim",), "currency": ("erp",), "brand": ("crm",), "attributes.fit": ("pim",)},
        match={"crm": "gtin"},
        taxonomy={"fed": "a.csv"},
    )
    with pytest.raises(InvalidConfig) as told:
        check_sources(Config(catalogue=wrong))
    for words in ("'title'", "currency goes with price", "'crm'", "match.crm", "taxonomy.fed"):
        assert words in str(told.value)
    assert "attributes.fit" not in str(told.value)
    check_sources(Config(catalogue=CatalogueConfig(sources=SOURCES, precedence={"attributes.fit": ("pim",)})))


def test_the_order_of_a_field_that_goes_with_another_is_sent_to_that_one() -> None:
    for field, words in {
        "availability": "no such field. Did you mean 'available'? available goes with stock; order stock.",
        "available": "available: available goes with stock; order stock.",
        "in_stock": "no such field. Did you mean 'stock'? Allowed: attributes",
        "zzz": "no such field. Allowed: attributes",
    }.items():
        with pytest.raises(InvalidConfig) as told:
            check_sources(Config(catalogue=CatalogueConfig(sources=SOURCES, precedence={field: ("feed",)})))
        assert words in str(told.value)
