"""Users over HTTP: what a shop tells us of them, what is kept of them, and which anonymous ids are theirs."""

from typing import Any, Final

import msgspec
from litestar import Request, get, post, put
from msgspec import UNSET

from tailorbird.api.bodies import Body
from tailorbird.api.contract import speaks
from tailorbird.api.items import named
from tailorbird.api.live import Live, LiveShop
from tailorbird.api.paths import PathId, id_of
from tailorbird.api.schemas import PREFERENCES, PROFILE, USER_UNNAMED
from tailorbird.api.wire import Identification, Identified, Parted, Parting, whole
from tailorbird.errors import BadTime, NotFound
from tailorbird.ingest.users import entry_of_user, parse_identity, parse_user
from tailorbird.types import User

_OBJECT: Final = Body(dict[str, Any])
_IDENTIFICATION: Final = Body(Identification)
_PARTING: Final = Body(Parting)
_GIVES: Final = {"application/json": User}


@get(
    "/v1/users/{user_id:str}",
    summary="Read a user",
    tags=["users"],
    **speaks(key="read", gives=_GIVES, fails=(NotFound,)),
)
async def read_user(user_id: PathId, live: LiveShop) -> dict[str, Any]:
    """What the shop told us of a user: traits, declared preferences, consent.

    What they answered themselves, on a page or with an event, stands in the profile.
    """
    return _shown(_current(live, id_of(user_id)))


@put(
    "/v1/users/{user_id:str}",
    summary="Put a user",
    tags=["users"],
    **speaks(key="secret", reads={"application/json": USER_UNNAMED}, gives=_GIVES, fails=(BadTime,)),
)
async def put_user(user_id: PathId, request: Request[Any, Any, Any], live: LiveShop) -> dict[str, Any]:
    """Make this all that we are told of the user. A withdrawn consent holds for the next request."""
    user = parse_user(named(await _OBJECT.read(request), "user_id", id_of(user_id)))
    await live.append([entry_of_user(user, at=live.app.clock())])
    return _shown(user)


@get(
    "/v1/users/{user_id:str}/profile",
    summary="Read a user's profile",
    tags=["users"],
    **speaks(key="read", gives={"application/json": PROFILE}, fails=(NotFound,)),
)
async def read_profile(user_id: PathId, live: LiveShop) -> dict[str, Any]:
    """What is kept about the user, in words: recent items, taste, purchases, which consent holds."""
    return live.app.profile(id_of(user_id))


@put(
    "/v1/users/{user_id:str}/preferences",
    summary="Declare preferences",
    tags=["users"],
    **speaks(key="secret", reads={"application/json": PREFERENCES}, gives=_GIVES),
)
async def put_preferences(user_id: PathId, request: Request[Any, Any, Any], live: LiveShop) -> dict[str, Any]:
    """Make these the user's declared preferences; the rest of the user stays, and one not known before is made."""
    preferences = await _OBJECT.read(request)
    name = id_of(user_id)
    async with live.changing:
        current = live.app.user(name) or User(user_id=name)
        user = parse_user({**msgspec.to_builtins(current), "preferences": preferences})
        await live.append([entry_of_user(user, at=live.app.clock())])
    return _shown(user)


@post(
    "/v1/identify",
    status_code=200,
    summary="Join an anonymous id to a user",
    tags=["users"],
    **speaks(key="events", reads=_IDENTIFICATION),
)
async def identify(request: Request[Any, Any, Any], live: LiveShop) -> Identified:
    """From now on both are one person: what the anonymous one did counts for the user's next slate.

    Those who were taken apart stay apart whatever a page says; with a secret key they are one again.
    """
    sent = await _IDENTIFICATION.read(request)
    raw = {"anonymous_id": sent.anonymous_id, "user_id": sent.user_id, "evidence": sent.evidence}
    identity = parse_identity(raw, now=live.app.clock())
    entries, became = live.app.claim(identity, rejoin=request.scope["auth"].scope == "secret")
    if entries:
        await live.append(entries)
    return Identified(anonymous_id=identity.anonymous_id, user_id=identity.user_id, joined=became == "joined")


@post(
    "/v1/separate",
    status_code=200,
    summary="Take an anonymous id and a user apart",
    tags=["users"],
    **speaks(key="secret", reads=_PARTING),
)
async def separate(request: Request[Any, Any, Any], live: LiveShop) -> Parted:
    """They are two people, as if they had never been one.

    From now on the device gets the slates of a stranger; what it had added to the user's history leaves it, and comes
    back to the device, within the hour.
    """
    sent = await _PARTING.read(request)
    entries = live.app.separation(sent.anonymous_id, sent.user_id, sent.reason)
    told = Parted(anonymous_id=sent.anonymous_id, user_id=sent.user_id, separated=bool(entries))
    if entries:
        told.unknown = live.app.unseen(f"a:{sent.anonymous_id}", f"u:{sent.user_id}") or UNSET
        await live.append(entries)
    return told


def _shown(user: User) -> dict[str, Any]:
    shown: dict[str, Any] = whole(user)
    return shown


def _current(live: Live, user_id: str) -> User:
    user = live.app.user(user_id)
    if user is None:
        raise NotFound(f"We were told nothing of the user '{user_id[:256]}'.", hint="PUT /v1/users/{id} tells us.")
    return user


handlers: Final = (read_user, put_user, read_profile, put_preferences, identify, separate)
