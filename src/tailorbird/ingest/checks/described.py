"""The catalogue as it stands at the log's end: which items are described, how well, and which are none."""

import re
import zlib
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, Final, NamedTuple

from tailorbird.ingest.checks.findings import Example, Finding, Rows, counted, problem, warning
from tailorbird.types import Item

UNDESCRIBED: Final = 0.05
"""Share of the items without a title, without categories or without a price from which it is told."""

_MOSTLY: Final = 0.9
_LEAST_IDS: Final = 20
_DIGIT: Final = re.compile(r"\d")
_CHARGE: Final = re.compile(
    r"(?:[\w-]+ ){0,2}(?:postage|carriage|shipping|delivery|(?:bank )?charges?|fees?|commission|discount|"
    r"(?:bad )?debt|(?:re-?)?adjustment|manual|samples?)",
    re.IGNORECASE,
)


def marks_of(attributes: Mapping[str, Any]) -> bytes:
    """Attributes as pairs of hashes, of a name and its value: enough to compare two items by, and small."""
    pairs = [(mark(name), mark(_plain(value))) for name, value in attributes.items()]
    return array("I", chain.from_iterable(pairs)).tobytes()


def mark(text: str) -> int:
    """The hash of a name, or of a value as text."""
    return zlib.crc32(text.strip().casefold().encode())


def _plain(value: Any) -> str:
    return "|".join(sorted(map(str, value))) if isinstance(value, list | tuple) else str(value)


class Described(NamedTuple):
    """What is remembered of an item's newest version; ``seq`` is its record, ``marks`` are hashes of its attributes."""

    seq: int
    title: str
    path: tuple[str, ...]
    brand: str | None
    price: float | None
    currency: str | None
    sellable: bool
    group: str | None
    marks: bytes = b""


class Catalogue:
    """The newest versions of all items. Category paths and brands are kept once each."""

    def __init__(self) -> None:
        self.items: dict[str, Described] = {}
        self._paths: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._brands: dict[str, str] = {}

    def take(self, item: Item, seq: int) -> None:
        """One version of an item."""
        if item.withdrawn:
            self.items.pop(item.item_id, None)
            return
        path = self._paths.setdefault(item.categories, item.categories)
        brand = self._brands.setdefault(item.brand, item.brand) if item.brand else None
        marks = marks_of(item.attributes)
        self.items[item.item_id] = Described(
            seq, item.title, path, brand, item.price, item.currency, item.sellable, item.group_id, marks
        )

    def share_described(self) -> dict[str, float]:
        """By field, the share of the items that have it."""
        n = len(self.items) or 1
        return {name: 1 - rows.count / n for name, rows in self._lacking().items()}

    def _lacking(self) -> dict[str, Rows]:
        lacking = {name: Rows() for name in ("title", "categories", "price")}
        for name, item in self.items.items():
            if not item.title:
                lacking["title"].add(item.seq, name)
            if not item.path:
                lacking["categories"].add(item.seq, name, item.title or "no title")
            if item.price is None:
                lacking["price"].add(item.seq, name, item.title or "no title")
        return lacking

    def findings(self, lines: Mapping[str, int]) -> Iterator[Finding]:
        """What to know of it; ``lines`` says how often events name each item."""
        if not self.items:
            yield warning(
                "empty_catalogue",
                "No item is described: slates hold bare ids, and new items cannot be found.",
                cost="content and cold-items have nothing to read, filters and boosts match nothing, and only what was "
                "bought or looked at before can be shown.",
                hint="`tailorbird import items FILE`.",
            )
            return
        free = Rows()
        for name, item in self.items.items():
            if item.price == 0:
                free.add(item.seq, name, item.title or "no title")
        if free.count:
            yield warning(
                "free_items",
                f"{counted(free.count, 'item costs', 'items cost')} 0.",
                cost="They may be shown, at that price; where a file meant “not known”, the ranker takes them for the "
                "cheapest of their category.",
                hint="If that is not their price, leave it empty, or set available to false.",
                rows=free.first,
            )
        if not any(item.sellable for item in self.items.values()):
            yield problem(
                "nothing_to_sell",
                "No item is available.",
                cost="Every slate is empty, on every surface.",
                hint="Check the columns available and stock.",
                rows=[Example(item.seq, name) for name, item in self.items.items()],
            )
        yield from self._undescribed()
        yield from self._charges(lines)

    def _undescribed(self) -> Iterator[Finding]:
        for name, rows in self._lacking().items():
            if (share := rows.count / len(self.items)) > UNDESCRIBED:
                yield warning(
                    "items_undescribed",
                    f"{share:.0%} of the items have no {name}.",
                    cost=_COST_OF[name],
                    hint=f"Map a column to {name}, or send it with the items.",
                    rows=rows.first,
                )

    def _charges(self, lines: Mapping[str, int]) -> Iterator[Finding]:
        """Ids without a digit among ids with digits, and titles that name a charge."""
        with_digit = sum(_DIGIT.search(name) is not None for name in self.items)
        odd_ids = len(self.items) >= _LEAST_IDS and with_digit >= _MOSTLY * len(self.items)
        found = Counter(
            {
                name: lines.get(name, 0)
                for name, item in self.items.items()
                if item.sellable
                and ((odd_ids and not _DIGIT.search(name)) or _CHARGE.fullmatch(item.title.strip() or name))
            }
        )
        if found:
            rows = [Example(self.items[name].seq, name, self.items[name].title) for name, _ in found.most_common()]
            yield warning(
                "no_products",
                f"{counted(len(found), 'item looks', 'items look')} like charges and corrections rather than products "
                f"(by title, or an id without a digit); {found.total():,} lines of events name them.",
                cost="Postage stands in many an order: popular and bought-with put it on slates, and covisitation ties "
                "together products whose only likeness is that both were posted.",
                hint="Leave them out of both imports (`--skip 'StockCode=POST|M|...'`), or set available to false for "
                "those that are there. Products among these may stay.",
                rows=rows,
            )


_COST_OF: Final[Mapping[str, str]] = {
    "title": "content and cold-items know nothing of them, search cannot find them, and slates show a bare id.",
    "categories": "The ranker's category_share, department_share and price_in_category are 0 for them; content and "
    "variety go by words and brand alone, and filters or boosts by category miss them.",
    "price": "The ranker's log_price and price_gap say nothing of them, and filters by price leave them out.",
}
