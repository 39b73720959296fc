"""Tables out of files: CSV, JSON Lines, JSON, Parquet and XML feeds, one row at a time, each with its line number.

What the file is, is told from its first bytes, never from its name alone. A line that cannot be read comes out as a
`BrokenLine` in its place and the next one is read; a quote that was opened and never closed costs one line, not the
rest of the file.
"""

import csv
import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

import msgspec

from tailorbird.errors import BrokenLine, UnknownFormat
from tailorbird.ingest.feeds import STARTS, FeedTable
from tailorbird.ingest.parquet import ParquetTable
from tailorbird.ingest.sources import Line, Source, bad_encoding, check_encoding

Row: TypeAlias = tuple[int, "dict[str, Any] | BrokenLine"]
"""A row's line number (row number in Parquet), and its cells by column; absent cells are left out."""

_SAMPLE_LINES: Final = 100
_SAMPLE_OBJECTS: Final = 1_000
_DELIMITERS: Final = ",;\t|"
_MAX_VALUE_CHARACTERS: Final = 2**24
_MAX_INDENT: Final = 1_000
_WRAPPERS: Final = ("events", "items", "users")
_BETWEEN_VALUES: Final = re.compile(r"[\s,\]]*")
_LIST_OF_RECORDS: Final = re.compile(r'\{\s*"(?:products|items|users|feedback)"\s*:\s*\[')
"""How a document begins that is nothing but a list of records, as a shop's ``products.json`` is."""
_TEXT: Final = r'"(?:[^"\\]|\\.)*"'
_BETWEEN_RECORDS: Final = re.compile(
    rf"(?:[\s,\]}}]|{_LIST_OF_RECORDS.pattern}|{_TEXT}\s*:\s*(?:{_TEXT}|[-+.\deE]+|true|false|null)(?=[\s,}}]))*"
)
"""What stands around the records: the document's end, small facts after the list, the next document's beginning."""


class Table(Protocol):
    """Rows with named columns, read once from start to end."""

    columns: list[str]
    """The columns; for JSON the keys of the first 1,000 rows."""

    fixed: bool
    """Whether no row can have other columns."""

    texts: bool
    """Whether every cell is text, as in CSV."""

    def rows(self, wanted: Collection[str] | None = None) -> Iterator[Row]:
        """Every row; columns that are not ``wanted`` may be left out."""

    def share(self) -> float:
        """How much has been read, from 0 to 1."""


def open_table(path: Path, *, encoding: str | None = None, columns: Sequence[str] = ()) -> Table:
    """Open one file, whatever it is. ``columns`` are those of a file between tabs that has no header; "" is not read.

    Raises:
        UnreadableFile: it cannot be opened or is damaged from its first byte.
        UnknownFormat: it is empty or holds no table.
        BadEncoding: it is not UTF-8 and ``encoding`` names no other, or not the right one.
    """
    check_encoding(encoding)
    source = Source(path)
    if source.head.startswith(b"PAR1"):
        source.close()
        return ParquetTable(path)
    if b"\0" in source.head and encoding is None:
        source.close()
        if source.head.count(0) * 3 > len(source.head):
            raise bad_encoding(path, None, source.head, None)
        raise UnknownFormat(
            f"{path} is a binary file.", hint="CSV, JSON Lines, JSON, Parquet and RSS or Atom feeds are read."
        )
    head = source.head.decode(encoding or "utf-8", errors="ignore").lstrip("\ufeff")
    start = head.lstrip()
    if start.startswith(("{", "[")):
        first_line = start.partition("\n")[0]
        is_object = start.startswith("{")
        is_list = bool(_LIST_OF_RECORDS.match(start)) and not _is_json(first_line)
        is_lines = is_object and not is_list and (_is_json(first_line) or "\n" not in start)
        return JsonTable(source, encoding, by_line=is_lines, between=_BETWEEN_RECORDS if is_list else _BETWEEN_VALUES)
    if columns and head.partition("\n")[0].count("\t") == len(columns) - 1:
        return TsvTable(source, encoding, columns)
    return FeedTable(source, encoding) if start.startswith(STARTS) else CsvTable(source, encoding)


class CsvTable:
    """Text cells with a header line; the delimiter is found out."""

    fixed = True
    texts = True

    def __init__(self, source: Source, encoding: str | None) -> None:
        """Read the header and the first lines.

        Raises:
            UnknownFormat: there is no header, or it names a column twice.
        """
        self._source = source
        self._feed = _Feed(source.lines(encoding))
        first = self._feed.sample(source, _SAMPLE_LINES)
        self._delimiter = find_delimiter(first)
        try:
            header = next(csv.reader(first, delimiter=self._delimiter), [])
        except csv.Error as error:
            raise UnknownFormat(
                f"The header of {source.path} cannot be read: {error}.", hint="Lines end with \\n or \\r\\n."
            ) from error
        self.columns = [name.strip() for name in header]
        named = [name for name in self.columns if name]
        twice = next((name for name in named if named.count(name) > 1), None)
        if twice is not None:
            raise UnknownFormat(f"The header of {source.path} names the column {twice!r} twice.", hint="Rename one.")
        if not named:
            raise UnknownFormat(f"{source.path} has no header line.", hint="The first line names the columns.")

    def share(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        return self._source.share()

    def rows(self, wanted: Collection[str] | None = None) -> Iterator[Row]:
        """Every row after the header. Empty cells are left out."""
        feed, names = self._feed, self.columns
        reader = csv.reader(feed, delimiter=self._delimiter, strict=True)
        taken = [(n, name) for n, name in enumerate(names) if name and (wanted is None or name in wanted)]
        is_header = True
        while True:
            feed.begin()
            try:
                cells = next(reader)
            except StopIteration:
                yield from feed.unreadable()
                return
            except csv.Error as error:
                problem = str(error)
            else:
                problem = "" if len(cells) == len(names) else _miscounted(len(cells), len(names))
            yield from feed.unreadable()
            if is_header or not problem:
                if not is_header:
                    yield feed.first_line, {name: cells[n] for n, name in taken if cells[n]}
                is_header = False
            elif (number := feed.retry()) is not None:
                yield number, BrokenLine(f"Line {number} is broken: {problem}.", hint="Mend its quotes and delimiters.")


class TsvTable:
    """Text cells between tabs, without a header and without quotes: a quote is a mark like any other."""

    fixed = True
    texts = True

    def __init__(self, source: Source, encoding: str | None, columns: Sequence[str]) -> None:
        """``columns`` name the cells in order; those without a name are not read."""
        self._source, self._lines = source, source.lines(encoding)
        self._named = [(n, name) for n, name in enumerate(columns) if name]
        self._n_cells = len(columns)
        self.columns = [name for _, name in self._named]

    def share(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        return self._source.share()

    def rows(self, wanted: Collection[str] | None = None) -> Iterator[Row]:
        """Every row. Empty cells are left out."""
        named = [(n, name) for n, name in self._named if wanted is None or name in wanted]
        for number, text in self._lines:
            if isinstance(text, BrokenLine):
                yield number, text
            elif line := text.rstrip("\r\n"):
                cells = line.split("\t")
                if len(cells) == self._n_cells:
                    yield number, {name: cells[n] for n, name in named if cells[n]}
                else:
                    said = f"Line {number} is broken: it has {len(cells)} cells, not {self._n_cells}."
                    yield number, BrokenLine(said, hint="Fetch it again; cells stand between tabs.")


class JsonTable:
    """Objects: one per line, or in a list, or one after another."""

    texts = False

    def __init__(
        self, source: Source, encoding: str | None, *, by_line: bool, between: re.Pattern[str] = _BETWEEN_VALUES
    ) -> None:
        """Read the first rows, to know the columns. ``between`` is what stands around them, where not by line."""
        self._source = source
        rows = _json_lines(source.lines(encoding)) if by_line else _json_values(source.chunks(encoding), between)
        first, self.fixed = source.first(rows, _SAMPLE_OBJECTS)
        self._rows: Iterator[Row] = chain(first, rows)
        self.columns = list(dict.fromkeys(name for _, row in first if isinstance(row, dict) for name in row))

    def share(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        return self._source.share()

    def rows(self, wanted: Collection[str] | None = None) -> Iterator[Row]:
        """Every row, whole."""
        del wanted  # a row is decoded whole
        return self._rows


def find_delimiter(lines: Sequence[str]) -> str:
    """The delimiter that cuts the header into several cells and the most lines into just as many.

    >>> find_delimiter(["a;b", "1,5;2"])
    ';'
    """
    best, best_score = ",", (0.0, 0)
    for delimiter in _DELIMITERS:
        try:
            counts = [len(cells) for cells in csv.reader(lines, delimiter=delimiter) if cells]
        except csv.Error:
            continue
        if counts and counts[0] > 1:
            score = (sum(n == counts[0] for n in counts) / len(counts), counts[0])
            if score > best_score:
                best, best_score = delimiter, score
    return best


class _Feed:
    """Lines for a CSV reader, which remembers those of the current record and can give all but the first back."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self._back: list[Line] = []
        self._used: list[tuple[int, str]] = []
        self._broken: list[Row] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while True:
            number, text = self._back.pop() if self._back else next(self._lines)
            if isinstance(text, str):
                self._used.append((number, text))
                return text
            self._broken.append((number, text))

    def sample(self, source: Source, n_lines: int) -> list[str]:
        """The first lines that hold anything, without using them up."""
        first, _ = source.first(self._lines, n_lines)
        self._lines = chain((line for line in first if line[1]), self._lines)
        return [text for _, text in first if isinstance(text, str) and text.strip()]

    def begin(self) -> None:
        """A new record starts; blank lines before it belong to nothing."""
        self._used.clear()

    @property
    def first_line(self) -> int:
        """Where the current record began."""
        return self._used[0][0]

    def retry(self) -> int | None:
        """Give back what came after the record's first line; the number of that line, None if it is blank."""
        number, text = self._used[0]
        self._back.extend(reversed(self._used[1:]))
        return number if text.strip() else None

    def unreadable(self) -> Iterator[Row]:
        """Lines met on the way that are no text."""
        yield from self._broken
        self._broken.clear()


def _miscounted(n_cells: int, n_names: int) -> str:
    return f"it has {n_cells} {'cell' if n_cells == 1 else 'cells'}, the header names {n_names}"


def _json_lines(lines: Iterable[Line]) -> Iterator[Row]:
    decode = msgspec.json.Decoder().decode
    for number, text in lines:
        if isinstance(text, BrokenLine):
            yield number, text
        elif text and not text.isspace():
            try:
                value = decode(text)
            except (msgspec.DecodeError, RecursionError) as error:
                yield number, BrokenLine(f"Line {number} is not JSON: {error}.", hint="One object on each line.")
            else:
                yield from _unwrapped(number, value)


def _json_values(chunks: Iterator[str], between: re.Pattern[str]) -> Iterator[Row]:
    """Values of a list, or one after another. After a broken one, the next that starts a line like it is looked for."""
    decoder = json.JSONDecoder()
    text = next(chunks, "")
    at = text.index("[") + 1 if text.lstrip("\ufeff \t\r\n").startswith("[") else 0
    line, more = 1 + text.count("\n", 0, at), True
    while True:
        start = _end_of_gap(text, at, between)
        value, end = _value_at(decoder, text, start)
        if end is None and more and len(text) - start < _MAX_VALUE_CHARACTERS:
            kept = _indent(text, at, start)
            line += text.count("\n", at, kept)
            piece = next(chunks, "")
            text, at, more = text[kept:] + piece, 0, bool(piece)
            continue
        line += text.count("\n", at, start)
        if start == len(text):
            return
        if end is not None:
            yield from _unwrapped(line, value)
        else:
            end = _next_like(text, start)
            rest = "" if end else " Nothing after it could be told apart."
            large = len(text) - start >= _MAX_VALUE_CHARACTERS
            fault = "is larger than 16 MB" if large else "is not JSON"
            hint = "In JSON Lines, one record a line, it would cost one line."
            yield line, BrokenLine(f"The value on line {line} {fault}.{rest}", hint=hint)
        if end is None:
            return
        line += text.count("\n", start, end)
        at = end


def _indent(text: str, at: int, start: int) -> int:
    """Where the gap before a value may be cut: of its blanks only the indent is of use, and there may be gigabytes."""
    blanks = at + len(text[at:start].rstrip(" \t\r\n,]"))
    return at if start - blanks <= _MAX_INDENT else max(text.rfind("\n", blanks, start), start - _MAX_INDENT)


def _end_of_gap(text: str, at: int, between: re.Pattern[str]) -> int:
    gap = between.match(text, at)
    return gap.end() if gap else at


def _value_at(decoder: json.JSONDecoder, text: str, start: int) -> tuple[Any, int | None]:
    try:
        return decoder.raw_decode(text, start)
    except (json.JSONDecodeError, RecursionError):
        return None, None


def _next_like(text: str, start: int) -> int | None:
    """Where the next line begins that is indented like the broken value and opens an object too."""
    line_start = text.rfind("\n", 0, start) + 1
    indent = text[line_start:start]
    if indent.strip():
        return None
    found = text.find(f"\n{indent}{{", start)
    return None if found < 0 else found + 1


def _unwrapped(number: int, value: Any) -> Iterator[Row]:
    """The value as a row; ``{"events": [...]}``, as HTTP takes it, as several."""
    only = next(iter(value)) if isinstance(value, dict) and len(value) == 1 else None
    wrapped = value[only] if only in _WRAPPERS else None
    for one in wrapped if isinstance(wrapped, list) else [value]:
        if isinstance(one, dict):
            yield number, one
        else:
            kind = "a list" if isinstance(one, list) else type(one).__name__
            yield number, BrokenLine(f"Line {number} holds {kind}, not an object.", hint="One object for each record.")


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
