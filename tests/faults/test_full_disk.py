"""`make faults`: a shop on a file system of 16 MB that is full, and has room again. Needs the right to mount one."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar.testing import TestClient

from tailorbird.api.server import create_api
from tailorbird.app import App
from tailorbird.config import Config, LogConfig
from tailorbird.errors import Unavailable
from tailorbird.types import DAY_SECONDS

from made_up import small_shop

pytestmark = pytest.mark.faults


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "none", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"A small file system cannot be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@contextlib.contextmanager
def full(disk: Path) -> Iterator[None]:
    """While this lasts there is not a byte left."""
    filler = os.open(disk / "filler", os.O_WRONLY | os.O_CREAT)
    with contextlib.suppress(OSError):
        while True:
            os.write(filler, bytes(4_096))
    os.close(filler)
    try:
        yield
    finally:
        (disk / "filler").unlink()


def command(shop: Path, *words: str) -> subprocess.CompletedProcess[str]:
    whole = [sys.executable, "-m", "tailorbird", "--shop-dir", str(shop), *words]
    done = subprocess.run(whole, capture_output=True, text=True, check=False, timeout=120)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_on_a_full_disk_nothing_accepted_is_lost_and_everything_goes_on_when_there_is_room(disk: Path) -> None:
    shop, offset = disk / "shop", [0.0]
    config = Config(log=LogConfig(hot_days=0))
    events = [{"event_id": f"x{n}", "type": "item_view", "user_id": "u1", "item_id": "i1"} for n in range(400)]
    table = disk.parent / "events.csv"
    lines = (f"row{n},{time.time() - n},u{n % 9},i{n % 9},item_view" for n in range(5_000))
    table.write_text("event_id,at,user_id,item_id,type\n" + "\n".join(lines))
    with App.open(shop, config=config, clock=lambda: time.time() + offset[0]) as app:
        app.append(small_shop(n_events=400))
        with TestClient(create_api(app), raise_server_exceptions=False) as client:
            client.headers["X-API-Key"] = app.keys.create("test", "secret")

            def send(n: int) -> int:
                body = [{**event, "at": time.time(), "note": "x" * 3_000} for event in events[:n]]
                return client.post("/v1/events", json=body).status_code

            assert send(20) == 202
            before = app.log.last_seq()
            with full(disk):
                while send(400) == 202:  # what is left of the write-ahead log is room too
                    before = app.log.last_seq()
                refused = client.post(
                    "/v1/events", json=[{**events[-1], "event_id": "last", "at": time.time(), "n": "x" * 9_999}]
                )
                assert refused.status_code == 503
                assert int(refused.headers["retry-after"]) > 0
                slates = [
                    client.post("/v1/recommendations", json={"surface": "home", "user_id": "u1"}) for _ in range(300)
                ]
                assert {slate.status_code for slate in slates} == {200}
                offset[0] = 2 * DAY_SECONDS
                with pytest.raises(Unavailable, match=r"The disk that holds .*segments is full"):
                    app.close_segments()
                with pytest.raises(Unavailable, match="is full"):
                    app.erase(["u1"])
                for words in (("import", "events", str(table)), ("backup", str(disk / "copy"))):
                    done = command(shop, *words)
                    assert (done.returncode, "full" in done.stderr) == (2, True), done.stderr
                assert command(shop, "recommend", "--user", "u1").returncode == 0
                assert app.log.last_seq() == before
            assert send(20) == 202
            assert command(shop, "import", "events", str(table)).returncode == 0
            assert app.close_segments()
            told = [slate.json()["decision_id"] for slate in slates]
            deadline = time.monotonic() + 20
            while app.ledger.summary()["waiting"] and time.monotonic() < deadline:
                time.sleep(0.1)
            assert app.ledger.summary()["lost"] == 0
            assert all(app.ledger.get(decision) is not None for decision in told)
            proof, _ = app.erase(["u1"])
            assert proof.left == 0
        found = []
        while some := app.log.read(found[-1].seq if found else 0, 5_000):
            found += some
        assert [record.seq for record in found] == list(range(1, len(found) + 1))
        assert sum(record.key.startswith("row") for record in found) >= 4_400  # u1's rows were erased
