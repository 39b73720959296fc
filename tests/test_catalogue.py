"""Items as columns: ids that mean the same item, and money in one currency."""

import numpy as np
import pytest

from tailorbird.catalogue import Catalogue, in_locale
from tailorbird.config import CatalogueConfig
from tailorbird.types import NOBODY, Item


def test_another_id_of_an_item_is_that_item() -> None:
    made = Catalogue()
    made.upsert(Item(item_id="s1"))
    made.call("G1", "s1")
    assert made.number("G1") == made.find("G1") == made.find("s1") == 0
    assert made.ids == ["s1"]


def test_an_id_under_which_an_item_is_described_is_its_own() -> None:
    made = Catalogue()
    made.upsert(Item(item_id="7"))
    made.upsert(Item(item_id="8"))
    made.call("7", "8")
    assert made.find("7") == 0
    made.call("9", "8")
    made.upsert(Item(item_id="9", title="new"))
    assert (made.ids, made.item(made.find("9")).title) == (["7", "8", "9"], "new")


def test_what_only_events_named_before_it_was_an_alias_keeps_its_number_when_it_is_described() -> None:
    made = Catalogue()
    assert made.number("G1") == 0
    made.call("G1", "s1")
    assert made.find("G1") == made.find("s1") == 1
    made.upsert(Item(item_id="G1"))
    assert (made.find("G1"), made.find("s1")) == (0, 1)


def test_ids_that_stand_for_each_other_are_told_apart_once_they_are_described() -> None:
    made = Catalogue()
    made.call("a", "b")
    made.call("b", "a")
    assert made.find("a") != NOBODY
    made.upsert(Item(item_id="a", title="A"))
    made.upsert(Item(item_id="b", title="B"))
    assert [made.item(made.find(name)).title for name in "ab"] == ["A", "B"]


def test_prices_are_compared_in_the_shops_currency_and_shown_in_their_own() -> None:
    made = Catalogue(CatalogueConfig(rates={"USD": 0.5}))
    for n, currency in enumerate(("EUR", "usd", None, "JPY")):
        made.upsert(Item(item_id=str(n), price=10.0, list_price=20.0, currency=currency, categories=("a",)))
    np.testing.assert_equal(made.price, [10.0, 5.0, 10.0, np.nan])
    np.testing.assert_equal(made.list_price, [20.0, 10.0, 20.0, np.nan])
    assert made.item(1).price == 10.0
    assert np.isfinite(made.price_in_category(np.arange(4, dtype=np.int32))).all()


def test_without_a_shop_prices_are_taken_as_they_are() -> None:
    made = Catalogue()
    made.upsert(Item(item_id="a", price=10.0, currency="JPY"))
    assert made.price[0] == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("asked", "title", "locale"),
    [
        ("de", "Lampe", "de"),
        ("de-CH", "Lampe", "de"),
        ("de_at", "Leuchte", "de-at"),
        ("en-GB", "Lamp", "en-GB"),
        ("en", "Lamp", "en-GB"),
        ("fr", "Lamp", "en-GB"),
        (None, "Lamp", "en-GB"),
    ],
)
def test_texts_come_in_the_nearest_language_that_there_is(asked: str | None, title: str, locale: str) -> None:
    lamp = Item(
        item_id="1",
        title="Lamp",
        categories=("home",),
        locale="en-GB",
        translations={"de": {"title": "Lampe", "categories": ["Haus"]}, "de-at": {"title": "Leuchte"}},
    )
    spoken = in_locale(lamp, asked)
    assert (spoken.title, spoken.locale) == (title, locale)
    assert spoken.categories == (("Haus",) if locale == "de" else ("home",))
