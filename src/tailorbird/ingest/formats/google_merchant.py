"""Google Merchant Center's product data, as RSS 2.0 or Atom feeds, or tab-separated.

Sources: Google Merchant Center Help "Product data specification" (a page for each attribute), "RSS 2.0 specification",
"Atom 1.0 specification", "Create a text feed" (read 2026-11). Facebook's and Pinterest's catalogues use the same names.

A sale price holds within its dates: then it is the price, and the price is the list price. A feed that is read before
a sale begins does not know of it when it does: import it again. Shipping, taxes and the settings of campaigns are left
out.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from tailorbird.errors import WrongType
from tailorbird.ingest.fields import read_time, shown
from tailorbird.ingest.formats.facts import Arrival, Fact, as_object, compact, plain_name

_AVAILABLE: Final = {
    "instock": True,
    "limitedavailability": True,
    "preorder": True,
    "backorder": True,
    "availablefororder": True,
    "outofstock": False,
    "discontinued": False,
}
_ATTRIBUTES: Final = (
    "gtin", "mpn", "condition", "color", "size", "size_type", "size_system", "material", "pattern", "gender",
    "age_group", "adult", "is_bundle", "multipack", "energy_efficiency_class", "product_highlight",
    "custom_label_0", "custom_label_1", "custom_label_2", "custom_label_3", "custom_label_4",
)  # fmt: skip
_THEIRS: Final = {"item_id": "id", "group_id": "item_group_id", "url": "link", "image_url": "image_link"}


class GoogleMerchant:
    """Items of a feed, or rows of a text feed with the attributes' names as its header."""

    name: ClassVar[str] = "google-merchant"
    theirs: ClassVar[Mapping[str, str]] = {"item_id": "id"}

    def messages(self, document: Any) -> Iterator[Any]:
        """Every row is one item."""
        yield document

    def facts(self, message: Mapping[str, Any], arrival: Arrival) -> Iterator[Fact]:
        """The item."""
        given = as_object("An item", message)
        # A text feed may write `image link` or `g:image_link` for the image_link of XML.
        row = {_attribute(name): value for name, value in given.items()}
        prices = _prices(row, arrival.now)
        category = _one(row, "google_product_category")
        attributes = compact({name: row.get(name) for name in _ATTRIBUTES})
        if category is not None and str(category).isdigit():
            attributes["google_product_category"] = str(category)
            category = None
        yield Fact(
            "item",
            compact(
                {
                    "item_id": _one(row, "id"),
                    "group_id": _one(row, "item_group_id"),
                    "title": _one(row, "title"),
                    "description": _one(row, "description") or _one(row, "summary"),
                    "categories": _one(row, "product_type") or category,
                    "brand": _one(row, "brand"),
                    "url": _one(row, "link"),
                    "image_url": _one(row, "image_link"),
                    "available": _available(row, attributes),
                    "attributes": attributes,
                    **{ours: _one(row, theirs) for ours, theirs in prices.items()},
                }
            ),
            {**_THEIRS, **prices},
        )


def _attribute(name: Any) -> str:
    return "_".join(str(name).strip().lower().removeprefix("g:").split())


def _one(row: Mapping[str, Any], name: str) -> Any:
    """The first of an attribute's values, for most may come once only."""
    value = row.get(name)
    return (value[0] if value else None) if isinstance(value, list | tuple) else value


def _available(row: Mapping[str, Any], attributes: dict[str, Any]) -> bool | None:
    """Whether it can be ordered now. What is not there yet says so in its attributes."""
    value = _one(row, "availability")
    if value in (None, ""):
        return None
    word = plain_name(value) if isinstance(value, str) else ""
    if word not in _AVAILABLE:
        raise WrongType(f"availability is {shown(value)}; in_stock, out_of_stock, preorder or backorder is needed.")
    if word in ("preorder", "backorder"):
        attributes["availability"] = word
    return _AVAILABLE[word]


def _prices(row: Mapping[str, Any], now: float) -> dict[str, str]:
    """Which of their prices are our price and list price; currencies stand beside them as they came."""
    if _one(row, "sale_price") in (None, "") or not _holds(_one(row, "sale_price_effective_date"), now):
        return {"price": "price"}
    return {"price": "sale_price", "list_price": "price"}


def _holds(dates: Any, now: float) -> bool:
    """Whether ``now`` lies between the two times of ``2024-02-24T11:07+0100/2024-02-29T23:07+0100``."""
    if dates in (None, ""):
        return True
    if not isinstance(dates, str) or dates.count("/") != 1:
        raise WrongType(f"sale_price_effective_date is {shown(dates)}; two times with a / between them are needed.")
    first, last = (read_time("sale_price_effective_date", part) for part in dates.split("/"))
    return (first is None or first <= now) and (last is None or now <= last)
