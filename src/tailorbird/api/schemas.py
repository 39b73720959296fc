"""JSON schemas of the bodies that are read record by record, and so are no type of a handler.

Made from the nouns and loosened to what ``ingest`` takes: times in several notations, numbers for ids, fields of one's
own. A test holds them against the tables that ``ingest`` reads by.
"""

from typing import Any, Final

import msgspec

from tailorbird.types import MAX_ID_CHARACTERS, Event, Item, OrderLine, User

REF: Final = "#/components/schemas/{name}"

_TIME: Final = {
    "description": "ISO 8601, or an epoch number in seconds, milliseconds or microseconds.",
    "anyOf": [{"type": "string", "format": "date-time"}, {"type": "number"}],
}
_ID: Final = {"anyOf": [{"type": "string", "maxLength": MAX_ID_CHARACTERS}, {"type": "integer"}, {"type": "null"}]}
_IDS: Final = ("event_id", "user_id", "anonymous_id", "session_id", "item_id", "decision_id", "group_id", "seller_id")


_NOUNS: Final[dict[str, Any]] = msgspec.json.schema_components([Event, Item, User, OrderLine], ref_template=REF)[1]


def ref(name: str) -> dict[str, str]:
    """A reference to a named schema."""
    return {"$ref": REF.format(name=name)}


def _loosened(noun: type[msgspec.Struct], *, rest: str, **changed: Any) -> dict[str, Any]:
    """The schema of a noun as it may be sent; ``rest`` is where fields of one's own are kept."""
    schema = _NOUNS[noun.__name__]
    properties = {**schema["properties"], **{name: _ID for name in _IDS if name in schema["properties"]}, **changed}
    return {
        "title": schema["title"],
        "description": f"{schema['description'].splitlines()[0]} Fields of one's own are kept in `{rest}`.",
        "type": "object",
        "properties": properties,
        "required": schema["required"],
        "additionalProperties": True,
    }


def _batch(name: str, record: str) -> dict[str, Any]:
    records = {"type": "array", "items": ref(record)}
    return {
        "description": "A list, an object around it, or a single one.",
        "anyOf": [{"type": "object", "properties": {name: records}, "required": [name]}, records, ref(record)],
    }


COMPONENTS: Final[dict[str, Any]] = {
    "OrderLine": _NOUNS["OrderLine"],
    "EventSent": {
        **_loosened(
            Event,
            rest="properties",
            at=_TIME,
            quantity={"type": "number", "description": "Of `item_id`; several items go into `items`."},
            price={"type": "number", "minimum": 0, "description": "For one piece, in `currency`."},
        ),
        "anyOf": [{"required": ["user_id"]}, {"required": ["anonymous_id"]}],
    },
    "ItemSent": _loosened(Item, rest="attributes", created_at=_TIME),
    "UserSent": _loosened(User, rest="traits", created_at=_TIME),
    "Profile": {
        "description": "What is kept about one user, in words.",
        "type": "object",
        "properties": {
            "user_id": {"type": "string"},
            "personalised": {"type": "boolean", "description": "False when the user said no to it."},
            "consent": {
                "type": "object",
                "description": "What holds now, by purpose: the newest answer, wherever it was given.",
                "additionalProperties": {"type": "boolean"},
            },
            "recent_items": {"type": "array", "items": {"type": "object"}},
            "categories": {"type": "object", "additionalProperties": {"type": "number"}},
            "brands": {"type": "object", "additionalProperties": {"type": "number"}},
            "bought": {"type": "object", "additionalProperties": {"type": "number"}},
            "cart": {"type": "array", "items": {"type": "string"}},
            "customer": {
                "type": "object",
                "description": "Who they are to the shop: segment, orders, money, the risk that they leave, how they "
                "answer to discounts, what is due again, what waits in a cart, when they usually come (UTC).",
                "additionalProperties": True,
            },
            "devices": {
                "type": "array",
                "description": "Anonymous ids on which this user was the last one seen: by what evidence, since when, "
                "last when, and whether somebody else uses it too.",
                "items": {"type": "object"},
            },
        },
        "required": ["user_id"],
        "additionalProperties": True,
    },
}
COMPONENTS["ItemShown"] = {
    **COMPONENTS["ItemSent"],
    "description": "An item with all of its fields; null is not known.",
    "additionalProperties": False,
    "required": [name for name in COMPONENTS["ItemSent"]["properties"] if name != "withdrawn"],
    "properties": {name: part for name, part in _NOUNS["Item"]["properties"].items() if name != "withdrawn"},
}
COMPONENTS["ItemRead"] = {
    **COMPONENTS["ItemShown"],
    "properties": {
        **COMPONENTS["ItemShown"]["properties"],
        "variants": {
            "description": "The other items of its group, by id.",
            "type": "array",
            "items": {"type": "string"},
        },
    },
}
COMPONENTS["ItemUnnamed"] = {**COMPONENTS["ItemSent"], "title": "Item, its id in the path", "required": []}
COMPONENTS["UserUnnamed"] = {**COMPONENTS["UserSent"], "title": "User, its id in the path", "required": []}
COMPONENTS["EventBatch"] = _batch("events", "EventSent")
COMPONENTS["ItemBatch"] = _batch("items", "ItemSent")

EVENT_LINE: Final = ref("EventSent")
EVENT_BATCH: Final = ref("EventBatch")
ITEM: Final = ref("ItemSent")
ITEM_BATCH: Final = ref("ItemBatch")
ITEM_SHOWN: Final = ref("ItemShown")
ITEM_READ: Final = ref("ItemRead")
ITEM_UNNAMED: Final = ref("ItemUnnamed")
ITEM_PATCH: Final = {**ITEM_UNNAMED, "description": "Only what changes; null forgets a field (RFC 7396)."}
USER_UNNAMED: Final = ref("UserUnnamed")
PREFERENCES: Final = {"type": "object", "description": "Declared preferences by name.", "additionalProperties": True}
POLICIES: Final = {"type": "object", "properties": {"policies": {"type": "array", "items": ref("Policy")}}}
PROFILE: Final = ref("Profile")
