"""Pixel events as the public specification writes them, with values of our own.

Documents: Shopify "Web Pixels API: Standard events" (pages named after the events), "Web Pixels API: Standard API"
(init, customerPrivacy), "Customer events reference" (event structure, custom events).
"""

from typing import Any

import pytest

from tailorbird.backends.memory import MemoryLog
from tailorbird.errors import BadInput, MissingField, WrongType
from tailorbird.ingest.formats.reader import FormatReader
from tailorbird.ingest.formats.shopify import ShopifyPixel
from tailorbird.types import Event, OrderLine

NOW = 1_700_000_000.0
RED = {
    "id": "41",
    "title": "Red",
    "sku": "MUG-RED",
    "price": {"amount": 12.5, "currencyCode": "EUR"},
    "product": {"id": "4", "title": "Mug", "vendor": "Kiln", "type": "Mugs", "url": "/products/mug"},
}
BLUE = {**RED, "id": "gid://shopify/ProductVariant/42", "price": {"amount": "13.00", "currencyCode": "EUR"}}


def pixel(name: str, **data: Any) -> dict[str, Any]:
    return {
        "id": f"ev-{name}",
        "name": name,
        "type": "standard",
        "clientId": "c1",
        "timestamp": "2023-11-14T22:13:10.000Z",
        "context": {
            "document": {"location": {"href": "https://shop.example/products/mug?mail=a", "pathname": "/products/mug"}},
            "navigator": {"language": "de-DE"},
        },
        "data": data,
    }


def reader() -> FormatReader:
    return FormatReader(ShopifyPixel(), MemoryLog().current, now=NOW)


def event_of(message: Any) -> Event:
    (event,) = reader().read(message).events
    return event


def test_a_product_is_seen_as_its_variant() -> None:
    """Standard events, "product_viewed"; ProductVariant and Product."""
    told = event_of(pixel("product_viewed", productVariant=RED))
    assert (told.type, told.event_id, told.anonymous_id, told.at) == ("item_view", "ev-product_viewed", "c1", NOW - 10)
    assert (told.item_id, told.lines, told.currency) == ("41", (OrderLine("41", 1.0, 12.5),), "EUR")
    assert told.properties == {"product_id": "4", "sku": "MUG-RED"}
    assert told.context == {"locale": "de-DE", "path": "/products/mug"}


def test_what_goes_into_the_cart_and_out() -> None:
    """Standard events, "product_added_to_cart", "product_removed_from_cart"; CartLine."""
    line = {"merchandise": BLUE, "quantity": 2, "cost": {"totalAmount": {"amount": "26.00", "currencyCode": "EUR"}}}
    told = event_of(pixel("product_added_to_cart", cartLine=line))
    assert (told.type, told.lines, told.value) == ("cart_add", (OrderLine("42", 2.0, 13.0),), 26.0)
    assert event_of(pixel("product_removed_from_cart", cartLine=line)).type == "cart_remove"
    cart = {"lines": [line], "cost": {"totalAmount": {"amount": 26, "currencyCode": "EUR"}}}
    seen = event_of(pixel("cart_viewed", cart=cart))
    assert (seen.type, seen.items, seen.value, seen.currency) == ("cart_view", (OrderLine("42", 2, 13),), 26, "EUR")


def test_lists_searches_and_pages() -> None:
    """Standard events, "collection_viewed", "search_submitted", "page_viewed"."""
    shelf = {"id": "gid://shopify/Collection/9", "title": "Mugs", "productVariants": [RED, BLUE]}
    told = event_of(pixel("collection_viewed", collection=shelf))
    assert (told.type, [line.item_id for line in told.items]) == ("list_view", ["41", "42"])
    assert told.properties == {"collection_id": "9", "title": "Mugs"}
    asked = event_of(pixel("search_submitted", searchResult={"query": "blue mug", "productVariants": [BLUE]}))
    assert (asked.type, asked.query, asked.items[0].item_id) == ("search", "blue mug", "42")
    assert event_of(pixel("page_viewed")).type == "page_view"


def checkout(**more: Any) -> dict[str, Any]:
    return {
        "currencyCode": "EUR",
        "token": "t-1",
        "lineItems": [{"id": "x", "title": "Mug", "quantity": 2, "variant": RED}, {"id": "y", "variant": None}],
        "subtotalPrice": {"amount": 25.0, "currencyCode": "EUR"},
        "totalPrice": {"amount": 29.9, "currencyCode": "EUR"},
        **more,
    }


def test_an_order_is_named_after_its_id() -> None:
    """Standard events, "checkout_completed": the page may be loaded again."""
    order = {"id": "gid://shopify/OrderIdentity/77", "customer": {"id": "gid://shopify/Customer/8"}}
    sent = pixel("checkout_completed", checkout=checkout(order=order))
    told = event_of(sent)
    assert (told.type, told.value, told.currency, told.user_id) == ("purchase", 25.0, "EUR", "8")
    assert (told.items, told.properties) == ((OrderLine("41", 2.0, 12.5),), {"order_id": "77"})
    again = event_of({**sent, "id": "another"})
    assert told.event_id == again.event_id == "shopify-order-77"
    assert event_of(pixel("checkout_completed", checkout=checkout())).event_id == "ev-checkout_completed"


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("checkout_started", "checkout_start"),
        ("checkout_contact_info_submitted", "checkout_step"),
        ("checkout_address_info_submitted", "checkout_step"),
        ("checkout_shipping_info_submitted", "checkout_step"),
        ("payment_info_submitted", "checkout_step"),
    ],
)
def test_steps_of_the_checkout(theirs: str, ours: str) -> None:
    """Standard events, the pages of these names."""
    told = event_of(pixel(theirs, checkout=checkout()))
    assert (told.type, told.value) == (ours, 25.0)
    assert told.properties == ({"step": theirs} if ours == "checkout_step" else {})


def test_addresses_stay_outside_and_are_counted() -> None:
    """Checkout: email, phone, billingAddress, shippingAddress; navigator: userAgent."""
    address = {"firstName": "A", "address1": "Hill 1", "zip": "89073", "city": "Ulm"}
    personal = {"email": "a@b.example", "phone": "+49", "billingAddress": address, "shippingAddress": address}
    sent = pixel("checkout_started", checkout=checkout(**personal))
    sent["context"]["navigator"]["userAgent"] = "Mozilla/5.0"
    reading = reader()
    (entry,) = reading.read(sent).entries
    assert not [word for word in (b"Ulm", b"example", b"+49", b"Mozilla") if word in entry.body]
    assert reading.arrival.dropped == dict.fromkeys((*personal, "userAgent"), 1)


def test_who_it_was_and_what_they_allowed() -> None:
    """Standard API, "init": data.customer and customerPrivacy, where the pixel passes them on."""
    privacy = {"analyticsProcessingAllowed": True, "marketingAllowed": False, "saleOfDataAllowed": False}
    init = {"data": {"customer": {"id": "8", "email": "a@b.example"}}, "customerPrivacy": privacy}
    told = event_of({**pixel("product_viewed", productVariant=RED), "init": init})
    assert told.person == "u:8"
    assert told.consent == {"analytics": True, "marketing": False, "sale_of_data": False}
    assert event_of({**pixel("page_viewed"), "customer": {"id": 9}}).user_id == "9"


def test_own_events_are_kept_and_inputs_are_not() -> None:
    """Customer events, "Custom events" (`customData`); standard events, "input_changed"."""
    own = {**pixel("quiz_done"), "type": "custom", "customData": {"score": 3, "email": "a@b.example"}}
    told = event_of(own)
    assert (told.type, told.properties) == ("quiz_done", {"score": 3})
    assert event_of({**own, "data": {"checkout": checkout()}}).items == ()
    assert reader().read(pixel("input_changed", element={"value": "secret"})).entries == []


def test_what_is_missing_is_named_as_they_name_it() -> None:
    with pytest.raises(MissingField, match=r"data\.productVariant\.id is missing"):
        event_of(pixel("product_viewed"))
    with pytest.raises(MissingField, match=r"data\.cart\.lines\[0\]\.merchandise\.id is missing"):
        event_of(pixel("cart_viewed", cart={"lines": [{"merchandise": {"title": "Mug"}}]}))
    with pytest.raises(MissingField, match=r"clientId and customer\.id are both missing"):
        event_of({**pixel("page_viewed"), "clientId": None})
    with pytest.raises(MissingField, match="name is missing"):
        event_of({"id": "e"})
    with pytest.raises(MissingField, match="timestamp is missing"):
        event_of({**pixel("page_viewed"), "timestamp": None})
    with pytest.raises(WrongType, match=r"data\.productVariant is of type a list; an object is needed"):
        event_of(pixel("product_viewed", productVariant=[RED]))
    with pytest.raises(BadInput, match=r"data\.checkout\.lineItems is 'all'; a list of products is needed"):
        event_of(pixel("checkout_started", checkout=checkout(lineItems="all")))
