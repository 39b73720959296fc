"""What a shop tells us about its users, and which anonymous ids are theirs."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from tailorbird.errors import MissingField
from tailorbird.ingest.fields import (
    Reader,
    check_plausible,
    read_consent,
    read_fields,
    read_id,
    read_object,
    read_time,
    read_word,
)
from tailorbird.types import Entry, Identity, User

FIELDS: Final[Mapping[str, Reader]] = {
    "user_id": read_id,
    "traits": read_object,
    "preferences": read_object,
    "locale": read_word,
    "currency": read_word,
    "region": read_word,
    "consent": read_consent,
    "created_at": read_time,
}
"""Every field that means something, with what reads it. Any other is kept in ``traits``."""

IDENTITY_FIELDS: Final[Mapping[str, Reader]] = {
    "anonymous_id": read_id,
    "user_id": read_id,
    "at": read_time,
    "evidence": read_word,
}
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


def parse_user(raw: Mapping[str, Any]) -> User:
    """Check one user as it came and return it in our shape.

    Raises:
        BadInput: one of its children, naming the field and the remedy; traits are never repeated.
    """
    fields = read_fields("A user", raw, FIELDS, rest="traits")
    if "user_id" not in fields:
        raise MissingField("user_id is missing.", hint="Every user needs one.")
    return User(**fields)


def entry_of_user(user: User, *, at: float) -> Entry:
    """The log entry of this version of a user, which holds from ``at`` on."""
    return Entry("user", user.user_id, at, _ENCODER.encode(user))


def parse_identity(raw: Mapping[str, Any], *, now: float) -> Identity:
    """Check the claim that an anonymous id is a user; it holds from ``at`` (``now`` if not given) on.

    Raises:
        BadInput: one of its children, naming the field and the remedy.
    """
    fields = read_fields("An identity", raw, IDENTITY_FIELDS, rest="properties")
    fields.pop("properties", None)
    for name in ("anonymous_id", "user_id"):
        if name not in fields:
            raise MissingField(f"{name} is missing.", hint="An identity joins an anonymous_id and a user_id.")
    if "at" in fields:
        check_plausible("at", fields["at"], raw["at"], now)
    return Identity(**{"at": now, **fields})
