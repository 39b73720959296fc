"""From a message to entries of the log: whatever the format, the checks of `ingest` are the same.

A message that came before under the same name is a duplicate, also where it now says something else: its time may have
been reckoned from when it arrived, and most systems send again until they hear an answer.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from tailorbird.errors import BadInput, MissingField
from tailorbird.identity.claims import entry_of_identity
from tailorbird.ingest.consent import Answers
from tailorbird.ingest.events import LIMITS, Ordinals, entry_of_event, parse_event
from tailorbird.ingest.fields import as_in_file
from tailorbird.ingest.formats.facts import Arrival, Fact, FactKind, Format
from tailorbird.ingest.items import entry_of_item, parse_item, patch_item
from tailorbird.ingest.money import part_money, with_point
from tailorbird.ingest.parts.part import KIND as PART
from tailorbird.ingest.parts.part import Part, entry_of_part, key_of
from tailorbird.ingest.parts.source import Source
from tailorbird.ingest.users import entry_of_user, parse_identity, parse_user
from tailorbird.types import Entry, Event, Identity, Item, User

Current = Callable[[str, str], bytes | None]
"""The current version of (kind, key), as `Log.current` gives it."""

PageSays = Callable[[Event], Event]
"""An event as far as a page may say it; raises `BadInput` where it may not."""

_MOST_REMEMBERED: Final = 10_000
_NUMBERS: Final = frozenset({*LIMITS, "list_price", "stock", "margin"})


@dataclass
class Taken:
    """What became of one message: entries to append, and the events among them. No entries: it says nothing here.

    ``declined`` counts the events of which nothing is kept because whoever did them wants it so.
    """

    entries: list[Entry] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    declined: int = 0


class FormatReader:
    """Reads the messages of one request or one file, in their order.

    A user's traits, and changes of an item, are merged into what is known: in the log, or since this reader was made.
    """

    def __init__(
        self,
        form: Format,
        current: Current,
        *,
        now: float,
        currency: str | None = None,
        kinds: Collection[FactKind] | None = None,
        answers: Answers | None = None,
        source: Source | None = None,
        page: PageSays | None = None,
        decimal: str = ".",
    ) -> None:
        """``currency`` is the shop's, for signs that several share. With ``kinds``, no other facts are heard.

        With a ``source``, what is said of items is what that source says of them. ``page`` says what of an event is
        heard that came by a write key; None where none did. ``decimal`` is the point or the comma of numbers that come
        as text.
        """
        self.form, self.arrival = form, Arrival(now)
        self._current, self._currency, self._kinds = current, currency, kinds
        self._page, self._decimal = page, decimal
        self._ordinals, self._answers = Ordinals(), answers or Answers(lambda _key: {})
        self._source = source
        self._told: dict[tuple[str, str], Item | Part | User | Identity] = {}

    def read(self, message: Any) -> Taken:
        """The entries of one message.

        Raises:
            BadInput: one of its children; nothing of the message is to be taken.
        """
        taken = Taken()
        theirs: Mapping[str, str] = {}
        try:
            for fact in list(self.form.facts(message, self.arrival)):
                theirs = fact.theirs
                if self._kinds is None or fact.kind in self._kinds:
                    self._take(fact, taken)
        except MissingField as error:
            raise _in_their_words(error, self.form.theirs) from error
        except BadInput as error:
            as_in_file(error, theirs)
            raise
        return taken

    def _take(self, fact: Fact, taken: Taken) -> None:
        kind, raw = fact.kind, fact.raw
        if kind == "event":
            self._read_numbers(raw, "events")
            parsed = parse_event(raw, now=self.arrival.now)
            event = self._answers.keep(self._page(parsed) if self._page else parsed)
            if event is not None:
                taken.events.append(event)
                taken.entries.append(entry_of_event(event, self._ordinals, by_page=self._page is not None))
            else:
                taken.declined += 1
        elif kind in ("item", "item_change"):
            self._read_numbers(raw, "items")
            taken.entries += self._items(raw, whole=kind == "item")
        elif kind == "user":
            said = parse_user(raw)
            before = self._known("user", said.user_id, User)
            user = self._merged(said)
            if user != before or not taken.entries:  # beside an event, what is known already is not said again
                taken.entries.append(entry_of_user(user, at=self.arrival.now))
        else:
            identity = parse_identity(raw, now=self.arrival.now)
            if self._is_new(identity):
                taken.entries.append(entry_of_identity(identity))

    def _read_numbers(self, raw: dict[str, Any], kind: str) -> None:
        """Part money from its currency, and give numbers with a comma the point that every reader wants, in place."""
        part_money(raw, kind, decimal=self._decimal, currency=self._currency or "")
        if self._decimal == ".":
            return
        lines = raw.get("items")
        for record in (raw, *(lines if isinstance(lines, list) else ())):
            for name in _NUMBERS.intersection(record) if isinstance(record, dict) else ():
                if isinstance(text := record[name], str):
                    record[name] = with_point(text)

    def _items(self, raw: dict[str, Any], *, whole: bool) -> list[Entry]:
        """The entry of an item, or of what the source says of one."""
        if self._source is None:
            return [entry_of_item(self._item(raw, whole=whole), at=self.arrival.now)]
        if whole:
            return self._source.entries(raw, at=self.arrival.now)
        theirs = parse_item(raw).item_id
        ours = self._source.ours(theirs) or theirs
        before = self._known(PART, key_of(self._source.name, ours), Part)
        part = self._source.changed(before, ours, {**raw, "item_id": ours})
        self._remember(PART, part.key, part)
        return [entry_of_part(part, at=self.arrival.now)]

    def _item(self, raw: dict[str, Any], *, whole: bool) -> Item:
        item = parse_item(raw, currency=self._currency)
        before = None if whole else self._known("item", item.item_id, Item)
        if before is not None and not before.withdrawn:
            currency = before.currency or item.currency
            item = patch_item(before, {"currency": currency, **raw, "item_id": item.item_id})
        self._remember("item", item.item_id, item)
        return item

    def _merged(self, said: User) -> User:
        """Everything known of the user with what is said now on top; objects are merged name by name."""
        before = self._known("user", said.user_id, User)
        if before is not None:
            old, new = msgspec.to_builtins(before), msgspec.to_builtins(said)
            both = {n: {**old[n], **v} if isinstance(v, dict) and n in old else v for n, v in new.items()}
            said = msgspec.convert({**old, **both}, User)
        self._remember("user", said.user_id, said)
        return said

    def _is_new(self, identity: Identity) -> bool:
        before = self._known("identity", identity.anonymous_id, Identity)
        self._remember("identity", identity.anonymous_id, identity)
        return before is None or before.user_id != identity.user_id

    def _known(self, kind: str, key: str, shape: type[Any]) -> Any:
        if (kind, key) in self._told:
            return self._told[kind, key]
        body = self._current(kind, key)
        return None if body is None else msgspec.json.decode(body, type=shape)

    def _remember(self, kind: str, key: str, record: Item | Part | User | Identity) -> None:
        """Until it is in the log, and some time longer."""
        self._told.pop((kind, key), None)
        self._told[kind, key] = record
        if len(self._told) > _MOST_REMEMBERED:
            self._told.pop(next(iter(self._told)))


def _in_their_words(error: MissingField, theirs: Mapping[str, str]) -> BadInput:
    named = theirs.get(error.field)
    if named is None:
        return error
    verb = "are both" if " and " in named else "is"
    return MissingField(f"{named} {verb} missing.", hint=error.hint, field=error.field)
