"""Gorse's users, items and feedback, as its REST API and its bulk files have them.

Sources: Gorse documentation, "Data Source" (Users, Item, Feedback, Positive and Read Feedback) and "RESTful APIs" (read
2026-11). A record is told by its keys.

- Feedback types are everybody's own words, of which the usual ones are ours. `read` means that the item was seen, which
  speaks neither for it nor against: a `list_view`. `star` and `like` are a `wishlist_add`.
- A Value is the rating of a `rating`; with other types it is a strength or a count, kept as a property. 0 is no value.
- An item's Comment is what people know it by, its title. A user's or a feedback's is personal, and left out.
- Labels are attributes (a list of words: tags) or traits. An item's record is the whole item.
- An item of the year 1 has no time. Feedback without a Timestamp happened when it arrived.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from tailorbird.errors import MissingField
from tailorbird.ingest.fields import read_flag, read_number
from tailorbird.ingest.formats.facts import Arrival, Fact, as_object, compact, first_of, without_personal
from tailorbird.ingest.formats.words import type_of

_NO_TIME: Final = "0001-01-01"


class Gorse:
    """``{"UserId": ...}``, ``{"ItemId": ...}``, or ``{"FeedbackType": ..., "UserId": ..., "ItemId": ...}``."""

    name: ClassVar[str] = "gorse"
    theirs: ClassVar[Mapping[str, str]] = {
        "user_id": "UserId",
        "item_id": "ItemId",
        "type": "FeedbackType",
        "query": "Query",
        "rating": "Value",
    }

    def messages(self, document: Any) -> Iterator[Any]:
        """Each record stands alone; a list of them is cut up before."""
        yield document

    def facts(self, message: Mapping[str, Any], arrival: Arrival) -> Iterator[Fact]:
        """One fact of each record."""
        told = as_object("A record", message)
        if "FeedbackType" in told or ("UserId" in told and "ItemId" in told):
            yield Fact("event", _feedback(told, arrival))
        elif "ItemId" in told:
            yield Fact("item", _item(told, arrival))
        elif "UserId" in told:
            if told["UserId"] in (None, ""):
                raise MissingField("UserId is missing.", hint="Every user needs one.")
            _drop_comment(told, arrival)
            traits = _labels(told, arrival, profile=True)
            yield Fact("user", compact({"user_id": told["UserId"], "traits": traits}))
        else:
            raise MissingField("UserId and ItemId are both missing.", hint="A record is a user, an item or feedback.")


def _feedback(told: Mapping[str, Any], arrival: Arrival) -> dict[str, Any]:
    _drop_comment(told, arrival)
    theirs, given = told.get("FeedbackType"), told.get("Value")
    ours = "list_view" if theirs == "read" else type_of(theirs)
    value = None if given is None else read_number("Value", given) or None
    strength = {} if ours == "rating" else {"value": value}
    return compact(
        {
            "type": ours,
            "at": first_of(told, ("Timestamp",)) or arrival.now,
            "user_id": told.get("UserId"),
            "item_id": told.get("ItemId"),
            "rating": value if ours == "rating" else None,
            "properties": compact({**_labels(told, arrival), **strength}),
        }
    )


def _item(told: Mapping[str, Any], arrival: Arrival) -> dict[str, Any]:
    hidden, labels, added = read_flag("IsHidden", told.get("IsHidden")), told.get("Labels"), told.get("Timestamp")
    words = isinstance(labels, list) and all(isinstance(one, str) for one in labels)
    return compact(
        {
            "item_id": told.get("ItemId"),
            "title": told.get("Comment"),
            "categories": told.get("Categories"),
            "available": None if hidden is None else not hidden,
            "created_at": None if isinstance(added, str) and added.startswith(_NO_TIME) else added,
            "tags": labels if words else None,
            "attributes": {} if words else _labels(told, arrival),
        }
    )


def _labels(told: Mapping[str, Any], arrival: Arrival, *, profile: bool = False) -> dict[str, Any]:
    """The labels by name; what is no object goes under ``labels``."""
    given = told.get("Labels")
    named = given if isinstance(given, Mapping) else {"labels": given}
    return compact(without_personal(named, arrival, profile=profile))


def _drop_comment(told: Mapping[str, Any], arrival: Arrival) -> None:
    if told.get("Comment") not in (None, ""):
        arrival.dropped["Comment"] += 1
