"""Tables and how they came to be, and how a SQLite file is opened.

Migrations are a plain list of statements, both ways, applied under the writer's lock, so that two processes that start
at once agree. One list per file: the log's and the ledger's.
"""

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    create_engine,
    event,
    text,
)
from sqlalchemy.exc import DatabaseError, OperationalError

from tailorbird import __version__
from tailorbird.errors import TailorbirdError, Unavailable

tables = MetaData()

log = Table(
    "log",
    tables,
    Column("seq", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("recorded_at", Float, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
versions = Table(
    "versions",
    tables,
    Column("kind", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
segments = Table(
    "segments",
    tables,
    Column("first_seq", Integer, primary_key=True),
    Column("last_seq", Integer, nullable=False),
    Column("file", Text, nullable=False),
    Column("n_rows", Integer, nullable=False),
    Column("closed_at", Float, nullable=False),
)
keys = Table(
    "keys",
    tables,
    Column("key_hash", LargeBinary, primary_key=True),
    Column("name", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("revoked_at", Float),
    Column("expires_at", Float),
    Column("last_used_at", Float),
)
decisions = Table(
    "decisions",
    tables,
    Column("n", Integer, primary_key=True),
    Column("decision_id", Text, nullable=False, unique=True),
    Column("at", Float, nullable=False),
    Column("surface", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
)


@dataclass(frozen=True)
class Migration:
    """One step of the schema, and the way back."""

    up: Sequence[str]
    down: Sequence[str]


_ONLY_HERE: Final = (
    "WHEN old.kind = 'event' AND old.seq > (SELECT seq FROM merged) "
    "BEGIN SELECT RAISE(ABORT, 'an event whose id is nowhere else would go'); END"
)
LOG_MIGRATIONS: Final = (
    Migration(
        up=(
            # AUTOINCREMENT: a number is never given out twice, also after a segment took all rows away.
            "CREATE TABLE log (seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, key TEXT NOT NULL, "
            "at REAL NOT NULL, recorded_at REAL NOT NULL, body BLOB NOT NULL)",
            "CREATE TABLE event_keys (key_hash BLOB PRIMARY KEY, digest BLOB NOT NULL) WITHOUT ROWID",
            "CREATE TABLE versions (kind TEXT NOT NULL, key TEXT NOT NULL, digest BLOB NOT NULL, body BLOB NOT NULL, "
            "PRIMARY KEY (kind, key)) WITHOUT ROWID",
            "CREATE TABLE segments (first_seq INTEGER PRIMARY KEY, last_seq INTEGER NOT NULL, file TEXT NOT NULL, "
            "n_rows INTEGER NOT NULL, closed_at REAL NOT NULL)",
            "CREATE TABLE keys (key_hash BLOB PRIMARY KEY, name TEXT NOT NULL, scope TEXT NOT NULL, "
            "created_at REAL NOT NULL, revoked_at REAL) WITHOUT ROWID",
        ),
        down=tuple(f"DROP TABLE {name}" for name in ("keys", "segments", "versions", "event_keys", "log")),
    ),
    Migration(
        up=("ALTER TABLE keys ADD COLUMN expires_at REAL", "ALTER TABLE keys ADD COLUMN last_used_at REAL"),
        down=("ALTER TABLE keys DROP COLUMN last_used_at", "ALTER TABLE keys DROP COLUMN expires_at"),
    ),
    Migration(
        up=(
            # Under another name: an older program that still runs is refused, instead of missing what is not merged.
            "ALTER TABLE event_keys RENAME TO merged_keys",
            "CREATE TABLE merged (seq INTEGER NOT NULL)",
            "INSERT INTO merged SELECT coalesce((SELECT max(seq) FROM log), (SELECT max(last_seq) FROM segments), 0)",
            f"CREATE TRIGGER fresh_stay BEFORE DELETE ON log {_ONLY_HERE}",
            f"CREATE TRIGGER fresh_stay_so BEFORE UPDATE OF seq, kind, key, body ON log {_ONLY_HERE}",
        ),
        down=(
            "INSERT OR IGNORE INTO merged_keys SELECT key_hash(key), body_digest(body) FROM log "
            "WHERE kind = 'event' AND seq > (SELECT seq FROM merged) ORDER BY 1",
            "DROP TRIGGER fresh_stay",
            "DROP TRIGGER fresh_stay_so",
            "DROP TABLE merged",
            "ALTER TABLE merged_keys RENAME TO event_keys",
        ),
    ),
)
LEDGER_MIGRATIONS: Final = (
    Migration(
        up=(
            "CREATE TABLE decisions (n INTEGER PRIMARY KEY AUTOINCREMENT, decision_id TEXT NOT NULL UNIQUE, "
            "at REAL NOT NULL, surface TEXT NOT NULL, person TEXT NOT NULL, body BLOB NOT NULL)",
            "CREATE INDEX decisions_by_person ON decisions (person, n)",
        ),
        down=("DROP TABLE decisions",),
    ),
)

_PRAGMAS: Final = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "cache_size=-16000",
    "temp_store=MEMORY",
    "secure_delete=ON",
    # Pages of 4 kB. A writer that moves them into the file every four megabytes writes the same ones again and again.
    "wal_autocheckpoint=16000",
)


def key_hash(key: str) -> bytes:
    """What is kept of an event's id: 16 bytes."""
    return hashlib.blake2b(key.encode(), digest_size=16).digest()


def body_digest(body: bytes) -> bytes:
    """What is kept of a body, to know it again: 8 bytes."""
    return hashlib.blake2b(body, digest_size=8).digest()


def open_sqlite(path: Path) -> Engine:
    """An engine whose transactions take the writer's lock at once, and whose commits are on the disk when they return.

    Taking the lock at BEGIN, not at the first write, is what lets two writers wait for each other instead of failing.
    """
    engine = create_engine(
        f"sqlite:///{path}",
        pool_size=4,
        pool_use_lifo=True,  # each connection has a cache of its own: one that is warm, not four that are half warm
        connect_args={"timeout": 30, "check_same_thread": False},
        hide_parameters=True,  # an error that reaches a log must not bring along what people sent
    )

    @event.listens_for(engine, "connect")
    def _settings(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
        for function in (key_hash, body_digest):  # for migrations
            connection.create_function(function.__name__, 1, function, deterministic=True)

    @event.listens_for(engine, "begin")
    def _lock(connection: Connection) -> None:
        read_only = connection.get_execution_options().get("read_only", False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def migrate(engine: Engine, migrations: Sequence[Migration], target: int | None = None) -> int:
    """Bring a file to version ``target`` (the newest by default) and return the version it had.

    Raises:
        Unavailable: the file was written by a newer Tailorbird.
    """
    target = len(migrations) if target is None else target
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)"))
        found = connection.execute(text("SELECT version FROM schema_version")).scalar()
        if found is None:
            connection.execute(text("INSERT INTO schema_version VALUES (0)"))
        version = found or 0
        if version > len(migrations):
            raise Unavailable(
                f"{engine.url.database} was written by a newer Tailorbird: it has schema version {version}; this one, "
                f"{__version__}, knows up to {len(migrations)}.",
                hint="Install the newer version again, or put back a copy from before it with `tailorbird restore`.",
            )
        steps = [m.up for m in migrations[version:target]] or [m.down for m in reversed(migrations[target:version])]
        for statements in steps:
            for statement in statements:
                connection.execute(text(statement))
        if version != target:  # what is as it should be opens on a full disk too
            connection.execute(text("UPDATE schema_version SET version = :version"), {"version": target})
        return int(version)


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that holds the writer's lock; a machine's failure comes out as an error that says what to do."""
    try:
        with engine.begin() as connection:
            yield connection
    except (OperationalError, DatabaseError) as error:
        raise _explained(error, engine) from error


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A consistent snapshot that never waits for a writer."""
    try:
        with engine.connect().execution_options(read_only=True) as connection, connection.begin():
            yield connection
    except (OperationalError, DatabaseError) as error:
        raise _explained(error, engine) from error


@contextmanager
def unhurried(engine: Engine) -> Iterator[Connection]:
    """A connection whose commits neither wait for the disk nor move anything into the file.

    They are on the disk with the next commit that waits for it, in their order: where the power goes, none of them is
    lost without all that came later.
    """
    try:
        with engine.connect() as connection:
            raw: Any = connection.connection.dbapi_connection
            raw.execute("PRAGMA synchronous=NORMAL")
            raw.execute("PRAGMA wal_autocheckpoint=0")
            try:
                yield connection
            finally:
                for pragma in _PRAGMAS:
                    raw.execute(f"PRAGMA {pragma}")
    except (OperationalError, DatabaseError) as error:
        raise _explained(error, engine) from error


def shorten_wal(engine: Engine) -> None:
    """Move what the write-ahead log holds into the file, as far as nobody has to wait for it.

    Raises:
        Unavailable: the disk is full, or the file is damaged.
    """
    try:
        with engine.connect() as connection:
            raw: Any = connection.connection.dbapi_connection
            raw.execute("PRAGMA wal_checkpoint(PASSIVE)")
    except (sqlite3.DatabaseError, DatabaseError) as error:
        raise Unavailable(f"{engine.url.database} cannot be shortened: {error}.") from error


def empty_wal(engine: Engine) -> None:
    """Move what the write-ahead log holds into the file and cut it to nothing, as far as readers let go of it.

    What was overwritten there is on the disk otherwise until the file is used again.
    """
    with engine.connect() as connection:
        raw: Any = connection.connection.dbapi_connection
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _explained(error: DatabaseError, engine: Engine) -> TailorbirdError:
    cause, file = str(error.orig), engine.url.database
    if "full" in cause:
        return Unavailable(f"The disk that holds {file} is full.", hint="Free some space; nothing accepted was lost.")
    if "locked" in cause:
        return Unavailable(f"{file} is locked by another process.", hint="Try again; `tailorbird doctor` says by whom.")
    if "malformed" in cause or "not a database" in cause:
        return Unavailable(f"{file} is damaged: {cause}.", hint="Put a backup of the shop directory in its place.")
    return Unavailable(f"{file} cannot be used: {cause}.", hint="`tailorbird doctor` checks the shop directory.")
