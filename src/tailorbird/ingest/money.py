"""Prices as files write them, ``18,00 EUR`` or ``€18.00``: a number and the currency beside it.

The currency goes into its own field, so that nobody has to cut it off by hand. Only ISO 4217 codes and the usual signs
are taken for one: of ``10 pcs`` the number is no price. A sign of several currencies is settled by the row's currency
or the shop's, never guessed.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tailorbird.errors import BadInput
from tailorbird.ingest.fields import shown

FIELDS: Final[Mapping[str, Sequence[str]]] = {"events": ("value", "price"), "items": ("price", "list_price")}
"""What holds money, by kind of record."""

_CODES: Final = frozenset(
    """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP
    CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF
    IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD
    MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB
    RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU
    UZS VED VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG
    """.split()  # noqa: SIM905 - in quotes one by one they would fill a page
)
_SIGNS: Final[Mapping[str, Sequence[str]]] = {
    "€": ("EUR",),
    "£": ("GBP", "EGP", "GIP", "SYP"),
    "$": ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN", "ARS", "CLP", "COP"),
    "¥": ("JPY", "CNY"),
    "₹": ("INR",),
    "₽": ("RUB",),
    "₩": ("KRW",),
    "₺": ("TRY",),
    "₴": ("UAH",),
    "₪": ("ILS",),
    "₫": ("VND",),
    "฿": ("THB",),
    "zł": ("PLN",),
    "kč": ("CZK",),
    "ft": ("HUF",),
    "kr": ("SEK", "NOK", "DKK", "ISK"),
}
_AROUND: Final = re.compile(r"\s*([^\W\d_]{2,3}|[^\w\s.,+-])?\s*([+-]?[\d.,\s]*\d)\s*([^\W\d_]{2,3}|[^\w\s.,+-])?\s*")
_COMMA_NUMBER: Final = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?")
_MOST_CHARACTERS: Final = 60
_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d+)?")


def part_money(record: dict[str, Any], kind: str, *, decimal: str, currency: str) -> None:
    """Leave the bare number in each field of money and put the currency beside it into ``currency``, in place.

    ``currency`` is the shop's own. What is no number with a currency beside it stays as it is.

    Raises:
        BadInput: the row names another currency already, or the sign does not say which one is meant.
    """
    for name in FIELDS.get(kind, ()):
        text = record.get(name)
        parted = _parted(text, decimal) if type(text) is str else None
        if parted is None:
            continue
        number, sign = parted
        said = f"{name} is {shown(text)}"
        record["currency"] = _which(said, _meanings(sign), record.get("currency"), currency)
        record[name] = number


def with_point(text: str) -> str:
    """A number with a decimal comma, thousands apart or not, as one with a point; anything else as it is.

    >>> with_point("1.234,50"), with_point("12,50 EUR")
    ('1234.50', '12,50 EUR')
    """
    bare = "".join(text.split())
    return bare.replace(".", "").replace(",", ".") if _COMMA_NUMBER.fullmatch(bare) else text


def _parted(text: str, decimal: str) -> tuple[str, str] | None:
    """The number with a point, and the one code or sign beside it."""
    found = _AROUND.fullmatch(text) if len(text) <= _MOST_CHARACTERS else None
    if found is None or bool(found[1]) == bool(found[3]):
        return None
    sign = found[1] or found[3]
    number = with_point(found[2]) if decimal == "," else found[2]
    return (number, sign) if _meanings(sign) and _NUMBER.fullmatch(number) else None


def _meanings(sign: str) -> Sequence[str]:
    """The codes that a code or sign may stand for; none if it is no currency."""
    code = sign.upper()
    return (code,) if code in _CODES else _SIGNS.get(sign.casefold(), ())


def _which(said: str, meanings: Sequence[str], named: Any, shops: str) -> Any:
    """The one currency that is meant: the row's if it names one, else the only one, else the shop's."""
    if type(named) is str and named.strip():
        if named.strip().upper() not in meanings and not set(_meanings(named.strip())).intersection(meanings):
            raise BadInput(f"{said}, but currency is {shown(named)}.", hint="One of the two is wrong: mend it.")
        return named
    if len(meanings) == 1 or shops in meanings:
        return shops if shops in meanings else meanings[0]
    raise BadInput(
        f"{said}, a sign of several currencies ({', '.join(meanings)}).",
        hint="Say which in currency (of a file, `--map currency=COLUMN`), or as catalogue.currency in tailorbird.toml.",
    )
