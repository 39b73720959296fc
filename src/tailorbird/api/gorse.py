"""The part of Gorse's REST API that a shop calls, so that moving here is one URL.

Source: Gorse documentation, "RESTful APIs" (read 2026-11). Users, items and feedback come in by the format `gorse`. A
recommendation is a slate of `home`, neighbours of an item are one of `item`, popular is what a stranger gets. Feedback
is a log here: the same again is another event, unless it has the same Timestamp. Deleting a user forgets them. What
Gorse lists for its own dashboard, and the names of its recommenders, mean nothing here.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
from litestar import MediaType, Request, Response, delete, get, patch, post, put
from litestar.params import FromPath

from tailorbird.api.batches import read_messages
from tailorbird.api.contract import speaks
from tailorbird.api.events import take
from tailorbird.api.keys import take_events
from tailorbird.api.live import Live, LiveShop
from tailorbird.api.wire import MOST_IN_SLATE, Receipt
from tailorbird.errors import BadInput, NotFound, QuotaExceeded
from tailorbird.ingest.formats.facts import FactKind
from tailorbird.ingest.formats.gorse import Gorse
from tailorbird.ingest.items import entry_of_item
from tailorbird.types import Decision, Item
from tailorbird.types import Request as Ask

_DEFAULT_N: Final = 10
_BODY: Final = {"application/json": {"type": "object"}}
_BODIES: Final = {"application/json": {"type": "array", "items": {"type": "object"}}}
_IDS: Final = {"application/json": {"type": "array", "items": {"type": "string"}}}
_SCORES: Final = {"application/json": {"type": "array", "items": {"type": "object"}}}
_QUERY: Final = {
    "n": "How many; 10 if it is left out.",
    "category": "Only items of this category.",
}


class RowAffected(msgspec.Struct):
    """How many records were new."""

    RowAffected: int


async def _write(request: Request[Any, Any, Any], live: Live, kind: FactKind, **fixed: str) -> RowAffected:
    """Keep what the body says of this kind; ``fixed`` are fields that the path gives.

    Raises:
        BadInput: the first record that cannot be used; those before and after it are kept.
    """
    records = await read_messages(request, Gorse().messages, most=live.app.config.server.max_batch)
    if kind == "event":
        take_events(request, live, len(records))
    records = [{**record, **fixed} if isinstance(record, dict) else record for record in records]
    receipt: Receipt = await take(live, Gorse(), records, kinds=(kind,))
    if receipt.rejected:
        first = receipt.rejected[0]
        raise BadInput(f"Record {first.index}: {first.message}")
    return RowAffected(receipt.accepted)


@post("/api/user", status_code=200, summary="Put a user", tags=["gorse"], **speaks(key="secret", reads=_BODY))
async def post_user(request: Request[Any, Any, Any], live: LiveShop) -> RowAffected:
    """A user's labels are added to what is known."""
    return await _write(request, live, "user")


@post("/api/users", status_code=200, summary="Put users", tags=["gorse"], **speaks(key="secret", reads=_BODIES))
async def post_users(request: Request[Any, Any, Any], live: LiveShop) -> RowAffected:
    """The same for many."""
    return await _write(request, live, "user")


@patch("/api/user/{user_id:str}", summary="Change a user", tags=["gorse"], **speaks(key="secret", reads=_BODY))
async def patch_user(user_id: FromPath[str], request: Request[Any, Any, Any], live: LiveShop) -> RowAffected:
    """Labels are added to what is known."""
    return await _write(request, live, "user", UserId=user_id)


@get("/api/user/{user_id:str}", summary="Read a user", tags=["gorse"], **speaks(key="read", fails=(NotFound,)))
async def get_user(user_id: FromPath[str], live: LiveShop) -> dict[str, Any]:
    """What we were told of the user."""
    user = live.app.user(user_id)
    if user is None:
        raise NotFound(f"We were told nothing of the user '{user_id[:64]}'.")
    return {"UserId": user.user_id, "Labels": user.traits, "Comment": ""}


@delete(
    "/api/user/{user_id:str}",
    status_code=200,
    summary="Forget a user",
    tags=["gorse"],
    **speaks(key="secret", fails=(NotFound,)),
)
async def delete_user(user_id: FromPath[str], live: LiveShop) -> RowAffected:
    """As `POST /v1/privacy/erase` does."""
    async with live.changing:
        proof, names = await asyncio.to_thread(live.app.erase, [user_id])
        live.app.forget(names)
    return RowAffected(proof.people)


@post("/api/item", status_code=200, summary="Put an item", tags=["gorse"], **speaks(key="secret", reads=_BODY))
async def post_item(request: Request[Any, Any, Any], live: LiveShop) -> RowAffected:
    """Make this the whole item."""
    return await _write(request, live, "item")


@post("/api/items", status_code=200, summary="Put items", tags=["gorse"], **speaks(key="secret", reads=_BODIES))
async def post_items(request: Request[Any, Any, Any], live: LiveShop) -> RowAffected:
    """The same for many."""
    return await _write(request, live, "item")


@get("/api/item/{item_id:str}", summary="Read an item", tags=["gorse"], **speaks(key="read", fails=(NotFound,)))
async def get_item(item_id: FromPath[str], live: LiveShop) -> dict[str, Any]:
    """The item's newest version."""
    item = _item(live, live.app.ours(item_id))
    return {
        "ItemId": item.item_id,
        "IsHidden": not item.available,
        "Categories": list(item.categories),
        "Labels": item.attributes or list(item.tags),
        "Comment": item.title,
    }


@delete(
    "/api/item/{item_id:str}",
    status_code=200,
    summary="Withdraw an item",
    tags=["gorse"],
    **speaks(key="secret", fails=(NotFound,)),
)
async def delete_item(item_id: FromPath[str], live: LiveShop) -> RowAffected:
    """Show it no more."""
    async with live.changing:
        withdrawn = msgspec.structs.replace(_item(live, item_id), withdrawn=True)
        await live.append([entry_of_item(withdrawn, at=live.app.clock())])
    return RowAffected(1)


@post(
    "/api/feedback",
    status_code=200,
    summary="Send feedback",
    tags=["gorse"],
    **speaks(key="events", reads=_BODIES, fails=(QuotaExceeded,)),
)
async def post_feedback(request: Request[Any, Any, Any], live: LiveShop) -> RowAffected:
    """Each becomes an event."""
    return await _write(request, live, "event")


@put(
    "/api/feedback",
    status_code=200,
    summary="Send feedback",
    tags=["gorse"],
    **speaks(key="events", reads=_BODIES, fails=(QuotaExceeded,)),
)
async def put_feedback(request: Request[Any, Any, Any], live: LiveShop) -> RowAffected:
    """The same; the log only grows, so nothing is overwritten."""
    return await _write(request, live, "event")


@get(
    "/api/recommend/{user_id:str}",
    summary="Recommend to a user",
    tags=["gorse"],
    **speaks(key="slates", gives=_IDS, query=_QUERY),
)
async def recommend_to_user(user_id: FromPath[str], request: Request[Any, Any, Any], live: LiveShop) -> Response[Any]:
    """Ids, best first; with the header `X-API-Version: 2`, ids and scores."""
    slate = live.recommend(_ask(request, live, surface="home", user_id=user_id))
    scored = request.headers.get("x-api-version") == "2"
    return _json(_scores(slate) if scored else [placed.item_id for placed in slate.items])


@post(
    "/api/session/recommend",
    status_code=200,
    summary="Recommend to a session",
    tags=["gorse"],
    **speaks(key="slates", reads=_BODIES, gives=_SCORES, query=_QUERY),
)
async def recommend_to_session(request: Request[Any, Any, Any], live: LiveShop) -> Response[Any]:
    """For somebody of whom only this feedback is known; nothing of it is kept."""
    feedback = await read_messages(request, Gorse().messages, most=live.app.config.server.max_batch)
    items = [str(one["ItemId"]) for one in feedback if isinstance(one, dict) and one.get("ItemId")]
    return _json(_scores(live.recommend(_ask(request, live, surface="home", cart=tuple(items)))))


@get(
    "/api/item-to-item/{name:str}/{item_id:str}",
    summary="Recommend beside an item",
    tags=["gorse"],
    **speaks(key="slates", gives=_SCORES, query=_QUERY),
)
async def recommend_beside(
    name: FromPath[str], item_id: FromPath[str], request: Request[Any, Any, Any], live: LiveShop
) -> Response[Any]:
    """The slate of the item's page for a stranger, whatever the recommender is called."""
    del name
    return _json(_scores(live.recommend(_ask(request, live, surface="item", item_id=item_id))))


@get(
    "/api/non-personalized/{name:str}",
    summary="Recommend to a stranger",
    tags=["gorse"],
    **speaks(key="slates", gives=_SCORES, query=_QUERY),
)
async def recommend_to_anybody(name: FromPath[str], request: Request[Any, Any, Any], live: LiveShop) -> Response[Any]:
    """The home page's slate for a stranger, whatever the recommender is called."""
    del name
    return _json(_scores(live.recommend(_ask(request, live, surface="home"))))


@get("/api/latest", summary="The newest items", tags=["gorse"], **speaks(key="slates", gives=_SCORES, query=_QUERY))
async def latest(request: Request[Any, Any, Any], live: LiveShop) -> Response[Any]:
    """By when they were created, the newest first; those of which that is not known are not shown."""
    catalogue = live.engine.catalogue
    shown = np.flatnonzero(catalogue.sellable & catalogue.described & np.isfinite(catalogue.created_at))
    newest = shown[np.argsort(-catalogue.created_at[shown], kind="stable")][: _n(request)]
    return _json([{"Id": catalogue.ids[n], "Score": float(catalogue.created_at[n])} for n in newest.tolist()])


def _ask(request: Request[Any, Any, Any], live: Live, **what: Any) -> Ask:
    category = request.query_params.get("category")
    only = {"category": category} if category else {}
    return Ask(at=live.app.clock(), limit=_n(request), filter=only, **what)


def _n(request: Request[Any, Any, Any]) -> int:
    text = request.query_params.get("n", str(_DEFAULT_N))
    if not text.isdecimal() or not 1 <= int(text[:9]) <= MOST_IN_SLATE:
        raise BadInput(f"n is {text[:40]!r}.", hint=f"It is a whole number from 1 to {MOST_IN_SLATE}.")
    return int(text)


def _scores(slate: Decision) -> list[dict[str, Any]]:
    return [{"Id": placed.item_id, "Score": placed.score} for placed in slate.items]


def _item(live: Live, item_id: str) -> Item:
    item = live.app.item(item_id)
    if item is None or item.withdrawn:
        raise NotFound(f"There is no item '{item_id[:64]}'.")
    return item


def _json(content: Sequence[Any]) -> Response[Any]:
    return Response(msgspec.json.encode(content), media_type=MediaType.JSON)


handlers: Final = (
    *(post_user, post_users, patch_user, get_user, delete_user),
    *(post_item, post_items, get_item, delete_item, post_feedback, put_feedback),
    *(recommend_to_user, recommend_to_session, recommend_beside, recommend_to_anybody, latest),
)
