"""What can go wrong, each with a stable code, a sentence that names the value, and a remedy.

One tree, so that the command line, the HTTP API and the importer's report tell the same story. ``code`` is what scripts
match on and never changes; ``message`` says what happened with the value; ``hint`` says what to do next. None of the
three may hold personal data: ids are named, contents are not.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar


class TailorbirdError(Exception):
    """Anything Tailorbird refuses or cannot do, told to the person who asked.

    ``status`` is the HTTP status the API answers with; ``exit_code`` is what a command ends with.
    """

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 2

    def __init__(self, message: str, *, hint: str = "") -> None:
        """Keep the sentence and the remedy apart, so that each surface can lay them out its own way."""
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """The message, then the remedy."""
        return f"{self.message} {self.hint}".strip()


class BadInput(TailorbirdError):
    """A value that the caller sent is not usable."""

    code = "bad_input"
    status = 400


class MissingField(BadInput):
    """A field that this type of record needs is absent."""

    code = "missing_field"

    def __init__(self, message: str, *, hint: str = "", field: str = "") -> None:
        """``field`` is what is absent, where a report tells such rows apart by it."""
        super().__init__(message, hint=hint)
        self.field = field


class WrongType(BadInput):
    """A field holds another type than it must."""

    code = "wrong_type"


class IdTooLong(BadInput):
    """An id has more than 256 characters."""

    code = "id_too_long"


class BadTime(BadInput):
    """A time could not be read as ISO 8601 or an epoch number."""

    code = "bad_time"


class ImplausibleTime(BadInput):
    """A time lies before 2000 or more than a day ahead."""

    code = "implausible_time"


class BadNumber(BadInput):
    """A number could not be read, or is not finite, or lies outside its range."""

    code = "bad_number"


class BrokenLine(BadInput):
    """A line or row of a file could not be parsed at all."""

    code = "broken_line"


class BadEncoding(BadInput):
    """A file is not UTF-8 and no other encoding was given."""

    code = "bad_encoding"


class UnreadableFile(BadInput):
    """A file is not there, may not be opened, or is damaged."""

    code = "unreadable_file"


class UnknownFormat(BadInput):
    """A file's format was not recognised, or was asked for by a name that does not exist."""

    code = "unknown_format"


class UnknownColumn(BadInput):
    """A mapping names a column that the table does not have."""

    code = "unknown_column"


class SecretKeyNeeded(BadInput):
    """An event of this kind is only taken with a secret key."""

    code = "secret_key_needed"


class UnknownSource(BadInput):
    """A source of the catalogue that the shop's settings do not name."""

    code = "unknown_source"


class UnmatchedItem(BadInput):
    """A source's item has no counterpart among the shop's, and the settings say to reject such."""

    code = "unmatched_item"


class ConflictingEvent(TailorbirdError):
    """The same event_id came before with other content; the first one stays."""

    code = "conflicting_event"
    status = 409


class InvalidConfig(TailorbirdError):
    """The configuration has one or more mistakes; all of them are in the message."""

    code = "invalid_config"


class UnknownSurface(BadInput):
    """No policy is configured for the surface that was asked for."""

    code = "unknown_surface"


class UnknownModel(BadInput):
    """A model name that does not exist."""

    code = "unknown_model"


class NotFound(TailorbirdError):
    """The thing named by the request does not exist."""

    code = "not_found"
    status = 404
    exit_code = 1


class Unauthorised(TailorbirdError):
    """No key, or one that is not known."""

    code = "unauthorised"
    status = 401


class Forbidden(TailorbirdError):
    """The key is known, but it may not do this."""

    code = "forbidden"
    status = 403


class TooLarge(TailorbirdError):
    """A body or a batch is over its limit."""

    code = "too_large"
    status = 413


class UnsupportedMedia(TailorbirdError):
    """The body's content type is not one that the endpoint reads."""

    code = "unsupported_media_type"
    status = 415


class TooManyRequests(TailorbirdError):
    """The caller is over its rate."""

    code = "too_many_requests"
    status = 429

    def __init__(
        self, message: str, *, hint: str = "", limit: str = "", value: float = 0.0, retry_seconds: float = 1.0
    ) -> None:
        """``limit`` is the setting that says no, ``value`` what it is set to, ``retry_seconds`` when to come again."""
        super().__init__(message, hint=hint)
        self.limit, self.value, self.retry_seconds = limit, value, retry_seconds


class QuotaExceeded(TooManyRequests):
    """The shop holds, or took today, as much as it may."""

    code = "quota_exceeded"


class Unavailable(TailorbirdError):
    """The engine cannot serve this now, but will: the disk is full, the log is locked, the state is being rebuilt."""

    code = "unavailable"
    status = 503


class LeakingFeature(TailorbirdError):
    """A feature knows what the ranker is to find out."""

    code = "leaking_feature"


class NotEnoughEvents(TailorbirdError):
    """There is too little data for what was asked."""

    code = "not_enough_events"
    exit_code = 1


class TooManyItems(TailorbirdError):
    """A model cannot be made for a catalogue of this size."""

    code = "too_many_items"
    exit_code = 1


class BadModelFile(TailorbirdError):
    """A stored model is corrupt, foreign, or was made by an incompatible version."""

    code = "bad_model_file"


class NotInstalled(TailorbirdError):
    """A package is missing that only an extra of Tailorbird brings."""

    code = "not_installed"


class NoShop(TailorbirdError):
    """The shop directory holds no shop, so that there is nothing to read."""

    code = "no_shop"


class PortInUse(TailorbirdError):
    """Another process listens on the port that the server wants."""

    code = "port_in_use"


def did_you_mean(value: str, allowed: Iterable[str]) -> str:
    """A remedy for a mistyped name: the nearest allowed one if there is one, and the list.

    >>> did_you_mean("hom", ["home", "cart"])
    "Did you mean 'home'? Allowed: cart, home."
    """
    names = sorted(allowed)
    near = nearest(value, names)
    guess = f"Did you mean '{near}'? " if near else ""
    return f"{guess}Allowed: {', '.join(names)}."


def nearest(value: str, allowed: Iterable[str], *, likeness: float = 0.6) -> str:
    """The allowed name that a mistyped one resembles most, or nothing; ``likeness`` lies between 0 and 1.

    >>> nearest("hom", ["home", "cart"]), nearest("search", ["home", "cart"])
    ('home', '')
    """
    return next(iter(get_close_matches(value, sorted(allowed), n=1, cutoff=likeness)), "")
