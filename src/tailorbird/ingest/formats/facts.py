"""What another system's message says, in our words: the shape that every format has.

A format does two things. It cuts a document (a request's body, a line of a file) into messages that stand alone, and it
says of one message what it tells us: facts, as raw records with our names, which the readers of `ingest` check like any
other. So a format knows names, and nothing of types, times or limits.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Literal, NamedTuple, Protocol, TypeAlias, runtime_checkable
from urllib.parse import urlsplit

from tailorbird.errors import MissingField, WrongType
from tailorbird.ingest.fields import MAX_DEPTH, shown

FactKind: TypeAlias = Literal["event", "item", "item_change", "user", "identity"]


class Fact(NamedTuple):
    """One thing that a message says: a record in our names, still to be checked.

    A user's record, and that of an item's change, hold only what the message says; what was known before stays. An
    item's record is the whole item. ``theirs`` is what a file calls some of our fields, for errors.
    """

    kind: FactKind
    raw: dict[str, Any]
    theirs: Mapping[str, str] = {}


@dataclass
class Arrival:
    """When a message came, and how often each personal field was left at the door, so far."""

    now: float
    dropped: Counter[str] = field(default_factory=Counter)


class Format(Protocol):
    """One system's way to write down what happened."""

    name: ClassVar[str]
    theirs: ClassVar[Mapping[str, str]]
    """What they call those of our fields that a message may lack, for errors: ``item_id`` -> properties.product_id."""

    def messages(self, document: Any) -> Iterator[Any]:
        """The messages of one document, each with what its envelope says of all of them."""

    def facts(self, message: Mapping[str, Any], arrival: Arrival) -> Iterator[Fact]:
        """What one message says; nothing, where it says nothing to a shop.

        Raises:
            BadInput: one of its children, in their names.
        """


@runtime_checkable
class WithoutHeader(Protocol):
    """A format whose files between tabs have no header."""

    columns: ClassVar[Sequence[str]]
    """What stands in each place; "" for what is not read."""


_PERSONAL: Final = frozenset(
    """
    email emailaddress mail useremail customeremail phone phonenumber mobile mobilenumber telephone fax
    firstname lastname fullname middlename surname givenname familyname username displayname
    address address1 address2 addressline street streetaddress billingaddress shippingaddress
    billingfulladdress shippingfulladdress billingpostcode shippingpostcode
    postalcode postcode zip zipcode birthday birthdate dateofbirth dob
    ip ipaddress ipoverride useripaddress useragent userfingerprint latitude longitude
    geolatitude geolongitude geolocation geozipcode geocity georegion georegionname
    ssn taxid vatid passport iban creditcard cardnumber password avatar userdata
    """.split()  # noqa: SIM905 - in quotes one by one they would fill a page
)
"""Names of fields, letters and digits alone, whose contents identify a person and are of no use here."""

_PERSONAL_IN_PROFILE: Final = frozenset({*_PERSONAL, "name", "age", "title", "company", "website"})


def without_personal(given: Any, arrival: Arrival, *, profile: bool = False) -> dict[str, Any]:
    """An object without its personal fields, which are counted by name at any depth; empty for what is no object.

    In a ``profile`` a name is a person's; elsewhere it is a product's or a campaign's.

    Raises:
        WrongType: it is nested deeper than is ever kept.
    """
    unwanted = _PERSONAL_IN_PROFILE if profile else _PERSONAL
    kept: dict[str, Any] = _clean(given, arrival, unwanted, 0) if isinstance(given, Mapping) else {}
    return kept


def _clean(value: Any, arrival: Arrival, unwanted: Collection[str], depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise WrongType(f"The message is nested deeper than {MAX_DEPTH} levels.", hint="Send a flatter object.")
    if isinstance(value, list | tuple):
        return [_clean(one, arrival, unwanted, depth + 1) for one in value]
    if not isinstance(value, Mapping):
        return value
    kept: dict[Any, Any] = {}
    for name, inner in value.items():
        if inner is None:
            continue
        if plain_name(name) in unwanted:
            arrival.dropped[str(name)] += 1
        else:
            kept[name] = _clean(inner, arrival, unwanted, depth + 1)
    return kept


def path_of(url: Any) -> str | None:
    """The path of an address, without its query, where e-mail addresses and tokens travel."""
    if not isinstance(url, str):
        return None
    try:
        return urlsplit(url).path or None
    except ValueError:
        return None


def at_path(message: Any, *names: str) -> Any:
    """What stands at this path of nested objects; None where there is nothing."""
    for name in names:
        message = message.get(name) if isinstance(message, Mapping) else None
    return message


def first_of(message: Mapping[str, Any], names: Iterable[str]) -> Any:
    """The first of these fields that holds something."""
    return next((message[name] for name in names if message.get(name) not in (None, "")), None)


def lines_of(place: str, products: Any, ids: Sequence[str]) -> list[dict[str, Any]] | None:
    """The lines of a list of products whose id is the first of ``ids`` that is there; None where there is no list.

    Raises:
        MissingField: a product has none of them; the error names it by ``place``.
        WrongType: what should be a list, or a product, is something else.
    """
    if products is None:
        return None
    if not isinstance(products, list | tuple):
        raise WrongType(f"{place} is {shown(products)}; a list of products is needed.")
    return [_line(f"{place}[{n}]", product, ids) for n, product in enumerate(products)]


def _line(place: str, product: Any, ids: Sequence[str]) -> dict[str, Any]:
    if not isinstance(product, Mapping):
        raise WrongType(f"{place} is {shown(product)}; an object is needed.")
    named = first_of(product, ids)
    if named is None:
        raise MissingField(f"{place}.{ids[0]} is missing.", hint="Every line names its product.")
    amounts = {name: product[name] for name in ("quantity", "price") if product.get(name) not in (None, "")}
    return {"item_id": named, **amounts}


def compact(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record without what is not known."""
    return {name: value for name, value in record.items() if value not in (None, "", {}, [])}


def as_object(name: str, message: Any) -> Mapping[str, Any]:
    """The message, if it is an object.

    Raises:
        WrongType: it is something else.
    """
    if not isinstance(message, Mapping):
        raise WrongType(f"{name} is {shown(message)}; an object is needed.")
    return message


def plain_name(name: Any) -> str:
    """A name as formats compare it: lower case, letters and digits alone."""
    return "".join(mark for mark in str(name).lower() if mark.isalnum())
