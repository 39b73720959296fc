"""Shops for the console's tests: real ones in a temporary folder, served on a free port and looked at in a browser."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from tailorbird.app import App
from tailorbird.console import routes
from tailorbird.console.access import COOKIE
from tailorbird.types import Entry, Event, Item, User

from served import Served, served

NOUNS = (
    ("Kitchen", "Mugs", "mug"), ("Kitchen", "Bowls", "bowl"), ("Clothing", "Shirts", "shirt"),
    ("Clothing", "Shoes", "shoes"), ("Garden", "Plants", "plant"), ("Books", "Novels", "novel"),
)  # fmt: skip
COLOURS = ("blue", "red", "green", "yellow", "black", "pink", "teal")


def made_up_items(n: int, now: float) -> list[Item]:
    items = []
    for number in range(n):
        department, category, noun = NOUNS[number % len(NOUNS)]
        colour = COLOURS[number % len(COLOURS)]
        items.append(
            Item(
                item_id=f"i{number}",
                title=f"{colour.capitalize()} {noun} {number}",
                categories=(department, category),
                brand=f"Brand {number % 5}",
                price=5.0 + number % 40,
                list_price=9.0 + number % 40,
                currency="EUR",
                attributes={"colour": colour},
                stock=float(number % 11),
                created_at=now - number * 86_400,
            )
        )
    return items


def entries(items: list[Item], n_people: int, now: float) -> list[Entry]:
    """The items, and people who each keep to one kind of them."""
    encode = msgspec.json.encode
    found = [Entry("item", item.item_id, now - 90_000, encode(item)) for item in items]
    for person in range(n_people):
        found.append(Entry("user", f"p{person}", now - 90_000, encode(User(user_id=f"p{person}"))))
        mine = items[person % len(NOUNS) :: len(NOUNS)]
        for step in range(6 if mine else 0):
            at = now - 80_000 + person * 60 + step * 10
            event = Event(
                type="purchase" if step == 5 else "item_view",
                at=at,
                event_id=f"e{person}-{step}",
                user_id=f"p{person}",
                item_id=mine[(person * 3 + step * 5) % len(mine)].item_id,
            )
            found.append(Entry("event", event.event_id, at, encode(event)))
    return found


def filled(directory: Path, n_items: int, n_people: int) -> App:
    app = App.open(directory)
    now = app.clock()
    app.append(entries(made_up_items(n_items, now), n_people, now))
    return app


def serving(app: App) -> contextlib.AbstractContextManager[Served]:
    """The shop with its console, as `serve` puts them together."""
    return served(app, also=routes())


@pytest.fixture(name="serving")
def serve_a_shop() -> Any:
    """`serving`, for a test with a shop of its own."""
    return serving


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A shop of 240 items with 30 people."""
    with serving(filled(tmp_path_factory.mktemp("shop"), 240, 30)) as shop:
        yield shop


@pytest.fixture(scope="session")
def empty_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(filled(tmp_path_factory.mktemp("empty"), 0, 0)) as shop:
        yield shop


@pytest.fixture(scope="session")
def tiny_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One item, and one person who saw it."""
    with serving(filled(tmp_path_factory.mktemp("tiny"), 1, 1)) as shop:
        yield shop


@dataclass
class Visit:
    """A page that is open, and what it complained about or asked other hosts for."""

    page: Any
    shop: Served
    complaints: list[str]
    elsewhere: list[str]

    def open(self, path: str) -> Any:
        answer = self.page.goto(self.shop.address + path)
        self.page.wait_for_load_state("load")
        assert answer.status < 500, self.page.inner_text("body")
        return answer

    def colours_of(self, selector: str) -> list[tuple[str, str]]:
        """Text colour and the colour behind it, of each element."""
        return [tuple(pair) for pair in self.page.evaluate(_COLOURS_OF, selector)]


@functools.cache
def token_of(shop: Served) -> str:
    """One session for all tests of a shop."""
    return httpx.post(f"{shop.address}/console/login", data={"key": shop.key}).cookies[COOKIE]


_COLOURS_OF = """(selector) => [...document.querySelectorAll(selector)].filter(e => e.offsetParent).map((e) => {
  let behind = e, colour = "rgba(0, 0, 0, 0)";
  while (behind && /rgba\\(.*, 0\\)|transparent/.test(colour)) {
    colour = getComputedStyle(behind).backgroundColor; behind = behind.parentElement;
  }
  return [getComputedStyle(e).color, colour];
})"""


@pytest.fixture(scope="module")
def contexts(chromium: Any) -> Iterator[Callable[..., Any]]:
    """Browser contexts by shop and options, kept for the module: what one test fetched, the next one has."""
    kept: dict[tuple[Any, ...], Any] = {}

    def context(shop: Served, *, signed: bool, **options: Any) -> Any:
        key = (shop.address, signed, *sorted(options.items()))
        if key not in kept:
            kept[key] = chromium.new_context(viewport={"width": 1280, "height": 800}, **options)
            kept[key].set_default_timeout(20_000)
            if signed:
                kept[key].add_cookies([{"name": COOKIE, "value": token_of(shop), "url": shop.address}])
        return kept[key]

    yield context
    for one in kept.values():
        one.close()


@pytest.fixture
def look(contexts: Callable[..., Any]) -> Iterator[Callable[..., Visit]]:
    """Open a signed-in page of a shop: ``look(shop, color_scheme="dark")``."""
    pages = []

    def opened(shop: Served, *, signed: bool = True, **options: Any) -> Visit:
        page = contexts(shop, signed=signed, **options).new_page()
        pages.append(page)
        visit = Visit(page, shop, [], [])
        page.on("console", lambda line: visit.complaints.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((shop.address, "data:", "blob:"))
                else visit.elsewhere.append(request.url)
            ),
        )
        return visit

    yield opened
    for page in pages:
        page.close()
