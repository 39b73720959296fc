"""Who may look: an operator signs in with a secret key, and the browser gets a cookie that is worth nothing elsewhere.

The cookie holds a random token and never the key, is out of reach of scripts (HttpOnly) and is not sent along by other
sites (SameSite=Lax; a form post must also come from this origin). What it stands for is kept in memory and looked up
again on every request, so that a revoked key is out within seconds and a restart signs everybody out.
"""

import asyncio
import hashlib
import secrets
from typing import Any, Final

from litestar.connection import ASGIConnection

from tailorbird.app import App
from tailorbird.errors import Forbidden, Unauthorised

COOKIE: Final = "tailorbird_console"
SESSION_SECONDS: Final = 12 * 3600
_MOST_SESSIONS: Final = 1_000


class Sessions:
    """Signed-in browsers: a hash of each token, the key that opened it and when it ends."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._open: dict[bytes, tuple[str, float]] = {}

    async def sign_in(self, secret: str) -> str:
        """A new token for the bearer of a secret key.

        Raises:
            Unauthorised: no such key, or it was revoked.
            Forbidden: it is a browser's write key.
        """
        key = await asyncio.to_thread(self._app.keys.find, secret.strip())
        if key is None:
            raise Unauthorised("This key is not known, or it was revoked.", hint="`tailorbird keys list` names them.")
        if key.scope != "secret":
            raise Forbidden(
                f"The key '{key.name}' is a {key.scope} key; the console needs a secret one.",
                hint="`tailorbird keys create --scope secret` makes one.",
            )
        token = secrets.token_urlsafe(32)
        if len(self._open) >= _MOST_SESSIONS:
            self._open.pop(next(iter(self._open)))
        self._open[_hash(token)] = (secret.strip(), self._app.clock() + SESSION_SECONDS)
        return token

    async def knows(self, token: str) -> bool:
        """Whether the token is still worth anything."""
        held = self._open.get(_hash(token))
        if held is None or held[1] < self._app.clock():
            self.sign_out(token)
            return False
        key = await asyncio.to_thread(self._app.keys.find, held[0])
        return key is not None and key.scope == "secret"

    def sign_out(self, token: str) -> None:
        """Forget a token."""
        self._open.pop(_hash(token), None)

    async def admit(self, connection: ASGIConnection[Any, Any, Any, Any]) -> None:
        """Let a request through, or raise.

        Raises:
            Unauthorised: nobody is signed in.
            Forbidden: a form was sent from another site's page.
        """
        if not await self.knows(connection.cookies.get(COOKIE, "")):
            raise Unauthorised("Nobody is signed in.", hint="Sign in with a secret key.")
        if connection.scope.get("method") == "POST" and not same_origin(connection):
            raise Forbidden("This was sent from a page of another site.", hint="Use the console's own buttons.")


def same_origin(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """Whether the browser says that the request comes from a page of this host; one that says nothing is no browser."""
    origin = connection.headers.get("origin")
    return origin is None or origin.partition("://")[2] == connection.headers.get("host")


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
