"""What travels over HTTP and is not a noun of its own: asks and answers.

The nouns (Item, User, Policy, Decision) travel as they are in `types`. Fields of an answer come in the order given
here; one that is `UNSET` is left out, and ``None`` is a JSON null.
"""

from typing import Annotated, Any, Final, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tailorbird.types import MAX_ID_CHARACTERS, Item, Request

MOST_IN_SLATE: Final = 500

Id: TypeAlias = Annotated[str, Meta(min_length=1, max_length=MAX_ID_CHARACTERS)]
OptionalId: TypeAlias = Annotated[str, Meta(max_length=MAX_ID_CHARACTERS)] | None
Ids: TypeAlias = Annotated[tuple[Id, ...], Meta(max_length=5_000)]
Factor: TypeAlias = Annotated[float, Meta(ge=0)]


def whole(value: Any) -> Any:
    """A record with all of its fields, those that are at their defaults too, which the log leaves out."""
    if isinstance(value, msgspec.Struct):
        hidden = "withdrawn" if isinstance(value, Item) else ""
        return {name: whole(getattr(value, name)) for name in value.__struct_fields__ if name != hidden}
    return [whole(one) for one in value] if isinstance(value, tuple) else value


# ---- slates -------------------------------------------------------------------------------------------------------


class Wish(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a slate is asked with, whatever its surface. Without any id it is made for a stranger."""

    user_id: OptionalId = None
    anonymous_id: OptionalId = None
    session_id: OptionalId = None
    item_id: OptionalId = None
    cart: Ids = ()
    limit: Annotated[int, Meta(ge=1, le=MOST_IN_SLATE)] = 20
    filter: dict[str, Any] = {}
    exclude: Ids = ()
    boost: dict[str, Factor] = {}
    context: dict[str, Any] = {}
    explain: bool = False
    fields: Annotated[tuple[str, ...], Meta(max_length=100)] = ()
    cursor: OptionalId = None

    def request(self, *, surface: str, query: str | None, at: float) -> Request:
        """This wish as the engine takes it."""
        region = self.context.get("region")
        return Request(
            surface=surface,
            query=query,
            at=at,
            user_id=self.user_id or None,
            anonymous_id=self.anonymous_id or None,
            session_id=self.session_id or None,
            item_id=self.item_id or None,
            cart=self.cart,
            limit=self.limit,
            filter=self.filter,
            exclude=self.exclude,
            boost=self.boost,
            context=self.context,
            region=region if isinstance(region, str) else None,
            explain=self.explain,
            cursor=self.cursor or None,
        )


class Ask(Wish, kw_only=True, forbid_unknown_fields=True):
    """Ask for the slate of a surface. ``fields`` names what of each item shall come along; ``*`` is all of it.

    With ``locale`` in ``context``, an item's texts come in that language where it has them.
    """

    surface: str
    query: Annotated[str, Meta(max_length=1_000)] | None = None


class Search(Wish, kw_only=True, forbid_unknown_fields=True):
    """Ask for the slate of a search."""

    query: Annotated[str, Meta(min_length=1, max_length=1_000)]
    surface: str = "search"


class SlateItem(msgspec.Struct, kw_only=True):
    """One position. ``propensity`` is the exact probability, before the draw, that this item stood here.

    ``channels`` (with ``explain``) is what each retriever said of it, ``item`` the fields of it that were asked for.
    """

    item_id: str
    position: int
    score: float
    source: str
    reason: str
    propensity: float
    explored: bool
    channels: dict[str, float] | UnsetType = UNSET
    item: dict[str, Any] | UnsetType = UNSET


class Slate(msgspec.Struct, kw_only=True):
    """The answer. Report views and clicks with its ``decision_id``; ``degraded`` says what was left out."""

    decision_id: str
    surface: str
    policy: str
    experiment: str | UnsetType = UNSET
    variant: str | UnsetType = UNSET
    items: list[SlateItem]
    next_cursor: str | None
    degraded: str | None
    timings_ms: dict[str, float]
    explanation: dict[str, Any] | UnsetType = UNSET


# ---- events and other things that arrive --------------------------------------------------------------------------


class Rejection(msgspec.Struct, frozen=True):
    """One record that was not taken: its place in the request, and why."""

    index: int
    code: str
    message: str


class Warned(msgspec.Struct, frozen=True):
    """Something about accepted records that the sender may not have meant, and how many it is about."""

    code: str
    count: int
    message: str


class Receipt(msgspec.Struct):
    """What became of a batch. What is counted as accepted is on the disk.

    ``warnings`` tell of what was accepted and counts for nothing: events of types that the shop does not know.
    ``ignored`` counts what was not kept because whoever did it declines ``analytics``, and messages in another system's
    format that say nothing here; ``dropped`` the personal fields that such a format carried, by name. Of a source's
    items, ``unmatched`` were none of the shop's and came in as new, and ``unmapped`` counts them by category paths that
    its taxonomy does not have.
    """

    accepted: int
    duplicates: int
    rejected: list[Rejection]
    warnings: list[Warned] | UnsetType = UNSET
    ignored: int | UnsetType = UNSET
    dropped: dict[str, int] | UnsetType = UNSET
    unmatched: int | UnsetType = UNSET
    unmapped: dict[str, int] | UnsetType = UNSET


class Identification(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """From now on this anonymous id is this user."""

    anonymous_id: Id
    user_id: Id
    evidence: Annotated[str, msgspec.Meta(max_length=64, description="How it is known, such as `login`.")] = "identify"


class Identified(msgspec.Struct, kw_only=True):
    """``joined`` is False when both were known to be one person before, or were taken apart."""

    anonymous_id: str
    user_id: str
    joined: bool


class Parting(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """This anonymous id is not this user, and never was."""

    anonymous_id: Id
    user_id: Id
    reason: Annotated[str, msgspec.Meta(max_length=200, description="Kept with it, for whoever asks later.")] = ""


class Parted(msgspec.Struct, kw_only=True):
    """``separated`` is False when both were apart already. ``unknown`` are those of the two that nobody has seen yet.

    That they are two people holds for them too, should they come. Absent where both are known, or were apart already.
    """

    anonymous_id: str
    user_id: str
    separated: bool
    unknown: list[str] | UnsetType = UNSET


# ---- answers about what is there ----------------------------------------------------------------------------------


class ShopHealth(msgspec.Struct, kw_only=True):
    """``seq`` is the last record of the log that holds in the engine, ``lag`` how many are still to come.

    ``items`` are those that the shop has described; those that only events have named are not counted.
    ``status`` is ready, behind (slates are made of an older state), starting, failing or closed; ``detail`` says why.
    ``left_out`` says of a promoted model that does not serve, why; the others serve without it.
    """

    status: str
    seq: int = 0
    lag: int = 0
    items: int = 0
    models: dict[str, str] = {}
    left_out: dict[str, str] = {}
    detail: str = ""


class Health(msgspec.Struct, kw_only=True):
    """``status`` is ``partly`` where some of several shops are not ready. The figures are those of the only shop."""

    status: str
    seq: int | UnsetType = UNSET
    lag: int | UnsetType = UNSET
    items: int | UnsetType = UNSET
    models: dict[str, str] | UnsetType = UNSET
    left_out: dict[str, str] | UnsetType = UNSET
    shops: dict[str, ShopHealth]


class Alive(msgspec.Struct):
    """The process answers."""

    status: str = "alive"


ITEM_FIELDS: Final = tuple(name for name in Item.__struct_fields__ if name != "withdrawn")
PRIVATE_FIELDS: Final = ("margin", "stock")
"""What a browser's write key does not get to see of an item."""
