"""For machines that watch: is it alive, is it ready, what are its figures. Open, because none of it is personal."""

from typing import Any, Final

from litestar import Response, get

from tailorbird.api.contract import speaks
from tailorbird.api.live import LiveShop
from tailorbird.api.problems import Busy
from tailorbird.api.wire import Alive, Health
from tailorbird.errors import Unavailable
from tailorbird.monitoring.metrics import CONTENT_TYPE

_MOST_LAG: Final = 10_000


@get("/health/live", summary="Is the process alive?", tags=["health"], **speaks(key="none"))
async def alive() -> Alive:
    """Answers as long as the process does; restart it when this fails."""
    return Alive()


@get("/health/ready", summary="Is the engine ready?", tags=["health"], **speaks(key="none", fails=(Unavailable,)))
async def ready(live: LiveShop) -> Health:
    """Whether slates are current: the log is followed and can be written. Send no traffic while this is 503."""
    follower = live.follower
    if follower.failing:
        raise Busy("The log is not being followed.", hint="The server's log has the cause.", retry_seconds=5)
    if not follower.caught_up or follower.lag > _MOST_LAG:
        raise Busy(f"The engine is {follower.lag} records behind the log.", hint="It is catching up.", retry_seconds=2)
    if not live.writer.alive:
        raise Busy("Nothing can be written.", hint="Restart the server.", retry_seconds=5)
    return Health(
        status="ready",
        seq=live.engine.seq,
        lag=follower.lag,
        items=len(live.engine.catalogue),
        models=dict(live.engine.models),
        left_out=live.app.left_out,
    )


@get("/metrics", summary="Figures for Prometheus", tags=["health"], **speaks(key="none", gives={"text/plain": str}))
async def metrics(live: LiveShop) -> Response[bytes]:
    """Counters and histograms in Prometheus' text format."""
    return Response(live.metrics.text(), media_type=CONTENT_TYPE)


handlers: Final[tuple[Any, ...]] = (alive, ready, metrics)
