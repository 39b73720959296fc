"""The catalogue as columns: every item that the log ever named, by item number.

Stages read columns (`price[items]`), never records; the whole `Item` of a number is decoded only for the slate that is
shown. Each item also carries a small *hashed vector* (feature hashing, Weinberger et al., Feature Hashing for Large
Scale Multitask Learning, 2009): it needs no fit, so that an item is comparable from the moment it arrives.
"""

import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from tailorbird.config import CatalogueConfig
from tailorbird.types import NOBODY, Array, BoolArray, FloatArray, IntArray, Item

VECTOR_SIZE: Final = 64
_WORD: Final = re.compile(r"[^\W_]+")
_MARK = {"leaf": 2.0, "category": 1.0, "brand": 1.5, "word": 0.5, "attribute": 1.0, "tag": 1.0}


class Alias(msgspec.Struct, frozen=True):
    """The id by which a source calls one of the shop's items."""

    source: str
    alias: str
    item_id: str


class Codes:
    """Small integers for strings, in order of first appearance; NOBODY for "not known"."""

    def __init__(self) -> None:
        """No names yet."""
        self.names: list[str] = []
        self._code: dict[str, int] = {}

    def of(self, name: str | None) -> int:
        """The code of ``name``, given out now if it is new."""
        if not name:
            return NOBODY
        code = self._code.get(name)
        if code is None:
            code = self._code[name] = len(self.names)
            self.names.append(name)
        return code

    def find(self, name: str) -> int:
        """The code of ``name``, or NOBODY."""
        return self._code.get(name, NOBODY)

    def name(self, code: int) -> str | None:
        """The name of ``code``."""
        return None if code < 0 else self.names[code]

    def __len__(self) -> int:
        return len(self.names)


class Facts(NamedTuple):
    """What folds ask of one item at every step, as plain numbers; ``log_price`` is nan where there is no price."""

    category: int
    department: int
    brand: int
    price: float
    log_price: float
    discounted: bool


@dataclass(frozen=True)
class _Column:
    """How one column is stored: its type and what stands there for an item of which nothing is known."""

    dtype: Any
    missing: Any
    shape: tuple[int, ...] = ()


_COLUMNS: Final = {
    "price": _Column(np.float64, np.nan),
    "list_price": _Column(np.float64, np.nan),
    "created_at": _Column(np.float64, np.nan),
    "margin": _Column(np.float64, np.nan),
    "sellable": _Column(np.bool_, True),
    "described": _Column(np.bool_, False),
    "restricted": _Column(np.bool_, False),
    "category": _Column(np.int32, NOBODY),
    "department": _Column(np.int32, NOBODY),
    "brand": _Column(np.int32, NOBODY),
    "seller": _Column(np.int32, NOBODY),
    "group": _Column(np.int32, NOBODY),
    "vectors": _Column(np.float32, 0.0, (VECTOR_SIZE,)),
}


class Catalogue:
    """Columns over item numbers, of length `len(catalogue)`; see `_COLUMNS` for their types.

    ``category`` is the leaf and ``department`` the root of the item's category path, as codes of ``categories``.
    ``described`` is False for items that only events have named: they are shown only in a shop that has described none.
    ``price`` and ``list_price`` are in the shop's currency, and not known where the item's has no rate.
    """

    price: Array
    list_price: Array
    created_at: Array
    margin: Array
    sellable: BoolArray
    described: BoolArray
    restricted: BoolArray
    category: IntArray
    department: IntArray
    brand: IntArray
    seller: IntArray
    group: IntArray
    vectors: Array

    def __init__(self, money: CatalogueConfig | None = None) -> None:
        """An empty catalogue; without ``money`` prices are taken as they are, whatever their currency."""
        self.ids: list[str] = []
        self.categories = Codes()
        self.brands = Codes()
        self.sellers = Codes()
        self.groups = Codes()
        self.n_described = 0
        self.version = 0
        self._money = money
        self._number: dict[str, int] = {}
        self._before_alias: dict[str, int] = {}
        self._bodies: list[bytes | None] = []
        self._facts: list[Facts | None] = []
        self._regions: dict[int, frozenset[str]] = {}
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(Item)
        self._store: dict[str, Array] = {}
        # By category: how many items with a price, the sum of its logarithm, and of its square.
        self._category_prices: FloatArray = np.zeros((64, 3))
        self._grow(1024)
        self._trim()

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Item]:
        """Every described item, in order of number."""
        return (self.item(n) for n in range(len(self)) if self._bodies[n] is not None)

    def number(self, item_id: str) -> int:
        """The number of an item, given out now if the log names it for the first time; an alias is its item."""
        number = self._number.get(item_id)
        if number is None:
            number = self._number[item_id] = len(self.ids)
            self.ids.append(item_id)
            self._bodies.append(None)
            self._facts.append(None)
            if number >= len(self._store["price"]):
                self._grow(2 * number)
            self._trim()
        return number

    def find(self, item_id: str) -> int:
        """The number of an item, or NOBODY."""
        return self._number.get(item_id, NOBODY)

    def is_described(self, item_id: str) -> bool:
        """Whether the shop has described this item, and not only named it in events."""
        number = self._number.get(item_id)
        return number is not None and self._bodies[number] is not None

    def numbers(self, item_ids: Iterable[str]) -> list[int]:
        """The numbers of those ids that are known."""
        return [n for i in item_ids if (n := self._number.get(i)) is not None]

    def call(self, alias: str, item_id: str) -> None:
        """From now on another id names this item too, unless an item is described under it, or until one is."""
        number, before = self.number(item_id), self._number.get(alias)
        if before is not None and self.ids[before] == alias:
            if self.described[before]:
                return
            self._before_alias[alias] = before
        self._number[alias] = number

    def item(self, number: int) -> Item:
        """The item's newest version; a bare one if only events have named it."""
        body = self._bodies[number]
        return Item(item_id=self.ids[number]) if body is None else self._decoder.decode(body)

    def upsert(self, item: Item) -> int:
        """Take this as the item's newest version and return its number. Holds for the next request."""
        number = self._own_number(item.item_id)
        if self._bodies[number] is None:
            self.n_described += 1
        self._bodies[number] = self._encoder.encode(item)
        self._facts[number] = None
        self._count_price(number, -1)
        rate = self.rate(item.currency)
        self.price[number] = np.nan if item.price is None else item.price * rate
        self.list_price[number] = np.nan if item.list_price is None else item.list_price * rate
        self.created_at[number] = np.nan if item.created_at is None else item.created_at
        self.margin[number] = np.nan if item.margin is None else item.margin
        self.sellable[number] = item.sellable
        self.described[number] = True
        self.category[number] = self.categories.of(item.categories[-1] if item.categories else None)
        self.department[number] = self.categories.of(item.categories[0] if item.categories else None)
        self.brand[number] = self.brands.of(item.brand)
        self.seller[number] = self.sellers.of(item.seller_id)
        self.group[number] = self.groups.of(item.group_id)
        self.vectors[number] = hashed_vector(item)
        self._count_price(number, 1)
        self.restricted[number] = bool(item.regions)
        self._regions.pop(number, None)
        if item.regions:
            self._regions[number] = frozenset(item.regions)
        self.version += 1
        return number

    def variants(self, number: int) -> IntArray:
        """The other described items of an item's group that may be shown."""
        group = self.group[number]
        if group == NOBODY:
            return np.empty(0, np.int32)
        others: IntArray = np.flatnonzero((self.group == group) & self.sellable).astype(np.int32)
        return np.delete(others, np.flatnonzero(others == number))

    def rate(self, currency: str | None) -> float:
        """What one of a currency is in the shop's; not a number where that is not known."""
        return 1.0 if self._money is None else self._money.rate(currency)

    def _own_number(self, item_id: str) -> int:
        """The number of an item that is described, which is nobody's alias."""
        number = self.number(item_id)
        if self.ids[number] == item_id:
            return number
        own = self._before_alias.pop(item_id, None)
        if own is None:
            del self._number[item_id]
            return self.number(item_id)
        self._number[item_id] = own
        return own

    def price_in_category(self, items: IntArray) -> FloatArray:
        """How many standard deviations each log price lies above those of its leaf category; 0 where one is not known.

        A spread below a tenth counts as a tenth, so that a cent is no distance where all prices are the same.
        """
        places = self.category[items]
        known = (places >= 0) & (self.price[items] > 0)
        n, first, second = self._category_prices[np.where(known, places, 0)].T
        mean = first / np.maximum(n, 1.0)
        spread = np.sqrt(np.maximum(second / np.maximum(n, 1.0) - mean**2, 0.0))
        above = np.log(np.where(known, self.price[items], 1.0)) - mean
        return np.where(known, above / np.maximum(spread, 0.1), 0.0)

    def discount(self, items: IntArray) -> FloatArray:
        """The share off each item's list price now, in [0, 1]; 0 where either price is not known."""
        with np.errstate(divide="ignore", invalid="ignore"):
            off = np.clip(1 - self.price[items] / self.list_price[items], 0.0, 1.0)
        return np.asarray(np.nan_to_num(off, nan=0.0))

    def facts(self, number: int) -> Facts:
        """What the columns say of one item now, read once for as long as it stays as it is."""
        known = self._facts[number]
        if known is None:
            price = float(self.price[number])
            known = self._facts[number] = Facts(
                int(self.category[number]),
                int(self.department[number]),
                int(self.brand[number]),
                price,
                float(np.log(price)) if price > 0 else np.nan,
                self.discounted(number),
            )
        return known

    def discounted(self, item: int) -> bool:
        """Whether this item costs noticeably less than its list price now: a twentieth."""
        return bool(self.price[item] <= 0.95 * self.list_price[item])

    def _count_price(self, number: int, times: int) -> None:
        """Add the item's log price to those of its category, or with -1 take it out."""
        category, price = int(self.category[number]), float(self.price[number])
        if category == NOBODY or not price > 0:
            return
        if category >= len(self._category_prices):
            wider = np.zeros((2 * category + 1, 3))
            wider[: len(self._category_prices)] = self._category_prices
            self._category_prices = wider
        log_price = np.log(price)
        self._category_prices[category] += times * np.array((1.0, log_price, log_price**2))

    def showable(self, items: IntArray) -> BoolArray:
        """Which of these may be shown at all: sellable, and described unless the shop has described nothing."""
        ok = self.sellable[items]
        return ok & self.described[items] if self.n_described else ok

    def in_region(self, items: IntArray, region: str | None) -> BoolArray:
        """Which of these are sold in ``region``. Items without regions are sold everywhere."""
        ok = ~self.restricted[items]
        for row in np.flatnonzero(~ok):
            ok[row] = region is not None and region in self._regions[int(items[row])]
        return ok

    def _grow(self, capacity: int) -> None:
        for name, column in _COLUMNS.items():
            wider = np.full((capacity, *column.shape), column.missing, column.dtype)
            if name in self._store:
                wider[: len(self._store[name])] = self._store[name]
            self._store[name] = wider

    def _trim(self) -> None:
        for name, stored in self._store.items():
            setattr(self, name, stored[: len(self.ids)])


def in_locale(item: Item, locale: str | None) -> Item:
    """The item with its texts in a locale, or in its language (``de`` for ``de-AT``); as it is where it has none.

    >>> lamp = Item(item_id="1", title="Lamp", translations={"de": {"title": "Lampe"}})
    >>> in_locale(lamp, "de_AT").title, in_locale(lamp, "fr").title
    ('Lampe', 'Lamp')
    """
    wanted, own = _locale(locale), _locale(item.locale)
    while wanted and wanted != own:
        if texts := item.translations.get(wanted):
            categories = tuple(texts.get("categories", item.categories))
            return msgspec.structs.replace(item, **{**texts, "categories": categories, "locale": wanted})
        wanted = wanted.rpartition("-")[0]
    return item


def _locale(name: str | None) -> str:
    return (name or "").strip().replace("_", "-").lower()


def words(text: str) -> list[str]:
    """Lower-case words and numbers of a text.

    >>> words("USB-C Kabel, 2 m")
    ['usb', 'c', 'kabel', '2', 'm']
    """
    return _WORD.findall(text.lower())


def tokens(item: Item) -> Iterator[tuple[str, str]]:
    """What describes an item, as (kind, token): categories, brand, tags, attributes and the words of its title."""
    for category in item.categories[:-1]:
        yield "category", category
    if item.categories:
        yield "leaf", item.categories[-1]
    if item.brand:
        yield "brand", item.brand
    for tag in item.tags:
        yield "tag", tag
    for name, value in item.attributes.items():
        for one in value if isinstance(value, list | tuple) else (value,):
            yield "attribute", f"{name}={one}"
    for word in words(item.title):
        yield "word", word


def hashed_vector(item: Item) -> Array:
    """Unit float32 vector of shape (VECTOR_SIZE,); zeros for an item without any description."""
    vector = np.zeros(VECTOR_SIZE, np.float32)
    for kind, token in tokens(item):
        code = zlib.crc32(f"{kind}:{token}".encode())
        vector[code % VECTOR_SIZE] += _MARK[kind] * (1.0 if code & 0x1000 else -1.0)
    norm = float(np.linalg.norm(vector))
    return vector / norm if norm else vector
