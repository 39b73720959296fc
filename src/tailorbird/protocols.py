"""The shapes that a stage or a backend must have. Five methods at most, so that writing a new one is an afternoon.

Everything here is structural: nothing has to inherit. The conformance suites in ``tests/conformance`` hold each
implementation to the sentences below.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum
from math import inf
from typing import Any, ClassVar, Final, Protocol, runtime_checkable

import msgspec

from tailorbird.catalogue import Catalogue
from tailorbird.types import (
    Array,
    Candidates,
    Decision,
    Entry,
    FloatArray,
    History,
    IntArray,
    Interaction,
    Interactions,
    Person,
    Policy,
    Record,
    Request,
)

Told = Callable[[str, float], None]
"""Hears of a long piece of work: what is being done, and the share done, from 0 to 1."""


def unheard(_what: str, _share: float) -> None:
    """What a long piece of work tells while nobody listens."""


class Scope(StrEnum):
    """Whose state a feature view keeps: a user's, an item's, one for a visit, for a user and an item, for all.

    One of scope request keeps none: it reads the request and the catalogue.
    """

    USER = "user"
    ITEM = "item"
    SESSION = "session"
    PAIR = "pair"
    SHOP = "shop"
    REQUEST = "request"


FOR_EVER: Final = inf
"""The ``ttl_days`` of a view whose state nobody lets go."""

EVERY: Final = frozenset[str]()
"""The ``begins_with`` of a view whose empty state any step may change."""


class FeatureView(Protocol):
    """A fold over the log: `empty`, `update`, `merge`, `read`, side by side in one file.

    ``update`` may change and return the state it was given; nobody else holds it. For scope item and pair a state is
    one float64 row, so that ``read`` gets the rows of all candidates at once; for the others it is whatever the view
    likes. One of scope item or pair hears of steps about items alone; for the others the item may be NOBODY.

    A state whose owner did nothing for ``ttl_days`` reads as empty and is let go. ``freshness_seconds`` is how far
    behind the log a reader may be before the values mislead, and ``owner`` who answers for them. ``begins_with`` are
    the types of steps that make something of an empty state; every other one leaves it empty, and is not brought to it.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    scope: ClassVar[Scope]
    columns: ClassVar[tuple[str, ...]]
    owner: ClassVar[str]
    ttl_days: ClassVar[float]
    freshness_seconds: ClassVar[float]
    begins_with: ClassVar[frozenset[str]]

    def empty(self) -> Any:
        """The state of somebody or something of which nothing is known."""

    def update(self, state: Any, step: Interaction, catalogue: Catalogue) -> Any:
        """The state after one more interaction."""

    def merge(self, mine: Any, theirs: Any) -> Any:
        """The state of one who turns out to be both."""

    def read(self, state: Any, request: Request, items: IntArray, catalogue: Catalogue) -> FloatArray:
        """One row per candidate, one column per name in ``columns``; finite; shape (n, len(columns))."""


@runtime_checkable
class ReadsShop(Protocol):
    """A view that is read beside one of scope shop, named here: it reads the pair of its own state and the shop's."""

    shop: ClassVar[str]


class Retriever(Protocol):
    """A channel: it finds, judges, learns from one event, and fits from the log.

    It must take people it never saw, histories of any length including none, and item numbers that came after the fit
    (scored 0 until it learns of them). Scores are finite, higher is better, and only comparable within one channel.
    The constructor takes ``(config, arrays=None)``; with arrays it is as it was when they were stored.
    """

    name: ClassVar[str]

    def fit(self, interactions: Interactions, catalogue: Catalogue) -> None:
        """Forget everything and learn from these."""

    def learn(self, step: Interaction, history: History) -> None:
        """One more interaction by someone whose history *before* it is given. May do nothing."""

    def retrieve(self, request: Request, history: History, limit: int) -> tuple[IntArray, FloatArray]:
        """At most ``limit`` different item numbers with their scores, best first."""

    def score(self, request: Request, history: History, items: IntArray) -> FloatArray:
        """What this channel thinks of each of ``items``; shape (n,). 0 is "no opinion"."""

    def arrays(self) -> Mapping[str, Array]:
        """Everything that has to be stored; loading never runs code."""


@runtime_checkable
class FollowsCatalogue(Protocol):
    """A channel that knows items by what they are: it is told which catalogue to look at for new ones."""

    def bind(self, catalogue: Catalogue) -> None:
        """From now on, take in what is new in this catalogue."""


@runtime_checkable
class TellsProgress(Protocol):
    """A model whose fit takes minutes: it tells where it is."""

    told: Told


class TextEncoder(Protocol):
    """Texts to vectors whose cosine says how alike they are in meaning."""

    name: str
    dimension: int

    def encode(self, texts: Sequence[str]) -> Array:
        """One vector of length one per text, shape (n, dimension), in float32."""


@runtime_checkable
class ReadsText(Protocol):
    """A channel whose fit can use vectors of texts, where the shop has something that makes them."""

    encoder: TextEncoder | None

    @property
    def made_by(self) -> str:
        """The name of the encoder whose vectors it holds; empty where it holds none."""


class Ranker(Protocol):
    """Features of the pool to one score per candidate."""

    name: ClassVar[str]

    def score(self, matrix: FloatArray) -> FloatArray:
        """Higher is better; ``matrix`` has the columns the ranker was fitted with, shape (n, n_features)."""

    def contributions(self, row: FloatArray) -> Mapping[str, float]:
        """What each feature added to the score of one row."""


class Reranker(Protocol):
    """Pool to pool: the same items or fewer, in a better order."""

    name: ClassVar[str]

    def rerank(self, request: Request, person: Person, pool: Candidates, policy: Policy) -> Candidates:
        """The pool with its best items first. Must not invent items."""


class Log(Protocol):
    """Append-only, idempotent, numbered. What `append` returned is on the disk."""

    def append(self, entries: Sequence[Entry]) -> "Sequence[Verdict]":
        """Durably add these, all or nothing, and say of each what became of it."""

    def read(self, after: int, limit: int) -> Sequence[Record]:
        """At most ``limit`` records with a higher number than ``after``, in order. Closed segments included."""

    def last_seq(self) -> int:
        """The highest number given out; 0 for an empty log."""

    def current(self, kind: str, key: str) -> bytes | None:
        """The newest body of that kind and key; None where there is none."""

    def newest(self, kind: str, keys: Collection[str] | None = None) -> Sequence[bytes]:
        """The newest bodies of all that is of this kind (items, users, identities), or of these keys of it."""


class Verdict(StrEnum):
    """What became of an appended entry."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"


class Ledger(Protocol):
    """Every decision, committed in groups off the request's path. A crash may cost the last 50 ms."""

    def record(self, decision: Decision) -> None:
        """Queue it; returns at once."""

    def get(self, decision_id: str) -> Decision | None:
        """The decision of that id, also while it waits to be committed."""

    def recent(self, limit: int) -> Sequence[Decision]:
        """The newest first."""

    def close(self) -> None:
        """Commit what waits, then let go of the file."""


SCOPES: Final[Mapping[str, str]] = {
    "secret": "everything",
    "read": "reads items, people, slates and decisions, and asks for slates; changes nothing",
    "events": "sends events and joins ids; reads nothing",
    "console": "opens the console, and calls nothing",
    "write": "public, for pages: sends events, joins ids and asks for slates",
}
"""What a key may be for, the smallest that will do being the best."""


class Key(msgspec.Struct, frozen=True):
    """What is known of a key. ``key_id`` is the start of its hash: enough to name it, no use for calling.

    ``last_used_at`` is the day when it was used last, to the day; ``expires_at`` is when it stops by itself.
    """

    key_id: str
    name: str
    scope: str
    created_at: float
    revoked_at: float | None = None
    expires_at: float | None = None
    last_used_at: float | None = None

    def has_expired(self, now: float) -> bool:
        """Whether it has stopped by itself."""
        return self.expires_at is not None and self.expires_at <= now


class KeyStore(Protocol):
    """One shop's keys, of which only hashes are kept. ``changes`` grows when this process makes or revokes one."""

    changes: int

    def living(self) -> Mapping[bytes, Key]:
        """Every key that was not revoked, those that have expired included, by the SHA-256 of its secret."""

    def mark_used(self, key_ids: Collection[str], at: float) -> None:
        """Note that these were used on the day of ``at``."""
