"""Items as they arrive, and changes to them.

An item is always kept whole: a change of one field is merged into the current version first (JSON Merge Patch,
RFC 7396), so that every version in the log can be read on its own.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from tailorbird.errors import BadInput, MissingField, WrongType
from tailorbird.ingest.fields import (
    Reader,
    read_fields,
    read_flag,
    read_id,
    read_link,
    read_number,
    read_object,
    read_path,
    read_positive,
    read_set,
    read_text,
    read_time,
    read_translations,
    read_word,
    shown,
)
from tailorbird.types import Entry, Item

FIELDS: Final[Mapping[str, Reader]] = {
    "item_id": read_id,
    "group_id": read_id,
    "title": read_text,
    "description": read_text,
    "categories": read_path,
    "brand": read_text,
    "price": read_positive,
    "list_price": read_positive,
    "currency": read_word,
    "attributes": read_object,
    "available": read_flag,
    "stock": read_number,
    "regions": read_set,
    "locale": read_word,
    "image_url": read_link,
    "url": read_link,
    "created_at": read_time,
    "seller_id": read_id,
    "margin": read_number,
    "tags": read_set,
    "translations": read_translations,
    "withdrawn": read_flag,
}
"""Every field that means something, with what reads it. Any other is kept in ``attributes``."""

_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


def parse_item(raw: Mapping[str, Any], *, currency: str | None = None) -> Item:
    """Check one item as it came and return it in our shape. Absent and empty fields are not known.

    ``currency`` is the shop's, of a price that names none.

    Raises:
        BadInput: one of its children, naming the field, the value and the remedy.
    """
    return Item(**read_item(raw, currency=currency))


def read_item(raw: Mapping[str, Any], *, currency: str | None = None) -> dict[str, Any]:
    """The fields that an item names, checked; see `parse_item`.

    Raises:
        BadInput: one of its children, naming the field, the value and the remedy.
    """
    fields = read_fields("An item", raw, FIELDS, rest="attributes")
    if "item_id" not in fields:
        raise MissingField("item_id is missing.", hint="Every item needs one.", field="item_id")
    if "price" in fields or "list_price" in fields:
        fields.setdefault("currency", currency)
    return fields


def patch_item(current: Item, change: Mapping[str, Any]) -> Item:
    """The item with some fields changed: null forgets a field; ``attributes`` and ``translations`` are merged by name.

    Raises:
        BadInput: the change names another item, or a value is unusable.
    """
    return parse_item(changed(msgspec.to_builtins(current), change))


def changed(before: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """What an item's fields come to with a change, still to be checked; see `patch_item`.

    Raises:
        BadInput: the change names another item, or is no object.
    """
    if not isinstance(change, Mapping):
        raise WrongType(f"A change of an item is {shown(change)}; an object is needed.")
    if change.get("item_id", before["item_id"]) != before["item_id"]:
        raise BadInput(
            f"item_id is {shown(change['item_id'])}, but the item is {shown(before['item_id'])}.",
            hint="An item keeps its id; put a new item instead.",
        )
    known = {name: value for name, value in change.items() if name in FIELDS and name != "attributes"}
    free = {name: value for name, value in change.items() if name not in FIELDS}
    given = change.get("attributes", {})
    if given is not None and not isinstance(given, Mapping):
        raise WrongType(f"attributes is {shown(given)}; an object is needed.")
    kept = {} if given is None else before.get("attributes", {})
    merged = {**kept, **free, **(given or {})}
    attributes = {name: value for name, value in merged.items() if value is not None}
    if isinstance(said := known.get("translations"), Mapping):
        known["translations"] = _merged(before.get("translations", {}), said)
    return {**before, **known, "attributes": attributes}


def _merged(before: Any, change: Any) -> Any:
    """As RFC 7396 has it; a null stays, which readers leave out."""
    if not (isinstance(before, Mapping) and isinstance(change, Mapping)):
        return change
    return {**before, **{name: _merged(before.get(name), value) for name, value in change.items()}}


def entry_of_item(item: Item, *, at: float) -> Entry:
    """The log entry of this version of an item, which holds from ``at`` on."""
    return Entry("item", item.item_id, at, _ENCODER.encode(item))
