"""Closed days of the log as Parquet files that DuckDB, Spark and pandas read as they are.

``body`` keeps the record exactly; beside it stand the few columns that training and reports scan, so that they need not
decode JSON: ``type``, ``person``, ``item_id``, ``value``. A file is written whole, synced and then named, by one
process at a time.
"""

import errno
import fcntl
import os
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from tailorbird.errors import Unavailable
from tailorbird.types import Record, person_key

GROUP_ROWS: Final = 10_000
"""Records of a row group, which is what is read and written at once."""

_LOCK = ".lock"
_RECORD_COLUMNS = ["seq", "kind", "key", "at", "recorded_at", "body"]
_SCHEMA = pa.schema(
    {
        "seq": pa.int64(),
        "kind": pa.string(),
        "key": pa.string(),
        "at": pa.float64(),
        "recorded_at": pa.float64(),
        "body": pa.binary(),
        "type": pa.string(),
        "person": pa.string(),
        "item_id": pa.string(),
        "value": pa.float64(),
    }
)

Change: TypeAlias = Callable[[Record], Record | None]
"""The record that takes the place of another one, of the same number; None where it stays."""


class _Scanned(msgspec.Struct):
    """The part of an event's body that gets columns of its own."""

    type: str = ""
    user_id: str | None = None
    anonymous_id: str | None = None
    item_id: str | None = None
    value: float | None = None


class SegmentFiles:
    """The folder of segments. Keeps the row group that was read last, since readers go forward."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._decoder = msgspec.json.Decoder(_Scanned)
        self._held: tuple[tuple[str, int, int], list[Record]] | None = None
        self._starts: dict[str, list[int]] = {}

    @contextmanager
    def alone(self, *, wait: bool) -> Iterator[bool]:
        """While this lasts nobody else, in any process, writes segments; False where somebody does and we do not wait.

        Without it a file that two processes close at once could be cut short after its rows are gone, and rows that
        were read before somebody was erased could be written after. A kill lets go of it.

        Raises:
            Unavailable: the folder cannot be written, the disk is full.
        """
        with self._explaining():
            self.directory.mkdir(exist_ok=True)
            lock = (self.directory / _LOCK).open("wb")
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            yield True

    def sweep(self, registered: Collection[str]) -> None:
        """Take away what a kill left: files that were not finished, or that no table names. Only while `alone`."""
        for file in self.directory.iterdir():
            if file.name not in registered and file.name != _LOCK:
                file.unlink(missing_ok=True)

    def write(self, first: int, last: int, groups: Iterable[Sequence[Record]]) -> str:
        """Write the records from ``first`` to ``last`` as one segment, and return its file name. Only while `alone`.

        ``groups`` become row groups, each of `GROUP_ROWS` records but the last; one is held in memory at a time.

        Raises:
            Unavailable: the disk is full, or the file cannot be written.
        """
        return self._write(f"{first:012d}-{last:012d}.parquet", groups)

    def rewrite(self, file: str, change: Change) -> int:
        """Put changed records in the place of others in one file; how many. Readers see the old file or the new one.

        Only while `alone`.

        Raises:
            Unavailable: the disk is full, or the file cannot be written.
        """
        # What changes counts as it goes, so that each record is asked for once, and nothing is written where none does.
        first, new = self._first_changed(file, change)
        if not new:
            return 0
        n_changed = 0

        def changed() -> Iterator[Sequence[Record]]:
            nonlocal n_changed
            for n, group in enumerate(self._groups(file)):
                instead = new if n == first else [None] * len(group) if n < first else list(map(change, group))
                n_changed += sum(one is not None for one in instead)
                yield [one or old for one, old in zip(instead, group, strict=True)]

        self._write(file, changed())
        return n_changed

    def _first_changed(self, file: str, change: Change) -> tuple[int, list[Record | None]]:
        """The first group with a record that changes, and what stands there instead; an empty list for none."""
        for n, group in enumerate(self._groups(file)):
            instead = list(map(change, group))
            if any(one is not None for one in instead):
                return n, instead
        return 0, []

    def _write(self, file: str, groups: Iterable[Sequence[Record]]) -> str:
        unfinished = self.directory / f"{file}.unfinished"
        with self._explaining():
            try:
                with unfinished.open("wb") as out:
                    with pq.ParquetWriter(out, _SCHEMA, compression="zstd") as parquet:
                        for group in groups:
                            parquet.write_table(self._table(group), row_group_size=GROUP_ROWS)
                    out.flush()
                    os.fsync(out.fileno())
                unfinished.rename(self.directory / file)
            except OSError:
                unfinished.unlink(missing_ok=True)
                raise
            _sync_directory(self.directory)
        return file

    def _table(self, records: Sequence[Record]) -> Any:
        scanned = [self._decoder.decode(r.body) if r.kind == "event" else _Scanned() for r in records]
        columns = {
            **{name: [getattr(r, name) for r in records] for name in _RECORD_COLUMNS},
            "type": [s.type for s in scanned],
            "person": [person_key(s.user_id, s.anonymous_id) for s in scanned],
            "item_id": [s.item_id for s in scanned],
            "value": [s.value for s in scanned],
        }
        return pa.table(columns, schema=_SCHEMA)

    def _groups(self, file: str) -> Iterator[Sequence[Record]]:
        with pq.ParquetFile(self.directory / file) as parquet:
            for group in range(parquet.num_row_groups):
                columns = parquet.read_row_group(group, columns=_RECORD_COLUMNS).to_pydict()
                yield [Record(*row) for row in zip(*columns.values(), strict=True)]

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise Unavailable(
                    f"The disk that holds {self.directory} is full.", hint="Free some space; the log stays as it is."
                ) from error
            raise Unavailable(
                f"{self.directory} cannot be written: {error.strerror or error}.",
                hint="`tailorbird doctor` checks the shop directory.",
            ) from error

    def read(self, file: str, after: int, limit: int) -> Sequence[Record]:
        """At most ``limit`` records of one segment with a higher number than ``after``; never across a row group."""
        starts = self._starts.get(file)
        if starts is None:
            starts = self._starts[file] = self._first_numbers(file)
        group = max(bisect_right(starts, after + 1) - 1, 0)
        records = self._group(file, group)
        if records[-1].seq <= after:
            records = self._group(file, group + 1)
        start = bisect_right(records, after, key=lambda r: r.seq)
        return records[start : start + limit]

    def of_keys(self, file: str, keys: Sequence[str]) -> list[Record]:
        """The records of one segment that have one of these keys."""
        found = pq.read_table(self.directory / file, columns=_RECORD_COLUMNS, filters=[("key", "in", list(keys))])
        return [Record(*row) for row in zip(*found.to_pydict().values(), strict=True)]

    def size(self) -> int:
        """Bytes of all segments."""
        return sum(f.stat().st_size for f in self.directory.glob("*.parquet"))

    def _first_numbers(self, file: str) -> list[int]:
        meta = pq.read_metadata(self.directory / file)
        return [meta.row_group(n).column(0).statistics.min for n in range(meta.num_row_groups)]

    def _group(self, file: str, group: int) -> list[Record]:
        # A file that was rewritten since, perhaps by another process, is another file of the same name.
        held = (file, group, (self.directory / file).stat().st_ino)
        if self._held is None or self._held[0] != held:
            with pq.ParquetFile(self.directory / file) as parquet:
                columns = parquet.read_row_group(group, columns=_RECORD_COLUMNS).to_pydict()
            self._held = (held, [Record(*row) for row in zip(*columns.values(), strict=True)])
        return self._held[1]


def _sync_directory(directory: Path) -> None:
    """Make a rename durable: the name lives in the directory, which has a sync of its own."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
