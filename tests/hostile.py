"""Hostile input: good messages of every format, and strategies that spoil them.

Used by the suite with a few examples and by `make faults` with many.
"""

import bz2
import gzip
import io
import json
import lzma
import zlib
from collections.abc import Iterator
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

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
    (
        "events",
        "ga4",
        {
            "event": "purchase",
            "client_id": "c",
            "user_id": "u",
            "ecommerce": {
                "transaction_id": "t",
                "value": "4.5",
                "currency": "EUR",
                "items": [{"item_id": "p", "price": "2", "quantity": "2", "index": 0}],
            },
        },
    ),
    (
        "events",
        "ga4",
        {
            "client_id": "c",
            "timestamp_micros": 1_699_999_990_000_000,
            "user_properties": {"a": {"value": 1}},
            "consent": {"ad_user_data": "DENIED"},
            "events": [{"name": "add_to_cart", "params": {"items": [{"item_id": "p"}]}}],
        },
    ),
    (
        "events",
        "ga4-bigquery",
        {
            "event_name": "purchase",
            "event_timestamp": "1699999990000000",
            "user_pseudo_id": "c.7",
            "event_params": [
                {"key": "ga_session_id", "value": {"int_value": "1"}},
                {"key": "currency", "value": {"string_value": "EUR"}},
            ],
            "ecommerce": {"transaction_id": "t", "purchase_revenue": 4.5},
            "items": [{"item_id": "p", "price": 2.5, "quantity": 1}],
            "geo": {"country": "Norway"},
        },
    ),
    (
        "events",
        "segment",
        {
            "type": "track",
            "event": "Order Completed",
            "messageId": "m",
            "userId": "u",
            "anonymousId": "a",
            "timestamp": "2023-11-14T22:13:10Z",
            "sentAt": "2023-11-14T22:13:11Z",
            "properties": {
                "order_id": "o",
                "total": "4.50",
                "currency": "EUR",
                "products": [{"product_id": "p", "price": "2", "quantity": 2}],
            },
        },
    ),
    (
        "events",
        "segment",
        {
            "batch": [
                {"type": "identify", "userId": "u", "anonymousId": "a", "traits": {"plan": "b"}},
                {"type": "page", "anonymousId": "a", "properties": {"path": "/a"}, "context": {"locale": "de"}},
            ]
        },
    ),
    (
        "events",
        "personalize",
        {
            "trackingId": "t",
            "userId": "u",
            "sessionId": "s",
            "eventList": [
                {
                    "eventId": "e",
                    "eventType": "View",
                    "itemId": "p",
                    "sentAt": 1_699_999_990,
                    "properties": '{"a": 1}',
                    "impression": ["p", "q"],
                }
            ],
        },
    ),
    (
        "events",
        "metarank",
        {
            "event": "ranking",
            "id": "e",
            "timestamp": "1699999990000",
            "user": "u",
            "session": "s",
            "items": [{"id": "p"}, {"id": "q"}],
            "fields": [{"name": "query", "value": "mug"}],
        },
    ),
    (
        "events",
        "metarank",
        {
            "event": "interaction",
            "id": "f",
            "timestamp": "1699999990000",
            "user": "u",
            "session": "s",
            "type": "click",
            "item": "p",
            "ranking": "e",
        },
    ),
    (
        "items",
        "metarank",
        {
            "event": "item",
            "id": "e",
            "item": "p",
            "timestamp": "1699999990000",
            "fields": [{"name": "price", "value": "9.50 CHF"}, {"name": "color", "value": ["white"]}],
        },
    ),
    (
        "users",
        "metarank",
        {
            "event": "user",
            "id": "e",
            "user": "u",
            "timestamp": "1699999990000",
            "fields": [{"name": "age", "value": 4}],
        },
    ),
    (
        "events",
        "gorse",
        {
            "FeedbackType": "star",
            "UserId": "u",
            "ItemId": "p",
            "Value": 1,
            "Timestamp": "2023-11-14T22:13:10Z",
            "Comment": "",
        },
    ),
    (
        "items",
        "gorse",
        {
            "ItemId": "p",
            "IsHidden": False,
            "Categories": ["a"],
            "Labels": {"b": [1]},
            "Timestamp": "2023-11-14T22:13:10Z",
            "Comment": "Mug",
        },
    ),
    ("users", "gorse", {"UserId": "u", "Labels": ["a"], "Comment": "c"}),
]
"""(kind, format, a document of it): good as it stands."""

NATIVE = {
    "events": {
        "event_id": "e",
        "type": "purchase",
        "at": "2023-11-14T22:13:10Z",
        "user_id": "u",
        "anonymous_id": "a",
        "session_id": "s",
        "items": [{"item_id": "p", "quantity": 2, "price": 2.5}],
        "value": 5,
        "currency": "EUR",
        "query": "q",
        "rating": 4,
        "dwell_seconds": 3,
        "decision_id": "d",
        "position": 1,
        "surface": "home",
        "context": {"device": "phone"},
        "consent": {"analytics": True},
        "properties": {"a": [1, {"b": None}]},
    },
    "items": {
        "item_id": "p",
        "group_id": "g",
        "title": "Mug",
        "categories": ["a", "b"],
        "brand": "B",
        "price": 2.5,
        "list_price": "3",
        "currency": "EUR",
        "attributes": {"c": ["d"]},
        "available": "yes",
        "stock": 3,
        "regions": ["NO"],
        "image_url": "/a.jpg",
        "created_at": 1_690_000_000,
        "margin": 1,
        "tags": "a|b",
    },
    "users": {
        "user_id": "u",
        "traits": {"a": 1},
        "preferences": {"brands": ["B"]},
        "locale": "de",
        "consent": {"personalisation": False},
        "created_at": "2023-11-14",
    },
}
"""A good record of each kind, as our own files hold it."""

EXTREMES = [
    None, "", " ", 0, -1, 1e308, -1e308, float("nan"), float("inf"), 10**400, 2**63, -(2**63) - 1, True, [], {}, [[]],
    [None], {1: 2}, {None: 1}, "\0", "a\0b", "\ud800", "x\udfff", "\u202e", "x" * 300, "x" * 70_000, "²", "1e999",
    "NaN", 0.1, 1970, 3600, 4_102_444_800, 4_102_444_800_000, "1970-01-01", "2100-01-01T00:00:00Z", "0000-00-00",
    "9999-12-31", "gid://", "12,50 EUR", "$5", {"nodes": 3}, {"edges": [3]}, {"id": {}}, "custom", "__proto__",
    "../../etc/passwd", "'; DROP TABLE log; --", "<script>alert(1)</script>", "{{7*7}}", "%00", "%n%s", b"bytes",
]  # fmt: skip
"""What fields are seldom tested with: empty, huge, not finite, half a character, the wrong decade, code."""

EXTREME = st.sampled_from(EXTREMES)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | EXTREME


def trees(words: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Arbitrary JSON, and a little that is none, of which many names are ``words``."""
    return st.recursive(
        SCALARS | words,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=4), inner, max_size=6),
        max_leaves=25,
    )


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a document, its whole first."""
    yield place
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in inside:
        yield from places(inner, (*place, name))


def replaced(value: Any, place: tuple[Any, ...], junk: Any) -> Any:
    """The document with something else in one place."""
    if not place:
        return junk
    copy = value.copy()
    copy[place[0]] = replaced(value[place[0]], place[1:], junk)
    return copy


@st.composite
def spoilt(draw: st.DrawFn, document: Any, junk: st.SearchStrategy[Any] = SCALARS) -> Any:
    """A document with something else in up to three places."""
    for _ in range(draw(st.integers(0, 3))):
        document = replaced(document, draw(st.sampled_from(list(places(document)))), draw(junk))
    return document


FEED = b"""<?xml version="1.0"?>
<rss xmlns:g="http://base.google.com/ns/1.0" version="2.0"><channel>
<item><g:id>1</g:id><title>Mug</title><g:price>2 EUR</g:price><g:shipping><g:country>NO</g:country></g:shipping>
<link href="/a"/></item></channel></rss>"""


def _csv(record: dict[str, Any]) -> bytes:
    cells = {name: value for name, value in record.items() if not isinstance(value, dict | list)}
    return "\n".join([",".join(cells), *[",".join(f'"{cell}"' for cell in cells.values())] * 20]).encode()


def _parquet(record: dict[str, Any]) -> bytes:
    flat = {name: value for name, value in record.items() if name != "properties"}
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([flat] * 20), out, compression="zstd")
    return out.getvalue()


def _zstd(content: bytes) -> bytes:
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, "zstd") as packed:
        packed.write(content)
    whole: bytes = out.getvalue().to_pybytes()
    return whole


def _files() -> Iterator[tuple[str, str, bytes]]:
    packers = (gzip.compress, bz2.compress, lzma.compress, _zstd)
    documents = [*GOOD, *((kind, "auto", record) for kind, record in NATIVE.items())]
    for n, (kind, form, document) in enumerate(documents):
        line = json.dumps(document).encode()
        shapes = [b"\n".join([line] * 10), b"[" + b",\n".join([line] * 10) + b"]", json.dumps([document] * 3, indent=1)]
        for shape in shapes:
            yield kind, form, shape.encode() if isinstance(shape, str) else shape
        yield kind, form, packers[n % 4](shapes[0])
    for kind, record in NATIVE.items():
        row = {**record, "item_id": "p"}
        yield from ((kind, "auto", content) for content in (_csv(row), _parquet(record), gzip.compress(_csv(row))))
    yield "items", "google-merchant", FEED


FILES = list(_files())
"""(kind, format, content): files that can be read, of every format, shape and compression."""


def bomb(head: bytes, unit: bytes, n: int) -> bytes:
    """A gzip file that unfolds to ``n`` times the unit."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join([packer.compress(head), *(packer.compress(unit) for _ in range(n)), packer.flush()])


_JUNK = (
    b'"', b"{", b"[", b"}", b"]", b"\n", b"\r", b",", b"\\u0000", b"\\ud800", b"1e999", b"9" * 400, b"\xff\xfe", b"\0",
     b"\xef\xbb\xbf", b'{"events":', b"<", b"&amp;", b"]]>", b"-", b"[" * 3_000, b'{"a":' * 3_000, b"<a>" * 200,
)  # fmt: skip
JUNK_BYTES = st.sampled_from(_JUNK)


@st.composite
def torn(draw: st.DrawFn, content: bytes) -> bytes:
    """Bytes of which some are others, are missing or come twice, as a bad disk, line or tool leaves them."""
    for _ in range(draw(st.integers(1, 4))):
        if not content:
            break
        at = draw(st.integers(0, len(content) - 1))
        length = draw(st.integers(1, 40))
        some = content[at : at + length]
        put = draw(st.sampled_from((b"", some + some, bytes(len(some)))) | st.binary(max_size=8) | JUNK_BYTES)
        content = content[:at] + put + (content[at + length :] if draw(st.integers(0, 9)) else b"")
    return content


def spoilt_by(draw: Random, document: Any) -> Any:
    """As `spoilt`, without remembering anything: for runs that watch the memory."""
    for _ in range(draw.randint(0, 3)):
        document = replaced(document, draw.choice(list(places(document))), draw.choice(EXTREMES))
    return document


def torn_by(draw: Random, content: bytes) -> bytes:
    """As `torn`, without remembering anything."""
    for _ in range(draw.randint(1, 4)):
        at, length = draw.randint(0, len(content)), draw.randint(1, 40)
        some = content[at : at + length]
        put = draw.choice((b"", some + some, bytes(len(some)), draw.randbytes(8), *_JUNK))
        content = content[:at] + put + (content[at + length :] if draw.random() < 0.9 else b"")
    return content
