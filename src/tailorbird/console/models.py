"""The models page: what serves and what it was made of, what it reads, and who fills the slates."""

import asyncio
from typing import Any, Final

from litestar import Response, get
from litestar.types import ControllerRouterHandler

from tailorbird.app import App
from tailorbird.console.desk import Desk, TheDesk
from tailorbird.errors import TailorbirdError
from tailorbird.learning.registry import Manifest
from tailorbird.ranking.calibration import MEANING

_MOST_IN_LOG: Final = 50


@get("/models")
async def show(desk: TheDesk) -> Response[str]:
    """The page."""
    content = await asyncio.to_thread(_content, desk)
    views, n_requests = await desk.features.read()
    return desk.page("models.html", page="models", views=views, n_requests=n_requests, **content)


def _content(desk: Desk) -> dict[str, Any]:
    app, beat = desk.app, desk.heartbeat.beat()
    serving = serving_manifests(app)
    everything = sorted(trained(app), key=lambda manifest: -manifest.created_at)
    placed = sum(beat.channels.values())
    shares = {name: count / placed for name, count in sorted(beat.channels.items(), key=lambda pair: -pair[1])}
    return {
        "serving": serving,
        "log": everything[:_MOST_IN_LOG],
        "n_trained": len(everything),
        "current": {manifest.name: manifest.version for manifest in serving},
        "waiting": waiting(app),
        "shares": shares,
        "slates": min(beat.slates, 500) if beat.slates else 0,
        "counting": [name for name in app.engine.retrievers if name not in app.engine.models],
        "idle": app.left_out,
        "calibration": MEANING if any("calibration_error" in manifest.metrics for manifest in serving) else "",
        "history": bool(app.engine.state.keys),
    }


def serving_manifests(app: App) -> list[Manifest]:
    """The manifest of every model that serves; one that cannot be read is left out. Reads files."""
    found = []
    for name, version in app.registry.current().items():
        try:
            found.append(app.registry.manifest(name, version))
        except TailorbirdError:
            continue
    return found


def waiting(app: App) -> list[Manifest]:
    """The new version of every model that was held back while the one before serves."""
    found = []
    for name in app.registry.current():
        try:
            found += [manifest] if (manifest := app.registry.waiting(name)) else []
        except TailorbirdError:
            continue
    return found


def trained(app: App) -> list[Manifest]:
    """Every version on the disk that can be read."""
    found = []
    for name in app.registry.names():
        try:
            found += app.registry.versions(name)
        except TailorbirdError:
            continue
    return found


pages: Final[list[ControllerRouterHandler]] = [show]
