"""`features`: what the ranker and the profiles read, and whether it is worth it."""

from typing import TYPE_CHECKING, Annotated

import typer

from tailorbird.cli import existing_shop
from tailorbird.cli.terminal import note, print_json, print_table, progress

if TYPE_CHECKING:
    from tailorbird.learning.inventory import View

Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else on stdout.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    features = typer.Typer(help="List the features, and find out which are worth their place.", no_args_is_help=True)
    features.command("list")(list_features)
    features.command("select")(select)
    app.add_typer(features, name="features")


def list_features(context: typer.Context, *, json: Json = False) -> None:
    """Every feature view: whose it is, how long it is kept, how fresh it must be, and how its columns stand today."""
    from tailorbird.app import App
    from tailorbird.learning.drift import MOVED
    from tailorbird.learning.inventory import Sample, inventory, requests_of, sampled

    with App.open(existing_shop(context)) as app, progress("Features") as show:
        engine = app.build_engine(lambda done, of: show(0.8 * done / max(of, 1), "following the log"))
        requests, sample = requests_of(app.ledger.recent(500), app.clock()), Sample()
        with engine.patient():
            for n, _ in enumerate(sampled(engine, requests, sample)):
                show(0.8 + 0.2 * n / len(requests), "asking again")
        reference = app.reference()
        found = inventory(engine, sample, reference)
    if json:
        print_json({"requests": len(requests), "views": found})
        return
    _print_views(found)
    note("A view that is not kept costs nothing and tells nothing: features.keep and features.leave_out say which are.")
    note("days: how long a state counts after its owner's last step. stale s: how far behind the log a reader may be.")
    if not requests:
        note("No slate was asked for yet, so nothing is known of missing values and drift.")
    elif reference is None:
        note("Drift is measured against the last training of the ranker: `tailorbird train`.")
    else:
        note(
            f"Measured on {len(requests)} requests, asked again now. drift: population stability index against the last"
            f" training; from {MOVED} on much has moved."
        )


def _print_views(found: "list[View]") -> None:
    rows = [
        (
            view.name,
            view.scope,
            view.version,
            view.owner,
            "ever" if view.ttl_days is None else f"{view.ttl_days:g}",
            f"{view.freshness_seconds:g}",
            "yes" if view.ranked else "",
            "yes" if view.kept else "",
        )
        for view in found
    ]
    print_table("Views", ("view", "scope", "v", "owner", "days", "stale s", "ranker", "kept"), rows)
    columns = [
        (
            column.name,
            view.name,
            None if column.missing is None else f"{column.missing:.0%}",
            "yes" if column.constant else "",
            None if column.psi is None else f"{column.psi:.2f}",
        )
        for view in found
        for column in view.columns
    ]
    print_table("Columns", ("column", "view", "missing", "constant", "drift"), columns)


def select(
    context: typer.Context,
    models: Annotated[
        str, typer.Option(help="Comma-separated channels, or auto: what training would take, without neural ones.")
    ] = "auto",
    *,
    json: Json = False,
) -> None:
    """Judge every column on the ranker's training lists: what is lost without it, what it adds, how surely.

    Views that are left out are judged like the others. Takes as long as training the ranker, and changes nothing.
    """
    from tailorbird.app import App
    from tailorbird.learning.selection import FIRST, RESAMPLES, selected

    asked = () if models == "auto" else tuple(name.strip() for name in models.split(",") if name.strip())
    with App.open(existing_shop(context)) as app, progress("Selecting") as show:
        found = selected(
            app.log, app.config, ledger=app.ledger, channels=asked, told=lambda what, share: show(share, what)
        )
    if json:
        print_json(found)
        return
    place = {name: n for n, name in enumerate(found.order, 1)}
    rows = [
        (one.name, one.loss, f"{one.low:+.4f} to {one.high:+.4f}", place[one.name], f"{found.stability[one.name]:.0%}")
        for one in found.columns
    ]
    print_table("Columns", ("column", "NDCG@10 lost", "95%", "order", "stable"), rows)
    views = [(one.name, one.columns, one.loss, f"{one.low:+.4f} to {one.high:+.4f}") for one in found.views]
    print_table("Views, all columns at once", ("view", "columns", "NDCG@10 lost", "95%"), views)
    note(f"NDCG@10 with everything: {found.ndcg:.4f}, on {found.n_lists:,} lists that taught nothing.")
    note(f"order: relevance for redundancy. stable: the share of {RESAMPLES} resamples of people that put it in the")
    note(f"first {FIRST}.")
