"""One visit of one shopper, from the landing to the order.

A visit is a generator: it yields what happens (`Event`, `Identity`) and what the shop is asked for (`Ask`), and is sent
a `Slate` for each question. So the same shopper makes the history, visits a policy in process, and visits a running
engine over HTTP; only the driver differs.

A slate is read from the top; the chance to read on to rank r is ``(1 + r) ** -patience`` (position bias as in Craswell
et al., An Experimental Comparison of Click Position-Bias Models, 2008, with a prefix, so that the impressions reported
are exactly what was seen). An examined item is clicked with a chance that is logistic in the hidden utility. All moods
are fixed per (visit, item): whichever policy shows an item, the shopper's answer is the same.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from tailorbird.simulator.listings import Listings
from tailorbird.simulator.shoppers import key_of, uniforms
from tailorbird.simulator.world import World, device_id, user_id
from tailorbird.types import NOBODY, Event, FloatArray, Identity, IntArray, OrderLine

SLATE_SIZE: Final = 12
ATTENTION: Final = {"home": 0.85, "item": 0.4, "cart": 0.5}
"""Chance that a recommendation slate is looked at, by surface."""
LIST_CLICK: Final = -1.8
SLATE_CLICK: Final = -5.2
NEED_BONUS: Final = 1.5
WISH_SHARE: Final = 0.8
NEIGHBOUR_MALUS: Final = 1.5
CART_WANTED: Final = -0.6
CART_UNWANTED: Final = -4.0
MOST_NEEDS: Final = 80
MOST_VIEWS: Final = 60
MOST_ITEM_SLATES: Final = 8
_CLICK, _LIST, _CART, _READ, _LOOK = range(5)


@dataclass(frozen=True, slots=True)
class Ask:
    """A surface wants a slate for this shopper."""

    surface: str
    at: float
    user_id: str | None
    anonymous_id: str
    session_id: str
    item_id: str | None = None
    cart: tuple[str, ...] = ()
    limit: int = SLATE_SIZE


@dataclass(frozen=True, slots=True)
class Slate:
    """The answer: item numbers (NOBODY for what this world does not know) and their prices, both of shape (n,)."""

    items: IntArray
    prices: FloatArray
    decision_id: str | None = None


Step: TypeAlias = Event | Identity | Ask
Visiting: TypeAlias = Generator[Step, Slate | None, None]


class Visit:
    """The state of one visit. ``number`` makes its draws its own; ``follow`` is the generator."""

    def __init__(self, world: World, listings: Listings, shopper: int, number: int, at: float) -> None:
        """Decide who comes and what for, before anything is shown."""
        self.world, self.listings, self.shopper, self.number, self.at = world, listings, shopper, number, at
        self.cart: dict[int, float] = {}
        self.seen: set[int] = set()
        self.needs: list[int] = []
        shoppers, config = self.world.shoppers, self.world.config
        rng = self._rng = np.random.default_rng([self.world.seed, 5, self.shopper, self.number])
        self._key = key_of(self.world.seed, 11, self.shopper, self.number)
        self.mood = shoppers.mood(self.shopper, self.at)
        self.wish = shoppers.wish(self.mood)
        self.memory = shoppers.memory(self.shopper)
        self.anonymous_id = device_id(self.shopper, int(rng.integers(shoppers.n_devices[self.shopper])))
        self.session_id = f"s{self.shopper:05d}-{self.number}"
        self.logged_in = bool(shoppers.has_account[self.shopper] and rng.random() < 0.6)
        self._logs_in_later = bool(shoppers.has_account[self.shopper] and rng.random() < 0.3)
        self.buying = bool(rng.random() < config.intent)
        self._checks_out = rng.random() < (0.85 if self.buying else 0.3)
        self._lands_on_home = rng.random() < 0.6
        self._slates = self._views = self._events = 0
        # Half the variance is what a log-normal's mean exceeds its median by: unequal worlds are not livelier ones.
        self._calm_list = config.appeal**2 / 2
        self._calm_slate = (config.appeal**2 + config.demand**2) / 2
        self._plan(rng)

    def _plan(self, rng: np.random.Generator) -> None:
        """What the shopper came for: product types, the first of them habits or wishes, some completing the last."""
        config, shelf = self.world.config, self.world.shelf
        n_needs = 1 + int(rng.random() < 0.4)
        if self.buying:
            spare = max(config.basket - 1, 0.01)
            n_needs = min(1 + int(rng.poisson(rng.gamma(config.basket_k, spare / config.basket_k))), MOST_NEEDS)
        known = sorted(self.memory.last)
        chances = np.exp(self.wish - self.wish.max())
        chances /= chances.sum()
        wished = rng.choice(len(chances), n_needs, p=chances)
        draws, picks = rng.random((2, n_needs)), rng.random(n_needs)
        for n in range(n_needs):
            kind = int(wished[n])
            if known and draws[0, n] < config.habit:
                weights = np.exp(self.wish[known]) * np.where(shelf.restock_days[known] > 0, 4.0, 1.0)
                kind = known[int(np.searchsorted(np.cumsum(weights) / weights.sum(), picks[n]))]
            elif self.needs and draws[1, n] < config.complement:
                kind = int(shelf.complements[self.needs[-1]][int(picks[n] * 2)])
            self.needs.append(kind)

    # ---- the way through the shop ----------------------------------------------------------------------------

    def follow(self) -> Visiting:
        """Everything that happens in this visit, in order."""
        if self._lands_on_home:
            yield self._event("page_view", surface="home", pause=4)
            yield from self._slate("home")
        if self._logs_in_later and self._rng.random() < 0.4:
            yield from self._log_in()
        for need in self.needs:
            yield from self._pursue(need)
            if self._views >= MOST_VIEWS:
                break
        if self.cart:
            yield self._event("cart_view", pause=6)
            yield from self._slate("cart")
            yield from self._order()

    def _pursue(self, kind: int) -> Visiting:
        """Look for one type: take the usual item, or search, or browse the category, at most two pages."""
        usual = self.memory.last.get(kind)
        loyal = self._chance(_LOOK, 1_000_000 + kind) < self.world.config.loyalty
        if self.buying and usual is not None and loyal and usual not in self.cart and self.listings.is_sold(usual):
            yield from self._put_in_cart(usual, self._price(usual))
            return
        shelf, before = self.world.shelf, len(self.cart)
        searching = self._chance(_LOOK, 2_000_000 + kind) < 0.55
        for page in range(2):
            if searching:
                items = self.listings.of_kind(kind, page)
                yield self._event("search", surface="search", query=shelf.theme.kinds[kind].name, pause=5)
            else:
                items = self.listings.of_category(int(shelf.categories[kind]), page)
                yield self._event("page_view", properties={"category": shelf.theme.kinds[kind].category}, pause=4)
            yield from self._browse(items, kind, "search" if searching else None)
            content = len(self.cart) > before or not self.buying
            if content or self._chance(_LOOK, 3_000_000 + kind) > 0.6:
                return

    def _browse(self, items: IntArray, kind: int, surface: str | None) -> Visiting:
        """Read one of the shop's own lists from the top and click what fits the errand."""
        if not len(items):
            return
        # Some errands are read to the end of the page, so lists are read further than slates.
        depth = min(2 * self._depth(_LIST, int(items[0]) * 100 + kind), len(items))
        read = items[:depth]
        prices = self.world.prices(self.at)[read]
        off = NEIGHBOUR_MALUS * (self.world.shelf.kinds[read] != kind)
        logit = (
            LIST_CLICK - self._calm_list + self.world.shoppers.liking(self.mood, read, prices) - off + self._eagerness
        )
        clicked = uniforms(self._key + _LIST, read) < _logistic(logit)
        yield self._event("list_view", items=tuple(OrderLine(self._id(n)) for n in read), position=0, surface=surface)
        for rank in np.flatnonzero(clicked).tolist():
            item = int(read[rank])
            if item in self.seen or self._views >= MOST_VIEWS:
                continue
            yield self._event("list_click", item_id=self._id(item), position=rank, surface=surface, pause=8)
            yield from self._view(item, float(prices[rank]), kind)
            if item in self.cart:
                return

    def _slate(self, surface: str, item: int | None = None) -> Visiting:
        """Ask for a recommendation slate, read it from the top, and click what pleases."""
        anchor = NOBODY if item is None else item
        place = {"home": 0, "item": 1, "cart": 2}[surface]
        if self._chance(_READ, 4 * (anchor + 1) + place) > ATTENTION[surface]:
            return
        slate = yield Ask(
            surface=surface,
            at=self.at,
            user_id=user_id(self.shopper) if self.logged_in else None,
            anonymous_id=self.anonymous_id,
            session_id=self.session_id,
            item_id=None if item is None else self._id(item),
            cart=tuple(self._id(n) for n in self.cart) if surface == "cart" else (),
        )
        if slate is None or not len(slate.items):
            return
        depth = min(self._depth(_READ, 4 * (anchor + 1) + place), len(slate.items))
        read, prices = slate.items[:depth], slate.prices[:depth]
        shown: dict[str, Any] = {"decision_id": slate.decision_id, "surface": surface}
        lines = tuple(OrderLine(self._id(n)) for n in read if n != NOBODY)
        if lines:
            yield self._event("list_view", items=lines, position=0, **shown)
        clicked = uniforms(self._key + _CLICK, read) < _logistic(self._pull(read, prices))
        for rank in np.flatnonzero(clicked & (read != NOBODY)).tolist():
            number = int(read[rank])
            if number in self.seen or number in self.cart or self._views >= MOST_VIEWS:
                continue
            yield self._event("list_click", item_id=self._id(number), position=rank, pause=8, **shown)
            yield from self._view(number, float(prices[rank]), int(self.world.shelf.kinds[number]))

    def _pull(self, items: IntArray, prices: FloatArray) -> FloatArray:
        """Log-odds to click each recommended item once it is seen; shape (n,)."""
        kinds = self.world.shelf.kinds[items]
        needed = np.isin(kinds, self.needs)
        utility = self.world.shoppers.liking(self.mood, items, prices) + WISH_SHARE * self.wish[kinds]
        return np.asarray(SLATE_CLICK - self._calm_slate + utility + NEED_BONUS * needed + self._eagerness)

    def _view(self, item: int, price: float, kind: int) -> Visiting:
        """Look at an item, perhaps at what is shown beside it, and perhaps put it into the cart."""
        self.seen.add(item)
        self._views += 1
        dwell = float(np.round(self._rng.lognormal(3.0, 0.7), 1))
        yield self._event("item_view", item_id=self._id(item), dwell_seconds=dwell, pause=dwell)
        self.listings.saw(item, 1.0)
        wanted = self.buying and kind in self.needs
        liking = self.world.shoppers.liking(self.mood, np.array([item], np.int32), np.array([price]))[0]
        chance = _logistic((CART_WANTED if wanted else CART_UNWANTED) + 0.8 * liking)
        if self._chance(_CART, item) < chance:
            yield from self._put_in_cart(item, price)
        elif self._slates < MOST_ITEM_SLATES:
            self._slates += 1
            yield from self._slate("item", item)

    def _put_in_cart(self, item: int, price: float) -> Visiting:
        if item in self.cart:
            return
        self.cart[item] = price
        self.listings.saw(item, 2.0)
        line = OrderLine(self._id(item), 1.0, round(price, 2))
        yield self._event("cart_add", items=(line,), currency="EUR", pause=5)

    def _order(self) -> Visiting:
        """Check out, or leave the cart behind."""
        if not self._checks_out:
            return
        if self._logs_in_later:
            yield from self._log_in()
        yield self._event("checkout_start", pause=40)
        restock = self.world.shelf.restock_days[self.world.shelf.kinds[list(self.cart)]]
        counts = 1 + (self._rng.random(len(self.cart)) < np.where(restock > 0, 0.3, 0.06))
        lines = tuple(
            OrderLine(self._id(item), float(n), round(price, 2))
            for (item, price), n in zip(self.cart.items(), counts, strict=True)
        )
        value = round(sum((line.price or 0.0) * line.quantity for line in lines), 2)
        yield self._event("purchase", items=lines, value=value, currency="EUR")
        for item in self.cart:
            self.memory.bought(int(self.world.shelf.kinds[item]), item, self.at)
            self.listings.saw(item, 5.0)

    def _log_in(self) -> Visiting:
        if not self.logged_in:
            self.logged_in = True
            yield Identity(anonymous_id=self.anonymous_id, user_id=user_id(self.shopper), at=round(self.at, 3))

    # ---- small things ----------------------------------------------------------------------------------------

    @property
    def _eagerness(self) -> float:
        return float(self.world.shoppers.eagerness[self.shopper])

    def _chance(self, purpose: int, number: int) -> float:
        """A uniform number that depends on the visit, the purpose and the number alone."""
        return float(uniforms(self._key + purpose, np.array([number]))[0])

    def _depth(self, purpose: int, number: int) -> int:
        """How many entries of a list are read: more than r of them with chance (1 + r) ** -patience."""
        draw = self._chance(purpose + 64, number)
        return int(min(draw ** (-1.0 / self.world.config.patience), 1_000.0))

    def _price(self, item: int) -> float:
        return float(self.world.prices(self.at)[item])

    def _id(self, item: int) -> str:
        return self.world.shelf.ids[item]

    def _event(self, kind: str, *, pause: float = 2.0, **fields: Any) -> Event:
        """An event at the visit's clock, which then moves on by about ``pause`` seconds."""
        at = round(self.at, 3)
        self.at += 0.5 + pause * self._rng.exponential()
        self._events += 1
        return Event(
            type=kind,
            at=at,
            event_id=f"{self.session_id}-{self._events}",
            user_id=user_id(self.shopper) if self.logged_in else None,
            anonymous_id=self.anonymous_id,
            session_id=self.session_id,
            **fields,
        )


def _logistic(x: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-x))
