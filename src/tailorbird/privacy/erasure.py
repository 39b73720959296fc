"""Forgetting people: what stands in the log in place of what they did, and who they are in it.

A record of somebody who is erased is not taken out but replaced by one that names nobody: random names instead of ids,
the day instead of the time, and of everything it said only which items it was about. Items and people have numbers in
the order in which the log first names them, and every stored model counts on that: a gap would give everybody the
numbers of somebody else. Folding a replaced record therefore gives out numbers and does nothing more.

The random names are kept nowhere but in the log itself, so that nothing leads from them to a person.
"""

import secrets
from collections.abc import Collection, Iterable, Mapping
from typing import Final

import msgspec

from tailorbird.types import DAY_SECONDS, Event, Identity, OrderLine, Record

ERASED: Final = "erased"


class _Ids(msgspec.Struct, frozen=True):
    user_id: str | None = None
    anonymous_id: str | None = None


class _Named(msgspec.Struct, frozen=True):
    user_id: str | None = None
    anonymous_id: str | None = None
    item_id: str | None = None
    items: tuple[OrderLine, ...] = ()


_IDS: Final = msgspec.json.Decoder(_Ids)
_NAMED: Final = msgspec.json.Decoder(_Named)
_IDENTITY: Final = msgspec.json.Decoder(Identity)
_EVENT: Final = msgspec.json.Decoder(Event)
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_ABOUT_PEOPLE: Final = frozenset({"event", "identity", "user"})


def everything_of(users: Collection[str], records: Iterable[Record]) -> set[str]:
    """Person keys of these users: their own, and those of the devices that were last seen with one of them.

    What was done on a device before somebody else logged in there is somebody else's.
    """
    last: dict[str, str] = {}
    for record in records:
        if record.kind not in ("event", "identity"):
            continue
        ids = _IDS.decode(record.body)
        if ids.user_id and ids.anonymous_id and (ids.user_id in users or ids.anonymous_id in last):
            last[ids.anonymous_id] = ids.user_id
    return {f"u:{user}" for user in users} | {f"a:{device}" for device, user in last.items() if user in users}


def names_for(keys: Iterable[str]) -> dict[str, str]:
    """A random person key in place of each."""
    return {key: f"{key[:2]}x-{secrets.token_hex(12)}" for key in sorted(keys)}


def forgotten(record: Record, names: Mapping[str, str]) -> Record | None:
    """The record that stands in place of this one; None where it names none of the keys of ``names``."""
    if record.kind not in _ABOUT_PEOPLE:
        return None
    told = _NAMED.decode(record.body)
    user, device = f"u:{told.user_id}", f"a:{told.anonymous_id}"
    if user not in names and device not in names:
        return None
    if told.user_id and user not in names:
        return _without_device(record, names[device])
    event = Event(
        type=ERASED,
        at=record.at // DAY_SECONDS * DAY_SECONDS,
        user_id=names[user][2:] if told.user_id else None,
        anonymous_id=names.get(device, device)[2:] if told.anonymous_id else None,
        item_id=told.item_id,
        items=tuple(OrderLine(line.item_id) for line in told.items),
    )
    # What was only said of a user named nobody who has a number yet.
    body = b"" if record.kind == "user" else _ENCODER.encode(event)
    return Record(record.seq, ERASED, f"{ERASED}-{record.seq}", event.at, record.recorded_at, body)


def _without_device(record: Record, name: str) -> Record:
    """Somebody else's record on a device of theirs: it stays, and the device is nobody's."""
    if record.kind == "identity":
        body = _ENCODER.encode(msgspec.structs.replace(_IDENTITY.decode(record.body), anonymous_id=name[2:]))
        return Record(record.seq, record.kind, name[2:], record.at, record.recorded_at, body)
    body = _ENCODER.encode(msgspec.structs.replace(_EVENT.decode(record.body), anonymous_id=name[2:]))
    return Record(record.seq, record.kind, record.key, record.at, record.recorded_at, body)
