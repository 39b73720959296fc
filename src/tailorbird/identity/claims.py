"""What the log should take when somebody says that two ids are one person, or that they are not."""

from typing import Final

import msgspec

from tailorbird.identity.joins import Separation
from tailorbird.protocols import Log
from tailorbird.types import Entry, Identity

_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


def entry_of_identity(identity: Identity) -> Entry:
    """The log entry of an identity. Its key is the anonymous id, so that the newest claim about it stands."""
    return Entry("identity", identity.anonymous_id, identity.at, _ENCODER.encode(identity))


def claim(log: Log, identity: Identity, *, at: float, rejoin: bool) -> tuple[list[Entry], str]:
    """What the log should take, and what that makes of two ids of which somebody says that they are one.

    ``joined``; ``known`` where it was said before; ``apart`` where the shop took them apart: only with ``rejoin`` may
    they be one again, from ``at`` on.
    """
    pair = {"anonymous_id": identity.anonymous_id, "user_id": identity.user_id}
    entry = entry_of_identity(identity)
    if _apart(log, **pair):
        again = Separation(**pair, at=at, apart=False)
        return ([again.entry(), entry], "joined") if rejoin else ([], "apart")
    before = log.current("identity", identity.anonymous_id)
    known = before is not None and msgspec.json.decode(before, type=Identity).user_id == identity.user_id
    return ([], "known") if known else ([entry], "joined")


def separation(log: Log, anonymous_id: str, user_id: str, *, at: float, reason: str = "") -> list[Entry]:
    """What the log should take so that these two ids are two people, as if they had never been one.

    Empty where they are apart already. The past follows once the engine is built anew.
    """
    if _apart(log, anonymous_id, user_id):
        return []
    return [Separation(anonymous_id=anonymous_id, user_id=user_id, at=at, reason=reason).entry()]


def _apart(log: Log, anonymous_id: str, user_id: str) -> bool:
    entry = Separation(anonymous_id=anonymous_id, user_id=user_id, at=0.0).entry()
    body = log.current(entry.kind, entry.key)
    return body is not None and msgspec.json.decode(body, type=Separation).apart
