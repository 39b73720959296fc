"""Personal data where none belongs: values of free fields that look like an e-mail address or a phone number.

No value is ever repeated, only the field's name, how often, and where. Of each field the values that were found clean
last are remembered, so that a country in a million events is looked at once.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tailorbird.ingest.checks.findings import EXAMPLES, Example, Finding, counted, listed, warning
from tailorbird.types import Event, Item, User

_MAIL: Final = re.compile(r"[^\s@<>\"',;:/]+@[^\s@<>\"',;:/]+\.[A-Za-z]{2,}")
_PHONE: Final = re.compile(
    r"(?<![\w.:/-])(?!\d{1,2}[-/]\d{1,2}[-/]\d)(?=(?:\D{0,3}\d){9})"  # no date, and nine digits or more
    r"(?:\+\d{1,3}[ ()./-]{0,3}(?:\d[ ()./-]{0,2}){7,12}"  # +49 30 1234567
    r"|\(?0\d{1,4}\)?[ /-]{1,2}\d{2,}(?:[ -]?\d{2,}){1,3}"  # 020 7946 0958, (030) 123456
    r"|\(?[2-9]\d\d\)?[ .-]{1,2}\d{3}[ .-]\d{4})(?![\w])"  # (415) 555-2671
)
_BARE: Final = re.compile(r"\+?\d{8,15}")
_PHONE_FIELD: Final = re.compile(r"phone|mobile|(^|[^a-z])(tel|fax|cell)([^a-z]|$)", re.IGNORECASE)
_CLEAN_KEPT: Final = 1_000
_MOST_FIELDS: Final = 2_000
_OTHER: Final = "other fields"


def looks_like(text: str, *, of_phones: bool = False) -> str:
    """What a text looks like, in words; empty for nothing personal. ``of_phones``: bare digits are a number there.

    >>> looks_like("write to ann@example.com"), looks_like("+44 20 7946 0958"), looks_like("978-3-16-148410-0")
    ('an e-mail address', 'a phone number', '')
    """
    if "@" in text and _MAIL.search(text):
        return "an e-mail address"
    if len(text) >= 8 and (_PHONE.search(text) or (of_phones and _BARE.fullmatch(text.strip()))):
        return "a phone number"
    return ""


class _Field:
    """One free field: how often its value looked personal, as what, and where first."""

    __slots__ = ("clean", "count", "kind", "name", "of_phones", "seqs")

    def __init__(self, name: str) -> None:
        self.name = name
        self.of_phones = bool(_PHONE_FIELD.search(name))
        self.clean: set[str] = set()
        self.count, self.kind = 0, ""
        self.seqs: list[int] = []

    def look(self, text: str, seq: int) -> None:
        """Take in one text of the field, and the record that it stands in."""
        kind = looks_like(text, of_phones=self.of_phones)
        if kind:
            self.count += 1
            self.kind = self.kind or kind
            if len(self.seqs) < EXAMPLES:
                self.seqs.append(seq)
            return
        if len(self.clean) >= _CLEAN_KEPT:
            self.clean.clear()
        self.clean.add(text)


class Personal:
    """The free fields of events, items and users."""

    def __init__(self) -> None:
        self._fields: dict[str, _Field] = {}
        self._properties: dict[str, _Field] = {}

    def take_event(self, event: Event, seq: int) -> None:
        """One event."""
        if event.properties:
            known = self._properties
            for name, value in event.properties.items():
                found = known.get(name) or self._property(name)
                if type(value) is not str:
                    self._look(found.name, value, seq)
                elif value not in found.clean:
                    found.look(value, seq)
        if event.context:
            self._look("context", event.context, seq)
        if event.query:
            self._look("query", event.query, seq)

    def take_item(self, item: Item, seq: int) -> None:
        """One version of an item."""
        self._look("attributes", item.attributes, seq)
        self._look("tags", item.tags, seq)

    def take_user(self, user: User, seq: int) -> None:
        """One version of a user."""
        self._look("traits", user.traits, seq)
        self._look("preferences", user.preferences, seq)

    def _property(self, name: str) -> _Field:
        found = self._field(f"properties.{name}")
        if len(self._properties) < _MOST_FIELDS:
            self._properties[name] = found
        return found

    def _field(self, path: str) -> _Field:
        if path not in self._fields and len(self._fields) >= _MOST_FIELDS:
            path = _OTHER
        found = self._fields.get(path)
        if found is None:
            found = self._fields[path] = _Field(path)
        return found

    def _look(self, path: str, value: Any, seq: int) -> None:
        if isinstance(value, Mapping):
            for name, inner in value.items():
                self._look(f"{path}.{name}", inner, seq)
        elif isinstance(value, list | tuple):
            for inner in value:
                self._look(path, inner, seq)
        elif isinstance(value, str):
            found = self._field(path)
            if value not in found.clean:
                found.look(value, seq)
        elif type(value) is int and value > 9_999_999:
            found = self._field(path)
            if found.of_phones:
                found.look(str(value), seq)

    def findings(self) -> Iterator[Finding]:
        """What to know of them."""
        found = sorted((one for one in self._fields.values() if one.count), key=lambda one: -one.count)
        if not found:
            return
        told = [f"{one.name} ({one.count:,}, such as {one.kind})" for one in found]
        # One of each field first: whoever mends the first five rows meets every field there is.
        rows = [Example(one.seqs[n], note=one.name) for n in range(EXAMPLES) for one in found if n < len(one.seqs)]
        yield warning(
            "personal_data",
            f"{counted(sum(one.count for one in found), 'value looks', 'values look')} personal, in {listed(told, 5)}.",
            cost="No model needs them; they are copied into segments and backups, and shown to whoever reads the "
            "console.",
            hint="Leave the field out at its source or of --map. What is in already goes with the person: "
            "`tailorbird privacy erase`.",
            rows=rows,
        )
