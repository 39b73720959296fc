"""Which event ids the log has seen, for ever, at no page of the file for each new one.

An id is kept as 24 bytes, its hash and the digest of the body. Hashes lie anywhere in a tree: put there one by one,
each writes a page of its own. So they are put there many at a time, in order, when neighbours share pages (as in O'Neil
et al., The Log-Structured Merge-Tree, 1996). The invariant, for K, the one row of the table ``merged``:

- ``merged_keys`` holds the id of every event up to number K, and maybe some of later ones;
- the id of every later event can be read in its own row of ``log``, as it came. The database itself refuses to delete
  or change such a row (triggers): whoever wants to, merges first.

What a process holds in memory is derived from these rows. It may know ids that are merged by now, which does no harm;
before it judges, under the writer's lock, it reads what others appended.
"""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from threading import Lock
from typing import Final

from sqlalchemy import Connection, Engine

from tailorbird.backends.sql.schema import body_digest, key_hash, reading, shorten_wal, unhurried

DUE: Final = 50_000
"""Records after K from which it is worth the while to merge."""

MOST: Final = 100_000
"""Records after K from which whoever appended merges at once; what is held in memory, and read at the start."""

_STANDS = "SELECT (SELECT seq FROM merged), (SELECT max(seq) FROM log)"
_FRESH = "SELECT key, body FROM log WHERE seq > ? AND kind = 'event'"
_MOVE = "UPDATE merged SET seq = ? WHERE seq < ?"
# Many ids come as one value, which is cut at each place: one short statement for any number of them.
_FIND = (
    "WITH RECURSIVE place (p) AS (SELECT 1 UNION ALL SELECT p + 16 FROM place WHERE p + 16 < length(?1)) "
    "SELECT key_hash, digest FROM place CROSS JOIN merged_keys ON key_hash = substr(?1, p, 16)"
)
_PUT = (
    "WITH RECURSIVE place (p) AS (SELECT 1 UNION ALL SELECT p + 24 FROM place WHERE p + 24 < length(?1)) "
    "INSERT OR IGNORE INTO merged_keys (key_hash, digest) SELECT substr(?1, p, 16), substr(?1, p + 16, 8) FROM place"
)
_LOOKS_EVERY_SECONDS: Final = 0.05
_AT_ONCE: Final = 250  # ids in one transaction, each of which may write a page
_MOVED_EVERY: Final = 32  # transactions; without it those who append would have to move what a merge has written


class EventNames:
    """The ids of one log. `turn` is held by whoever appends, and around each transaction of a merge."""

    def __init__(self, engine: Engine) -> None:
        self.turn = Lock()
        self._engine = engine
        self._merging = Lock()
        self._merged = self._last = self._older_last = 0
        self._looked_at = -math.inf
        # Everything after `_merged` and up to `_last`: what a merge is busy with, up to `_older_last`, and the rest.
        self._older: dict[bytes, bytes] = {}
        self._newer: dict[bytes, bytes] = {}

    @property
    def n_fresh(self) -> int:
        """Records after K, as far as this process has heard."""
        return self._last - self._merged

    def look_ahead(self) -> None:
        """Learn what others appended before the writer's lock is taken, for it may take a moment. In one's `turn`."""
        if time.monotonic() - self._looked_at > _LOOKS_EVERY_SECONDS:
            with reading(self._engine) as connection:
                self.catch_up(connection)

    def catch_up(self, connection: Connection) -> None:
        """Learn what others appended, forget what anybody merged. In a transaction, in one's `turn`."""
        self._looked_at = time.monotonic()
        merged, last = connection.exec_driver_sql(_STANDS).one()
        self._forget(merged)
        if (last or 0) > self._last:
            rows = connection.exec_driver_sql(_FRESH, (self._last,))
            self._newer.update((key_hash(key), body_digest(body)) for key, body in rows)
            self._last = last

    def known(self, connection: Connection, hashes: Sequence[bytes]) -> dict[bytes, bytes]:
        """The digests of those among these that the log has seen. In the transaction, and the turn, of `catch_up`."""
        found: dict[bytes, bytes] = {}
        for digests in (self._older, self._newer):
            found.update((name, digests[name]) for name in digests.keys() & hashes)
        if hashes:
            found.update((row[0], row[1]) for row in connection.exec_driver_sql(_FIND, (b"".join(hashes),)))
        return found

    def learn(self, digests: Mapping[bytes, bytes], last: int) -> None:
        """Remember what the transaction that has just been committed appended, up to number ``last``; in its turn."""
        self._newer.update(digests)
        self._last = last

    def merge(self, up_to: int = 0) -> None:
        """Move K to the newest record, unless it is at ``up_to`` already.

        Takes the writer's lock for a few milliseconds at a time. May be killed anywhere, and done by two at once: what
        is in the table already is left alone, and K never goes back.

        Raises:
            Unavailable: the disk is full, or the file is locked or damaged. Then K is where it was.
        """
        with self._merging:
            with self.turn, reading(self._engine) as connection:
                self.catch_up(connection)
                if self._merged >= (up_to or self._last):
                    return
                self._older, self._newer = {**self._older, **self._newer}, {}
                self._older_last = self._last
            with unhurried(self._engine) as connection:
                for n, some in enumerate(_slices(self._older), 1):
                    began = time.monotonic()
                    self._put(connection, some)
                    time.sleep(time.monotonic() - began)  # as long again for whoever else wants to write
                    if n % _MOVED_EVERY == 0:
                        shorten_wal(self._engine)
                with self.turn:
                    with connection.begin():
                        connection.exec_driver_sql(_MOVE, (self._older_last, self._older_last))
                    self._forget(self._older_last)

    def _put(self, connection: Connection, ids: list[bytes]) -> None:
        with self.turn, connection.begin():
            connection.exec_driver_sql(_PUT, (b"".join(ids),))

    def _forget(self, merged: int) -> None:
        moved = merged > self._merged
        self._merged = max(self._merged, merged)
        if merged >= self._older_last:
            self._older = {}
        if moved and not self._older and not self._merging.locked():
            # Somebody else merges: what is known by now can go when they have done so again.
            self._older, self._older_last, self._newer = self._newer, self._last, {}
        if merged >= self._last:
            self._newer, self._last = {}, merged


def _slices(digests: Mapping[bytes, bytes]) -> Iterator[list[bytes]]:
    """Hash and digest in one, in order, some at a time.

    Sorted piece by piece: a sort of all would keep every other thread from the interpreter.
    """
    by_first: list[list[bytes]] = [[] for _ in range(256)]
    for name in digests:
        by_first[name[0]].append(name)
    some: list[bytes] = []
    for names in by_first:
        some += [name + digests[name] for name in sorted(names)]
        while len(some) >= _AT_ONCE:
            yield some[:_AT_ONCE]
            del some[:_AT_ONCE]
    if some:
        yield some
