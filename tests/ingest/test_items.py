"""What an item and a user must be, and how an item changes."""

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.errors import BadInput, BadNumber, IdTooLong, MissingField, WrongType
from tailorbird.ingest.items import FIELDS, entry_of_item, parse_item, patch_item
from tailorbird.types import Item

GERMAN = {"de-at": {"title": "Schuh", "categories": ["Kleidung", "Schuhe"]}}

SHOE = Item(
    item_id="i1", title="Shoe", price=50.0, categories=("wear", "shoes"), attributes={"color": "red", "size": 42}
)


def test_only_the_id_is_needed() -> None:
    assert parse_item({"item_id": 7}) == Item(item_id="7")
    with pytest.raises(MissingField, match="item_id"):
        parse_item({"title": "Shoe"})


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (["wear", "shoes"], ("wear", "shoes")),
        ("wear > shoes", ("wear", "shoes")),
        ("Action|Comedy", ("Action", "Comedy")),
        ("Home & Garden", ("Home & Garden",)),
        ("", ()),
        ([], ()),
        ([" wear ", "", None, 5], ("wear", "5")),
    ],
)
def test_a_category_path_is_read_in_the_ways_files_write_it(sent: Any, kept: tuple[str, ...]) -> None:
    assert parse_item({"item_id": "i1", "categories": sent}).categories == kept


def test_tags_out_of_numbers_and_out_of_text() -> None:
    assert parse_item({"item_id": "i1", "tags": [1, 2]}).tags == ("1", "2")
    assert parse_item({"item_id": "i1", "tags": "summer; sale", "regions": "NO,SE"}).regions == ("NO", "SE")


@pytest.mark.parametrize(("sent", "kept"), [(12.5, 12.5), ("12.50", 12.5), (0, 0.0), ("", None), (None, None)])
def test_a_price_may_be_text(sent: Any, kept: float | None) -> None:
    assert parse_item({"item_id": "i1", "price": sent}).price == kept


@pytest.mark.parametrize("sent", ["12,50 EUR", -1, "-1", float("nan")])
def test_a_price_that_is_none_is_refused(sent: Any) -> None:
    with pytest.raises(BadNumber, match="price is"):
        parse_item({"item_id": "i1", "price": sent})


@pytest.mark.parametrize(
    ("sent", "kept"),
    [(True, True), ("false", False), (0, False), (1.0, True), ("in stock", True), ("Out of Stock", False)],
)
def test_availability_is_read_in_words_and_bits(sent: Any, kept: bool) -> None:  # noqa: FBT001 - a case, not an option
    assert parse_item({"item_id": "i1", "available": sent}).available is kept


def test_an_unclear_availability_is_refused() -> None:
    with pytest.raises(WrongType, match="available is 'perhaps'"):
        parse_item({"item_id": "i1", "available": "perhaps"})


def test_a_link_that_a_browser_would_run_is_refused() -> None:
    assert parse_item({"item_id": "i1", "url": "/shoe?a=b:c"}).url == "/shoe?a=b:c"
    with pytest.raises(WrongType, match="scheme 'javascript'"):
        parse_item({"item_id": "i1", "url": "javascript:alert(1)"})


def test_unknown_fields_are_kept_in_attributes() -> None:
    item = parse_item({"item_id": "i1", "color": "red", "empty": "", "attributes": {"size": 42}})
    assert item.attributes == {"color": "red", "size": 42}


def test_an_id_of_300_characters_is_refused() -> None:
    with pytest.raises(IdTooLong, match="item_id has 300 characters"):
        parse_item({"item_id": "x" * 300})


def test_a_patch_changes_what_it_names_and_nothing_else() -> None:
    changed = patch_item(SHOE, {"price": 40, "attributes": {"color": "blue"}, "sole": "rubber"})
    assert changed == msgspec.structs.replace(
        SHOE, price=40.0, attributes={"color": "blue", "size": 42, "sole": "rubber"}
    )


def test_null_in_a_patch_forgets() -> None:
    changed = patch_item(SHOE, {"price": None, "categories": None, "attributes": {"color": None}})
    assert changed == Item(item_id="i1", title="Shoe", attributes={"size": 42})
    assert patch_item(SHOE, {"attributes": None}).attributes == {}


def test_a_patch_cannot_make_another_item() -> None:
    assert patch_item(SHOE, {"item_id": "i1"}) == SHOE
    with pytest.raises(BadInput, match=r"'i2'.*'i1'"):
        patch_item(SHOE, {"item_id": "i2"})


def test_a_bad_patch_is_refused() -> None:
    with pytest.raises(BadNumber, match="price"):
        patch_item(SHOE, {"price": "cheap"})
    with pytest.raises(WrongType):
        patch_item(SHOE, {"attributes": "red"})


def test_an_item_survives_the_log() -> None:
    entry = entry_of_item(SHOE, at=5.0)
    assert (entry.kind, entry.key, entry.at) == ("item", "i1", 5.0)
    assert parse_item(msgspec.json.decode(entry.body)) == SHOE


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(raw=st.dictionaries(st.sampled_from(sorted(FIELDS)) | st.text(max_size=4), anything, max_size=8))
def test_whatever_comes_is_an_item_or_bad_input(raw: dict[str, Any]) -> None:
    with suppress(BadInput):
        patch_item(SHOE, raw)
    with suppress(BadInput):
        item = parse_item({"item_id": "i1", **raw})
        assert parse_item(msgspec.json.decode(entry_of_item(item, at=0.0).body)) == item


@pytest.mark.parametrize(
    "sent",
    [
        {"de_AT": {"title": "Schuh", "categories": "Kleidung > Schuhe", "description": None}},
        {"de-AT.title": "Schuh", "de-AT.categories": "Kleidung|Schuhe"},
        {" de-at ": {"title": "Schuh", "categories": ["Kleidung", "Schuhe"]}, "fr": None, "it": {"title": ""}},
    ],
)
def test_translations_are_texts_by_locale(sent: dict[str, Any]) -> None:
    assert parse_item({"item_id": "i1", "translations": sent}).translations == GERMAN


@pytest.mark.parametrize(
    "sent", ["de", {"de": "Schuh"}, {"de": {"price": 5}}, {"": {"title": "a"}}, {"de": {"title": []}}]
)
def test_bad_translations_are_refused(sent: Any) -> None:
    with pytest.raises(WrongType, match="translations"):
        parse_item({"item_id": "i1", "translations": sent})


def test_a_translation_is_changed_text_by_text() -> None:
    shoe = patch_item(SHOE, {"translations": GERMAN})
    changed = patch_item(shoe, {"translations": {"de-at": {"title": None}, "fr": {"title": "Chaussure"}}})
    assert changed.translations == {"de-at": {"categories": ["Kleidung", "Schuhe"]}, "fr": {"title": "Chaussure"}}
    assert patch_item(shoe, {"translations": None}).translations == {}
