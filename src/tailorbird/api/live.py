"""A shop that is being served: the engine, the thread that writes for it, the tasks that keep it fresh, its figures.

Handlers get the shop of the caller's key as a parameter named ``live``. Everything here belongs to the event loop's
thread. Heavy work in the background waits for its ``turn``, which all shops of a process share.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

import structlog
from litestar.di import NamedDependency

from tailorbird.api.follower import Follower
from tailorbird.api.limits import Limits
from tailorbird.api.rehearsal import rehearse
from tailorbird.api.writer import Appended, Writer
from tailorbird.app import App
from tailorbird.decide import Engine
from tailorbird.errors import TailorbirdError
from tailorbird.ingest.checks.kept import newest_check
from tailorbird.monitoring import Metrics
from tailorbird.types import Decision, Entry, Request

VISIBLE_SECONDS: Final = 0.1
"""How long an answer waits for its own records to hold in the engine; they are durable by then either way."""

MOST_LAG: Final = 10_000
"""Records behind the log from which slates and /health/ready say so; it is a second's work, or a fault."""

BEHIND: Final = "the engine is far behind the log"

_SHORTENED_EVERY_SECONDS: Final = 0.5
_MODELS_EVERY_SECONDS: Final = 2.0
_UPKEEP_EVERY_SECONDS: Final = 600.0
_ERASURES_EVERY_SECONDS: Final = 5.0
_RENEWED_EVERY_SECONDS: Final = 3_600.0
_CHECKED_AFTER_SECONDS: Final = 60.0
_CHECKED_AT_ONCE: Final = 200
_CHECK_RESTS_SECONDS: Final = 0.015
"""After `_CHECKED_AT_ONCE` records, which take a tenth of that: a slate hardly ever waits for a check."""


class _StoppedError(Exception):
    """The server stops while something works in the background."""


class Live:
    """One shop in service. ``writer`` and ``follower`` exist inside `running` only."""

    writer: Writer
    follower: Follower

    def __init__(self, app: App) -> None:
        self.app = app
        self.name = app.shop_dir.resolve().name
        self.metrics = Metrics()
        self.limits = Limits(app.config.limits)
        self.changing = asyncio.Lock()
        self.turn = asyncio.Lock()
        self._stopping = threading.Event()

    @property
    def engine(self) -> Engine:
        """The engine that serves now; another one takes its place when people were erased."""
        return self.app.engine

    @property
    def behind(self) -> bool:
        """Whether slates are made of a state that is far from what the log holds."""
        return self.follower.failing is not None or self.follower.lag > MOST_LAG

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Write and follow for as long as this is open; at its end everything that waited is written."""
        log = self.app.log
        self.writer = Writer(self.app.append, log.last_seq, on_commit=self.metrics.appended)
        self.follower = Follower(
            self.app,
            lambda: self.engine.seq,
            log.last_seq,
            on_slice=lambda applied, seq, lag: self.metrics.followed(applied=applied, seq=seq, lag=lag),
        )
        tasks = [
            asyncio.create_task(work)
            for work in (
                self.follower.run(),
                self._shorten(),
                self._renew_models(),
                self._renew_state(),
                self._keep_up(),
                self._check_data(),
            )
        ]
        try:
            yield
        finally:
            self.stop()
            await self.writer.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def stop(self) -> None:
        """End what works in the background, as soon as it looks."""
        self._stopping.set()

    def warm(self) -> None:
        """Have everything compiled and every model touched once, so that no shopper waits for it.

        The ledger is opened too: by the first slate it would be too late, if the disk is full by then.
        """
        self.app.ledger.recent(1)
        rehearse(self.app.config)
        anchor = self.engine.catalogue.ids[0] if len(self.engine.catalogue) else None
        for surface in ("home", "item"):
            self.engine.decide(Request(surface=surface, at=self.app.clock(), item_id=anchor, explain=True))

    async def append(self, entries: Sequence[Entry]) -> Appended:
        """Add to the log durably, then wait (bounded) until it holds for the next slate.

        Raises:
            QuotaExceeded: the shop may not hold, or take today, so much.
            Unavailable: nothing was added.
        """
        self._check_quota(entries)
        appended = await self.writer.append(entries)
        await self.follower.reached(appended.seq, seconds=VISIBLE_SECONDS)
        self.metrics.became_visible(time.perf_counter() - appended.at)
        return appended

    def _check_quota(self, entries: Sequence[Entry]) -> None:
        limits, app = self.limits.config, self.app
        if not limits.events_a_day and not limits.items:
            return
        catalogue = app.engine.catalogue
        named = {entry.key for entry in entries if entry.kind == "item"} if limits.items else ()
        self.limits.check_quota(
            events=sum(entry.kind == "event" for entry in entries),
            events_today=app.today.n_events(app.engine.seq) if limits.events_a_day else 0,
            new_items=sum(not catalogue.is_described(key) for key in named),
            items=catalogue.n_described,
            now=app.clock(),
        )

    def recommend(self, request: Request) -> Decision:
        """Decide, record and count."""
        decision = self.app.recommend(request, excuse=BEHIND if self.behind else "")
        self.metrics.decided(decision)
        return decision

    async def _shorten(self) -> None:
        """Move what was appended into its place, beside the thread that appends, which then never waits for it."""
        while True:
            await asyncio.sleep(_SHORTENED_EVERY_SECONDS)
            with contextlib.suppress(TailorbirdError, OSError):  # a writer does it, sooner or later
                await asyncio.to_thread(self.app.log.shorten)

    async def _renew_models(self) -> None:
        """Serve with what another process has promoted. Files are read off the loop's thread."""
        while True:
            await asyncio.sleep(_MODELS_EVERY_SECONDS)
            try:
                if self.app.newer_models():
                    self.app.install(await asyncio.to_thread(self.app.load_models))
                    structlog.get_logger("tailorbird.api").info("newer models serve", models=self.engine.models)
            except (TailorbirdError, OSError):
                structlog.get_logger("tailorbird.api").exception("newer models cannot be loaded; the old ones serve on")

    async def _renew_state(self) -> None:
        """Build a new engine from the log when something was taken out of it, so that it counts no more.

        The old one serves meanwhile. Not more often than every hour: who asks one by one shares it.
        """
        while True:
            await asyncio.sleep(_ERASURES_EVERY_SECONDS)
            if not self.app.outdated:
                continue
            try:
                async with self.turn:
                    self.app.renew(await asyncio.to_thread(self.app.build_engine, self._heed))
                structlog.get_logger("tailorbird.api").info("an engine without what was erased serves")
            except _StoppedError:
                return
            except (TailorbirdError, OSError):
                structlog.get_logger("tailorbird.api").exception("no new engine; the old one serves on")
            await asyncio.sleep(_RENEWED_EVERY_SECONDS)

    async def _keep_up(self) -> None:
        """Close the log's old days, and let go what is too old, which a shop without a worker would never do."""
        while True:
            await asyncio.sleep(_UPKEEP_EVERY_SECONDS)
            try:
                async with self.turn:
                    await asyncio.to_thread(self.app.close_segments)
                    await asyncio.to_thread(self.app.retain_daily)
            except (TailorbirdError, OSError):
                structlog.get_logger("tailorbird.api").exception("no upkeep; the log stays as it is")

    async def _check_data(self) -> None:
        """Check the data soon after the start and then now and again, slowly, in a thread of its own."""
        self._tell_check()
        hours = self.app.config.checks.every_hours
        wait = _CHECKED_AFTER_SECONDS
        while hours:
            await asyncio.sleep(wait)
            wait = hours * 3_600
            try:
                async with self.turn:
                    await asyncio.to_thread(self.app.check, self._rest, chunk=_CHECKED_AT_ONCE)
                self._tell_check()
            except _StoppedError:
                return
            except (TailorbirdError, OSError):
                structlog.get_logger("tailorbird.api").exception("the data cannot be checked; the last result stays")

    def _rest(self, _share: float) -> None:
        if self._stopping.wait(_CHECK_RESTS_SECONDS):
            raise _StoppedError

    def _heed(self, _done: int, _of: int) -> None:
        if self._stopping.is_set():
            raise _StoppedError

    def _tell_check(self) -> None:
        if (kept := newest_check(self.app.shop_dir)) is not None:
            self.metrics.checked(kept.levels)


LiveShop: TypeAlias = NamedDependency[Live]
"""How a handler asks for it: ``live: LiveShop``."""
