"""The log as native JSON Lines, which `import` reads again."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Final, Self

import msgspec

from tailorbird.ingest.fields import read_time
from tailorbird.ingest.mapping import Kind
from tailorbird.protocols import Log
from tailorbird.types import Item, Record

_CHUNK = 5_000
_RECORDS: Final[Mapping[Kind, str]] = {"items": "item", "users": "user", "identities": "identity"}


class _Who(msgspec.Struct):
    user_id: str | None = None
    anonymous_id: str | None = None


@dataclass(frozen=True)
class Selection:
    """What to write: times in epoch seconds, ``until`` excluded; ``user`` a known or anonymous id."""

    since: float = -inf
    until: float = inf
    user: str | None = None

    @classmethod
    def of(cls, *, since: str | None, until: str | None, user: str | None) -> Self:
        """From what was typed.

        Raises:
            BadTime: a time is not ISO 8601.
        """
        first = read_time("--since", since) if since else None
        last = read_time("--until", until) if until else None
        return cls(-inf if first is None else first, inf if last is None else last, user)


def export_lines(log: Log, kind: Kind, selection: Selection) -> Iterator[bytes]:
    """One JSON object for each event, in the log's order; or for each item, user or device, in its newest version."""
    if kind == "events":
        yield from (record.body for record in _records(log, "event") if _asked_for(record, selection))
        return
    newest: dict[str, bytes] = {}
    for record in _records(log, _RECORDS[kind]):
        if kind == "items" or selection.user is None or _is_of(record, selection):
            newest[record.key] = record.body
    for body in newest.values():
        # A merged item's body says from which sources it is, which is no field of an item.
        yield msgspec.json.encode(msgspec.json.decode(body, type=Item)) if kind == "items" else body


def _asked_for(record: Record, selection: Selection) -> bool:
    if not selection.since <= record.at < selection.until:
        return False
    return selection.user is None or _is_of(record, selection)


def _is_of(record: Record, selection: Selection) -> bool:
    who = msgspec.json.decode(record.body, type=_Who)
    return selection.user in (who.user_id, who.anonymous_id)


def _records(log: Log, kind: str) -> Iterator[Record]:
    seq = 0
    while records := log.read(seq, _CHUNK):
        yield from (record for record in records if record.kind == kind)
        seq = records[-1].seq
