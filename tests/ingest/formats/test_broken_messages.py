"""Good messages with something else in one or two places: whatever it is, a refusal or entries."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailorbird.backends.memory import MemoryLog
from tailorbird.errors import BadInput
from tailorbird.ingest.formats import FORMATS
from tailorbird.ingest.formats.reader import FormatReader

IGLU = "iglu:com.snowplowanalytics.snowplow.ecommerce"
KEY = "com_snowplowanalytics_snowplow_ecommerce"
AT = {"collector_tstamp": "2023-11-14T22:13:12Z", "dvce_sent_tstamp": 2, "dvce_created_tstamp": 1}
MUG = {"id": "p", "price": 2, "currency": "EUR", "quantity": 2, "size": "L"}
VARIANT = {"id": 41, "price": {"amount": 2, "currencyCode": "EUR"}, "product": {"id": 4}}
LINE = {"merchandise": VARIANT, "variant": VARIANT, "quantity": 2, "cost": {"totalAmount": {"amount": 4}}}
PIXEL = {"id": "e", "clientId": "c", "timestamp": "2023-11-14T22:13:10Z", "customer": {"id": 8}}
PRODUCT = {
    "id": 4,
    "handle": "mug",
    "options": [{"name": "Size"}],
    "images": [{"id": 2, "src": "/a.jpg"}],
    "tags": "a, b",
}
SELECTED = {"id": "gid://shopify/ProductVariant/41", "selectedOptions": [{"name": "Size", "value": "L"}]}
GOOD: list[tuple[str, str, Any]] = [
    (
        "events",
        "snowplow",
        {
            "event_id": "e",
            "user_id": "u",
            **AT,
            f"unstruct_event_{KEY}_snowplow_ecommerce_action_1": {"type": "transaction", "name": "list"},
            f"contexts_{KEY}_product_1": [MUG, MUG],
            f"contexts_{KEY}_transaction_1": [{"revenue": 4, "currency": "EUR"}],
        },
    ),
    (
        "events",
        "snowplow",
        {
            "schema": f"{IGLU}/snowplow_ecommerce_action/jsonschema/1-0-2",
            "data": {"type": "add_to_cart"},
            "contexts": [{"schema": f"{IGLU}/product/jsonschema/1-0-0", "data": MUG}],
            "domain_userid": "d",
        },
    ),
    ("events", "shopify", {**PIXEL, "name": "product_added_to_cart", "data": {"cartLine": LINE}}),
    ("events", "shopify", {**PIXEL, "name": "cart_viewed", "data": {"cart": {"lines": [LINE]}}}),
    (
        "events",
        "shopify",
        {**PIXEL, "name": "collection_viewed", "data": {"collection": {"productVariants": [VARIANT]}}},
    ),
    (
        "events",
        "shopify",
        {**PIXEL, "name": "checkout_completed", "data": {"checkout": {"lineItems": [LINE], "order": {"id": 7}}}},
    ),
    (
        "items",
        "shopify",
        {"products": [{**PRODUCT, "variants": [{"id": 41, "price": "2", "option1": "L", "image_id": 2}]}]},
    ),
    ("items", "shopify", {"data": {"products": {"edges": [{"node": {**PRODUCT, "variants": {"nodes": [SELECTED]}}}]}}}),
    ("items", "shopify", {"Handle": "mug", "Option1 Name": "Size", "Option1 Value": "L", "Variant Price": "2"}),
    (
        "items",
        "google-merchant",
        {
            "id": "1",
            "price": "2 EUR",
            "sale_price": "1 EUR",
            "sale_price_effective_date": "2023-01-01/2024-01-01",
            "availability": "in_stock",
            "product_type": ["A > B"],
            "google_product_category": "12",
        },
    ),
]
JUNK = st.sampled_from(
    [None, "", " ", 0, -1, 1e308, float("nan"), 10**400, True, [], {}, [[]], [None], {1: 2}, {None: 1}, "\0", "\ud800",
     "gid://", "12,50 EUR", "$5", "x" * 300, {"nodes": 3}, {"edges": [3]}, {"id": {}}, "²", "custom"]
)  # fmt: skip


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield place
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in inside:
        yield from places(inner, (*place, name))


def replaced(value: Any, place: tuple[Any, ...], junk: Any) -> Any:
    if not place:
        return junk
    copy = value.copy()
    copy[place[0]] = replaced(value[place[0]], place[1:], junk)
    return copy


@pytest.mark.parametrize(("kind", "name", "good"), GOOD)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_junk_anywhere_is_taken_or_refused(kind: Any, name: str, good: Any, data: st.DataObject) -> None:
    document = good
    for _ in range(data.draw(st.integers(0, 2))):
        document = replaced(document, data.draw(st.sampled_from(list(places(document)))), data.draw(JUNK))
    form = FORMATS[kind][name]()
    reader = FormatReader(form, MemoryLog().current, now=1_700_000_000.0, currency="EUR")
    entries = []
    for message in form.messages(document):
        try:
            entries += reader.read(message).entries
        except BadInput:
            continue
    assert entries or document is not good
