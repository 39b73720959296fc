"""See the shop as one of its people, and change their next slate with a click.

A click is a real event: it goes into the log as the shop's own would, the engine follows the log, and the next decision
is made as for anybody. What is shown is therefore what that person would get, within the same second.
"""

import asyncio
import time
import uuid
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler

from tailorbird.console import figures
from tailorbird.console.desk import Desk, TheDesk
from tailorbird.console.people import find_person, ids_of, newcomer, portrait, random_active, tastes
from tailorbird.console.slates import changes, tiles
from tailorbird.errors import BadInput, NotFound, did_you_mean
from tailorbird.features.affinity import CATEGORY
from tailorbird.ingest.events import entry_of_event, parse_event
from tailorbird.types import Decision
from tailorbird.types import Request as SlateRequest

SURFACES: Final = {"home": "Home", "item": "Product page", "cart": "Cart"}
ACTS: Final = {
    "list_click": "Clicked", "item_view": "Looked at", "cart_add": "Put in the cart", "purchase": "Bought",
    "dismiss": "Turned down",
}  # fmt: skip
LIMIT: Final = 12
_FOLLOW_SECONDS: Final = 3.0


@dataclass(frozen=True)
class View:
    """Who looks at which surface, on which item's page."""

    person: str
    surface: str
    item_id: str = ""

    @property
    def address(self) -> str:
        """Where this view is found."""
        asked = {"person": self.person, "surface": self.surface, "item": self.item_id}
        return "/console/see?" + urlencode({name: value for name, value in asked.items() if value})


@dataclass(frozen=True)
class Story:
    """What a click brought about. ``shift`` names the category that gained most, with its share before and after."""

    act: str
    item_id: str
    title: str
    ms: float
    shift: tuple[str, float, float] | None


@get("/see")
async def see(desk: TheDesk, request: Request[Any, Any, Any]) -> Response[Any]:
    """The whole page, for a person named, found, drawn or new."""
    asked = request.query_params
    surface = asked.get("surface", "home")
    if surface not in SURFACES:
        raise BadInput(f"There is no surface '{surface[:64]}' to see here.", hint=did_you_mean(surface, SURFACES))
    if asked.get("who") in ("random", "new"):
        drawn = newcomer() if asked["who"] == "new" else random_active(desk.app, desk.heartbeat.lately()) or newcomer()
        return Redirect(View(drawn, surface, asked.get("item", "")).address, status_code=303)
    wanted = asked.get("person", "").strip()
    person = find_person(desk.app, wanted) if wanted else random_active(desk.app, desk.heartbeat.lately())
    unknown = wanted if wanted and person is None and not wanted.startswith("a:console-") else ""
    view = View(person or (wanted if wanted.startswith("a:console-") else newcomer()), surface, asked.get("item", ""))
    return desk.page("see.html", page="see", unknown=unknown, **_shown(desk, view))


@post("/see/act", status_code=200)
async def act(
    desk: TheDesk,
    request: Request[Any, Any, Any],
    data: Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[Any]:
    """Do something as this person, and show their next slate beside the one before."""
    view = View(data.get("person", ""), data.get("surface", "home"), data.get("anchor", ""))
    if not view.person or view.surface not in SURFACES or data.get("type") not in ACTS:
        raise BadInput(f"'{data.get('type', '')[:64]}' cannot be done here.", hint=f"Allowed: {', '.join(ACTS)}.")
    before = await asyncio.to_thread(desk.app.ledger.get, data.get("decision_id", ""))
    leaning = dict(tastes(desk.app, desk.app.engine.state.person(view.person), CATEGORY))
    start = time.perf_counter()
    await _happen(desk, _event(desk, view, data))
    shown = _shown(desk, view, before=before)
    ms = (time.perf_counter() - start) * 1000
    now = dict(tastes(desk.app, desk.app.engine.state.person(view.person), CATEGORY))
    number = desk.app.engine.catalogue.find(data.get("item_id", ""))
    title = desk.app.engine.catalogue.item(number).title if number >= 0 else ""
    story = Story(
        ACTS[data["type"]], data.get("item_id", ""), title or data.get("item_id", ""), ms, _shift(leaning, now)
    )
    shown["story"] = story
    if request.headers.get("x-part"):
        return desk.page("part-see.html", **shown)
    return desk.page("see.html", page="see", unknown="", **shown)


@get("/decision")
async def decision(desk: TheDesk, request: Request[Any, Any, Any]) -> Response[str]:
    """One decision of the ledger, as it was."""
    decision_id = request.query_params.get("id", "")
    found = await asyncio.to_thread(desk.app.ledger.get, decision_id)
    if found is None:
        raise NotFound(f"The ledger has no decision '{decision_id[:64]}'.", hint="The overview lists the latest ones.")
    return desk.page(
        "decision.html",
        page="overview",
        decision=found,
        tiles=tiles(found, desk.app.engine.catalogue),
        waterfall=figures.waterfall(found),
        story_of_it=figures.waterfall_story(found),
        can_act=False,
        story=None,
    )


async def _happen(desk: Desk, raw: dict[str, Any]) -> None:
    """Check and append as the API does, and follow the log until the engine knows of it."""
    entry = entry_of_event(parse_event(raw, now=desk.app.clock()))
    await asyncio.to_thread(desk.app.append, [entry])
    end = await asyncio.to_thread(desk.app.log.last_seq)
    deadline = time.perf_counter() + _FOLLOW_SECONDS
    while desk.app.engine.seq < end and time.perf_counter() < deadline:
        desk.app.follow(5.0)
        await asyncio.sleep(0)


def _event(desk: Desk, view: View, data: dict[str, str]) -> dict[str, Any]:
    """What the browser of that person would send."""
    position = data.get("position", "")
    return {
        "type": data["type"],
        "at": desk.app.clock(),
        "event_id": f"console-{uuid.uuid4().hex}",
        "item_id": data.get("item_id") or None,
        "decision_id": data.get("decision_id") or None,
        "position": int(position) if position.isdigit() and len(position) < 6 else None,
        "surface": view.surface,
        "context": {"source": "console"},
        **ids_of(view.person),
    }


def _shown(desk: Desk, view: View, before: Decision | None = None) -> dict[str, Any]:
    """Everything on the page: made on the engine's thread, without waiting for a disk."""
    app, catalogue = desk.app, desk.app.engine.catalogue
    person = portrait(app, view.person)
    anchor = _anchor(desk, view, [thing.item_id for thing, _, _ in person.recent])
    asked = SlateRequest(
        surface=view.surface,
        at=app.clock(),
        item_id=anchor if view.surface == "item" else None,
        cart=tuple(dict.fromkeys([*person.cart, *([anchor] if anchor else [])])) if view.surface == "cart" else (),
        limit=LIMIT,
        explain=True,
        context={"source": "console"},
        **ids_of(view.person),  # type: ignore[arg-type]  # one of two string fields
    )
    made = app.recommend(asked)
    now = tiles(made, catalogue, before)
    number = catalogue.find(anchor) if anchor else -1
    return {
        "view": View(view.person, view.surface, anchor if view.surface != "home" else view.item_id),
        "surfaces": SURFACES,
        "person": person,
        "anchor": catalogue.item(number) if number >= 0 and view.surface != "home" else None,
        "decision": made,
        "tiles": now,
        "before": before,
        "change": changes(now, before, catalogue) if before else None,
        "story": None,
        "waterfall": figures.waterfall(made),
        "story_of_it": figures.waterfall_story(made),
        "n_items": len(catalogue),
        "can_act": True,
    }


def _anchor(desk: Desk, view: View, recent: list[str]) -> str:
    """The item whose page it is: the one asked for, else the last one seen, else the shop's first."""
    catalogue = desk.app.engine.catalogue
    if view.surface == "home":
        return ""
    if view.item_id and catalogue.find(view.item_id) >= 0:
        return view.item_id
    if view.surface == "cart":
        return ""
    return recent[0] if recent else (catalogue.ids[0] if len(catalogue) else "")


def _shift(before: dict[str, float], after: dict[str, float]) -> tuple[str, float, float] | None:
    """The category whose share grew most, if any grew by a point."""
    gains = {name: share - before.get(name, 0.0) for name, share in after.items()}
    name = max(gains, key=lambda one: gains[one], default=None)
    return (name, before.get(name, 0.0), after[name]) if name is not None and gains[name] >= 0.01 else None


pages: Final[list[ControllerRouterHandler]] = [see, act, decision]
