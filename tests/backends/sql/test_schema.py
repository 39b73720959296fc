"""Files of a shop outlive versions of the program: they go up and down with their rows, or are refused in words."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from tailorbird.app import App
from tailorbird.backends.sql import ledger as ledgers
from tailorbird.backends.sql import log as logs
from tailorbird.backends.sql.ledger import SqlLedger
from tailorbird.backends.sql.log import SqlLog
from tailorbird.backends.sql.schema import LEDGER_MIGRATIONS, LOG_MIGRATIONS, Migration, migrate, open_sqlite
from tailorbird.cli.diagnosis import diagnose
from tailorbird.errors import Unavailable
from tailorbird.types import Request

from made_up import NOW, small_shop

FILES = {"tailorbird.db": LOG_MIGRATIONS, "decisions.db": LEDGER_MIGRATIONS}
_EVERYTHING = "SELECT * FROM "
FIRST_TABLE = {"tailorbird.db": "log", "decisions.db": "decisions"}


def shape(engine: Engine) -> set[tuple[Any, ...]]:
    """Every table, index and trigger, as SQLite has it; a table that was renamed has its name in quotes there."""
    with engine.connect() as connection:
        return {
            tuple(row)
            for row in connection.exec_driver_sql(
                "SELECT type, name, tbl_name, replace(sql, '\"', '') FROM sqlite_master"
            )
        }


def rows(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Everything in the tables of the first version."""
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
        ours = [name for name in found if not name.startswith(("sqlite", "schema"))]
        return {name: [tuple(row) for row in connection.exec_driver_sql(_EVERYTHING + name)] for name in ours}


def one_more(file: str) -> Sequence[Migration]:
    """The migrations of a program to come: a column with values, and an index."""
    table = FIRST_TABLE[file]
    up = (f"ALTER TABLE {table} ADD COLUMN origin TEXT NOT NULL DEFAULT 'x'", f"CREATE INDEX later ON {table} (origin)")
    return (*FILES[file], Migration(up=up, down=("DROP INDEX later", f"ALTER TABLE {table} DROP COLUMN origin")))


@pytest.fixture
def shop(shop_dir: Path) -> Path:
    """A shop with a log, of which all ids are merged, and a ledger."""
    with App.open(shop_dir, clock=lambda: NOW) as app:
        app.append(small_shop(n_events=50))
        app.log._names.merge()
        app.recommend(Request(surface="home", at=NOW))
    return shop_dir


@pytest.mark.parametrize("file", FILES)
def test_every_step_goes_up_down_and_up_to_the_same_shape(tmp_path: Path, file: str) -> None:
    engine = open_sqlite(tmp_path / file)
    for version in range(1, len(FILES[file]) + 1):
        migrate(engine, FILES[file], version - 1)
        before = {one for one in shape(engine) if one[1] != "sqlite_sequence"}
        migrate(engine, FILES[file], version)
        after = shape(engine)
        migrate(engine, FILES[file], version - 1)
        assert {one for one in shape(engine) if one[1] != "sqlite_sequence"} == before
        migrate(engine, FILES[file], version)
        assert shape(engine) == after


@pytest.mark.parametrize("file", FILES)
def test_rows_are_kept_down_to_the_first_version_and_up_again(shop: Path, file: str) -> None:
    engine, steps = open_sqlite(shop / file), one_more(file)
    kept, was = rows(engine), shape(engine)
    assert kept[FIRST_TABLE[file]]
    migrate(engine, steps)
    table = FIRST_TABLE[file]
    assert rows(engine)[table] == [(*row, "x") for row in kept[table]]
    migrate(engine, steps, 1)
    migrate(engine, FILES[file])
    assert (rows(engine), shape(engine)) == (kept, was)
    migrate(engine, steps)
    migrate(engine, steps, len(FILES[file]))
    engine.dispose()
    with App.open(shop) as app:
        assert app.log.last_seq() == 90
        assert len(app.ledger.recent(10)) == 1


@pytest.mark.parametrize("file", FILES)
def test_a_step_that_fails_leaves_the_file_as_it_was(shop: Path, file: str) -> None:
    engine = open_sqlite(shop / file)
    kept, was = rows(engine), shape(engine)
    broken = Migration(up=(f"DROP TABLE {FIRST_TABLE[file]}", "NO SUCH WORDS"), down=())
    with pytest.raises(Unavailable):
        migrate(engine, (*FILES[file], broken))
    assert (rows(engine), shape(engine)) == (kept, was)
    assert migrate(engine, FILES[file]) == len(FILES[file])


@pytest.mark.parametrize("file", FILES)
def test_an_older_program_says_what_is_wrong_and_touches_nothing(shop: Path, file: str) -> None:
    engine = open_sqlite(shop / file)
    migrate(engine, one_more(file))
    kept = rows(engine)
    with pytest.raises(Unavailable) as refused, App.open(shop) as app:
        assert app.ledger is not None
    assert (
        f"{file} was written by a newer Tailorbird: it has schema version {len(one_more(file))}"
        in refused.value.message
    )
    assert "`tailorbird restore`" in refused.value.hint
    assert rows(engine) == kept
    problems = [one for one in diagnose(shop) if one.state == "problem" and "newer Tailorbird" in one.found]
    assert problems
    assert "restore" in problems[0].remedy


def test_a_newer_program_opens_an_older_shop_by_itself(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LOG_MIGRATIONS", one_more("tailorbird.db"))
    monkeypatch.setattr(ledgers, "LEDGER_MIGRATIONS", one_more("decisions.db"))
    log, ledger = SqlLog(shop), SqlLedger(shop)
    assert (log.last_seq(), len(ledger.recent(5))) == (90, 1)
    assert migrate(log.engine, one_more("tailorbird.db")) == len(one_more("tailorbird.db"))
    ledger.close()
    log.close()
