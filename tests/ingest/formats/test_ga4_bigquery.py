"""Rows as the public schema describes them, with values of our own.

Document: Google "[GA4] BigQuery Export schema": "event", "event_params", "device", "geo", "ecommerce", "items",
"privacy_info"; for late events "Tables".
"""

from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tailorbird.backends.memory import MemoryLog
from tailorbird.errors import BadInput, MissingField
from tailorbird.ingest.formats.ga4 import Ga4
from tailorbird.ingest.formats.ga4_bigquery import Ga4BigQuery
from tailorbird.ingest.formats.reader import FormatReader
from tailorbird.ingest.importer import ImportOptions, import_file
from tailorbird.types import Event, OrderLine

NOW = 1_700_000_000.0


def param(key: str, value: Any, kind: str = "string_value") -> dict[str, Any]:
    return {"key": key, "value": {"string_value": None, kind: value}}


def row(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "event_date": "20231114",
        "event_timestamp": "1699999990000000",
        "event_name": name,
        "user_pseudo_id": "c1.7",
        **fields,
    }


def reader() -> FormatReader:
    return FormatReader(Ga4BigQuery(), MemoryLog().current, now=NOW)


def event_of(given: Any) -> Event:
    (event,) = reader().read(given).events
    return event


PURCHASE = row(
    "purchase",
    user_id="u1",
    event_params=[
        param("ga_session_id", "1699999000", "int_value"),
        param("engagement_time_msec", "2500", "int_value"),
        param("value", 40.5, "double_value"),
        param("currency", "EUR"),
        param("page_location", "https://shop.example/thanks?mail=a@b.example"),
        param("coupon", "(not set)"),
    ],
    ecommerce={"transaction_id": "T-1", "purchase_revenue": 40.5},
    items=[
        {"item_id": "p1", "item_name": "Mug", "price": "10.25", "quantity": "2", "item_params": []},
        {"item_id": "p2", "item_variant": "(not set)", "price": 20.0, "quantity": None},
    ],
)


def test_a_purchase() -> None:
    """Sections "event_params", "ecommerce", "items"; whole numbers are text in BigQuery's JSON."""
    told = event_of(PURCHASE)
    assert (told.type, told.at, told.user_id, told.anonymous_id) == ("purchase", NOW - 10, "u1", "c1.7")
    assert (told.value, told.currency, told.session_id, told.dwell_seconds) == (40.5, "EUR", "1699999000", 2.5)
    assert told.items == (OrderLine("p1", 2.0, 10.25), OrderLine("p2", 1.0, 20.0))
    assert (told.context, told.properties) == ({"path": "/thanks"}, {"transaction_id": "T-1"})


def test_a_purchase_has_the_name_that_it_has_on_its_way_in() -> None:
    live = {
        "event": "purchase",
        "client_id": "c1.7",
        "ecommerce": {"transaction_id": "T-1", "items": [{"item_id": "p1"}]},
    }
    (event,) = FormatReader(Ga4(), MemoryLog().current, now=NOW).read(live).events
    assert event.event_id == event_of(PURCHASE).event_id == "ga4-purchase-T-1"


def test_a_transaction_that_is_not_set_names_nothing() -> None:
    """Section "ecommerce"."""
    for order in ({"transaction_id": "(not set)"}, {"transaction_id": None}, None):
        told = event_of(row("purchase", ecommerce=order, items=[{"item_id": "p1"}]))
        assert (told.event_id, told.properties) == ("", {})


def test_of_place_and_device_what_names_nobody() -> None:
    """Sections "geo", "device", "privacy_info"; personal parameters."""
    read = reader()
    (told,) = read.read(
        row(
            "page_view",
            event_params=[param("email", "a@b.example"), param("page_title", "Home")],
            geo={"country": "Germany", "city": "Ulm", "metro": "(not set)"},
            device={"category": "mobile", "language": "de", "advertising_id": "x-1"},
            privacy_info={"analytics_storage": "Yes", "ads_storage": "No", "uses_transient_token": "No"},
        )
    ).events
    assert told.context == {"region": "Germany", "device": "mobile", "locale": "de"}
    assert (told.consent, told.properties) == ({"analytics": True, "advertising": False}, {"page_title": "Home"})
    assert read.arrival.dropped == {"email": 1, "geo.city": 1, "device.advertising_id": 1}


@pytest.mark.parametrize("time", [1_699_999_990, 1_699_999_990_000, "1699999990000000"])
def test_times_in_any_unit(time: Any) -> None:
    """Section "event": microseconds; a table that somebody copied may hold others."""
    assert event_of(row("page_view", event_timestamp=time)).at == NOW - 10


def test_what_is_missing_is_named_as_they_name_it() -> None:
    for given, told in (
        (row("page_view", user_pseudo_id=None), "user_pseudo_id and user_id are both missing"),
        (row("page_view", event_timestamp=None), "event_timestamp is missing"),
        (row(""), "event_name is missing"),
        (row("view_item", items=[]), "items is missing"),
        (row("view_item", items=[{"item_id": "(not set)"}]), r"items\[0\]\.item_id is missing"),
        (row("view_search_results"), r"event_params\.search_term is missing"),
    ):
        with pytest.raises(MissingField, match=told):
            event_of(given)
    with pytest.raises(BadInput, match=r"event_params\[0\]\.key is of type null"):
        event_of(row("x", event_params=[7]))
    with pytest.raises(BadInput, match="A row is 7"):
        event_of(7)


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_a_day_that_is_exported_again_adds_what_came_late(tmp_path: Path, ending: str) -> None:
    """Section "Tables": late events are added to a day's table for three days."""
    first = row(
        "view_item", items=[{"item_id": "p1", "price": 3.5}], event_params=[param("ga_session_id", 7, "int_value")]
    )
    late = row("add_to_cart", items=first["items"], event_params=[param("value", 2, "int_value")])
    log, options = MemoryLog(), ImportOptions(fmt="ga4-bigquery")
    for n, rows in enumerate(([first], [first, late])):
        path = tmp_path / f"events_20231114_{n}.{ending}"
        if ending == "parquet":
            pq.write_table(pa.Table.from_pylist(rows), path)
        else:
            path.write_bytes(b"\n".join(msgspec.json.encode(one) for one in rows))
        report = import_file(log, path, "events", now=NOW, options=options)
        assert (report.accepted, report.duplicates, report.rejected) == (1, n, 0)
    assert [msgspec.json.decode(record.body, type=Event).session_id for record in log.read(0, 9)] == ["7", None]


def test_user_properties_are_traits_of_a_known_user() -> None:
    """BigQuery Export schema, "user_properties": key, value.string_value, ..., set_timestamp_micros."""
    told = [param("tier", "gold"), param("visits", "7", "int_value"), param("first_open_time", "1", "int_value")]
    known = reader().read({**PURCHASE, "user_properties": told})
    assert [entry.kind for entry in known.entries] == ["event", "user"]
    assert msgspec.json.decode(known.entries[1].body)["traits"] == {"tier": "gold", "visits": "7"}
    stranger = reader().read({**row("page_view"), "user_properties": told})
    assert [entry.kind for entry in stranger.entries] == ["event"]
    with pytest.raises(BadInput, match="user_properties is 'x'"):
        reader().read({**row("page_view"), "user_properties": "x"})
