"""Google Analytics 4: pushes to Tag Manager's data layer, calls of gtag, and bodies of the Measurement Protocol.

Sources: Google "Measure ecommerce" (GA4 and Tag Manager), "Recommended events", "gtag.js API reference"; "Measurement
Protocol reference" (JSON POST body, Consent, Common event parameters) (read 2026-11).

- A `purchase` is named after its transaction_id, as GA4 itself takes it once; the history out of BigQuery names it
  alike. A refund that lists no items is of a whole order, and kept as `order_change`.
- Only the Measurement Protocol says when. What is without a time happened when it arrived.
- Consent: ad_personalization answers for our purpose `personalisation`, ad_user_data for `advertising`.
- An item is named by item_id; an item_name alone names no item. Of addresses the path is kept; of the visitor's place,
  the country.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from tailorbird.errors import WrongType
from tailorbird.ingest.fields import read_id, read_positive, shown
from tailorbird.ingest.formats.facts import (
    Arrival,
    Fact,
    as_object,
    at_path,
    compact,
    first_of,
    lines_of,
    path_of,
    without_personal,
)

_TYPES: Final = {
    "page_view": "page_view",
    "screen_view": "page_view",
    "view_item_list": "list_view",
    "select_item": "list_click",
    "view_item": "item_view",
    "search": "search",
    "view_search_results": "search",
    "add_to_cart": "cart_add",
    "remove_from_cart": "cart_remove",
    "view_cart": "cart_view",
    "add_to_wishlist": "wishlist_add",
    "begin_checkout": "checkout_start",
    "add_shipping_info": "checkout_step",
    "add_payment_info": "checkout_step",
    "purchase": "purchase",
    "refund": "refund",
    "view_promotion": "promo_view",
    "select_promotion": "promo_click",
    "share": "share",
}
"""Their names and ours. Any other keeps its own name."""

_PURPOSES: Final = {
    "ad_personalization": "personalisation",
    "ad_user_data": "advertising",
    "ads_storage": "advertising",
    "analytics_storage": "analytics",
}
_ANSWERS: Final = {"granted": True, "denied": False, "yes": True, "no": False}

_USER_IDS: Final = ("user_id", "userId")
_CLIENT_IDS: Final = ("client_id", "clientId", "app_instance_id", "user_pseudo_id")
_SESSION_IDS: Final = ("session_id", "ga_session_id")
_TIMES: Final = ("timestamp_micros", "timestamp")
_SHARED: Final = (
    *(*_CLIENT_IDS, "user_id", "timestamp_micros", "consent", "non_personalized_ads"),
    *("user_location", "device", "user_data", "ip_override", "user_properties"),
)
"""What the body of the Measurement Protocol says of all its events."""

_PERSONAL_BESIDE: Final = ("user_data", "ip_override")
_RESERVED: Final = ("_", "ga_", "google_", "firebase_", "gtag.")
_FIRST_OPEN: Final = "first_open_time"
"""User properties of Google's own."""

_OF_THE_ITEM: Final = ("item_variant", "item_list_id", "item_list_name", "coupon")
"""What an item is in this event alone; the rest is the catalogue's to say."""

_READ: Final = frozenset(
    {
        *(*_USER_IDS, *_CLIENT_IDS, *_SESSION_IDS, *_TIMES),
        *("items", "value", "currency", "search_term", "engagement_time_msec", "event_id", "decision_id"),
        *("event", "ecommerce", "eventCallback", "eventTimeout", "gtm.uniqueEventId", "send_to", "debug_mode"),
        *("page_location", "page_referrer", "link_url", "user_properties", "consent"),
    }
)
"""What has a place of its own, serves the tag alone, or is an address with whatever stands behind its question mark."""


class Ga4:
    """Pushes ``{"event": ..., "ecommerce": {...}}``, ``["event", name, params]``, and bodies with ``events``."""

    name: ClassVar[str] = "ga4"
    theirs: ClassVar[Mapping[str, str]] = {
        "user_id": "client_id and user_id",
        "item_id": "items",
        "at": "timestamp_micros",
        "type": "the event's name",
        "query": "search_term",
    }

    def messages(self, document: Any) -> Iterator[Any]:
        """The events of a Measurement Protocol body, each with the body's person, time and consent; or the one push."""
        events = document.get("events") if isinstance(document, Mapping) else None
        if not isinstance(events, list):
            yield document
            return
        shared = {name: document[name] for name in _SHARED if name in document}
        for event in events:
            yield {"name": None, **shared, **event} if isinstance(event, Mapping) else event

    def facts(self, message: Mapping[str, Any], arrival: Arrival) -> Iterator[Fact]:
        """An event; nothing for a push that only sets variables, and for Tag Manager's own ones."""
        told = _push_of(message)
        if "event" in told:
            name, params, place = told["event"], {**told, **_object(told.get("ecommerce"))}, "ecommerce.items"
        elif "name" in told:
            beside = {name: told[name] for name in _PERSONAL_BESIDE if name in told}
            name, params, place = told["name"], {**beside, **_object(told.get("params"))}, "params.items"
        elif "events" in told:
            raise WrongType(f"events is {shown(told['events'])}; a list is needed.")
        else:
            return
        if isinstance(name, str) and name.startswith("gtm."):
            return
        known = {
            "at": first_of(params, _TIMES) or first_of(told, _TIMES) or arrival.now,
            "user_id": first_of(told, _USER_IDS) or first_of(params, _USER_IDS),
            "anonymous_id": first_of(told, _CLIENT_IDS) or first_of(params, _CLIENT_IDS),
            "context": {
                "region": at_path(told, "user_location", "country_id"),
                "device": at_path(told, "device", "category"),
                "locale": at_path(told, "device", "language"),
            },
            "consent": consent_of(told.get("consent"))
            | ({"personalisation": False} if told.get("non_personalized_ads") is True else {}),
        }
        given = _object(told.get("user_properties") or params.get("user_properties"))
        said = {trait: at_path(one, "value") if isinstance(one, Mapping) else one for trait, one in given.items()}
        params = {param: value for param, value in params.items() if param != "user_properties"}
        yield Fact("event", event_of(name, params, known, arrival, place=place))
        yield from traits_of(known["user_id"], said, arrival)


def traits_of(user_id: Any, said: Mapping[str, Any], arrival: Arrival) -> Iterator[Fact]:
    """What the user properties tell of a user; nothing of an unknown visitor, nor what Google counts for itself."""
    own = {name: value for name, value in said.items() if not name.startswith(_RESERVED) and name != _FIRST_OPEN}
    traits = without_personal(own, arrival, profile=True)
    if user_id and traits:
        yield Fact("user", {"user_id": user_id, "traits": traits})


def event_of(
    theirs: Any, params: Mapping[str, Any], known: Mapping[str, Any], arrival: Arrival, *, place: str
) -> dict[str, Any]:
    """The record of an event of this name with these parameters, ``items`` (at ``place``, for errors) among them.

    ``known`` holds what stands elsewhere in each kind of message: at, user_id, anonymous_id, context, consent.
    """
    lines = lines_of(place, params.get("items"), ("item_id",)) or []
    only: Mapping[str, Any] = params["items"][0] if len(lines) == 1 else {}
    spent = first_of(params, ("engagement_time_msec",))
    context = {"path": path_of(params.get("page_location")), **known["context"]}
    return compact(
        {
            **known,
            "type": _type_of(theirs, about_items=bool(lines)),
            "event_id": _purchase_id(params) if theirs == "purchase" else params.get("event_id"),
            "session_id": first_of(params, _SESSION_IDS),
            "item_id": lines[0]["item_id"] if only else None,
            "items": lines,
            "value": params.get("value"),
            "currency": params.get("currency"),
            "query": params.get("search_term"),
            "position": first_of(only, ("index",)),
            "dwell_seconds": None if spent is None else (read_positive("engagement_time_msec", spent) or 0.0) / 1e3,
            "decision_id": params.get("decision_id"),
            "context": compact(context),
            "properties": {
                **{name: only[name] for name in _OF_THE_ITEM if only.get(name) not in (None, "")},
                **without_personal({name: value for name, value in params.items() if name not in _READ}, arrival),
            },
        }
    )


def consent_of(given: Any) -> dict[str, bool]:
    """Purposes with yes or no; what was not asked, or is in other words, is left out."""
    answers = {ours: at_path(given, theirs) for theirs, ours in _PURPOSES.items() if at_path(given, theirs) is not None}
    return {
        purpose: _ANSWERS[said.lower()]
        for purpose, said in answers.items()
        if isinstance(said, str) and said.lower() in _ANSWERS
    }


def _type_of(theirs: Any, *, about_items: bool) -> Any:
    if theirs == "refund" and not about_items:
        return "order_change"
    return _TYPES.get(theirs, theirs) if isinstance(theirs, str) else theirs


def _purchase_id(params: Mapping[str, Any]) -> Any:
    order = first_of(params, ("transaction_id",))
    named = None if order is None else read_id("transaction_id", order)
    return f"ga4-purchase-{named}" if named else params.get("event_id")


def _push_of(message: Any) -> Mapping[str, Any]:
    """The message; for a call of gtag, also as JSON writes its arguments (``{"0": "event", ...}``), its push."""
    call = [message.get(str(n)) for n in range(3)] if isinstance(message, Mapping) and "0" in message else message
    if not isinstance(call, list | tuple):
        return as_object("A push", message)
    command, name, params = (*call, None, None, None)[:3]
    return {**_object(params), "event": name} if command == "event" else {}


def _object(given: Any) -> Mapping[str, Any]:
    return given if isinstance(given, Mapping) else {}
