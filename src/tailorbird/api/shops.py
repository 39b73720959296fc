"""The shops of one process: those that are served, those that cannot be, and what they share.

They share the event loop, the address and one turn for work in the background, so that ten shops never write segments
at once. They share no data: each has a directory, a log, a ledger, keys and an engine of its own, and a request reaches
the one shop that its key belongs to.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final, NamedTuple, TypeAlias

from litestar.di import NamedDependency

from tailorbird.api.keyring import Keyring
from tailorbird.api.live import Live
from tailorbird.monitoring.metrics import Traffic, page_of
from tailorbird.protocols import KeyStore

DEFAULT_BODY_MB: Final = 8.0


class Closed(NamedTuple):
    """A shop that cannot be served. ``code`` says why to anybody, ``reason`` to the operator alone.

    ``keys`` are those of its callers, who get a 503 instead of a 401, as far as they can be read.
    """

    name: str
    code: str
    reason: str
    keys: KeyStore | None = None


class Shops:
    """What the application serves. ``stopping`` is set when nothing new is begun any more."""

    def __init__(
        self, lives: Sequence[Live], closed: Sequence[Closed] = (), *, clock: Callable[[], float] = time.time
    ) -> None:
        self.lives = {live.name: live for live in lives}
        self.closed = {shop.name: shop for shop in closed}
        self.clock = clock
        self.traffic = Traffic()
        self.stopping = False
        stores: dict[str, KeyStore] = {shop.name: shop.keys for shop in closed if shop.keys is not None}
        self.keyring = Keyring({**stores, **{live.name: live.app.keys for live in lives}}, clock=clock)
        turn = asyncio.Lock()
        for live in lives:
            live.turn = turn

    @property
    def max_body_mb(self) -> float:
        """The largest body that any of them takes; each one's own limit is looked at when its key is known."""
        return max((live.app.config.server.max_body_mb for live in self.lives.values()), default=DEFAULT_BODY_MB)

    @property
    def only(self) -> Live | None:
        """The shop where there is but one; whatever is asked without a key is then asked of it."""
        return next(iter(self.lives.values())) if len(self.lives) == 1 and not self.closed else None

    @property
    def origins(self) -> list[str]:
        """The origins whose pages may call. Which shop they reach is up to their key."""
        return sorted({origin for live in self.lives.values() for origin in live.app.config.server.cors_origins})

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Write and follow for every shop as long as this is open; at its end all that waited is written."""
        async with AsyncExitStack() as stack:
            for live in self.lives.values():
                await stack.enter_async_context(live.running())
            try:
                yield
            finally:
                self.stop()
                await self.keyring.close()

    def stop(self) -> None:
        """Begin nothing new: from now on every request is told to come again, and work in the background ends."""
        self.stopping = True
        for live in self.lives.values():
            live.stop()

    def metrics(self) -> bytes:
        """The figures of all shops for Prometheus, each with its name as the label ``shop``."""
        return page_of(
            {name: live.metrics for name, live in self.lives.items()},
            self.traffic,
            refused={name: live.limits.refused for name, live in self.lives.items()},
            closed=self.closed,
        )


AllShops: TypeAlias = NamedDependency[Shops]
"""How a handler that belongs to no one shop asks for them: ``shops: AllShops``."""
