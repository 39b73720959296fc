"""Whose key is this? The keys of every shop that is served, by their hash, in memory.

A key names no shop, so its hash is looked up in one dictionary for all of them: what is not there is no shop's, and how
long the answer takes says nothing of which. The dictionary is read anew from the shops' tables when it is older than
half a second, beside the requests; a key that is revoked elsewhere is therefore out within a second. A key that is
not known waits for a reading that began after it came, of which there is one in a tenth of a second at most: guesses,
however many, cost no more than that.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, NamedTuple

import structlog

from tailorbird.errors import TailorbirdError
from tailorbird.protocols import Key, KeyStore
from tailorbird.types import DAY_SECONDS

FRESH_SECONDS: Final = 0.5
"""So long nobody asks again whether the keys are what they were."""

STALE_SECONDS: Final = 1.0
"""After so long nobody is let in before that was asked."""

REST_SECONDS: Final = 0.1
"""Between two readings, however many unknown keys come."""


class Held(NamedTuple):
    """A key and the shop that it belongs to."""

    shop: str
    key: Key


class Keyring:
    """The keys of all shops. Made anywhere, used on the event loop's thread."""

    def __init__(
        self,
        stores: Mapping[str, KeyStore],
        *,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stores, self._clock, self._ticks = dict(stores), clock, ticks
        self._held: dict[bytes, Held] = {}
        self._changes: dict[str, int] = {}
        self._read_at = -1e9
        self._reading = asyncio.Lock()
        self._work: set[asyncio.Task[None]] = set()
        self._used: dict[str, set[str]] = {}
        self._unreadable: set[str] = set()

    async def find(self, secret: str) -> Held | None:
        """Whose key this is; None if it is nobody's, or was revoked. One that has expired is still found."""
        name, now = hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest(), self._ticks()
        age = now - self._read_at
        held = self._held.get(name)
        if held is None or age > STALE_SECONDS or self._stores[held.shop].changes != self._changes[held.shop]:
            await self._renew(since=now)
            held = self._held.get(name)
        elif age > FRESH_SECONDS and not self._work:
            self._start(self._renewed_and_marked(now))
        if held is not None and (held.key.last_used_at or 0.0) <= self._clock() - DAY_SECONDS:
            self._used.setdefault(held.shop, set()).add(held.key.key_id)
        return held

    async def close(self) -> None:
        """Finish what was begun, and note which keys were used."""
        await asyncio.gather(*self._work, return_exceptions=True)
        await self._mark()

    async def _renew(self, *, since: float) -> None:
        """Read every shop's keys anew, unless a reading began after ``since``."""
        async with self._reading:
            if self._read_at >= since and not self._changed_here():
                return
            rest = self._read_at + REST_SECONDS - self._ticks()
            if rest > 0 and not self._changed_here():
                await asyncio.sleep(rest)
            began = self._ticks()
            self._changes = {shop: store.changes for shop, store in self._stores.items()}
            self._held = await asyncio.to_thread(self._read)
            self._read_at = began

    def _changed_here(self) -> bool:
        return any(store.changes != self._changes.get(shop) for shop, store in self._stores.items())

    def _read(self) -> dict[bytes, Held]:
        found: dict[bytes, Held] = {}
        for shop, store in self._stores.items():
            try:
                found.update((name, Held(shop, key)) for name, key in store.living().items())
                self._unreadable.discard(shop)
            except TailorbirdError as error:
                # A disk that cannot be read for a moment must not turn a shop's customers away: its keys stand.
                found.update((name, held) for name, held in self._held.items() if held.shop == shop)
                if shop not in self._unreadable:
                    self._unreadable.add(shop)
                    structlog.get_logger("tailorbird.api").warning(
                        "keys cannot be read", shop=shop, cause=error.message
                    )
        return found

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _renewed_and_marked(self, since: float) -> None:
        await self._renew(since=since)
        await self._mark()

    async def _mark(self) -> None:
        """Write down the days of use; what cannot be written now is lost, for nothing depends on it."""
        used, self._used = self._used, {}
        for shop, key_ids in used.items():
            try:
                await asyncio.to_thread(self._stores[shop].mark_used, key_ids, self._clock())
            except TailorbirdError as error:
                structlog.get_logger("tailorbird.api").warning(
                    "the use of keys cannot be noted", shop=shop, cause=error.message
                )
