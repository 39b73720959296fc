"""Files as bytes and as lines of text: compression, byte-order marks and encodings.

Read as a stream, so that a file larger than memory is no problem. Text is UTF-8 unless the caller says otherwise: a
guess that is silently wrong ruins names for ever, so that another encoding is only ever *proposed*, in the error.
"""

import bz2
import codecs
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias, TypeVar

from tailorbird.errors import BadEncoding, BrokenLine, UnknownFormat, UnreadableFile, did_you_mean

Line: TypeAlias = tuple[int, "str | BrokenLine"]
"""A line's number, counted from 1, and its text without the line break, or why it has none."""

MAX_LINE_BYTES: Final = 16 * 2**20
HEAD_BYTES: Final = 2**16
SAMPLE_BYTES: Final = 2**26
"""Read ahead of a file at most, to know its columns: a small compressed file may hold lines without end."""

DAMAGES: Final = (OSError, EOFError, lzma.LZMAError, zlib.error)
"""What reading a file raises, or unpacking it where it is damaged."""

T = TypeVar("T")

_LOOK_AHEAD_LINES: Final = 5_000
_DATA_SUFFIXES: Final = frozenset(
    {".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet", ".pq", ".xml", ".gz", ".bz2", ".xz", ".zst"}
)
_FOREIGN: Final = {
    b"PK\x03\x04": "a zip archive or a spreadsheet; unpack it, or save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet; save the sheet as CSV",
    b"SQLite format 3": "a SQLite database; export the table as CSV",
    b"ORC": "an ORC file; write it as Parquet",
    b"Obj\x01": "an Avro file; write it as Parquet",
    b"%PDF": "a PDF",
}


def find_files(path: Path) -> list[Path]:
    """The file itself, or every file of tables below a directory in sorted order; hidden files are left out.

    Raises:
        UnreadableFile: there is nothing at ``path``.
        UnknownFormat: the directory holds no file that could be a table.
    """
    if not path.exists():
        raise UnreadableFile(f"There is no file or directory {str(path)!r}.", hint="Check the path.")
    if not path.is_dir():
        return [path]
    inside = sorted(p for p in path.rglob("*") if p.is_file() and not _hidden(p.relative_to(path)))
    found = [p for p in inside if p.suffix.lower() in _DATA_SUFFIXES]
    if not found:
        raise UnknownFormat(
            f"The directory {str(path)!r} holds no table.", hint=f"Files are taken that end in {_suffixes()}."
        )
    return found


class Source:
    """One file, decompressed as it is read; `share` says how much of it has been."""

    def __init__(self, path: Path) -> None:
        """Open the file and look at its first bytes.

        Raises:
            UnreadableFile: it cannot be opened, or its compression is broken from the start.
            UnknownFormat: it is empty, or of a kind that holds no table.
        """
        self.path = path
        self._n_taken = 0
        try:
            self._raw = path.open("rb")
            self._size = path.stat().st_size
            self.stream = _decompressed(self._raw)
            self.head = self.stream.peek(HEAD_BYTES)[:HEAD_BYTES]
        except DAMAGES as error:
            raise UnreadableFile(f"{path} cannot be read: {_reason(error)}.", hint="Check the file.") from error
        foreign = next((what for magic, what in _FOREIGN.items() if self.head.startswith(magic)), None)
        if foreign:
            raise UnknownFormat(
                f"{path} is {foreign}.", hint="CSV, JSON Lines, JSON, Parquet and RSS or Atom feeds are read."
            )
        if not self.head:
            raise UnknownFormat(
                f"{path} is empty.", hint="CSV, JSON Lines, JSON, Parquet and RSS or Atom feeds are read."
            )

    def share(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        return 1.0 if self._raw.closed or not self._size else min(1.0, self._raw.tell() / self._size)

    def first(self, rows: Iterator[T], most: int) -> tuple[list[T], bool]:
        """The first ``most`` of what is made of this source, or of its first 64 MB; and whether that is all."""
        found: list[T] = []
        for row in rows:
            found.append(row)
            if len(found) == most or self._n_taken > SAMPLE_BYTES:
                return found, False
        return found, True

    def lines(self, encoding: str | None) -> Iterator[Line]:
        """The lines with their numbers. One that cannot be decoded, or is longer than 16 MB, comes as a BrokenLine.

        Raises:
            BadEncoding: the text is not in ``encoding`` (UTF-8 where None); a likely one is named.
        """
        if encoding is None or codecs.lookup(encoding).name == "utf-8":
            _skip_mark(self.stream)
            return _utf8_lines(self.path, self._numbered())
        return self._lines_in(encoding)

    def chunks(self, encoding: str | None) -> Iterator[str]:
        """The text in pieces of about a megabyte.

        Raises:
            BadEncoding: the text is not in ``encoding``.
        """
        _skip_mark(self.stream)
        decode = codecs.getincrementaldecoder(encoding or "utf-8")().decode
        with self._explaining(encoding):
            while piece := self.stream.read(2**20):
                self._n_taken += len(piece)
                yield decode(piece)
            decode(b"", final=True)

    def blocks(self) -> Iterator[bytes]:
        """The bytes in pieces, for a reader that knows the encoding by itself.

        Raises:
            UnreadableFile: the file ends early.
        """
        with self._explaining(None):
            while piece := self.stream.read1(HEAD_BYTES):
                self._n_taken += len(piece)
                yield piece

    def close(self) -> None:
        """Let go of the file."""
        self._raw.close()

    def _numbered(self) -> Iterator[tuple[int, bytes | BrokenLine]]:
        number = 0
        try:
            while line := self.stream.readline(MAX_LINE_BYTES):
                number += 1
                self._n_taken += len(line)
                yield number, line if _complete(line, self.stream) else _too_long(number)
        except DAMAGES as error:
            broken = f"{self.path.name} ends early after line {number}: {_reason(error)}."
            yield number + 1, BrokenLine(broken, hint="Fetch the file again; what came before is kept.")
        finally:
            self._raw.close()

    def _lines_in(self, encoding: str) -> Iterator[Line]:
        text = io.TextIOWrapper(self.stream, encoding=encoding, newline="")
        with self._explaining(encoding):
            for number, line in enumerate(text, 1):
                self._n_taken += len(line)
                yield number, line.removeprefix("\ufeff") if number == 1 else line

    @contextmanager
    def _explaining(self, encoding: str | None) -> Iterator[None]:
        """Close the file in the end, and say in our words what is wrong with it."""
        try:
            yield
        except UnicodeDecodeError as error:
            raise bad_encoding(self.path, None, error.object[error.start : error.start + 200], encoding) from error
        except UnicodeError as error:  # UTF-16 that does not begin like it
            raise bad_encoding(self.path, None, self.head[:200], encoding) from error
        except DAMAGES as error:
            raise UnreadableFile(
                f"{self.path.name} ends early: {_reason(error)}.",
                hint="Fetch the file again; what was accepted before is kept.",
            ) from error
        finally:
            self._raw.close()


def check_encoding(encoding: str | None) -> None:
    """Refuse the name of an encoding that does not exist.

    Raises:
        BadEncoding: Python knows no encoding of that name.
    """
    if encoding is None:
        return
    try:
        codecs.lookup(encoding)
    except LookupError as error:
        known = ["utf-8", "utf-16", "latin-1", "windows-1252", "windows-1251", "shift_jis", "gb18030", "big5"]
        raise BadEncoding(
            f"There is no encoding {encoding!r}.", hint=did_you_mean(encoding, known).replace("Allowed", "For example")
        ) from error


def bad_encoding(path: Path, line: int | None, sample: bytes, tried: str | None) -> BadEncoding:
    """The error for text that is not in the encoding it was read with; names a likely one."""
    where = f"{path.name}, line {line}," if line else path.name
    likely = likely_encoding(sample)
    return BadEncoding(
        f"{where} is not {tried or 'UTF-8'}; it looks like {likely}.",
        hint=f"Import it with `--encoding {likely}`, or convert it to UTF-8. What was accepted before is kept.",
    )


def likely_encoding(sample: bytes) -> str:
    """A guess at the encoding of bytes that are not UTF-8.

    >>> likely_encoding("Café à la crème".encode("latin-1"))
    'windows-1252'
    """
    if sample[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    if sample.count(0) * 3 > len(sample):
        return "utf-16-le" if sample[1::2].count(0) >= sample[::2].count(0) else "utf-16-be"
    if sample.isascii():
        return "utf-8"
    high = [byte >= 0x80 for byte in sample]
    pairs = sum(a and b for a, b in pairwise(high))
    # In Western text an accented letter stands between plain ones; in other scripts high bytes come in runs.
    if 2 * pairs < sum(high):
        return "windows-1252"
    low = [byte for byte in sample if 0x80 <= byte < 0xC0]
    if 10 * len(low) < sum(high):
        return "windows-1251"
    return "shift_jis" if 2 * sum(byte < 0xA0 for byte in low) > len(low) else "gb18030"


def _utf8_lines(path: Path, lines: Iterator[tuple[int, bytes | BrokenLine]]) -> Iterator[Line]:
    is_utf8 = False
    for number, line in (rest := _Ahead(lines)):
        if isinstance(line, BrokenLine):
            yield number, line
            continue
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            is_utf8 = is_utf8 or rest.any(_valid_beyond_ascii)
            if not is_utf8:
                raise bad_encoding(path, number, line[max(0, error.start - 20) :][:200], None) from error
            yield number, BrokenLine(f"Line {number} holds bytes that are not UTF-8.", hint="Write the line again.")
            continue
        is_utf8 = is_utf8 or not text.isascii()
        yield number, text


class _Ahead:
    """An iterator that can be asked about what comes, without losing it."""

    def __init__(self, lines: Iterator[tuple[int, bytes | BrokenLine]]) -> None:
        self._lines = lines

    def __iter__(self) -> Iterator[tuple[int, bytes | BrokenLine]]:
        while True:
            line = next(self._lines, None)
            if line is None:
                return
            yield line

    def any(self, test: Callable[[bytes], bool]) -> bool:
        """Whether one of the first lines passes the test; they are read again afterwards."""
        ahead, n_bytes = [], 0
        for number, line in islice(self._lines, _LOOK_AHEAD_LINES):
            ahead.append((number, line))
            n_bytes += len(line) if isinstance(line, bytes) else 0
            if n_bytes > SAMPLE_BYTES:
                break
        self._lines = chain(ahead, self._lines)
        return any(isinstance(line, bytes) and test(line) for _, line in ahead)


def _valid_beyond_ascii(line: bytes) -> bool:
    try:
        return not line.isascii() and bool(line.decode())
    except UnicodeDecodeError:
        return False


def _decompressed(raw: BinaryIO) -> io.BufferedReader:
    magic = raw.read(6)
    raw.seek(0)
    inner: Any = raw
    openers: dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
    for mark, opener in openers.items():
        if magic.startswith(mark):
            inner = opener(raw)
    if magic.startswith(b"\x28\xb5\x2f\xfd"):
        import pyarrow as pa  # noqa: PLC0415 - a tenth of a second that only such files need

        inner = pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd")
    return io.BufferedReader(inner, HEAD_BYTES)


def _skip_mark(stream: io.BufferedReader) -> None:
    if stream.peek(3).startswith(codecs.BOM_UTF8):
        stream.read(3)


def _complete(line: bytes, stream: io.BufferedReader) -> bool:
    """Whether this is a whole line; what is left of a longer one is skipped."""
    if len(line) < MAX_LINE_BYTES or line.endswith(b"\n"):
        return True
    while (rest := stream.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
        pass
    return False


def _too_long(number: int) -> BrokenLine:
    return BrokenLine(
        f"Line {number} is longer than {MAX_LINE_BYTES // 2**20} MB.", hint="Write a record on each line."
    )


def _hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)


def _suffixes() -> str:
    return ", ".join(sorted(_DATA_SUFFIXES))


def _reason(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return text.rstrip(".") or type(error).__name__
