"""`privacy`: what people ask about themselves; `retention`: what is too old to be kept."""

from pathlib import Path
from typing import Annotated

import typer

from tailorbird.cli import existing_shop
from tailorbird.cli.terminal import note, print_json, print_table

Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else on stdout.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    privacy = typer.Typer(help="Show people what is kept of them, or forget them.", no_args_is_help=True)
    privacy.command("export")(export)
    privacy.command("erase")(erase)
    privacy.command("ledger")(ledger)
    app.add_typer(privacy, name="privacy")
    app.command("retention")(retention)


def export(
    context: typer.Context,
    user: Annotated[str, typer.Argument(help="The user's id.")],
    *,
    out: Annotated[Path | None, typer.Option(help="A file; stdout where none is given.")] = None,
) -> None:
    """Write everything that is kept of a user, as JSON: what was told, devices, events, slates."""
    import msgspec

    from tailorbird.app import App
    from tailorbird.errors import UnreadableFile

    with App.open(existing_shop(context)) as app:
        found = app.export_person(user)
    if out is None:
        print_json(found)
        return
    try:
        out.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2))
    except OSError as error:
        raise UnreadableFile(f"{out} cannot be written: {error.strerror}.", hint="Choose another --out.") from error
    note(f"Wrote {len(found['events']):,} events and {len(found['decisions']):,} slates to {out}.")


def erase(
    context: typer.Context,
    users: Annotated[list[str], typer.Argument(metavar="USER...", help="Ids of users.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
    json: Json = False,
) -> None:
    """Forget users and the devices that are theirs, in the log, its segments and the ledger. Cannot be undone."""
    from tailorbird.app import App

    if not yes:
        typer.confirm(f"Forget {len(users):,} {'user' if len(users) == 1 else 'users'} for ever?", abort=True, err=True)
    with App.open(existing_shop(context)) as app:
        proof, _ = app.erase(users)
    if json:
        print_json(proof)
    else:
        facts = [
            ("people", proof.people),
            ("devices of theirs", proof.devices),
            ("records of the log that name nobody now", proof.records),
            ("slates that name nobody now", proof.decisions),
            ("found by a second reading", proof.left),
            ("models to be fitted again", ", ".join(sorted(proof.models)) or "none"),
        ]
        print_table(f"Erasure {proof.erasure_id}", ("", ""), facts)
        note("A running server has forgotten within the hour; `tailorbird train` makes the models forget.")
    raise typer.Exit(1 if proof.left else 0)


def ledger(context: typer.Context, *, json: Json = False) -> None:
    """List the erasures so far, which name nobody."""
    from datetime import UTC, datetime

    from tailorbird.app import App

    with App.open(existing_shop(context)) as app:
        proofs, serving = app.erasures(), app.registry.current()
    if json:
        print_json({"erasures": proofs})
        return
    rows = [
        (
            proof.erasure_id,
            datetime.fromtimestamp(proof.at, UTC).strftime("%Y-%m-%d %H:%M"),
            proof.people,
            proof.records,
            proof.decisions,
            ", ".join(sorted(name for name, version in proof.models.items() if serving.get(name) == version)) or "none",
        )
        for proof in proofs
    ]
    print_table("Erasures", ("erasure", "UTC", "people", "records", "slates", "models still to be fitted again"), rows)


def retention(
    context: typer.Context,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")] = False,
    json: Json = False,
) -> None:
    """Let go what is older than log.keep_days and ledger.keep_days; a server and a worker do it every day."""
    from tailorbird.app import App

    with App.open(existing_shop(context)) as app:
        done = app.retain(dry_run=dry_run)
    if json:
        print_json(done)
        return
    facts = [
        ("of the log, what happened before", _day_of(done.log_before)),
        ("of the ledger, what was decided before", _day_of(done.ledger_before)),
        ("records of the log", done.records),
        ("people who have nothing left", done.people),
        ("slates", done.decisions),
        ("megabytes, as they were written", done.bytes / 2**20),
    ]
    print_table("What would go" if dry_run else "What went", ("", ""), facts)
    if not done.log_before and not done.ledger_before:
        note("All is kept for ever. Set keep_days under [log] and [ledger] in tailorbird.toml.")
    elif not dry_run:
        note("A running server counts it no more within the hour; models forget it when they are fitted again.")


def _day_of(at: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d") if at else "all is kept"
