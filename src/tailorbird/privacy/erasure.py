"""Forgetting people: what stands in the log in place of what they did, and who they are in it.

A record of somebody who is erased is not taken out but replaced by one that names nobody: random names instead of ids,
the day instead of the time, and of everything it said only which items it was about. Items and people have numbers in
the order in which the log first names them, and every stored model counts on that: a gap would give everybody the
numbers of somebody else. Folding a replaced record therefore gives out numbers and does nothing more.

The random names are kept nowhere but in the log itself, so that nothing leads from them to a person.
"""

import secrets
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final, Self

import msgspec

from tailorbird.identity.joins import KIND as SEPARATION
from tailorbird.identity.joins import Identities, Separation
from tailorbird.types import DAY_SECONDS, NOBODY, Event, Identity, OrderLine, Record, person_key

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
_JOINING: Final = frozenset({"event", "identity", "expired"})
_ABOUT_PEOPLE: Final = _JOINING | {"user", SEPARATION, ERASED}


@dataclass(frozen=True)
class Theirs:
    """What is somebody's in a log: ``keys`` of people and devices, and ``seqs`` of what they did on other devices.

    ``devices`` are the keys of those others: shared, or somebody else's since.
    """

    keys: frozenset[str]
    seqs: frozenset[int] = frozenset()
    devices: frozenset[str] = frozenset()


def everything_of(
    users: Collection[str], records: Callable[[], Iterable[Record]], identities: Callable[[], Identities]
) -> Theirs:
    """What these users did, under their own ids and on devices that were theirs at the time.

    A device that one of them was the last to log in on is theirs as a whole; of any other, what was done there for as
    long as it was theirs. ``records`` and ``identities`` are asked for anew at each of two readings.
    """
    known = {f"u:{user}" for user in users}
    last: dict[str, str] = {}
    people = identities()
    for record in records():
        if record.kind in _JOINING and record.body:
            device, user = keys_of(record)
            if device and user and (user in known or device in last) and not people.is_apart(device, user):
                last[device] = user
    mine = frozenset(known | {device for device, user in last.items() if user in known})
    others = last.keys() - mine
    return Theirs(mine, _meanwhile(known, others, records(), people), frozenset(others)) if others else Theirs(mine)


def _meanwhile(
    known: Collection[str], devices: Collection[str], records: Iterable[Record], people: Identities
) -> frozenset[int]:
    """Records of these devices from when they belonged to one of the known, nobody being logged in."""
    done: list[tuple[int, int]] = []
    became: dict[int, int] = {}
    for record in records:
        if record.kind not in _JOINING or not record.body:
            continue
        device, user = keys_of(record)
        if device not in devices:
            continue
        if not user:
            done.append((record.seq, people.number(device)))
        elif (before := people.join(device, user, record.at, "")) != NOBODY:
            became[before] = people.number(user)
    theirs = {people.find(key) for key in known} - {NOBODY}
    return frozenset(seq for seq, number in done if became.get(number, number) in theirs)


def keys_of(record: Record) -> tuple[str, str]:
    """The person keys of the device and of the user that an event or an identity names; empty for none."""
    ids = _IDS.decode(record.body)
    return person_key(None, ids.anonymous_id), person_key(ids.user_id, None)


def names_for(keys: Iterable[str]) -> dict[str, str]:
    """A random person key in place of each."""
    return {key: f"{key[:2]}x-{secrets.token_hex(12)}" for key in sorted(keys)}


class Forgetting(msgspec.Struct, frozen=True):
    """What stands in place of the records of people who are erased: random ``names`` by their keys.

    In the records ``seqs``, on devices that are not theirs as a whole, they leave ``past_names``.
    """

    names: dict[str, str]
    past_names: dict[str, str]
    seqs: frozenset[int]

    @classmethod
    def of(cls, theirs: Theirs) -> Self:
        """Draw the names."""
        return cls(names_for(theirs.keys), names_for(theirs.devices), theirs.seqs)

    def instead(self, record: Record) -> Record | None:
        """The record that stands in place of this one; None where it says nothing of them."""
        if record.kind not in _ABOUT_PEOPLE or not record.body:
            return None
        told, names = _NAMED.decode(record.body), self.names
        user, device = f"u:{told.user_id}", f"a:{told.anonymous_id}"
        if record.seq in self.seqs and device in self.past_names:
            names = self.past_names
        if user not in names and device not in names:
            return None
        if record.kind == ERASED:
            # Somebody else was erased before, who was logged in on a device of theirs.
            return _without_device(record, names[device]) if device in names else None
        at, key = record.at // DAY_SECONDS * DAY_SECONDS, f"{ERASED}-{record.seq}"
        if record.kind not in _JOINING:
            # What was only said of somebody named nobody who has a number yet.
            return Record(record.seq, ERASED, key, at, record.recorded_at, b"")
        if told.user_id and user not in names:
            return _without_device(record, names[device])
        event = Event(
            type=ERASED,
            at=at,
            user_id=names[user][2:] if told.user_id else None,
            anonymous_id=names.get(device, device)[2:] if told.anonymous_id else None,
            item_id=told.item_id,
            items=tuple(OrderLine(line.item_id) for line in told.items),
        )
        return Record(record.seq, ERASED, key, at, record.recorded_at, _ENCODER.encode(event))

    def renamed(self, separations: Iterable[Separation]) -> dict[str, Separation]:
        """Those that name one of them, by what the log calls each, under other names: who was apart stays so."""
        found = {}
        for told in separations:
            device, user = told.pair
            if device in self.names or user in self.names:
                found[told.entry().key] = msgspec.structs.replace(
                    told,
                    anonymous_id=self.names.get(device, device)[2:],
                    user_id=self.names.get(user, user)[2:],
                    reason="",
                )
        return found


def _without_device(record: Record, name: str) -> Record:
    """Somebody else's record on a device of theirs: it stays, and the device is nobody's."""
    if record.kind == "identity":
        body = _ENCODER.encode(msgspec.structs.replace(_IDENTITY.decode(record.body), anonymous_id=name[2:]))
        return Record(record.seq, record.kind, name[2:], record.at, record.recorded_at, body)
    body = _ENCODER.encode(msgspec.structs.replace(_EVENT.decode(record.body), anonymous_id=name[2:]))
    return Record(record.seq, record.kind, record.key, record.at, record.recorded_at, body)
