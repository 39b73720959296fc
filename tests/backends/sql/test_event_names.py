"""Ids of events: known for ever, wherever they are just now, whoever wrote them, and whatever was killed meanwhile."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import event as on

from small_disk import small_disk
from tailorbird.backends.backup import back_up, restore
from tailorbird.backends.sql import event_names
from tailorbird.backends.sql import log as logs
from tailorbird.backends.sql.event_names import EventNames
from tailorbird.backends.sql.log import SqlLog
from tailorbird.backends.sql.schema import LOG_MIGRATIONS, migrate, open_sqlite, writing
from tailorbird.errors import Unavailable
from tailorbird.types import DAY_SECONDS, Entry, Record

from made_up import NOW, event

N = 40


class Killed(BaseException):
    """Stands for a kill: nothing of ours catches it."""


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """A merge of a few ids is many transactions too."""
    monkeypatch.setattr(event_names, "_AT_ONCE", 3)


@pytest.fixture
def now() -> list[float]:
    return [NOW]


@pytest.fixture
def log(tmp_path: Path, now: list[float]) -> Iterator[SqlLog]:
    log = SqlLog(tmp_path, clock=lambda: now[0])
    yield log
    log.close()


def events(*numbers: int, item: str = "i") -> list[Entry]:
    return [event(f"e{n}", item_id=item) for n in numbers]


def merged(log: SqlLog) -> tuple[int, int]:
    """K, and how many ids are in the table."""
    with log.engine.connect() as connection:
        row = connection.exec_driver_sql("SELECT (SELECT seq FROM merged), (SELECT count(*) FROM merged_keys)").one()
    return row[0], row[1]


def merge_until(log: SqlLog, monkeypatch: pytest.MonkeyPatch, n_slices: int) -> None:
    """Merge, and be killed after so many transactions."""
    put, done = EventNames._put, []

    def counted(*given: object) -> None:
        if len(done) == n_slices:
            raise Killed
        put(*given)  # type: ignore[arg-type]
        done.append(given)

    with monkeypatch.context() as patched:
        patched.setattr(EventNames, "_put", counted)
        with pytest.raises(Killed):
            log._names.merge()


def assert_known(log: SqlLog, numbers: Sequence[int]) -> None:
    last = log.last_seq()
    assert log.append(events(*numbers)) == ["duplicate"] * len(numbers)
    assert log.append(events(*numbers, item="other")) == ["conflict"] * len(numbers)
    assert log.last_seq() == last


def test_who_never_merges_forgets_what_others_merged(log: SqlLog, tmp_path: Path) -> None:
    other, held = SqlLog(tmp_path), []
    for start in range(0, 200, 20):
        log.append(events(*range(start, start + 20)))
        other._names.merge()
        held.append(len(log._names._older) + len(log._names._newer))
    other.close()
    assert max(held) <= 60
    assert_known(log, range(200))


@pytest.mark.parametrize("reopened", [False, True])
@pytest.mark.parametrize("n_slices", [None, 0, 1, 7, 99])
def test_a_second_one_is_found_wherever_the_first_is(
    log: SqlLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_slices: int | None, *, reopened: bool
) -> None:
    """Fresh, killed before the first slice, after some of them, or merged."""
    log.append(events(*range(N)))
    assert merged(log) == (0, 0), "an append writes no id"
    if n_slices == 99:
        log._names.merge()
        assert merged(log) == (N, N)
    elif n_slices is not None:
        merge_until(log, monkeypatch, n_slices)
        assert merged(log) == (0, 3 * n_slices), "K stays until all are there"
    log = SqlLog(tmp_path) if reopened else log
    assert_known(log, range(N))
    assert log.append(events(N - 1, N, N)) == ["duplicate", "accepted", "duplicate"]
    log._names.merge()
    assert merged(log) == (N + 1, N + 1)
    assert_known(log, range(N + 1))
    assert_known(SqlLog(tmp_path), range(N + 1))


def test_records_that_are_no_events_have_no_id_to_merge(log: SqlLog) -> None:
    log.append([Entry("item", "i", NOW, b"1"), *events(1), Entry("user", "u", NOW, b"1")])
    log._names.merge()
    assert merged(log) == (3, 1)
    assert log.append([Entry("item", "i", NOW, b"1"), Entry("item", "e1", NOW, b"2")]) == ["duplicate", "accepted"]


def test_two_that_append_in_turns_know_of_each_other(log: SqlLog, tmp_path: Path) -> None:
    other = SqlLog(tmp_path)
    for n in range(0, N, 4):
        assert log.append(events(n, n + 1)) == ["accepted"] * 2
        assert other.append(events(n, n + 1, n + 2, n + 3)) == ["duplicate", "duplicate", "accepted", "accepted"]
        assert log.append(events(n + 2, item="other")) == ["conflict"]
        if n % 12 == 0:
            (log if n % 24 else other)._names.merge()
            assert merged(log) == (n + 4, n + 4)
    assert_known(log, range(N))
    assert_known(other, range(N))


def test_after_a_merge_commits_wait_for_the_disk_again(log: SqlLog, monkeypatch: pytest.MonkeyPatch) -> None:
    log.append(events(*range(N)))
    merge_until(log, monkeypatch, 2)
    log._names.merge()
    with log.engine.connect() as one, log.engine.connect() as two, log.engine.connect() as three:
        for raw in (connection.connection.dbapi_connection for connection in (one, two, three)):
            assert raw.execute("PRAGMA synchronous").fetchone() == (2,)
            assert raw.execute("PRAGMA wal_autocheckpoint").fetchone() == (16_000,)


def test_two_merges_at_once_are_one(log: SqlLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one begins when this one is half done, has more to merge, and ends first; or it ends last."""
    other = SqlLog(tmp_path)
    log.append(events(*range(20)))
    put, puts = EventNames._put, []

    def interrupted(self: EventNames, *given: object) -> None:
        put(self, *given)  # type: ignore[arg-type]
        puts.append(self)
        if puts.count(log._names) == 3 and other._names not in puts:
            other.append(events(*range(20, 30)))
            other._names.merge()
            assert merged(log) == (30, 30)
            log.append(events(*range(30, N)))

    monkeypatch.setattr(EventNames, "_put", interrupted)
    log._names.merge()
    assert merged(log) == (30, 30), "K does not go back"
    for one in (log, other, SqlLog(tmp_path)):
        assert_known(one, range(N))
    log._names.merge()
    assert merged(log) == (N, N)
    for one in (log, other):
        assert_known(one, range(N))
        assert one._names.n_fresh == 0


def test_what_comes_during_a_merge_stays_fresh(log: SqlLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log.append(events(*range(20)))
    put = EventNames._put
    more = iter(range(20, N))

    def interrupted(*given: object) -> None:
        put(*given)  # type: ignore[arg-type]
        n = next(more)
        assert log.append(events(n, 0, n - 1)) == ["accepted", "duplicate", "duplicate"]

    with monkeypatch.context() as patched:
        patched.setattr(EventNames, "_put", interrupted)
        log._names.merge()
    last = log.last_seq()
    assert merged(log) == (20, 20)
    assert log._names.n_fresh == last - 20 > 0
    assert_known(log, range(last))
    assert_known(SqlLog(tmp_path), range(last))


def later(record: Record) -> Record | None:
    return Record(record.seq, "erased", "nobody", record.at, record.recorded_at, b"")


@pytest.mark.parametrize("how", ["closed", "rewritten", "rewritten by another", "closed by another"])
def test_a_row_goes_or_changes_only_when_its_id_is_merged(
    log: SqlLog, tmp_path: Path, now: list[float], how: str
) -> None:
    log.append(events(*range(N)))
    whose = SqlLog(tmp_path, clock=lambda: now[0]) if "another" in how else log
    if how.startswith("closed"):
        now[0] += 9 * DAY_SECONDS
        assert whose.close_segments(hot_days=1, rows=15)
        assert log.summary()["hot_rows"] == 0
    else:
        assert whose.rewrite(later) == N
        assert {record.key for record in log.read(0, N)} == {"nobody"}
    assert merged(log) == (N, N)
    for one in (log, whose, SqlLog(tmp_path)):
        assert_known(one, range(N))
    assert log.append(events(N)) == ["accepted"]
    assert log.last_seq() == N + 1
    assert_known(SqlLog(tmp_path), range(N + 1))


def test_what_is_appended_while_rows_are_rewritten_is_merged_before_it_changes(
    log: SqlLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "_REWRITTEN", 7)
    other = SqlLog(tmp_path)
    log.append(events(*range(20)))
    more = iter(range(20, N))

    def change(record: Record) -> Record | None:
        if (n := next(more, None)) is not None:
            assert other.append(events(n, record.seq - 1)) == ["accepted", "duplicate"]
        return later(record)

    assert log.rewrite(change) == N
    for one in (log, other, SqlLog(tmp_path)):
        assert_known(one, range(N))


@pytest.mark.parametrize("statement", ["DELETE FROM log", "UPDATE log SET kind = 'erased'", "UPDATE log SET body = ''"])
def test_the_file_itself_refuses_to_lose_an_id(log: SqlLog, statement: str) -> None:
    log.append(events(1, 2))
    with pytest.raises(Unavailable, match="an event whose id is nowhere else would go"), writing(log.engine) as one:
        one.exec_driver_sql(statement)
    assert len(log.read(0, 9)) == 2
    log._names.merge()
    with writing(log.engine) as one:
        one.exec_driver_sql(statement)
    assert_known(log, [1, 2])


def test_a_merge_that_is_killed_before_rows_go_leaves_them(
    log: SqlLog, tmp_path: Path, now: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    log.append(events(*range(N)))
    now[0] += 9 * DAY_SECONDS
    put, n_put = EventNames._put, iter(range(5))

    def killed(*given: object) -> None:
        if next(n_put, None) is None:
            raise Killed
        put(*given)  # type: ignore[arg-type]

    for act in (lambda: log.close_segments(hot_days=1, rows=100), lambda: log.rewrite(later)):
        with monkeypatch.context() as patched:
            patched.setattr(EventNames, "_put", killed)
            with pytest.raises(Killed):
                act()
        assert [record.key for record in log.read(0, 99)] == [f"e{n}" for n in range(N)]
    assert log.close_segments(hot_days=1, rows=100)
    assert_known(SqlLog(tmp_path), range(N))


def test_what_could_not_be_written_is_not_known(log: SqlLog, tmp_path: Path) -> None:
    log.append(events(0))
    small_disk(log)
    large = [event(f"e{n}", properties={"text": "x" * 500}) for n in range(500)]
    with pytest.raises(Unavailable, match="full"):
        log.append(large)
    assert log._names.n_fresh == 1
    assert log.append(events(1, 0)) == ["accepted", "duplicate"]
    assert SqlLog(tmp_path).append(large[2:]) == ["accepted"] * 498
    assert log.append(large[2:4]) == ["duplicate"] * 2


def test_a_commit_that_fails_leaves_nothing_behind(log: SqlLog, tmp_path: Path) -> None:
    log.append(events(0))
    fails = [True]

    @on.listens_for(log.engine, "commit")
    def _fail(connection) -> None:
        if fails[0] and not connection.get_execution_options().get("read_only"):
            raise Killed

    with pytest.raises(Killed):
        log.append(events(1, 2))
    fails[0] = False
    assert log._names.n_fresh == 1
    assert SqlLog(tmp_path).append(events(2)) == ["accepted"]
    assert log.append(events(0, 1, 2)) == ["duplicate", "accepted", "duplicate"]


def test_a_merge_that_finds_no_room_harms_no_append(
    log: SqlLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "DUE", 10)

    def full(*_given: object) -> None:
        raise Unavailable("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(EventNames, "_put", full)
        for n in range(N):
            assert log.append(events(n)) == ["accepted"]
        assert merged(log) == (0, 0)
        assert_known(log, range(N))
        with pytest.raises(Unavailable):
            log.shorten()
    assert log.append(events(N)) == ["accepted"]
    assert merged(SqlLog(tmp_path)) == (0, 0), "from then on somebody else merges"
    log.shorten()
    assert merged(log) == (N + 1, N + 1)
    assert_known(log, range(N + 1))


def test_what_is_fresh_has_a_bound_whoever_appends(log: SqlLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "DUE", 10)
    monkeypatch.setattr(logs, "MOST", 20)
    for n in range(0, 36, 3):
        log.append(events(n, n + 1, n + 2))
        assert log._names.n_fresh < 10, "without anybody beside it, the one who appends merges"
    assert merged(log)[0] == 36
    log.shorten()
    for n in range(36, 81, 3):
        log.append(events(n, n + 1, n + 2))
        assert log._names.n_fresh < 20, "the one beside it does not come"
    assert merged(log)[0] == 78
    log.append(events(*range(81, 90)))
    log.shorten()
    assert merged(log)[0] == 90
    assert_known(log, range(90))


@pytest.mark.parametrize("reopened", [False, True])
def test_down_and_up_again_lose_no_id(tmp_path: Path, *, reopened: bool) -> None:
    names = ["plain", "ünï—côde", "nul\0inside", "☃" * 200]
    log = SqlLog(tmp_path)
    log.append([*events(*range(N)), Entry("item", "e3", NOW, b"i")])
    log._names.merge()
    fresh = [*events(*range(N, N + 9)), *(Entry("event", name, NOW, name.encode()) for name in names)]
    fresh += [Entry("event", "empty body", NOW, b""), Entry("item", "no event", NOW, b"i")]
    log.append(fresh)
    log.close()
    engine = open_sqlite(tmp_path / "tailorbird.db")
    migrate(engine, LOG_MIGRATIONS, 2)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM event_keys").scalar() == N + 9 + len(names) + 1
    if reopened:
        engine.dispose()
    migrate(open_sqlite(tmp_path / "tailorbird.db"), LOG_MIGRATIONS)
    log = SqlLog(tmp_path)
    assert merged(log) == (N + 1 + len(fresh), N + 9 + len(names) + 1)
    assert log.append(fresh) == ["duplicate"] * len(fresh)
    assert_known(log, range(N + 9))


def test_a_log_whose_rows_are_all_in_segments_goes_up(tmp_path: Path) -> None:
    now = [NOW]
    log = SqlLog(tmp_path, clock=lambda: now[0])
    log.append(events(*range(N)))
    now[0] += 9 * DAY_SECONDS
    log.close_segments(hot_days=1, rows=100)
    log.close()
    engine = open_sqlite(tmp_path / "tailorbird.db")
    migrate(engine, LOG_MIGRATIONS, 2)
    migrate(engine, LOG_MIGRATIONS)
    log = SqlLog(tmp_path)
    assert merged(log) == (N, N)
    assert_known(log, range(N))


def test_an_older_program_that_still_runs_is_refused(tmp_path: Path) -> None:
    """It knows nothing of ids that are fresh: it would take their events twice, and its segments would lose them."""
    engine = open_sqlite(tmp_path / "tailorbird.db")
    migrate(engine, LOG_MIGRATIONS, 2)
    claim = "INSERT OR IGNORE INTO event_keys (key_hash, digest) VALUES (?, ?)"
    with writing(engine) as connection:
        connection.exec_driver_sql(claim, (b"0" * 16, b"0" * 8))
    log = SqlLog(tmp_path)
    log.append(events(1))
    with pytest.raises(Unavailable, match="no such table: event_keys"), writing(engine) as connection:
        connection.exec_driver_sql(claim, (b"1" * 16, b"1" * 8))
    with pytest.raises(Unavailable, match="nowhere else"), writing(engine) as connection:
        connection.exec_driver_sql("DELETE FROM log WHERE seq <= 1")


def test_a_copy_knows_what_was_fresh(log: SqlLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = tmp_path
    log.append(events(*range(10)))
    log._names.merge()
    log.append(events(*range(10, N)))
    merge_until(log, monkeypatch, 4)
    back_up(shop, shop.with_name("copy"))
    restore(shop.with_name("copy"), shop.with_name("again"))
    assert_known(SqlLog(shop.with_name("again")), range(N))
