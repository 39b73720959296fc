"""`bench`: how fast this installation is, on this machine."""

import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from tailorbird.cli.serving import one_thread_a_slate
from tailorbird.cli.terminal import note, print_json, print_table, progress

Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else on stdout.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    bench = typer.Typer(help="Measure speed on this machine, in a shop made for it.", no_args_is_help=True)
    bench.command("decide")(decide)
    bench.command("ingest")(ingest)
    app.add_typer(bench, name="bench")


def decide(
    items: Annotated[int, typer.Option(min=1)] = 100_000,
    users: Annotated[int, typer.Option(min=1)] = 100_000,
    events: Annotated[int, typer.Option(min=1, help="history before the measurement")] = 300_000,
    requests: Annotated[int, typer.Option(min=100)] = 3_000,
    rate: Annotated[float, typer.Option(min=0, help="events a second that come in meanwhile")] = 1_000.0,
    *,
    pool: Annotated[int, typer.Option(min=1, help="candidates that the ranker sees at most")] = 300,
    importer: Annotated[bool, typer.Option(help="Measure again beside an importer at full speed.")] = False,
    json: Json = False,
) -> None:
    """Milliseconds per slate, on one core, while events come in."""
    one_thread_a_slate()
    from tailorbird.app import App
    from tailorbird.config import Config, PolicyConfig
    from tailorbird.learning.training import train
    from tailorbird.simulator.bench import append_all, bulk_events, fed, measure
    from tailorbird.simulator.bulk import bulk_items

    found: dict[str, Any] = {}
    recipes = dict.fromkeys(("home", "item", "cart"), PolicyConfig(pool=pool))
    with (
        tempfile.TemporaryDirectory(prefix="tailorbird-bench-") as folder,
        App.open(Path(folder), config=Config(policies=recipes)) as app,
    ):
        with progress("Preparing") as show:
            now = time.time()
            append_all(app.log, bulk_items(items, at=now), told=lambda n: show(0.2 * n / items, "items"))
            history = bulk_events(events, items, users, until=now)
            append_all(app.log, history, told=lambda n: show(0.2 + 0.2 * n / events, "events"))
            train(app.log, app.registry, app.config, progress=lambda what, share: show(0.4 + 0.5 * share, what))
            show(0.95, "building the engine")
            app.follow(0)
        size = {"n_items": items, "n_users": users}
        measure(app, n_requests=200, **size)  # compiles and fills caches
        for name, speed in (("quiet", 0.001), ("events", rate), *((("importer", 0.0),) if importer else ())):
            with fed(folder, rate=speed, seconds=600, **size):
                found[name] = measure(app, n_requests=requests, **size)
            while app.follow(1_000):
                pass
    found = {**found["events"], **{name: result for name, result in found.items() if name != "events"}}
    if json:
        print_json(found)
        return
    for name in ("quiet", *(("importer",) if importer else ())):
        note(f"{name}: p50 {found[name]['total']['p50']} ms, p99 {found[name]['total']['p99']} ms")
    rows = [(stage, *times.values()) for stage, times in {**found["stages"], "total": found["total"]}.items()]
    print_table(
        f"{items:,} items, pool {found['pool']}, {rate:,.0f} events a second", ("ms", "p50", "p95", "p99"), rows
    )
    note(f"{found['decisions_per_second']} slates a second; {found['memory_mb']} MB at most.")


def ingest(
    events: Annotated[int, typer.Option(min=1_000)] = 200_000,
    items: Annotated[int, typer.Option(min=1)] = 10_000,
    users: Annotated[int, typer.Option(min=1)] = 50_000,
    connections: Annotated[int, typer.Option(min=1, help="that send at the same time")] = 8,
    *,
    json: Json = False,
) -> None:
    """Events a second over HTTP, durable before the reply, what one costs, and how soon a slate shows it; one core."""
    import asyncio

    from tailorbird.simulator.bench_ingest import measure_ingest, served

    with (
        tempfile.TemporaryDirectory(prefix="tailorbird-bench-") as folder,
        served(Path(folder), n_items=items) as (url, key, usage),
    ):
        size = {"n_events": events, "n_items": items, "n_users": users}
        found = asyncio.run(measure_ingest(url, key, usage, **size, n_connections=connections))
    if json:
        print_json(found)
        return
    print_table("Ingest over HTTP", tuple(found), [tuple(found.values())])
