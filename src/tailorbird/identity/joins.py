"""Anonymous ids and user ids as people: joined by evidence, apart on a shared device, taken apart when it was wrong.

A person has a number, given out in the order in which the log first names one of their ids. A login joins an anonymous
id to a user: what was done there before becomes the user's. Once two users are seen on one device within a month, what
is done there while nobody is logged in is neither's: it has a number of its own, until only one of them came for as
long. A *separation* says that a join was wrong: whoever replays the log with it sees a past in which it never was, for
no fold can be taken back.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from sys import intern
from typing import Final, Self

import msgspec

from tailorbird.config import IdentityConfig
from tailorbird.protocols import Log
from tailorbird.types import DAY_SECONDS, NOBODY, Entry, person_key

KIND: Final = "separation"
"""The kind of record that takes two ids apart, or lets them be one again."""

_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


class Separation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody knows that this anonymous id is not this user (``apart``), or that it is after all."""

    anonymous_id: str
    user_id: str
    at: float
    apart: bool = True
    reason: str = ""

    @property
    def pair(self) -> tuple[str, str]:
        """Both person keys."""
        return person_key(None, self.anonymous_id), person_key(self.user_id, None)

    def entry(self) -> Entry:
        """As the log takes it: the newest about two ids stands."""
        return Entry(KIND, f"{self.anonymous_id}\x1f{self.user_id}", self.at, _ENCODER.encode(self))


@dataclass(slots=True)
class Device:
    """An anonymous id that a user was seen with: the last one, since when, by what evidence, and last when.

    ``others`` are users seen there before, with the last time of each, for as long as that matters; ``own`` is the
    number of what was done there by nobody in particular.
    """

    user: int
    since: float
    at: float
    evidence: str
    others: dict[int, float] | None = None
    own: int = NOBODY


class Identities:
    """Numbers of people by their keys. Takes what the log says of ids in its order, and nothing else.

    ``keys`` are person keys by number; after a join two keys have one number, and the other number is never used again.
    """

    def __init__(
        self, config: IdentityConfig | None = None, separations: Iterable[Separation] = (), told_seq: int = 0
    ) -> None:
        """Nobody yet; ``separations`` are the newest of each pair of ids, and hold from the beginning.

        They include what every record up to ``told_seq`` says. A number, for clocks may go back.
        """
        self.keys: list[str] = []
        self._shared_seconds = (config or IdentityConfig()).shared_days * DAY_SECONDS
        self._told = {separation.pair: separation for separation in separations}
        self._told_seq = told_seq
        self._apart = {pair for pair, separation in self._told.items() if separation.apart}
        self._number: dict[str, int] = {}
        self._devices: dict[str, Device] = {}
        # Devices by user, also those that have gone to others since: most users have one.
        self._seen_with: dict[int, list[str]] = {}
        self._units: dict[int, str] = {}

    @classmethod
    def of(cls, log: Log, config: IdentityConfig) -> Self:
        """For a replay of this log from its beginning."""
        seq = log.last_seq()
        return cls(config, (msgspec.json.decode(body, type=Separation) for body in log.newest(KIND)), seq)

    def find(self, key: str) -> int:
        """The number of a person, or NOBODY."""
        return self._number.get(key, NOBODY)

    def number(self, key: str) -> int:
        """The number of a person, given out now for a key that is new."""
        number = self._number.get(key)
        return self._give(key) if number is None else number

    def unit(self, number: int) -> str:
        """The id under which this person was first met: who logs in stays in the arm that they saw before."""
        return self._units.get(number) or self.keys[number]

    def join(self, anonymous: str, known: str, at: float, evidence: str) -> int:
        """From now on both keys are one person, if nothing speaks against it.

        Returns the number whose past is now the known one's, or NOBODY where there is none to take over.
        """
        new = known not in self._number
        mine = self.number(known)
        if self._apart and (anonymous, known) in self._apart:
            return NOBODY
        device = self._devices.get(anonymous)
        if device is None:
            return self._first_seen(anonymous, Device(mine, at, at, intern(evidence)), new=new)
        if device.user != mine:
            device.others = {**(device.others or {}), device.user: device.at}
            device.others.pop(mine, None)
            device.user, device.since, device.at, device.evidence = mine, at, at, intern(evidence)
            self._seen_with.setdefault(mine, []).append(anonymous)
        device.at = max(device.at, at)
        if device.others:
            self._share(anonymous, device)
        return NOBODY

    def separate(self, separation: Separation, seq: int) -> bool:
        """Take two ids apart from record ``seq`` on, or let them be one.

        Returns whether that is news, so that the past has to change.
        """
        before = self._told.get(separation.pair)
        if seq <= self._told_seq or before == separation:
            return False
        self._told[separation.pair] = separation
        if not separation.apart:
            self._apart.discard(separation.pair)
            return before is not None
        self._apart.add(separation.pair)
        anonymous, known = separation.pair
        device, user = self._devices.get(anonymous), self.find(known)
        if device is not None and device.user == user:
            del self._devices[anonymous]
            self._give(anonymous)
        elif device is not None and device.others:
            device.others.pop(user, None)
        return True

    def is_apart(self, anonymous: str, known: str) -> bool:
        """Whether these keys were taken apart."""
        return (anonymous, known) in self._apart

    def devices(self, known: str) -> Iterator[tuple[str, Device]]:
        """The devices on which this user was the last one seen, by their keys; shared ones too."""
        number = self.find(known)
        for anonymous in dict.fromkeys(self._seen_with.get(number, ())):
            device = self._devices.get(anonymous)
            if device is not None and device.user == number:
                yield anonymous, device

    def is_shared(self, anonymous: str) -> bool:
        """Whether what is done there while nobody is logged in is nobody's in particular."""
        device = self._devices.get(anonymous)
        return device is not None and device.own != NOBODY and self._number[anonymous] == device.own

    def rename(self, names: Mapping[str, str]) -> list[int]:
        """Let people go by new keys, old -> new; the numbers of those whose every key is among them."""
        gone = []
        for key, name in names.items():
            number = self._number.pop(key, None)
            if number is None:
                continue
            self._number[name] = number
            if (device := self._devices.pop(key, None)) is not None:
                self._devices[name] = device
            if self.keys[number] in names:
                gone.append(number)
        # A device that was joined to somebody keeps its key at a number that nobody has any more.
        self.keys = [names.get(key, key) for key in self.keys]
        for number in gone:
            self._units.pop(number, None)
            self._seen_with.pop(number, None)
        return gone

    def _give(self, key: str) -> int:
        number = self._number[key] = len(self.keys)
        self.keys.append(key)
        return number

    def _first_seen(self, anonymous: str, device: Device, *, new: bool) -> int:
        """The device had nobody: it is this user's, with its past."""
        theirs = self._number.get(anonymous, NOBODY)
        self._devices[anonymous] = device
        self._number[anonymous] = device.user
        self._seen_with.setdefault(device.user, []).append(anonymous)
        if new and theirs != NOBODY:
            self._units[device.user] = self.unit(theirs)
        return theirs

    def _share(self, anonymous: str, device: Device) -> None:
        """Put a device that others used too where it belongs now."""
        others = device.others or {}
        if self._shared_seconds and any(device.at - seen <= self._shared_seconds for seen in others.values()):
            if device.own == NOBODY:
                device.own = self._give(anonymous)
            self._number[anonymous] = device.own
        else:
            # Only one of them came for as long: it is theirs, and what was done there meanwhile stays nobody's.
            device.others = None
            self._number[anonymous] = device.user
