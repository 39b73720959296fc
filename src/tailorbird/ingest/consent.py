"""What may be kept of somebody who says what may not.

Two purposes have a meaning here. Without ``personalisation`` events are kept and count among everybody's, but slates
are a stranger's (see `decide`). Without ``analytics`` nothing is kept of what somebody does, but for the answer itself,
once: without it nobody would know tomorrow. A purpose that was not asked is not refused.
"""

from collections.abc import Callable, Mapping
from typing import Final, Self

import msgspec

from tailorbird.protocols import Log
from tailorbird.types import Event, User

ANALYTICS: Final = "analytics"
ANSWER: Final = "consent"
"""The type of an event that holds nothing but an answer."""


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

    @classmethod
    def told(cls, log: Log) -> Self:
        """With what the shop told of its users; not with what they answered on events, which only an engine knows."""
        users = (msgspec.json.decode(body, type=User) for body in log.newest("user"))
        refused = {f"u:{user.user_id}": user.consent for user in users if not user.consent.get(ANALYTICS, True)}
        return cls(lambda key: refused.get(key, {}))

    def keep(self, event: Event) -> Event | None:
        """What may be kept of it; see `kept`."""
        key = event.person
        known = self._since.get(key) or self._known(key)
        may = kept(event, known)
        if event.consent:
            self._since[key] = {**known, **event.consent}
        return may
