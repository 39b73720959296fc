"""Reading one field: what came, under which name, as the type that the records want.

Chosen over a schema library because a refusal must name the field, the value and the remedy in a sentence, and because
strings out of a CSV file, JSON out of a browser and columns out of Parquet have to end as the same record. A reader is
called with (name, value) and returns None for a value that says nothing, such as an empty string. Contents of free text
are never repeated in an error: they may be personal.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, Final, TypeAlias

from tailorbird.errors import BadInput, BadNumber, BadTime, IdTooLong, ImplausibleTime, WrongType, nearest
from tailorbird.types import DAY_SECONDS, MAX_ID_CHARACTERS

Reader: TypeAlias = Callable[[str, Any], Any]

EARLIEST: Final = 946_684_800.0
"""2000-01-01: no shop's event is older, but many a broken clock is."""

MAX_DEPTH: Final = 16
"""Levels of lists and objects in a free field."""

PURPOSES: Final = ("analytics", "personalisation")
"""The purposes of consent that have a meaning here; any other is kept for the shop."""

_SHOWN_CHARACTERS: Final = 40
_SLIP: Final = 0.72  # `personalised` is meant for `personalisation`; `personalised_ads` is another purpose
_SECONDS_BELOW: Final = 1e11
_MILLISECONDS_BELOW: Final = 1e14
_MICROSECONDS_BELOW: Final = 1e17
_ORDER_BELOW: Final = 1e8  # 1973 in seconds: such a number counts something else
_INT64: Final = 2**63
_NUMBER: Final = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")
_COMMA_NUMBER: Final = re.compile(r"\d,\d")
_SCHEME: Final = re.compile(r"\s*([a-zA-Z][a-zA-Z0-9+.-]*):")
_DIGITS: Final = re.compile(r"[+-]?\d+(\.\d*)?")
_YES: Final = frozenset({"true", "yes", "y", "1", "t", "in stock", "in_stock", "instock", "available"})
_BITS: Final = {0: "no", 1: "yes"}
_NO: Final = frozenset({"false", "no", "n", "0", "f", "out of stock", "out_of_stock", "outofstock", "unavailable"})


def shown(value: Any) -> str:
    """A value as an error may show it: at most 40 characters, no line breaks.

    >>> shown("12,50 EUR")
    "'12,50 EUR'"
    """
    if not isinstance(value, str | int | float | bool):
        return f"of type {_type_name(value)}"
    if isinstance(value, int) and value.bit_length() > 200:
        return "a whole number of more than 60 digits"
    text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."


def as_in_file(error: BadInput, theirs: Mapping[str, str]) -> BadInput:
    """The same error, with the name that the file has for the field it is about; ``theirs`` is by our names.

    >>> as_in_file(BadInput("list_price is 'x'."), {"list_price": "price"}).message
    "list_price (price in the file) is 'x'."
    """
    name, _, rest = error.message.partition(" ")
    if (named := theirs.get(name, name)) != name:
        error.message = f"{name} ({named} in the file) {rest}"
    return error


def read_id(name: str, value: Any) -> str | None:
    """An id: a string of up to 256 characters. Whole numbers become strings, also 17850.0 out of a column with gaps."""
    if type(value) is not str:
        value = _id_of_number(name, value)
    if len(value) > MAX_ID_CHARACTERS:
        raise IdTooLong(
            f"{name} has {len(value)} characters (it begins {value[:20]!a}); {MAX_ID_CHARACTERS} are allowed.",
            hint="Send a shorter id, for example a hash of this one.",
        )
    if not value.isprintable():
        _refuse_unstorable(name, value)
    return value if value and not value.isspace() else None


def read_word(name: str, value: Any) -> str | None:
    """A short name, such as an event's type or a currency: a string of up to 256 characters."""
    if type(value) is not str:
        raise WrongType(f"{name} is {shown(value)}; a string is needed.")
    return read_id(name, value.strip())


def read_text(name: str, value: Any) -> str | None:
    """Free text of any length. Numbers become text: a title may be 1984."""
    if type(value) is not str:
        if type(value) not in (int, float):
            raise WrongType(f"{name} is {_type_name(value)}; text is needed.")
        number = read_number(name, value) or 0.0
        value = _id_of_number(name, value) if number.is_integer() else repr(value)
    if not value.isprintable():
        _refuse_unstorable(name, value)
    return value or None


def read_link(name: str, value: Any) -> str | None:
    """An address on the web or on the shop's own site; anything that a browser would run is refused."""
    text = read_text(name, value)
    scheme = _SCHEME.match(text) if text else None
    if scheme and scheme[1].lower() not in ("http", "https"):
        raise WrongType(f"{name} has the scheme {scheme[1][:20]!r}; http, https or a path is needed.")
    return text


def read_number(name: str, value: Any) -> float | None:
    """A finite number; also as a string with a decimal point."""
    if type(value) is str:
        if not value or value.isspace():
            return None
        if not _NUMBER.fullmatch(value):
            raise _not_a_number(name, value)
    elif type(value) is not float and type(value) is not int:
        raise WrongType(f"{name} is {shown(value)}; a number is needed.")
    number = float_or_zero(value, otherwise=math.inf)
    if not math.isfinite(number):
        raise BadNumber(
            f"{name} is {shown(value)}; a finite number is needed.",
            hint="Leave the field out where the value is not known.",
        )
    return number


def read_positive(name: str, value: Any) -> float | None:
    """A number that is 0 or more: a price, a duration."""
    number = read_number(name, value)
    if number is not None and number < 0:
        raise BadNumber(f"{name} is {shown(value)}; it cannot be below 0.")
    return number


def read_whole(name: str, value: Any) -> int | None:
    """A whole number that is 0 or more and fits in 64 bits: a position."""
    number = read_positive(name, value)
    if number is None:
        return None
    if not number.is_integer() or number >= _INT64:
        raise BadNumber(f"{name} is {shown(value)}; a whole number is needed.")
    return int(number)


def read_flag(name: str, value: Any) -> bool | None:
    """Yes or no, in the words that files use for it."""
    if type(value) is bool:
        return value
    if value is None or (type(value) is str and (not value or value.isspace())):
        return None
    word = value.strip().lower() if type(value) is str else _BITS.get(value, "") if type(value) in (int, float) else ""
    if word in _YES or word in _NO:
        return word in _YES
    raise WrongType(f"{name} is {shown(value)}; true or false is needed.")


def read_plain(name: str, value: Any, depth: int = 0) -> Any:
    """A free field: anything that JSON can hold. Numbers that JSON cannot hold are refused, huge ones become text."""
    kind = type(value)
    if kind is str:
        if not value.isprintable():
            _refuse_unstorable(name, value)
        return value
    if kind is bool or value is None:
        return value
    if kind is int:
        return value if -_INT64 <= value < _INT64 else _id_of_number(name, value)
    if kind is float:
        return read_number(name, value)
    if depth >= MAX_DEPTH:
        raise WrongType(f"{name} is nested deeper than {MAX_DEPTH} levels.", hint="Send a flatter object.")
    if isinstance(value, list | tuple):
        return [read_plain(name, one, depth + 1) for one in value]
    if isinstance(value, Mapping):
        return {_key(name, key): read_plain(name, one, depth + 1) for key, one in value.items()}
    raise WrongType(f"{name} is {_type_name(value)}, which JSON cannot hold.")


def read_object(name: str, value: Any) -> dict[str, Any]:
    """An object with free fields."""
    if not isinstance(value, Mapping):
        raise WrongType(f"{name} is {_type_name(value)}; an object is needed.")
    plain: dict[str, Any] = read_plain(name, value)
    return plain


def read_consent(name: str, value: Any) -> dict[str, bool]:
    """Purposes with yes or no; a purpose without an answer was not asked.

    ``personalisation`` and ``analytics`` are known in any case, the first also as ``personalization``; what looks like
    a slip of one of them is refused: a refusal that nobody hears is worse than an error.
    """
    answers: dict[str, bool] = {}
    for purpose, said in read_object(name, value).items():
        answer = read_flag(f"{name}.{purpose}", said)
        if answer is not None:
            meant = _purpose(name, purpose)
            answers[meant] = answer and answers.get(meant, True)
    return answers


def read_path(name: str, value: Any) -> tuple[str, ...]:
    """A category path, root first: a list, or text such as ``"Home > Kitchen"`` or ``"Action|Comedy"``."""
    if type(value) is str:
        separator = next((mark for mark in (">", "|") if mark in value), None)
        value = value.split(separator) if separator else [value]
    return _strings(name, value)


def read_set(name: str, value: Any) -> tuple[str, ...]:
    """Several words in their order: a list, or text separated by ``|``, ``;`` or ``,``."""
    if type(value) is str:
        separator = next((mark for mark in "|;," if mark in value), None)
        value = value.split(separator) if separator else [value]
    return _strings(name, value)


def read_translations(name: str, value: Any) -> dict[str, dict[str, Any]]:
    """Texts by locale: ``{"de": {"title": ..., "description": ..., "categories": [...]}}``, or ``"de.title"``."""
    found: dict[str, dict[str, Any]] = {}
    for key, said in read_object(name, value).items():
        place, dot, inner = key.partition(".")
        locale = place.strip().replace("_", "-").lower()
        texts = {inner: said} if dot else said
        if not locale or not isinstance(texts, Mapping | None):
            raise WrongType(f"{name}.{key} is {shown(said)}; an object with texts is needed, by the name of a locale.")
        for field, text in (texts or {}).items():
            if field not in _TRANSLATED:
                allowed = ", ".join(_TRANSLATED)
                raise WrongType(f"{name}.{locale} has the field {shown(field)}; {allowed} can be translated.")
            if text is not None and (read := _TRANSLATED[field](f"{name}.{locale}.{field}", text)):
                found.setdefault(locale, {})[field] = list(read) if isinstance(read, tuple) else read
    return found


def read_time(name: str, value: Any) -> float | None:
    """UTC epoch seconds of ISO 8601, or of an epoch number in seconds, milliseconds or microseconds by its magnitude.

    A time without a zone is UTC; one that ends in " UTC", as warehouses write it, is read too.
    """
    if type(value) is str:
        text = value.strip()
        if not text:
            return None
        # Eight digits are a date (20240131): as a number of seconds they would lie in 1970.
        if not _DIGITS.fullmatch(text) or len(text) == 8:
            return _read_iso(name, text)
        value = text
    elif isinstance(value, datetime | date):
        return epoch_of(value)
    elif type(value) is not float and type(value) is not int:
        raise BadTime(f"{name} is {shown(value)}; ISO 8601 or an epoch number is needed.")
    number = float_or_zero(value, otherwise=math.inf)
    size = abs(number)
    if size < _SECONDS_BELOW:
        return number
    if size < _MILLISECONDS_BELOW:
        return number / 1e3
    if size < _MICROSECONDS_BELOW:
        return number / 1e6
    raise BadTime(f"{name} is {shown(value)}, which is no epoch in seconds, milliseconds or microseconds.")


def check_plausible(name: str, at: float, value: Any, now: float, *, earliest: float = EARLIEST) -> None:
    """Refuse a time before ``earliest`` or more than a day ahead of ``now``; ``value`` is what was sent."""
    if earliest <= at <= now + DAY_SECONDS:
        return
    if abs(at) < _ORDER_BELOW:
        raise ImplausibleTime(
            f"{name} is {shown(value)}, which as a time lies in the first years after 1970.",
            hint="Send when it happened. A file that only gives an order is imported with `--order-from 2024-01-01`.",
        )
    where = "before 2000" if at < EARLIEST else "more than a day ahead"
    raise ImplausibleTime(f"{name} is {shown(value)}, which lies {where}.", hint="Check the clock and the unit.")


def read_fields(what: str, raw: Any, readers: Mapping[str, Reader], *, rest: str) -> dict[str, Any]:
    """Read every field by its reader; those without one are gathered in the object named ``rest``."""
    if not isinstance(raw, Mapping):
        raise WrongType(f"{what} is {shown(raw)}; an object is needed.")
    fields: dict[str, Any] = {}
    unknown: dict[str, Any] = {}
    for name, value in raw.items():
        if value is None:
            continue
        reader = readers.get(name)
        if reader is not None:
            read = reader(name, value)
            if read is not None:
                fields[name] = read
        elif value != "":
            unknown[read_plain("The name of a field", name)] = read_plain(str(name), value)
    if unknown:
        fields[rest] = {**unknown, **fields.get(rest, {})}
    return fields


def epoch_of(when: date) -> float:
    """UTC epoch seconds of a date or a datetime; one without a zone is UTC."""
    if not isinstance(when, datetime):
        when = datetime.combine(when, datetime.min.time())
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def float_or_zero(value: Any, otherwise: float = 0.0) -> float:
    """The float of a number or of checked text; ``otherwise`` where it is too large for one."""
    try:
        return float(value)
    except OverflowError:
        return otherwise


def _read_iso(name: str, text: str) -> float:
    try:
        return epoch_of(datetime.fromisoformat(text.removesuffix(" UTC")))
    except (ValueError, OverflowError) as error:
        raise BadTime(
            f"{name} is {shown(text)}, which is no time that exists in ISO 8601.",
            hint="Write 2024-01-31T18:30:00Z, or an epoch number.",
        ) from error


@lru_cache(maxsize=256)
def _purpose(name: str, purpose: str) -> str:
    """The purpose that this one means: one of `PURPOSES`, or itself."""
    plain = purpose.strip().lower().replace("z", "s")
    if plain in PURPOSES:
        return plain
    if meant := nearest(plain, PURPOSES, likeness=_SLIP):
        raise BadInput(
            f"{name} has the purpose {shown(purpose)}, which has no meaning here and would change nothing.",
            hint=f"Did you mean '{meant}'? A purpose of your own needs a name that resembles it less.",
        )
    return purpose


def _id_of_number(name: str, value: Any) -> str:
    if type(value) is int and value.bit_length() <= 3 * MAX_ID_CHARACTERS:
        return str(value)
    if type(value) is float and value.is_integer():
        return str(int(value))
    if type(value) is int:
        raise IdTooLong(f"{name} is {shown(value)}; {MAX_ID_CHARACTERS} characters are allowed.")
    raise WrongType(f"{name} is {shown(value)}; a string or a whole number is needed.")


def _not_a_number(name: str, value: str) -> BadNumber:
    hint = "Send the bare number with a decimal point, 12.50; a currency or unit goes into its own field."
    if _COMMA_NUMBER.search(value):
        hint = f"{hint} A file with decimal commas is imported with `--decimal ,`."
    return BadNumber(f"{name} is {shown(value)}, which is not a number.", hint=hint)


def _strings(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise WrongType(f"{name} is {shown(value)}; a list of strings is needed.")
    words = (read_text(name, one) for one in value if one is not None)
    return tuple(word.strip() for word in words if word and not word.isspace())


def _key(name: str, key: Any) -> str:
    if type(key) is not str:
        raise WrongType(f"{name} has the key {shown(key)}; keys are strings.")
    if not key.isprintable():
        _refuse_unstorable(name, key)
    return key


def _refuse_unstorable(name: str, text: str) -> None:
    """Raise for what a database or UTF-8 cannot hold; line breaks and tabs are fine."""
    if "\0" in text:
        raise WrongType(f"{name} holds a NUL character, which cannot be stored.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise WrongType(f"{name} holds half a surrogate pair, which is no text.") from error


def _type_name(value: Any) -> str:
    names = {dict: "an object", list: "a list", tuple: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), f"a value of type {type(value).__name__}")


_TRANSLATED: Final[Mapping[str, Reader]] = {"title": read_text, "description": read_text, "categories": read_path}
