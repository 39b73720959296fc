"""`tailorbird serve|worker|recommend|keys|policy`: a shop in service, and what is needed around it."""

import json
import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from tailorbird.app import App
    from tailorbird.types import Decision, Item

_SCOPES: Final = (
    "secret: everything; read: items, people, slates, decisions, and no change; events: sends events; console: opens "
    "the console; write: public, what a page may"
)

AsJson = Annotated[bool, typer.Option("--json", help="print the result as JSON")]


def register(app: typer.Typer) -> None:
    """Add the commands to the root."""
    app.command("serve")(serve)
    app.command("worker")(worker)
    app.command("recommend")(recommend)
    keys = typer.Typer(help="API keys: make, list, revoke.", no_args_is_help=True)
    keys.command("create")(create_key)
    keys.command("list")(list_keys)
    keys.command("revoke")(revoke_key)
    app.add_typer(keys, name="keys")
    policy = typer.Typer(help="The recipe of each surface: list, show, check.", no_args_is_help=True)
    policy.command("list")(list_policies)
    policy.command("show")(show_policy)
    policy.command("check")(check_policies)
    app.add_typer(policy, name="policy")


# ---- serve -------------------------------------------------------------------------------------------------------


def serve(
    context: typer.Context,
    *,
    shops: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="serve every shop directory in DIR instead; a key decides the shop"),
    ] = None,
    host: Annotated[str, typer.Option(help="address to listen on; default: the configuration's")] = "",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0: the configuration's")] = 0,
    demo: Annotated[bool, typer.Option("--demo", help="let the simulated shop's shoppers visit")] = False,
) -> None:
    """Serve the API and the console on one port until stopped."""
    one_thread_a_slate()
    from tailorbird.cli import shop_dir
    from tailorbird.cli.opening import opened, shop_directories
    from tailorbird.cli.service import listen, serve_shops
    from tailorbird.config import load_config

    directories = [shop_dir(context)] if shops is None else shop_directories(shops)
    with opened(directories, alone=shops is None) as (apps, closed):
        # What concerns the process is said by the only shop, or where there are several by the environment.
        config = apps[0].config if shops is None else load_config(shops)
        host, port = host or config.server.host, port or config.server.port
        # The port is taken before the engines are built: that it is in use shall be known now, not in a minute.
        with listen(host, port) as door:
            serve_shops(apps, closed, door, config=config, host=host, port=port, demo=demo)


def worker(
    context: typer.Context,
    *,
    every: Annotated[float, typer.Option(min=0.1, help="seconds between two looks at the log")] = 10.0,
    once: Annotated[bool, typer.Option("--once", help="do what is due now, report, and stop")] = False,
    as_json: AsJson = False,
) -> None:
    """Follow the log in a process of its own, close its old days into Parquet segments, let go what is too old."""
    from tailorbird.app import App
    from tailorbird.cli import shop_dir
    from tailorbird.cli.terminal import note, print_json
    from tailorbird.errors import Unavailable

    with App.open(shop_dir(context)) as app:
        app.finish_erasure()
        seen = app.log.last_seq() if not once else 0
        if not once:
            _heed_signals()
            note(f"Following the log of {app.shop_dir} from record {seen:,}.")
        try:
            while True:
                try:
                    last = app.log.last_seq()
                    new, closed, gone = last - seen, app.close_segments(), app.retain_daily()
                except Unavailable as error:
                    if once:
                        raise
                    note(f"{error} Trying again in {every:g} seconds.")
                    time.sleep(every)
                    continue
                if as_json:
                    print_json({"last_seq": last, "new_records": new, "segments_written": closed, "retention": gone})
                elif once or new or closed:
                    note(f"record {last:,}; {new:,} new; segments closed: {', '.join(closed) or 'none'}")
                if gone and not as_json:
                    note(f"Let go {gone.records:,} records of the log and {gone.decisions:,} slates, by keep_days.")
                if once:
                    return
                seen = last
                time.sleep(every)
        except KeyboardInterrupt:
            note("Stopped.")


def _heed_signals() -> None:
    """End as by Ctrl-C: service managers send SIGTERM, and a shell has what it runs beside it ignore SIGINT."""
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.default_int_handler)


def one_thread_a_slate() -> None:
    """Keep the linear algebra of this process to one thread, unless its environment says otherwise.

    A slate multiplies small matrices: a second thread gains nothing there, and beside an import in another process each
    multiplication waits for it. The libraries read this once, so it must be said before numpy is imported.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")


# ---- recommend ---------------------------------------------------------------------------------------------------


def recommend(
    context: typer.Context,
    *,
    user: Annotated[str, typer.Option(help="user id; leave it out for a stranger")] = "",
    anonymous: Annotated[str, typer.Option(help="anonymous id")] = "",
    surface: Annotated[str, typer.Option(help="home, item, cart, search, email, push, feed or assistant")] = "home",
    item: Annotated[str, typer.Option(help="the item of an item page")] = "",
    query: Annotated[str, typer.Option(help="what is searched for")] = "",
    limit: Annotated[int, typer.Option(min=1, max=500)] = 10,
    explain: Annotated[bool, typer.Option("--explain", help="say why each item is there")] = False,
    as_json: AsJson = False,
) -> None:
    """Make one slate in this process, without a server; it is recorded like any other."""
    from tailorbird.api.wire import whole
    from tailorbird.app import App
    from tailorbird.cli import existing_shop
    from tailorbird.cli.terminal import print_json
    from tailorbird.errors import NotFound
    from tailorbird.types import Request

    _check_page(surface, item=item, query=query)
    with App.open(existing_shop(context)) as app:
        if item and app.engine.catalogue.find(item) < 0:
            raise NotFound(f"There is no item '{item}'.", hint="Ids are case-sensitive; `tailorbird export items`.")
        request = Request(
            surface=surface,
            at=app.clock(),
            user_id=user or None,
            anonymous_id=anonymous or None,
            item_id=item or None,
            query=query or None,
            limit=limit,
            explain=explain,
        )
        # A process that has just started is slow, and nobody's page waits for it.
        with app.engine.patient():
            decision = app.recommend(request)
        if as_json:
            print_json(whole(decision))
        else:
            _print_slate(app, decision, explain=explain)


def _check_page(surface: str, *, item: str, query: str) -> None:
    """Refuse a page that does not say what it is about: it would silently be made like the home page.

    Raises:
        MissingField: an item's page without an item, a search without a query.
    """
    from tailorbird.errors import MissingField

    if surface == "item" and not item:
        raise MissingField("--surface item needs --item.", hint="Name the item of the page: --item ID.")
    if surface == "search" and not query:
        raise MissingField("--surface search needs --query.", hint="Say what is searched for: --query WORDS.")


def _price(item: "Item") -> str:
    return "" if item.price is None else f"{item.price:,.2f} {item.currency or ''}".rstrip()


def _print_slate(app: "App", decision: "Decision", *, explain: bool) -> None:
    from tailorbird.cli.terminal import note, print_table

    catalogue = app.engine.catalogue
    rows = []
    for placed in decision.items:
        item = catalogue.item(catalogue.find(placed.item_id))
        row = [placed.position + 1, placed.item_id, item.title, _price(item), placed.source, placed.reason]
        rows.append([*row, placed.score, placed.propensity] if explain else row)
    columns = ["", "item", "title", "price", "source", "reason", *(["score", "propensity"] if explain else [])]
    if rows:
        print_table(f"{decision.surface} for {decision.person or 'a stranger'}", columns, rows)
    elif n_items := catalogue.n_described or len(catalogue):
        note(f"None of the {n_items:,} items may be shown here. `tailorbird check` says what they lack.")
    else:
        note("The shop holds no items, so there is nothing to show. Next: `tailorbird import items FILE`.")
    if explain:
        waterfall = {name: value for name, value in decision.explanation.items() if name != "items"}
        print(json.dumps(waterfall, indent=2, ensure_ascii=False))
        for item_id, why in decision.explanation.get("items", {}).items():
            print(f"{item_id}: {json.dumps(why, ensure_ascii=False)}")
    if decision.degraded:
        note(f"Degraded: {decision.degraded}")
    milliseconds = ", ".join(f"{stage} {ms:.1f}" for stage, ms in decision.timings_ms.items())
    note(f"decision {decision.decision_id}; ms: {milliseconds}")


# ---- keys --------------------------------------------------------------------------------------------------------


def create_key(
    context: typer.Context,
    *,
    name: Annotated[str, typer.Option(help="who will use it")] = "unnamed",
    scope: Annotated[str, typer.Option(help=_SCOPES)] = "secret",
    expires_days: Annotated[float | None, typer.Option(help="it stops by itself after so many; default: never")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and show it, this once."""
    from tailorbird.app import App
    from tailorbird.cli import shop_dir
    from tailorbird.cli.terminal import note, print_json

    with App.open(shop_dir(context)) as app:
        secret = app.keys.create(name, scope, expires_days=expires_days)
    if as_json:
        print_json({"name": name, "scope": scope, "key": secret})
        return
    print(secret)
    note("Keep it now: only a hash of it is stored.")


def list_keys(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show every key's name, scope and last use (to the day); the keys themselves cannot be read again."""
    from tailorbird.app import App
    from tailorbird.cli import existing_shop
    from tailorbird.cli.terminal import print_json, print_table

    with App.open(existing_shop(context)) as app:
        found = app.keys.list()
    if as_json:
        print_json({"keys": found})
        return
    rows = [
        (
            k.key_id,
            k.name,
            k.scope,
            _moment(k.created_at),
            _day(k.last_used_at),
            _moment(k.expires_at),
            _moment(k.revoked_at),
        )
        for k in found
    ]
    print_table("Keys", ("id", "name", "scope", "created", "last used", "expires", "revoked"), rows)


def revoke_key(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="its id, or its name where only one has it")],
    *,
    as_json: AsJson = False,
) -> None:
    """End a key; running servers let it in for one more second at most."""
    from tailorbird.app import App
    from tailorbird.cli import existing_shop
    from tailorbird.cli.terminal import note, print_json

    with App.open(existing_shop(context)) as app:
        key = app.keys.revoke(name)
    if as_json:
        print_json(key)
    else:
        note(f"The {key.scope} key '{key.name}' ({key.key_id}) is revoked.")


def _moment(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def _day(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


# ---- policy ------------------------------------------------------------------------------------------------------


def list_policies(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show the recipe of every surface in a line."""
    from tailorbird.cli.terminal import print_json, print_table

    policies = _policies(context)
    if as_json:
        print_json({"policies": policies})
        return
    rows = [
        (p["surface"], p["name"], p["version"], ", ".join(c["retriever"] for c in p["channels"]), p["ranker"])
        for p in policies
    ]
    print_table("Policies", ("surface", "policy", "version", "channels", "ranker"), rows)


def show_policy(
    context: typer.Context, surface: Annotated[str, typer.Argument(help="home, item, ...")], *, as_json: AsJson = False
) -> None:
    """Show the whole recipe of one surface."""
    from tailorbird.cli.terminal import print_json, print_table
    from tailorbird.errors import UnknownSurface, did_you_mean

    by_surface = {policy["surface"]: policy for policy in _policies(context)}
    if surface not in by_surface:
        raise UnknownSurface(
            f"No policy is configured for surface '{surface}'.", hint=did_you_mean(surface, by_surface)
        )
    policy = by_surface[surface]
    if as_json:
        print_json(policy)
        return
    channels = ", ".join(f"{c['retriever']} ({c['limit']})" for c in policy["channels"])
    print_table(f"Policy of {surface}", ("setting", "value"), list({**policy, "channels": channels}.items()))


def check_policies(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Check the configuration's policies; exit 1 and say what is wrong if they cannot be served."""
    from tailorbird.cli import existing_shop
    from tailorbird.cli.terminal import note, print_json

    mistakes = _mistakes(existing_shop(context))
    if as_json:
        print_json({"ok": not mistakes, "mistakes": mistakes})
    elif mistakes:
        note("\n".join(mistakes))
    else:
        note("The policies can be served.")
    if mistakes:
        raise typer.Exit(1)


def _policies(context: typer.Context) -> list[dict[str, Any]]:
    """The recipes that a server started now would use, every field told."""
    import msgspec

    from tailorbird.app import App
    from tailorbird.cli import existing_shop
    from tailorbird.decide import Engine

    with App.open(existing_shop(context)) as app:
        engine, models = Engine(app.config), app.load_models()
        engine.install(models.retrievers)
    policies = []
    for policy in engine.policies.values():
        told = msgspec.structs.asdict(policy)
        policies.append({**told, "channels": [msgspec.structs.asdict(channel) for channel in policy.channels]})
    return policies


def _mistakes(directory: Path) -> list[str]:
    """Why the policies of a shop directory cannot be served; nothing if they can."""
    from tailorbird.cli.diagnosis import sound_config
    from tailorbird.errors import InvalidConfig

    try:
        sound_config(directory)
    except InvalidConfig as error:
        return [error.message.strip()]
    return []
