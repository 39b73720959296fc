"""`make faults`: the server and the importer, killed at random moments under load, many times over."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tailorbird.backends.sql.log import SqlLog

from made_up import NOW

pytestmark = pytest.mark.faults

SERVER_KILLS, IMPORT_KILLS = 12, 12
COMMAND = [sys.executable, "-m", "tailorbird"]


def keys_in_log(shop: Path) -> list[str]:
    log, found, after = SqlLog(shop), [], 0
    while records := log.read(after, 5_000):
        found += [r.key for r in records if r.kind == "event"]
        after = records[-1].seq
    log.close()
    return found


def started(shop: Path, port: int) -> subprocess.Popen[bytes]:
    command = [*COMMAND, "--shop-dir", str(shop), "serve", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200:
                return server
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("the server did not come back within a minute")


def test_a_server_killed_under_load_keeps_every_event_it_accepted(tmp_path: Path) -> None:
    draw, accepted, n = random.Random(1), [], 0
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for kill in range(SERVER_KILLS):
        server = started(tmp_path, port)
        key = json.loads((tmp_path / "keys.json").read_text())["secret"]
        until = time.monotonic() + draw.uniform(0.2, 2.0)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"X-API-Key": key}) as client:
            while True:
                batch = [
                    {
                        "event_id": f"e{n + k}",
                        "type": "item_view",
                        "at": NOW,
                        "user_id": f"u{k}",
                        "item_id": f"i{k % 7}",
                    }
                    for k in range(20)
                ]
                if time.monotonic() > until and server.poll() is None:
                    os.kill(server.pid, signal.SIGKILL)
                try:
                    answer = client.post("/v1/events", json={"events": batch})
                except httpx.TransportError:
                    break
                assert answer.json()["accepted"] == 20
                accepted += [event["event_id"] for event in batch]
                n += 20
        server.wait()
        n += 20  # the batch in flight may or may not be there
        found = keys_in_log(tmp_path)
        assert len(found) == len(set(found)), f"after kill {kill} an event is there twice"
        assert set(accepted) <= set(found), f"after kill {kill} an accepted event is gone"
    assert len(accepted) > 20 * SERVER_KILLS


def test_an_import_killed_again_and_again_ends_with_every_row_once(tmp_path: Path) -> None:
    draw, file, rows = random.Random(2), tmp_path / "events.csv", 60_000
    lines = (f"u{n % 997},i{n % 311},{NOW + n},item_view" for n in range(rows))
    file.write_text("user_id,item_id,at,type\n" + "\n".join(lines), encoding="utf-8")
    command = [*COMMAND, "--shop-dir", str(tmp_path / "shop"), "import", "events", str(file), "--json"]
    for _ in range(IMPORT_KILLS):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(draw.uniform(0.3, 2.5))
        process.kill()
        process.wait()
    done = subprocess.run(command, capture_output=True, check=True)
    report = json.loads(done.stdout)
    assert report["accepted"] + report["duplicates"] == rows
    found = keys_in_log(tmp_path / "shop")
    assert len(found) == len(set(found)) == rows
