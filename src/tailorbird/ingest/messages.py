"""Files of another system's messages into the log: what `POST /v1/events?format=...` takes, read from disk."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tailorbird.config import Config, EventsConfig
from tailorbird.errors import BadInput, BrokenLine
from tailorbird.ingest.consent import LoggedAnswers
from tailorbird.ingest.formats.facts import Format, WithoutHeader
from tailorbird.ingest.formats.reader import FormatReader
from tailorbird.ingest.mapping import checked_decimal
from tailorbird.ingest.parts.joining import Joined
from tailorbird.ingest.parts.source import Source
from tailorbird.ingest.tables import Table, open_table
from tailorbird.ingest.unknown_types import UnknownTypes
from tailorbird.ingest.writing import BATCH_ENTRIES, Report, Writer
from tailorbird.protocols import Log

_FIELDS_NAMED = 10
_NAMES = ("event", "name", "event_name", "type", "FeedbackType")
_NAME_CHARACTERS = 64


class MessageImport:
    """One run over some files. What a message says of several things counts as one row."""

    def __init__(
        self,
        log: Log,
        form: Format,
        *,
        config: Config | None,
        now: float,
        report: Report,
        encoding: str | None,
        decimal: str = ".",
        source: Source | None = None,
    ) -> None:
        """``decimal`` is the point or comma of the numbers that come as text.

        Raises:
            BadInput: it is neither.
        """
        self._form, self._report, self._encoding = form, report, encoding
        currency = None if config is None else config.catalogue.currency
        self._reader = FormatReader(
            form,
            log.current,
            now=now,
            currency=currency,
            answers=LoggedAnswers(log, (config or Config()).identity),
            decimal=checked_decimal(decimal),
            source=source,
        )
        self._silent: Counter[str] = Counter()
        self._writer = Writer(log if source is None else Joined(log, source.config), report, resent=True)
        self._unknown_types = UnknownTypes(EventsConfig() if config is None else config.events)

    def check(self, file: Path) -> None:
        """Refuse a file that is no table at all."""
        self._open(file)

    def passes(self) -> Sequence[Callable[[Path], Iterator[float]]]:
        """Everything is read once."""
        return [self.take_file]

    def take_file(self, file: Path) -> Iterator[float]:
        """Append what the messages of one file say, telling its share now and then."""
        table = self._open(file)
        for line, row in table.rows():
            for message in [row] if isinstance(row, BrokenLine) else self._form.messages(row):
                self._take(message, line, file.name)
                if self._report.rows % BATCH_ENTRIES == 0:
                    yield table.share()
        yield 1.0

    def finish(self) -> None:
        """Append what waited, and say what was left out."""
        self._writer.flush()
        dropped = self._reader.arrival.dropped
        if dropped:
            named = ", ".join(f"{name} ({n:,})" for name, n in dropped.most_common(_FIELDS_NAMED))
            self._report.notes.append(f"Personal fields that are of no use here were left out: {named}.")
        if self._silent:
            named = ", ".join(f"{name} ({n:,})" for name, n in self._silent.most_common(_FIELDS_NAMED))
            self._report.notes.append(f"Messages that say nothing to a shop were left out: {named}.")
        self._report.silent = dict(self._silent.most_common())
        self._report.note_declined()
        self._report.unknown_types = dict(self._unknown_types.counts)
        self._report.notes.extend(self._unknown_types.notes())

    def _open(self, file: Path) -> Table:
        columns = self._form.columns if isinstance(self._form, WithoutHeader) else ()
        return open_table(file, encoding=self._encoding, columns=columns)

    def _take(self, message: object, line: int, where: str) -> None:
        try:
            if isinstance(message, BrokenLine):
                raise message
            taken = self._reader.read(message)
        except BadInput as error:
            self._report.rows += 1
            self._report.reject(error, line, f"{where}, line {line}")
            return
        self._report.declined += taken.declined
        if not taken.entries:
            if not taken.declined:
                self._silent[_name_of(message)] += 1
            return
        self._report.rows += 1
        for event in taken.events:
            self._unknown_types.see(event)
        self._writer.add(taken.entries, line, where)


def _name_of(message: object) -> str:
    """What a message calls itself."""
    given = message if isinstance(message, Mapping) else {}
    names = (given.get(field) for field in _NAMES)
    return next((name[:_NAME_CHARACTERS] for name in names if isinstance(name, str) and name), "without a name")
