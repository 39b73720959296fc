"""The first page: whether the shop is alive, how fast and how well it answers, and what needs a hand."""

import asyncio
import shlex
from typing import Any, Final

from litestar import Request, Response, get
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler

from tailorbird.app import App
from tailorbird.console import figures
from tailorbird.console.attention import matters
from tailorbird.console.desk import Desk, TheDesk
from tailorbird.console.heartbeat import Beat
from tailorbird.console.models import serving_manifests, waiting
from tailorbird.types import Item

_DAYS: Final = 30
"""Of the shop's history that are drawn."""


@get("/")
async def overview(desk: TheDesk, request: Request[Any, Any, Any]) -> Response[Any]:
    """The whole page."""
    if "key" in request.query_params:
        return Redirect(f"/console/login?{request.url.query}", status_code=303)
    content = await asyncio.to_thread(_content, desk)
    return desk.page("overview.html", page="overview", **content, **_history(desk.app))


@get("/live")
async def live(desk: TheDesk) -> Response[Any]:
    """What moves on the page, as it is now: its parts as HTML and its figures as JSON."""
    content = await asyncio.to_thread(_content, desk)
    parts = {
        name: desk.page(f"part-{name}.html", **content).content
        for name in ("stats", "attention", "wanted", "latest", "latency")
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
        "attention": matters(app, beat, serving, waiting(app), desk.live.limits.refused),
        "serving": serving,
        "counting": _counting(app),
        "idle": app.left_out,
        "titles": _titles(app, beat),
        "example": example_of(desk.heartbeat.lately()),
        "wanted": [(_item(app, wanted.item_id), wanted) for wanted in beat.wanted],
    }


def _history(app: App) -> dict[str, Any]:
    """What the log holds from its first day on, of imports too; counted by the engine as it follows."""
    state = app.engine.state
    days = state.calendar.last(_DAYS)
    return {
        "calendar": state.calendar,
        "people": state.n_people,
        "items": app.engine.catalogue.n_described,
        "history": figures.history(days) if days else None,
    }


def example_of(people: list[str]) -> str:
    """The command for a slate of whoever was there last, or of nobody where all were strangers."""
    known = next((name for kind, _, name in (person.partition(":") for person in people) if kind == "u"), None)
    return f"tailorbird recommend{f' --user {shlex.quote(known)}' if known else ''} --surface home"


def _counting(app: App) -> list[str]:
    """Channels that serve without having been trained."""
    return [name for name in app.engine.retrievers if name not in app.engine.models]


def _titles(app: App, beat: Beat) -> dict[str, str]:
    named = {event.item_id for event in beat.latest_events if event.item_id}
    return {item_id: _item(app, item_id).title or item_id for item_id in named}


def _item(app: App, item_id: str) -> Item:
    number = app.engine.catalogue.find(item_id)
    return app.engine.catalogue.item(number) if number >= 0 else Item(item_id=item_id)


pages: Final[list[ControllerRouterHandler]] = [overview, live]
