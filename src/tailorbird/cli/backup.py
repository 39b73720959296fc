"""`backup` and `restore`: a copy of the shop, and back."""

from pathlib import Path
from typing import Annotated

import typer

from tailorbird.cli import existing_shop, shop_dir
from tailorbird.cli.terminal import note, print_json, progress

Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else on stdout.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("backup")(backup)
    app.command("restore")(restore)


def backup(
    context: typer.Context,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="An empty directory, or one to be made.")],
    *,
    json: Json = False,
) -> None:
    """Copy the shop while it runs: log, segments, ledger, models and settings, with the hash of every file."""
    from tailorbird.backends.backup import back_up

    with progress("Copying") as show:
        made = back_up(existing_shop(context), directory, told=lambda what, share: show(share, what))
    if json:
        print_json(made)
        return
    note(f"Copied {len(made.files):,} files, {made.size / 2**20:,.1f} MB, the log up to record {made.last_seq:,}.")
    note(f"To put it back: `tailorbird --shop-dir NEW restore {directory}`. Keys in clear (keys.json) are not in it.")


def restore(
    context: typer.Context,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="What `tailorbird backup` wrote.")],
    *,
    json: Json = False,
) -> None:
    """Put a copy where no shop is, after every file's hash was checked; all of it or nothing."""
    from tailorbird.backends.backup import restore as put_back

    shop = shop_dir(context)
    with progress("Restoring") as show:
        made = put_back(directory, shop, told=lambda what, share: show(share, what))
    if json:
        print_json(made)
        return
    note(f"Restored {len(made.files):,} files to {shop}, the log up to record {made.last_seq:,}.")
