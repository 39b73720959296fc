"""Who may call what: a key decides the shop, and its scope what may be done there; checked before a body is read.

What an endpoint needs is one of the names in `ALLOWED`. A *secret* key may do everything and stays on the shop's
servers. A *write* key is public, for it stands in a page's source: it sends events (see `ingest.pages` for which, and
what of them is believed), asks for slates and joins an anonymous id to a user id, and reads nothing else. The scopes
between them are for servers that need only a part.

A key comes in a header. A page that is being left can set none (navigator.sendBeacon), so events also take a write key
in their address; never another one, because proxies and browsers write addresses down.

The guards are coroutines although they hardly ever wait: Litestar sends a plain function to another thread, which
took half a millisecond from every call.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from tailorbird.api.limits import caller_of
from tailorbird.api.live import Live
from tailorbird.api.problems import Busy
from tailorbird.api.shops import Shops
from tailorbird.errors import Forbidden, Unauthorised
from tailorbird.protocols import SCOPES, Key

IN_ADDRESS: Final = "key"
"""The part of an address that may hold a write key."""

ALLOWED: Final[Mapping[str, frozenset[str]]] = {
    "secret": frozenset({"secret"}),
    "read": frozenset({"secret", "read"}),
    "slates": frozenset({"secret", "read", "write"}),
    "events": frozenset({"secret", "events", "write"}),
    "page": frozenset({"secret", "events", "write"}),
}
"""The scopes that an endpoint takes, by what it needs; `page` is `events`, and a write key may stand in the address."""

SEES_ALL: Final = ALLOWED["read"]
"""Scopes that may see margins, stock and what is known of a person."""

Guard = Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], Awaitable[None]]


def guard(needs: str) -> Guard:
    """A guard that lets through whoever may do what `ALLOWED` calls so.

    It raises Unauthorised for no key or one that is not known, was revoked or has expired; Forbidden for one of another
    scope; TooManyRequests over a limit; Busy where the shop of the key cannot be served.
    """
    scopes, in_address = ALLOWED[needs], needs == "page"

    async def admit(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
        secret = _sent(connection)
        if not secret and in_address and (secret := connection.query_params.get(IN_ADDRESS, "")):
            _check_public(await _identify(connection, secret))
        elif not secret:
            raise Unauthorised(
                "This request has no key.",
                hint="Send `Authorization: Bearer KEY` or `X-API-Key: KEY` (tailorbird keys).",
            )
        else:
            await _identify(connection, secret)
        key: Key = connection.scope["auth"]
        if key.scope not in scopes:
            raise Forbidden(
                f"This is a key of scope {key.scope} ({SCOPES[key.scope]}).",
                hint=f"This takes one of scope {' or '.join(sorted(scopes))}; never put any but write into a page.",
            )
        live: Live = connection.scope["live"]  # type: ignore[typeddict-item]  # ours
        live.limits.take_request(key, caller_of(connection.scope["client"]))

    return admit


def may_see_all(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """Whether the caller may see what a page may not."""
    return connection.scope["auth"].scope in SEES_ALL


def take_events(connection: ASGIConnection[Any, Any, Any, Any], live: Live, n: int) -> None:
    """Count the events of a batch against the caller's limits.

    Raises:
        TooManyRequests: there were too many of them lately.
    """
    live.limits.take_events(connection.scope["auth"], caller_of(connection.scope["client"]), n)


async def _identify(connection: ASGIConnection[Any, Any, Any, Any], secret: str) -> Key:
    """Find out whose key this is, and note that and the shop with the request."""
    shops: Shops = connection.app.state.shops
    held = await shops.keyring.find(secret)
    if held is None:
        raise Unauthorised(
            "This key is not known, or it was revoked.", hint="`tailorbird keys list` shows those that are."
        )
    if held.key.has_expired(shops.clock()):
        raise Unauthorised("This key has expired.", hint="`tailorbird keys create` makes another one.")
    live = shops.lives.get(held.shop)
    if live is None:
        raise Busy(
            "The shop of this key cannot be served.",
            hint="Its operator finds the cause in the server's log; nothing of this request was kept.",
            retry_seconds=60,
        )
    connection.scope["live"] = live  # type: ignore[typeddict-unknown-key]  # ours
    connection.scope["auth"] = held.key
    return held.key


def _check_public(key: Key) -> None:
    if key.scope != "write":
        raise Forbidden(
            f"A key of scope {key.scope} stands in this address, and addresses are written down on their way.",
            hint="Revoke it (tailorbird keys revoke), send the next one in a header, and give a page a write key.",
        )


def _sent(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    bearer = connection.headers.get("authorization", "")
    if bearer[:7].lower() == "bearer ":
        return bearer[7:].strip()
    return connection.headers.get("x-api-key", "").strip()
