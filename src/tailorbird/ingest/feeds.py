"""Product feeds in XML: RSS 2.0 and Atom, one item at a time, whatever their size.

Read with expat itself, for the memory of one item, the line of every item, and a word against document types before
any entity of theirs is opened: a few lines of nested entities would otherwise unfold into gigabytes.
"""

from collections.abc import Collection, Iterator
from itertools import chain
from typing import Any, Final, TypeAlias
from xml.parsers import expat

from tailorbird.errors import BrokenLine, UnknownFormat, UnreadableFile
from tailorbird.ingest.sources import Source

Row: TypeAlias = tuple[int, "dict[str, Any] | BrokenLine"]

STARTS: Final = ("<?xml", "<rss", "<feed", "<!")
"""How XML begins, after a byte-order mark and blanks."""

_ROOTS: Final = frozenset({"rss", "feed", "RDF", "channel"})
_ITEMS: Final = frozenset({"item", "entry"})
_PRODUCT_NAMESPACES: Final = ("http://base.google.com/ns/1.0", "http://base.google.com/cns/1.0")
_SAMPLE_ITEMS: Final = 1_000
_MAX_ITEM_CHARACTERS: Final = 2**24
_CHARACTERS_OF_ELEMENT: Final = 64  # what an element takes in memory, were it text
_MAX_TAG_BYTES: Final = 2**24
_MAX_DEPTH: Final = 100
_BETWEEN: Final = " "


class FeedTable:
    """The items of a feed as rows: the text of each element by its name without the prefix.

    An element that comes several times is a list; one that holds others is an object. Where an Atom or RSS element and
    a product's share a name (``id``, ``title``, ``link``), the product's stands.
    """

    fixed = False
    texts = False

    def __init__(self, source: Source, encoding: str | None) -> None:
        """Read the first items, to know the columns.

        Raises:
            UnknownFormat: it has a document type, or is XML of another kind.
            BadEncoding: the text is not in ``encoding``.
        """
        self._source = source
        rows = self._read(source.chunks(encoding) if encoding else source.blocks())
        first, _ = source.first(rows, _SAMPLE_ITEMS)
        self._rows: Iterator[Row] = chain(first, rows)
        self.columns = list(dict.fromkeys(name for _, row in first if isinstance(row, dict) for name in row))

    def share(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        return self._source.share()

    def rows(self, wanted: Collection[str] | None = None) -> Iterator[Row]:
        """Every item, whole. Where the feed is damaged, one broken row says so, and it is the last."""
        del wanted  # an item is read whole
        return self._rows

    def _read(self, pieces: Iterator[str] | Iterator[bytes]) -> Iterator[Row]:
        items = _Items(self._source.path.name)
        try:
            for piece in pieces:
                items.feed(piece)
                yield from items.take()
            items.feed(b"", last=True)
        except (expat.ExpatError, LookupError, ValueError, UnreadableFile) as error:
            yield from items.take()
            yield items.line, _damaged(items.line, error)
        else:
            yield from items.take()
        finally:
            self._source.close()


class _Items:
    """Gathers the elements of one item after the other."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._parser = expat.ParserCreate(namespace_separator=_BETWEEN)
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._depth = 0
        self._item_depth = 0
        self._item_line = 0
        self._texts: list[str] = []
        self._n_characters = self._n_fed = 0
        self._row: dict[str, Any] = {}
        self._products: set[str] = set()
        self._inner: dict[str, Any] = {}
        self._done: list[Row] = []

    @property
    def line(self) -> int:
        return int(self._parser.CurrentLineNumber)

    def feed(self, piece: str | bytes, *, last: bool = False) -> None:
        self._parser.Parse(piece, last)
        self._n_fed += len(piece if isinstance(piece, bytes) else piece.encode())
        # The parser keeps what it has seen no end of, and reads it again with every piece.
        if self._n_fed - self._parser.CurrentByteIndex > _MAX_TAG_BYTES:
            raise ValueError(f"what begins on line {self.line} is longer than 16 MB")

    def take(self) -> Iterator[Row]:
        """The items that are whole, each once."""
        done, self._done = self._done, []
        yield from done

    def _refuse(self, *_declared: Any) -> None:
        raise UnknownFormat(
            f"{self._file} declares a document type (DOCTYPE), which may unfold without end.",
            hint="Feeds have none: write the file without that line.",
        )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ValueError(f"elements are nested deeper than {_MAX_DEPTH} levels")
        self._count(_CHARACTERS_OF_ELEMENT + sum(map(len, attributes.values())))
        local = name.rpartition(_BETWEEN)[2]
        if self._depth == 1 and local not in _ROOTS:
            raise UnknownFormat(
                f"{self._file} is XML, but no feed: it begins with <{local[:40]}>.",
                hint="RSS 2.0 and Atom feeds are read; other files as CSV, JSON Lines, JSON or Parquet.",
            )
        if not self._item_depth and local in _ITEMS:
            self._item_depth, self._item_line = self._depth, self.line
            self._row, self._products = {}, set()
            self._n_characters = 0
        elif self._item_depth and self._depth == self._item_depth + 1:
            self._inner = {}
            self._texts = [attributes["href"]] if "href" in attributes else []  # an Atom link has no text
        elif self._item_depth and self._depth == self._item_depth + 2:
            self._texts = []

    def _text(self, text: str) -> None:
        self._count(len(text))
        if self._item_depth and self._depth <= self._item_depth + 2:
            self._texts.append(text)

    def _count(self, n_characters: int) -> None:
        if not self._item_depth:
            return
        self._n_characters += n_characters
        if self._n_characters > _MAX_ITEM_CHARACTERS:
            raise ValueError(f"the item on line {self._item_line} is longer than 16 MB")

    def _end(self, name: str) -> None:
        if self._item_depth:
            namespace, _, local = name.rpartition(_BETWEEN)
            below = self._depth - self._item_depth
            if below == 0:
                self._done.append((self._item_line, self._row))
                self._item_depth = 0
            elif below == 1:
                value = self._inner or "".join(self._texts).strip()
                self._keep(local, value, of_product=namespace in _PRODUCT_NAMESPACES)
            elif below == 2:
                _add(self._inner, local, "".join(self._texts).strip())
                self._texts = []
        self._depth -= 1

    def _keep(self, name: str, value: Any, *, of_product: bool) -> None:
        """Add an element of an item, unless a product's own of that name is there; it takes the place of a feed's."""
        if of_product and name not in self._products:
            self._products.add(name)
            self._row.pop(name, None)
        elif not of_product and name in self._products:
            return
        if value:
            _add(self._row, name, value)


def _add(row: dict[str, Any], name: str, value: Any) -> None:
    if name not in row:
        row[name] = value
    elif isinstance(row[name], list):
        row[name].append(value)
    else:
        row[name] = [row[name], value]


def _damaged(line: int, error: Exception) -> BrokenLine:
    said = expat.ErrorString(error.code) if isinstance(error, expat.ExpatError) else str(error).rstrip(".")
    return BrokenLine(f"The feed is damaged at line {line}: {said}.", hint="Fetch it again; what came before is kept.")
