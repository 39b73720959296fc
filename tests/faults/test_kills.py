"""`make faults`: a hundred kills (SIGKILL) at random moments under load, and everything accepted is there, once.

One shop lives through all of them. In each round its server takes events from several clients while, by lot, a file is
imported, the worker closes segments, somebody is erased or a backup is made; then the server, the other process or both
are killed. A kill loses no more than a process: what a machine without power does to its disk is not tried here.
"""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest

from tailorbird.app import App
from tailorbird.backends.sql.log import SqlLog
from tailorbird.types import Record

pytestmark = pytest.mark.faults

KILLS, SEED = 100, 20
MOST_SECONDS = 10.0
"""From a process's start to its next slate; of its CPU, where other programs keep the machine busier than it can be."""

COMPANIONS = ("import", "import", "worker", "worker", "erase", "erase over HTTP", "backup", "nobody")
VICTIMS = ("both", "both", "both", "server", "companion")
N_PEOPLE, N_ITEMS, IMPORTED = 12, 40, 2_000
CLIENTS, BATCH, PAUSE_SECONDS = 3, 10, 0.1
COMMAND = [sys.executable, "-m", "tailorbird"]
CONFIG = "[log]\nhot_days = 0\nsegment_rows = 1000\n\n[checks]\nevery_hours = 0\n"
QUIET: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


@dataclass
class Tally:
    """What was done, for the summary line."""

    kills: Counter[str] = field(default_factory=Counter)
    slate_seconds: list[float] = field(default_factory=list)
    slate_cpu_seconds: list[float] = field(default_factory=list)
    load: float = 0.0
    during: Counter[str] = field(default_factory=Counter)
    imports: int = 0
    erased: int = 0
    backups: int = 0
    records: int = 0
    accepted: int = 0
    segments: int = 0

    def line(self) -> str:
        usual, cpu = sorted(self.slate_seconds)[len(self.slate_seconds) // 2], max(self.slate_cpu_seconds)
        return (
            f"{self.kills.total()} kills ({_told(self.kills)}; while: {_told(self.during)}); {self.accepted:,} events"
            f" accepted over HTTP, {self.records:,} records in the log, {self.segments} segments; 0 lost, 0 twice;"
            f" {self.imports} files imported, {self.erased} people erased, {self.backups} backups whole;"
            f" next slate after {usual:.1f} s at the median and {max(self.slate_seconds):.1f} s at most, of CPU"
            f" {cpu:.1f} s at most (load {self.load:.0f} on {os.cpu_count()} cores)"
        )


class Crowd:
    """Clients that send batches until nobody answers, and send the batch in flight again to the next server."""

    def __init__(self, shop: "Shop") -> None:
        self._shop = shop
        self._threads = [threading.Thread(target=self._visit, args=(n,)) for n in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(timeout=60)
            assert not thread.is_alive(), "a client hangs"

    def _visit(self, n: int) -> None:
        shop, draw = self._shop, random.Random((SEED, n, len(self._shop.accepted)).__hash__())
        with shop.client() as client:
            while True:
                batch = shop.unsure.pop(n, None) or shop.batch(draw)
                try:
                    told = client.post("/v1/events", json={"events": batch}).json()
                    shop.unsure.pop(n, None)
                    assert told["accepted"] + told["duplicates"] == BATCH, told
                    shop.accepted.update((event["event_id"], event) for event in batch)
                    slate = client.post("/v1/recommendations", json={"surface": "home", "user_id": batch[0]["user_id"]})
                    assert slate.status_code == 200, slate.text
                except httpx.TransportError:
                    shop.unsure.setdefault(n, batch)
                    return
                time.sleep(PAUSE_SECONDS)


class Shop:
    """A shop directory, what its server said it had accepted, and its processes."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.draw, self.tally = folder, random.Random(SEED), Tally()
        self.accepted: dict[str, dict[str, Any]] = {}
        self.unsure: dict[int, list[dict[str, Any]]] = {}
        self.gone: set[str] = set()
        self.imported: list[Path] = []
        self._numbers = iter(range(10**9))
        self._file: Path | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        folder.mkdir()
        (folder / "tailorbird.toml").write_text(CONFIG)
        items = folder.parent / "items.jsonl"
        items.write_text("\n".join(json.dumps({"item_id": f"i{n}", "title": f"Thing {n}"}) for n in range(N_ITEMS)))
        self.run("import", "items", str(items))
        self.run("import", "events", str(self.rows("first")))
        self.run("train", "--models", "popular,covisitation")

    # ---- processes -------------------------------------------------------------------------------------------

    def command(self, *words: str) -> list[str]:
        return [*COMMAND, "--shop-dir", str(self.folder), *words]

    def run(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(self.command(*words), check=True, capture_output=True, timeout=120)

    def serve(self) -> subprocess.Popen[bytes]:
        """A server, once it has made a slate; how long that took from its start is noted."""
        began = time.monotonic()
        server = subprocess.Popen(self.command("serve", "--port", str(self.port)), **QUIET)
        try:
            self._wait_for_a_slate(server, began)
        except BaseException:
            server.kill()  # nobody else knows of it yet
            raise
        self.tally.slate_seconds.append(time.monotonic() - began)
        spent = Path(f"/proc/{server.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        self.tally.slate_cpu_seconds.append((int(spent[11]) + int(spent[12])) / os.sysconf("SC_CLK_TCK"))
        self.tally.load = max(self.tally.load, os.getloadavg()[0])
        return server

    def _wait_for_a_slate(self, server: subprocess.Popen[bytes], began: float) -> None:
        while True:
            try:
                with self.client() as client:
                    ready = client.get("/health/ready").status_code == 200
                with self.client() as client:  # with the keys that its first start made
                    slate = client.post("/v1/recommendations", json={"surface": "home", "user_id": "p1"})
                    if ready and slate.json()["items"]:
                        return
            except httpx.TransportError:
                pass
            assert server.poll() is None, "the server did not come back"
            assert time.monotonic() - began < 60, "the server is not ready after a minute"
            time.sleep(0.05)

    def client(self) -> httpx.Client:
        keys = self.folder / "keys.json"
        secret = json.loads(keys.read_text())["secret"] if keys.exists() else ""
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", headers={"X-API-Key": secret}, timeout=30)

    def kill(self, process: subprocess.Popen[bytes], who: str) -> None:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            self.tally.kills[who] += 1
        process.wait()

    # ---- what they do ----------------------------------------------------------------------------------------

    def batch(self, draw: random.Random) -> list[dict[str, Any]]:
        numbers = [next(self._numbers) for _ in range(BATCH)]
        return [
            {
                "event_id": f"e{n}",
                "type": "purchase" if draw.random() < 0.3 else "item_view",
                "at": time.time(),
                "user_id": f"p{draw.randrange(N_PEOPLE)}",
                "item_id": f"i{draw.randrange(N_ITEMS)}",
            }
            for n in numbers
        ]

    def rows(self, name: str) -> Path:
        file, at = self.folder.parent / f"{name}.csv", int(time.time()) - IMPORTED
        lines = (f"{name}-{n},q{n % 97},i{n % N_ITEMS},{at + n},item_view" for n in range(IMPORTED))
        file.write_text("event_id,user_id,item_id,at,type\n" + "\n".join(lines), encoding="utf-8")
        self.imported.append(file)
        return file

    def companion(self, what: str) -> tuple[subprocess.Popen[bytes] | None, Any]:
        """Start what is to go on beside the server; the process, if it is one, and what `settle` needs."""
        if what == "import":
            self._file = self._file or self.rows(f"file{len(self.imported)}")
            return self._start("import", "events", str(self._file), "--json"), self._file
        if what == "worker":
            self.age()
            return self._start("worker", "--every", "0.1"), None
        if what == "backup":
            copy = self.folder.parent / f"copy{self.tally.during[what]}"
            return self._start("backup", str(copy)), copy
        if what.startswith("erase"):
            name = self.meet()
            if what == "erase":
                return self._start("privacy", "erase", name, "--yes"), name
            threading.Thread(target=self._ask_to_erase, args=(name,)).start()
            return None, name
        return None, None

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self.command(*words), **QUIET)

    def age(self) -> None:
        """Make what arrived so far as old as records are that the worker moves into segments."""
        log = SqlLog(self.folder)
        with log.engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE log SET recorded_at = recorded_at - 172800 WHERE recorded_at > 1e9 * 1.7"
            )
        log.close()

    def meet(self) -> str:
        """Somebody who is to be erased: known by a device of theirs, some of it long ago."""
        name = f"gone{len(self.gone)}"
        self.gone.add(name)
        about = {"type": "item_view", "item_id": "i1", "at": time.time()}
        events = [
            *({**about, "event_id": f"{name}-a{n}", "anonymous_id": f"device-of-{name}"} for n in range(5)),
            {**about, "event_id": f"{name}-b", "anonymous_id": f"device-of-{name}", "user_id": name},
            *({**about, "event_id": f"{name}-c{n}", "user_id": name} for n in range(5)),
        ]
        with self.client() as client:
            half = len(events) // 2
            assert client.post("/v1/events", json=events[:half]).json()["accepted"] == half
            self.age()
            self.run("worker", "--once")
            assert client.post("/v1/events", json=events[half:]).json()["accepted"] == len(events) - half
        return name

    def _ask_to_erase(self, name: str) -> None:
        try:
            with self.client() as client:
                client.post("/v1/privacy/erase", json={"user_ids": [name]})
        except httpx.TransportError:
            return  # the server was killed meanwhile

    # ---- what must hold --------------------------------------------------------------------------------------

    def settle(self, what: str, about: Any, *, ended: int | None) -> None:
        """After the kill and the next start: what was interrupted can be asked for again, and is whole then."""
        if what == "import" and (ended == 0 or self.draw.random() < 0.3):
            told = json.loads(self.run("import", "events", str(about), "--json").stdout)
            assert told["accepted"] + told["duplicates"] == IMPORTED, told
            self._file, self.tally.imports = None, self.tally.imports + 1
        elif what == "backup":
            again = self.folder.parent / f"{about.name}-again"
            back = subprocess.run([*COMMAND, "--shop-dir", str(again), "restore", str(about)], **QUIET, check=False)
            assert back.returncode == (0 if (about / "backup.json").exists() else 2)
            if back.returncode == 0:
                assert sound(records_of(again))
                self.tally.backups += 1
        elif what.startswith("erase"):
            with self.client() as client:
                answer = client.post("/v1/privacy/erase", json={"user_ids": [about]})
                assert answer.status_code in (200, 404), answer.text
                assert answer.status_code == 404 or answer.json()["left"] == 0
            self.tally.erased += 1

    def check(self) -> list[Record]:
        """Everything accepted is in the log exactly once, and nobody who was erased is anywhere."""
        found = records_of(self.folder)
        assert sound(found), "a record is missing or there twice"
        keys = Counter(record.key for record in found if record.kind == "event")
        lost, twice = self.accepted.keys() - keys.keys(), [key for key, n in keys.items() if n > 1]
        assert not lost, f"{len(lost)} accepted events are gone"
        assert not twice, f"{len(twice)} events are there twice"
        self.tally.records, self.tally.accepted = len(found), len(self.accepted)
        self.tally.segments = len(list((self.folder / "segments").glob("*.parquet")))
        return found

    def check_counts(self, found: list[Record]) -> None:
        """The server has every event of everybody once: their newest items in order, and what they bought."""
        happened: dict[str, list[dict[str, Any]]] = {f"p{n}": [] for n in range(N_PEOPLE)}
        for record in found:
            event = json.loads(record.body) if record.kind == "event" else {}
            if event.get("user_id") in happened:
                happened[event["user_id"]].append(event)
        with self.client() as client:
            profiles = {person: client.get(f"/v1/users/{person}/profile").json() for person in happened}
        for person, events in happened.items():
            newest = [(event["item_id"], event["at"]) for event in events][::-1][:50]
            bought = Counter(event["item_id"] for event in events if event["type"] == "purchase")
            assert [(one["item_id"], one["at"]) for one in profiles[person]["recent_items"]] == newest
            assert profiles[person]["bought"] == bought

    def check_replay(self) -> None:
        """An engine that follows in slices stands where one stands that reads the log at once."""
        with App.open(self.folder) as app:
            whole = app.build_engine().state
            app.log.read, read = lambda after, limit: read(after, min(limit, 7)), app.log.read  # type: ignore[method-assign]
            parts = app.build_engine().state
        assert parts.keys == whole.keys
        assert (parts.item_rows("item_counts") == whole.item_rows("item_counts")).all()
        for number in range(len(whole.keys)):
            assert (parts.history(number).items == whole.history(number).items).all()

    def check_forgotten(self) -> None:
        """No byte of the shop directory names anybody who was erased."""
        held = [path.read_bytes() for path in self.folder.rglob("*") if path.is_file() and path.suffix != ".parquet"]
        held += [
            json.dumps(pq.read_table(path).to_pydict(), default=bytes.decode).encode()
            for path in (self.folder / "segments").glob("*.parquet")
        ]
        for name in self.gone:
            assert not any(
                f'"{name}"'.encode() in content or f"device-of-{name}".encode() in content for content in held
            )


def records_of(folder: Path) -> list[Record]:
    log, found = SqlLog(folder), []
    while some := log.read(found[-1].seq if found else 0, 5_000):
        found += some
    log.close()
    return found


def sound(found: list[Record]) -> bool:
    return [record.seq for record in found] == list(range(1, len(found) + 1))


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{what} {n}" for what, n in sorted(counts.items()))


def test_a_hundred_kills_lose_nothing_count_nothing_twice_and_slates_come_back(tmp_path: Path, capsys: Any) -> None:
    shop = Shop(tmp_path / "shop")
    draw, server = shop.draw, shop.serve()
    try:
        while shop.tally.kills.total() < KILLS:
            what, victims = draw.choice(COMPANIONS), draw.choice(VICTIMS)
            crowd = Crowd(shop)
            beside, about = shop.companion(what)
            shop.tally.during[what] += 1
            time.sleep(draw.uniform(0.0, 0.8 if what == "erase over HTTP" else 2.0))
            if beside is None or victims != "companion":
                shop.kill(server, "server")
            if beside is not None and victims != "server":
                shop.kill(beside, what)
            ended = None if beside is None else beside.wait() if what != "worker" else shop.kill(beside, what)
            if server.poll() is None:
                time.sleep(draw.uniform(0.0, 0.3))
                shop.kill(server, "server")
            crowd.join()
            server = shop.serve()
            shop.settle(what, about, ended=ended)
            shop.check_counts(shop.check())
        shop.check_replay()
        for file in shop.imported:
            told = json.loads(shop.run("import", "events", str(file), "--json").stdout)
            assert told["accepted"] + told["duplicates"] == IMPORTED
        shop.check()
        shop.check_forgotten()
    finally:
        server.kill()
        server.wait()
    with capsys.disabled():
        sys.stdout.write(f"\n{shop.tally.line()}\n")
    overloaded = shop.tally.load > (os.cpu_count() or 1)
    assert max(shop.tally.slate_cpu_seconds if overloaded else shop.tally.slate_seconds) < MOST_SECONDS
