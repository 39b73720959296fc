"""The nouns: what every room of the house talks about. No I/O, no clock, no randomness.

Two shapes, on purpose. *Records* (msgspec Structs) exist at the edges, where one fact arrives or one answer leaves.
Between stages go *columns*: numpy arrays indexed by **item number** and **person number**, small integers handed out in
the order in which the log first names an item or a person, so that no stage compares strings.

Times are UTC epoch seconds (float) everywhere inside; ISO 8601 exists only on the wire.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

IntArray: TypeAlias = NDArray[np.int32]
FloatArray: TypeAlias = NDArray[np.float64]
BoolArray: TypeAlias = NDArray[np.bool_]
Array: TypeAlias = NDArray[Any]

NOBODY: Final = -1
"""The person or item number that stands for "not known"."""

DAY_SECONDS: Final = 86_400.0
FIRST_TIME: Final = 1e8
"""Smaller numbers (before March 1973) are positions in an order, not times."""

MAX_ID_CHARACTERS: Final = 256
PAGE: Final = "page:"  # begins the id of an event that came by a write key, which anybody can read in a page

SURFACES: Final = ("home", "item", "cart", "search", "email", "push", "feed", "assistant")

EVENT_TYPES: Final = (
    "page_view", "item_view", "list_view", "list_click", "search", "cart_add", "cart_remove", "cart_view",
    "wishlist_add", "wishlist_remove", "checkout_start", "checkout_step", "purchase", "order_change", "refund",
    "promo_view", "promo_click", "rating", "review", "share", "dismiss", "watch", "consume", "answer",
    "message_sent", "message_open", "message_click", "page_leave", "consent",
)  # fmt: skip
"""Types with a meaning here. Any other type is kept in the log and weighs 0 until the configuration says otherwise."""


# ---- records: what arrives --------------------------------------------------------------------------------------


class OrderLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One item of an event that is about several: a cart or an order. ``price`` is for one piece."""

    item_id: str
    quantity: float = 1.0
    price: float | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A timestamped fact about a person and (mostly) an item, as ``ingest`` validated it. Append-only."""

    type: str
    at: float
    event_id: str = ""
    user_id: str | None = None
    anonymous_id: str | None = None
    session_id: str | None = None
    item_id: str | None = None
    items: tuple[OrderLine, ...] = ()
    value: float | None = None
    currency: str | None = None
    query: str | None = None
    rating: float | None = None
    dwell_seconds: float | None = None
    scroll_depth: float | None = None
    watch_seconds: float | None = None
    decision_id: str | None = None
    position: int | None = None
    surface: str | None = None
    context: dict[str, Any] = {}
    consent: dict[str, bool] = {}
    properties: dict[str, Any] = {}

    @property
    def person(self) -> str:
        """The key of whoever did this; see `person_key`."""
        return person_key(self.user_id, self.anonymous_id)

    @property
    def by_page(self) -> bool:
        """Whether a page said so, and not the shop's server."""
        return self.event_id.startswith(PAGE)

    @property
    def lines(self) -> tuple[OrderLine, ...]:
        """The items that this event is about, one line each; none for a page view."""
        return self.items or ((OrderLine(self.item_id),) if self.item_id else ())


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A thing that can be shown, as it is in one version. Only ``item_id`` is required; absent means not known.

    ``translations`` are texts by locale: title, description, categories. ``withdrawn`` is what a deletion leaves.
    """

    item_id: str
    group_id: str | None = None
    title: str = ""
    description: str = ""
    categories: tuple[str, ...] = ()
    brand: str | None = None
    price: float | None = None
    list_price: float | None = None
    currency: str | None = None
    attributes: dict[str, Any] = {}
    available: bool = True
    stock: float | None = None
    regions: tuple[str, ...] = ()
    locale: str | None = None
    image_url: str | None = None
    url: str | None = None
    created_at: float | None = None
    seller_id: str | None = None
    margin: float | None = None
    tags: tuple[str, ...] = ()
    translations: dict[str, dict[str, Any]] = {}
    withdrawn: bool = False

    @property
    def sellable(self) -> bool:
        """Whether it may be shown now: available, not withdrawn, and not out of stock where stock is known."""
        return self.available and not self.withdrawn and (self.stock is None or self.stock > 0)


class User(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a shop tells us about one user. ``consent`` maps a purpose to yes or no; an absent purpose was not asked."""

    user_id: str
    traits: dict[str, Any] = {}
    preferences: dict[str, Any] = {}
    locale: str | None = None
    currency: str | None = None
    region: str | None = None
    consent: dict[str, bool] = {}
    created_at: float | None = None


class Identity(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Evidence that an anonymous id and a user id are one person, from ``at`` on."""

    anonymous_id: str
    user_id: str
    at: float
    evidence: str = "identify"


def person_key(user_id: str | None, anonymous_id: str | None) -> str:
    """One namespace for known and anonymous ids; a user id wins when both are there.

    >>> person_key("7", "x"), person_key(None, "7"), person_key(None, None)
    ('u:7', 'a:7', '')
    """
    if user_id:
        return f"u:{user_id}"
    return f"a:{anonymous_id}" if anonymous_id else ""


# ---- the log ----------------------------------------------------------------------------------------------------


class Entry(msgspec.Struct, frozen=True):
    """Something to append. ``key`` names the fact for idempotency; ``body`` is the record as JSON.

    ``kind`` is event, item, source_item (what a source says of one), alias, user, identity, separation, erasure or
    retention (``erased``, ``expired``: in place of others). An event's key is its event_id; twice is a duplicate or a
    conflict. Any other body is a *version* of what the key names.
    """

    kind: str
    key: str
    at: float
    body: bytes


class Record(msgspec.Struct, frozen=True):
    """One entry as the log holds it. ``seq`` grows by order of commit; ``recorded_at`` is when it arrived."""

    seq: int
    kind: str
    key: str
    at: float
    recorded_at: float
    body: bytes


# ---- columns: what stages exchange ------------------------------------------------------------------------------


class Interaction(msgspec.Struct, frozen=True):
    """One item line of one event, resolved to numbers: the step that every fold takes.

    ``weight`` is what the configuration gives the event's type: above 0 for interest, below for a no, 0 for neither.
    A search is a step too, of weight 0 and with NOBODY as its item.
    """

    person: int
    item: int
    at: float
    type: str
    weight: float
    quantity: float = 1.0
    price: float | None = None
    session: str | None = None
    surface: str | None = None
    query: str | None = None


@dataclass(frozen=True, slots=True)
class Interactions:
    """Interactions of interest (weight above 0) of many people, as columns in the log's order, of shape (n,).

    ``users``, ``items`` (int32), ``at``, ``weights`` (float64); ``bought`` (the purchases; none where nothing is said).
    """

    users: IntArray
    items: IntArray
    at: FloatArray
    weights: FloatArray
    n_users: int
    n_items: int
    bought: BoolArray = field(default_factory=lambda: np.empty(0, np.bool_))

    def __post_init__(self) -> None:
        if not len(self.bought):
            object.__setattr__(self, "bought", np.zeros(len(self.items), np.bool_))

    def __len__(self) -> int:
        return len(self.users)

    @property
    def timed(self) -> bool:
        """Whether ``at`` holds times, and not only positions in an order."""
        return len(self.at) > 0 and bool(self.at.min() >= FIRST_TIME)

    def by_user(self) -> tuple[IntArray, NDArray[np.int64]]:
        """Rows in a stable order by person, and where each person's rows start: ``order[starts[u]:starts[u+1]]``."""
        order = np.argsort(self.users, kind="stable").astype(np.int32)
        counts = np.bincount(self.users, minlength=self.n_users)
        return order, np.concatenate(([0], np.cumsum(counts)))

    def take(self, rows: NDArray[Any]) -> "Interactions":
        """The given rows (a mask or positions), numbers unchanged."""
        columns = (self.users[rows], self.items[rows], self.at[rows], self.weights[rows])
        return Interactions(*columns, self.n_users, self.n_items, self.bought[rows])


class History(msgspec.Struct, frozen=True, eq=False):
    """One person's interactions of interest, oldest first; columns of shape (n,).

    A stage reads it as a *query*: on an item page or a cart ``decide`` appends the anchors as the newest entries.
    """

    items: IntArray
    at: FloatArray
    weights: FloatArray
    bought: BoolArray

    def __len__(self) -> int:
        return len(self.items)

    @staticmethod
    @cache
    def empty() -> "History":
        """Nobody's history, always the same one."""
        return History(np.empty(0, np.int32), np.empty(0), np.empty(0), np.empty(0, np.bool_))

    @staticmethod
    def of(items: Iterable[int], *, at: float = 0.0, bought: bool = False) -> "History":
        """A history of these item numbers, oldest first, all at one time, with weight 1, and bought or not."""
        numbers = np.fromiter(items, np.int32)
        return History(numbers, np.full(len(numbers), at), np.ones(len(numbers)), np.full(len(numbers), bought))

    def plus(self, items: Sequence[int], *, at: float, bought: bool = False) -> "History":
        """This history with ``items`` as its newest entries."""
        return self._before(History.of(items, at=at, bought=bought)) if len(items) else self

    def plus_history(self, other: "History") -> "History":
        """Both by time; at equal times this one's entries come first."""
        both = self._before(other)
        return both.take(np.argsort(both.at, kind="stable"))

    def _before(self, other: "History") -> "History":
        return History(
            *(np.concatenate((getattr(self, name), getattr(other, name))) for name in self.__struct_fields__)
        )

    def take(self, rows: NDArray[Any] | slice) -> "History":
        """The given entries (a mask, positions or a slice)."""
        return History(self.items[rows], self.at[rows], self.weights[rows], self.bought[rows])

    def last(self, n: int) -> "History":
        """The newest ``n`` entries."""
        return self if len(self.items) <= n else self.take(slice(len(self.items) - n, None))

    def without_last(self, n: int) -> "History":
        """All but the newest ``n`` entries."""
        return self.take(slice(max(len(self.items) - n, 0)))

    def recency(self, half_life: float) -> FloatArray:
        """Weight 0.5 ** (steps before the end / half_life) of each entry; shape (n,). Infinity gives ones."""
        return np.exp2(-np.arange(len(self.items) - 1, -1, -1, dtype=np.float64) / half_life)


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a surface asks for. ``filter``: field -> allowed values; ``boost``: ``field:value`` -> factor."""

    surface: str
    at: float
    user_id: str | None = None
    anonymous_id: str | None = None
    session_id: str | None = None
    item_id: str | None = None
    cart: tuple[str, ...] = ()
    query: str | None = None
    limit: int = 20
    filter: dict[str, Any] = {}
    exclude: tuple[str, ...] = ()
    boost: dict[str, float] = {}
    context: dict[str, Any] = {}
    region: str | None = None
    explain: bool = False
    cursor: str | None = None
    decision_id: str = ""

    @property
    def person(self) -> str:
        """The key of whoever is asking; see `person_key`."""
        return person_key(self.user_id, self.anonymous_id)


@dataclass(slots=True)
class Candidates:
    """Items under consideration, in columns; n items, c channels.

    ``items`` (n,) item numbers; ``channels`` the c retrievers' names; ``scores`` (n, c) what each channel says of each
    item, 0 where it has no opinion; ``beside_last`` (n, c) the same when asked about the newest item of the history
    alone, 0 for channels that are not asked; ``found`` (n, c) whether the channel proposed the item itself; ``score``
    (n,) the order so far, higher is better; ``trail`` what was removed or moved on the way, for `explain`.
    """

    items: IntArray
    channels: tuple[str, ...]
    scores: FloatArray
    beside_last: FloatArray
    found: BoolArray
    score: FloatArray
    trail: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.items)

    def take(self, rows: NDArray[Any]) -> "Candidates":
        """These rows (a mask, or positions in the order wanted)."""
        columns = (self.items[rows], self.channels, self.scores[rows], self.beside_last[rows], self.found[rows])
        return Candidates(*columns, self.score[rows], self.trail)

    def ordered(self) -> "Candidates":
        """By score, best first; equal scores keep their order."""
        return self.take(np.argsort(-self.score, kind="stable"))


@dataclass(slots=True)
class Person:
    """Whoever is in front of the shop, as the online state knows them at this moment.

    ``states`` maps a feature view of scope user, session or pair to what is kept of this person (`features.keeping`).
    ``number`` is NOBODY for a first visit. By ``unit``, the key under which they were first met, experiments assign.
    """

    key: str
    number: int
    history: History
    states: Mapping[str, Any]
    user: User | None = None
    consent: Mapping[str, bool] = field(default_factory=dict)
    unit: str = ""

    @property
    def may_personalise(self) -> bool:
        """False when this person said no to personalisation: then only the context counts."""
        return self.consent.get("personalisation", True)


# ---- the recipe and the answer ----------------------------------------------------------------------------------


class Channel(msgspec.Struct, frozen=True, omit_defaults=True):
    """One retriever of a policy and how many candidates it may propose."""

    retriever: str
    limit: int = 100


class Policy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The whole recipe of a surface. ``version`` is derived from the content, so that a decision names exactly one."""

    surface: str
    name: str = "default"
    channels: tuple[Channel, ...] = ()
    pool: int = 300
    ranker: str | None = "ranker"
    hide_bought: bool = False
    bought_days: float = 30.0
    diversity: float = 0.1
    diversity_pool: int = 100
    fatigue_minutes: float = 30.0
    exploration: float = 0.1
    version: str = ""


class Placed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One position of a slate. ``propensity`` is the exact probability, before the draw, that this item stood here."""

    item_id: str
    position: int
    score: float
    source: str
    reason: str
    propensity: float
    explored: bool = False
    channels: dict[str, float] = {}


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The record of one answer: enough to explain, attribute, replay and audit it."""

    decision_id: str
    at: float
    surface: str
    person: str
    policy: str
    policy_version: str
    items: tuple[Placed, ...]
    request: Request
    experiment: str | None = None
    variant: str | None = None
    seq: int = 0
    models: dict[str, str] = {}
    pool_size: int = 0
    degraded: str | None = None
    timings_ms: dict[str, float] = {}
    explanation: dict[str, Any] = {}
