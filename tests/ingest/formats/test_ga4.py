"""Pushes and bodies as the public documents write them: their tables of fields, with values of our own.

Documents: Google "Measure ecommerce" (sections named after the steps; "items"), "Recommended events" (purchase, refund,
search), "gtag.js API reference" (event); "Measurement Protocol reference" ("JSON POST body", "Consent", "Common event
parameters").
"""

from typing import Any

import msgspec
import pytest

from tailorbird.backends.memory import MemoryLog
from tailorbird.errors import BadInput, ImplausibleTime, MissingField
from tailorbird.ingest.formats.ga4 import Ga4
from tailorbird.ingest.formats.reader import FormatReader
from tailorbird.types import Event, OrderLine, User

NOW = 1_700_000_000.0


def reader() -> FormatReader:
    return FormatReader(Ga4(), MemoryLog().current, now=NOW)


def events_of(document: Any) -> list[Event]:
    read = reader()
    return [event for message in Ga4().messages(document) for event in read.read(message).events]


def event_of(document: Any) -> Event:
    (event,) = events_of(document)
    return event


def push(event: str, **ecommerce: Any) -> dict[str, Any]:
    return {"event": event, "client_id": "c1", "ecommerce": ecommerce}


def body(name: str, **params: Any) -> dict[str, Any]:
    return {"client_id": "c1", "events": [{"name": name, "params": params}]}


def test_a_purchase_out_of_the_data_layer() -> None:
    """Measure ecommerce, "Measure purchases": items, and prices also as text."""
    told = event_of(
        {
            **push(
                "purchase",
                transaction_id="T-1",
                value="40.50",
                currency="EUR",
                tax=3.1,
                items=[
                    {"item_id": "p1", "item_name": "Mug", "price": "10.25", "quantity": "2", "index": 0},
                    {"item_id": 45, "price": 20},
                ],
            ),
            "user_id": "u1",
            "gtm.uniqueEventId": 12,
        }
    )
    assert (told.type, told.event_id, told.user_id, told.anonymous_id) == ("purchase", "ga4-purchase-T-1", "u1", "c1")
    assert (told.at, told.value, told.currency) == (NOW, 40.5, "EUR")
    assert told.items == (OrderLine("p1", 2.0, 10.25), OrderLine("45", 1.0, 20.0))
    assert told.properties == {"transaction_id": "T-1", "tax": 3.1}


@pytest.mark.parametrize("order", ["", None])
def test_a_purchase_without_a_transaction_is_not_taken_for_every_other_such(order: Any) -> None:
    """Recommended events, purchase: GA4 would take all purchases with an empty transaction_id for one."""
    bought = push("purchase", transaction_id=order, items=[{"item_id": "p1"}])
    other = push("purchase", transaction_id=order, items=[{"item_id": "p2"}])
    assert event_of(bought).event_id == event_of(other).event_id == ""


def test_one_item_tells_where_it_stood() -> None:
    """Measure ecommerce, "Select an item from a list"."""
    told = event_of(
        push(
            "select_item",
            item_list_name="Related",
            items=[{"item_id": "p1", "item_variant": "green", "item_category": "Cups", "index": 3, "price": 5}],
        )
    )
    assert (told.type, told.item_id, told.position, told.lines) == ("list_click", "p1", 3, (OrderLine("p1", 1.0, 5.0),))
    assert told.properties == {"item_variant": "green", "item_list_name": "Related"}


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("view_item_list", "list_view"),
        ("view_item", "item_view"),
        ("add_to_cart", "cart_add"),
        ("remove_from_cart", "cart_remove"),
        ("add_to_wishlist", "wishlist_add"),
        ("begin_checkout", "checkout_start"),
        ("add_payment_info", "checkout_step"),
        ("refund", "refund"),
        ("generate_lead", "generate_lead"),
    ],
)
def test_names(theirs: str, ours: str) -> None:
    """Recommended events."""
    assert event_of(push(theirs, items=[{"item_id": "p1"}])).type == ours


def test_a_refund_of_a_whole_order_names_no_items() -> None:
    """Measure ecommerce, "Measure refunds": a full refund needs the transaction_id alone."""
    told = event_of(push("refund", transaction_id="T-1"))
    assert (told.type, told.properties) == ("order_change", {"transaction_id": "T-1"})


def test_calls_of_gtag() -> None:
    """gtag.js API reference, event; JSON writes the arguments of a call as an object."""
    params = {"client_id": "c1", "items": [{"item_id": "p1"}]}
    assert event_of(["event", "view_item", params]).type == "item_view"
    assert event_of({"0": "event", "1": "view_item", "2": params}).item_id == "p1"
    assert events_of({"0": "config", "1": "G-X", "2": {}}) == events_of(["js", "2026-01-01"]) == []


def test_pushes_that_say_nothing_to_a_shop() -> None:
    """Measure ecommerce: the object is cleared before each push; Tag Manager pushes events of its own."""
    assert events_of({"ecommerce": None}) == []
    assert events_of({"event": "gtm.js", "gtm.start": 1}) == []


def test_a_body_lends_its_person_time_and_consent_to_each_event() -> None:
    """Measurement Protocol, "JSON POST body" and "Consent"."""
    told = events_of(
        {
            "client_id": "c1",
            "user_id": "u1",
            "timestamp_micros": 1_699_999_990_000_000,
            "consent": {"ad_user_data": "GRANTED", "ad_personalization": "DENIED"},
            "user_location": {"city": "Ulm", "country_id": "DE"},
            "device": {"category": "mobile", "language": "de"},
            "events": [
                {
                    "name": "view_item",
                    "params": {"session_id": 77, "engagement_time_msec": "1500", "items": [{"item_id": "p1"}]},
                },
                {"name": "search", "params": {"search_term": "blue mug"}, "timestamp_micros": "1699999995000000"},
            ],
        }
    )
    assert [one.at for one in told] == [NOW - 10, NOW - 5]
    assert (told[0].session_id, told[0].dwell_seconds, told[1].query) == ("77", 1.5, "blue mug")
    assert told[1].consent == {"advertising": True, "personalisation": False}
    assert told[1].context == {"region": "DE", "device": "mobile", "locale": "de"}


def test_personal_data_stays_outside() -> None:
    """Measurement Protocol, "JSON POST body": user_data, ip_override; addresses in parameters."""
    read = reader()
    sent = body("page_view", page_location="https://shop.example/reset?mail=a@b.example", email="a@b.example")
    (message,) = Ga4().messages({**sent, "user_data": {"sha256_email_address": ["0f"]}, "ip_override": "203.0.113.9"})
    (told,) = read.read(message).events
    assert (told.context, told.properties) == ({"path": "/reset"}, {})
    assert read.arrival.dropped == {"user_data": 1, "ip_override": 1, "email": 1}


@pytest.mark.parametrize("time", [1_699_999_990, "1699999990000", 1_699_999_990_000_000])
def test_times_in_any_unit(time: Any) -> None:
    """Measurement Protocol wants microseconds; senders write others."""
    assert event_of({**body("page_view"), "timestamp_micros": time}).at == NOW - 10


def test_what_is_missing_is_named_as_they_name_it() -> None:
    for document, told in (
        ({"event": "page_view"}, "client_id and user_id are both missing"),
        (push("view_item"), "items is missing"),
        (push("add_to_cart", items=[{"item_id": "a"}, {"item_name": "b"}]), r"ecommerce\.items\[1\]\.item_id is"),
        (body("add_to_cart", items=[{}]), r"params\.items\[0\]\.item_id is missing"),
        (body("search"), "search_term is missing"),
        ({"client_id": "c1", "events": [{"params": {}}]}, "the event's name is missing"),
    ):
        with pytest.raises(MissingField, match=told):
            events_of(document)
    with pytest.raises(BadInput, match="events is 7; a list is needed"):
        events_of({"client_id": "c1", "events": 7})
    with pytest.raises(BadInput, match="A push is 7; an object is needed"):
        events_of({"client_id": "c1", "events": [7]})
    with pytest.raises(ImplausibleTime, match="more than a day ahead"):
        events_of({**body("page_view"), "timestamp_micros": 1_900_000_000_000_000})


def users_of(messages: list[Any]) -> list[tuple[str, dict[str, Any]]]:
    read = reader()
    entries = [entry for message in messages for entry in read.read(message).entries]
    return [(entry.key, msgspec.json.decode(entry.body, type=User).traits) for entry in entries if entry.kind == "user"]


def test_user_properties_are_traits_of_a_known_user() -> None:
    """Measurement Protocol, "User properties"; gtag.js, `user_properties`; reserved names are Google's own."""
    told = {"tier": {"value": "gold", "timestamp_micros": 1}, "email": {"value": "a@b.example"}, "ga_x": {"value": 1}}
    events = [{"name": "page_view", "params": {}}, {"name": "search", "params": {"search_term": "mug"}}]
    sent = {"client_id": "c1", "user_id": "u1", "user_properties": told, "events": events}
    assert users_of(list(Ga4().messages(sent))) == [("u1", {"tier": "gold"})]
    push = {"event": "page_view", "user_id": "u1", "user_properties": {"tier": "silver", "_ltv": 3}}
    assert users_of([push, {**push, "user_properties": {"size": 42}}]) == [
        ("u1", {"tier": "silver"}),
        ("u1", {"tier": "silver", "size": 42}),
    ]


def test_user_properties_of_an_unknown_visitor_are_left_out() -> None:
    sent = {"client_id": "c1", "user_properties": {"tier": {"value": "gold"}}, "events": [{"name": "page_view"}]}
    assert users_of(list(Ga4().messages(sent))) == []
    (told,) = events_of(sent)
    assert "user_properties" not in told.properties
