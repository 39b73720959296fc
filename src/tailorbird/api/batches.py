"""Many records in one body: a list, an object around a list, or one JSON document per line.

One bad record must not cost the good ones beside it, so the body is first cut into records without being built, and
each is then decoded and judged on its own. That happens in slices, between which the event loop serves others: eight
megabytes of events would otherwise hold up every slate for a tenth of a second.
"""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Generic, NamedTuple, TypeVar

import msgspec
from litestar import Request

from tailorbird.api.bodies import UNREADABLE, check_depth, check_media_type, read_body, unreadable
from tailorbird.api.wire import Rejection
from tailorbird.errors import BadInput, BrokenLine, MissingField, TooLarge, WrongType

T = TypeVar("T")

LINES_TYPES: Final = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")
BATCH_TYPES: Final = ("application/json", *LINES_TYPES, "text/plain")
"""text/plain, because a page that is being left can only send that (navigator.sendBeacon)."""

ENCODED: Final = (bytes, msgspec.Raw)
"""What the records of a body are while they are JSON; the others were read with it."""

_SLICE: Final = 100
_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ANY: Final = msgspec.json.Decoder()


class Judged(NamedTuple, Generic[T]):
    """The good records with their places in the request, and the refusals of the others."""

    good: list[tuple[int, T]]
    rejected: list[Rejection]


async def read_records(request: Request[Any, Any, Any], *, name: str, mark: str, most: int) -> Sequence[Any]:
    """The records of a request's body, most of them still encoded; `decoded` reads them.

    ``name`` is the field that holds them when an object is around them; an object without it that has the field
    ``mark`` is a single record.

    Raises:
        TooLarge: there are more than ``most``.
        BadInput: the body as a whole cannot be read.
    """
    media_type = check_media_type(request, BATCH_TYPES)
    raw = await read_body(request)
    if media_type in LINES_TYPES:
        records: Sequence[Any] = _lines(raw)
    else:
        try:
            records = _documents(raw, name=name, mark=mark)
        except BrokenLine:
            body = await asyncio.to_thread(_read_with_nan, raw)
            if body is None:
                raise
            inner = body if isinstance(body, list) else body.get(name)
            records = inner if isinstance(inner, list) else [body]
    if len(records) > most:
        raise TooLarge(f"The body holds {len(records)} {name}; {most} are allowed.", hint="Send several requests.")
    return records


async def read_messages(
    request: Request[Any, Any, Any], cut: Callable[[Any], Iterator[Any]], *, most: int
) -> Sequence[Any]:
    """The messages of a request's body in another system's format; ``cut`` finds those of one document.

    A document is the body, an element of the list that the body is, or one of its lines. A line that cannot be read is
    a message of its own, a `BadInput` to be raised in its place.

    Raises:
        TooLarge: there are more than ``most``.
        BadInput: the body as a whole cannot be read.
    """
    media_type = check_media_type(request, BATCH_TYPES)
    raw = await read_body(request)
    messages = [message for document in _whole(raw, media_type) for message in cut(document)]
    if len(messages) > most:
        raise TooLarge(f"The body holds {len(messages)} messages; {most} are allowed.", hint="Send several requests.")
    return messages


def _whole(raw: bytes, media_type: str) -> list[Any]:
    if media_type not in LINES_TYPES:
        try:
            body = _ANY.decode(raw)
        except UNREADABLE as error:
            lines = _lines(raw)
            if len(lines) < 2 or not _is_json(lines[0]):  # several lines, of which the first can be read
                raise unreadable(raw, error) from error
        else:
            return body if isinstance(body, list) else [body]
    return [_read_or_refused(line) for line in _lines(raw)]


def _read_or_refused(line: bytes) -> Any:
    try:
        return _ANY.decode(line)
    except UNREADABLE as error:
        return unreadable(line, error)


async def judge(records: Sequence[Any], parse: Callable[[Any], T]) -> Judged[T]:
    """Parse each record; what ``parse`` refuses with a `BadInput` is told with its place."""
    judged: Judged[T] = Judged([], [])
    for start in range(0, len(records), _SLICE):
        if start:
            await asyncio.sleep(0)
        for index in range(start, min(start + _SLICE, len(records))):
            try:
                judged.good.append((index, parse(records[index])))
            except BadInput as error:
                judged.rejected.append(Rejection(index, error.code, str(error)))
    return judged


def _read_with_nan(raw: bytes) -> list[Any] | dict[str, Any] | None:
    """A body with NaN or Infinity in it, which some programs write and JSON does not have; None if it is no such thing.

    The numbers stay what they are, and are refused where they stand: one bad price must not cost the good records.
    """
    if b"NaN" not in raw and b"Infinity" not in raw:
        return None
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, list | dict) else None


def decoded(record: Any) -> Any:
    """One of `read_records`, as Python values.

    Raises:
        BrokenLine: it is no JSON.
    """
    if not isinstance(record, ENCODED):
        return record
    raw = bytes(record)
    check_depth(raw)
    try:
        return _ANY.decode(raw)
    except UNREADABLE as error:
        raise unreadable(raw, error) from error


def _lines(raw: bytes) -> list[bytes]:
    return [line for line in raw.splitlines() if line.strip()]


def _documents(raw: bytes, *, name: str, mark: str) -> Sequence[Any]:
    text = raw.lstrip()
    try:
        if text.startswith(b"["):
            return _LIST.decode(text)
        outer = _OBJECT.decode(text)
    except msgspec.ValidationError as error:
        raise WrongType(f"The body is neither an object nor a list: {str(text[:60])[2:-1]}.") from error
    except UNREADABLE as error:
        lines = _lines(raw)
        if len(lines) > 1 and _is_json(lines[0]):
            return lines
        raise unreadable(raw, error) from error
    return _unwrapped(text, outer, name=name, mark=mark)


def _unwrapped(text: bytes, outer: dict[str, msgspec.Raw], *, name: str, mark: str) -> Sequence[Any]:
    if name not in outer:
        if mark in outer:
            return [text]
        raise MissingField(f"{name} is missing.", hint=f'Send {{"{name}": [...]}}, a list, or one object per line.')
    try:
        return _LIST.decode(outer[name])
    except msgspec.ValidationError as error:
        raise WrongType(f"{name} is {bytes(outer[name])[:60].decode(errors='replace')}; a list is needed.") from error


def _is_json(line: bytes) -> bool:
    try:
        _ANY.decode(line)
    except UNREADABLE:
        return False
    return True
