"""What each endpoint says of itself, in one place: who may call it, what it reads, how it can fail.

Handlers are declared with ``**speaks(...)``; the guard, the OpenAPI document and its test all read the same words, so
that a document cannot promise what the server does not do.
"""

from collections.abc import Mapping
from typing import Any, Final, TypedDict

from tailorbird.api.bodies import Body
from tailorbird.api.keys import ALLOWED, Guard, guard
from tailorbird.errors import (
    BadInput,
    BrokenLine,
    Forbidden,
    IdTooLong,
    MissingField,
    TailorbirdError,
    TooLarge,
    TooManyRequests,
    Unauthorised,
    UnsupportedMedia,
    WrongType,
)

WORDS: Final = "tailorbird"
"""Key of a handler's ``opt`` that holds these words."""


class Words(TypedDict):
    """What `document` reads. ``reads`` maps a media type to a type or a ready JSON schema."""

    reads: Mapping[str, Any]
    gives: Mapping[str, Any]
    query: Mapping[str, str]
    fails: tuple[type[TailorbirdError], ...]
    key: str


class Spoken(TypedDict):
    """Keyword arguments of a Litestar handler."""

    guards: list[Guard]
    opt: dict[str, Any]


_GUARDS: Final[Mapping[str, list[Guard]]] = {"none": [], **{needs: [guard(needs)] for needs in ALLOWED}}
"""Who may call, by what the endpoint needs; everybody where it needs nothing."""


_BODY_FAILURES: Final[tuple[type[TailorbirdError], ...]] = (
    BadInput,
    BrokenLine,
    IdTooLong,
    MissingField,
    TooLarge,
    UnsupportedMedia,
    WrongType,
)


def speaks(
    *,
    key: str,
    reads: Body[Any] | Mapping[str, Any] | None = None,
    gives: Mapping[str, Any] | None = None,
    query: Mapping[str, str] | None = None,
    fails: tuple[type[TailorbirdError], ...] = (),
) -> Spoken:
    """The arguments of a handler that reads and fails so; ``key`` is one of the names in `_GUARDS`.

    ``gives`` maps media types to types; without it the handler's return annotation counts, as JSON. Failures that
    follow from ``key``, ``reads`` and ``query`` are added.
    """
    body = {"application/json": reads.shape} if isinstance(reads, Body) else dict(reads or {})
    implied = _BODY_FAILURES if body else (BadInput,) if query else ()
    if key != "none":
        implied += (Unauthorised, Forbidden, TooManyRequests)
    words = Words(reads=body, gives=gives or {}, query=query or {}, fails=(*implied, *fails), key=key)
    return Spoken(guards=_GUARDS[key], opt={WORDS: words})
