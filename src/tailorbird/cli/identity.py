"""`identity`: which devices are whose, and what to do where that is wrong."""

from typing import Annotated

import typer

from tailorbird.cli import existing_shop
from tailorbird.cli.terminal import note, print_json, print_table

Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else on stdout.")]
Device = Annotated[str, typer.Argument(metavar="ANONYMOUS_ID", help="The anonymous id of a device.")]
UserId = Annotated[str, typer.Argument(metavar="USER", help="The user's id.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    identity = typer.Typer(help="Which devices are whose; join ids, or take them apart.", no_args_is_help=True)
    identity.command("devices")(devices)
    identity.command("join")(join)
    identity.command("separate")(separate)
    app.add_typer(identity, name="identity")


def devices(context: typer.Context, user: UserId, *, json: Json = False) -> None:
    """List the devices that are taken for a user's: by what evidence, since when, last when, and shared or not."""
    from datetime import UTC, datetime

    from tailorbird.app import App

    with App.open(existing_shop(context)) as app:
        found = app.devices(user)
    if json:
        print_json({"user_id": user, "devices": found})
        return

    def day(at: float) -> str:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")

    rows = [
        (one["anonymous_id"], one["evidence"], day(one["since"]), day(one["last_at"]), "yes" if one["shared"] else "")
        for one in found
    ]
    print_table(f"Devices of {user}", ("anonymous id", "evidence", "since (UTC)", "last seen", "shared"), rows)


def join(context: typer.Context, device: Device, user: UserId, *, json: Json = False) -> None:
    """Say that a device is a user's, also where both were taken apart before."""
    from tailorbird.app import App
    from tailorbird.ingest.users import parse_identity

    with App.open(existing_shop(context)) as app:
        raw = {"anonymous_id": device, "user_id": user, "evidence": "operator"}
        entries, became = app.claim(parse_identity(raw, now=app.clock()), rejoin=True)
        app.append(entries)
    if json:
        print_json({"anonymous_id": device, "user_id": user, "joined": became == "joined"})
    else:
        note("They are one person." if became == "joined" else "They were known to be one person before.")


def separate(
    context: typer.Context,
    device: Device,
    user: UserId,
    *,
    reason: Annotated[str, typer.Option(help="Kept with it, for whoever asks later.")] = "",
    json: Json = False,
) -> None:
    """Take a device and a user apart, as if they had never been one person."""
    from tailorbird.app import App

    with App.open(existing_shop(context)) as app:
        entries = app.separation(device, user, reason)
        unknown = app.unseen(f"a:{device}", f"u:{user}") if entries else []
        app.append(entries)
    if json:
        told = {"unknown": unknown} if unknown else {}
        print_json({"anonymous_id": device, "user_id": user, "separated": bool(entries), **told})
    elif unknown:
        note(f"Nobody has seen {' or '.join(unknown)} yet: should they come, they will be two people.")
    elif entries:
        note("They are two people. A running server gives each their own past back within the hour.")
    else:
        note("They are apart already.")
