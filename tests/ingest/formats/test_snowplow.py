"""Events as the public specification writes them, with values of our own.

Documents: Snowplow "Ecommerce events and entities" (sections named after the entities), "Timestamps" (derived
timestamp), "Snowplow atomic event properties"; Iglu Central, com.snowplowanalytics.snowplow.ecommerce (schemas
snowplow_ecommerce_action 1-0-2, product, cart, transaction, refund, promotion, checkout_step, user 1-0-0) and
com.snowplowanalytics.snowplow/site_search/1-0-0.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tailorbird.backends.memory import MemoryLog
from tailorbird.errors import BadInput, MissingField, WrongType
from tailorbird.ingest.formats.reader import FormatReader
from tailorbird.ingest.formats.snowplow import Snowplow
from tailorbird.ingest.importer import ImportOptions, import_file
from tailorbird.types import Event, OrderLine

NOW = 1_700_000_000.0
ECOMMERCE = "com_snowplowanalytics_snowplow_ecommerce"
ATOMIC = {
    "app_id": "shop",
    "platform": "web",
    "event": "unstruct",
    "event_id": "e-1",
    "derived_tstamp": "2023-11-14T22:13:10.000Z",
    "collector_tstamp": "2023-11-14T22:13:12.000Z",
    "user_id": "u1",
    "domain_userid": "d1",
    "domain_sessionid": "s1",
}
MUG = {"id": "p1", "category": "Kitchen/Mugs", "price": 12.5, "currency": "EUR"}


def enriched(action: str, name: str | None = None, **entities: Any) -> dict[str, Any]:
    """An event as an Analytics SDK writes it."""
    contexts = {
        f"contexts_{ECOMMERCE}_{entity}_1": told if isinstance(told, list) else [told]
        for entity, told in entities.items()
    }
    return {
        **ATOMIC,
        f"unstruct_event_{ECOMMERCE}_snowplow_ecommerce_action_1": {"type": action, "name": name},
        **contexts,
    }


def described(entity: str, data: Any) -> dict[str, Any]:
    return {"schema": f"iglu:com.snowplowanalytics.snowplow.ecommerce/{entity}/jsonschema/1-0-0", "data": data}


def reader() -> FormatReader:
    return FormatReader(Snowplow(), MemoryLog().current, now=NOW)


def event_of(message: Any) -> Event:
    (event,) = reader().read(message).events
    return event


def test_what_a_tracker_sends_is_told_where_to_be_enriched() -> None:
    """Tracker protocol: the POST body, and one of its events."""
    sent = {"e": "pv", "duid": "d1", "tv": "js-3.5.0", "url": "https://shop.example/"}
    body = {"schema": "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4", "data": [sent]}
    for message in (body, sent):
        with pytest.raises(WrongType, match=r"only enriched events are read\..*Analytics SDK"):
            reader().read(message)


def test_a_product_view_keeps_what_is_known_of_the_product() -> None:
    """Ecommerce, "Product view" and "Product entity"; `size` and `inventory_status` stay with the event."""
    told = event_of(
        enriched("product_view", product={**MUG, "size": "L", "inventory_status": "in stock", "quantity": 0})
    )
    assert (told.type, told.event_id, told.user_id, told.anonymous_id) == ("item_view", "e-1", "u1", "d1")
    assert (told.session_id, told.at, told.currency) == ("s1", NOW - 10, "EUR")
    assert told.lines == (OrderLine("p1", 1.0, 12.5),)
    assert told.properties == {"category": "Kitchen/Mugs", "size": "L", "inventory_status": "in stock"}


def test_a_transaction() -> None:
    """Ecommerce, "Transaction" and "Transaction entity"."""
    told = event_of(
        enriched(
            "transaction",
            product=[{**MUG, "quantity": 2, "size": "S"}, {**MUG, "id": "p2", "price": "3.50"}],
            transaction={
                "transaction_id": "t-9",
                "revenue": "28.50",
                "currency": "EUR",
                "payment_method": "card",
                "total_quantity": 3,
            },
        )
    )
    assert (told.type, told.value, told.currency) == ("purchase", 28.5, "EUR")
    assert told.items == (OrderLine("p1", 2.0, 12.5), OrderLine("p2", 1.0, 3.5))
    assert told.properties["transaction"]["transaction_id"] == "t-9"
    assert told.properties["products"] == [{"id": "p1", "size": "S"}]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("add_to_cart", "cart_add"),
        ("remove_from_cart", "cart_remove"),
        ("list_click", "list_click"),
        ("list_view", "list_view"),
        ("checkout_step", "checkout_step"),
        ("trns_error", "order_change"),
        ("promo_click", "promo_click"),
        ("gift_wrap", "gift_wrap"),
    ],
)
def test_actions(theirs: str, ours: str) -> None:
    """Schema snowplow_ecommerce_action 1-0-2, `type`."""
    assert event_of(enriched(theirs, product={**MUG, "position": 3})).type == ours


def test_a_list_a_cart_a_refund_and_a_promotion() -> None:
    """Ecommerce, "Product list view", "Cart entity", "Refund entity", "Promotion entity"."""
    seen = event_of(enriched("list_view", "shop the look", product=[MUG, {**MUG, "id": "p2", "quantity": 4}]))
    assert (seen.items, seen.properties) == (
        (OrderLine("p1", 1, 12.5), OrderLine("p2", 1, 12.5)),
        {"list": "shop the look"},
    )
    added = event_of(
        enriched("add_to_cart", product={**MUG, "quantity": 2}, cart={"total_value": 40, "currency": "EUR"})
    )
    assert (added.lines, added.value) == ((OrderLine("p1", 2, 12.5),), None)
    back = event_of(
        enriched("refund", product=MUG, refund={"transaction_id": "t-9", "currency": "EUR", "refund_amount": 12.5})
    )
    assert (back.type, back.value, back.item_id) == ("refund", 12.5, "p1")
    promo = event_of(enriched("promo_view", promotion={"id": "autumn", "position": 2, "slot": "hero"}))
    assert (promo.position, promo.properties["promotion"]["id"]) == (2, "autumn")


def test_the_same_as_self_describing_json() -> None:
    """Tracker protocol, "Self-describing events": `schema` and `data`, entities in `contexts`."""
    sent = {
        **described("snowplow_ecommerce_action", {"type": "product_view"}),
        "contexts": [described("product", MUG), described("user", {"id": "u7", "email": "a@b.example"})],
        "domain_userid": "d1",
        "event_id": "e-2",
        "true_tstamp": "1699999990000",
    }
    told = event_of(sent)
    assert (told.type, told.item_id, told.user_id, told.at) == ("item_view", "p1", "u7", NOW - 10)
    wrapped = {
        **ATOMIC,
        "unstruct_event": described("unstruct_event", described("snowplow_ecommerce_action", {"type": "product_view"})),
        "contexts": described("contexts", [described("product", MUG)]),
    }
    assert event_of(wrapped).item_id == "p1"


def test_a_guest_is_no_user() -> None:
    """Schema user 1-0-0, `is_guest`."""
    sent = enriched("product_view", product=MUG, user={"id": "guest-4", "is_guest": True})
    assert event_of({**sent, "user_id": None}).person == "a:d1"


def test_an_app_is_known_by_its_client_session() -> None:
    """Session entity (client_session 1-0-2): apps have no domain ids."""
    sent = enriched("product_view", product=MUG)
    for name in ("user_id", "domain_userid", "domain_sessionid"):
        del sent[name]
    session = {"userId": "install-1", "sessionId": "s-8"}
    told = event_of({**sent, "contexts_com_snowplowanalytics_snowplow_client_session_1": [session]})
    assert (told.anonymous_id, told.session_id) == ("install-1", "s-8")


def test_a_search_joins_its_terms() -> None:
    """Schema site_search 1-0-0."""
    key = "unstruct_event_com_snowplowanalytics_snowplow_site_search_1"
    told = event_of({**ATOMIC, key: {"terms": ["blue", "mug"], "totalResults": 4}})
    assert (told.type, told.query, told.properties) == ("search", "blue mug", {"totalResults": 4})


def test_pages_pings_and_what_no_shop_knows() -> None:
    """Atomic properties, `event`: page_view, page_ping, struct."""
    page = {**ATOMIC, "event": "page_view", "page_urlpath": "/mugs", "page_title": "Mugs", "geo_country": "DE"}
    told = event_of(page)
    assert (told.type, told.properties) == ("page_view", {"title": "Mugs", "path": "/mugs"})
    assert told.context == {"region": "DE", "path": "/mugs"}
    assert reader().read({**ATOMIC, "event": "page_ping"}).entries == []
    struct = event_of({**ATOMIC, "event": "struct", "se_action": "video_play", "se_value": 3})
    assert (struct.type, struct.properties) == ("video_play", {"value": 3})
    own = event_of({**ATOMIC, "event_name": "wish", "unstruct_event_com_example_wish_1": {"for": "snow"}})
    assert (own.type, own.properties) == ("wish", {"for": "snow"})


def test_the_derived_time_is_derived_where_it_is_not_there() -> None:
    """Timestamps, "Derived timestamp": collector_tstamp - (dvce_sent_tstamp - dvce_created_tstamp)."""
    sent = enriched("product_view", product=MUG)
    del sent["derived_tstamp"]
    assert event_of(sent).at == NOW - 8
    clock = {"dvce_created_tstamp": "1999-01-01T00:00:00Z", "dvce_sent_tstamp": "1999-01-01T00:00:05Z"}
    assert event_of({**sent, **clock}).at == NOW - 13


def test_what_names_a_person_stays_outside_and_is_counted() -> None:
    """Atomic properties, "IP address" and "Geolocation"; checkout_step and user entities."""
    step = {"step": 2, "billing_postcode": "89073", "shipping_full_address": "Hill 1", "delivery_method": "post"}
    sent = enriched("checkout_step", checkout_step=step, user={"id": "u1", "email": "a@b.example"})
    places = {"user_ipaddress": "203.0.113.9", "geo_city": "Ulm", "geo_zipcode": "89073", "geo_location": "48.4,10.0"}
    reading = reader()
    (told,) = reading.read({**sent, **places}).events
    assert told.properties == {"checkout_step": {"step": 2, "delivery_method": "post"}}
    assert reading.arrival.dropped == dict.fromkeys((*places, "billing_postcode", "shipping_full_address", "email"), 1)


def test_what_is_missing_is_named_as_they_name_it() -> None:
    with pytest.raises(MissingField, match=r"product\.id is missing"):
        event_of(enriched("product_view"))
    with pytest.raises(MissingField, match=r"product\[1\]\.id is missing"):
        event_of(enriched("transaction", product=[MUG, {"price": 1}]))
    with pytest.raises(MissingField, match="user_id and domain_userid are both missing"):
        event_of({**enriched("product_view", product=MUG), "user_id": None, "domain_userid": ""})
    with pytest.raises(MissingField, match="event is missing"):
        event_of({"event_id": "e"})
    with pytest.raises(BadInput, match=r"snowplow_ecommerce_action\.type is missing"):
        event_of({**ATOMIC, f"unstruct_event_{ECOMMERCE}_snowplow_ecommerce_action_1": {}})
    with pytest.raises(WrongType, match=r"product\[0\] is 'p1'; an object is needed"):
        event_of(enriched("product_view", product="p1"))


def tsv(**cells: Any) -> str:
    """A line of the stream: 131 places, of which these are filled ("Enriched stream TSV file format")."""
    places = {
        "platform": 1, "collector_tstamp": 3, "event": 5, "event_id": 6, "user_id": 12, "user_ipaddress": 13,
        "domain_userid": 15, "geo_country": 18, "page_title": 30, "page_urlpath": 35, "contexts": 52,
        "unstruct_event": 58, "derived_contexts": 122, "domain_sessionid": 123, "derived_tstamp": 124,
        "event_name": 126, "true_tstamp": 130,
    }  # fmt: skip
    line = [""] * 131
    for name, value in cells.items():
        line[places[name]] = value if isinstance(value, str) else json.dumps(value)
    return "\t".join(line) + "\n"


def test_the_streams_tsv_is_read_from_files(tmp_path: Path) -> None:
    at = datetime.fromtimestamp(NOW - 60, UTC).strftime("%Y-%m-%d %H:%M:%S.000")
    wrapped = {"schema": "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0"}
    seen = {
        "event": "unstruct", "event_id": "e-1", "user_id": "u1", "domain_userid": "d1", "derived_tstamp": at,
        "user_ipaddress": "203.0.113.9", "domain_sessionid": "s-1",
        "unstruct_event": {**wrapped, "data": described("snowplow_ecommerce_action", {"type": "product_view"})},
        "contexts": {"schema": "iglu:x", "data": [described("product", {"id": "mug-1", "price": 9})]},
    }  # fmt: skip
    page = {"event": "page_view", "event_id": "e-2", "domain_userid": "d1", "collector_tstamp": at}
    derived = {"schema": "iglu:x", "data": [described("user", {"id": "u9"})]}
    lines = [
        tsv(**seen),
        tsv(**page, page_title='"Mugs", as we say', page_urlpath="/mugs", derived_contexts=derived, true_tstamp=at),
        tsv(event="page_ping", domain_userid="d1"),
        tsv(**{**page, "event_id": "e-3"}, contexts="{"),
        "too\tshort\n",
    ]
    path, log = tmp_path / "part-0001.tsv", MemoryLog()
    path.write_text("".join(lines))
    report = import_file(log, path, "events", now=NOW, options=ImportOptions(fmt="snowplow"))
    assert (report.accepted, report.rejected, report.silent) == (2, 2, {"page_ping": 1})
    assert [reason.code for reason in report.reasons] == ["wrong_type", "broken_line"]
    view, visit = (msgspec.json.decode(record.body, type=Event) for record in log.read(0, 9))
    assert (view.type, view.item_id, view.user_id, view.at) == ("item_view", "mug-1", "u1", NOW - 60)
    assert (view.event_id, view.session_id) == ("e-1", "s-1")
    assert (visit.type, visit.properties["title"], visit.user_id) == ("page_view", '"Mugs", as we say', "u9")
    assert "203.0.113.9" not in str([record.body for record in log.read(0, 9)])
    assert any("user_ipaddress (1)" in note for note in report.notes)


def test_a_table_of_another_width_is_read_by_its_header(tmp_path: Path) -> None:
    path, log = tmp_path / "atomic.tsv", MemoryLog()
    path.write_text(f"event\tdomain_userid\tcollector_tstamp\tevent_id\npage_view\td1\t{int(NOW)}\te-1\n")
    assert import_file(log, path, "events", now=NOW, options=ImportOptions(fmt="snowplow")).accepted == 1
