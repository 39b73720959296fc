"""Segment's calls (common spec, and e-commerce v2 with the names of v1), which RudderStack and PostHog write too.

Sources: Segment "Spec: Common Fields", "Spec: V2 Ecommerce Events", "Spec: Identify", "Spec: Alias"; RudderStack
"Ecommerce Events"; PostHog "Ecommerce events specification" (read 2026-11).

A call's ``messageId`` is its name: sent again, it is the same call. Its time is what it would have been on the
receiver's clock: receivedAt - (sentAt - originalTimestamp).
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from tailorbird.errors import BadInput, MissingField
from tailorbird.ingest.fields import read_time, shown
from tailorbird.ingest.formats.facts import (
    Arrival,
    Fact,
    as_object,
    at_path,
    compact,
    first_of,
    lines_of,
    path_of,
    plain_name,
    without_personal,
)

_TYPES: Final = {
    "productssearched": "search",
    "productlistviewed": "list_view",
    "viewedproductcategory": "list_view",
    "productlistfiltered": "list_filter",
    "productclicked": "list_click",
    "productviewed": "item_view",
    "viewedproduct": "item_view",
    "productadded": "cart_add",
    "addedproduct": "cart_add",
    "productremoved": "cart_remove",
    "removedproduct": "cart_remove",
    "cartviewed": "cart_view",
    "productaddedtowishlist": "wishlist_add",
    "productremovedfromwishlist": "wishlist_remove",
    "wishlistproductaddedtocart": "cart_add",
    "checkoutstarted": "checkout_start",
    "checkoutstepviewed": "checkout_step",
    "checkoutstepcompleted": "checkout_step",
    "paymentinfoentered": "checkout_step",
    "ordercompleted": "purchase",
    "completedorder": "purchase",
    "orderupdated": "order_change",
    "ordercancelled": "order_change",
    "orderrefunded": "refund",
    "promotionviewed": "promo_view",
    "promotionclicked": "promo_click",
    "couponentered": "coupon",
    "couponapplied": "coupon",
    "coupondenied": "coupon",
    "couponremoved": "coupon",
    "productshared": "share",
    "cartshared": "share",
    "productreviewed": "review",
}
"""Their names, letters alone, and ours. Any other keeps its own name."""

_IDS: Final = ("product_id", "sku", "productId", "id")
_VALUES: Final = ("revenue", "total", "value")
_READ: Final = frozenset(
    {*_IDS, *_VALUES, "products", "quantity", "price", "currency", "query", "rating", "position", "decision_id"}
    - {"sku"}
)


class Segment:
    """Calls of track, page, screen, identify and alias, alone or as ``{"batch": [...]}``."""

    name: ClassVar[str] = "segment"
    theirs: ClassVar[Mapping[str, str]] = {
        "user_id": "userId and anonymousId",
        "item_id": "properties.product_id",
        "at": "timestamp",
        "type": "event",
        "query": "properties.query",
        "rating": "properties.rating",
    }

    def messages(self, document: Any) -> Iterator[Any]:
        """The calls of a batch, each with the batch's ``sentAt`` and context; or the one call."""
        calls = document.get("batch") if isinstance(document, Mapping) else None
        if not isinstance(calls, list):
            yield document
            return
        shared = {name: document[name] for name in ("sentAt", "receivedAt", "context") if name in document}
        for call in calls:
            yield {**shared, **call} if isinstance(call, Mapping) else call

    def facts(self, message: Mapping[str, Any], arrival: Arrival) -> Iterator[Fact]:
        """An event, an identity, what is said of a user; of a group, nothing."""
        call = as_object("A call", message)
        kind = call.get("type")
        if kind in ("track", "page", "screen"):
            yield Fact("event", _event(call, kind, arrival))
        elif kind == "identify":
            yield from _identified(call, arrival)
        elif kind == "alias":
            joined = {"anonymous_id": call.get("previousId"), "user_id": call.get("userId")}
            yield Fact("identity", compact({**joined, "at": _moment(call, arrival), "evidence": "segment alias"}))
        elif kind is None:
            raise MissingField("type is missing.", hint="A call is track, page, screen, identify, alias or group.")
        elif kind != "group":
            raise BadInput(f"type is {shown(kind)}.", hint="A call is track, page, screen, identify, alias or group.")


def _event(call: Mapping[str, Any], kind: str, arrival: Arrival) -> dict[str, Any]:
    given = call.get("properties")
    told = given if isinstance(given, Mapping) else {}
    theirs = call.get("event")
    lines = lines_of("properties.products", told.get("products"), _IDS)
    one = {} if lines else {"item_id": first_of(told, _IDS), **{n: told.get(n) for n in ("quantity", "price")}}
    return compact(
        {
            "type": "page_view" if kind != "track" else _TYPES.get(plain_name(theirs), theirs),
            "at": _moment(call, arrival),
            "event_id": call.get("messageId"),
            "user_id": call.get("userId"),
            "anonymous_id": call.get("anonymousId"),
            "session_id": at_path(call, "context", "sessionId") or told.get("$session_id"),
            **one,
            "items": lines,
            "value": first_of(told, _VALUES),
            "currency": told.get("currency"),
            "query": told.get("query"),
            "rating": told.get("rating"),
            "position": told.get("position"),
            "decision_id": told.get("decision_id"),
            "context": _context(call),
            "consent": at_path(call, "context", "consent", "categoryPreferences"),
            "properties": _rest(told, arrival) if kind == "track" else _page(call, told),
        }
    )


def _rest(told: Mapping[str, Any], arrival: Arrival) -> dict[str, Any]:
    return without_personal({name: value for name, value in told.items() if name not in _READ}, arrival)


def _page(call: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    path = told.get("path") or path_of(told.get("url"))
    return compact({"name": call.get("name"), "title": told.get("title"), "path": path})


def _identified(call: Mapping[str, Any], arrival: Arrival) -> Iterator[Fact]:
    """A call of identify without a user id tells of an anonymous visitor's traits, which nobody keeps."""
    user_id, anonymous_id = call.get("userId"), call.get("anonymousId")
    if not user_id:
        return
    if anonymous_id and anonymous_id != user_id:
        joined = {"anonymous_id": anonymous_id, "user_id": user_id, "evidence": "segment identify"}
        yield Fact("identity", {**joined, "at": _moment(call, arrival)})
    traits = without_personal(call.get("traits"), arrival, profile=True)
    created = traits.pop("createdAt", None)
    locale = at_path(call, "context", "locale")
    yield Fact("user", compact({"user_id": user_id, "traits": traits, "created_at": created, "locale": locale}))


def _moment(call: Mapping[str, Any], arrival: Arrival) -> Any:
    """When it happened by the receiver's clock; without both of the sender's times, as the call says it."""
    received, sent, original = (call.get(name) for name in ("receivedAt", "sentAt", "originalTimestamp"))
    if sent is None or original is None:
        return first_of(call, ("timestamp", "originalTimestamp", "receivedAt")) or arrival.now
    lag = (read_time("sentAt", sent) or 0.0) - (read_time("originalTimestamp", original) or 0.0)
    return (read_time("receivedAt", received) or arrival.now if received is not None else arrival.now) - lag


def _context(call: Mapping[str, Any]) -> dict[str, Any]:
    """Of where it happened, what names nobody."""
    given = call.get("context")
    page = at_path(given, "page")
    return compact(
        {
            "locale": at_path(given, "locale"),
            "timezone": at_path(given, "timezone"),
            "region": at_path(given, "location", "country"),
            "device": at_path(given, "device", "type"),
            "path": at_path(page, "path") or path_of(at_path(page, "url")),
            "campaign": at_path(given, "campaign"),
        }
    )
