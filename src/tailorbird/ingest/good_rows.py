"""The rows of a file of events that can be read, as a Parquet file, and what became of the others.

An evaluation reads whole columns, a million rows a second, so that one broken line is one broken file. Where that
happens, where `import` would reject a row, or where types have other names, the file goes through here first, row by
row and by the rules of `import`. But a person, an item and a time are enough; and a time may be long ago, or a mere
position.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from tailorbird.config import CatalogueConfig
from tailorbird.errors import BadInput, BrokenLine, MissingField
from tailorbird.ingest.events import FIELDS, read_event
from tailorbird.ingest.fields import check_plausible
from tailorbird.ingest.mapping import ColumnMap, parse_types
from tailorbird.ingest.money import part_money
from tailorbird.ingest.sources import find_files
from tailorbird.ingest.tables import open_table
from tailorbird.ingest.writing import Report

_TEXT: Final = pa.string()
_NUMBER: Final = pa.float64()
_NEEDED: Final[Mapping[str, Any]] = {"user_id": _TEXT, "item_id": _TEXT, "at": _NUMBER}
_OPTIONAL: Final[Mapping[str, Any]] = {"session_id": _TEXT, "type": _TEXT, "rating": _NUMBER}
_CURRENCY: Final = CatalogueConfig().currency or ""
_CHUNK: Final = 50_000


class GoodRows:
    """One file, or all files below a directory; ``report`` and ``types`` are full once `write` is done."""

    def __init__(
        self, path: Path, mapping: Mapping[str, str], event_type: str | None, *, now: float, decimal: str = "."
    ) -> None:
        """``mapping`` is our field -> their column; ``event_type`` as in `import`: one type, or ``ours=theirs,...``.

        No time may lie more than a day ahead of ``now``; ``decimal`` is the sign in the file's numbers.

        Raises:
            BadInput: one of its children; the file, a column or the type makes no sense.
        """
        self.report = Report()
        self.types: Counter[str] = Counter()
        self._now, self._decimal = now, decimal
        self._types = parse_types(event_type)
        self._tables = [(file.name, open_table(file)) for file in find_files(path)]
        there = {name for _, table in self._tables for name in table.columns}
        # A mapping is of two tables: what an item has as well may be of the other one.
        own = {**_NEEDED, **_OPTIONAL}
        self._mapping = {
            ours: theirs for ours, theirs in mapping.items() if ours in own or (ours in FIELDS and theirs in there)
        }
        self._map = ColumnMap("events", self._mapping, decimal=decimal)
        for file, table in self._tables:
            # Any row of any type is welcome here: what is no interest is left out by its weight.
            self._map.check(file, table.columns, ("type",), fixed=table.fixed, about_items=True)
        there |= self._mapping.keys()
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
        part_money(raw, "events", decimal=self._decimal, currency=_CURRENCY)
        self._types.settle(raw)
        values = read_event(raw)
        missing = next((name for name in _NEEDED if values.get(name) is None), None)
        if missing is not None:
            raise MissingField(
                f"{missing} is missing.", hint="A case needs a person, an item and a time.", field=missing
            )
        check_plausible("at", values["at"], raw["at"], self._now, earliest=-math.inf)
        if "type" in values:
            self.types[values["type"]] += 1
        return values
