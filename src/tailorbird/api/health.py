"""For machines that watch: is it alive, is it ready, what are its figures. Open, because none of it is personal."""

from typing import Any, Final

from litestar import Response, get

from tailorbird.api.contract import speaks
from tailorbird.api.live import Live
from tailorbird.api.problems import Busy
from tailorbird.api.shops import AllShops
from tailorbird.api.wire import Alive, Health, ShopHealth
from tailorbird.errors import Unavailable
from tailorbird.monitoring.metrics import CONTENT_TYPE


@get("/health/live", summary="Is the process alive?", tags=["health"], **speaks(key="none"))
async def alive() -> Alive:
    """Answers as long as the process does; restart it when this fails."""
    return Alive()


@get("/health/ready", summary="Is the engine ready?", tags=["health"], **speaks(key="none", fails=(Unavailable,)))
async def ready(shops: AllShops) -> Health:
    """Whether slates are current: the log is followed and can be written. Send no traffic while this is 503.

    With several shops it is 200 while any of them serves, and `shops` tells of each; with one, that one's figures stand
    beside it too.
    """
    found = {name: _health_of(live) for name, live in shops.lives.items()}
    reasons = {shop.name: f"It cannot be opened ({shop.code})." for shop in shops.closed.values()}
    found |= {name: ShopHealth(status="closed", detail=reason) for name, reason in reasons.items()}
    if not any(shop.status in _SERVING for shop in found.values()):
        detail = next((shop.detail for shop in found.values() if shop.detail), "No shop is served.")
        raise Busy(detail, hint="The server's log has the cause.", retry_seconds=5)
    if len(found) == 1:
        (one,) = found.values()
        return Health(
            status=one.status,
            seq=one.seq,
            lag=one.lag,
            items=one.items,
            models=one.models,
            left_out=one.left_out,
            shops=found,
        )
    all_ready = all(shop.status == "ready" for shop in found.values())
    return Health(status="ready" if all_ready else "partly", shops=found)


_SERVING: Final = ("ready", "behind")


def _health_of(live: Live) -> ShopHealth:
    follower, status, detail = live.follower, "ready", ""
    if not live.writer.alive:
        status, detail = "failing", "Nothing can be written. Restart the server."
    elif follower.failing:
        status, detail = "failing", "The log is not being followed."
    elif not follower.caught_up:
        status, detail = "starting", f"The engine is {follower.lag} records behind the log and catches up."
    elif live.behind:
        # Events are as welcome as ever: a balancer that kept them away would only make it worse.
        status, detail = "behind", f"The engine is {follower.lag} records behind the log; slates say so."
    return ShopHealth(
        status=status,
        seq=live.engine.seq,
        lag=follower.lag,
        items=live.engine.catalogue.n_described,
        models=dict(live.engine.models),
        left_out=live.app.left_out,
        detail=detail,
    )


@get("/metrics", summary="Figures for Prometheus", tags=["health"], **speaks(key="none", gives={"text/plain": str}))
async def metrics(shops: AllShops) -> Response[bytes]:
    """Counters and histograms in Prometheus' text format, by `shop`."""
    return Response(shops.metrics(), media_type=CONTENT_TYPE)


handlers: Final[tuple[Any, ...]] = (alive, ready, metrics)
