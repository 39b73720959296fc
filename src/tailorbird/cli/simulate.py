"""`tailorbird simulate shop|traffic`: a shop to try things on, and shoppers who visit it."""

import time
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the group to the root."""
    group = typer.Typer(
        help="A shop that does not exist: its history, and shoppers who visit it.", no_args_is_help=True
    )
    group.command("shop")(shop)
    group.command("traffic")(traffic)
    app.add_typer(group, name="simulate")


def shop(
    context: typer.Context,
    *,
    world: Annotated[str, typer.Option(help="fashion, grocery, electronics, gifts or marketplace")] = "fashion",
    shoppers: Annotated[int, typer.Option(min=0, help="0: the world's own number")] = 0,
    items: Annotated[int, typer.Option(min=0, help="0: the world's own number")] = 0,
    days: Annotated[float, typer.Option(min=1, max=730, help="length of the history, which ends now")] = 60,
    seed: Annotated[int, typer.Option(min=0, help="the same seed and sizes give the same shop")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="print the result as JSON")] = False,
) -> None:
    """Write a simulated shop with its history into an empty shop directory."""
    import msgspec

    from tailorbird.app import App
    from tailorbird.cli import shop_dir
    from tailorbird.cli.terminal import note, print_json, print_table, progress
    from tailorbird.errors import BadInput
    from tailorbird.simulator.history import write
    from tailorbird.simulator.saved import begin, begun, finish, saved_as
    from tailorbird.simulator.world import World

    directory = shop_dir(context)
    began, spent = time.perf_counter(), time.process_time()
    made = World(world, shoppers=shoppers, items=items, seed=seed, now=time.time())
    with App.open(directory) as opened:
        half = begun(directory)
        if half is not None and half.like(saved_as(made, days)):
            # The same entries again: the log knows those that it has.
            note(f"Taking up the history that was left half written in {directory}.")
            made = World(world, shoppers=shoppers, items=items, seed=seed, now=half.now)
        elif opened.log.last_seq():
            raise BadInput(
                f"{directory} already holds a shop ({opened.log.last_seq():,} records).",
                hint="Name an empty directory with --shop-dir: a history cannot be simulated into another one.",
            )
        begin(directory, made, days)
        with progress("simulating") as show:
            told = write(made, days, opened.log, show)
        finish(directory, made, days)
    result = {
        "world": made.config.name,
        "shop_dir": str(directory),
        "seed": seed,
        "days": days,
        **msgspec.to_builtins(told),
        "seconds": round(time.perf_counter() - began, 1),
        "cpu_seconds": round(time.process_time() - spent, 1),
    }
    if as_json:
        print_json(result)
    else:
        print_table("Simulated shop", ("what", "value"), list(result.items()))


def traffic(
    context: typer.Context,
    *,
    key: Annotated[str, typer.Option(envvar="TAILORBIRD_KEY", help="an API key; a write key is enough")],
    url: Annotated[str, typer.Option(help="where the engine is")] = "http://127.0.0.1:8000",
    rate: Annotated[float, typer.Option(help="visits a minute")] = 30.0,
    duration: Annotated[float, typer.Option(min=0, help="seconds; 0: until Ctrl-C")] = 0.0,
    pace: Annotated[float, typer.Option(help="how much faster than people the shoppers are")] = 5.0,
    world: Annotated[str, typer.Option(help="default: the world of the shop directory")] = "",
    shoppers: Annotated[int, typer.Option(min=0, help="with --world: as in `simulate shop`")] = 0,
    items: Annotated[int, typer.Option(min=0, help="with --world: as in `simulate shop`")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="with --world: as in `simulate shop`")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="print the result as JSON")] = False,
) -> None:
    """Send the shoppers of a simulated shop to a running engine over HTTP."""
    import asyncio

    import msgspec

    from tailorbird.cli import shop_dir
    from tailorbird.cli.terminal import note, print_json, print_table
    from tailorbird.simulator.saved import load_world
    from tailorbird.simulator.traffic import Tally, visit
    from tailorbird.simulator.world import World

    made = (
        World(world, shoppers=shoppers, items=items, seed=seed, now=time.time())
        if world
        else load_world(shop_dir(context))
    )
    note(f"{made.shoppers.n:,} shoppers of '{made.config.name}' visit {url}, {rate:g} visits a minute.")
    tally = Tally()
    try:
        asyncio.run(visit(url, key, made, rate=rate, duration=duration or None, pace=pace, say=note, tally=tally))
    except KeyboardInterrupt:
        note("Stopped.")
    result = msgspec.to_builtins(tally)
    if as_json:
        print_json(result)
    else:
        print_table("Traffic", ("what", "value"), list(result.items()))
