"""Calls as the public specification writes them: its tables of fields, with values of our own.

Documents: Segment "Spec: Common Fields" (structure, timestamps), "Spec: Identify", "Spec: Alias", "Spec: V2 Ecommerce
Events" (sections named after the events), "Spec: V1 Ecommerce Events" for the older names.
"""

from typing import Any

import msgspec
import pytest

from tailorbird.backends.memory import MemoryLog
from tailorbird.errors import BadInput, MissingField
from tailorbird.ingest.formats.reader import FormatReader, Taken
from tailorbird.ingest.formats.segment import Segment
from tailorbird.types import Event, Identity, OrderLine, User

NOW = 1_700_000_000.0
SENT = "2023-11-14T22:13:10.000Z"  # ten seconds before NOW


def call(event: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "track",
        "event": event,
        "messageId": f"m-{event}",
        "userId": "u1",
        "anonymousId": "a1",
        "timestamp": SENT,
        "properties": properties,
    }


def read(message: Any, log: MemoryLog | None = None) -> Taken:
    return FormatReader(Segment(), (log or MemoryLog()).current, now=NOW).read(message)


def event_of(message: Any) -> Event:
    (event,) = read(message).events
    return event


def test_order_completed() -> None:
    """Ecommerce v2, "Order Completed"."""
    told = event_of(
        {
            **call(
                "Order Completed",
                order_id="o-7",
                checkout_id="c-1",
                affiliation="Web shop",
                total="40.50",
                revenue="35.00",
                shipping=4.5,
                tax=1,
                coupon="AUTUMN",
                currency="EUR",
                products=[
                    {"product_id": "p1", "sku": "45-1", "name": "Mug", "price": "10.00", "quantity": 2},
                    {"product_id": "p2", "sku": "45-2", "price": 15},
                ],
            ),
            "context": {
                "ip": "203.0.113.9",
                "locale": "de-DE",
                "userAgent": "Mozilla/5.0",
                "page": {"path": "/thanks", "url": "https://shop.example/thanks?email=a@example.com"},
            },
        }
    )
    assert (told.type, told.event_id, told.user_id, told.anonymous_id) == ("purchase", "m-Order Completed", "u1", "a1")
    assert (told.at, told.value, told.currency) == (NOW - 10, 35.0, "EUR")
    assert told.items == (OrderLine("p1", 2.0, 10.0), OrderLine("p2", 1.0, 15.0))
    assert told.properties["order_id"] == "o-7"
    assert told.context == {"locale": "de-DE", "path": "/thanks"}


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("Product Viewed", "item_view"),
        ("Viewed Product", "item_view"),
        ("product_added", "cart_add"),
        ("Product Removed", "cart_remove"),
        ("Wishlist Product Added to Cart", "cart_add"),
        ("Product Clicked", "list_click"),
    ],
)
def test_one_product(theirs: str, ours: str) -> None:
    """Ecommerce v2, "Product Viewed", "Product Added", ...; ecommerce v1 for the older name."""
    told = event_of(call(theirs, product_id="p1", sku="s1", price=18.99, quantity=2, currency="usd", position=3))
    assert told.type == ours
    assert told.lines == (OrderLine("p1", 2.0, 18.99),)
    assert (told.position, told.properties) == (3, {"sku": "s1"})


def test_answers_about_consent_are_heard_in_their_spelling() -> None:
    said = {"Advertising": True, "Analytics": True, "Personalization": False}
    message = call("Order Completed", products=[{"product_id": "a"}])
    message["context"] = {"consent": {"categoryPreferences": said}}
    assert event_of(message).consent == {"Advertising": True, "analytics": True, "personalisation": False}


def test_lists_searches_and_what_no_shop_knows() -> None:
    """Ecommerce v2, "Product List Viewed", "Products Searched"; common fields, `event`."""
    seen = event_of(call("Product List Viewed", list_id="hot", category="Deals", products=[{"sku": "s1"}]))
    assert (seen.type, seen.items, seen.properties) == (
        "list_view",
        (OrderLine("s1"),),
        {"list_id": "hot", "category": "Deals"},
    )
    assert event_of(call("Products Searched", query="blue hotpants")).query == "blue hotpants"
    assert event_of(call("Newsletter Opened")).type == "Newsletter Opened"


def test_pages_keep_no_query_of_the_address() -> None:
    """Common fields, `page`: what stands behind the question mark may be anybody's."""
    told = event_of(
        {
            "type": "page",
            "messageId": "m",
            "anonymousId": "a1",
            "timestamp": SENT,
            "name": "Home",
            "properties": {
                "url": "https://shop.example/reset?token=t&mail=a@b.example",
                "referrer": "https://x.example/?q",
            },
        }
    )
    assert (told.type, told.properties) == ("page_view", {"name": "Home", "path": "/reset"})


def test_a_wrong_clock_is_set_right() -> None:
    """Common fields, "Timestamps": timestamp = receivedAt - (sentAt - originalTimestamp)."""
    early = {**call("Product Viewed", product_id="p1"), "originalTimestamp": "1999-01-01T00:00:00Z"}
    assert event_of({**early, "sentAt": "1999-01-01T00:00:05Z"}).at == NOW - 5
    received = {**early, "sentAt": "1999-01-01T00:00:05Z", "receivedAt": "2023-11-14T22:00:00Z"}
    assert event_of(received).at == NOW - 800 - 5


def test_a_batch_lends_its_time_and_context_to_each_call() -> None:
    """HTTP tracking API, "Batch"."""
    calls = [call("Product Viewed", product_id="p1"), {"type": "group", "groupId": "g", "userId": "u1"}, 7]
    body = {"batch": calls, "sentAt": SENT, "context": {"locale": "fr"}}
    messages = list(Segment().messages(body))
    assert event_of(messages[0]).context == {"locale": "fr"}
    assert read(messages[1]).entries == []
    with pytest.raises(BadInput, match="A call is 7; an object is needed"):
        read(messages[2])


def test_identify_joins_and_keeps_no_personal_traits() -> None:
    """Identify, "Traits": the reserved ones that name a person stay outside."""
    traits = {
        "email": "a@b.example",
        "firstName": "A",
        "address": {"city": "Ulm"},
        "plan": "gold",
        "sizes": {"shoe": 43, "email": "a@b.example"},
        "createdAt": "2023-01-01T00:00:00Z",
    }
    log = MemoryLog()
    reader = FormatReader(Segment(), log.current, now=NOW)
    message = {"type": "identify", "userId": "u1", "anonymousId": "a1", "timestamp": SENT, "traits": traits}
    log.append(reader.read(message).entries)
    joined, user = (record.body for record in log.read(0, 10))
    assert msgspec.json.decode(joined, type=Identity) == Identity(
        anonymous_id="a1", user_id="u1", at=NOW - 10, evidence="segment identify"
    )
    assert msgspec.json.decode(user, type=User).traits == {"plan": "gold", "sizes": {"shoe": 43}}
    assert reader.arrival.dropped == {"email": 2, "firstName": 1, "address": 1}


def test_traits_are_added_to_what_is_known_and_a_known_identity_is_not_repeated() -> None:
    log = MemoryLog()
    message = {"type": "identify", "userId": "u1", "anonymousId": "a1", "timestamp": SENT}
    log.append(read({**message, "traits": {"plan": "gold"}}, log).entries)
    reader = FormatReader(Segment(), log.current, now=NOW)
    log.append(
        [
            *reader.read({**message, "traits": {"team": "red"}}).entries,
            *reader.read({**message, "traits": {"plan": "blue"}}).entries,
        ]
    )
    newest = log.current("user", "u1")
    assert newest is not None
    assert msgspec.json.decode(newest, type=User).traits == {"plan": "blue", "team": "red"}
    assert [record.kind for record in log.read(0, 10)] == ["identity", "user", "user", "user"]


def test_alias_is_an_identity() -> None:
    """Alias: `previousId` was this user."""
    (entry,) = read({"type": "alias", "previousId": "a9", "userId": "u1", "timestamp": SENT}).entries
    assert (entry.kind, entry.key) == ("identity", "a9")


def test_what_is_missing_is_named_as_they_name_it() -> None:
    with pytest.raises(MissingField, match=r"properties\.product_id is missing"):
        read(call("Product Viewed"))
    with pytest.raises(MissingField, match=r"properties\.products\[1\]\.product_id is missing"):
        read(call("Order Completed", products=[{"sku": "a"}, {"name": "b"}]))
    with pytest.raises(MissingField, match="userId and anonymousId are both missing"):
        read({**call("Product Viewed", product_id="p"), "userId": None, "anonymousId": ""})
    with pytest.raises(MissingField, match="event is missing"):
        read({**call("x"), "event": None})
    with pytest.raises(BadInput, match="type is 'click'"):
        read({"type": "click"})
