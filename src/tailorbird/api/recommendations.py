"""Slates: ask, decide, answer. Everything slow or uncertain lies inside `decide`; here is only the wire."""

from typing import Any, Final

from litestar import Request as HttpRequest
from litestar import post

from tailorbird.api.bodies import Body
from tailorbird.api.contract import speaks
from tailorbird.api.keys import may_see_all
from tailorbird.api.live import Live, LiveShop
from tailorbird.api.wire import ITEM_FIELDS, PRIVATE_FIELDS, Ask, Search, Slate, SlateItem, Wish
from tailorbird.catalogue import in_locale
from tailorbird.errors import BadInput, Forbidden, UnknownSurface, did_you_mean
from tailorbird.monitoring.metrics import total_ms
from tailorbird.types import Decision, Item, Placed

ASK: Final = Body(Ask)
SEARCH: Final = Body(Search)


@post(
    "/v1/recommendations",
    status_code=200,
    summary="Ask for a slate",
    tags=["slates"],
    **speaks(key="slates", reads=ASK, fails=(UnknownSurface, Forbidden)),
)
async def recommend(request: HttpRequest[Any, Any, Any], live: LiveShop) -> Slate:
    """The slate of a surface, made for the person who is asked for. Every accepted event of theirs counts in it."""
    ask = await ASK.read(request)
    return _answer(live, request, ask, surface=ask.surface, query=ask.query)


@post(
    "/v1/search",
    status_code=200,
    summary="Search",
    tags=["slates"],
    **speaks(key="slates", reads=SEARCH, fails=(UnknownSurface, Forbidden)),
)
async def search(request: HttpRequest[Any, Any, Any], live: LiveShop) -> Slate:
    """The same answer as for a recommendation, on the surface ``search`` and with a query."""
    ask = await SEARCH.read(request)
    if ask.surface != "search":
        raise BadInput(
            f'surface is "{ask.surface[:60]}"; here it is always "search".', hint="Other surfaces: /v1/recommendations."
        )
    return _answer(live, request, ask, surface="search", query=ask.query)


def _answer(live: Live, http: HttpRequest[Any, Any, Any], wish: Wish, *, surface: str, query: str | None) -> Slate:
    sees_all = may_see_all(http)
    if wish.explain and not sees_all:
        raise Forbidden(
            "explain shows what is known of a person; a write key cannot ask for it.",
            hint="Use a secret key, or one of scope read.",
        )
    wanted = _wanted(wish.fields, sees_all=sees_all)
    decision = live.recommend(wish.request(surface=surface, query=query, at=live.app.clock()))
    locale = wish.context.get("locale")
    items = [
        _slate_item(live, placed, wanted, explain=wish.explain, locale=locale if isinstance(locale, str) else None)
        for placed in decision.items
    ]
    more = live.engine.pages.go_on(decision.decision_id)
    return _slate(decision, items, next_cursor=decision.decision_id if more else None)


def _slate(decision: Decision, items: list[SlateItem], *, next_cursor: str | None) -> Slate:
    slate = Slate(
        decision_id=decision.decision_id,
        surface=decision.surface,
        policy=decision.policy,
        items=items,
        next_cursor=next_cursor,
        degraded=decision.degraded,
        timings_ms={**decision.timings_ms, "total": round(total_ms(decision.timings_ms), 3)},
    )
    if decision.experiment is not None:
        slate.experiment = decision.experiment
    if decision.variant is not None:
        slate.variant = decision.variant
    if decision.explanation:
        slate.explanation = decision.explanation
    return slate


def _slate_item(live: Live, placed: Placed, wanted: tuple[str, ...], *, explain: bool, locale: str | None) -> SlateItem:
    shown = SlateItem(
        item_id=placed.item_id,
        position=placed.position,
        score=placed.score,
        source=placed.source,
        reason=placed.reason,
        propensity=placed.propensity,
        explored=placed.explored,
    )
    if explain:
        shown.channels = placed.channels
    if wanted:
        found: Item = live.engine.catalogue.item(live.engine.catalogue.find(placed.item_id))
        item = in_locale(found, locale)
        shown.item = {name: getattr(item, name) for name in wanted}
    return shown


def _wanted(fields: tuple[str, ...], *, sees_all: bool) -> tuple[str, ...]:
    """The fields of an item that shall come along.

    Raises:
        BadInput: an item has no such field, or none that this key may see.
    """
    allowed = tuple(name for name in ITEM_FIELDS if sees_all or name not in PRIVATE_FIELDS)
    if "*" in fields:
        return allowed
    for name in fields:
        if name not in allowed:
            raise BadInput(f"Items show no field '{name[:60]}'.", hint=did_you_mean(name, allowed))
    return fields


handlers: Final = (recommend, search)
