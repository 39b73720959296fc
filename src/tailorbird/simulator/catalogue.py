"""The shelf of a simulated shop: columns for the simulation, and the same items as records for the log.

An item's title, attributes, brand and price come from the same draws as its hidden style, so that what shoppers like is
partly legible from the catalogue, as in a real shop, and partly not: each item also has a private style of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tailorbird.simulator.words import THEMES, Kind, Theme
from tailorbird.simulator.worlds import WorldConfig
from tailorbird.types import DAY_SECONDS, BoolArray, FloatArray, IntArray, Item

STYLE_SIZE: Final = 6
WEEK_SECONDS: Final = 7 * DAY_SECONDS
_PRICE_ENDINGS: Final = np.array([0.99, 0.95, 0.49, 0.0])


@dataclass(frozen=True, slots=True)
class Shelf:
    """The items in columns; n items, t types, b brands.

    Of shape (n,): ``kinds``, ``brands``, ``sizes``, ``sellers`` (codes), ``appeal`` (log-odds, what everybody thinks),
    ``shelf_price``, ``list_price``, ``relative_price`` (log of the price over the usual one of its type),
    ``launched_at``, ``stock``, ``margin``; ``styles`` (n, STYLE_SIZE); ``looks``, ``makes`` are words. Of shape (t,):
    ``categories`` and ``departments`` of each type, ``demand`` (log), ``restock_days``; ``complements`` (t, 2).
    """

    config: WorldConfig
    theme: Theme
    ids: tuple[str, ...]
    number: dict[str, int]
    kinds: IntArray
    brands: IntArray
    brand_names: tuple[str, ...]
    looks: tuple[str, ...]
    makes: tuple[str, ...]
    sizes: IntArray
    sellers: IntArray
    appeal: FloatArray
    styles: FloatArray
    shelf_price: FloatArray
    list_price: FloatArray
    relative_price: FloatArray
    launched_at: FloatArray
    stock: IntArray
    margin: FloatArray
    categories: IntArray
    departments: IntArray
    demand: FloatArray
    restock_days: FloatArray
    complements: IntArray
    seed: int

    def __len__(self) -> int:
        return len(self.ids)

    def promoted(self, week: int) -> BoolArray:
        """Which items are on offer in that week since 1970; shape (n,). The same for every reader."""
        rng = np.random.default_rng([self.seed, 7, week])
        return rng.random(len(self)) < self.config.promoted

    def prices(self, week: int) -> FloatArray:
        """What each item costs in that week; shape (n,)."""
        cut = self.config.promotion * np.random.default_rng([self.seed, 8, week]).uniform(0.6, 1.4, len(self))
        return np.where(self.promoted(week), _rounded(self.shelf_price * (1 - cut)), self.shelf_price)

    def item(self, n: int, price: float) -> Item:
        """The record of item ``n`` at that price."""
        kind = self.theme.kinds[self.kinds[n]]
        size = self.theme.sizes[self.sizes[n]]
        brand, look, make = self.brand_names[self.brands[n]], self.looks[n], self.makes[n]
        return Item(
            item_id=self.ids[n],
            group_id=f"{brand} {make} {kind.name}".lower().replace(" ", "-"),
            title=f"{brand} {make} {kind.name}, {look}",
            description=_description(kind, self.theme, look=look, make=make, size=size, n=n),
            categories=(kind.department, kind.category, kind.name),
            brand=brand,
            price=round(price, 2),
            list_price=round(max(float(self.list_price[n]), price), 2),
            currency="EUR",
            attributes=self._attributes(n, look=look, make=make, size=size),
            available=bool(self.stock[n] > 0),
            stock=float(self.stock[n]),
            locale="en",
            image_url="",
            created_at=round(float(self.launched_at[n])),
            seller_id=f"seller-{self.sellers[n]:02d}",
            margin=round(float(self.margin[n]), 3),
            tags=tuple(self._tags(n, price)),
        )

    def _attributes(self, n: int, *, look: str, make: str, size: str) -> dict[str, Any]:
        found = {self.theme.look_name: look, self.theme.make_name: make, self.theme.size_name: size}
        if self.relative_price[n] > 0.6:
            found["range"] = "premium"
        return found

    def _tags(self, n: int, price: float) -> Iterator[str]:
        yield self.theme.occasions[(n * 7 + int(self.kinds[n])) % len(self.theme.occasions)]
        if price < self.list_price[n] * 0.97:
            yield "offer"

    def members(self, kind: int) -> IntArray:
        """The items of one type."""
        return np.flatnonzero(self.kinds == kind).astype(np.int32)


def build_shelf(config: WorldConfig, n_items: int, seed: int, now: float) -> Shelf:
    """The catalogue of a world, whose youngest items are new at ``now``; the same for the same arguments."""
    theme = THEMES[config.theme]
    rng = np.random.default_rng([seed, 1])
    kinds_of, demand = _kinds(config, theme, n_items, rng)
    categories, departments = _codes_of(theme)
    brand_names, position, brand_styles = _brands(config, theme, rng)
    brands = _brand_of_items(departments[kinds_of], len(brand_names), rng)
    looks, makes, worded = _words_of_items(theme, kinds_of, rng)
    noise = rng.standard_normal((n_items, STYLE_SIZE))
    styles = (0.9 * worded + 0.7 * brand_styles[brands] + 0.6 * noise) / np.sqrt(2 * 0.9**2 + 0.7**2 + 0.6**2)
    relative = config.price_spread * (0.6 * position[brands] + 0.8 * rng.standard_normal(n_items))
    usual = np.array([kind.price for kind in theme.kinds]) * np.exp(0.25 * rng.standard_normal(len(theme.kinds)))
    shelf_price = _rounded(usual[kinds_of] * np.exp(relative))
    cut = np.where(rng.random(n_items) < 0.15, rng.uniform(0.1, 0.4, n_items), 0.0)
    young = rng.random(n_items) < config.arrivals
    age = np.where(young, rng.uniform(0, 60, n_items), 60 + rng.exponential(300, n_items))
    ids = tuple(f"{config.name[0]}{n:05d}" for n in range(n_items))
    return Shelf(
        config=config, theme=theme, ids=ids, number={name: n for n, name in enumerate(ids)}, kinds=kinds_of,
        brands=brands, brand_names=brand_names, looks=looks, makes=makes,
        sizes=rng.integers(0, len(theme.sizes), n_items).astype(np.int32),
        sellers=np.minimum(rng.geometric(3 / (config.sellers + 2), n_items) - 1, config.sellers - 1).astype(np.int32),
        appeal=config.appeal * rng.standard_normal(n_items), styles=styles, shelf_price=shelf_price,
        list_price=_rounded(shelf_price / (1 - cut)), relative_price=relative, launched_at=now - age * DAY_SECONDS,
        stock=np.where(rng.random(n_items) < 0.02, 0, np.ceil(rng.lognormal(4, 1, n_items))).astype(np.int32),
        margin=np.clip(0.35 + 0.08 * position[brands] + 0.06 * rng.standard_normal(n_items), 0.05, 0.8),
        categories=categories, departments=departments, demand=demand,
        restock_days=np.array([kind.restock_days for kind in theme.kinds]),
        complements=_complements(departments, rng), seed=seed,
    )  # fmt: skip


def _rounded(prices: FloatArray) -> FloatArray:
    """Prices as shops write them: 12.99, 4.49, and whole tens above a hundred."""
    whole = np.floor(prices)
    ending = _PRICE_ENDINGS[(whole.astype(np.int64) * 7 + 3) % len(_PRICE_ENDINGS)]
    small = np.maximum(whole + np.where(whole < 1, 0.49, ending), 0.29)
    return np.where(prices >= 100, np.round(prices / 5) * 5 - 0.01, small)


def _kinds(config: WorldConfig, theme: Theme, n_items: int, rng: np.random.Generator) -> tuple[IntArray, FloatArray]:
    """Type of each item and log-demand of each type. What sells more has more items, but not in proportion."""
    n_kinds = len(theme.kinds)
    demand = config.demand * rng.standard_normal(n_kinds)
    breadth = np.exp(0.5 * demand)
    drawn = rng.choice(n_kinds, n_items, p=breadth / breadth.sum())
    # Every type gets an item where there are enough, so that no category of the tree is empty.
    first = rng.permutation(n_kinds)[:n_items]
    drawn[: len(first)] = first
    return rng.permutation(drawn).astype(np.int32), demand


def _codes_of(theme: Theme) -> tuple[IntArray, IntArray]:
    """Category and department of each type, as small integers."""
    paths = [(kind.department, kind.category) for kind in theme.kinds]
    categories, departments = list(dict.fromkeys(paths)), list(dict.fromkeys(path[0] for path in paths))
    return (
        np.array([categories.index(path) for path in paths], np.int32),
        np.array([departments.index(path[0]) for path in paths], np.int32),
    )


def _brands(
    config: WorldConfig, theme: Theme, rng: np.random.Generator
) -> tuple[tuple[str, ...], FloatArray, FloatArray]:
    """Names, positions from value (below 0) to premium, and styles of the brands."""
    heads, tails = (part.split(",") for part in theme.syllables)
    names = [head + tail for head in heads for tail in tails]
    chosen = rng.choice(len(names), config.brands, replace=False)
    styles = rng.standard_normal((config.brands, STYLE_SIZE))
    return tuple(names[n] for n in chosen), rng.standard_normal(config.brands), styles


def _brand_of_items(departments: IntArray, n_brands: int, rng: np.random.Generator) -> IntArray:
    """A brand for each item; brands differ in size, and each is at home in some departments only."""
    size = np.exp(0.8 * rng.standard_normal((int(departments.max()) + 1, n_brands)))
    size *= rng.random(size.shape) < 0.4
    size[:, 0] += 1e-9
    bounds = np.cumsum(size / size.sum(1, keepdims=True), axis=1)
    draws = rng.random(len(departments))
    drawn = np.minimum((bounds[departments] < draws[:, None]).sum(1), n_brands - 1)
    return np.asarray(drawn, np.int32)


def _words_of_items(
    theme: Theme, kinds: IntArray, rng: np.random.Generator
) -> tuple[tuple[str, ...], tuple[str, ...], FloatArray]:
    """Look and make of each item, and the sum of the two words' styles; each word means one style in the whole shop."""
    style_of: dict[str, FloatArray] = {}
    looks, makes, styles = [], [], np.empty((len(kinds), STYLE_SIZE))
    for n, kind in enumerate(kinds):
        look = str(rng.choice(theme.kinds[kind].looks or theme.looks))
        make = str(rng.choice(theme.kinds[kind].makes or theme.makes))
        for word in (look, make):
            if word not in style_of:
                style_of[word] = rng.standard_normal(STYLE_SIZE)
        looks.append(look)
        makes.append(make)
        styles[n] = style_of[look] + style_of[make]
    return tuple(looks), tuple(makes), styles


def _complements(departments: IntArray, rng: np.random.Generator) -> IntArray:
    """Two types that go with each type, mostly of its own department; shape (t, 2)."""
    n_kinds = len(departments)
    near = departments[:, None] == departments[None, :]
    weight = np.where(near, 1.0, 0.08)
    np.fill_diagonal(weight, 0.0)
    return np.array([rng.choice(n_kinds, 2, replace=False, p=row / row.sum()) for row in weight], np.int32)


def _description(kind: Kind, theme: Theme, *, look: str, make: str, size: str, n: int) -> str:
    """Two sentences, varied by the item's number."""
    occasion = theme.occasions[(n * 7) % len(theme.occasions)]
    name = kind.name.capitalize()
    openings = (f"{name}: {make}, {look}", f"{name}, {theme.make_name} {make}", f"{name}, {theme.look_name} {look}")
    closings = (f"Made for {occasion}.", f"A favourite for {occasion}.", f"Goes well with {kind.category.lower()}.")
    return f"{openings[n % 3]} ({theme.size_name}: {size}). {closings[(n // 3) % 3]}"
