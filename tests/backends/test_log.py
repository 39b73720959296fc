"""The log: idempotent, numbered, durable; under kills, contention and closing days."""

import errno
import os
import signal
import subprocess
import sys
import textwrap
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from small_disk import small_disk
from tailorbird.backends.memory import MemoryLog
from tailorbird.backends.sql.log import SqlLog
from tailorbird.errors import Unavailable
from tailorbird.protocols import Log, Verdict
from tailorbird.types import DAY_SECONDS, Item, Record

from made_up import NOW, entry, event


def everything(log: Log, chunk: int = 7) -> list[Record]:
    found: list[Record] = []
    while more := log.read(found[-1].seq if found else 0, chunk):
        found.extend(more)
    return found


@pytest.fixture(params=["sql", "memory"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Log:
    return SqlLog(tmp_path, clock=lambda: NOW) if request.param == "sql" else MemoryLog()


def test_the_same_event_twice_is_a_duplicate_and_other_content_a_conflict(log: Log) -> None:
    assert log.append([event("a"), event("b")]) == [Verdict.ACCEPTED, Verdict.ACCEPTED]
    assert log.append([event("a"), event("b", item_id="other")]) == [Verdict.DUPLICATE, Verdict.CONFLICT]
    assert [r.key for r in everything(log)] == ["a", "b"]


def test_duplicates_within_one_batch_are_found(log: Log) -> None:
    assert log.append([event("a"), event("a"), event("a", item_id="x")]) == ["accepted", "duplicate", "conflict"]


def test_an_item_has_versions_and_may_return_to_an_old_one(log: Log) -> None:
    dear, cheap = Item(item_id="i", price=9.0), Item(item_id="i", price=5.0)
    verdicts = [log.append([entry("item", "i", version)])[0] for version in (dear, dear, cheap, dear)]
    assert verdicts == ["accepted", "duplicate", "accepted", "accepted"]
    assert len(everything(log)) == 3


def test_numbers_grow_without_gaps_in_order_of_append(log: Log) -> None:
    for n in range(30):
        log.append([event(f"{n}-{m}") for m in range(3)])
    assert [r.seq for r in everything(log)] == list(range(1, 91))
    assert log.last_seq() == 90


def test_an_event_and_an_item_of_the_same_name_do_not_meet(log: Log) -> None:
    assert log.append([event("x"), entry("item", "x", Item(item_id="x"))]) == ["accepted", "accepted"]


@settings(max_examples=30)
@given(st.lists(st.lists(st.integers(0, 8), max_size=6), max_size=12))
def test_whatever_is_sent_each_id_is_kept_once(batches: list[list[int]]) -> None:
    log = MemoryLog()
    for batch in batches:
        log.append([event(str(n)) for n in batch])
    keys = [r.key for r in everything(log)]
    assert sorted(keys) == sorted({str(n) for batch in batches for n in batch})


def test_closed_days_become_segments_and_reading_does_not_notice(tmp_path: Path) -> None:
    now = [NOW]
    log = SqlLog(tmp_path, clock=lambda: now[0])
    for day in range(5):
        now[0] = NOW + day * DAY_SECONDS
        log.append([event(f"{day}-{n}", at=now[0]) for n in range(50)])
    before = everything(log)
    files = log.close_segments(hot_days=1, rows=60)
    assert len(files) >= 2
    assert log.summary()["hot_rows"] < 250
    assert everything(log) == before
    assert log.append([event("0-0", at=NOW)]) == [Verdict.DUPLICATE], "a closed day still knows its ids"
    assert log.last_seq() == 250


def test_numbers_are_never_given_twice_when_a_segment_took_every_row(tmp_path: Path) -> None:
    now = [NOW]
    log = SqlLog(tmp_path, clock=lambda: now[0])
    log.append([event("a"), event("b")])
    now[0] += 9 * DAY_SECONDS
    log.close_segments(hot_days=1, rows=1_000)
    assert log.summary()["hot_rows"] == 0
    log.append([event("c")])
    assert [r.seq for r in everything(log)] == [1, 2, 3]


def test_a_segment_that_was_written_but_never_registered_is_written_again(tmp_path: Path) -> None:
    now = [NOW]
    log = SqlLog(tmp_path, clock=lambda: now[0])
    log.append([event(str(n)) for n in range(20)])
    (tmp_path / "segments").mkdir()
    (tmp_path / "segments" / "000000000001-000000000020.parquet.unfinished").write_bytes(b"half a file")
    now[0] += 9 * DAY_SECONDS
    log.close_segments(hot_days=1, rows=1_000)
    assert len(everything(log)) == 20


def test_what_a_kill_left_beside_the_segments_is_swept_away(tmp_path: Path) -> None:
    now = [NOW]
    log = SqlLog(tmp_path, clock=lambda: now[0])
    log.append([event(str(n)) for n in range(20)])
    with log._files.alone(wait=True):
        log._files.write(1, 7, [log.read(0, 7)])
    (tmp_path / "segments" / "000000000001-000000000020.parquet.unfinished").write_bytes(b"half a file")
    now[0] += 9 * DAY_SECONDS
    written = log.close_segments(hot_days=1, rows=1_000)
    assert {file.name for file in (tmp_path / "segments").iterdir()} == {*written, ".lock"}
    assert len(everything(log)) == 20


def test_a_segment_is_written_and_read_a_group_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tailorbird.backends.sql.segments.GROUP_ROWS", 500)
    monkeypatch.setattr("tailorbird.backends.sql.log.GROUP_ROWS", 500)
    now = [NOW]
    log = SqlLog(tmp_path, clock=lambda: now[0])
    for start in range(0, 10_250, 250):
        log.append([event(str(n), properties={"text": "x" * 2_000}) for n in range(start, start + 250)])
    tracemalloc.start()
    try:
        assert log.close_segments(hot_days=1, rows=100_000) == []
        _, looked = tracemalloc.get_traced_memory()
        now[0] += 9 * DAY_SECONDS
        assert len(log.close_segments(hot_days=1, rows=100_000)) == 1
        changed = log.rewrite(
            lambda r: Record(r.seq, r.kind, "new", r.at, r.recorded_at, r.body) if r.seq > 9_000 else None
        )
        _, written = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    found = everything(log, chunk=300)
    assert changed == 1_250
    assert [r.seq for r in found] == list(range(1, 10_251))
    assert {r.key for r in found if r.seq > 9_000} == {"new"}
    assert looked < 2**20, "what cannot be closed yet is not read"
    assert written < 10 * 2**20, "of 20 MB a fraction is held at once"


def test_two_processes_never_write_segments_at_once(tmp_path: Path) -> None:
    now = [NOW]
    log, other = (SqlLog(tmp_path, clock=lambda: now[0]) for _ in range(2))
    log.append([event(str(n)) for n in range(20)])
    now[0] += 9 * DAY_SECONDS
    with other._files.alone(wait=True) as mine:
        assert mine
        assert log.close_segments(hot_days=1, rows=1_000) == []
    assert len(log.close_segments(hot_days=1, rows=1_000)) == 1
    assert len(everything(log)) == 20


def test_what_another_process_has_rewritten_is_read_anew(tmp_path: Path) -> None:
    now = [NOW]
    log, other = (SqlLog(tmp_path, clock=lambda: now[0]) for _ in range(2))
    log.append([event(str(n)) for n in range(20)])
    now[0] += 9 * DAY_SECONDS
    log.close_segments(hot_days=1, rows=1_000)
    assert everything(log)[3].key == "3"
    other.rewrite(lambda r: Record(r.seq, r.kind, "new", r.at, r.recorded_at, r.body) if r.key == "3" else None)
    assert everything(log)[3].key == "new"


WRITER = """
    import sys
    from pathlib import Path
    import msgspec
    from tailorbird.backends.sql.log import SqlLog
    from tailorbird.types import Entry, Event
    log = SqlLog(Path(sys.argv[1]))
    n = 0
    while n < int(sys.argv[3]):
        batch = []
        for _ in range(20):
            name = f"{sys.argv[2]}-{n}"
            body = msgspec.json.encode(Event(type="item_view", at=1.7e9, event_id=name, user_id="u", item_id="i"))
            batch.append(Entry("event", name, 1.7e9, body))
            n += 1
        log.append(batch)
        print(n, flush=True)
"""


def writer(directory: Path, name: str, n: int = 10**9) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(directory), name, str(n)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_writer_killed_at_any_moment_loses_nothing_it_was_told_is_durable(tmp_path: Path) -> None:
    told = {}
    for attempt in range(4):
        process = writer(tmp_path, f"w{attempt}")
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.05 + 0.07 * attempt)
        os.kill(process.pid, signal.SIGKILL)
        lines = process.stdout.read().split("\n")
        process.wait()
        told[attempt] = max([int(line) for line in lines[:-1]], default=20)
    found = everything(SqlLog(tmp_path), chunk=5_000)
    for attempt, n in told.items():
        mine = [r.key for r in found if r.key.startswith(f"w{attempt}-")]
        assert len(mine) >= n, "what was acknowledged is there"
        assert len(mine) % 20 == 0, "and a batch is there whole or not at all"
        assert mine == [f"w{attempt}-{k}" for k in range(len(mine))]
    assert [r.seq for r in found] == list(range(1, len(found) + 1))


def test_four_processes_that_write_at_once_all_get_through(tmp_path: Path) -> None:
    SqlLog(tmp_path)
    processes = [writer(tmp_path, f"p{n}", 200) for n in range(4)]
    assert [p.wait(timeout=60) for p in processes] == [0, 0, 0, 0]
    found = everything(SqlLog(tmp_path), chunk=5_000)
    assert len({r.key for r in found}) == len(found) == 800
    assert [r.seq for r in found] == list(range(1, 801))
    for p in processes:
        assert p.stdout is not None
        p.stdout.close()


def test_a_full_disk_is_told_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    log = SqlLog(tmp_path)
    log.append([event("before")])
    small_disk(log)
    with pytest.raises(Unavailable, match="full") as caught:
        log.append([event(f"big-{n}", properties={"text": "x" * 500}) for n in range(500)])
    assert "nothing accepted was lost" in caught.value.hint
    assert [r.key for r in everything(SqlLog(tmp_path))] == ["before"]


def test_what_this_process_appended_is_followed_without_reading(tmp_path: Path) -> None:
    log, other = SqlLog(tmp_path), SqlLog(tmp_path)
    assert log.appended(0, 10) == [], "nothing is kept before somebody asks"
    log.append([event("a"), event("b"), event("a")])
    assert [*log.appended(0, 10)] == [*log.read(0, 10)]
    log.append([event("c")])
    other.append([event("d")])
    log.append([event("e")])
    assert log.appended(2, 10) == [], "somebody else's record stands between"
    assert [record.key for record in log.read(2, 10)] == ["c", "d", "e"]
    assert [record.key for record in log.appended(4, 10)] == ["e"]
    log.append([event("f"), event("g")])
    assert [record.key for record in log.appended(5, 1)] == ["f"]
    assert [record.key for record in log.appended(6, 9)] == ["g"]


def test_a_segment_that_finds_no_room_leaves_the_log_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [NOW]
    log = SqlLog(tmp_path, clock=lambda: now[0])
    log.append([event(str(n)) for n in range(20)])
    now[0] += 9 * DAY_SECONDS

    def no_room(_file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", no_room)
        with pytest.raises(Unavailable, match=r"The disk that holds .*segments is full"):
            log.close_segments(hot_days=1, rows=1_000)
    assert [file.name for file in (tmp_path / "segments").iterdir()] == [".lock"]
    assert len(everything(log)) == 20
    assert len(log.close_segments(hot_days=1, rows=1_000)) == 1
    assert len(everything(log)) == 20


def test_what_waits_beside_the_file_is_moved_into_it_without_anybody_waiting(tmp_path: Path) -> None:
    log = SqlLog(tmp_path)
    log.append([event(f"e{n}") for n in range(2_000)])
    waiting = (tmp_path / "tailorbird.db-wal").stat().st_size
    before = (tmp_path / "tailorbird.db").stat().st_size
    log.shorten()
    assert (tmp_path / "tailorbird.db").stat().st_size > before
    log.append([event("more")])
    assert (tmp_path / "tailorbird.db-wal").stat().st_size <= waiting, "it begins at its start again"
    assert log.last_seq() == 2_001
