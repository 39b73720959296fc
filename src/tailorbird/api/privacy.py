"""What people ask about themselves, over HTTP: a copy of everything that is kept, or to be forgotten."""

import asyncio
from typing import Any, Final

import msgspec
from litestar import Request, get, post

from tailorbird.api.bodies import Body
from tailorbird.api.contract import speaks
from tailorbird.api.live import LiveShop
from tailorbird.api.wire import Id
from tailorbird.errors import BadInput, NotFound
from tailorbird.privacy.requests import Erasure


class Forgotten(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Who is to be forgotten: users, with the devices that are theirs, and devices that are nobody's."""

    user_ids: tuple[Id, ...] = ()
    anonymous_ids: tuple[Id, ...] = ()


class Copied(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Of whom a copy is wanted."""

    user_id: Id


_FORGOTTEN: Final = Body(Forgotten)
_COPIED: Final = Body(Copied)


@post(
    "/v1/privacy/erase",
    status_code=200,
    summary="Forget people",
    tags=["privacy"],
    **speaks(key="secret", reads=_FORGOTTEN, fails=(NotFound,)),
)
async def erase(request: Request[Any, Any, Any], live: LiveShop) -> Erasure:
    """Forget people in the log, its segments, the ledger and the engine, and prove it.

    `people` are those of whom something was found, `models` those that were fitted since the first of them came.
    Their next slate is a stranger's. What they did counts among everybody's for an hour or two, and in each model
    until it is fitted again. Reads and rewrites the whole log: ask for many at once.
    """
    asked = await _FORGOTTEN.read(request)
    if not asked.user_ids and not asked.anonymous_ids:
        raise BadInput("Nobody is named.", hint="Send user_ids, anonymous_ids, or both.")
    async with live.changing:
        proof, names = await asyncio.to_thread(live.app.erase, asked.user_ids, asked.anonymous_ids)
        live.app.forget(names)
    return proof


@post(
    "/v1/privacy/export",
    status_code=200,
    summary="Copy everything of a user",
    tags=["privacy"],
    **speaks(key="secret", reads=_COPIED, fails=(NotFound,)),
)
async def export(request: Request[Any, Any, Any], live: LiveShop) -> dict[str, Any]:
    """What was told of the user, their devices, every event and every slate that was made for them."""
    asked = await _COPIED.read(request)
    return await asyncio.to_thread(live.app.export_person, asked.user_id)


@get("/v1/privacy/erasures", summary="List erasures", tags=["privacy"], **speaks(key="secret"))
async def erasures(live: LiveShop) -> dict[str, list[Erasure]]:
    """The proof of each erasure, the oldest first. None of them names anybody."""
    return {"erasures": live.app.erasures()}


handlers: Final = (erase, export, erasures)
