"""What one source says of one item: only the fields that it names, so that others may fill in the rest.

A part is kept in the log as a version of its own (kind ``source_item``), under the shop's id of the item. What came
without a source before a source spoke of the item is a part too, of the source without a name; it is asked last.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from tailorbird.ingest.items import changed, read_item
from tailorbird.types import Entry, Item

KIND: Final = "source_item"
UNNAMED: Final = ""
"""The source of what came without one."""

_OUTSIDE: Final = ("item_id", "withdrawn")
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``said`` holds checked fields. ``unmapped`` is a category path that the source's taxonomy does not know."""

    source: str
    item_id: str
    said: dict[str, Any] = {}
    unmapped: str = ""
    withdrawn: bool = False

    @property
    def key(self) -> str:
        """Of the part in the log; a source's name has no colon."""
        return key_of(self.source, self.item_id)


def key_of(source: str, item_id: str) -> str:
    """The key in the log of what a source says of an item."""
    return f"{source}:{item_id}"


def item_of(key: str) -> str:
    """The item of a part's key.

    >>> item_of(key_of("erp", "a:b"))
    'a:b'
    """
    return key.partition(":")[2]


def current_part(current: Callable[[str, str], bytes | None], source: str, item_id: str) -> Part | None:
    """What a source says of an item now; ``current`` is the log's."""
    body = current(KIND, key_of(source, item_id))
    return None if body is None else msgspec.json.decode(body, type=Part)


def parse_part(raw: Mapping[str, Any], source: str, *, currency: str | None = None) -> Part:
    """Check what a source says of an item; ``currency`` is the shop's, of a price that names none.

    Raises:
        BadInput: one of its children, as for a whole item.
    """
    return _part(read_item(raw, currency=currency), source)


def patch_part(before: Part | None, item_id: str, source: str, change: Mapping[str, Any], *, currency: str) -> Part:
    """What a source says with some of it changed: null forgets a field; attributes are merged by name.

    Raises:
        BadInput: one of its children, as for a whole item.
    """
    said = {} if before is None or before.withdrawn else before.said
    return _part(read_item(changed({**said, "item_id": item_id}, change), currency=currency), source)


def part_of_item(item: Item) -> Part:
    """An item that came without a source, as a part."""
    return _part(msgspec.to_builtins(item), UNNAMED)


def entry_of_part(part: Part, *, at: float) -> Entry:
    """The log entry of this version of a part."""
    return Entry(KIND, part.key, at, _ENCODER.encode(part))


def _part(fields: dict[str, Any], source: str) -> Part:
    if fields.get("withdrawn"):
        return Part(source=source, item_id=fields["item_id"], withdrawn=True)
    # An empty list says as little as an empty cell: another source may know better.
    said = {name: value for name, value in fields.items() if name not in _OUTSIDE and value not in (None, (), [], {})}
    return Part(source=source, item_id=fields["item_id"], said=said)
