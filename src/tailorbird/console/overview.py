"""The first page: whether the shop is alive, how fast and how well it answers, and what needs a hand."""

import asyncio
from typing import Any, Final

from litestar import Request, Response, get
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler

from tailorbird.app import App
from tailorbird.console import figures
from tailorbird.console.attention import matters
from tailorbird.console.desk import Desk, TheDesk
from tailorbird.console.heartbeat import Beat
from tailorbird.console.models import idle, serving_manifests


@get("/")
async def overview(desk: TheDesk, request: Request[Any, Any, Any]) -> Response[Any]:
    """The whole page."""
    if "key" in request.query_params:
        return Redirect(f"/console/login?{request.url.query}", status_code=303)
    content = await asyncio.to_thread(_content, desk)
    return desk.page("overview.html", page="overview", **content)


@get("/live")
async def live(desk: TheDesk) -> Response[Any]:
    """What moves on the page, as it is now: its parts as HTML and its figures as JSON."""
    content = await asyncio.to_thread(_content, desk)
    parts = {
        name: desk.page(f"part-{name}.html", **content).content for name in ("stats", "attention", "latest", "latency")
    }
    plots = {figure.name: figure.plain for figure in (content["pulse"], content["latency"]) if figure is not None}
    return Response({"parts": parts, "figures": plots}, headers={"Cache-Control": "no-store"})


def _content(desk: Desk) -> dict[str, Any]:
    app, beat = desk.app, desk.heartbeat.beat()
    serving = serving_manifests(app)
    return {
        "beat": beat,
        "pulse": figures.pulse(beat.starts, beat.events, beat.decisions),
        "latency": figures.latency(beat.stages) if beat.stages else None,
        "attention": matters(app, beat, serving),
        "serving": serving,
        "counting": _counting(app),
        "idle": idle(app, serving),
        "titles": _titles(app, beat),
    }


def _counting(app: App) -> list[str]:
    """Channels that serve without having been trained."""
    return [name for name in app.engine.retrievers if name not in app.engine.models]


def _titles(app: App, beat: Beat) -> dict[str, str]:
    catalogue, titles = app.engine.catalogue, {}
    for event in beat.latest_events:
        number = catalogue.find(event.item_id) if event.item_id else -1
        if event.item_id and number >= 0:
            titles[event.item_id] = catalogue.item(number).title or event.item_id
    return titles


pages: Final[list[ControllerRouterHandler]] = [overview, live]
