"""Who may look: an operator signs in with a secret key, and the browser gets a cookie that is worth nothing elsewhere.

The cookie holds a random token and never the key, is out of reach of scripts (HttpOnly) and is not sent along by other
sites (SameSite=Lax; a form post must also come from this origin). What it stands for is kept in memory and looked up
again on every request, so that a revoked key is out within seconds and a restart signs everybody out.
"""

import hashlib
import secrets
from typing import Any, Final, NamedTuple

from litestar.connection import ASGIConnection

from tailorbird.api.live import Live
from tailorbird.api.shops import Shops
from tailorbird.errors import Forbidden, Unauthorised, Unavailable

COOKIE: Final = "tailorbird_console"
SESSION_SECONDS: Final = 12 * 3600
OPENS: Final = frozenset({"secret", "console"})
"""Scopes of the keys that open the console."""

_MOST_SESSIONS: Final = 1_000


class _Session(NamedTuple):
    secret: str
    ends_at: float


class Sessions:
    """Signed-in browsers: a hash of each token, the key that opened it and when it ends. The key decides the shop."""

    def __init__(self) -> None:
        self._open: dict[bytes, _Session] = {}

    async def sign_in(self, shops: Shops, secret: str) -> str:
        """A new token for the bearer of a key that opens the console.

        Raises:
            Unauthorised: no such key, or it was revoked or has expired.
            Forbidden: it is for something else.
            Unavailable: its shop cannot be served.
        """
        held = await shops.keyring.find(secret.strip())
        if held is None or held.key.has_expired(shops.clock()):
            raise Unauthorised(
                "This key is not known, or it was revoked or has expired.", hint="`tailorbird keys list` names them."
            )
        if held.key.scope not in OPENS:
            raise Forbidden(
                f"The key '{held.key.name}' is a {held.key.scope} key; the console needs a secret one.",
                hint="`tailorbird keys create --scope secret` makes one; with --scope console it opens nothing else.",
            )
        if held.shop not in shops.lives:
            raise Unavailable("The shop of this key cannot be served.", hint="The server's log has the cause.")
        token = secrets.token_urlsafe(32)
        if len(self._open) >= _MOST_SESSIONS:
            self._open.pop(next(iter(self._open)))
        self._open[_hash(token)] = _Session(secret.strip(), shops.clock() + SESSION_SECONDS)
        return token

    async def shop_of(self, shops: Shops, token: str) -> Live | None:
        """The shop that the token still opens; None if it is worth nothing any more."""
        session = self._open.get(_hash(token))
        if session is None or session.ends_at < shops.clock():
            self.sign_out(token)
            return None
        held = await shops.keyring.find(session.secret)
        if held is None or held.key.has_expired(shops.clock()) or held.key.scope not in OPENS:
            return None
        return shops.lives.get(held.shop)

    def sign_out(self, token: str) -> None:
        """Forget a token."""
        self._open.pop(_hash(token), None)

    async def admit(self, connection: ASGIConnection[Any, Any, Any, Any]) -> Live:
        """The shop that a request may look at, or raise.

        Raises:
            Unauthorised: nobody is signed in.
            Forbidden: a form was sent from another site's page.
        """
        live = await self.shop_of(connection.app.state.shops, connection.cookies.get(COOKIE, ""))
        if live is None:
            raise Unauthorised("Nobody is signed in.", hint="Sign in with a secret key.")
        if connection.scope.get("method") == "POST" and not same_origin(connection):
            raise Forbidden("This was sent from a page of another site.", hint="Use the console's own buttons.")
        return live


def same_origin(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """Whether the browser says that the request comes from a page of this host; one that says nothing is no browser."""
    origin = connection.headers.get("origin")
    return origin is None or origin.partition("://")[2] == connection.headers.get("host")


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
