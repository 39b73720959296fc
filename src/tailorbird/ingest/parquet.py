"""Parquet files as rows of plain Python values.

Whole columns are turned at once (times to epoch seconds, decimals to floats, dictionaries to their values), because a
value at a time costs ten times as much. Not-a-number in a column of floats is absent: that is how tables with gaps are
written by many tools.
"""

from collections.abc import Callable, Collection, Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tailorbird.errors import BrokenLine, UnreadableFile
from tailorbird.ingest.fields import epoch_of

_BATCH_ROWS: Final = 2_000
_UNITS: Final = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


class ParquetTable:
    """One Parquet file, read batch by batch."""

    fixed = True
    texts = False

    def __init__(self, path: Path) -> None:
        """Read the footer.

        Raises:
            UnreadableFile: the file is truncated or damaged.
        """
        self._path = path
        try:
            self._file = pq.ParquetFile(path)
        except (pa.ArrowException, OSError) as error:
            raise UnreadableFile(
                f"{path} is damaged Parquet: {_first_line(error)}.", hint="Write or fetch the file again."
            ) from error
        self.columns = list(self._file.schema_arrow.names)
        self._n_rows = self._file.metadata.num_rows
        self._done = 0

    def share(self) -> float:
        """How much has been read, from 0 to 1."""
        return self._done / self._n_rows if self._n_rows else 1.0

    def rows(self, wanted: Collection[str] | None = None) -> Iterator[tuple[int, dict[str, Any] | BrokenLine]]:
        """Every row with its number from 1; a damaged row group comes as one BrokenLine."""
        columns = [name for name in self.columns if wanted is None or name in wanted]
        for group in range(self._file.num_row_groups):
            first = self._done
            n_rows = self._file.metadata.row_group(group).num_rows
            try:
                for batch in self._file.iter_batches(_BATCH_ROWS, row_groups=[group], columns=columns):
                    yield from self._batch_rows(batch)
            except (pa.ArrowException, OSError) as error:
                text = f"Rows {self._done + 1} to {first + n_rows} are damaged: {_first_line(error)}."
                yield self._done + 1, BrokenLine(text, hint="Write or fetch the file again; the others are kept.")
            self._done = first + n_rows

    def _batch_rows(self, batch: Any) -> Iterator[tuple[int, dict[str, Any]]]:
        names = batch.schema.names
        columns = [plain_values(column) for column in batch.columns]
        rows = zip(*columns, strict=True) if columns else iter([()] * batch.num_rows)
        for cells in rows:
            self._done += 1
            yield self._done, {name: cell for name, cell in zip(names, cells, strict=True) if cell is not None}


def plain_values(column: Any) -> list[Any]:
    """An Arrow array as Python values that JSON can hold, times as UTC epoch seconds; null and NaN as None."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return plain_values(column.dictionary_decode())
    if pa.types.is_timestamp(kind):
        return _epochs(column)
    if pa.types.is_date(kind):
        return _epochs(column.cast(pa.timestamp("s" if pa.types.is_date32(kind) else "ms")))
    if pa.types.is_decimal(kind):
        column = column.cast(pa.float64())
    if pa.types.is_floating(column.type):
        values: list[Any] = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column).to_pylist()
        return values
    values = column.to_pylist()
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or _is_clock(kind):
        return [_plain(value) for value in values]
    return values


def _epochs(column: Any) -> list[Any]:
    seconds: list[Any] = pc.divide(
        column.cast(pa.int64()).cast(pa.float64(), safe=False), _UNITS[column.type.unit]
    ).to_pylist()
    return seconds


def _is_clock(kind: Any) -> bool:
    return bool(pa.types.is_time(kind) or pa.types.is_duration(kind) or pa.types.is_fixed_size_binary(kind))


def _plain(value: Any) -> Any:
    """Values inside lists, structs and maps, and the kinds that have no column-wise way."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items() if one is not None}
    if isinstance(value, list):
        pairs = bool(value) and all(isinstance(one, tuple) for one in value)  # this is how a map comes
        return {str(k): _plain(v) for k, v in value} if pairs else [_plain(one) for one in value]
    for kind, turn in _TURNS.items():
        if isinstance(value, kind):
            return turn(value)
    return None if isinstance(value, float) and value != value else value  # noqa: PLR0124 - only NaN differs from itself


def _text_of(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex()


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0].rstrip(".")


_TURNS: Final[dict[type, Callable[[Any], Any]]] = {
    bytes: _text_of,
    datetime: epoch_of,
    date: epoch_of,
    time: str,
    timedelta: lambda value: value.total_seconds(),
}
