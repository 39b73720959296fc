"""Snowplow's enriched events, as JSON or as the stream's TSV, and its e-commerce actions as self-describing JSON.

Sources: Snowplow "Ecommerce events and entities", "Timestamps", "Snowplow atomic event properties", "Enriched stream
TSV file format" (131 places), "Analytics SDKs" (one key for each schema and major version); Iglu Central, vendor
com.snowplowanalytics.snowplow.ecommerce, and com.snowplowanalytics.snowplow/site_search (read 2026-11).

Page pings are left out: they are a heartbeat every few seconds, and what they add up to is not known until the visit is
over. So are the older ``transaction`` and ``transaction_item``, whose lines come as messages of their own. The TSV has
no header; it is read from files, and its cells that hold JSON are opened.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final, TypeAlias

import msgspec

from tailorbird.errors import MissingField, WrongType
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
    without_personal,
)

_ACTIONS: Final = {
    "product_view": "item_view",
    "list_view": "list_view",
    "list_click": "list_click",
    "add_to_cart": "cart_add",
    "remove_from_cart": "cart_remove",
    "checkout_step": "checkout_step",
    "transaction": "purchase",
    "trns_error": "order_change",
    "refund": "refund",
    "promo_view": "promo_view",
    "promo_click": "promo_click",
}
_OF_PIECES: Final = frozenset({"cart_add", "cart_remove", "purchase", "refund"})
_SILENT: Final = frozenset({"page_ping", "transaction", "transaction_item"})

_SNOWPLOW: Final = "com_snowplowanalytics_snowplow_"
_ACTION: Final = f"{_SNOWPLOW}ecommerce_snowplow_ecommerce_action"
_SEARCH: Final = f"{_SNOWPLOW}site_search"
_PAYLOAD: Final = f"{_SNOWPLOW}payload_data"
_EVENT_KEY: Final = "unstruct_event_"
_ENTITY_KEY: Final = "contexts_"

_KEPT_ENTITIES: Final = ("transaction", "refund", "cart", "promotion", "checkout_step", "page", "transaction_error")
_OF_A_PRODUCT: Final = ("name", "category", "brand", "variant", "size", "inventory_status", "list_price", "creative_id")
_OF_EACH_PRODUCT: Final = ("id", "size", "inventory_status")
_CAMPAIGN: Final = ("source", "medium", "term", "content", "campaign")

_PLACES: Final = {
    3: "collector_tstamp", 4: "dvce_created_tstamp", 5: "event", 6: "event_id", 12: "user_id", 13: "user_ipaddress",
    14: "user_fingerprint", 15: "domain_userid", 17: "network_userid", 18: "geo_country", 20: "geo_city",
    21: "geo_zipcode", 22: "geo_latitude", 23: "geo_longitude", 24: "geo_region_name", 29: "page_url",
    30: "page_title", 35: "page_urlpath", 47: "mkt_medium", 48: "mkt_source", 49: "mkt_term", 50: "mkt_content",
    51: "mkt_campaign", 52: "contexts", 53: "se_category", 54: "se_action", 55: "se_label", 56: "se_property",
    57: "se_value", 58: "unstruct_event", 77: "useragent", 83: "br_lang", 100: "os_timezone", 101: "dvce_type",
    115: "geo_timezone", 119: "dvce_sent_tstamp", 122: "derived_contexts", 123: "domain_sessionid",
    124: "derived_tstamp", 126: "event_name", 130: "true_tstamp",
}  # fmt: skip
"""Where in the TSV stands what is read, or left out by name."""

_N_PLACES: Final = 131
_JSON_CELLS: Final = ("contexts", "derived_contexts", "unstruct_event")

Entities: TypeAlias = Mapping[str, Sequence[Any]]


class Snowplow:
    """Atomic fields with ``unstruct_event_...`` and ``contexts_...``; or ``{"schema", "data", "contexts"}``."""

    name: ClassVar[str] = "snowplow"
    columns: ClassVar[Sequence[str]] = [_PLACES.get(n, "") for n in range(_N_PLACES)]
    theirs: ClassVar[Mapping[str, str]] = {
        "user_id": "user_id and domain_userid",
        "item_id": "product.id",
        "at": "derived_tstamp",
        "type": "event",
        "query": "site_search.terms",
    }

    def messages(self, document: Any) -> Iterator[Any]:
        """Every document is one event."""
        yield document

    def facts(self, message: Mapping[str, Any], arrival: Arrival) -> Iterator[Fact]:
        """An event; of a page ping, nothing."""
        event = without_personal(_opened(as_object("An event", message)), arrival)
        kind, data = _self_described(event)
        atomic = event.get("event")
        if kind == _PAYLOAD or (atomic is None and "e" in event and "tv" in event):
            raise WrongType(
                "This is what a tracker sends to its collector (payload_data); only enriched events are read.",
                hint="Take them behind Snowplow's enrichment: as JSON from an Analytics SDK or a warehouse's table of "
                "events, or in a file the stream's TSV.",
            )
        if kind == _ACTION:
            yield _fact(event, arrival, _action(as_object("snowplow_ecommerce_action", data), _entities(event)))
        elif kind == _SEARCH:
            yield _fact(event, arrival, _search(as_object("site_search", data)))
        elif kind:
            given = {"properties": data} if isinstance(data, Mapping) else {}
            yield _fact(event, arrival, {"type": event.get("event_name") or kind, **given})
        elif atomic == "page_view":
            page = {"title": event.get("page_title"), "path": _path(event)}
            yield _fact(event, arrival, {"type": "page_view", "properties": compact(page)})
        elif atomic == "struct":
            said = {name: event.get(f"se_{name}") for name in ("category", "label", "property", "value")}
            yield _fact(event, arrival, {"type": event.get("se_action"), "properties": compact(said)})
        elif atomic is None:
            raise MissingField("event is missing.", hint="Send enriched events as JSON, or self-describing JSON.")
        elif not isinstance(atomic, str) or atomic not in _SILENT:
            yield _fact(event, arrival, {"type": atomic})


def _opened(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """The event with what its cells hold as JSON text."""
    cells = {name: event[name] for name in _JSON_CELLS if isinstance(event.get(name), str)}
    if not cells:
        return event
    opened: dict[str, Any] = dict(event)
    for name, text in cells.items():
        try:
            opened[name] = msgspec.json.decode(text)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise WrongType(f"{name} is {shown(text)}, which is not JSON.", hint="Fetch the file again.") from error
    sent = [opened.pop(name, None) for name in ("contexts", "derived_contexts")]
    entities = [at_path(some, "data") if isinstance(some, Mapping) else some for some in sent]
    return {**opened, "contexts": [one for some in entities if isinstance(some, list) for one in some]}


def _fact(event: Mapping[str, Any], arrival: Arrival, said: Mapping[str, Any]) -> Fact:
    entities = _entities(event)
    session = _first(entities, f"{_SNOWPLOW}client_session")
    user = _first(entities, "user")
    known = user.get("id") if user.get("is_guest") is not True else None
    return Fact(
        "event",
        compact(
            {
                "at": _moment(event, arrival),
                "event_id": event.get("event_id"),
                "user_id": event.get("user_id") or known,
                "anonymous_id": first_of(event, ("domain_userid", "network_userid")) or session.get("userId"),
                "session_id": event.get("domain_sessionid") or session.get("sessionId"),
                "context": _context(event),
                **said,
            }
        ),
    )


def _action(action: Mapping[str, Any], entities: Entities) -> dict[str, Any]:
    """What an e-commerce action and its entities say. A quantity counts where pieces change hands."""
    theirs = action.get("type")
    if not isinstance(theirs, str):
        raise MissingField(
            f"snowplow_ecommerce_action.type is {'missing' if theirs is None else shown(theirs)}.",
            hint=f"It is one of {', '.join(_ACTIONS)}.",
        )
    kind = _ACTIONS.get(theirs, theirs)
    products = entities.get("product", ())
    lines = lines_of("product", products, ("id",)) or []
    if kind not in _OF_PIECES:
        lines = [{name: value for name, value in line.items() if name != "quantity"} for line in lines]
    sums = [_first(entities, name) for name in ("transaction", "refund", "cart")]
    amounts = {"purchase": sums[0].get("revenue"), "refund": sums[1].get("refund_amount")}
    placed = products[0] if len(products) == 1 else _first(entities, "promotion")
    about = lines[0] if len(lines) == 1 else {"items": lines}
    kept = {name: dict(_first(entities, name)) for name in _KEPT_ENTITIES}
    currency = (entity.get("currency") for entity in (*sums, *products))
    return {
        "type": kind,
        **about,
        "value": amounts.get(kind),
        "currency": next((code for code in currency if code), None),
        "position": placed.get("position"),
        "properties": compact({"list": action.get("name"), **_product_facts(products), **kept}),
    }


def _product_facts(products: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the lines of an event do not hold: of one product everything, of several size and stock."""
    if len(products) == 1:
        return {name: products[0].get(name) for name in _OF_A_PRODUCT}
    facts = [compact({name: product.get(name) for name in _OF_EACH_PRODUCT}) for product in products]
    return {"products": [fact for fact in facts if len(fact) > 1]}


def _search(data: Mapping[str, Any]) -> dict[str, Any]:
    terms = data.get("terms")
    query = " ".join(str(term) for term in terms) if isinstance(terms, list | tuple) else terms
    rest = {name: data.get(name) for name in ("filters", "totalResults", "pageResults")}
    return {"type": "search", "query": query, "properties": compact(rest)}


def _self_described(event: Mapping[str, Any]) -> tuple[str, Any]:
    """The schema of the event, as the SDK's keys write it, and its data; no schema, where there are atomic fields."""
    for key, data in event.items():
        if str(key).startswith(_EVENT_KEY):
            return _without_version(str(key).removeprefix(_EVENT_KEY)), data
    inner = at_path(event, "unstruct_event", "data") or event
    return _schema(at_path(inner, "schema")), at_path(inner, "data")


def _entities(event: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The entities by schema; those of e-commerce by their short names."""
    found: dict[str, list[Any]] = {}
    for key, value in event.items():
        if str(key).startswith(_ENTITY_KEY):
            name = _without_version(str(key).removeprefix(_ENTITY_KEY))
            found.setdefault(name, []).extend(value if isinstance(value, list) else [value])
    sent = event.get("contexts")
    sent = at_path(sent, "data") if isinstance(sent, Mapping) else sent
    for one in sent if isinstance(sent, list) else ():
        found.setdefault(_schema(at_path(one, "schema")), []).append(at_path(one, "data"))
    return {name.removeprefix(f"{_SNOWPLOW}ecommerce_"): entities for name, entities in found.items()}


def _first(entities: Entities, name: str) -> Mapping[str, Any]:
    first = next(iter(entities.get(name, ())), None)
    return first if isinstance(first, Mapping) else {}


def _schema(uri: Any) -> str:
    """``iglu:com.example/thing/jsonschema/1-0-0`` as the SDK's keys write it: ``com_example_thing``."""
    if not isinstance(uri, str):
        return ""
    vendor, _, rest = uri.removeprefix("iglu:").partition("/")
    return f"{vendor}_{rest.partition('/')[0]}".replace(".", "_").strip("_")


def _without_version(name: str) -> str:
    stem, _, version = name.rpartition("_")
    return stem if version.isdigit() else name


def _moment(event: Mapping[str, Any], arrival: Arrival) -> Any:
    """``derived_tstamp``, or what it is derived from: collector_tstamp - (dvce_sent_tstamp - dvce_created_tstamp)."""
    known = first_of(event, ("derived_tstamp", "true_tstamp"))
    if known is not None:
        return known
    names = ("collector_tstamp", "dvce_sent_tstamp", "dvce_created_tstamp")
    collected, sent, created = (read_time(name, event[name]) if name in event else None for name in names)
    if sent is None or created is None:
        return collected or created or arrival.now
    return (collected or arrival.now) - (sent - created)


def _path(event: Mapping[str, Any]) -> str | None:
    path = event.get("page_urlpath")
    return path if isinstance(path, str) else path_of(event.get("page_url"))


def _context(event: Mapping[str, Any]) -> dict[str, Any]:
    """Of where it happened, what names nobody."""
    campaign = {name if name != "campaign" else "name": event.get(f"mkt_{name}") for name in _CAMPAIGN}
    return compact(
        {
            "locale": event.get("br_lang"),
            "timezone": first_of(event, ("os_timezone", "geo_timezone")),
            "region": event.get("geo_country"),
            "device": event.get("dvce_type"),
            "path": _path(event),
            "campaign": compact(campaign),
        }
    )
