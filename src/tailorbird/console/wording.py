"""How numbers, times and ids are said on a page: the templates' filters, so that all pages say them alike."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

NOT_KNOWN: Final = "\N{EN DASH}"
_SIGNS: Final = {"EUR": "€", "GBP": "£", "USD": "$"}
_SPANS: Final = ((86_400 * 365.0, "y"), (86_400.0, "d"), (3_600.0, "h"), (60.0, "min"))

CHANNELS: Final = {
    "popular": "Popular", "trending": "Trending", "covisitation": "Co-visitation", "item-knn": "Item neighbours",
    "ease": "EASE", "ials": "Factorisation", "content": "Similar content", "fallback": "From the catalogue",
    "ranker": "Learned ranker",
}  # fmt: skip
"""What a retriever is called on a tile; one that is not listed goes by its own name."""

EVENTS: Final = {
    "page_view": "opened a page", "item_view": "looked at", "list_view": "was shown", "list_click": "clicked",
    "search": "searched", "cart_add": "put in the cart", "cart_remove": "took from the cart",
    "cart_view": "opened the cart",
    "wishlist_add": "saved", "wishlist_remove": "unsaved", "checkout_start": "went to the checkout",
    "purchase": "bought",
    "refund": "sent back", "rating": "rated", "review": "reviewed", "share": "shared", "dismiss": "turned down",
    "watch": "watched", "consume": "finished",
}  # fmt: skip


def number(value: float | None, digits: int = 0) -> str:
    """With thin thousands; a dash for what is not known.

    >>> number(1234567), number(0.034, 2), number(None) == NOT_KNOWN
    ('1,234,567', '0.03', True)
    """
    return NOT_KNOWN if value is None or value != value else f"{value:,.{digits}f}"  # noqa: PLR0124 - NaN


def compact(value: float | None) -> str:
    """In three or four characters.

    >>> compact(950), compact(12_345), compact(1_500_000)
    ('950', '12.3k', '1.5M')
    """
    if value is None:
        return NOT_KNOWN
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.1f}{unit}"
    return f"{value:,.0f}"


def percent(value: float | None, digits: int = 1) -> str:
    """A share as a percentage.

    >>> percent(0.0312), percent(None) == NOT_KNOWN
    ('3.1%', True)
    """
    return NOT_KNOWN if value is None else f"{100 * value:.{digits}f}%"


def money(value: float | None, currency: str | None) -> str:
    """A price with its currency.

    >>> money(12.5, "EUR"), money(3, "SEK"), money(None, "EUR")
    ('€12.50', '3.00 SEK', '')
    """
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return ""
    sign = _SIGNS.get(currency or "")
    return f"{sign}{value:,.2f}" if sign else f"{value:,.2f} {currency or ''}".strip()


def size(n_bytes: float | None) -> str:
    """Bytes for people.

    >>> size(900), size(5_300_000)
    ('900 B', '5.3 MB')
    """
    if n_bytes is None:
        return NOT_KNOWN
    for scale, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if n_bytes >= scale:
            return f"{n_bytes / scale:.1f} {unit}"
    return f"{n_bytes:.0f} B"


def ago(seconds: float | None) -> str:
    """How long ago.

    >>> ago(4), ago(130), ago(7_300), ago(None)
    ('now', '2 min ago', '2 h ago', 'never')
    """
    if seconds is None:
        return "never"
    for span, unit in _SPANS:
        if seconds >= span:
            return f"{int(seconds // span)} {unit} ago"
    return "now" if seconds < 10 else f"{int(seconds)} s ago"


def moment(at: float | None) -> str:
    """A time in UTC, to the second; a dash when it is not known or no time at all."""
    try:
        return NOT_KNOWN if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return NOT_KNOWN


def who(key: str) -> str:
    """A person's key without its namespace; a visitor's id is long, and its head is enough.

    >>> who("u:42"), who("a:console-0123456789abcdef")
    ('42', 'visitor 01234567…')
    """
    kind, _, name = key.partition(":")
    if kind == "a":
        name = name.removeprefix("console-")
        return f"visitor {name}" if len(name) <= 12 else f"visitor {name[:8]}…"
    return name or "nobody"


def channel(name: str) -> str:
    """What people call a retriever."""
    return CHANNELS.get(name, name)


def did(event_type: str) -> str:
    """What an event says its person did."""
    return EVENTS.get(event_type, event_type.replace("_", " "))


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    f.__name__: f for f in (number, compact, percent, money, size, ago, moment, who, channel, did)
}
