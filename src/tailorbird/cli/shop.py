"""`init`, `import`, `export`, `check` and `doctor`: a shop's data in, out, and looked at."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, Literal, TypeAlias

import typer

from tailorbird.cli import existing_shop, shop_dir
from tailorbird.cli.terminal import note, print_json, print_table, progress
from tailorbird.errors import BadInput, TailorbirdError, UnreadableFile

if TYPE_CHECKING:
    from tailorbird.backends.sql.ledger import SqlLedger
    from tailorbird.ingest.exporter import Selection
    from tailorbird.ingest.importer import ImportOptions
    from tailorbird.ingest.mapping import Kind
    from tailorbird.ingest.writing import Report

Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else on stdout.")]
FileArgument: TypeAlias = Annotated[Path, typer.Argument(metavar="FILE|DIR", help="A table, or a directory of tables.")]
MapOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="OURS=THEIRS,...",
        help="Which of their columns is which of our fields: user_id=UserID,item_id=MovieID,at=Timestamp. Free fields "
        "are dotted: properties.color=Colour. Columns that are not named are left out, unless they carry our names.",
    ),
]
EventFormatOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--format",
        help="auto or native: CSV, JSON Lines, JSON and Parquet tell themselves apart. "
        "Or how another system writes: segment, ga4, ga4-bigquery, snowplow, shopify, personalize, metarank, gorse.",
    ),
]
ItemFormatOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--format",
        help="auto or native: CSV, JSON Lines, JSON, Parquet and RSS or Atom feeds tell themselves apart. "
        "Or how another system writes: google-merchant, shopify, metarank, gorse.",
    ),
]
UserFormatOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--format",
        help="auto or native: CSV, JSON Lines, JSON and Parquet tell themselves apart. "
        "Or how another system writes: metarank, gorse.",
    ),
]
DecimalOption: TypeAlias = Annotated[str, typer.Option("--decimal", help='"," reads 12,50 and 1.234,50.')]
EncodingOption: TypeAlias = Annotated[
    str | None, typer.Option("--encoding", help="The text's encoding where it is not UTF-8, for example latin-1.")
]
SkipOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--skip",
        metavar="THEIRS=PATTERN",
        help="Leave out rows whose column matches the pattern as a whole: --skip 'StockCode=POST|DOT'. Repeatable.",
    ),
]
RepeatsOption: TypeAlias = Annotated[
    Literal["last", "most-frequent"],
    typer.Option(
        "--repeats",
        help="When several rows are about the same one, which value of a field stands: the last known, or the most "
        "frequent, which suits a catalogue that is cut out of an order file.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    imports = typer.Typer(help="Read a shop's events, items or users from files.", no_args_is_help=True)
    imports.command("items")(import_items)
    imports.command("events")(import_events)
    imports.command("users")(import_users)
    imports.command("identities")(import_identities)
    app.command("init")(init)
    app.add_typer(imports, name="import")
    app.command("export")(export)
    app.command("check")(check)
    app.command("doctor")(doctor)


def init(context: typer.Context) -> None:
    """Write a commented tailorbird.toml with every setting and its default."""
    from tailorbird.cli.config_template import config_template

    path = shop_dir(context) / "tailorbird.toml"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(config_template())
    except FileExistsError as error:
        if path.exists():
            raise BadInput(f"{path} is there already and was left alone.", hint="Move it away first.") from error
        raise UnreadableFile(f"{path.parent} is a file.", hint="Choose a directory with --shop-dir.") from error
    except OSError as error:
        raise UnreadableFile(
            f"{path} cannot be written: {error.strerror}.", hint="Choose one with --shop-dir."
        ) from error
    print(f"Wrote {path}. Next: `tailorbird import items FILE`, then `tailorbird import events FILE`.")


def import_items(
    context: typer.Context,
    file: FileArgument,
    *,
    mapping: MapOption = None,
    fmt: ItemFormatOption = "auto",
    decimal: DecimalOption = ".",
    encoding: EncodingOption = None,
    skip: SkipOption = None,
    repeats: RepeatsOption = "last",
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            metavar="NAME",
            help="Which of the shop's systems ([catalogue] sources) says this: an item is merged from what all of them "
            "say. Without it, a row is the whole item.",
        ),
    ] = None,
    ids: Annotated[
        Path | None,
        typer.Option("--ids", metavar="FILE", help="Their ids and ours: a table with the columns theirs and ours."),
    ] = None,
    json: Json = False,
) -> None:
    """Read a catalogue. Each item becomes a new version if it differs from the one that is known."""
    from tailorbird.ingest.importer import ImportOptions

    if ids is not None and source is None:
        raise BadInput("--ids goes with --source: ids are a source's own.", hint="Name the source, or leave --ids out.")

    options = ImportOptions(
        mapping=_map("items", mapping), fmt=fmt, decimal=decimal, encoding=encoding, skip=_skips(skip), repeats=repeats
    )
    _import(context, file, "items", options, source=source, ids=ids, json=json)


def import_events(
    context: typer.Context,
    file: FileArgument,
    *,
    mapping: MapOption = None,
    event_type: Annotated[
        str | None,
        typer.Option(
            "--type",
            metavar="TYPE",
            help="The type of all events, such as purchase; or which of their types is which of ours: "
            "item_view=view,cart_add=cart. A purchase with a negative quantity becomes a refund.",
        ),
    ] = None,
    fmt: EventFormatOption = "auto",
    decimal: DecimalOption = ".",
    encoding: EncodingOption = None,
    order_from: Annotated[
        str | None,
        typer.Option(
            "--order-from",
            metavar="DATE",
            help="For data without times: `at` is then the place in each user's order (1, 2, 3, ...), and the n-th "
            "event of a user is taken to have happened n minutes after this date (2024-01-01).",
        ),
    ] = None,
    skip: SkipOption = None,
    json: Json = False,
) -> None:
    """Read what happened. A second import of the same file adds nothing; real repeated lines are kept."""
    from tailorbird.ingest.importer import ImportOptions

    options = ImportOptions(
        mapping=_map("events", mapping),
        event_type=event_type,
        fmt=fmt,
        decimal=decimal,
        encoding=encoding,
        order_from=order_from,
        skip=_skips(skip),
    )
    _import(context, file, "events", options, json=json)


def import_users(
    context: typer.Context,
    file: FileArgument,
    *,
    mapping: MapOption = None,
    fmt: UserFormatOption = "auto",
    encoding: EncodingOption = None,
    skip: SkipOption = None,
    repeats: RepeatsOption = "last",
    json: Json = False,
) -> None:
    """Read what the shop knows of its users: traits, preferences, consent."""
    from tailorbird.ingest.importer import ImportOptions

    options = ImportOptions(
        mapping=_map("users", mapping), fmt=fmt, encoding=encoding, skip=_skips(skip), repeats=repeats
    )
    _import(context, file, "users", options, json=json)


def import_identities(
    context: typer.Context,
    file: FileArgument,
    *,
    mapping: MapOption = None,
    encoding: EncodingOption = None,
    skip: SkipOption = None,
    json: Json = False,
) -> None:
    """Read which anonymous ids are which users, as another system knows it: anonymous_id, user_id, at, evidence."""
    from tailorbird.ingest.importer import ImportOptions

    options = ImportOptions(mapping=_map("identities", mapping), encoding=encoding, skip=_skips(skip))
    _import(context, file, "identities", options, json=json)


def export(
    context: typer.Context,
    kind: Annotated[
        Literal["events", "items", "users", "identities", "decisions"], typer.Argument(help="What to write.")
    ],
    *,
    since: Annotated[str | None, typer.Option(help="Events and decisions from this time on (ISO 8601).")] = None,
    until: Annotated[str | None, typer.Option(help="Events and decisions before this time (ISO 8601).")] = None,
    user: Annotated[str | None, typer.Option(help="Only this user's, known or anonymous.")] = None,
    out: Annotated[Path | None, typer.Option(help="A file; stdout where none is given.")] = None,
) -> None:
    """Write native JSON Lines, which `import` reads again. Of items, users and devices the newest version."""
    from tailorbird.app import App
    from tailorbird.ingest.exporter import Selection, export_lines

    selection = Selection.of(since=since, until=until, user=user)
    with App.open(existing_shop(context)) as app:
        if kind == "decisions":
            lines: Iterable[bytes] = _decisions(app.ledger, selection)
        else:
            lines = export_lines(app.log, kind, selection)
        with progress(f"Exporting {kind}") if out else nullcontext(lambda _share, _words: None) as show:
            written = _write_lines(lines, out, lambda n: show(n / max(1, app.log.last_seq()), f"{n:,} lines"))
    note(f"Wrote {written:,} {kind}{f' to {out}' if out else ''}.")


def check(context: typer.Context, *, json: Json = False) -> None:
    """Say whether the data is ready to learn from, what is wrong with it, and which models are worth training."""
    from tailorbird.app import App
    from tailorbird.cli.readiness import show_readiness

    with App.open(existing_shop(context)) as app, progress("Reading the log") as show:
        readiness = app.check(lambda share: show(share, ""))
    if json:
        print_json(readiness.as_json())
    else:
        show_readiness(readiness)
    raise typer.Exit(0 if readiness.ready else 1)


def doctor(context: typer.Context, *, json: Json = False) -> None:
    """Look at the installation and the shop directory: what is there, reachable, stale or misconfigured."""
    from tailorbird.cli.diagnosis import diagnose

    findings = diagnose(shop_dir(context))
    if json:
        print_json({"healthy": all(f.state != "problem" for f in findings), "findings": findings})
    else:
        rows = [(finding.state, finding.what, finding.found, finding.remedy) for finding in findings]
        print_table("Tailorbird", ("", "what", "found", "what to do"), rows)
    raise typer.Exit(1 if any(f.state == "problem" for f in findings) else 0)


def _import(
    context: typer.Context,
    file: Path,
    kind: "Kind",
    options: "ImportOptions",
    *,
    source: str | None = None,
    ids: Path | None = None,
    json: bool,
) -> None:
    from tailorbird.app import App
    from tailorbird.ingest.importer import import_file
    from tailorbird.ingest.receipts import Receipt, keep_receipt
    from tailorbird.ingest.writing import Report
    from tailorbird.simulator.saved import FILE as SIMULATED

    directory, report = shop_dir(context), Report()
    if (directory / SIMULATED).exists():
        note(f"{directory} is a simulated shop: these rows join its own. For a shop of yours: --shop-dir FOLDER.")
    with App.open(directory) as app, _told_how_far(report), progress(f"Importing {kind}") as show:
        import_file(
            app.log,
            file,
            kind,
            now=time.time(),
            options=options,
            config=app.config,
            report=report,
            source=None if source is None else app.source(source, ids=ids),
            progress=lambda share, rows: show(share, f"{rows:,} rows"),
        )
        try:
            keep_receipt(directory, Receipt(time.time(), str(file.absolute()), kind, report))
        except OSError as error:
            note(f"`check` will not explain this import: its receipt cannot be written ({error.strerror}).")
    if json:
        print_json(report.as_json())
    else:
        _show_report(report, kind)
    raise typer.Exit(report.exit_code)


@contextmanager
def _told_how_far(report: "Report") -> Iterator[None]:
    """Say what is in already when an import ends early."""
    try:
        yield
    except (TailorbirdError, KeyboardInterrupt):
        if report.rows:
            note(f"Ended after {report.rows:,} rows; {report.accepted:,} are in. The same command adds only the rest.")
        raise


def _show_report(report: "Report", kind: str) -> None:
    counts = (report.rows, report.accepted, report.duplicates, report.rejected)
    print_table(f"Imported {kind}", ("rows", "accepted", "duplicates", "rejected"), [counts])
    if report.reasons:
        rows = [(reason.code, reason.count, "\n".join(reason.examples)) for reason in report.reasons]
        print_table("Rejected", ("code", "rows", "first"), rows)
    if report.skipped:
        note(f"{report.skipped:,} rows were skipped, as asked.")
    for sentence in report.notes:
        note(sentence)


def _decisions(ledger: "SqlLedger", selection: "Selection") -> Iterator[bytes]:
    import msgspec

    summary = ledger.summary()
    people = {f"u:{selection.user}", f"a:{selection.user}"}
    for decision in reversed(ledger.recent(summary["committed"] + summary["waiting"])):
        in_time = selection.since <= decision.at < selection.until
        if in_time and (selection.user is None or decision.person in people):
            yield msgspec.json.encode(decision)


def _write_lines(lines: Iterable[bytes], out: Path | None, tell: Callable[[int], None]) -> int:
    if out is None:
        return _copy(lines, sys.stdout.buffer, tell)
    try:
        with out.open("wb") as file:
            return _copy(lines, file, tell)
    except OSError as error:
        raise UnreadableFile(f"{out} cannot be written: {error.strerror}.", hint="Choose another --out.") from error


def _copy(lines: Iterable[bytes], file: BinaryIO, tell: Callable[[int], None]) -> int:
    written = 0
    for line in lines:
        file.write(line + b"\n")
        written += 1
        if written % 5_000 == 0:
            tell(written)
    return written


def _map(kind: "Kind", texts: list[str] | None) -> dict[str, str]:
    from tailorbird.ingest.mapping import parse_map

    return parse_map(kind, texts or ())


def _skips(texts: list[str] | None) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts or ()]
    for column, equals, pattern in pairs:
        if not (column and equals and pattern):
            raise BadInput(f"--skip is {column + equals + pattern!r}.", hint="Write COLUMN=PATTERN.")
    return {column: pattern for column, _, pattern in pairs}
