"""The application: every endpoint, the shops behind them, errors told in one way, times measured.

Litestar routes and guards; bodies are decoded by us (`bodies`, `batches`), and the document is ours (`documentation`).
"""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from litestar import Litestar
from litestar import Request as LitestarRequest
from litestar.config.cors import CORSConfig
from litestar.di import Provide
from litestar.enums import HttpMethod, ScopeType
from litestar.exceptions import HTTPException
from litestar.types import Message, Receive, Scope, Send

from tailorbird.api import (
    decisions,
    documentation,
    events,
    gorse,
    health,
    items,
    privacy,
    recommendations,
    tracker,
    users,
)
from tailorbird.api.live import Live
from tailorbird.api.paths import encode_id
from tailorbird.api.problems import answer, on_error
from tailorbird.api.shops import Shops
from tailorbird.app import App
from tailorbird.errors import Unavailable

_HANDLERS: Final = (
    *recommendations.handlers,
    *events.handlers,
    *items.handlers,
    *users.handlers,
    *decisions.handlers,
    *privacy.handlers,
    *gorse.handlers,
    *health.handlers,
    *documentation.handlers,
    *tracker.handlers,
)


class Api(Litestar):
    """Litestar with three things around its routing: ids may hold slashes, GET implies HEAD, every answer is timed."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # type: ignore[override]  # theirs also takes a lifespan
        """One connection, or the server's life."""
        if scope["type"] != ScopeType.HTTP:
            await super().__call__(scope, receive, send)
            return
        scope["path"] = encode_id(scope["path"], scope.get("raw_path"))
        start, status, method = time.perf_counter(), 500, scope["method"]
        shops: Shops = self.state.shops
        if method == HttpMethod.HEAD:
            scope["method"] = HttpMethod.GET

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            elif method == HttpMethod.HEAD and message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        if shops.stopping:
            await _refused(scope, receive, send)
            return
        try:
            await super().__call__(scope, receive, watched)
        finally:
            live: Live | None = scope.get("live", shops.only)  # type: ignore[assignment]  # set by the guard
            seconds = time.perf_counter() - start
            route = scope.get("path_template", "unmatched")
            shops.traffic.answered(live.name if live else "", str(method), str(route), status, seconds)


async def _refused(scope: Any, receive: Receive, send: Send) -> None:
    problem = answer(
        Unavailable.status,
        Unavailable.code,
        "The server is stopping.",
        hint="Send this again; nothing of it was kept.",
        retry_after="5",
        connection="close",
    )
    await problem.to_asgi_response(None, LitestarRequest(scope))(scope, receive, send)


def _shop_of(request: LitestarRequest[Any, Any, Any]) -> Live:
    live: Live = request.scope["live"]  # type: ignore[typeddict-item]  # set by the guard
    return live


def create_api(app: App | Shops, *, also: Sequence[Any] = ()) -> Api:
    """The application that serves one shop or several; ``also`` are further handlers, such as the console's.

    The engines are built (the logs followed to their ends) and warm before this returns.
    """
    shops = app if isinstance(app, Shops) else Shops([Live(app)])
    for live in shops.lives.values():
        live.warm()

    @asynccontextmanager
    async def running(_api: Litestar) -> AsyncIterator[None]:
        async with shops.running():
            yield

    cors = CORSConfig(
        allow_origins=shops.origins,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "X-API-Key"],
        expose_headers=["Retry-After", "RateLimit", "RateLimit-Policy"],
        max_age=3600,
    )
    api = Api(
        route_handlers=[*_HANDLERS, *also],
        dependencies={
            "live": Provide(_shop_of, sync_to_thread=False),
            "shops": Provide(lambda: shops, sync_to_thread=False, use_cache=True),
        },
        exception_handlers={HTTPException: on_error, Exception: on_error},
        request_max_body_size=int(shops.max_body_mb * 2**20),
        cors_config=cors if shops.origins else None,
        lifespan=[running],
        openapi_config=None,
        logging_config=None,
        signature_namespace={"Live": Live, "Shops": Shops},
    )
    api.state.shops = shops
    return api
