"""Events as the public documentation describes them, with values of our own.

Documents: Metarank "Supported events" (sections "Event format", "fields parameter", "Item metadata event", "User
metadata event", "Ranking event", "Interaction event"); "Timestamp formats".
"""

from typing import Any

import msgspec
import pytest

from tailorbird.backends.memory import MemoryLog
from tailorbird.errors import BadInput, ImplausibleTime, MissingField
from tailorbird.ingest.formats.metarank import Metarank
from tailorbird.ingest.formats.reader import FormatReader
from tailorbird.types import Event, Item, OrderLine, User

NOW = 1_700_000_000.0
SENT = "1699999990000"  # ten seconds before NOW
OURS = "0123456789abcdef" * 2


def message(kind: str, *fields: tuple[str, Any], **told: Any) -> dict[str, Any]:
    listed = [{"name": name, "value": value} for name, value in fields]
    return {"event": kind, "id": "e1", "timestamp": SENT, "fields": listed, **told}


def reader(log: MemoryLog | None = None) -> FormatReader:
    return FormatReader(Metarank(), (log or MemoryLog()).current, now=NOW, currency="EUR")


def event_of(given: Any) -> Event:
    (event,) = reader().read(given).events
    return event


def item_in(log: MemoryLog) -> Item:
    body = log.current("item", "i1")
    assert body is not None
    return msgspec.json.decode(body, type=Item)


def test_an_item_is_told_in_parts() -> None:
    """Item metadata event: only the values that the model uses need to be passed."""
    log = MemoryLog()
    first = message("item", ("title", "Mug"), ("price", "9.50"), ("color", ["white", "blue"]), item="i1")
    log.append(reader(log).read(first).entries)
    read = reader(log)
    parts = (("price", 8), ("category", "Cups > Mugs")), (("is_cute", True),)
    for part in parts:
        log.append(read.read(message("item", *part, item="i1")).entries)
    known = item_in(log)
    assert (known.title, known.price, known.currency, known.categories) == ("Mug", 8.0, "EUR", ("Cups", "Mugs"))
    assert known.attributes == {"color": ["white", "blue"], "is_cute": True}


def test_a_change_of_price_keeps_the_currency_that_the_item_has() -> None:
    log = MemoryLog()
    log.append(reader(log).read(message("item", ("price", "9.50 CHF"), item="i1")).entries)
    log.append(reader(log).read(message("item", ("price", 8), item="i1")).entries)
    assert (item_in(log).price, item_in(log).currency) == (8.0, "CHF")


def test_an_item_that_was_withdrawn_begins_anew() -> None:
    log = MemoryLog()
    log.append(reader(log).read(message("item", ("title", "Mug"), ("withdrawn", "true"), item="i1")).entries)
    log.append(reader(log).read(message("item", ("price", 8), item="i1")).entries)
    assert (item_in(log).title, item_in(log).withdrawn) == ("", False)


def test_a_user_without_what_names_a_person() -> None:
    """User metadata event."""
    read = reader()
    (entry,) = read.read(message("user", ("age", 33), ("gender", "f"), ("email", "a@b.example"), user="u1")).entries
    assert msgspec.json.decode(entry.body, type=User) == User(user_id="u1", traits={"gender": "f"})
    assert read.arrival.dropped == {"age": 1, "email": 1}


def test_a_ranking_is_what_was_shown() -> None:
    """Ranking event."""
    items = [{"id": "i3", "relevancy": 2.0}, {"id": "i1"}]
    fields = ("query", "cat"), ("source", "search")
    told = event_of(message("ranking", *fields, user="u1", session="s1", items=items, id="r1"))
    assert (told.type, told.event_id, told.user_id, told.session_id) == ("list_view", "ranking-r1", "u1", "s1")
    assert (told.at, told.items, told.query) == (NOW - 10, (OrderLine("i3"), OrderLine("i1")), "cat")
    assert (told.decision_id, told.properties) == (None, {"ranking": "r1", "source": "search"})
    ours = event_of(message("ranking", user="u1", items=items, id=OURS))
    assert (ours.decision_id, ours.properties) == (OURS, {})


@pytest.mark.parametrize(
    ("theirs", "parent", "ours"),
    [
        ("click", "r1", "list_click"),
        ("click", None, "item_view"),
        ("purchase", "r1", "purchase"),
        ("like", None, "wishlist_add"),
        ("tasted", None, "tasted"),
    ],
)
def test_an_interaction_in_a_ranking_or_outside(theirs: str, parent: str | None, ours: str) -> None:
    """Interaction event: the parent may be legally empty."""
    told = event_of(message("interaction", ("shipping", "DHL"), type=theirs, item="i1", session="s1", ranking=parent))
    assert (told.type, told.event_id, told.item_id) == (ours, "interaction-e1", "i1")
    assert (told.user_id, told.anonymous_id) == (None, "s1")
    assert told.properties == {"shipping": "DHL", **({"ranking": parent} if parent else {})}


def test_a_click_in_a_slate_of_ours_counts_for_it() -> None:
    told = event_of(message("interaction", type="click", item="i1", user="u1", ranking=OURS))
    assert (told.decision_id, told.properties) == (OURS, {})


@pytest.mark.parametrize("time", [1_699_999_990, "1699999990000", "2023-11-14T22:13:10Z"])
def test_times_in_any_unit(time: Any) -> None:
    """Timestamp formats."""
    assert event_of(message("interaction", type="click", item="i1", user="u1", timestamp=time)).at == NOW - 10


def test_what_is_missing_is_named_as_they_name_it() -> None:
    click = message("interaction", type="click", item="i1", user="u1")
    for given, told in (
        ({**click, "user": None}, "user and session are both missing"),
        ({**click, "item": None}, "item is missing"),
        ({**click, "type": ""}, "type is missing"),
        ({**click, "timestamp": None}, "timestamp is missing"),
        (message("item"), "item is missing"),
        (message("user"), "user is missing"),
        (message("ranking", user="u1"), "items is missing"),
        (message("ranking", user="u1", items=[{"relevancy": 1}]), r"items\[0\]\.id is missing"),
        ({"id": "e1"}, "event is missing"),
    ):
        with pytest.raises(MissingField, match=told):
            reader().read(given)
    with pytest.raises(BadInput, match="event is 'click'"):
        reader().read(message("click"))
    with pytest.raises(BadInput, match=r"fields\[0\]\.name is of type null"):
        reader().read({**click, "fields": [{"value": 1}]})
    with pytest.raises(ImplausibleTime, match="more than a day ahead"):
        reader().read({**click, "timestamp": 1_800_000_000_000})
