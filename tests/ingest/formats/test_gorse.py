"""Records as the public documentation describes them, with values of our own.

Documents: Gorse "Data Source" (sections "Users", "Item", "Feedback", "Positive and Read Feedback", "Negative
Feedback", "Insert Feedback") and "RESTful APIs" (`/api/items`, `/api/feedback`).
"""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tailorbird.backends.memory import MemoryLog
from tailorbird.errors import BadInput, ImplausibleTime, MissingField
from tailorbird.ingest.formats.gorse import Gorse
from tailorbird.ingest.formats.reader import FormatReader
from tailorbird.ingest.importer import ImportOptions, import_file
from tailorbird.types import Event, Item, User

NOW = 1_700_000_000.0
SENT = "2023-11-14T22:13:10Z"  # ten seconds before NOW


def feedback(kind: str, **told: Any) -> dict[str, Any]:
    return {"FeedbackType": kind, "UserId": "u1", "ItemId": "i1", "Value": 0, "Timestamp": SENT, **told}


def reader() -> FormatReader:
    return FormatReader(Gorse(), MemoryLog().current, now=NOW)


def event_of(given: Any) -> Event:
    (event,) = reader().read(given).events
    return event


def item_of(**told: Any) -> Item:
    (entry,) = reader().read({"ItemId": "i1", **told}).entries
    return msgspec.json.decode(entry.body, type=Item)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("read", "list_view"),
        ("star", "wishlist_add"),
        ("like", "wishlist_add"),
        ("dislike", "dismiss"),
        ("share", "share"),
        ("purchase", "purchase"),
        ("tasted", "tasted"),
    ],
)
def test_types_of_feedback(theirs: str, ours: str) -> None:
    """Positive and Read Feedback (read: the user sees the item), Negative Feedback."""
    told = event_of(feedback(theirs))
    assert (told.type, told.user_id, told.item_id, told.at, told.properties) == (ours, "u1", "i1", NOW - 10, {})


def test_a_value_is_a_rating_only_where_the_type_says_so() -> None:
    """Feedback: 1 to 5 for stars; a value that is not available is 0."""
    rated = event_of(feedback("rating", Value="4"))
    assert (rated.type, rated.rating, rated.properties) == ("rating", 4.0, {})
    watched = event_of(feedback("watch", Value=0.7))
    assert (watched.rating, watched.properties) == (None, {"value": 0.7})
    with pytest.raises(MissingField, match="Value is missing"):
        event_of(feedback("rating", Value=0))


def test_an_item() -> None:
    """Item: hidden ones are not recommended."""
    told = item_of(
        IsHidden=True,
        Categories=["cups", "blue"],
        Timestamp="2023-01-01T00:00:00Z",
        Labels={"colour": "blue", "labels": ["a"], "price": 3},
        Comment="Mug",
    )
    assert (told.available, told.categories, told.created_at, told.title) == (
        False,
        ("cups", "blue"),
        1672531200,
        "Mug",
    )
    assert (told.attributes, told.tags, told.price) == ({"colour": "blue", "labels": ["a"], "price": 3}, (), None)


def test_labels_that_are_words_are_tags() -> None:
    """Item: labels are any JSON; an unset time is the year 1."""
    assert item_of(Labels=["cup", "blue"], Timestamp="0001-01-01T00:00:00Z") == Item(item_id="i1", tags=("cup", "blue"))
    assert item_of(Labels=[0.5, 1], IsHidden=False) == Item(item_id="i1", attributes={"labels": [0.5, 1]})


def test_comments_on_people_stay_outside() -> None:
    """Users: a comment helps to browse them, which is mostly a name."""
    read = reader()
    (entry,) = read.read({"UserId": "u1", "Labels": {"plan": "gold", "name": "A"}, "Comment": "A. B."}).entries
    assert msgspec.json.decode(entry.body, type=User) == User(user_id="u1", traits={"plan": "gold"})
    (event,) = read.read(feedback("like", Comment="to a@b.example", Labels=["gift"])).events
    assert event.properties == {"labels": ["gift"]}
    assert read.arrival.dropped == {"Comment": 2, "name": 1}


@pytest.mark.parametrize("time", [1_699_999_990, 1_699_999_990_000, SENT])
def test_times_in_any_unit(time: Any) -> None:
    """Feedback, Timestamp."""
    assert event_of(feedback("like", Timestamp=time)).at == NOW - 10


def test_feedback_without_a_time_is_of_now_and_of_the_year_one_is_refused() -> None:
    """Insert Feedback; a read may be written minutes ahead."""
    assert event_of(feedback("like", Timestamp="")).at == NOW
    assert event_of(feedback("read", Timestamp="2023-11-14T22:23:20Z")).at == NOW + 600
    with pytest.raises(ImplausibleTime, match="before 2000"):
        event_of(feedback("like", Timestamp="0001-01-01T00:00:00Z"))


def test_bulk_files_of_all_three(tmp_path: Path) -> None:
    """RESTful APIs: lists; the bulk files hold one record a line."""
    rows = [{"UserId": "u1", "Labels": {"plan": "gold"}}, {"ItemId": "i1", "Comment": "Mug"}, feedback("star"), {}]
    path = tmp_path / "gorse.jsonl"
    path.write_bytes(b"\n".join(msgspec.json.encode(row) for row in rows))
    log, options = MemoryLog(), ImportOptions(fmt="gorse")
    report = import_file(log, path, "events", now=NOW, options=options)
    assert (report.accepted, report.rejected) == (3, 1)
    assert [record.kind for record in log.read(0, 9)] == ["user", "item", "event"]
    assert import_file(log, path, "events", now=NOW, options=options).duplicates == 3


def test_what_is_missing_is_named_as_they_name_it() -> None:
    for given, told in (
        (feedback("like", UserId=""), "UserId is missing"),
        (feedback("like", ItemId=None), "ItemId is missing"),
        ({"UserId": "u1", "ItemId": "i1"}, "FeedbackType is missing"),
        ({"UserId": ""}, "UserId is missing"),
        ({"ItemId": None}, "ItemId is missing"),
        ({"userid": "u1"}, "UserId and ItemId are both missing"),
    ):
        with pytest.raises(MissingField, match=told):
            reader().read(given)
    with pytest.raises(BadInput, match="IsHidden is 'maybe'"):
        item_of(IsHidden="maybe")
    with pytest.raises(BadInput, match="A record is 7"):
        reader().read(7)
