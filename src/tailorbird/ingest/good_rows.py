"""The rows of a file of events that can be read, as a Parquet file, and what became of the others.

An evaluation reads whole columns, a million rows a second, so that one broken line is one broken file. Where that
happens, or where types have other names, the file goes through here first, row by row and with the readers of `import`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from tailorbird.errors import BadInput, BrokenLine, MissingField
from tailorbird.ingest.events import FIELDS
from tailorbird.ingest.mapping import ColumnMap, parse_types
from tailorbird.ingest.sources import find_files
from tailorbird.ingest.tables import Table, open_table
from tailorbird.ingest.writing import Report

_TEXT: Final = pa.string()
_NUMBER: Final = pa.float64()
_NEEDED: Final[Mapping[str, Any]] = {"user_id": _TEXT, "item_id": _TEXT, "at": _NUMBER}
_OPTIONAL: Final[Mapping[str, Any]] = {"session_id": _TEXT, "type": _TEXT, "rating": _NUMBER}
_CHUNK: Final = 50_000


class GoodRows:
    """One file, or all files below a directory; ``report`` and ``types`` are full once `write` is done."""

    def __init__(self, path: Path, mapping: Mapping[str, str], event_type: str | None) -> None:
        """``mapping`` is our field -> their column; ``event_type`` as in `import`: one type, or ``ours=theirs,...``.

        Raises:
            BadInput: one of its children; the file, a column or the type makes no sense.
        """
        self.report = Report()
        self.types: Counter[str] = Counter()
        self._type, self._types = parse_types(event_type)
        self._mapping = {ours: theirs for ours, theirs in mapping.items() if ours in {**_NEEDED, **_OPTIONAL}}
        self._map = ColumnMap("events", self._mapping)
        self._tables = [(file.name, self._open(file)) for file in find_files(path)]
        there = {*self._mapping, *(name for _, table in self._tables for name in table.columns)}
        given = {"type"} if event_type is not None else set()
        self._columns = {**_NEEDED, **{name: kind for name, kind in _OPTIONAL.items() if name in there | given}}

    def write(self, out: Path) -> None:
        """Write the good rows under the names that the file itself gives its columns."""
        schema = pa.schema([(self._mapping.get(name, name), kind) for name, kind in self._columns.items()])
        rows = self._good()
        with pq.ParquetWriter(out, schema) as writer:
            while chunk := list(islice(rows, _CHUNK)):
                columns = [[row.get(name) for row in chunk] for name in self._columns]
                writer.write_table(pa.table(columns, schema=schema))

    def _open(self, file: Path) -> Table:
        table = open_table(file)
        # Any row of any type is welcome here: what is no interest is left out by its weight.
        self._map.check(file.name, table.columns, ("type",), fixed=table.fixed, about_items=True)
        return table

    def _good(self) -> Iterator[dict[str, Any]]:
        for name, table in self._tables:
            for line, row in table.rows(self._map.wanted(table.columns)):
                self.report.rows += 1
                try:
                    values = self._read(row, texts=table.texts)
                except BadInput as error:
                    self.report.reject(error, line, f"{name}, line {line}")
                    continue
                self.report.accepted += 1
                yield values

    def _read(self, row: dict[str, Any] | BrokenLine, *, texts: bool) -> dict[str, Any]:
        if isinstance(row, BrokenLine):
            raise row
        raw = self._map.apply(row, texts=texts)
        values = {name: FIELDS[name](name, raw[name]) for name in self._columns if raw.get(name) is not None}
        missing = next((name for name in _NEEDED if values.get(name) is None), None)
        if missing is not None:
            raise MissingField(
                f"{missing} is missing.", hint="A case needs a person, an item and a time.", field=missing
            )
        if self._type is not None:
            values["type"] = self._type
        elif "type" in values:
            values["type"] = self._types.get(values["type"], values["type"])
        if "type" in values:
            self.types[values["type"]] += 1
        return values
