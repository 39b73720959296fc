"""What becomes of a shop's own data: import, check, train, serve, recommend, each by its command, with what it costs.

Usage: ``python benchmarks/journey.py DATA_DIR [--only NAME,...] [--json]``. DATA_DIR holds folders named in `SHOPS`;
one that is not there is named and left out. Everything happens in a temporary shop directory. CPU seconds are those of
the command's process and its children. Slates are asked of a running server over HTTP, one after another, for people
and items of the data; `personal` is the share of slates that differ from a stranger's.
"""

import argparse
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np

N_SLATES: Final = 200
_PATIENCE_SECONDS: Final = 120.0


@dataclass(frozen=True)
class Shop:
    """One data set: the imports that make a shop of it, a file after each."""

    name: str
    imports: tuple[tuple[str, str, str], ...]


SHOPS: Final = (
    Shop(
        "movielens-1m",
        (
            ("items", "movielens-1m/movies.parquet", "--map item_id=movie_id,categories=genres,title=title"),
            (
                "events",
                "movielens-1m/ratings.parquet",
                "--type rating --map user_id=user_id,item_id=movie_id,rating=rating,at=time_rank"
                " --order-from 2024-01-01",
            ),
        ),
    ),
    Shop(
        "uci-online-retail",
        (
            (
                "items",
                "uci-online-retail/transactions.parquet",
                "--repeats most-frequent --map item_id=StockCode,title=Description,price=UnitPrice",
            ),
            (
                "events",
                "uci-online-retail/transactions.parquet",
                "--type purchase --map user_id=CustomerID,item_id=StockCode,at=InvoiceDate,quantity=Quantity,"
                "price=UnitPrice,session_id=InvoiceNo",
            ),
        ),
    ),
    Shop(
        "seq-beauty",
        (
            ("items", "seq-beauty/item_attributes.parquet", "--map item_id=item_id,tags=attribute_ids"),
            (
                "events",
                "seq-beauty/sequences.parquet",
                "--type purchase --map user_id=user_id,item_id=item_id,at=position --order-from 2024-01-01",
            ),
        ),
    ),
    Shop(
        "amazon-esci-extract",
        (
            (
                "items",
                "amazon-esci-extract/products.parquet",
                "--map item_id=asin,title=title,description=description,brand=brand,price=price,categories=category,"
                "attributes.color=color",
            ),
        ),
    ),
)


@dataclass(frozen=True)
class Done:
    """A command that ran: its JSON answer, exit code and costs."""

    answer: Any
    code: int
    cpu_seconds: float
    seconds: float


def run(shop_dir: Path, arguments: list[str]) -> Done:
    """One command of ours with --json."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "tailorbird", "--shop-dir", str(shop_dir), *arguments, "--json"],
        capture_output=True,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if done.returncode > 1:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{done.stderr.decode()[-2_000:]}")
    answer = json.loads(done.stdout) if done.stdout.strip() else None
    return Done(answer, done.returncode, round(cpu, 1), round(time.perf_counter() - began, 1))


@contextmanager
def served(shop_dir: Path) -> Iterator[tuple[httpx.Client, float]]:
    """A server of the shop; gives a client with its secret key, and the seconds until it was ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    began = time.perf_counter()
    command = [sys.executable, "-m", "tailorbird", "--shop-dir", str(shop_dir), "serve", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            while True:
                try:
                    if client.get("/health/ready").status_code == httpx.codes.OK:
                        break
                except httpx.TransportError:
                    pass
                if time.perf_counter() - began > _PATIENCE_SECONDS or server.poll() is not None:
                    raise SystemExit(f"the server of {shop_dir} did not come up")
                time.sleep(0.05)
            seconds = time.perf_counter() - began
            client.headers["Authorization"] = f"Bearer {json.loads((shop_dir / 'keys.json').read_text())['secret']}"
            yield client, round(seconds, 1)
    finally:
        server.terminate()
        server.wait(timeout=60)


def ask(client: httpx.Client, **wish: Any) -> tuple[list[str], float]:
    """The items of one slate, and the milliseconds it took."""
    began = time.perf_counter()
    answer = client.post("/v1/recommendations", json={"limit": 10, **wish})
    milliseconds = (time.perf_counter() - began) * 1000
    answer.raise_for_status()
    return [item["item_id"] for item in answer.json()["items"]], milliseconds


def slates(client: httpx.Client, people: list[str], items: list[str]) -> dict[str, Any]:
    """Home pages of people, item pages of strangers, and how long they took."""
    stranger, _ = ask(client, surface="home", anonymous_id="nobody")
    home = [ask(client, surface="home", user_id=user) for user in people]
    page = [ask(client, surface="item", item_id=item, anonymous_id="nobody") for item in items]
    taken = [ms for _, ms in (*home, *page)]
    return {
        "slates": len(taken),
        "p50_ms": round(float(np.percentile(taken, 50)), 1),
        "p99_ms": round(float(np.percentile(taken, 99)), 1),
        "shortest": min(len(shown) for shown, _ in (*home, *page)),
        "personal": round(float(np.mean([set(shown) != set(stranger) for shown, _ in home])), 2) if home else None,
        "item_pages": len(page),
        "different_item_pages": len({tuple(shown) for shown, _ in page}),
    }


def journey(shop: Shop, data: Path) -> dict[str, Any] | None:
    """Everything, for one data set; None where it is not there."""
    if not all((data / file).exists() for _, file, _ in shop.imports):
        print(f"{shop.name}: left out, it is not in {data}", file=sys.stderr)
        return None
    with tempfile.TemporaryDirectory(prefix="tailorbird-journey-") as folder:
        shop_dir = Path(folder)
        found: dict[str, Any] = {"name": shop.name}
        for kind, file, options in shop.imports:
            print(f"{shop.name}: import {kind}", file=sys.stderr)
            done = run(shop_dir, ["import", kind, str(data / file), *options.split()])
            found[f"import {kind}"] = {**done.answer, "cpu_seconds": done.cpu_seconds}
        print(f"{shop.name}: check", file=sys.stderr)
        checked = run(shop_dir, ["check"])
        found["check"] = {"exit": checked.code, "cpu_seconds": checked.cpu_seconds}
        print(f"{shop.name}: train", file=sys.stderr)
        trained = run(shop_dir, ["train"])
        found["train"] = {**trained.answer, "cpu_seconds": trained.cpu_seconds, "seconds": trained.seconds}
        print(f"{shop.name}: serve", file=sys.stderr)
        people, items = _names(shop_dir)
        with served(shop_dir) as (client, seconds):
            found["serve"] = {"ready_seconds": seconds, **slates(client, people, items)}
        whom = ["--user", people[0]] if people else ["--surface", "item", "--item", items[0]]
        found["recommend"] = [item["item_id"] for item in run(shop_dir, ["recommend", *whom]).answer["items"]]
    return found


def _names(shop_dir: Path) -> tuple[list[str], list[str]]:
    """Some people and some items of a shop, evenly spread over its log."""
    from tailorbird.app import App  # noqa: PLC0415  # only here is the shop opened in this process

    with App.open(shop_dir) as app:
        state = app.engine.state
        people = [key.partition(":")[2] for key in state.keys if key.startswith("u:")]
        items = [state.catalogue.ids[n] for n in np.flatnonzero(state.catalogue.described)]
    return people[:: max(len(people) // N_SLATES, 1)][:N_SLATES], items[:: max(len(items) // N_SLATES, 1)][:N_SLATES]


def main() -> None:
    """Run what was asked for and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder that holds the data sets")
    parser.add_argument("--only", default="", help="names of data sets, separated by commas")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    asked = parser.parse_args()
    wanted = {name for name in asked.only.split(",") if name} or {shop.name for shop in SHOPS}
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    found = [one for shop in SHOPS if shop.name in wanted and (one := journey(shop, asked.data)) is not None]
    print(json.dumps(found, indent=1) if asked.json else table(found))


def table(found: list[dict[str, Any]]) -> str:
    """Markdown: a row per data set."""
    lines = [
        "| data | items accepted | events accepted | import CPU s | check CPU s | train CPU s | models | ready s |"
        " slate p50 / p99 ms | personal | pages |",
        "|---" * 11 + "|",
    ]
    for one in found:
        items, events = one.get("import items", {}), one.get("import events", {})
        cpu = sum(part["cpu_seconds"] for part in (items, events) if part)
        serve = one["serve"]
        personal = "-" if serve["personal"] is None else f"{serve['personal']:.0%}"
        lines.append(
            f"| {one['name']} | {_told(items)} | {_told(events)} | {cpu:.1f} | {one['check']['cpu_seconds']}, exit"
            f" {one['check']['exit']} | {one['train']['cpu_seconds']} | {len(one['train']['trained'])} |"
            f" {serve['ready_seconds']} | {serve['p50_ms']} / {serve['p99_ms']} | {personal} |"
            f" {serve['different_item_pages']} of {serve['item_pages']} |"
        )
    return "\n".join(lines)


def _told(part: dict[str, Any]) -> str:
    return f"{part['accepted']:,} of {part['rows']:,}" if part else "-"


if __name__ == "__main__":
    main()
