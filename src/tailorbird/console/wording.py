"""How numbers, times and ids are said on a page: the templates' filters, so that all pages say them alike."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

NOT_KNOWN: Final = "\N{EN DASH}"
_SIGNS: Final = {"EUR": "€", "GBP": "£", "USD": "$"}
_SPANS: Final = ((86_400 * 365.0, "y"), (86_400.0, "d"), (3_600.0, "h"), (60.0, "min"))

MEANINGS: Final = {
    "popular": "what most people of this shop want", "trending": "what is wanted more and more at the moment",
    "covisitation": "what others went on to from the same items",
    "bought-after": "what others bought after the same items", "bought-with": "what is bought with these items",
    "item-knn": "what the same people like",
    "user-knn": "what people with a like history have", "v-sknn": "what the newest visits like this one hold",
    "ease": "what goes together with this person's history", "ials": "what people of a similar taste like",
    "sasrec": "what tends to follow on a history like this",
    "two-tower": "what suits this history, by its traits and by who took it up",
    "lightgcn": "what the people of these items' people like",
    "bert4rec": "what would fill a gap at the end of this history",
    "content": "what resembles the items that were looked at",
    "cold-items": "what descriptions like these led to, touched by anybody or not",
    "fallback": "the most wanted of the whole catalogue", "ranker": "puts in order what the channels propose",
}  # fmt: skip
"""What a retriever goes by, in a few words after its name."""

METRICS: Final = {
    "ndcg@10": "NDCG@10", "hr@10": "HR@10", "validation_ndcg@10": "NDCG@10 of its lists",
    "fused_ndcg@10": "without it", "calibration_error": "calibration error",
}  # fmt: skip
"""What a figure in a manifest is called; those that are not listed are not shown."""

COLUMNS: Final = {
    "n_found": "How many channels proposed it", "best_rank": "Its best place in any channel",
    "popularity_to_taste": "Its popularity against that of what this person takes up",
    "times_seen": "Seen by this person before", "log_minutes_since_seen": "How long ago this person saw it",
    "category_of_last": "Of the category of the last item seen", "brand_of_last": "Of the brand of the last item seen",
    "log_price_to_last": "Its price against the last item's", "likeness_to_last": "Likeness to the last item seen",
    "likeness_to_recent": "Likeness to the latest items seen", "times_bought": "Bought by this person before",
    "log_days_since_bought": "How long ago this person bought it", "in_cart": "In the cart already",
    "share_of_repurchase_interval": "Whether this person is due for it again",
    "category_share": "This person's leaning to its category",
    "department_share": "This person's leaning to its department",
    "brand_share": "This person's leaning to its brand", "price_gap": "Its price against what this person pays",
    "log_interactions": "How much this person looks around", "log_purchases": "How much this person buys",
    "log_hours_since_last": "How long this person was away",
    "log_visit_length": "How long this visit is", "hour": "The hour of the day", "weekday": "The day of the week",
    "price_in_category": "Its price within its category", "beside_an_item": "Shown on an item's page",
    "beside_a_cart": "Shown beside a cart", "log_interest_1h": "Everybody's interest, last hour",
    "log_interest_1d": "Everybody's interest, last day",
    "log_interest_7d": "Everybody's interest, last week", "log_interest_30d": "Everybody's interest, last month",
    "log_purchases_7d": "Everybody's purchases, last week", "log_purchases_30d": "Everybody's purchases, last month",
    "trend_1h_1d": "Rising, this hour against this day",
    "trend_1d_7d": "Rising, this day against this week", "trend_7d_30d": "Rising, this week against this month",
    "purchase_rate": "How often a look becomes a purchase", "log_price": "Its price", "discount": "Its discount",
    "log_age_days": "How long it has been in the shop", "log_hours_since_first": "How long people have looked at it",
    "times_passed_over": "Passed over by this person before",
    "log_minutes_since_passed_over": "How long ago this person passed it over",
    "log_brand_shown": "How often this person saw its brand", "brand_lift": "How its brand fares with this person",
    "taste_in_lists": "What this person picks from lists", "log_listed": "How often lists showed it",
    "list_click_rate": "How often it is clicked on lists", "log_recommended": "How often it was recommended",
    "slate_click_rate": "How often it is clicked when recommended",
}  # fmt: skip
"""What the ranker looks at, for people; a column that is not listed goes by its own name."""

PARTS: Final = {
    "score": "its score", "rank": "its place", "relative": "how near its best", "beside_last": "beside the last item",
}  # fmt: skip
"""What the ranker takes from a channel."""

EVENTS: Final = {
    "page_view": "opened a page", "item_view": "looked at", "list_view": "was shown", "list_click": "clicked",
    "search": "searched", "cart_add": "put in the cart", "cart_remove": "took from the cart",
    "cart_view": "opened the cart",
    "wishlist_add": "saved", "wishlist_remove": "unsaved", "checkout_start": "went to the checkout",
    "purchase": "bought",
    "refund": "sent back", "rating": "rated", "review": "reviewed", "share": "shared", "dismiss": "turned down",
    "watch": "watched", "consume": "finished", "page_leave": "left",
}  # fmt: skip


def number(value: float | None, digits: int = 0) -> str:
    """With thin thousands; a dash for what is not known.

    >>> number(1234567), number(0.034, 2), number(None) == NOT_KNOWN
    ('1,234,567', '0.03', True)
    """
    return NOT_KNOWN if value is None or value != value else f"{value:,.{digits}f}"  # noqa: PLR0124 - NaN


def figure(value: float) -> str:
    """With as many digits as it has and no more than three after the point.

    >>> figure(156.0), figure(0.4521), figure(1200)
    ('156', '0.452', '1,200')
    """
    return f"{value:,.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else f"{value:,}"


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


def day(at: float | None) -> str:
    """A day in UTC; a dash when it is not known.

    >>> day(0.0), day(None) == NOT_KNOWN
    ('1970-01-01', True)
    """
    return moment(at)[:10]


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


def meaning(name: str) -> str:
    """What a retriever goes by; nothing for one that is not known here."""
    return MEANINGS.get(name, "")


def metrics(measured: dict[str, float]) -> list[tuple[str, str]]:
    """The figures of a manifest that a page shows.

    >>> metrics({"ndcg@10": 0.0312, "questions": 800})
    [('NDCG@10', '0.0312')]
    """
    return [(METRICS[name], number(value, 4)) for name, value in measured.items() if name in METRICS]


def column(name: str) -> str:
    """A column of the ranker's matrix for people.

    >>> column("ease.rank"), column("discount"), column("own_column")
    ('ease: its place', 'Its discount', 'own column')
    """
    channel, _, part = name.partition(".")
    if part:
        return f"{channel}: {PARTS.get(part, part)}"
    return COLUMNS.get(name, name.replace("_", " "))


def odds(chance: float) -> str:
    """A probability of any size, short: one that is small is said as one in so many.

    >>> odds(0.9), odds(0.034), odds(0.001), odds(0.00003), odds(0)
    ('90%', '1 in 29', '1 in 1,000', '1 in 33k', 'none')
    """
    if chance <= 0:
        return "none"
    if chance >= 0.1:
        return f"{100 * chance:.0f}%"
    return f"1 in {1 / chance:,.0f}" if chance > 1e-4 else f"1 in {1e-3 / chance:,.0f}k"


def excused(degraded: str) -> str:
    """What a decision says of itself, each excuse once with all that it is for.

    >>> excused("popular: left out, over budget; ease score: left out, over budget; search: not read yet")
    'Left out, over budget: popular, ease score. Not read yet: search.'
    """
    found: dict[str, list[str]] = {}
    for part in degraded.split("; "):
        what, _, why = part.partition(": ")
        found.setdefault(why or what, []).append(what if why else "")
    said = (f"{why[:1].upper()}{why[1:]}{': ' if any(what) else ''}{', '.join(what)}." for why, what in found.items())
    return " ".join(said)


def did(event_type: str) -> str:
    """What an event says its person did."""
    return EVENTS.get(event_type, event_type.replace("_", " "))


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    f.__name__: f
    for f in (
        number,
        figure,
        compact,
        percent,
        odds,
        money,
        size,
        ago,
        moment,
        day,
        who,
        meaning,
        metrics,
        excused,
        did,
    )
}
