"""Bodies and rows as the public developer guide describes them, with values of our own.

Documents: Amazon Personalize Developer Guide, API reference "PutEvents" (request syntax) and "Event" (contents); "Item
interactions dataset schema requirements" (required and reserved fields); "Recording item interaction events with
impressions data".
"""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tailorbird.backends.memory import MemoryLog
from tailorbird.errors import BadInput, ImplausibleTime, MissingField
from tailorbird.ingest.formats.personalize import Personalize
from tailorbird.ingest.formats.reader import FormatReader
from tailorbird.ingest.importer import ImportOptions, import_file
from tailorbird.types import Event, Identity, OrderLine

NOW = 1_700_000_000.0
OURS = "0123456789abcdef" * 2


def event(**fields: Any) -> dict[str, Any]:
    return {"eventType": "Purchase", "itemId": "p1", "sentAt": NOW - 10, "userId": "u1", "sessionId": "s1", **fields}


def reader() -> FormatReader:
    return FormatReader(Personalize(), MemoryLog().current, now=NOW)


def events_of(message: Any) -> list[Event]:
    return reader().read(message).events


def event_of(message: Any) -> Event:
    (told,) = events_of(message)
    return told


def test_a_body_lends_its_person_to_each_event() -> None:
    """PutEvents, request syntax."""
    body = {
        "trackingId": "t-1",
        "userId": "u1",
        "sessionId": "s1",
        "eventList": [
            {"eventId": "e1", "eventType": "View", "itemId": "p1", "sentAt": 1_699_999_990},
            {"eventType": "AddToCart", "itemId": "p2", "sentAt": "2023-11-14T22:13:15Z"},
        ],
    }
    read = reader()
    first, second = (read.read(message) for message in Personalize().messages(body))
    assert [one.type for taken in (first, second) for one in taken.events] == ["item_view", "cart_add"]
    (seen,) = first.events
    assert (seen.event_id, seen.user_id, seen.session_id, seen.anonymous_id) == ("e1", "u1", "s1", None)
    assert (seen.at, second.events[0].at) == (NOW - 10, NOW - 5)
    assert [entry.kind for entry in (*first.entries, *second.entries)] == ["event", "identity", "event"]
    joined = msgspec.json.decode(first.entries[1].body, type=Identity)
    assert (joined.anonymous_id, joined.user_id, joined.at) == ("s1", "u1", NOW - 10)


def test_before_a_login_the_session_is_the_visitor() -> None:
    """PutEvents, sessionId."""
    told = event_of(event(userId=None))
    assert (told.user_id, told.anonymous_id, told.session_id) == (None, "s1", "s1")


def test_what_an_event_is_worth() -> None:
    """Event, eventValue: a rating for one sender, a price or a share of a video for another."""
    rated = event_of(event(eventType="Rate", eventValue="4.5", recommendationId="RID-1"))
    assert (rated.type, rated.rating, rated.properties) == ("rating", 4.5, {"recommendation_id": "RID-1"})
    watched = event_of(event(eventType="Watch", eventValue=0.8))
    assert (watched.type, watched.rating, watched.properties) == ("watch", None, {"event_value": 0.8})
    assert event_of(event(eventType="Tasted")).type == "Tasted"


def test_properties_are_an_object_written_as_text() -> None:
    """Event, properties."""
    read = reader()
    (told,) = read.read(event(properties='{"numberOfRatings": "12", "email": "a@b.example"}')).events
    assert told.properties == {"numberOfRatings": "12"}
    assert read.arrival.dropped == {"email": 1}
    with pytest.raises(BadInput, match="properties is text, but no JSON"):
        event_of(event(properties="{" + '"a":{' * 3000))
    with pytest.raises(BadInput, match="properties is of type a list; an object is needed"):
        event_of(event(properties="[]"))


def test_what_was_in_view_comes_before_what_was_done() -> None:
    """Recording item interaction events with impressions data; reserved field IMPRESSION."""
    seen, chosen = events_of(event(eventId="e1", eventType="click", impression=["p2", "p1"], recommendationId=OURS))
    assert (seen.type, seen.event_id, chosen.event_id) == ("list_view", "e1-impression", "e1")
    assert (seen.items, chosen.type) == ((OrderLine("p2"), OrderLine("p1")), "list_click")
    assert seen.decision_id == chosen.decision_id == OURS
    (theirs, _) = events_of(event(impression="p2|p1", recommendationId="RID-1"))
    assert (len(theirs.items), theirs.decision_id, theirs.properties) == (2, None, {"recommendation_id": "RID-1"})


def test_rows_of_a_data_set(tmp_path: Path) -> None:
    """Item interactions dataset schema requirements; TIMESTAMP in seconds."""
    path = tmp_path / "interactions.csv"
    path.write_text(
        "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE,DEVICE\n"
        "u1,p1,1699999990,Purchase,19.99,Web\n"
        "u1,p2,1699999990000,click,,\n"
        "u1,,1699999990000000,click,,\n"
    )
    log, options = MemoryLog(), ImportOptions(fmt="personalize")
    report = import_file(log, path, "events", now=NOW, options=options)
    assert (report.accepted, report.rejected) == (2, 1)
    assert "line 4: itemId is missing" in report.reasons[0].message
    bought, clicked = (msgspec.json.decode(record.body, type=Event) for record in log.read(0, 9))
    assert (bought.at, clicked.at, clicked.type) == (NOW - 10, NOW - 10, "list_click")
    assert bought.properties == {"event_value": "19.99", "DEVICE": "Web"}
    assert import_file(log, path, "events", now=NOW, options=options).duplicates == 2


def test_what_is_missing_is_named_as_they_name_it() -> None:
    for given, told in (
        (event(userId=None, sessionId=""), "userId and sessionId are both missing"),
        (event(itemId=None), "itemId is missing"),
        (event(eventType=None), "eventType is missing"),
        (event(sentAt=None), "sentAt .* is missing"),
        (event(eventType="rating"), "eventValue is missing"),
    ):
        with pytest.raises(MissingField, match=told):
            events_of(given)
    with pytest.raises(ImplausibleTime, match="more than a day ahead"):
        events_of(event(sentAt=NOW + 200_000))
    with pytest.raises(BadInput, match="An event is 7; an object is needed"):
        events_of(7)
