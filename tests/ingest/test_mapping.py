"""Their columns as our fields."""

import shlex
from collections.abc import Mapping
from typing import Any

import pytest

from tailorbird.errors import BadInput, UnknownColumn
from tailorbird.ingest.mapping import ColumnMap, Kind, Types, parse_map, parse_types


def test_pairs_dotted_fields_and_columns_with_commas() -> None:
    pairs = parse_map("items", ["item_id=SKU,attributes.color=Colour", '"price=Price, EUR"'])
    assert pairs == {"item_id": "SKU", "attributes.color": "Colour", "price": "Price, EUR"}


def test_a_field_that_we_do_not_have_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownColumn, match=r"'usr_id'.*Did you mean 'user_id'"):
        parse_map("events", ["usr_id=A"])
    with pytest.raises(UnknownColumn, match=r"'item_id\.x'"):
        parse_map("events", ["item_id.x=A"])


@pytest.mark.parametrize("text", ["user_id", "user_id=", "=A", "user_id=A,user_id=B"])
def test_a_pair_that_says_nothing_is_named(text: str) -> None:
    with pytest.raises(BadInput, match="--map"):
        parse_map("events", [text])


def test_a_mapped_row_keeps_the_named_columns_and_those_with_our_names() -> None:
    columns = ColumnMap("events", {"at": "position", "properties.plan": "tier"})
    row = {"position": 3, "tier": "gold", "item_id": "i1", "noise": 1}
    assert columns.apply(row) == {"at": 3, "properties": {"plan": "gold"}, "item_id": "i1"}


def test_without_a_map_every_column_is_kept_and_dotted_ones_are_nested() -> None:
    row = {"item_id": "i1", "attributes.color": "red", "noise": 1}
    assert ColumnMap("items").apply(row) == {"item_id": "i1", "attributes": {"color": "red"}, "noise": 1}


def test_a_nested_column_is_reached_by_its_path() -> None:
    columns = ColumnMap("events", {"item_id": "product.id"})
    assert columns.apply({"product": {"id": 5}}) == {"item_id": 5}
    assert columns.apply({"product": None}) == {}


def test_lists_and_objects_in_csv_cells_are_json() -> None:
    row = {"item_id": "i1", "tags": '["a","b"]', "attributes": '{"x":1}', "title": "[sic]", "categories": "[a > b"}
    read = ColumnMap("items").apply(row, texts=True)
    assert read == {**row, "tags": ["a", "b"], "attributes": {"x": 1}}


@pytest.mark.parametrize(
    ("sent", "read"),
    [("12,50", "12.50"), ("1.234,50", "1234.50"), ("1 234,5", "1234.5"), ("1.250", "1250"), ("12,50 EUR", "12,50 EUR")],
)
def test_decimal_commas_become_points_where_asked(sent: str, read: str) -> None:
    assert ColumnMap("items", decimal=",").apply({"item_id": "1", "price": sent})["price"] == read
    assert ColumnMap("items").apply({"item_id": "1", "price": sent})["price"] == sent


def test_a_column_that_the_table_lacks_is_named_with_the_nearest_and_all() -> None:
    columns = ColumnMap("items", {"item_id": "ItmID"})
    with pytest.raises(
        UnknownColumn, match=r"a\.csv has no column 'ItmID'. Did you mean 'ItemID'\? Allowed: ItemID, N"
    ):
        columns.check("a.csv", ["ItemID", "N"], (), fixed=True)


def test_a_table_without_what_we_need_is_given_a_map_to_try() -> None:
    theirs = ["event_time", "event_type", "product_id", "visitorid"]
    with pytest.raises(UnknownColumn, match="--map type=event_type,at=event_time,user_id=visitorid,item_id=product_id"):
        ColumnMap("events").check("a.csv", theirs, (), fixed=True)
    with pytest.raises(UnknownColumn, match=r"at=InvoiceDate,user_id=CustomerID,.*--type purchase"):
        ColumnMap("events").check("a.csv", ["CustomerID", "StockCode", "InvoiceDate"], (), fixed=True)


def refusal(kind: Kind, columns: list[str], *, pairs: Mapping[str, str] | None = None, **asked: Any) -> str:
    with pytest.raises(UnknownColumn) as refused:
        ColumnMap(kind, pairs).check("a.csv", columns, **{"given": (), "fixed": True, **asked})
    return str(refused.value)


def test_events_about_items_need_a_column_of_items_and_the_map_to_fill_in_is_complete() -> None:
    theirs = ["when", "who", "what", "thing"]
    told = refusal("events", theirs, about_items=True)
    assert "no column for type, at, user_id, item_id. Its columns: when, who, what, thing." in told
    assert "--map type=COLUMN,at=COLUMN,user_id=COLUMN,item_id=COLUMN" in told
    told = refusal("events", theirs, pairs={"at": "when", "type": "what", "user_id": "who"}, about_items=True)
    assert "no column for item_id." in told
    assert "--map at=when,type=what,user_id=who,item_id=COLUMN" in told
    assert "--type page_view" in told
    assert "--map item_id=COLUMN" in refusal("items", theirs)
    assert "page_view" not in refusal("events", theirs, about_items=True, given=("type",))
    ColumnMap("events").check("a.csv", ["type", "at", "user_id", "items"], (), fixed=True, about_items=True)


def test_the_map_to_fill_in_can_be_typed_as_it_stands() -> None:
    told = refusal("items", ["Item ID", "Price, EUR"], pairs={"price": "Price, EUR"})
    typed = shlex.split(told[told.index("--map ") :])[1].removesuffix(".")
    assert parse_map("items", [typed]) == {"item_id": "Item ID", "price": "Price, EUR"}


def test_records_without_a_field_that_all_need_are_refused_where_columns_may_vary_too() -> None:
    assert "no column for type, at, user_id, item_id." in refusal(
        "events", ["user", "thing"], fixed=False, about_items=True
    )
    assert "no column for item_id." in refusal("items", ["thing"], fixed=False)
    ColumnMap("events").check("a.jsonl", ["type", "at"], (), fixed=False, about_items=True)
    ColumnMap("items").check("a.jsonl", [], (), fixed=False)


def test_an_anonymous_id_and_a_given_type_will_do() -> None:
    ColumnMap("events").check("a.csv", ["anonymous_id", "at"], ("type",), fixed=True)
    ColumnMap("events").check("a.jsonl", ["at"], ("type",), fixed=False)


def test_one_type_for_all_or_our_names_for_theirs() -> None:
    assert parse_types("purchase") == Types("purchase")
    assert parse_types("item_view=view, cart_add=cart") == Types(named={"view": "item_view", "cart": "cart_add"})
    with pytest.raises(BadInput, match="--type"):
        parse_types("item_view=")
