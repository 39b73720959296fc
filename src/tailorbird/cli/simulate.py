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
    from tailorbird.cli.terminal import print_json, print_table, progress
    from tailorbird.errors import BadInput
    from tailorbird.simulator.history import write
    from tailorbird.simulator.saved import save_world
    from tailorbird.simulator.world import World

    directory = shop_dir(context)
    began, spent = time.perf_counter(), time.process_time()
    made = World(world, shoppers=shoppers, items=items, seed=seed, now=time.time())
    with App.open(directory) as opened:
        if opened.log.last_seq():
            raise BadInput(
                f"{directory} already holds a shop ({opened.log.last_seq():,} records).",
                hint="Name an empty directory with --shop-dir: a history cannot be simulated into another one.",
            )
        with progress("simulating") as show:
            told = write(made, days, opened.log, show)
        save_world(directory, made, days)
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
