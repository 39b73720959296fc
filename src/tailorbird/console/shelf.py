"""The catalogue's pages: find items, see what the shop is made of, and everything about one item."""

import asyncio
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
import numpy as np
from litestar import Request, Response, get
from litestar.types import ControllerRouterHandler

from tailorbird.app import App
from tailorbird.catalogue import Catalogue
from tailorbird.console import figures
from tailorbird.console.desk import TheDesk
from tailorbird.console.finding import ORDERS, Facets, Search, facets, find
from tailorbird.errors import NotFound
from tailorbird.features.item_counts import ItemCounts
from tailorbird.types import Event, Item
from tailorbird.types import Request as SlateRequest

_LOOKED_BACK: Final = 20_000
_MOST_EVENTS: Final = 30
_BARS: Final = 8


@get("/catalogue")
async def shelf(desk: TheDesk, request: Request[Any, Any, Any]) -> Response[str]:
    """Search, filters, one page of items, and the counts."""
    asked = request.query_params
    search = Search(
        text=asked.get("q", "")[:200],
        category=asked.get("category", ""),
        brand=asked.get("brand", ""),
        state=asked.get("state", ""),
        order=asked.get("order", "number") if asked.get("order") in ORDERS else "number",
        page=_number(asked.get("page", "1")),
    )
    content = await asyncio.to_thread(_found, desk.app, search)
    return desk.page("catalogue.html", page="catalogue", search=search, **content)


@get("/catalogue/item")
async def item(desk: TheDesk, request: Request[Any, Any, Any]) -> Response[str]:
    """Everything about one item. The id is a parameter, because ids may hold slashes."""
    item_id = request.query_params.get("id", "")
    catalogue = desk.app.engine.catalogue
    number = catalogue.find(item_id)
    if number < 0:
        raise NotFound(f"No item has the id '{item_id[:64]}'.", hint="Ids are case-sensitive; search for its title.")
    # Asked for as the item's page would ask, but kept out of the ledger: nobody saw this slate.
    asked = SlateRequest(surface="item", at=desk.app.clock(), item_id=item_id, limit=6, explain=False)
    similar = [placed for placed in desk.app.engine.decide(asked).items if not placed.explored]
    events = await asyncio.to_thread(_events, desk.app, item_id)
    thing = catalogue.item(number)
    return desk.page(
        "item.html",
        page="catalogue",
        item=thing,
        described=bool(catalogue.described[number]),
        columns_of=_columns_of(thing),
        interest=_interest(desk.app, number),
        similar=[(placed, catalogue.item(catalogue.find(placed.item_id))) for placed in similar],
        events=events,
        looked_back=_LOOKED_BACK,
    )


def _found(app: App, search: Search) -> dict[str, Any]:
    catalogue = app.engine.catalogue
    found = find(catalogue, search)
    asked = {
        "q": search.text, "category": search.category, "brand": search.brand, "state": search.state,
        "order": "" if search.order == "number" else search.order,
    }  # fmt: skip
    asked = {name: value for name, value in asked.items() if value}
    counted, category_figure, brand_figure, price_figure = _drawn(
        catalogue, catalogue.version, app.config.catalogue.currency
    )
    return {
        "found": found,
        "items": [(catalogue.item(n), bool(catalogue.sellable[n])) for n in found.numbers],
        "facets": counted,
        "figures": [f for f in (category_figure, brand_figure, price_figure) if f.rows],
        "n_described": catalogue.n_described,
        "n_named": len(catalogue) - catalogue.n_described,
        "asked": asked,
        "link": lambda **changes: "/console/catalogue?" + urlencode({**asked, **changes}),
        "orders": ORDERS,
    }


@lru_cache(maxsize=2)
def _drawn(
    catalogue: Catalogue, _version: int, currency: str
) -> tuple[Facets, figures.Figure, figures.Figure, figures.Figure]:
    """The counts and their figures; remembered until the catalogue changes."""
    counted = facets(catalogue)
    return (
        counted,
        figures.counts("categories", "Items by category", _broad(counted)[:_BARS], what="Category"),
        figures.counts("brands", "Items by brand", counted.brands[:_BARS], what="Brand"),
        figures.prices(catalogue.price[catalogue.described], currency),
    )


def _broad(counted: Facets) -> list[tuple[str, int]]:
    """Departments where the catalogue has a tree of categories, else the categories themselves."""
    return counted.departments if 2 < len(counted.departments) < counted.n_categories else counted.categories


def _columns_of(thing: Item) -> list[tuple[str, Any]]:
    """The fields that are known, in the order of the vocabulary."""
    known = msgspec.to_builtins(thing)
    return [(name, known[name]) for name in Item.__struct_fields__ if known.get(name) not in (None, "", [], {}, ())]


def _interest(app: App, number: int) -> dict[str, float]:
    """How much an item is wanted now: decayed counts, with half-lives of 1, 7 and 30 days."""
    rows = app.engine.state.item_rows(ItemCounts.name)
    asked = SlateRequest(surface="item", at=app.clock())
    logs = ItemCounts().read(rows[[number]], asked, np.array([number], np.int32), app.engine.catalogue)[0]
    counts = dict(zip(ItemCounts.columns, np.expm1(logs).tolist(), strict=True))
    return {
        "Interest, the last day": counts["log_interest_1d"],
        "Interest, the last week": counts["log_interest_7d"],
        "Interest, the last month": counts["log_interest_30d"],
        "Purchases, the last month": counts["log_purchases_30d"],
    }


def _events(app: App, item_id: str) -> list[Event]:
    """The latest events about an item (being shown is not one) among the last records of the log, the latest first."""
    decoder, needle = msgspec.json.Decoder(Event), msgspec.json.encode(item_id)
    last, found = app.log.last_seq(), list[Event]()
    after = max(last - _LOOKED_BACK, 0)
    while records := app.log.read(after, 5_000):
        after = records[-1].seq
        # Most events are about other items: looking for the id in the bytes costs a hundredth of decoding them.
        for record in records:
            if record.kind == "event" and needle in record.body:
                event = decoder.decode(record.body)
                if event.type != "list_view" and any(line.item_id == item_id for line in event.lines):
                    found.append(event)
    # By when they happened: an import brings last month's events after today's.
    found.sort(key=lambda event: event.at)
    return found[::-1][:_MOST_EVENTS]


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 1


pages: Final[list[ControllerRouterHandler]] = [shelf, item]
