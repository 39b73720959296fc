"""`items history` and `items merge`: an item's versions, and all items merged anew."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tailorbird.cli import existing_shop
from tailorbird.cli.terminal import note, print_json, print_table, progress

if TYPE_CHECKING:
    from tailorbird.ingest.parts.history import Version

_SHOWN_CHARACTERS = 60
_NOBODY = {"whole": "no source", "settings": "nobody: the order of the sources changed"}
_Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else on stdout.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    items = typer.Typer(help="Look at items of the catalogue.", no_args_is_help=True)
    items.command("history")(history)
    items.command("merge")(merge)
    app.add_typer(items, name="items")


def history(
    context: typer.Context,
    item_id: Annotated[str, typer.Argument(metavar="ID", help="The item's id, or a source's of it.")],
    *,
    source: Annotated[str | None, typer.Option(help="The id is that of this source of the catalogue.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="So many versions at most, the newest first.")] = 20,
    json: _Json = False,
) -> None:
    """Tell when each version of an item held, what it changed, and which source said so."""
    from tailorbird.app import App

    with App.open(existing_shop(context)) as app, progress("Looking through the log"):
        ours = app.ours(item_id, source, withdrawn=True)
        versions = app.versions(ours)
    if json:
        print_json({"item_id": ours, "versions": versions[:limit]})
        return
    called = "" if ours == item_id else f", called {item_id}"
    columns = ("from", "until", "said by", "changed")
    print_table(f"Versions of {ours}{called}", columns, [_row(one) for one in versions[:limit]])
    if len(versions) > limit:
        note(f"{len(versions) - limit:,} older versions are not shown; --limit shows more.")


def merge(context: typer.Context, *, json: _Json = False) -> None:
    """Merge every item that sources speak of anew, after a change of sources or precedence in the settings.

    Each import does so for its own items. A running server goes on meanwhile; start it anew first, so that it has the
    same settings. An item that came whole since, without a source, stays as it is.
    """
    from tailorbird.app import App

    with App.open(existing_shop(context)) as app, progress("Merging items") as show:
        merged = app.merge_items(lambda done, of: show(done / max(of, 1), f"{done:,} items"))
    if json:
        print_json(merged)
        return
    counts = (merged.items, merged.changed, merged.withdrawn)
    print_table("Merged", ("items of sources", "changed", "of them withdrawn"), [counts])


def _row(version: "Version") -> tuple[str, str, str, str]:
    lines = [f"{one.field}: {_said(one.before)} -> {_said(one.after)}" for one in version.changes]
    until = "now" if version.until is None else _moment(version.until)
    said_by = ", ".join(version.sources) or _NOBODY[version.cause]
    return _moment(version.since), until, said_by, "\n".join(lines)


def _moment(at: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def _said(value: Any) -> str:
    if value is None:
        return "-"
    text = " > ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
