"""Everything that concerns ids of events, in any order, against a dictionary."""

import random
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from tailorbird.backends.sql import event_names
from tailorbird.backends.sql import log as logs
from tailorbird.backends.sql.event_names import EventNames
from tailorbird.backends.sql.log import SqlLog
from tailorbird.backends.sql.schema import LOG_MIGRATIONS, migrate, open_sqlite
from tailorbird.types import DAY_SECONDS, Entry, Record

from made_up import NOW, event


class Killed(BaseException):
    """Stands for a kill: nothing of ours catches it."""


class Busy:
    """Three logs on one directory, as three processes would have them, and what they must know."""

    def __init__(self, folder: Path, seed: int, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.patch = folder, patch
        self.draw, self.now = random.Random(seed), NOW
        self.bodies: dict[str, bytes] = {}
        self.logs = [self.open() for _ in range(3)]

    def open(self) -> SqlLog:
        return SqlLog(self.folder, clock=lambda: self.now)

    @property
    def acts(self) -> Mapping[Callable[[SqlLog], object], int]:
        """What may happen, and how often."""
        return {
            self.append: 60,
            self.merge_amid_others: 4,
            self.reopen: 3,
            self.rewrite: 2,
            self.close: 3,
            self.down_and_up: 1,
            SqlLog.shorten: 2,
        }

    def expected(self, entries: Sequence[Entry]) -> list[str]:
        verdicts = []
        for entry in entries:
            first = self.bodies.get(entry.key)
            verdicts.append("accepted" if first is None else "duplicate" if first == entry.body else "conflict")
            self.bodies.setdefault(entry.key, entry.body)
        return verdicts

    def append(self, log: SqlLog) -> None:
        keys = [f"e{self.draw.randrange(400)}" for _ in range(self.draw.randrange(9))]
        batch = [event(key, item_id=f"i{self.draw.randrange(2)}") for key in keys]
        assert log.append(batch) == self.expected(batch)
        assert log.last_seq() == len(self.bodies)

    def merge_amid_others(self, log: SqlLog) -> None:
        """After each transaction of a merge somebody appends; by lot it is killed after some of them."""
        put, n_left = EventNames._put, self.draw.choice([1, 2, 3, 99])

        def busy(*given: object) -> None:
            nonlocal n_left
            put(*given)  # type: ignore[arg-type]
            self.append(self.draw.choice(self.logs))
            n_left -= 1
            if not n_left:
                raise Killed

        with self.patch.context() as patched:
            patched.setattr(EventNames, "_put", busy)
            patched.setattr(logs, "DUE", 10**9)
            patched.setattr(logs, "MOST", 10**9)
            try:
                log._names.merge()
            except Killed:
                self.reopen(log)

    def reopen(self, log: SqlLog) -> None:
        log.close()
        self.logs[self.logs.index(log)] = self.open()

    def rewrite(self, log: SqlLog) -> None:
        def change(record: Record) -> Record | None:
            if self.draw.random() < 0.7:
                return None
            return Record(record.seq, "erased", "nobody", record.at, record.recorded_at, b"")

        log.rewrite(change)

    def close(self, log: SqlLog) -> None:
        self.now += DAY_SECONDS
        log.close_segments(hot_days=1, rows=50)

    def down_and_up(self, _log: SqlLog) -> None:
        for log in self.logs:
            log.close()
        engine = open_sqlite(self.folder / "tailorbird.db")
        migrate(engine, LOG_MIGRATIONS, 2)
        migrate(engine, LOG_MIGRATIONS)
        engine.dispose()
        self.logs = [self.open() for _ in self.logs]


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_done_in_whatever_order_an_id_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(event_names, "_AT_ONCE", 3)
    monkeypatch.setattr(logs, "DUE", 25)
    monkeypatch.setattr(logs, "MOST", 60)
    busy = Busy(tmp_path, seed, monkeypatch)
    for act in busy.draw.choices([*busy.acts], [*busy.acts.values()], k=250):
        act(busy.draw.choice(busy.logs))
    everything = [Entry("event", key, NOW, body) for key, body in busy.bodies.items()]
    for log in busy.logs:
        assert log.append(everything) == ["duplicate"] * len(everything)
        assert log.last_seq() == len(everything) > 300
        log.close()


WRITER = """
    import itertools, sys
    from pathlib import Path
    import msgspec
    from tailorbird.backends.sql import event_names, log as logs
    from tailorbird.types import Entry, Event
    event_names._AT_ONCE, logs.DUE = 5, 200
    log = logs.SqlLog(Path(sys.argv[1]))
    for n in itertools.count():
        names = [f"e{n * 20 + k}" for k in range(20)]
        events = [Event(type="item_view", at=1.7e9, event_id=name, user_id="u", item_id="i") for name in names]
        log.append([Entry("event", event.event_id, 1.7e9, msgspec.json.encode(event)) for event in events])
        print(n, flush=True)
"""


def test_processes_that_are_killed_while_they_merge_leave_every_id_known(tmp_path: Path) -> None:
    """Two at once send the same events, again and again from the first one."""
    SqlLog(tmp_path).close()
    for attempt in range(3):
        command = [sys.executable, "-c", textwrap.dedent(WRITER), str(tmp_path)]
        pair = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        for process in pair:
            assert process.stdout is not None
            process.stdout.readline()
        time.sleep(0.3 + 0.1 * attempt)
        for process in pair:
            process.kill()
            process.communicate()
    log = SqlLog(tmp_path)
    records = [*log.read(0, 10**6)]
    assert len({record.key for record in records}) == len(records) > 200
    with log.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT seq FROM merged").scalar() > 0
    assert log.append([Entry("event", r.key, r.at, r.body) for r in records]) == ["duplicate"] * len(records)


def test_a_thread_that_merges_beside_one_that_appends_hides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_names, "_AT_ONCE", 3)
    monkeypatch.setattr(logs, "DUE", 20)
    log, stop = SqlLog(tmp_path), threading.Event()

    def shorten() -> None:
        while not stop.is_set():
            log.shorten()

    thread = threading.Thread(target=shorten)
    thread.start()
    try:
        for n in range(0, 600, 6):
            batch = [event(f"e{k}") for k in range(max(n - 60, 0), n + 6)]
            assert log.append(batch) == ["duplicate"] * (len(batch) - 6) + ["accepted"] * 6
    finally:
        stop.set()
        thread.join()
    assert log.append([event(f"e{k}") for k in range(600)]) == ["duplicate"] * 600
    with log.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT seq FROM merged").scalar() > 0
