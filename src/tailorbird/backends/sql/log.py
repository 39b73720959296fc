"""The log in SQLite: an idempotent hot tail, and closed days as Parquet segments.

Every event id is remembered for ever (`event_names`), so that rows can leave for a segment without a duplicate slipping
back in; the table ``versions`` holds the newest body of each item, user and identity, so that "no change" costs no new
version.
"""

import contextlib
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from tailorbird.backends.sql.event_names import DUE, MOST, EventNames
from tailorbird.backends.sql.halving import first_since
from tailorbird.backends.sql.schema import (
    LOG_MIGRATIONS,
    body_digest,
    empty_wal,
    key_hash,
    log,
    migrate,
    open_sqlite,
    reading,
    segments,
    shorten_wal,
    versions,
    writing,
)
from tailorbird.backends.sql.segments import GROUP_ROWS, Change, SegmentFiles
from tailorbird.errors import Unavailable
from tailorbird.protocols import Verdict
from tailorbird.types import DAY_SECONDS, Entry, Record

_CHUNK = 500  # ids in one IN (...), rows in one VALUES (...): well under SQLite's limit on variables
_MOST_KEPT = 20_000  # records that wait in memory for whoever follows
_REWRITTEN = 5_000  # rows looked at in one transaction
_TAIL = "SELECT seq, kind, key, at, recorded_at, body FROM log WHERE seq > ? ORDER BY seq LIMIT ?"
_COUNTED = "SELECT count(*) FROM log WHERE seq >= ? AND seq <= ? AND kind = ?"
_BY_STEP = (
    "SELECT CAST(recorded_at / ? AS INTEGER) AS step, count(*) AS n FROM log WHERE seq > ? AND seq <= ? "
    "AND kind = 'event' AND recorded_at >= ? AND recorded_at - at <= ? GROUP BY step"
)
_REPLACE = "UPDATE log SET kind = ?, key = ?, at = ?, body = ? WHERE seq = ?"
_NEWER = "SELECT seq FROM log WHERE recorded_at >= ? ORDER BY seq LIMIT 1"
_OLDEST = "SELECT min(seq), max(seq), count(*) FROM (SELECT seq FROM log WHERE seq < ? ORDER BY seq LIMIT ?)"
_NO_NUMBER = 2**63 - 1  # higher than any
_SEGMENT = "SELECT file FROM segments WHERE last_seq > ? ORDER BY first_seq LIMIT 1"


class SqlLog:
    """One shop's log. Safe to use from several threads and several processes at once."""

    def __init__(self, directory: Path, *, clock: Callable[[], float] = time.time) -> None:
        """Open or create ``tailorbird.db`` in ``directory``, and bring its schema up to date."""
        self.path = directory / "tailorbird.db"
        self.engine = open_sqlite(self.path)
        self._files = SegmentFiles(directory / "segments")
        self._clock = clock
        self._appended: _Appended | None = None
        self._names = EventNames(self.engine)
        self._merges_on_append = True
        migrate(self.engine, LOG_MIGRATIONS)

    def append(self, entries: Sequence[Entry]) -> Sequence[Verdict]:
        """Durably add these in one transaction; see `Entry` for what counts as a duplicate.

        Raises:
            Unavailable: the disk is full, or the file is locked or damaged. Then nothing was added.
        """
        if not entries:
            return []
        batch = _Batch(entries)
        with self._names.turn:
            self._names.look_ahead()
            with writing(self.engine) as connection:
                self._names.catch_up(connection)
                batch.judge(connection, self._names)
                now = self._clock()
                rows = [(e.kind, e.key, e.at, now, e.body) for e in batch.accepted]
                last = _insert(connection, "INSERT INTO log (kind, key, at, recorded_at, body)", rows)
            if rows:
                self._names.learn(batch.fresh, last)
            if self._appended is not None and rows:
                # One transaction's numbers follow each other: nobody else has the writer's lock meanwhile.
                self._appended.add([Record(seq, *row) for seq, row in enumerate(rows, last - len(rows) + 1)])
        if self._names.n_fresh >= (DUE if self._merges_on_append else MOST):
            self._merge_names()
        return batch.verdicts

    def appended(self, after: int, limit: int) -> Sequence[Record]:
        """What this process itself appended right after that number, without a look at the disk; often nothing.

        Whoever follows the log asks here first: then no record is read that was written a moment ago. Kept from the
        first call on. For following alone: what another process erases meanwhile is still in here.
        """
        if self._appended is None:
            self._appended = _Appended()
        return self._appended.take(after, limit)

    def read(self, after: int, limit: int) -> Sequence[Record]:
        """Records in order, from closed segments first, then from the hot tail. May stop at a segment's end."""
        with reading(self.engine) as connection:
            rows = connection.exec_driver_sql(_TAIL, (after, limit)).all()
            # Whoever goes on where they stopped is answered from the tail; only what is missing there is in a segment.
            if not rows or rows[0].seq > after + 1:
                segment = connection.exec_driver_sql(_SEGMENT, (after,)).first()
                if segment is not None:
                    return self._files.read(segment.file, after, limit)
        return [Record(*row) for row in rows]

    def last_seq(self) -> int:
        """The highest number given out."""
        with reading(self.engine) as connection:
            hot = connection.execute(select(func.max(log.c.seq))).scalar()
            return int(hot or connection.execute(select(func.max(segments.c.last_seq))).scalar() or 0)

    def current(self, kind: str, key: str) -> bytes | None:
        """The newest body of an item, user or identity."""
        with reading(self.engine) as connection:
            body = connection.execute(
                select(versions.c.body).where(versions.c.kind == kind, versions.c.key == key)
            ).scalar()
            return None if body is None else bytes(body)

    def newest(self, kind: str, keys: Collection[str] | None = None) -> list[bytes]:
        """The newest bodies of all that is of this kind, or of these keys of it, as they stand at one moment."""
        of_kind = select(versions.c.body).where(versions.c.kind == kind)
        asked = [of_kind] if keys is None else [of_kind.where(versions.c.key.in_(some)) for some in _chunks([*keys])]
        with reading(self.engine) as connection:
            return [bytes(row.body) for one in asked for row in connection.execute(one)]

    def keys(self, kind: str, *, ending: str = "") -> list[str]:
        """The keys of all that has a newest version of this kind, in their order; those alone that end so."""
        found = select(versions.c.key).where(versions.c.kind == kind).order_by(versions.c.key)
        if ending:
            found = found.where(func.substr(versions.c.key, -len(ending)) == ending)
        with reading(self.engine) as connection:
            return list(connection.execute(found).scalars())

    def of_keys(self, names: Collection[tuple[str, str]]) -> list[Record]:
        """Every record of these (kind, key), in order. Looks through the whole log, and decodes no more than these."""
        with reading(self.engine) as connection:
            files = [row.file for row in connection.execute(select(segments.c.file).order_by(segments.c.first_seq))]
            keys = list({key for _, key in names})
            rows = [Record(*row) for row in connection.execute(select(log).where(log.c.key.in_(keys)))]
        found = [*(record for file in files for record in self._files.of_keys(file, keys)), *rows]
        known = {record.seq: record for record in found if (record.kind, record.key) in names}
        return [known[seq] for seq in sorted(known)]

    def close_segments(self, *, hot_days: float, rows: int) -> list[str]:
        """Move what arrived before the last ``hot_days`` whole days into Parquet; return the files written.

        A kill at any point leaves either the rows or the registered file, never both and never neither: the file is
        complete and synced before the transaction that registers it and takes the rows away. Where another process
        writes segments at the moment, nothing is done: that one, or the next call, does it.

        Raises:
            Unavailable: the disk is full, or a file cannot be written. Then every record is where it was.
        """
        before = (self._clock() // DAY_SECONDS - hot_days) * DAY_SECONDS
        written: list[str] = []
        with self._files.alone(wait=False) as mine:
            if not mine:
                return written
            self._files.sweep(self._registered())
            while found := self._closable(before, rows):
                first, last, n_rows = found
                written.append(self._files.write(first, last, self._groups(first, last)))
                cells = {"file": written[-1], "n_rows": n_rows, "closed_at": before}
                self._names.merge(last)
                with writing(self.engine) as connection:
                    connection.execute(insert(segments), {"first_seq": first, "last_seq": last, **cells})
                    connection.execute(delete(log).where(log.c.seq <= last))
        return written

    def rewrite(self, change: Change) -> int:
        """Put changed records in the place of others, in the tail and in segments; how many.

        What was there is overwritten on the disk, also in the write-ahead log. No segment is closed meanwhile.

        Raises:
            Unavailable: the disk is full, or a file cannot be written. Some records may have changed then.
        """
        with self._files.alone(wait=True):
            n_changed = self._rewrite_tail(change)
            files = self._registered()
            self._files.sweep(files)
            n_changed += sum(self._files.rewrite(file, change) for file in files)
        empty_wal(self.engine)
        return n_changed

    def keep(self, kind: str, bodies: Mapping[str, bytes]) -> None:
        """Durably make these the newest bodies of a kind, by key, without a record; see `drop`."""
        rows = [(kind, key, b"", body) for key, body in bodies.items()]
        with writing(self.engine) as connection:
            _insert(connection, "INSERT OR REPLACE INTO versions (kind, key, digest, body)", rows)

    def drop(self, names: Iterable[tuple[str, str]]) -> None:
        """Forget the newest bodies of these (kind, key), and overwrite them on the disk."""
        with writing(self.engine) as connection:
            for kind, key in names:
                connection.execute(delete(versions).where(versions.c.kind == kind, versions.c.key == key))
        empty_wal(self.engine)

    def _rewrite_tail(self, change: Change) -> int:
        n_changed = after = 0
        while rows := self._tail(after, _REWRITTEN):
            changed = [new for new in map(change, rows) if new is not None]
            if changed:
                self._names.merge(changed[-1].seq)
                with writing(self.engine) as connection:
                    cells = [(r.kind, r.key, r.at, r.body, r.seq) for r in changed]
                    connection.exec_driver_sql(_REPLACE, cells)
            n_changed += len(changed)
            after = rows[-1].seq
        return n_changed

    def count_since(self, kind: str, recorded_at: float, *, until_seq: int) -> int:
        """How many records of a kind arrived since then, of those in the hot tail up to a number.

        Numbers are given out as records arrive, so that the first of them is found by halving.
        """
        with reading(self.engine) as connection:
            first = first_since(connection, log.c.seq, log.c.recorded_at, recorded_at)
            return int(connection.exec_driver_sql(_COUNTED, (first, until_seq, kind)).scalar() or 0)

    def arrivals(
        self, after: int, until: int, *, since: float, step_seconds: float, late_seconds: float
    ) -> dict[int, int]:
        """How many events of the hot tail arrived, by step of time, with a number above ``after`` and up to ``until``.

        Left out is what arrived before ``since``, and what happened more than ``late_seconds`` before it arrived.
        """
        with reading(self.engine) as connection:
            after = max(after, first_since(connection, log.c.seq, log.c.recorded_at, since) - 1)
            rows = connection.exec_driver_sql(_BY_STEP, (step_seconds, after, until, since, late_seconds))
            return {row.step: row.n for row in rows}

    def _merge_names(self) -> None:
        """Nobody is told of a failure: what was appended is on the disk, and the next append tries again."""
        with contextlib.suppress(Unavailable):
            self._names.merge()

    def _registered(self) -> list[str]:
        """The files of segments, in order."""
        with reading(self.engine) as connection:
            return [row.file for row in connection.execute(select(segments.c.file).order_by(segments.c.first_seq))]

    def shorten(self) -> None:
        """Do what a writer would have to do now and then otherwise: see `event_names`, and move all into its place.

        To be called now and then from the first call on, on a thread that nobody waits for.
        """
        self._merges_on_append = False
        if self._names.n_fresh >= DUE:
            self._names.merge()
        shorten_wal(self.engine)

    def summary(self) -> dict[str, Any]:
        """Figures for operators: rows in the hot tail, segments, and the size on the disk in bytes."""
        with reading(self.engine) as connection:
            hot = connection.execute(select(func.count()).select_from(log)).scalar()
            closed = connection.execute(select(func.count(), func.sum(segments.c.n_rows))).one()
        return {
            "last_seq": self.last_seq(),
            "hot_rows": hot,
            "segments": closed[0],
            "segment_rows": closed[1] or 0,
            "bytes": sum(f.stat().st_size for f in self.path.parent.glob("tailorbird.db*")) + self._files.size(),
        }

    def close(self) -> None:
        """Let go of the file."""
        self.engine.dispose()

    def _tail(self, after: int, limit: int) -> list[Record]:
        with reading(self.engine) as connection:
            return [Record(*row) for row in connection.exec_driver_sql(_TAIL, (after, limit))]

    def _groups(self, first: int, last: int) -> Iterator[Sequence[Record]]:
        after = first - 1
        while after < last:
            group = [record for record in self._tail(after, GROUP_ROWS) if record.seq <= last]
            yield group
            after = group[-1].seq

    def _closable(self, before: float, limit: int) -> tuple[int, int, int] | None:
        """The oldest rows of the hot tail that arrived before ``before``: first and last number, and how many."""
        with reading(self.engine) as connection:
            newer = connection.exec_driver_sql(_NEWER, (before,)).scalar()
            first, last, n_rows = connection.exec_driver_sql(_OLDEST, (newer or _NO_NUMBER, limit)).one()
        return (first, last, n_rows) if n_rows else None


class _Appended:
    """The newest records of this process, one number after the other, until somebody took them."""

    def __init__(self) -> None:
        self._records: deque[Record] = deque(maxlen=_MOST_KEPT)
        self._lock = Lock()

    def add(self, records: Sequence[Record]) -> None:
        with self._lock:
            if self._records and self._records[-1].seq + 1 != records[0].seq:
                self._records.clear()
            self._records.extend(records)

    def take(self, after: int, limit: int) -> Sequence[Record]:
        with self._lock:
            while self._records and self._records[0].seq <= after:
                self._records.popleft()
            if not self._records or self._records[0].seq != after + 1:
                return []
            return [self._records.popleft() for _ in range(min(limit, len(self._records)))]


class _Batch:
    """Verdicts on one batch of entries, given what the tables know and what came earlier in the batch."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.accepted: list[Entry] = []
        self.fresh: dict[bytes, bytes] = {}
        self.verdicts: list[Verdict] = []
        self._named = [(entry, _name(entry), body_digest(entry.body)) for entry in entries]

    def judge(self, connection: Connection, names: EventNames) -> None:
        """Look every name up, then remember those that are new: of events in ``fresh``, of others in their table."""
        known: dict[Any, bytes] = names.known(connection, [n for _, n, _ in self._named if isinstance(n, bytes)])
        known.update(_current(connection, [n for _, n, _ in self._named if isinstance(n, tuple)]))
        newest = {}
        for entry, name, digest in self._named:
            verdict = _verdict(entry.kind, known.get(name), digest)
            self.verdicts.append(verdict)
            if verdict is not Verdict.ACCEPTED:
                continue
            known[name] = digest
            self.accepted.append(entry)
            if isinstance(name, bytes):
                self.fresh[name] = digest
            else:
                newest[name] = (*name, digest, entry.body)
        _insert(connection, "INSERT OR REPLACE INTO versions (kind, key, digest, body)", list(newest.values()))


def _insert(connection: Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> int:
    """Insert tuples, many with each statement; the number of the last row, 0 where there is none.

    Row by row, the driver would let go of the interpreter's lock and wait for it again at every single one.
    """
    last = 0
    for some in _chunks(rows):
        row = f"({', '.join('?' * len(some[0]))})"
        values = ", ".join([row] * len(some))
        last = connection.exec_driver_sql(f"{statement} VALUES {values}", tuple(chain.from_iterable(some))).lastrowid
    return last


def _name(entry: Entry) -> bytes | tuple[str, str]:
    """What an entry is looked up by: a hash for an event, (kind, key) for a version of something."""
    return key_hash(entry.key) if entry.kind == "event" else (entry.kind, entry.key)


def _verdict(kind: str, known: bytes | None, digest: bytes) -> Verdict:
    if known is None:
        return Verdict.ACCEPTED
    if known == digest:
        return Verdict.DUPLICATE
    return Verdict.CONFLICT if kind == "event" else Verdict.ACCEPTED


def _current(connection: Connection, names: Iterable[tuple[str, str]]) -> dict[Any, bytes]:
    """The digests of the newest bodies of these (kind, key)."""
    known: dict[Any, bytes] = {}
    by_kind: dict[str, list[str]] = {}
    for kind, key in names:
        by_kind.setdefault(kind, []).append(key)
    for kind, keys in by_kind.items():
        for some in _chunks(keys):
            rows = connection.execute(
                select(versions.c.key, versions.c.digest).where(versions.c.kind == kind, versions.c.key.in_(some))
            )
            known.update(((kind, row[0]), bytes(row[1])) for row in rows)
    return known


def _chunks(names: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (names[start : start + _CHUNK] for start in range(0, len(names), _CHUNK))
