"""Amazon Personalize: bodies of PutEvents, and rows of an item interactions data set.

Sources: Amazon Personalize Developer Guide, "PutEvents" and "Event" (API reference), "Item interactions dataset
schema requirements", "Recording item interaction events with impressions data" (read 2026-11).

- Before a login there is only the sessionId; it stands for the visitor, and joins the user once both are told.
- An eventId is taken once, as there. The words of eventType are everybody's own: the usual ones are ours.
- An eventValue means what the sender likes: with a rating it is the rating, else a property.
- What was in view (impression) is a list_view before the event. A recommendationId is a decision where it is ours.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

import msgspec

from tailorbird.errors import WrongType
from tailorbird.ingest.fields import read_id, read_set
from tailorbird.ingest.formats.facts import Arrival, Fact, as_object, compact, first_of, plain_name, without_personal
from tailorbird.ingest.formats.words import list_of, type_of

_NAMES: Final = {
    "userid": "user_id",
    "sessionid": "session_id",
    "itemid": "item_id",
    "eventid": "event_id",
    "eventtype": "type",
    "eventvalue": "event_value",
    "sentat": "at",
    "timestamp": "at",
    "recommendationid": "recommendation_id",
    "impression": "impression",
    "properties": "properties",
    "trackingid": "tracking_id",
}
"""Their names, of HTTP and of files, letters alone, and what they are called here."""


class Personalize:
    """``{"userId": ..., "sessionId": ..., "eventList": [...]}``, or rows with USER_ID, ITEM_ID, TIMESTAMP."""

    name: ClassVar[str] = "personalize"
    theirs: ClassVar[Mapping[str, str]] = {
        "user_id": "userId and sessionId",
        "item_id": "itemId",
        "at": "sentAt (TIMESTAMP in a file)",
        "type": "eventType",
        "query": "properties.query",
        "rating": "eventValue",
    }

    def messages(self, document: Any) -> Iterator[Any]:
        """The events of a body, each with the body's person; or the one row."""
        events = document.get("eventList") if isinstance(document, Mapping) else None
        if not isinstance(events, list):
            yield document
            return
        shared = {name: document[name] for name in ("userId", "sessionId") if name in document}
        for event in events:
            yield {**shared, **event} if isinstance(event, Mapping) else event

    def facts(self, message: Mapping[str, Any], arrival: Arrival) -> Iterator[Fact]:
        """What was in view, if it is told, then the event; and who the session is."""
        given = as_object("An event", message)
        told = {_NAMES[plain_name(name)]: value for name, value in given.items() if plain_name(name) in _NAMES}
        others = {name: value for name, value in given.items() if plain_name(name) not in _NAMES}
        kind, value = type_of(told.get("type")), told.get("event_value")
        answered = list_of(told.get("recommendation_id"), "recommendation_id")
        user_id, session_id = told.get("user_id"), told.get("session_id")
        who = {
            "at": told.get("at"),
            "user_id": user_id,
            "anonymous_id": None if user_id else session_id,
            "session_id": session_id,
        }
        shown = first_of(told, ("impression",))
        if shown is not None:
            yield Fact("event", compact({**answered, **who, **_in_view(shown, told.get("event_id"))}))
        free = {**_properties(told.get("properties")), **others}
        kept = {**answered.get("properties", {}), "event_value": None if kind == "rating" else value}
        event = {
            **answered,
            **who,
            "type": kind,
            "event_id": told.get("event_id"),
            "item_id": told.get("item_id"),
            "rating": value if kind == "rating" else None,
            "query": free.get("query"),
            "properties": {**compact(kept), **without_personal(free, arrival)},
        }
        yield Fact("event", compact(event))
        if user_id and session_id and session_id != user_id:
            joined = {"anonymous_id": session_id, "user_id": user_id, "at": told.get("at")}
            yield Fact("identity", compact({**joined, "evidence": "personalize session"}))


def _in_view(shown: Any, event_id: Any) -> dict[str, Any]:
    """The items that were seen: a list, or text with bars between them."""
    named = None if event_id is None else read_id("eventId", event_id)
    return {
        "type": "list_view",
        "event_id": f"{named}-impression" if named else None,
        "items": [{"item_id": one} for one in read_set("impression", shown) or ()],
    }


def _properties(given: Any) -> Mapping[str, Any]:
    """The event's own data: an object, mostly written as text.

    Raises:
        WrongType: the text is no JSON object.
    """
    if given in (None, ""):
        return {}
    if isinstance(given, str):
        try:
            given = msgspec.json.decode(given)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise WrongType("properties is text, but no JSON.", hint="Send an object, written as JSON.") from error
    return as_object("properties", given)
