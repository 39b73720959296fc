"""Appending from many requests at once: one thread, one transaction for all that waits.

A durable commit waits for the disk whatever it holds, so batches that arrive during one commit share the next one
(group commit; DeWitt et al., Implementation Techniques for Main Memory Database Systems, 1984, section 5.2). There is
no timer: an idle server commits at once, a busy one in groups.
"""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from tailorbird.api.problems import Busy
from tailorbird.protocols import Verdict
from tailorbird.types import Entry

MOST_WAITING: Final = 50_000
"""Entries that may wait for the disk; more are refused with 503 before they eat the memory."""

MOST_WAITING_BYTES: Final = 64 * 2**20
"""Their size together: a few large records weigh as much as many small ones."""

_MOST_IN_GROUP: Final = 5_000
_BYTES_BESIDE_BODY: Final = 200
"""What an entry takes besides its body, about."""


class Appended(NamedTuple):
    """What became of a batch. No record of it has a higher number than ``seq``; ``at`` is when it was durable."""

    verdicts: Sequence[Verdict]
    seq: int
    at: float


class _Batch(NamedTuple):
    entries: Sequence[Entry]
    n_bytes: int
    done: "asyncio.Future[Appended]"


class Writer:
    """The one thread of this process that writes the log. Made and used on the event loop's thread."""

    def __init__(
        self,
        append: Callable[[Sequence[Entry]], Sequence[Verdict]],
        last_seq: Callable[[], int],
        *,
        on_commit: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        self._append, self._last_seq, self._on_commit = append, last_seq, on_commit
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[_Batch | None] = queue.SimpleQueue()
        self._n_waiting = self._bytes_waiting = 0
        self._closing = False
        self._thread = threading.Thread(target=self._write_forever, name="log-writer", daemon=True)
        self._thread.start()

    async def append(self, entries: Sequence[Entry]) -> Appended:
        """Durably add a batch, all of it or nothing.

        Raises:
            Busy: too much waits for the disk already, or the server is stopping.
            Unavailable: the disk is full, or the log cannot be used. Then nothing of the batch was added.
        """
        if self._closing:
            raise Busy("The server is stopping.", hint="Send this again; nothing of it was kept.")
        n_bytes = sum(len(entry.body) for entry in entries) + _BYTES_BESIDE_BODY * len(entries)
        over = self._n_waiting + len(entries) > MOST_WAITING or self._bytes_waiting + n_bytes > MOST_WAITING_BYTES
        if over and self._n_waiting:
            raise Busy(
                f"{self._n_waiting} records wait for the disk already, {self._bytes_waiting / 2**20:.0f} MB.",
                hint="Send this again after the seconds in Retry-After; nothing of it was kept.",
            )
        done: asyncio.Future[Appended] = self._loop.create_future()
        self._n_waiting += len(entries)
        self._bytes_waiting += n_bytes
        self._queue.put(_Batch(entries, n_bytes, done))
        return await done

    async def close(self) -> None:
        """Write what waits, then end the thread."""
        self._closing = True
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def _write_forever(self) -> None:
        while (first := self._queue.get()) is not None:
            group, last = self._group(first)
            self._write(group)
            if last:
                return

    def _group(self, first: _Batch) -> tuple[list[_Batch], bool]:
        """What waits now, up to a size that keeps one transaction short; and whether the end was seen."""
        group, n_entries = [first], len(first.entries)
        while n_entries < _MOST_IN_GROUP:
            try:
                batch = self._queue.get_nowait()
            except queue.Empty:
                break
            if batch is None:
                return group, True
            group.append(batch)
            n_entries += len(batch.entries)
        return group, False

    def _write(self, group: list[_Batch]) -> None:
        start = time.perf_counter()
        try:
            verdicts = self._append([entry for batch in group for entry in batch.entries])
            seq = self._last_seq()
        except Exception as error:  # noqa: BLE001  # the edge of a thread: each request that waits must hear of it
            self._loop.call_soon_threadsafe(self._refuse, group, error)
            return
        now = time.perf_counter()
        self._loop.call_soon_threadsafe(self._resolve, group, verdicts, seq, now - start, now)

    def _resolve(self, group: list[_Batch], verdicts: Sequence[Verdict], seq: int, seconds: float, now: float) -> None:
        self._on_commit(seconds)
        start = 0
        self._forget(group)
        for entries, _, done in group:
            if not done.done():
                done.set_result(Appended(verdicts[start : start + len(entries)], seq, now))
            start += len(entries)

    def _refuse(self, group: list[_Batch], error: Exception) -> None:
        self._forget(group)
        for batch in group:
            if not batch.done.done():
                batch.done.set_exception(error)

    def _forget(self, group: list[_Batch]) -> None:
        self._n_waiting -= sum(len(batch.entries) for batch in group)
        self._bytes_waiting -= sum(batch.n_bytes for batch in group)
