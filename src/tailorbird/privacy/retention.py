"""Retention: what happened longer ago than a shop wants to keep leaves the log and the ledger, and every number stays.

An event that is too old is replaced, in its place, by a record of kind ``expired`` that says nothing at all; unless it
was the first to name a person or an item, who have numbers in the order in which the log first names them (see
`erasure`), said whose a device is, or held an answer about consent: then it says that alone. Whoever did nothing since
gets a random name there, as somebody who is erased does, and keeps it.

Whether a record gives out a number is not reckoned here but seen: the log is read by the same `Identities` as by an
engine. What the shop said of items, users, identities and separations, and answers about consent, are no happenings:
they stay. Of a user only the newest version does.
"""

import hashlib
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from tailorbird.catalogue import Alias
from tailorbird.config import Config
from tailorbird.identity.joins import KIND as SEPARATION
from tailorbird.identity.joins import Identities, Separation
from tailorbird.privacy.erasure import ERASED
from tailorbird.privacy.requests import ForgettingLog
from tailorbird.protocols import Log
from tailorbird.types import DAY_SECONDS, PAGE, Entry, Event, OrderLine, Record, User, person_key

EXPIRED: Final = "expired"
RETENTION: Final = "retention"
"""The kind of the record that tells every process that follows the log to build a new engine."""

EXPIRING: Final = "expiring"
"""The kind under which the log keeps the secret of the random names until a run is done, should it be killed."""

_CHUNK: Final = 5_000
_ANSWER: Final = "consent"


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """What went, or would go.

    Events that happened, and versions of users that were replaced, before ``log_before`` left the log, decisions made
    before ``ledger_before`` the ledger; 0 where all is kept for ever. ``people`` had nothing else: they are strangers
    now. ``bytes`` is what the records and the decisions held, before any compression.
    """

    at: float
    log_before: float = 0.0
    ledger_before: float = 0.0
    records: int = 0
    people: int = 0
    decisions: int = 0
    bytes: int = 0


class ExpiringLedger(Protocol):
    """A ledger whose old decisions can go."""

    def expire(self, before: float, *, dry_run: bool) -> tuple[int, int]:
        """Take out the decisions made before, or only count them; how many, and their bytes."""


class _Told(msgspec.Struct, frozen=True):
    """Of an event, what gives out numbers, and what stays."""

    type: str = ""
    event_id: str = ""
    user_id: str | None = None
    anonymous_id: str | None = None
    item_id: str | None = None
    items: tuple[OrderLine, ...] = ()
    consent: dict[str, bool] = {}

    @property
    def user(self) -> str:
        return f"u:{self.user_id}" if self.user_id else ""

    @property
    def device(self) -> str:
        return f"a:{self.anonymous_id}" if self.anonymous_id else ""

    @property
    def item_ids(self) -> Iterable[str]:
        named = [line.item_id for line in self.items] or ([self.item_id] if self.item_id else [])
        return dict.fromkeys(named)


@dataclass(slots=True)
class _Run:
    """Since when a device was seen with one user alone, so far: when last, and in which record."""

    user: str
    at: float
    latest: int


_TOLD: Final = msgspec.json.Decoder(_Told)
_USER: Final = msgspec.json.Decoder(User)
_ALIAS: Final = msgspec.json.Decoder(Alias)
_SEPARATION: Final = msgspec.json.Decoder(Separation)
_NOBODYS: Final = re.compile(r"[ua]:x-[0-9a-f]{24}")
"""A random name: whoever went by it is nobody since an earlier day."""
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_EVENTS: Final = frozenset({"event", EXPIRED, ERASED})


class Expiry:
    """What of a log goes, and what stands in its place. Shown every record in order by `read`, then asked by `instead`.

    ``people`` are the person keys of those who, of all that was asked about, have nothing left.
    """

    def __init__(self, before: float, identities: Identities, secret: bytes) -> None:
        """``identities`` know nobody yet, but which ids were taken apart. Random names follow from the ``secret``."""
        self.people: set[str] = set()
        self.records = self.bytes = 0
        self._before, self._last = before, 0
        self._identities = identities
        self._telling: set[int] = set()  # records without which somebody's number, or whose a device is, would differ
        self._runs: dict[str, _Run] = {}
        self._first_item: dict[str, int] = {}
        self._newest: dict[str, int] = {}  # user: the record of the newest version
        self._staying: set[str] = set()
        self._secret = secret

    def read(self, records: Iterable[Record]) -> None:
        """Take in the whole log, in its order."""
        for record in records:
            self._last = record.seq
            if not record.body:
                continue
            if record.kind in _EVENTS:
                self._take_event(record, _TOLD.decode(record.body))
            elif record.kind == "item":
                self._first_item.setdefault(record.key, record.seq)
            elif record.kind == "alias":
                alias = _ALIAS.decode(record.body)
                self._first_item.setdefault(alias.item_id, record.seq)
                self._first_item.setdefault(alias.alias, record.seq)
            elif record.kind == "user":
                self._newest[record.key] = record.seq
                self._staying.add(person_key(record.key, None))
            elif record.kind == "identity":
                told = _TOLD.decode(record.body)
                self._join(record.seq, told.device, told.user, record.at)
                self._staying |= {told.user, told.device}
            elif record.kind == SEPARATION:
                parted = _SEPARATION.decode(record.body)
                self._identities.separate(parted, record.seq)
                self._staying |= {*parted.pair}
        self._telling |= {run.latest for run in self._runs.values()}
        self._staying |= {run.user for device, run in self._runs.items() if device in self._staying}

    def instead(self, record: Record) -> Record | None:
        """The record that stands in place of this one; None where it stays as it is, for now if it came meanwhile."""
        if record.seq > self._last:
            return None
        if record.kind == "user":
            new = self._said_before(record)
        elif (record.kind == "event" and record.at < self._before) or (record.kind == EXPIRED and record.body):
            new = self._left_of(record)
        else:
            return None
        if new is None or (new.kind, new.body) == (record.kind, record.body):
            return None
        self.records += record.kind != EXPIRED
        self.bytes += len(record.body) + len(record.key) - len(new.body) - len(new.key)
        return new

    def _take_event(self, record: Record, told: _Told) -> None:
        n_people = len(self._identities.keys)
        if told.user and told.device:
            self._join(record.seq, told.device, told.user, record.at)
        if person := told.user or told.device:
            self._identities.number(person)
        if len(self._identities.keys) > n_people:
            self._telling.add(record.seq)
        for item_id in told.item_ids:
            self._first_item.setdefault(item_id, record.seq)
        if told.consent or (record.kind == "event" and record.at >= self._before):
            # Whoever had the device at that time is who did it, whoever has it now.
            run = self._runs.get(told.device)
            self._staying |= {told.user, told.device, run.user if run else ""}

    def _join(self, seq: int, device: str, user: str, at: float) -> None:
        """Join them, and remember the records that change whose the device is, and the last of each that do not."""
        n_people, before = len(self._identities.keys), self._identities.find(device)
        self._identities.join(device, user, at, "")
        run = self._runs.get(device)
        changed = run is None or run.user != user or self._identities.find(device) != before
        if changed or len(self._identities.keys) > n_people:
            self._telling.add(seq)
        if run is None or run.user != user:
            if run is not None:
                self._telling.add(run.latest)
            self._runs[device] = _Run(user, at, seq)
        elif at >= run.at:
            run.at, run.latest = at, seq

    def _said_before(self, record: Record) -> Record | None:
        """A version of a user that was replaced: only what it says of consent is kept."""
        if record.at >= self._before or self._newest[record.key] == record.seq:
            return None
        consent = _USER.decode(record.body).consent
        if consent:
            body = _ENCODER.encode(User(user_id=record.key, consent=consent))
            return Record(record.seq, record.kind, record.key, record.at, record.recorded_at, body)
        return Record(record.seq, EXPIRED, "", _day(record.at), record.recorded_at, b"")

    def _left_of(self, record: Record) -> Record | None:
        """What is left of an event: the numbers that it gave out, whose the device is, an answer."""
        told, seq = _TOLD.decode(record.body), record.seq
        if told.type == _ANSWER and told.consent:
            return None
        telling = seq in self._telling
        named = telling or bool(told.consent)
        user = self._name(told.user) if named else ""
        device = self._name(told.device) if telling or (named and not told.user) else ""
        items = tuple(OrderLine(item) for item in told.item_ids if self._first_item[item] == seq)
        self._count(told)
        # Since when a device is whose, and when an answer was given, is told to the second; else the day will do.
        at = record.at if (user and device) or told.consent else _day(record.at)
        if not (user or device or items):
            return Record(seq, EXPIRED, "", at, record.recorded_at, b"")
        left = Event(
            type=EXPIRED,
            at=at,
            # Whether a page or the shop itself heard an answer decides who may change it.
            event_id=f"{PAGE}{seq}" if told.consent and told.event_id.startswith(PAGE) else "",
            user_id=user[2:] or None,
            anonymous_id=device[2:] or None,
            items=items,
            consent=told.consent,
        )
        return Record(seq, EXPIRED, "", at, record.recorded_at, _ENCODER.encode(left))

    def _name(self, key: str) -> str:
        """The key of whoever is still about, or is nobody already; a random one, always the same, for anybody else."""
        if not key or key in self._staying or _NOBODYS.fullmatch(key):
            return key
        return f"{key[:2]}x-{hashlib.blake2b(key.encode(), key=self._secret, digest_size=12).hexdigest()}"

    def _count(self, told: _Told) -> None:
        run = self._runs.get(told.device)
        person = told.user or (run.user if run else told.device)
        if person not in self._staying and not _NOBODYS.fullmatch(person):
            self.people.add(person)


def retain(log: ForgettingLog, ledger: ExpiringLedger, config: Config, *, now: float, dry_run: bool) -> Retention:
    """Let go what is older than ``keep_days`` of log and ledger; the account of it, in the log if anything went.

    With ``dry_run`` nothing is written. Reads the whole log twice, and writes anew what changes.
    """
    kept_days = (config.log.keep_days, config.ledger.keep_days)
    log_before, ledger_before = (_day(now - days * DAY_SECONDS) if days else 0.0 for days in kept_days)
    # In a log that is half done, other names in the other half would make two people of one.
    interrupted = log.newest(EXPIRING)
    secret = interrupted[0] if interrupted else secrets.token_bytes(32)
    expiry, n_changed = Expiry(log_before, Identities.of(log, config.identity), secret), 0
    if log_before:
        expiry.read(_records(log))
        if dry_run:
            for record in _records(log):
                expiry.instead(record)
        else:
            log.keep(EXPIRING, {EXPIRING: secret})
            n_changed = log.rewrite(expiry.instead)
    n_decisions, n_bytes = ledger.expire(ledger_before, dry_run=dry_run) if ledger_before else (0, 0)
    account = Retention(
        at=now,
        log_before=log_before,
        ledger_before=ledger_before,
        records=expiry.records,
        people=len(expiry.people),
        decisions=n_decisions,
        bytes=expiry.bytes + n_bytes,
    )
    if not dry_run:
        if n_changed or n_decisions or interrupted:
            log.append([Entry(RETENTION, RETENTION, now, _ENCODER.encode(account))])
        if log_before:
            log.drop([(EXPIRING, EXPIRING)])
    return account


def _day(at: float) -> float:
    return at // DAY_SECONDS * DAY_SECONDS


def _records(log: Log) -> Iterator[Record]:
    seq = 0
    while records := log.read(seq, _CHUNK):
        yield from records
        seq = records[-1].seq
