"""The ledger in a SQLite file of its own, committed in groups by one thread.

Its own file, because a bulk import holds the log's writer lock and a slate must not wait for it (sharing one file took
an insert from 1.4 ms to 1,500 ms at p99). Its own thread, because a commit waits for the disk and a slate must not.
"""

import threading
import time
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import structlog
from sqlalchemy import Connection, delete, func, insert, select, update

from tailorbird.backends.sql.halving import first_since
from tailorbird.backends.sql.schema import (
    LEDGER_MIGRATIONS,
    decisions,
    empty_wal,
    migrate,
    open_sqlite,
    reading,
    writing,
)
from tailorbird.errors import Unavailable
from tailorbird.types import Decision

_MOST_WAITING = 20_000
_COMMITTED = 1_000  # at once, so that a disk that refuses is not asked with everything that waits
_EXPIRED_AT_ONCE = 2_000
_BY_STEP = (
    "SELECT CAST(at / ? AS INTEGER) AS step, count(*) AS n FROM decisions WHERE n > ? AND n < ? AND at >= ? "
    "GROUP BY step"
)


class SqlLedger:
    """Decisions wait in memory for at most ``commit_ms``, then go to the disk together."""

    def __init__(self, directory: Path, *, commit_ms: float = 50.0) -> None:
        self.path = directory / "decisions.db"
        self.lost = 0
        self._engine = open_sqlite(self.path)
        migrate(self._engine, LEDGER_MIGRATIONS)
        self._commit_seconds = commit_ms / 1000
        self._waiting: dict[str, Decision] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = False
        self._decoder = msgspec.json.Decoder(Decision)
        self._thread = threading.Thread(target=self._commit_forever, name="ledger", daemon=True)
        self._thread.start()

    def record(self, decision: Decision) -> None:
        """Queue a decision. When the disk refuses for so long that 20,000 wait, the newest are counted as lost."""
        with self._lock:
            if len(self._waiting) >= _MOST_WAITING:
                self.lost += 1
                return
            self._waiting[decision.decision_id] = decision
        self._wake.set()

    def get(self, decision_id: str) -> Decision | None:
        """The decision of that id, or None."""
        with self._lock:
            waiting = self._waiting.get(decision_id)
        if waiting is not None:
            return waiting
        with reading(self._engine) as connection:
            body = connection.execute(select(decisions.c.body).where(decisions.c.decision_id == decision_id)).scalar()
        return None if body is None else self._decoder.decode(body)

    def recent(self, limit: int) -> Sequence[Decision]:
        """The newest decisions first, those that still wait included."""
        with self._lock:
            waiting = list(self._waiting.values())[::-1][:limit]
        with reading(self._engine) as connection:
            rows = connection.execute(select(decisions.c.body).order_by(decisions.c.n.desc()).limit(limit))
            stored = [self._decoder.decode(body) for (body,) in rows]
        seen = {d.decision_id for d in waiting}
        return [*waiting, *(d for d in stored if d.decision_id not in seen)][:limit]

    def made(self, after: str | None, before: str, *, since: float, step_seconds: float) -> dict[int, int]:
        """How many decisions were made between two of these ids, by step of time; neither of the two is counted.

        None of them before ``since``; without ``after``, all from then on.
        """
        self._commit()
        with reading(self._engine) as connection:
            known = self._number(connection, after) if after else 0
            low = max(known, first_since(connection, decisions.c.n, decisions.c.at, since) - 1)
            rows = connection.exec_driver_sql(_BY_STEP, (step_seconds, low, self._number(connection, before), since))
            return {row.step: row.n for row in rows}

    def of_people(self, keys: Collection[str]) -> Sequence[Decision]:
        """The decisions made for any of these people, the oldest first, those that wait included."""
        self._commit()
        found: list[tuple[int, bytes]] = []
        with reading(self._engine) as connection:
            for key in keys:
                rows = connection.execute(select(decisions.c.n, decisions.c.body).where(decisions.c.person == key))
                found += (tuple(row) for row in rows)
        return [self._decoder.decode(body) for _, body in sorted(found)]

    def rename(self, names: Mapping[str, str]) -> int:
        """Put other person keys in the place of these, in what is stored and in what waits; how many decisions.

        What somebody's decision was asked with beyond its items goes with the name: session, query and context.
        """
        self._commit()
        n_renamed = 0
        with writing(self._engine) as connection:
            for key, name in names.items():
                found = connection.execute(select(decisions.c.n, decisions.c.body).where(decisions.c.person == key))
                for n, body in found.all():
                    renamed = _renamed(self._decoder.decode(body), name)
                    cells = {"person": name, "body": msgspec.json.encode(renamed)}
                    connection.execute(update(decisions).where(decisions.c.n == n).values(cells))
                    n_renamed += 1
        empty_wal(self._engine)
        return n_renamed

    def expire(self, before: float, *, dry_run: bool) -> tuple[int, int]:
        """Take out the decisions made before, or only count them; how many, and their bytes.

        A few thousand at a time, so that slates made meanwhile wait for no more than those.
        """
        self._commit()
        old = decisions.c.at < before
        counted = select(func.count(), func.coalesce(func.sum(func.length(decisions.c.body)), 0)).where(old)
        with reading(self._engine) as connection:
            n_old, n_bytes = connection.execute(counted).one()
        some = select(decisions.c.n).where(old).limit(_EXPIRED_AT_ONCE)
        left = 0 if dry_run else n_old
        while left > 0:
            with writing(self._engine) as connection:
                connection.execute(delete(decisions).where(decisions.c.n.in_(some)))
            left -= _EXPIRED_AT_ONCE
        if n_old and not dry_run:
            empty_wal(self._engine)
        return n_old, n_bytes

    def summary(self) -> dict[str, Any]:
        """Figures for operators: committed, waiting, lost, and bytes on the disk."""
        with reading(self._engine) as connection:
            committed = connection.execute(select(func.count()).select_from(decisions)).scalar()
        size = sum(f.stat().st_size for f in self.path.parent.glob("decisions.db*"))
        return {"committed": committed, "waiting": len(self._waiting), "lost": self.lost, "bytes": size}

    def close(self) -> None:
        """Commit what waits and stop the thread."""
        self._closing = True
        self._wake.set()
        self._thread.join(timeout=10)
        self._engine.dispose()

    @staticmethod
    def _number(connection: Connection, decision_id: str) -> int:
        """The number of a decision; 0 if it is no longer there."""
        found = connection.execute(select(decisions.c.n).where(decisions.c.decision_id == decision_id)).scalar()
        return int(found or 0)

    def _commit_forever(self) -> None:
        log = structlog.get_logger("tailorbird.ledger")
        while not (self._closing and not self._waiting):
            self._wake.wait()
            self._wake.clear()
            if not self._closing:
                # Decisions that come while this sleeps share the commit.
                time.sleep(self._commit_seconds / 2)
            try:
                self._commit()
            except Unavailable as error:
                log.warning("decisions wait for the disk", waiting=len(self._waiting), cause=str(error))
                if self._closing:
                    return
                time.sleep(1.0)
                self._wake.set()

    def _commit(self) -> None:
        while batch := self._oldest():
            self._insert(batch)

    def _oldest(self) -> list[Decision]:
        with self._lock:
            return list(islice(self._waiting.values(), _COMMITTED))

    def _insert(self, batch: Sequence[Decision]) -> None:
        rows = [
            {
                "decision_id": d.decision_id,
                "at": d.at,
                "surface": d.surface,
                "person": d.person,
                "body": msgspec.json.encode(d),
            }
            for d in batch
        ]
        with writing(self._engine) as connection:
            # An id that comes twice must not hold up all the others: the decision that came first stays.
            connection.execute(insert(decisions).prefix_with("OR IGNORE"), rows)
        with self._lock:
            for decision in batch:
                self._waiting.pop(decision.decision_id, None)


def _renamed(decision: Decision, name: str) -> Decision:
    ids = {"user_id": name[2:] if name[0] == "u" else None, "anonymous_id": name[2:] if name[0] == "a" else None}
    request = msgspec.structs.replace(decision.request, **ids, session_id=None, query=None, context={})
    return msgspec.structs.replace(decision, person=name, request=request, explanation={})
