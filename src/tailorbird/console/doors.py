"""How the console is entered: the router with all pages behind the guard, signing in and out, and the static files."""

from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import plotly
from litestar import Request, Response, Router, get, post
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.di import Provide
from litestar.enums import RequestEncodingType
from litestar.exceptions import HTTPException, NotFoundException
from litestar.handlers.base import BaseRouteHandler
from litestar.params import Body, FromPath
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler

from tailorbird.api.shops import Shops
from tailorbird.console import compare, models, overview, see, shelf, system
from tailorbird.console.access import COOKIE, SESSION_SECONDS
from tailorbird.console.desk import NAV, AllDesks, Desk, Desks, page
from tailorbird.errors import NotFound, TailorbirdError, Unauthorised

_STATIC: Final = Path(__file__).parent / "static"
_PLOTLY: Final = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
_TYPES: Final = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


def routes() -> list[ControllerRouterHandler]:
    """Everything under ``/console``, for the server's application to include. The key that signs in decides the shop.

    The handlers run on the server's event loop, which is the thread that owns the engine; what waits for a disk or
    walks the whole catalogue goes to another thread.
    """
    desks = Desks()

    async def guard(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
        live = await desks.sessions.admit(connection)
        connection.scope["live"], connection.scope["desk"] = live, desks.of(live)  # type: ignore[typeddict-unknown-key]  # ours

    inside = Router(
        "/",
        route_handlers=[
            sign_out,
            *(page for part in (overview, see, shelf, models, compare, system) for page in part.pages),
        ],
        guards=[guard],
    )
    console = Router(
        "/console",
        route_handlers=[inside, door, sign_in, static, nowhere],
        dependencies={
            "desk": Provide(_desk_of, sync_to_thread=False),
            "desks": Provide(lambda: desks, sync_to_thread=False),
        },
        exception_handlers={HTTPException: _told, TailorbirdError: _told},
        include_in_schema=False,
        # The API's own guard asks for a key in a header; a console's visitor shows a cookie instead.
        opt={"public": True, "console": True},
    )
    return [console]


@get("/login")
async def door(desks: AllDesks, request: Request[Any, Any, Any]) -> Response[Any]:
    """The page that asks for a key; a link with ``?key=`` opens it at once."""
    after = _local(request.query_params.get("next", "/console"))
    if secret := request.query_params.get("key"):
        return await _let_in(desks, request, secret, after)
    return _plain(request, "login.html", after=after, problem=None)


@post("/login", status_code=200)
async def sign_in(
    desks: AllDesks,
    request: Request[Any, Any, Any],
    data: Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[Any]:
    """Take a key from the form."""
    return await _let_in(desks, request, data.get("key", ""), _local(data.get("next", "/console")))


async def _let_in(desks: Desks, request: Request[Any, Any, Any], secret: str, after: str) -> Response[Any]:
    try:
        token = await desks.sessions.sign_in(request.app.state.shops, secret)
    except TailorbirdError as error:
        return _plain(request, "login.html", status=error.status, after=after, problem=error)
    cookie = Cookie(
        COOKIE,
        value=token,
        path="/console",
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
        max_age=SESSION_SECONDS,
    )
    # 303, and without the key: it shall not stay in the address bar or the history.
    return Redirect(after, status_code=303, cookies=[cookie])


@post("/logout")
async def sign_out(desks: AllDesks, request: Request[Any, Any, Any]) -> Redirect:
    """Forget this browser."""
    desks.sessions.sign_out(request.cookies.get(COOKIE, ""))
    return Redirect("/console/login", status_code=303)


@get("/{path:path}")
async def nowhere(path: FromPath[str]) -> None:
    """Any other address of the console, so that a mistyped one is told on a page and not as the API would.

    Told to everybody: there is nothing behind it to guard, and nobody should sign in to learn that.

    Raises:
        NotFound: always.
    """
    raise NotFound(
        f"The console has no page '/console{path[:64]}'.",
        hint=f"It has these: {', '.join(label for _, _, label in NAV)}.",
    )


@get("/static/{name:str}", sync_to_thread=True)
def static(name: FromPath[str]) -> Response[bytes]:
    """Our style sheet, our scripts, and Plotly's from the installed package."""
    content = _file(name)
    if content is None:
        raise NotFoundException(f"There is no file '{name[:64]}'.")
    headers = {
        "Cache-Control": "max-age=604800, immutable" if name == "plotly.js" else "no-cache",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type=_TYPES[Path(name).suffix], headers=headers)


@cache
def _file(name: str) -> bytes | None:
    if name == "plotly.js":
        return _PLOTLY.read_bytes()
    known = {path.name: path for path in _STATIC.iterdir() if path.suffix in _TYPES}
    return known[name].read_bytes() if name in known else None


def _desk_of(request: Request[Any, Any, Any]) -> Desk:
    desk: Desk = request.scope["desk"]  # type: ignore[typeddict-item]  # set by the guard
    return desk


def _plain(request: Request[Any, Any, Any], template: str, *, status: int = 200, **content: Any) -> Response[str]:
    """A page for somebody of whom it may not be known yet which shop they look after."""
    shops: Shops = request.app.state.shops
    desk: Desk | None = request.scope.get("desk")  # type: ignore[assignment]  # set by the guard
    app = desk.app if desk else shops.only.app if shops.only else None
    return page(template, status=status, shop=app.config.shop if app else "", now=shops.clock(), **content)


def _told(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """A page for what went wrong; who is not signed in is led to the door."""
    if isinstance(error, Unauthorised):
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        query = {"next": wanted} if request.method == "GET" else {}
        if request.method == "GET" and (secret := request.query_params.get("key")):
            query = {"key": secret, "next": request.url.path}
        if "application/json" in request.headers.get("accept", "") or request.headers.get("x-part"):
            return _plain(request, "part-signed-out.html", status=401)
        return Redirect(f"/console/login?{urlencode(query)}" if query else "/console/login", status_code=303)
    status = error.status if isinstance(error, TailorbirdError) else getattr(error, "status_code", 500)
    message = error.message if isinstance(error, TailorbirdError) else str(getattr(error, "detail", error))
    hint = error.hint if isinstance(error, TailorbirdError) else ""
    title = "Not found" if status == NotFound.status else "That did not work"
    return _plain(request, "error.html", status=status, page="", title=title, message=message, hint=hint)


def _local(address: str) -> str:
    """An address inside the console: a link must not lead elsewhere after signing in."""
    inside = address == "/console" or address.startswith(("/console/", "/console?"))
    return address if inside and not address.startswith("/console/login") else "/console"
