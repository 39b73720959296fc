"""Shopify's pixel events, as an app pixel or a custom pixel passes them on.

Sources: Shopify "Web Pixels API: Standard events" (a page for each event; objects Checkout, CartLine, ProductVariant,
MoneyV2), "Web Pixels API: Standard API, init" (customer, customerPrivacy), "Customer events reference" (custom events)
(read 2026-11).

An item is the variant; its product is in ``properties.product_id``. Ids come as numbers, as text or as
``gid://shopify/ProductVariant/123``: the last part alone is kept, so that pixel and catalogue agree. An order is named
after its id, so that a thank-you page that is loaded again is a duplicate. What happens to the page itself (clicks,
inputs, forms) is left out: it holds what people type.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from tailorbird.errors import MissingField, WrongType
from tailorbird.ingest.fields import shown
from tailorbird.ingest.formats.facts import (
    Arrival,
    Fact,
    as_object,
    at_path,
    compact,
    lines_of,
    path_of,
    without_personal,
)

_TYPES: Final = {
    "page_viewed": "page_view",
    "product_viewed": "item_view",
    "collection_viewed": "list_view",
    "search_submitted": "search",
    "product_added_to_cart": "cart_add",
    "product_removed_from_cart": "cart_remove",
    "cart_viewed": "cart_view",
    "checkout_started": "checkout_start",
    "checkout_contact_info_submitted": "checkout_step",
    "checkout_address_info_submitted": "checkout_step",
    "checkout_shipping_info_submitted": "checkout_step",
    "payment_info_submitted": "checkout_step",
    "checkout_completed": "purchase",
}
_SILENT: Final = frozenset(
    {
        "alert_displayed", "clicked", "form_submitted", "input_blurred", "input_changed", "input_focused",
        "ui_extension_errored",
    }
)  # fmt: skip
_PURPOSES: Final = {
    "analyticsProcessingAllowed": "analytics",
    "marketingAllowed": "marketing",
    "preferencesProcessingAllowed": "preferences",
    "saleOfDataAllowed": "sale_of_data",
}


class ShopifyPixel:
    """Events of ``analytics.subscribe``; ``init`` or ``customer`` beside them say who it was and what they allowed."""

    name: ClassVar[str] = "shopify"
    theirs: ClassVar[Mapping[str, str]] = {
        "user_id": "clientId and customer.id",
        "item_id": "data.productVariant.id",
        "at": "timestamp",
        "type": "name",
        "query": "data.searchResult.query",
    }

    def messages(self, document: Any) -> Iterator[Any]:
        """Every document is one event."""
        yield document

    def facts(self, message: Mapping[str, Any], arrival: Arrival) -> Iterator[Fact]:
        """An event; of what happens to the page itself, nothing."""
        sent = as_object("An event", message)
        theirs = sent.get("name")
        if theirs is None:
            raise MissingField(
                "name is missing.", hint="Send pixel events as they come: page_viewed, product_viewed, ..."
            )
        if not isinstance(theirs, str):
            raise WrongType(f"name is {shown(theirs)}; text is needed.")
        if theirs in _SILENT:
            return
        event = without_personal(sent, arrival)
        data = as_object("data", event.get("data") or {})
        checkout = as_object("data.checkout", data.get("checkout") or {})
        customer = at_path(event, "customer", "id") or at_path(event, "init", "data", "customer", "id")
        record = {
            "type": _TYPES.get(theirs, theirs),
            "at": event.get("timestamp"),
            "event_id": event.get("id"),
            "user_id": last_part(customer or at_path(checkout, "order", "customer", "id")),
            "anonymous_id": event.get("clientId"),
            "context": _context(event),
            "consent": _consent(event),
            **_told(theirs, data, checkout),
        }
        if theirs not in _TYPES:
            custom = event.get("customData")
            record["properties"] = custom if isinstance(custom, Mapping) else {}
        yield Fact("event", compact(record))


def last_part(gid: Any) -> Any:
    """``123`` of ``gid://shopify/ProductVariant/123``, without its query; anything else as it is."""
    if isinstance(gid, str) and gid.startswith("gid://"):
        return gid.rpartition("/")[2].partition("?")[0]
    return gid


def _told(theirs: str, data: Mapping[str, Any], checkout: Mapping[str, Any]) -> dict[str, Any]:
    """What the event says of products, money and words."""
    if theirs == "product_viewed":
        return _of_one("data.productVariant", data.get("productVariant"))
    if theirs in ("product_added_to_cart", "product_removed_from_cart"):
        line = as_object("data.cartLine", data.get("cartLine") or {})
        total = at_path(line, "cost", "totalAmount")
        one = _of_one("data.cartLine.merchandise", line.get("merchandise"))
        return {**one, "quantity": line.get("quantity"), "value": at_path(total, "amount")}
    if theirs == "cart_viewed":
        total = at_path(data, "cart", "cost", "totalAmount")
        lines = _of_lines("data.cart.lines", at_path(data, "cart", "lines"), "merchandise")
        return {"items": lines, **_money(total)}
    if theirs in ("collection_viewed", "search_submitted"):
        name = "collection" if theirs == "collection_viewed" else "searchResult"
        found = as_object(f"data.{name}", data.get(name) or {})
        shelf = compact({"collection_id": last_part(found.get("id")), "title": found.get("title")})
        variants = _of_lines(f"data.{name}.productVariants", found.get("productVariants"))
        return {"items": variants, "query": found.get("query"), "properties": shelf}
    if theirs == "page_viewed":
        return {"properties": compact({"title": at_path(data, "document", "title")})}
    return _of_checkout(theirs, checkout) if checkout and theirs in _TYPES else {}


def _of_checkout(theirs: str, checkout: Mapping[str, Any]) -> dict[str, Any]:
    """The lines and the sum before shipping and taxes; of a purchase also its name."""
    order = last_part(at_path(checkout, "order", "id"))
    sums = checkout.get("subtotalPrice") or checkout.get("totalPrice")
    told = {
        "items": _of_lines("data.checkout.lineItems", checkout.get("lineItems"), "variant"),
        **_money(sums),
        "currency": checkout.get("currencyCode") or at_path(sums, "currencyCode"),
        "properties": compact({"order_id": order, "step": theirs if _TYPES[theirs] == "checkout_step" else None}),
    }
    if theirs == "checkout_completed" and order:
        told["event_id"] = f"shopify-order-{order}" if isinstance(order, str | int) else order
    return told


def _of_one(place: str, variant: Any) -> dict[str, Any]:
    given = as_object(place, variant or {})
    product = at_path(given, "product", "id")
    return {
        "item_id": last_part(given.get("id")),
        "price": at_path(given, "price", "amount"),
        "currency": at_path(given, "price", "currencyCode"),
        "properties": compact({"product_id": last_part(product), "sku": given.get("sku")}),
    }


def _of_lines(place: str, lines: Any, inner: str | None = None) -> list[dict[str, Any]] | None:
    """The lines of a cart or an order, whose variant is in ``inner``; or the variants themselves.

    A line whose variant is no longer sold has none and is left out.
    """
    if not isinstance(lines, list | tuple):
        return lines_of(place, lines, ("id",))
    flat, named = [], f"{inner}.id" if inner else "id"
    for n, line in enumerate(lines):
        given = as_object(f"{place}[{n}]", line)
        variant = as_object(f"{place}[{n}].{inner}", given.get(inner) or {}) if inner else given
        if variant or not inner:
            price = at_path(variant, "price", "amount")
            flat.append({named: last_part(variant.get("id")), "price": price, "quantity": given.get("quantity")})
    return lines_of(place, flat, (named,))


def _money(amount: Any) -> dict[str, Any]:
    return {"value": at_path(amount, "amount"), "currency": at_path(amount, "currencyCode")}


def _consent(event: Mapping[str, Any]) -> dict[str, Any]:
    given = at_path(event, "init", "customerPrivacy") or event.get("customerPrivacy")
    return {ours: at_path(given, theirs) for theirs, ours in _PURPOSES.items() if at_path(given, theirs) is not None}


def _context(event: Mapping[str, Any]) -> dict[str, Any]:
    """Of where it happened, what names nobody."""
    location = at_path(event, "context", "document", "location")
    path = at_path(location, "pathname") or path_of(at_path(location, "href"))
    return compact({"locale": at_path(event, "context", "navigator", "language"), "path": path})
