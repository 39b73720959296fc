"""Parquet columns as plain Python values."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tailorbird.errors import BrokenLine, UnreadableFile
from tailorbird.ingest.parquet import plain_values
from tailorbird.ingest.tables import open_table

DAY = datetime(2024, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (pa.array([17850, None], pa.int32()), [17850, None]),
        (pa.array([17850.0, float("nan"), None]), [17850.0, None, None]),
        (pa.array([DAY.replace(tzinfo=None), None], pa.timestamp("us")), [DAY.timestamp(), None]),
        (pa.array([DAY], pa.timestamp("ns", tz="Europe/Oslo")), [DAY.timestamp()]),
        (pa.array([DAY.timestamp() * 1000 + 500], pa.int64()).cast(pa.timestamp("ms")), [DAY.timestamp() + 0.5]),
        (pa.array([date(2024, 5, 1)]), [DAY.timestamp()]),
        (pa.array([date(2024, 5, 1)], pa.date64()), [DAY.timestamp()]),
        (pa.array([Decimal("12.50")]), [12.5]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
        (pa.array(["a"], pa.large_string()), ["a"]),
        (pa.array([[1, 2], None]), [[1, 2], None]),
        (pa.array([b"abc", b"\xff"]), ["abc", "ff"]),
        (pa.array([True, None]), [True, None]),
        (pa.array([time(12, 30)]), ["12:30:00"]),
        (pa.array([timedelta(seconds=90)]), [90.0]),
        (pa.array([{"at": DAY, "x": None, "y": [DAY]}]), [{"at": DAY.timestamp(), "y": [DAY.timestamp()]}]),
        (pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())), [{"k": 1}]),
    ],
)
def test_every_kind_of_column_becomes_what_json_can_hold(column: Any, values: list[Any]) -> None:
    assert plain_values(column) == values


def write(path: Path, n_rows: int = 10) -> Path:
    table = pa.table({"id": pa.array(range(n_rows)), "n": pa.array([None, *range(1, n_rows)])})
    pq.write_table(table, path, row_group_size=5)
    return path


def test_rows_are_numbered_from_1_and_absent_where_null(tmp_path: Path) -> None:
    rows = list(open_table(write(tmp_path / "a.parquet")).rows())
    assert rows[:2] == [(1, {"id": 0}), (2, {"id": 1, "n": 1})]
    assert len(rows) == 10


def test_only_wanted_columns_are_read(tmp_path: Path) -> None:
    table = open_table(write(tmp_path / "a.parquet"))
    assert table.columns == ["id", "n"]
    assert next(iter(table.rows({"n", "other"}))) == (1, {})
    assert list(open_table(write(tmp_path / "a.parquet")).rows({"n"}))[1] == (2, {"n": 1})


def test_a_damaged_row_group_costs_itself_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet")
    content = bytearray(path.read_bytes())
    start = pq.ParquetFile(path).metadata.row_group(0).column(0).dictionary_page_offset
    content[start : start + 12] = b"\xff" * 12
    path.write_bytes(content)
    rows = list(open_table(path).rows())
    assert [row["id"] for _, row in rows if isinstance(row, dict)] == [5, 6, 7, 8, 9]
    assert [n for n, row in rows if isinstance(row, BrokenLine)] == [1]


def test_a_truncated_file_is_said_to_be_damaged(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UnreadableFile, match="damaged Parquet"):
        open_table(path)
