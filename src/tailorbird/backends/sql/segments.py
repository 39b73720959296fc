"""Closed days of the log as Parquet files that DuckDB, Spark and pandas read as they are.

``body`` keeps the record exactly; beside it stand the few columns that training and reports scan, so that they need not
decode JSON: ``type``, ``person``, ``item_id``, ``value``. A file is written whole, synced and then named.
"""

import os
from bisect import bisect_right
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from tailorbird.types import Record, person_key

_ROW_GROUP = 10_000
_RECORD_COLUMNS = ["seq", "kind", "key", "at", "recorded_at", "body"]


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

    def write(self, records: Sequence[Record]) -> str:
        """Write one segment and return its file name."""
        self.directory.mkdir(exist_ok=True)
        return self._write(f"{records[0].seq:012d}-{records[-1].seq:012d}.parquet", records)

    def rewrite(self, file: str, change: Change) -> int:
        """Put changed records in the place of others in one file; how many. Readers see the old file or the new one."""
        with pq.ParquetFile(self.directory / file) as parquet:
            columns = parquet.read(columns=_RECORD_COLUMNS).to_pydict()
        records = [Record(*row) for row in zip(*columns.values(), strict=True)]
        changed = [change(record) for record in records]
        n_changed = sum(new is not None for new in changed)
        if n_changed:
            self._write(file, [new or old for new, old in zip(changed, records, strict=True)])
        return n_changed

    def _write(self, file: str, records: Sequence[Record]) -> str:
        scanned = [self._decoder.decode(r.body) if r.kind == "event" else _Scanned() for r in records]
        table = pa.table(
            {
                **{name: [getattr(r, name) for r in records] for name in _RECORD_COLUMNS},
                "type": [s.type for s in scanned],
                "person": [person_key(s.user_id, s.anonymous_id) for s in scanned],
                "item_id": [s.item_id for s in scanned],
                "value": [s.value for s in scanned],
            }
        )
        unfinished = self.directory / f"{file}.unfinished"
        with unfinished.open("wb") as out:
            pq.write_table(table, out, compression="zstd", row_group_size=_ROW_GROUP)
            out.flush()
            os.fsync(out.fileno())
        unfinished.rename(self.directory / file)
        _sync_directory(self.directory)
        return file

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
        # Another process may have written the file anew: what was read of the old one names who was erased.
        which = (file, group, (self.directory / file).stat().st_mtime_ns)
        if self._held is None or self._held[0] != which:
            with pq.ParquetFile(self.directory / file) as parquet:
                columns = parquet.read_row_group(group, columns=_RECORD_COLUMNS).to_pydict()
            self._held = (which, [Record(*row) for row in zip(*columns.values(), strict=True)])
        return self._held[1]


def _sync_directory(directory: Path) -> None:
    """Make a rename durable: the name lives in the directory, which has a sync of its own."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
