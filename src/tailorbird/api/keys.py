"""Who may call what. Two kinds of key, checked before a body is read.

A *secret* key may do everything and stays on the shop's servers. A *write* key is public, for it stands in a page's
source: it sends events (see `ingest.pages` for which, and what of them is believed), asks for slates and joins an
anonymous id to a user id, and reads nothing else.

A key comes in a header. A page that is being left can set none (navigator.sendBeacon), so events also take a write key
in their address; never a secret one, because proxies and browsers write addresses down.

The guards are coroutines although they wait for nothing: Litestar sends a plain function to another thread, which took
half a millisecond from every call.
"""

from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from tailorbird.api.live import Live
from tailorbird.errors import Forbidden, Unauthorised

IN_ADDRESS: Final = "key"
"""The part of an address that may hold a write key."""


async def any_key(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
    """Let a known key through, of either kind.

    Raises:
        Unauthorised: no key came, or one that is not known or was revoked.
    """
    connection.scope["auth"] = scope_of(connection)


async def page_key(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
    """Let a known key of either kind through, and a write key also in the address, as ``?key=``.

    Raises:
        Unauthorised: no key came, or one that is not known or was revoked.
        Forbidden: a secret key stands in the address.
    """
    in_address = "" if _sent(connection) else connection.query_params.get(IN_ADDRESS, "")
    scope = _scope(connection, in_address) if in_address else scope_of(connection)
    if in_address and scope == "secret":
        raise Forbidden(
            "A secret key stands in this address, and addresses are written down on their way.",
            hint="Revoke it (tailorbird keys revoke), send the next one in a header, and give a page a write key.",
        )
    connection.scope["auth"] = scope


async def secret_key(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
    """Let only a secret key through.

    Raises:
        Unauthorised: no key came, or one that is not known or was revoked.
        Forbidden: it is a write key.
    """
    if scope_of(connection) != "secret":
        raise Forbidden(
            "This is a write key; it may send events, ask for slates and identify.",
            hint="Call this from your server with a secret key; never put one into a page.",
        )


def scope_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """What the caller's key may do: ``secret`` or ``write``.

    Raises:
        Unauthorised: no key came, or one that is not known or was revoked.
    """
    secret = _sent(connection)
    if not secret:
        raise Unauthorised(
            "This request has no key.", hint="Send `Authorization: Bearer KEY` or `X-API-Key: KEY` (tailorbird keys)."
        )
    return _scope(connection, secret)


def _scope(connection: ASGIConnection[Any, Any, Any, Any], secret: str) -> str:
    live: Live = connection.app.state.live
    key = live.app.keys.find(secret)
    if key is None:
        raise Unauthorised(
            "This key is not known, or it was revoked.", hint="`tailorbird keys list` shows those that are."
        )
    return key.scope


def _sent(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    bearer = connection.headers.get("authorization", "")
    if bearer[:7].lower() == "bearer ":
        return bearer[7:].strip()
    return connection.headers.get("x-api-key", "").strip()
