"""Other people's columns as our fields: ``--map ours=theirs,...``.

With a mapping, a row keeps the columns that it names and those that carry our names already; any other is left out,
because an order file's thirty columns copied into every event would only make the log fat. Without one, every column is
kept, the unknown ones in ``properties`` (events), ``attributes`` (items) or ``traits`` (users).
"""

import csv
import io
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

import msgspec

from tailorbird.errors import BadInput, UnknownColumn, did_you_mean
from tailorbird.ingest import events, items, users
from tailorbird.ingest.fields import (
    Reader,
    read_number,
    read_object,
    read_path,
    read_positive,
    read_set,
    read_translations,
    read_whole,
    shown,
)
from tailorbird.ingest.money import with_point

Kind: TypeAlias = Literal["events", "items", "users", "identities"]

KINDS: Final[tuple[Kind, ...]] = ("events", "items", "users", "identities")
FIELDS: Final[Mapping[Kind, Mapping[str, Reader]]] = {
    "events": events.FIELDS,
    "items": items.FIELDS,
    "users": users.FIELDS,
    "identities": users.IDENTITY_FIELDS,
}

_NEEDED: Final[Mapping[Kind, Sequence[Sequence[str]]]] = {
    "events": (("type",), ("at",), ("user_id", "anonymous_id")),
    "items": (("item_id",),),
    "users": (("user_id",),),
    "identities": (("anonymous_id",), ("user_id",)),
}
_ITEMS: Final = ("item_id", "items")
_SUGGESTED_TOO: Final[Mapping[Kind, Sequence[str]]] = {
    "events": ("item_id", "session_id", "quantity", "price", "rating"),
    "items": ("title", "categories", "brand", "price", "image_url"),
    "users": (),
    "identities": ("at", "evidence"),
}
_KNOWN_AS: Final[Mapping[str, Sequence[str]]] = {
    "user_id": ("userid", "user", "customerid", "customer", "visitorid", "memberid", "uid", "clientid", "accountid"),
    "anonymous_id": ("anonymousid", "deviceid", "cookieid", "visitor"),
    "item_id": (
        "itemid",
        "item",
        "productid",
        "product",
        "sku",
        "stockcode",
        "asin",
        "movieid",
        "articleid",
        "article",
        "id",
    ),
    "at": ("timestamp", "time", "eventtime", "datetime", "date", "ts", "createdat", "invoicedate", "unixtime"),
    "type": ("eventtype", "event", "eventname", "action", "behavior", "activity"),
    "session_id": ("sessionid", "session", "usersession", "visitid"),
    "rating": ("stars", "score", "overall"),
    "quantity": ("qty", "units", "amount"),
    "price": ("unitprice", "saleprice", "priceeur", "priceusd"),
    "title": ("name", "productname", "itemname", "description"),
    "categories": ("category", "categorypath", "path", "categorycode", "genres", "genre", "department"),
    "brand": ("manufacturer", "vendor", "label"),
    "image_url": ("image", "imagelink", "imageurl", "picture"),
}
_NUMBERS: Final = (read_number, read_positive, read_whole)
_OBJECTS: Final = (read_object, read_translations)
_JSON_IN_TEXT: Final = (*_OBJECTS, read_path, read_set)


class ColumnMap:
    """Turns rows of one table into raw records with our names."""

    def __init__(self, kind: Kind, pairs: Mapping[str, str] | None = None, *, decimal: str = ".") -> None:
        """``pairs`` maps our field, which may be dotted (``attributes.color``), to their column.

        Raises:
            BadInput: ``decimal`` is neither a point nor a comma.
        """
        checked_decimal(decimal)
        self.kind = kind
        self.pairs = dict(pairs or {})
        self.keeps_all = not self.pairs
        self._fields = FIELDS[kind]
        self._steps = [(theirs, *_inner(ours)) for ours, theirs in self.pairs.items()]
        used = {ours for _, ours, _ in self._steps} | set(self.pairs.values())
        self._own_names = frozenset(self._fields) - used
        self._numbers = [name for name, reader in self._fields.items() if reader in _NUMBERS] if decimal == "," else []
        self._may_be_json = [
            name for name, reader in self._fields.items() if reader in _JSON_IN_TEXT or name in ("items", "consent")
        ]

    def wanted(self, columns: Iterable[str]) -> frozenset[str] | None:
        """The columns that `apply` looks at; None for all."""
        if self.keeps_all:
            return None
        return frozenset(self.pairs.values()) | (self._own_names & frozenset(columns))

    def check(
        self, where: str, columns: Sequence[str], given: Collection[str], *, fixed: bool, about_items: bool = False
    ) -> None:
        """Refuse a mapping that names a column the table lacks, or a table without what every record needs.

        ``given`` are fields that need no column, because an option sets them; ``fixed`` says that no row can have
        other columns than ``columns``: where one can, a field that has an alternative may still come. ``about_items``
        says that the events are about items, so that without a column of items they would say nothing.

        Raises:
            UnknownColumn: lists the columns, the nearest one, and a mapping to try.
        """
        for theirs in self.pairs.values():
            if theirs not in columns and theirs.partition(".")[0] not in columns:
                raise UnknownColumn(f"{where} has no column {theirs!r}.", hint=did_you_mean(theirs, columns))
        has = set(given) | {_inner(ours)[0] for ours in self.pairs} | (frozenset(columns) - set(self.pairs.values()))
        needed = [*_NEEDED[self.kind], *((_ITEMS,) if about_items else ())]
        absent = [names for names in needed if not has.intersection(names)]
        if columns and any(fixed or len(names) == 1 for names in absent):
            missing = ", ".join(names[0] for names in absent)
            raise UnknownColumn(
                f"{where} has no column for {missing}. Its columns: {', '.join(columns)}.",
                hint=self._suggestion(columns, has, absent, type_given="type" in given),
            )

    def apply(self, row: Mapping[str, Any], *, texts: bool = False) -> dict[str, Any]:
        """A row by our names. ``texts`` says that its cells are text, in which lists and objects are JSON."""
        record = _nested(row, self._fields) if self.keeps_all else self._mapped(row)
        if texts:
            for name in self._may_be_json:
                if name in record:
                    record[name] = _from_json(record[name])
        for name in self._numbers:
            if type(text := record.get(name)) is str:
                record[name] = with_point(text)
        return record

    def _mapped(self, row: Mapping[str, Any]) -> dict[str, Any]:
        record = {name: value for name, value in row.items() if name in self._own_names}
        for theirs, ours, inner in self._steps:
            value = row.get(theirs)
            if value is None and "." in theirs:
                value = _at_path(row, theirs)
            if value is None:
                continue
            if inner is None:
                record[ours] = value
            else:
                record.setdefault(ours, {})[inner] = value
        return record

    def _suggestion(
        self, columns: Sequence[str], has: Collection[str], absent: Sequence[Sequence[str]], *, type_given: bool
    ) -> str:
        """A whole --map: what was given, what others call the same thing, and what is left to fill in."""
        plain = {"".join(ch for ch in name.lower() if ch.isalnum()): name for name in reversed(columns)}
        pairs = dict(self.pairs)

        def guess(field: str) -> bool:
            aliases = (field.replace("_", ""), *_KNOWN_AS.get(field, ()))
            found = next((plain[alias] for alias in aliases if alias in plain), None)
            if found is None or field in {*has, *pairs} or found in pairs.values():
                return False
            pairs[field] = found
            return True

        for names in absent:
            if not any(guess(name) for name in names):
                pairs[names[0]] = "COLUMN"
        for name in _SUGGESTED_TOO[self.kind]:
            guess(name)
        hints = [f"Name them: --map {_typed(pairs)}."]
        if "COLUMN" in pairs.values():
            hints.append("Write one of its columns for each COLUMN.")
        if pairs.get("type") == "COLUMN":
            hints.append("Where all events are of one type, leave type out and add --type purchase (or another).")
        if self.kind == "events" and pairs.get("item_id") == "COLUMN" and not type_given:
            hints.append(
                "Where none is about an item, leave item_id out and add --type page_view (or ours=theirs,...)."
            )
        return " ".join(hints)


def checked_decimal(decimal: str) -> str:
    """The mark that parts whole and fraction.

    Raises:
        BadInput: it is neither a point nor a comma.
    """
    if decimal not in (".", ","):
        raise BadInput(f"--decimal is {shown(decimal)}.", hint="It is a point or a comma.")
    return decimal


def _typed(pairs: Mapping[str, str]) -> str:
    """The pairs as a shell and `parse_map` read them."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([f"{ours}={theirs}" for ours, theirs in pairs.items()])
    return shlex.quote(text.getvalue())


def parse_map(kind: Kind, texts: Iterable[str]) -> dict[str, str]:
    """Our field -> their column, out of ``ours=theirs,...``. Quote a pair that holds a comma: ``"price=Price, EUR"``.

    Raises:
        BadInput: a pair without "=", or a field given twice.
        UnknownColumn: a field that this kind of record does not have.
    """
    pairs: dict[str, str] = {}
    roots = sorted(name for name, reader in FIELDS[kind].items() if reader in _OBJECTS or name == "consent")
    for pair in (pair for text in texts for row in csv.reader([text], skipinitialspace=True) for pair in row if pair):
        ours, equals, theirs = (part.strip() for part in pair.partition("="))
        if not (equals and ours and theirs):
            raise BadInput(f"--map holds {pair!r}.", hint="Write ours=theirs, for example user_id=CustomerID.")
        root, inner = _inner(ours)
        if root not in FIELDS[kind] or (inner is not None and root not in roots):
            allowed = [*FIELDS[kind], *(f"{name}.NAME" for name in roots)]
            raise UnknownColumn(f"--map names the field {ours!r}; {kind} have none.", hint=did_you_mean(ours, allowed))
        if ours in pairs:
            raise BadInput(f"--map gives the field {ours!r} twice.", hint="Keep one.")
        pairs[ours] = theirs
    return pairs


@dataclass(frozen=True)
class Types:
    """What ``--type`` says: ``every`` event's type, or their type -> ours in ``named``."""

    every: str | None = None
    named: Mapping[str, str] = field(default_factory=dict)

    def settle(self, raw: dict[str, Any]) -> None:
        """Give an event that came our word for its type, in place."""
        if self.every is not None:
            raw["type"] = self.every
        elif self.named and isinstance(raw.get("type"), str):
            raw["type"] = self.named.get(raw["type"], raw["type"])


def parse_types(text: str | None) -> Types:
    """The type of every event out of ``purchase``, or their type -> ours out of ``item_view=view,cart_add=cart``.

    Raises:
        BadInput: a pair lacks one of its sides.
    """
    if text is None or "=" not in text:
        return Types(text)
    pairs = [pair.partition("=") for pair in text.split(",")]
    for ours, equals, theirs in pairs:
        if not (ours.strip() and equals and theirs.strip()):
            raise BadInput(f"--type holds {ours + equals + theirs!r}.", hint="Write one type, or ours=theirs,...")
    return Types(named={theirs.strip(): ours.strip() for ours, _, theirs in pairs})


def _inner(ours: str) -> tuple[str, str | None]:
    root, dot, inner = ours.partition(".")
    return root, inner if dot else None


def _nested(row: Mapping[str, Any], fields: Mapping[str, Reader]) -> dict[str, Any]:
    """The row with columns such as ``attributes.color`` put inside their field."""
    record = dict(row)
    for name in row:
        root, dot, inner = name.partition(".")
        if dot and fields.get(root) in _OBJECTS and isinstance(record.setdefault(root, {}), dict):
            record[root] = {**record[root], inner: record.pop(name)}
    return record


def _at_path(row: Mapping[str, Any], path: str) -> Any:
    value: Any = row
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _from_json(text: Any) -> Any:
    if not isinstance(text, str) or text[:1] not in ("{", "["):
        return text
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text
