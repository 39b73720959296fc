"""The log in SQLite: an idempotent hot tail, and closed days as Parquet segments.

Two tables keep an append cheap and forgetting possible: ``event_keys`` remembers every event id for ever as 24 bytes
(hash and digest), so that rows can leave for a segment without a duplicate slipping back in; ``versions`` holds the
newest body of each item, user and identity, so that "no change" costs no new version.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import islice, takewhile
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from tailorbird.backends.sql.schema import (
    LOG_MIGRATIONS,
    event_keys,
    log,
    migrate,
    open_sqlite,
    reading,
    segments,
    versions,
    writing,
)
from tailorbird.backends.sql.segments import SegmentFiles
from tailorbird.protocols import Verdict
from tailorbird.types import DAY_SECONDS, Entry, Record

_LOOKUP_SIZE = 500  # ids in one IN (...), well under SQLite's limit on variables


class SqlLog:
    """One shop's log. Safe to use from several threads and several processes at once."""

    def __init__(self, directory: Path, *, clock: Callable[[], float] = time.time) -> None:
        """Open or create ``tailorbird.db`` in ``directory``, and bring its schema up to date."""
        self.path = directory / "tailorbird.db"
        self.engine = open_sqlite(self.path)
        self._files = SegmentFiles(directory / "segments")
        self._clock = clock
        migrate(self.engine, LOG_MIGRATIONS)

    def append(self, entries: Sequence[Entry]) -> Sequence[Verdict]:
        """Durably add these in one transaction; see `Entry` for what counts as a duplicate.

        Raises:
            Unavailable: the disk is full, or the file is locked or damaged. Then nothing was added.
        """
        if not entries:
            return []
        with writing(self.engine) as connection:
            batch = _Batch(connection, entries)
            now = self._clock()
            rows = [
                {"kind": e.kind, "key": e.key, "at": e.at, "recorded_at": now, "body": e.body} for e in batch.accepted
            ]
            if rows:
                connection.execute(insert(log), rows)
                batch.remember(connection)
        return batch.verdicts

    def read(self, after: int, limit: int) -> Sequence[Record]:
        """Records in order, from closed segments first, then from the hot tail. May stop at a segment's end."""
        with reading(self.engine) as connection:
            segment = connection.execute(
                select(segments.c.file).where(segments.c.last_seq > after).order_by(segments.c.first_seq).limit(1)
            ).first()
            if segment is None:
                rows = connection.execute(select(log).where(log.c.seq > after).order_by(log.c.seq).limit(limit))
                return [Record(*row) for row in rows]
        return self._files.read(segment.file, after, limit)

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

    def close_segments(self, *, hot_days: float, rows: int) -> list[str]:
        """Move what arrived before the last ``hot_days`` whole days into Parquet; return the files written.

        A kill at any point leaves either the rows or the registered file, never both and never neither: the file is
        complete and synced before the transaction that registers it and takes the rows away.
        """
        before = (self._clock() // DAY_SECONDS - hot_days) * DAY_SECONDS
        written = []
        while chunk := self._closed_rows(before, rows):
            file = self._files.write(chunk)
            with writing(self.engine) as connection:
                first, last = chunk[0].seq, chunk[-1].seq
                connection.execute(
                    insert(segments),
                    {"first_seq": first, "last_seq": last, "file": file, "n_rows": len(chunk), "closed_at": before},
                )
                connection.execute(delete(log).where(log.c.seq <= last))
            written.append(file)
        return written

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

    def _closed_rows(self, before: float, limit: int) -> list[Record]:
        """The oldest rows of the hot tail, as long as they arrived before ``before``."""
        with reading(self.engine) as connection:
            rows = [Record(*row) for row in connection.execute(select(log).order_by(log.c.seq).limit(limit))]
        return list(takewhile(lambda row: row.recorded_at < before, rows))


class _Batch:
    """Verdicts on one batch of entries, given what the tables know and what came earlier in the batch."""

    def __init__(self, connection: Connection, entries: Sequence[Entry]) -> None:
        self.accepted: list[Entry] = []
        self.verdicts: list[Verdict] = []
        self._new_keys: list[dict[str, bytes]] = []
        self._new_versions: dict[tuple[str, str], dict[str, Any]] = {}
        names = [_name(entry) for entry in entries]
        known = _known_digests(connection, names)
        for entry, name in zip(entries, names, strict=True):
            digest = hashlib.blake2b(entry.body, digest_size=8).digest()
            verdict = _verdict(entry.kind, known.get(name), digest)
            self.verdicts.append(verdict)
            if verdict is Verdict.ACCEPTED:
                known[name] = digest
                self._keep(entry, name, digest)

    def _keep(self, entry: Entry, name: bytes | tuple[str, str], digest: bytes) -> None:
        self.accepted.append(entry)
        if isinstance(name, bytes):
            self._new_keys.append({"key_hash": name, "digest": digest})
        else:
            self._new_versions[name] = {"kind": entry.kind, "key": entry.key, "digest": digest, "body": entry.body}

    def remember(self, connection: Connection) -> None:
        """Write what makes the next batch see these."""
        if self._new_keys:
            connection.execute(insert(event_keys), self._new_keys)
        if self._new_versions:
            statement = upsert(versions)
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["kind", "key"],
                    set_={"digest": statement.excluded.digest, "body": statement.excluded.body},
                ),
                list(self._new_versions.values()),
            )


def _name(entry: Entry) -> bytes | tuple[str, str]:
    """What an entry is looked up by: a hash for an event, (kind, key) for a version of something."""
    if entry.kind == "event":
        return hashlib.blake2b(entry.key.encode(), digest_size=16).digest()
    return entry.kind, entry.key


def _verdict(kind: str, known: bytes | None, digest: bytes) -> Verdict:
    if known is None:
        return Verdict.ACCEPTED
    if known == digest:
        return Verdict.DUPLICATE
    return Verdict.CONFLICT if kind == "event" else Verdict.ACCEPTED


def _known_digests(connection: Connection, names: Iterable[bytes | tuple[str, str]]) -> dict[Any, bytes]:
    known: dict[Any, bytes] = {}
    hashes = [n for n in names if isinstance(n, bytes)]
    for some in _chunks(hashes):
        rows: Iterable[Any] = connection.execute(select(event_keys).where(event_keys.c.key_hash.in_(some)))
        known.update((bytes(row[0]), bytes(row[1])) for row in rows)
    by_kind: dict[str, list[str]] = {}
    for name in names:
        if isinstance(name, tuple):
            by_kind.setdefault(name[0], []).append(name[1])
    for kind, keys in by_kind.items():
        for some in _chunks(keys):
            rows = connection.execute(
                select(versions.c.key, versions.c.digest).where(versions.c.kind == kind, versions.c.key.in_(some))
            )
            known.update(((kind, row[0]), bytes(row[1])) for row in rows)
    return known


def _chunks(names: Sequence[Any]) -> Iterable[Sequence[Any]]:
    iterator = iter(names)
    while chunk := list(islice(iterator, _LOOKUP_SIZE)):
        yield chunk
