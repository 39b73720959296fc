"""What may be kept of somebody who says what may not.

Two purposes have a meaning here. Without ``personalisation`` events are kept and count among everybody's, but slates
are a stranger's (see `decide`). Without ``analytics`` nothing is kept of what somebody does, but for the answer itself,
once: without it nobody would know tomorrow. A purpose that was not asked is not refused.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from tailorbird.config import IdentityConfig
from tailorbird.identity.answers import Consents
from tailorbird.identity.joins import Identities
from tailorbird.protocols import Log
from tailorbird.types import Event, person_key

ANALYTICS: Final = "analytics"
ANSWER: Final = "consent"
"""The type of an event that holds nothing but an answer."""


_CHUNK: Final = 5_000
_SAYS_WHO: Final = frozenset({"event", "expired", "identity", "user"})


class _Heard(msgspec.Struct, frozen=True):
    """Of any record, who it is about and what they answered."""

    user_id: str | None = None
    anonymous_id: str | None = None
    consent: dict[str, bool] = {}


_HEARD: Final = msgspec.json.Decoder(_Heard)


def kept(event: Event, known: Mapping[str, bool]) -> Event | None:
    """What may be kept of an event by somebody whose answers so far are ``known``; None for nothing.

    >>> view = Event(type="item_view", at=1.7e9, user_id="u", item_id="i", consent={"analytics": False})
    >>> answer = kept(view, {})
    >>> answer.type, answer.item_id, kept(view, answer.consent)
    ('consent', None, None)
    """
    if event.consent.get(ANALYTICS, known.get(ANALYTICS, True)):
        return event
    if not known.get(ANALYTICS, True):
        return None
    return Event(
        type=ANSWER,
        at=event.at,
        event_id=event.event_id,
        user_id=event.user_id,
        anonymous_id=event.anonymous_id,
        consent=event.consent,
    )


class Answers:
    """Judges the events of one request or one import, in their order; what one of them answers holds for the next."""

    def __init__(self, known: Callable[[str], Mapping[str, bool]]) -> None:
        """``known`` gives the answers so far of a person key."""
        self._known = known
        self._since: dict[str, dict[str, bool]] = {}

    def keep(self, event: Event) -> Event | None:
        """What may be kept of it; see `kept`."""
        key = event.person
        known = self._since.get(key) or self._known(key)
        if not (known or event.consent):
            return event
        may = kept(event, known)
        if event.consent:
            self._since[key] = {**known, **event.consent}
        return may


class LoggedAnswers(Answers):
    """The same without an engine: who answered what, and which devices are whose, read from the log itself.

    Takes as long as one reading of the log.
    """

    def __init__(self, log: Log, config: IdentityConfig) -> None:
        """Read it."""
        self._consents = Consents(Identities.of(log, config))
        super().__init__(self._consents.of)
        seq = 0
        while records := log.read(seq, _CHUNK):
            for record in records:
                if record.kind in _SAYS_WHO and _is_of_use(record.body):
                    self._hear(_HEARD.decode(record.body), record.at)
            seq = records[-1].seq

    def keep(self, event: Event) -> Event | None:
        """What may be kept of it; what it says of a device and its user holds from the next event on."""
        may = kept(event, self._consents.of(event.person))
        self._hear(event, event.at)
        return may

    def _hear(self, said: "Event | _Heard", at: float) -> None:
        if said.user_id and said.anonymous_id:
            self._consents.join(person_key(None, said.anonymous_id), person_key(said.user_id, None), at, "")
        self._consents.say(person_key(said.user_id, said.anonymous_id), said.consent)


def _is_of_use(body: bytes) -> bool:
    """Whether a record may say who answered what or whose a device is; a look at its bytes instead of reading it."""
    return b'"consent":' in body or (b'"user_id":' in body and b'"anonymous_id":' in body)
