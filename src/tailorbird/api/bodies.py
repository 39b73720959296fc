"""Reading a JSON body into a Struct, with a refusal that names the field, the value and the remedy.

Decoded here and not by the framework, in one strict pass from bytes to the type the engine takes ("5" is no number);
the body is looked at a second time only to say what was wrong with it.
"""

import re
from typing import Any, Final, Generic, TypeVar

import msgspec
from litestar import Request

from tailorbird.errors import (
    BadInput,
    BrokenLine,
    IdTooLong,
    MissingField,
    TooLarge,
    UnsupportedMedia,
    WrongType,
    did_you_mean,
)

T = TypeVar("T")

JSON_TYPES: Final = ("application/json",)
_PLACE: Final = re.compile(r" - at `(key in )?\$\.?(.*)`$")
_STEP: Final = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
_MISSING: Final = re.compile(r"required field `(.+?)`")
_UNKNOWN: Final = re.compile(r"unknown field `(.+?)`")
_SHOWN_CHARACTERS: Final = 60

MOST_DEPTH: Final = 64
"""Levels of lists and objects in one body, or in one record of a batch."""

_BRACKETS: Final = re.compile(rb'[{}\[\]]|"(?:[^"\\]|\\.)*"', re.DOTALL)
"""Brackets, and strings whole, because brackets inside them do not count."""


class Body(Generic[T]):
    """What an endpoint reads. One per endpoint, made once: the decoder is compiled for the type."""

    def __init__(self, shape: type[T]) -> None:
        self.shape = shape
        self._decoder = msgspec.json.Decoder(shape)

    async def read(self, request: Request[Any, Any, Any]) -> T:
        """The body of a request.

        Raises:
            UnsupportedMedia: it says that it is not JSON.
            BadInput: one of its children, naming field and value.
        """
        check_media_type(request, JSON_TYPES)
        raw = await read_body(request)
        check_depth(raw)
        try:
            return self._decoder.decode(raw)
        except msgspec.ValidationError as error:
            raise mistake(str(error), raw, self.shape) from error
        except UNREADABLE as error:
            raise unreadable(raw, error) from error


async def read_body(request: Request[Any, Any, Any]) -> bytes:
    """The bytes of a body, as many as the shop of this request takes; a larger one is refused unread where it says so.

    Raises:
        TooLarge: it has more.
    """
    most_mb = request.scope["live"].app.config.server.max_body_mb  # type: ignore[typeddict-item]  # set by the guard
    most = int(most_mb * 2**20)
    if (request.content_length or 0) <= most:
        raw = await request.body()
        if len(raw) <= most:
            return raw
    raise TooLarge(f"The body is larger than {most_mb:g} MB.", hint="Send it in several requests.")


def check_depth(raw: bytes) -> None:
    """Refuse what is nested so deeply that others could not read it; what is kept must be read in every process.

    Raises:
        BrokenLine: it is.
    """
    if raw.count(b"{") + raw.count(b"[") <= MOST_DEPTH:
        return
    depth = 0
    for bracket in _BRACKETS.findall(raw):
        depth += 1 if bracket in b"{[" else -1 if bracket in b"}]" else 0
        if depth > MOST_DEPTH:
            raise BrokenLine(f"The body is nested more than {MOST_DEPTH} levels deep.", hint="Flatten it.")


UNREADABLE: Final = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)
"""What the decoder raises for bytes that are no JSON at all."""


def check_media_type(request: Request[Any, Any, Any], allowed: tuple[str, ...]) -> str:
    """The body's media type, without its parameters; JSON where nothing is said.

    Raises:
        UnsupportedMedia: it is none of ``allowed``.
    """
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise UnsupportedMedia(f"The body's Content-Encoding is '{encoding[:100]}'.", hint="Send it uncompressed.")
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower() or "application/json"
    if media_type in allowed or media_type.endswith("+json"):
        return media_type
    raise UnsupportedMedia(
        f"The body's Content-Type is '{media_type[:100]}'.", hint=f"Send `Content-Type: {' or '.join(allowed)}`."
    )


def unreadable(raw: bytes, error: Exception) -> BrokenLine:
    """The refusal of a body that is no JSON."""
    if not raw.strip():
        return BrokenLine("The body is empty; JSON is needed.", hint="/docs shows what this endpoint reads.")
    if isinstance(error, RecursionError):
        return BrokenLine("The body is nested too deeply to be read.", hint="Flatten it.")
    return BrokenLine(f"The body is not JSON: {str(error)[:200]}.", hint="Send UTF-8 JSON.")


def mistake(told: str, raw: bytes, shape: Any) -> BadInput:
    """The refusal of a body that is JSON of another shape; ``told`` is what msgspec says of it."""
    found = _PLACE.search(told)
    place = found[2] if found else ""
    said = told[: found.start()] if found else told
    if missing := _MISSING.search(said):
        return MissingField(f"{_join(place, missing[1])} is missing.", hint="/docs shows what this endpoint reads.")
    if unknown := _UNKNOWN.search(said):
        return BadInput(
            f"There is no field '{_join(place, unknown[1])[:100]}'.", hint=did_you_mean(unknown[1], _names(shape))
        )
    expected = said.partition(", got ")[0].replace("`", "")
    expected = expected[:1].lower() + expected[1:]
    sentence = f"{place or 'The body'} is {_shown(raw, place)}; {expected}."
    if "str of length <= 256" in expected:
        return IdTooLong(sentence, hint="Send a shorter id, for example a hash of this one.")
    return WrongType(sentence) if ", got " in said else BadInput(sentence)


def _join(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _names(shape: Any) -> list[str]:
    return list(getattr(shape, "__struct_encode_fields__", ()))


def _shown(raw: bytes, place: str) -> str:
    """The value at a place such as ``cart[2]`` as it came, shortened; where the place is a key, what holds it."""
    try:
        value = msgspec.json.decode(raw)
    except UNREADABLE:
        return "of another kind"
    for number, name in _STEP.findall(place):
        if number and isinstance(value, list):
            value = value[int(number)]
        elif isinstance(value, dict) and name in value:
            value = value[name]
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
