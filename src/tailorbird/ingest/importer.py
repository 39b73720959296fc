"""Files into the log: small durable transactions, a report, and nothing twice.

An import may be killed at any moment and run again: every row has a name made of its content (events), or is a version
of something that has one (items, users), so that the second run adds only what the first did not. Transactions are
small and leave pauses, so that a server which shares the disk keeps answering.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

from tailorbird.config import Config, EventsConfig
from tailorbird.errors import (
    BadInput,
    BadNumber,
    BrokenLine,
    UnknownColumn,
    did_you_mean,
)
from tailorbird.identity.claims import entry_of_identity
from tailorbird.ingest.checks.findings import counted
from tailorbird.ingest.consent import LoggedAnswers
from tailorbird.ingest.events import ABOUT_AN_ITEM, Ordinals, entry_of_event, parse_event
from tailorbird.ingest.fields import as_in_file, read_id, read_number, read_time, shown
from tailorbird.ingest.formats import NATIVE, format_of
from tailorbird.ingest.items import entry_of_item, parse_item
from tailorbird.ingest.mapping import ColumnMap, Kind, parse_types
from tailorbird.ingest.messages import MessageImport
from tailorbird.ingest.money import part_money
from tailorbird.ingest.parts.joining import Joined
from tailorbird.ingest.parts.source import Source
from tailorbird.ingest.repeats import Repeats, Rule
from tailorbird.ingest.sources import find_files
from tailorbird.ingest.tables import Table, open_table
from tailorbird.ingest.unknown_types import UnknownTypes
from tailorbird.ingest.users import entry_of_user, parse_identity, parse_user
from tailorbird.ingest.writing import BATCH_ENTRIES, EXAMPLES, Report, Writer
from tailorbird.protocols import Log
from tailorbird.types import EVENT_TYPES, Entry, Item, User

Progress: TypeAlias = Callable[[float, int], None]
"""Called with the share of the input that was read, and the rows so far."""

_STEP_SECONDS: Final = 60.0
_VERSIONED: Final = frozenset({"items", "users"})
"""Of these the newest record about one id stands; of events every one, of identities the order they come in."""

_PATHS: Final = 1_000
"""Category paths that a report counts."""


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """How a table is to be read.

    ``mapping`` is our field -> their column; ``event_type`` the type of every event, or
    ``ours=theirs,...``; ``skip`` their column -> a pattern
    whose full match leaves a row out; ``order_from`` the ISO 8601 start of time where ``at`` is only an order;
    ``repeats`` what stands when several rows are about one item or user.
    """

    mapping: Mapping[str, str] = field(default_factory=dict)
    event_type: str | None = None
    fmt: str = "auto"
    decimal: str = "."
    encoding: str | None = None
    order_from: str | None = None
    skip: Mapping[str, str] = field(default_factory=dict)
    repeats: Rule = "last"


def import_file(
    log: Log,
    path: Path,
    kind: Kind,
    *,
    now: float,
    options: ImportOptions | None = None,
    config: Config | None = None,
    report: Report | None = None,
    source: Source | None = None,
    progress: Progress = lambda _share, _rows: None,
) -> Report:
    """Append every good row of a file, or of all files below a directory, to the log.

    ``now`` judges the times of events and dates the versions of items and users; ``config`` says which types of events
    the shop knows, and the currency of prices that name none. ``report`` may be given, so that its figures are there
    when this raises. With a ``source``, rows are what it says of the shop's items.

    Raises:
        UnreadableFile, UnknownFormat, BadEncoding, UnknownColumn: nothing, or nothing more, can be read.
        BadInput: an option makes no sense.
        Unavailable: the log cannot take more now; what was accepted is kept.
    """
    report = Report() if report is None else report
    options = options or ImportOptions()
    form = format_of(NATIVE if options.fmt == "auto" else options.fmt, kind)
    run: _Run
    if form is None:
        run = _Import(log, kind, options=options, config=config, now=now, report=report, source=source)
    else:
        _refuse_options(options)
        run = MessageImport(
            log,
            form,
            config=config,
            now=now,
            report=report,
            encoding=options.encoding,
            decimal=options.decimal,
            source=source,
        )
    files = find_files(path)
    for file in files:
        run.check(file)
    passes = run.passes()
    done, whole = 0, max(1, len(passes) * sum(file.stat().st_size for file in files))
    for read in passes:
        for file in files:
            size = file.stat().st_size
            for share in read(file):
                progress((done + share * size) / whole, report.rows)
            done += size
    run.finish()
    if source is not None:
        _tell_of_source(source, report)
    return report


def _tell_of_source(source: Source, report: Report) -> None:
    report.unmatched, report.unmapped = source.unmatched, dict(source.unmapped.most_common(_PATHS))
    if source.unmatched:
        report.notes.append(
            f"{counted(source.unmatched, 'item')} of {source.name} matched none of the shop's and came in as new."
        )
    if source.unmapped:
        paths = "; ".join(f"{path} ({n:,})" for path, n in source.unmapped.most_common(EXAMPLES))
        n_items = counted(source.unmapped.total(), "item")
        report.notes.append(f"{n_items} of {source.name} kept categories that its taxonomy does not have: {paths}.")


class _Run(Protocol):
    """One run over some files."""

    def check(self, file: Path) -> None:
        """Refuse a file that cannot be taken, before anything of any file is."""

    def passes(self) -> Sequence[Callable[[Path], Iterator[float]]]:
        """What goes through all files, one after the other; each tells its share of the file now and then."""

    def finish(self) -> None:
        """Append what waited."""


def _refuse_options(options: ImportOptions) -> None:
    """A format says itself which field is which."""
    usual = ImportOptions(fmt=options.fmt, encoding=options.encoding, decimal=options.decimal)
    names = {"mapping": "--map", "event_type": "--type", "order_from": "--order-from"}
    for field_ in fields(options):
        if getattr(options, field_.name) != getattr(usual, field_.name):
            raise BadInput(
                f"{names.get(field_.name, f'--{field_.name}')} goes with tables of one's own, not with --format "
                f"{options.fmt}.",
                hint="Leave one of the two out.",
            )


class _Import:
    """One run over tables with one record a row."""

    def __init__(
        self,
        log: Log,
        kind: Kind,
        *,
        options: ImportOptions,
        config: Config | None,
        now: float,
        report: Report,
        source: Source | None,
    ) -> None:
        self.report = report
        self._kind = kind
        self._options = options
        self._now = now
        self._map = ColumnMap(kind, options.mapping, decimal=options.decimal)
        self._skip = [(column, _pattern(column, text)) for column, text in options.skip.items()]
        self._types = parse_types(options.event_type)
        self._order_from = None if options.order_from is None else read_time("--order-from", options.order_from)
        report.order_from = self._order_from
        self._repeats = Repeats(options.repeats)
        self._currency = None if config is None else config.catalogue.currency
        self._assumed = False
        self._answers = LoggedAnswers(log, (config or Config()).identity) if kind == "events" else None
        self._unknown_types = UnknownTypes(EventsConfig() if config is None else config.events)
        self._source = source
        self._writer = Writer(log if source is None else Joined(log, source.config), report)

    def check(self, file: Path) -> None:
        """Refuse a file that cannot be taken, before anything of any file is."""
        table = self._open(file)
        for column, _ in self._skip:
            if column not in table.columns:
                raise UnknownColumn(f"{file.name} has no column {column!r}.", hint=did_you_mean(column, table.columns))
        given = () if self._types.every is None else ("type",)
        about_items = self._kind == "events" and self._about_items(table)
        self._map.check(file.name, table.columns, given, fixed=table.fixed, about_items=about_items)

    def passes(self) -> Sequence[Callable[[Path], Iterator[float]]]:
        """Items and users are read twice, to know who comes again."""
        return [self.look_for_repeats, self.take_file] if self._kind in _VERSIONED else [self.take_file]

    def look_for_repeats(self, file: Path) -> Iterator[float]:
        """The first pass over items and users, telling its share of the file now and then."""
        table = self._open(file)
        for n, (_, raw) in enumerate(self._records(table)):
            if isinstance(raw, dict) and (key := self._key(raw)) is not None:
                self._repeats.see(key)
            if n % BATCH_ENTRIES == 0:
                yield table.share()
        yield 1.0

    def take_file(self, file: Path) -> Iterator[float]:
        """Append the good rows of one file, telling its share now and then. Repeated ids wait for `finish`."""
        table = self._open(file)
        ordinals = Ordinals()
        for line, raw in self._records(table):
            if raw is None:
                self.report.skipped += 1
                continue
            self.report.rows += 1
            try:
                self._take(raw, line, file.name, ordinals)
            except BadInput as error:
                self.report.reject(as_in_file(error, self._map.pairs), line, f"{file.name}, line {line}")
            if self.report.rows % BATCH_ENTRIES == 0:
                yield table.share()
        yield 1.0

    def finish(self) -> None:
        """Append what waited."""
        for raw, line, where in self._repeats.resolved():
            try:
                self._writer.add(self._entries(raw, None), line, where)
            except BadInput as error:  # each row was good, but not what they come to
                self.report.reject(as_in_file(error, self._map.pairs), line, f"{where}, line {line}")
        self._writer.flush()
        if note := self._repeats.note(self._kind):
            self.report.notes.append(note)
        if self._assumed and self._currency:
            self.report.notes.append(
                f"Prices that name no currency are taken as {self._currency}. If they are not: set catalogue.currency"
                " in tailorbird.toml, or map a column to currency, and import again."
            )
        self.report.note_declined()
        self.report.unknown_types = dict(self._unknown_types.counts)
        self.report.notes.extend(self._unknown_types.notes())

    def _take(self, raw: dict[str, Any] | BrokenLine, line: int, where: str, ordinals: Ordinals) -> None:
        if isinstance(raw, BrokenLine):
            raise raw
        key = self._key(raw) if self._kind in _VERSIONED else None
        if key is not None and key in self._repeats:
            self._check(raw)
            if not self._repeats.fold(key, raw, line, where):
                self.report.duplicates += 1
            return
        entries = self._entries(raw, ordinals)
        if entries:
            self._writer.add(entries, line, where)
        else:
            self.report.rows -= 1
            self.report.declined += 1

    def _open(self, file: Path) -> Table:
        return open_table(file, encoding=self._options.encoding)

    def _about_items(self, table: Table) -> bool:
        """Whether the first events are about items, or may be: types of the shop's own that --type does not name."""
        if self._types.every is not None:
            return self._types.every in ABOUT_AN_ITEM
        first = (raw for _, raw in islice(self._records(table), BATCH_ENTRIES) if isinstance(raw, dict))
        theirs = {str(raw["type"]) for raw in first if raw.get("type")}
        own = theirs.difference(EVENT_TYPES, self._types.named)
        ours = {self._types.named.get(kind, kind) for kind in theirs}
        return not theirs or not ABOUT_AN_ITEM.isdisjoint(ours) or (bool(own) and table.fixed)

    def _records(self, table: Table) -> Iterator[tuple[int, dict[str, Any] | BrokenLine | None]]:
        """Each row by our names, None where it is to be skipped."""
        wanted = self._map.wanted(table.columns)
        if wanted is not None:
            wanted |= {column for column, _ in self._skip}
        for line, row in table.rows(wanted):
            if isinstance(row, BrokenLine):
                yield line, row
            elif any(column in row and pattern.fullmatch(str(row[column])) for column, pattern in self._skip):
                yield line, None
            else:
                yield line, self._map.apply(row, texts=table.texts)

    def _check(self, raw: dict[str, Any]) -> Item | User:
        """One row about an item or a user, read; what it says of money is parted in place."""
        part_money(raw, self._kind, decimal=self._options.decimal, currency=self._currency or "")
        return parse_item(raw, currency=self._currency) if self._kind == "items" else parse_user(raw)

    def _entries(self, raw: dict[str, Any], ordinals: Ordinals | None) -> list[Entry]:
        """The entries of one row; none where whoever did it declines that it is kept."""
        if self._kind in _VERSIONED:
            read = self._check(raw)
            if isinstance(read, User):
                return [entry_of_user(read, at=self._now)]
            self._assumed |= read.price is not None and not raw.get("currency")
            if self._source is not None:
                return self._source.entries(raw, at=self._now)
            return [entry_of_item(read, at=self._now)]
        part_money(raw, self._kind, decimal=self._options.decimal, currency=self._currency or "")
        if self._kind == "identities":
            return [entry_of_identity(parse_identity({"evidence": "import", **raw}, now=self._now))]
        self._types.settle(raw)
        if self._order_from is not None and raw.get("at") is not None:
            raw["at"] = self._order_from + _STEP_SECONDS * _place_in_order(raw["at"])
        parsed = parse_event(raw, now=self._now)
        event = parsed if self._answers is None else self._answers.keep(parsed)
        if event is None:
            return []
        self._unknown_types.see(event)
        return [entry_of_event(event, ordinals)]

    def _key(self, raw: dict[str, Any]) -> str | None:
        name = "item_id" if self._kind == "items" else "user_id"
        try:
            return read_id(name, raw[name]) if raw.get(name) is not None else None
        except BadInput:
            return None  # the second pass rejects it, with its line


def _place_in_order(value: Any) -> float:
    place = read_number("at", value)
    if place is None or place < 0:
        raise BadNumber(f"at is {shown(value)}, which is no place in an order.", hint="Count from 1.")
    return place


def _pattern(column: str, text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise BadInput(f"--skip {column} has the pattern {text!r}: {error}.", hint="See Python's re.") from error
