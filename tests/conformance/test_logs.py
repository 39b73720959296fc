"""Every log keeps the promises of the protocol."""

from pathlib import Path

import pytest

from tailorbird.backends.memory import MemoryLog
from tailorbird.backends.sql.log import SqlLog
from tailorbird.protocols import Log, Verdict
from tailorbird.types import Entry

ACCEPTED, DUPLICATE, CONFLICT = Verdict.ACCEPTED, Verdict.DUPLICATE, Verdict.CONFLICT


@pytest.fixture(params=["memory", "sql"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Log:
    return MemoryLog() if request.param == "memory" else SqlLog(tmp_path)


def entry(kind: str, key: str, body: bytes = b"{}") -> Entry:
    return Entry(kind, key, 1.0, body)


def test_numbers_grow_by_order_of_arrival_and_start_at_one(log: Log) -> None:
    assert (log.last_seq(), list(log.read(0, 10))) == (0, [])
    log.append([entry("event", "e1"), entry("event", "e2")])
    log.append([entry("item", "i1")])
    assert [(r.seq, r.kind, r.key, r.at, r.body) for r in log.read(0, 10)] == [
        (1, "event", "e1", 1.0, b"{}"),
        (2, "event", "e2", 1.0, b"{}"),
        (3, "item", "i1", 1.0, b"{}"),
    ]
    assert log.last_seq() == 3


def test_reading_starts_after_a_number_and_stops_at_a_limit(log: Log) -> None:
    log.append([entry("event", f"e{n}") for n in range(5)])
    assert [r.seq for r in log.read(2, 2)] == [3, 4]
    assert list(log.read(5, 10)) == []


def test_an_event_twice_is_a_duplicate_or_a_conflict(log: Log) -> None:
    batch = [entry("event", "e1"), entry("event", "e1"), entry("event", "e1", b"[]")]
    assert list(log.append(batch)) == [ACCEPTED, DUPLICATE, CONFLICT]
    assert list(log.append(batch)) == [DUPLICATE, DUPLICATE, CONFLICT]
    assert log.last_seq() == 1


def test_a_large_batch_with_one_event_that_came_before_loses_nothing(log: Log) -> None:
    log.append([entry("event", "e1700")])
    batch = [entry("event", f"e{n}") for n in range(2_000)]
    verdicts = list(log.append(batch))
    assert [n for n, verdict in enumerate(verdicts) if verdict is not ACCEPTED] == [1700]
    assert verdicts[1700] is DUPLICATE
    assert [r.key for r in log.read(1, 5_000)] == [e.key for e in batch if e.key != "e1700"]
    assert list(log.append(batch)) == [DUPLICATE] * 2_000


@pytest.mark.parametrize("kind", ["item", "user", "identity"])
def test_a_body_that_differs_from_the_current_one_is_a_new_version(log: Log, kind: str) -> None:
    assert list(log.append([entry(kind, "k", b) for b in (b"1", b"1", b"2", b"1")])) == [
        ACCEPTED,
        DUPLICATE,
        ACCEPTED,
        ACCEPTED,
    ]
    assert list(log.append([entry(kind, "k", b"1")])) == [DUPLICATE]
    assert [r.body for r in log.read(0, 10)] == [b"1", b"2", b"1"]


def test_keys_of_different_kinds_do_not_meet(log: Log) -> None:
    assert list(log.append([entry(kind, "k", kind.encode()) for kind in ("event", "item", "user")])) == [ACCEPTED] * 3


def test_nothing_appended_is_nothing_done(log: Log) -> None:
    assert list(log.append([])) == []
    assert log.last_seq() == 0
