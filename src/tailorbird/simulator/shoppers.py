"""Shoppers with hidden tastes: what each of them would think of any item at any time.

A taste is a vector of independent normals for departments, categories, types, brands and styles. It drifts by turning:
``cos(w t) a + sin(w t) b`` of two independent vectors stays a standard normal for ever, can be computed for any time
without what came before, and its correlation over d days is cos(w d). That is the interest evolution of Ie et al.,
RecSim: A Configurable Simulation Platform for Recommender Systems (2019), made free of simulation order.

Nothing here may be read by the engine: it sees events only.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tailorbird.simulator.catalogue import STYLE_SIZE, Shelf
from tailorbird.types import DAY_SECONDS, FloatArray, IntArray

_M1: Final = np.uint64(0xBF58476D1CE4E5B9)
_M2: Final = np.uint64(0x94D049BB133111EB)
_STEP: Final = 0x9E3779B97F4A7C15
_MASK: Final = 0xFFFFFFFFFFFFFFFF
THRIFT_SLOPE: Final = 0.6
NEWNESS: Final = 0.5
SATED: Final = 2.0


def uniforms(key: int, numbers: NDArray[Any]) -> FloatArray:
    """One uniform number in (0, 1) per number, fixed for ever by ``key`` (splitmix64; Steele et al., 2014).

    So two policies that show a shopper the same item in the same visit meet the same mood: common random numbers.
    """
    mixed = numbers.astype(np.uint64) * np.uint64(_STEP) + np.uint64(key & _MASK)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _M1
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _M2
    return ((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) * 2.0**-53 + 2.0**-54


def key_of(*parts: int) -> int:
    """One number for several, well mixed."""
    key = 0
    for part in parts:
        key = ((key ^ part) * 0xD6E8FEB86659FD93 + _STEP) & _MASK
        key ^= key >> 32
    return key


@dataclass(slots=True)
class Memory:
    """What one shopper remembers of the shop: when each type was last bought and which item it was."""

    last: dict[int, int] = field(default_factory=dict)
    bought_at: dict[int, float] = field(default_factory=dict)

    def bought(self, kind: int, item: int, at: float) -> None:
        """Remember a purchase."""
        self.last[kind] = item
        self.bought_at[kind] = at


@dataclass(frozen=True, slots=True)
class Mood:
    """One shopper's tastes at one time, ready to be asked: per type (t,), brand (b,) and style (STYLE_SIZE,)."""

    shopper: int
    at: float
    kinds: FloatArray
    brands: FloatArray
    style: FloatArray
    price_level: float
    quirk_key: int


class Shoppers:
    """All shoppers of a world, as columns of hidden tastes."""

    def __init__(self, shelf: Shelf, n_shoppers: int, seed: int) -> None:
        """Draw everybody's tastes; the same for the same arguments."""
        self.shelf, self.config, self.seed, self.n = shelf, shelf.config, seed, n_shoppers
        config, rng = shelf.config, np.random.default_rng([seed, 2])
        self._kinds = tuple(self._kind_tastes(rng) for _ in range(2))
        self._styles = tuple(rng.standard_normal((n_shoppers, STYLE_SIZE)) for _ in range(2))
        n_brands = len(shelf.brand_names)
        self._brands = config.taste_brand * rng.standard_normal((n_shoppers, n_brands)).astype(np.float32)
        self.price_level = rng.standard_normal(n_shoppers)
        # cos of a third of pi is one half: after `drift_days` half of the correlation is gone.
        speed = np.exp(0.5 * rng.standard_normal(n_shoppers))
        self._turn = speed * (np.pi / 3) / (config.drift_days * DAY_SECONDS)
        self._phase = rng.uniform(0, 2 * np.pi, n_shoppers)
        self.visit_rate = (
            config.visits
            / 30
            * np.exp(config.visits_spread * rng.standard_normal(n_shoppers) - config.visits_spread**2 / 2)
        )
        self.has_account = rng.random(n_shoppers) < config.account
        self.n_devices = rng.choice([1, 2, 3], n_shoppers, p=[0.65, 0.28, 0.07])
        self.eagerness = 0.4 * rng.standard_normal(n_shoppers)
        self.memories: dict[int, Memory] = {}

    def _kind_tastes(self, rng: np.random.Generator) -> NDArray[np.float32]:
        config, shelf, shape = self.config, self.shelf, self.n
        departments = config.taste_department * rng.standard_normal((shape, int(shelf.departments.max()) + 1))
        categories = config.taste_category * rng.standard_normal((shape, int(shelf.categories.max()) + 1))
        kinds = config.taste_type * rng.standard_normal((shape, len(shelf.categories)))
        return (kinds + categories[:, shelf.categories] + departments[:, shelf.departments]).astype(np.float32)

    def memory(self, shopper: int) -> Memory:
        """What this shopper remembers; empty before the first purchase."""
        return self.memories.setdefault(shopper, Memory())

    def mood(self, shopper: int, at: float) -> Mood:
        """This shopper's tastes at that time."""
        angle = self._phase[shopper] + self._turn[shopper] * at
        ahead, aside = np.cos(angle), np.sin(angle)
        kinds = (ahead * self._kinds[0][shopper] + aside * self._kinds[1][shopper]).astype(np.float64)
        style = (ahead * self._styles[0][shopper] + aside * self._styles[1][shopper]) / np.sqrt(STYLE_SIZE)
        return Mood(
            shopper=shopper,
            at=at,
            kinds=kinds,
            brands=self._brands[shopper],
            style=self.config.taste_style * style,
            price_level=float(self.price_level[shopper]),
            quirk_key=key_of(self.seed, 3, shopper),
        )

    def liking(self, mood: Mood, items: IntArray, prices: FloatArray) -> FloatArray:
        """What the shopper thinks of these items *among items of their type*, at these prices; shape (n,)."""
        shelf, config = self.shelf, self.config
        quirk = config.quirk * (uniforms(mood.quirk_key, items) - 0.5) * np.sqrt(12)
        dearness = shelf.relative_price[items] + np.log(np.maximum(prices, 0.01) / shelf.shelf_price[items])
        age_days = np.maximum(mood.at - shelf.launched_at[items], 0) / DAY_SECONDS
        return np.asarray(
            shelf.appeal[items]
            + mood.brands[shelf.brands[items]]
            + shelf.styles[items] @ mood.style
            + config.thrift * (mood.price_level - THRIFT_SLOPE) * dearness
            + NEWNESS * np.exp(-age_days / config.fading)
            + quirk
        )

    def wish(self, mood: Mood) -> FloatArray:
        """How much the shopper is drawn to each type now; shape (t,). What was just bought and lasts is not wanted."""
        wish = mood.kinds + self.shelf.demand
        memory = self.memories.get(mood.shopper)
        for kind, at in memory.bought_at.items() if memory else ():
            lasts = self.shelf.restock_days[kind] or 180.0
            wish[kind] -= SATED * np.exp(-max(mood.at - at, 0.0) / (lasts * DAY_SECONDS) * 2)
        return wish
