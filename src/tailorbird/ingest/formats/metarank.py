"""Metarank's events: items, users, rankings and interactions, alone or one a line.

Source: Metarank documentation, "Supported events" (event-schema.md) and "Timestamp formats" (read 2026-11).

- An item's event may hold a few of its fields only: the others stay. Fields with our names are ours, `category` is
  `categories`, any other is an attribute.
- A ranking is what was shown: a `list_view`. A click in a ranking is a `list_click`, one outside an `item_view`; other
  types are everybody's own words, of which the usual ones are ours.
- `ranking` is a decision where its id is one of ours; else it is kept as a property, beside the others.
- Ids are unique within one kind of event, and named after both. A session stands for the visitor where no user is
  told. A `tenant` is not read: every shop has its own log.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from tailorbird.errors import BadInput, MissingField, WrongType
from tailorbird.ingest.fields import read_id, shown
from tailorbird.ingest.formats.facts import Arrival, Fact, as_object, compact, first_of, lines_of, without_personal
from tailorbird.ingest.formats.words import list_of, type_of

_KINDS: Final = "An event is item, user, ranking or interaction."


class Metarank:
    """``{"event": "item" | "user" | "ranking" | "interaction", "fields": [{"name": ..., "value": ...}]}``."""

    name: ClassVar[str] = "metarank"
    theirs: ClassVar[Mapping[str, str]] = {
        "user_id": "user and session",
        "item_id": "item",
        "at": "timestamp",
        "type": "type",
        "query": "the field query",
        "rating": "the field rating",
    }

    def messages(self, document: Any) -> Iterator[Any]:
        """Each event stands alone; a list of them is cut up before."""
        yield document

    def facts(self, message: Mapping[str, Any], arrival: Arrival) -> Iterator[Fact]:
        """One fact of each event."""
        told = as_object("An event", message)
        kind, fields = told.get("event"), _fields(told.get("fields"))
        if kind == "item":
            yield Fact("item_change", _item(told, fields, arrival))
        elif kind == "user":
            if told.get("user") in (None, ""):
                raise MissingField("user is missing.", hint="It says whose fields these are.")
            traits = without_personal(fields, arrival, profile=True)
            yield Fact("user", compact({"user_id": told["user"], "traits": traits}))
        elif kind == "ranking":
            lines = lines_of("items", told.get("items"), ("id",))
            if not lines:
                raise MissingField("items is missing.", hint="A ranking lists the items that were shown.")
            answered = list_of(told.get("id"), "ranking")
            seen = {**_happened(told, kind), "type": "list_view", "items": lines, "query": fields.pop("query", None)}
            yield Fact("event", _event(seen, answered, fields, arrival))
        elif kind == "interaction":
            answered = list_of(told.get("ranking"), "ranking")
            done = {**_happened(told, kind), "type": _type_of(told), "item_id": told.get("item")}
            special = {name: fields.pop(name, None) for name in ("query", "rating")}
            yield Fact("event", _event({**done, **special}, answered, fields, arrival))
        elif kind is None:
            raise MissingField("event is missing.", hint=_KINDS)
        else:
            raise BadInput(f"event is {shown(kind)}.", hint=_KINDS)


def _item(told: Mapping[str, Any], fields: dict[str, Any], arrival: Arrival) -> dict[str, Any]:
    kept = without_personal(fields, arrival)
    category = kept.pop("category", None)
    return compact({"categories": category, **kept, "item_id": told.get("item")})


def _happened(told: Mapping[str, Any], kind: str) -> dict[str, Any]:
    user, session = told.get("user"), told.get("session")
    named = first_of(told, ("id",))
    name = None if named is None else read_id("id", named)
    return {
        "event_id": f"{kind}-{name}" if name else None,
        "at": told.get("timestamp"),
        "user_id": user,
        "anonymous_id": session if user in (None, "") else None,
        "session_id": session,
    }


def _event(
    said: Mapping[str, Any], answered: Mapping[str, Any], fields: Mapping[str, Any], arrival: Arrival
) -> dict[str, Any]:
    properties = {**answered.get("properties", {}), **without_personal(fields, arrival)}
    return compact({**answered, **said, "properties": properties})


def _type_of(told: Mapping[str, Any]) -> Any:
    ours = type_of(told.get("type"))
    return "item_view" if ours == "list_click" and told.get("ranking") in (None, "") else ours


def _fields(given: Any) -> dict[str, Any]:
    """The fields by name.

    Raises:
        WrongType: they are no list of objects with a name.
    """
    if given is None:
        return {}
    if not isinstance(given, list | tuple):
        raise WrongType(f"fields is {shown(given)}; a list of name and value is needed.")
    fields = {}
    for n, one in enumerate(given):
        name = one.get("name") if isinstance(one, Mapping) else None
        if not isinstance(name, str):
            raise WrongType(f"fields[{n}].name is {shown(name)}; a string is needed.")
        fields[name] = one.get("value")
    return fields
