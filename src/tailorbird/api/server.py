"""The application: every endpoint, one shop behind them, errors told in one way, times measured.

Litestar routes and guards; bodies are decoded by us (`bodies`, `batches`), and the document is ours (`documentation`).
"""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from litestar import Litestar
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
from tailorbird.api.problems import on_error
from tailorbird.app import App

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
        if method == HttpMethod.HEAD:
            scope["method"] = HttpMethod.GET

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            elif method == HttpMethod.HEAD and message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        try:
            await super().__call__(scope, receive, watched)
        finally:
            live: Live = self.state.live
            seconds = time.perf_counter() - start
            route = scope.get("path_template", "unmatched")
            live.metrics.answered(str(method), str(route), status, seconds)


def create_api(app: App, *, also: Sequence[Any] = ()) -> Api:
    """The application that serves one shop; ``also`` are further handlers, such as the console's.

    The engine is built (the log followed to its end) and warm before this returns.
    """
    live = Live(app)
    live.warm()

    @asynccontextmanager
    async def running(_api: Litestar) -> AsyncIterator[None]:
        async with live.running():
            yield

    server = app.config.server
    cors = CORSConfig(
        allow_origins=list(server.cors_origins),
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "X-API-Key"],
        expose_headers=["Retry-After"],
        max_age=3600,
    )
    api = Api(
        route_handlers=[*_HANDLERS, *also],
        dependencies={
            "live": Provide(lambda: live, sync_to_thread=False, use_cache=True),
        },
        exception_handlers={HTTPException: on_error, Exception: on_error},
        request_max_body_size=int(server.max_body_mb * 2**20),
        cors_config=cors if server.cors_origins else None,
        lifespan=[running],
        openapi_config=None,
        logging_config=None,
        signature_namespace={"Live": Live},
    )
    api.state.live = live
    return api
