"""A shop in service, as somebody starts, stops and asks it from a terminal."""

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tailorbird.app import App
from tailorbird.cli.service import _greet, first_keys, listen
from tailorbird.cli.serving import one_thread_a_slate
from tailorbird.errors import BadInput, PortInUse
from tailorbird.ingest.items import entry_of_item
from tailorbird.protocols import SCOPES
from tailorbird.types import Item

from made_up import event
from served import Server, free_port

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def items(shop_dir: Path) -> None:
    """A shop of twenty items."""
    with App.open(shop_dir) as app:
        app.append([entry_of_item(Item(item_id=f"i{n}", title=f"Thing {n}"), at=1.7e9) for n in range(20)])


@pytest.fixture
def serve(shop_dir: Path) -> Iterator[Callable[..., Server]]:
    """Start servers on the shop; those that still run at the end are killed."""
    started: list[Server] = []

    def start(*options: str) -> Server:
        started.append(Server("--shop-dir", shop_dir, options=options))
        return started[-1].ready()

    yield start
    for server in started:
        if server.process.poll() is None:
            server.stopped(signal.SIGKILL)


@pytest.mark.usefixtures("items")
def test_a_first_start_makes_keys_that_work_and_later_ones_keep_them(
    serve: Callable[..., Server], shop_dir: Path
) -> None:
    server = serve()
    assert stat.S_IMODE(server.keys.stat().st_mode) == 0o600
    assert server.call("GET", "/v1/policies").status_code == 200
    assert server.call("GET", "/v1/policies", key="write").status_code == 403
    sent = {"events": [{"type": "item_view", "at": time.time(), "user_id": "ann", "item_id": "i3"}]}
    assert server.call("POST", "/v1/events", key="write", body=sent).json()["accepted"] == 1
    slate = server.call("POST", "/v1/recommendations", key="write", body={"surface": "home", "user_id": "ann"}).json()
    assert slate["items"]
    code, out = server.stopped(signal.SIGTERM)
    keys = json.loads(server.keys.read_text())
    assert code == 0
    assert not [key for key in keys.values() if key in out], "a journal keeps what is written there"
    assert str(server.keys) in out
    assert f"http://127.0.0.1:{server.port}/console" in out
    assert "everything accepted is kept" in out
    with App.open(shop_dir) as app:
        assert app.log.last_seq() == 21
        assert app.ledger.get(slate["decision_id"]) is not None
    again = serve()
    assert json.loads(again.keys.read_text()) == keys
    assert again.call("GET", "/v1/users/ann/profile").json()["recent_items"][0]["item_id"] == "i3"
    assert again.stopped(signal.SIGINT)[0] == 0


def test_what_was_accepted_survives_a_kill(serve: Callable[..., Server], shop_dir: Path) -> None:
    server = serve()
    for n in range(20):
        body = [{"type": "item_view", "at": time.time(), "user_id": "ann", "item_id": "i", "event_id": f"e{n}"}]
        assert server.call("POST", "/v1/events", body=body).json()["accepted"] == 1
    server.stopped(signal.SIGKILL)
    with App.open(shop_dir) as app:
        assert [record.key for record in app.log.read(0, 100)] == [f"e{n}" for n in range(20)]


def test_shoppers_visit_a_simulated_shop_by_themselves(run: Run, serve: Callable[..., Server], shop_dir: Path) -> None:
    assert run("simulate", "shop", "--shoppers", 60, "--items", 80, "--days", 5, "--json")[0] == 0
    with App.open(shop_dir) as app:
        before = app.log.last_seq()
    server = serve("--demo")
    deadline = time.monotonic() + 60
    while server.call("GET", "/health/ready").json()["seq"] == before and time.monotonic() < deadline:
        time.sleep(0.2)
    assert server.call("GET", "/health/ready").json()["seq"] > before
    code, out = server.stopped(signal.SIGTERM)
    assert code == 0, out
    assert "Traceback" not in out


def test_a_port_in_use_is_told_with_the_next_one(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = run("serve", "--port", port)
    assert code == 2
    assert f"Port {port}" in err
    assert f"--port {port + 1}" in err
    assert "(port_in_use)" in err


def test_the_highest_port_has_no_next_one() -> None:
    with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", 65_535)):
        with pytest.raises(PortInUse) as refused, listen("127.0.0.1", 65_535):
            pass
        assert "65536" not in str(refused.value)


def test_an_address_of_another_machine_is_refused() -> None:
    for host in ("203.0.113.7", "no.such.host.invalid"):
        with pytest.raises(BadInput, match=host), listen(host, free_port()):
            pass


@pytest.mark.usefixtures("items")
def test_a_slate_is_made_without_a_server(run: Run, shop_dir: Path) -> None:
    code, out, _ = run("recommend", "--user", "ann", "--surface", "home", "--limit", 4, "--json")
    decision = json.loads(out)
    assert code == 0
    assert len(decision["items"]) == 4
    assert decision["degraded"] is None
    with App.open(shop_dir) as app:
        assert app.ledger.get(decision["decision_id"]) is not None
    code, out, _ = run("recommend", "--user", "ann", "--explain")
    assert (code, "Thing" in out, "retrieved" in out) == (0, True, True)


@pytest.mark.usefixtures("items")
def test_an_unknown_surface_is_told_with_the_nearest_one(run: Run) -> None:
    code, out, err = run("recommend", "--surface", "hom", "--json")
    assert (code, out) == (2, "")
    assert "Did you mean 'home'?" in err


@pytest.mark.parametrize(
    "words",
    [
        ["recommend"],
        ["evaluate"],
        ["check"],
        ["export", "events"],
        ["models", "list"],
        ["models", "export", "ease"],
        ["train"],
        ["keys", "list"],
        ["policy", "list"],
        ["policy", "check"],
    ],
)
def test_a_mistyped_shop_directory_is_refused_and_not_made(run: Run, shop_dir: Path, words: list[str]) -> None:
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert f"There is no shop at {shop_dir}. `tailorbird init` makes one" in err
    assert "(no_shop)" in err
    assert not shop_dir.exists()


@pytest.mark.usefixtures("items")
@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--surface", "item"], 2, "--surface item needs --item. Name the item of the page: --item ID."),
        (["--surface", "search"], 2, "--surface search needs --query."),
        (["--surface", "item", "--item", "nope"], 1, "There is no item 'nope'."),
        (["--surface", "item", "--item", "i3"], 0, ""),
    ],
)
def test_a_page_that_does_not_say_what_it_is_about_is_refused(run: Run, words: list[str], code: int, told: str) -> None:
    ended, out, err = run("recommend", *words)
    assert ended == code
    assert told in err
    assert bool(out) == (code == 0)


def test_an_empty_slate_says_why_and_what_to_do(run: Run, shop_dir: Path) -> None:
    run("init")
    code, out, err = run("recommend")
    assert code == 0
    assert "┃" not in out
    assert "holds no items" in err
    assert "`tailorbird import items FILE`" in err
    with App.open(shop_dir) as app:
        app.append([entry_of_item(Item(item_id="i0", available=False), at=1.7e9)])
    assert "None of the 1 items" in run("recommend")[2]
    assert json.loads(run("recommend", "--json")[1])["items"] == []


def test_keys_are_made_listed_and_revoked(run: Run, shop_dir: Path) -> None:
    code, out, _ = run("keys", "create", "--name", "web", "--scope", "write")
    assert code == 0
    secret = out.strip()
    code, out, _ = run("keys", "list", "--json")
    (key,) = json.loads(out)["keys"]
    assert (key["name"], key["scope"], key["revoked_at"]) == ("web", "write", None)
    assert secret not in out
    with App.open(shop_dir) as app:
        assert app.keys.find(secret) is not None
    assert run("keys", "revoke", "web")[0] == 0
    assert json.loads(run("keys", "list", "--json")[1])["keys"][0]["revoked_at"] is not None
    with App.open(shop_dir) as app:
        assert app.keys.find(secret) is None
    assert run("keys", "revoke", "nobody")[0] == 1
    code, _, err = run("keys", "create", "--scope", "all")
    assert (code, "'all'" in err) == (2, True)


def test_policies_are_listed_shown_and_checked(run: Run, shop_dir: Path) -> None:
    run("init")
    policies = json.loads(run("policy", "list", "--json")[1])["policies"]
    assert {"home", "item", "search"} <= {policy["surface"] for policy in policies}
    assert json.loads(run("policy", "show", "home", "--json")[1])["exploration"] == 0.1
    code, _, err = run("policy", "show", "hom")
    assert (code, "(unknown_surface)" in err) == (2, True)
    assert run("policy", "check")[0] == 0
    (shop_dir / "tailorbird.toml").write_text("[policies.home]\nchannels = { populer = 10 }\n")
    code, out, _ = run("policy", "check", "--json")
    assert code == 1
    assert "Did you mean 'popular'?" in json.loads(out)["mistakes"][0]
    (shop_dir / "tailorbird.toml").write_text("[policies.hom]\ndiversity = 2\n")
    code, _, err = run("policy", "check")
    assert (code, "hom" in err) == (1, True)


def test_a_worker_closes_old_days_and_reports(run: Run, shop_dir: Path) -> None:
    long_ago = time.time() - 10 * 86_400
    with App.open(shop_dir, clock=lambda: long_ago) as app:
        app.append([entry_of_item(Item(item_id="i0"), at=long_ago)])
    code, out, _ = run("worker", "--once", "--json")
    report = json.loads(out)
    assert code == 0
    assert (report["last_seq"], len(report["segments_written"])) == (1, 1)
    assert json.loads(run("worker", "--once", "--json")[1])["segments_written"] == []


def test_what_is_too_old_is_told_and_then_goes_by_hand_or_by_a_worker(run: Run, shop_dir: Path) -> None:
    now = time.time()
    with App.open(shop_dir) as app:
        app.append(
            [event("old", at=now - 20 * 86_400, user_id="gone", properties={"page": "x" * 100}), event("young", at=now)]
        )
    code, out, err = run("retention")
    assert (code, "All is kept for ever" in err, "all is kept" in out) == (0, True, True)
    (shop_dir / "tailorbird.toml").write_text("[log]\nkeep_days = 7\n")
    for words in (("--dry-run",), ("--dry-run",)):
        told = json.loads(run("retention", *words, "--json")[1])
        assert (told["records"], told["people"], told["decisions"]) == (1, 1, 0)
        assert told["bytes"] > 0
    assert "people who have nothing left" in run("retention", "--dry-run")[1]
    assert json.loads(run("worker", "--once", "--json")[1])["retention"]["records"] == 1
    assert json.loads(run("retention", "--json")[1])["records"] == 0


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_worker_stops_politely(shop_dir: Path, stop: signal.Signals) -> None:
    words = [sys.executable, "-m", "tailorbird", "--shop-dir", str(shop_dir), "worker", "--every", "0.1"]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    assert process.stderr is not None
    assert "Following" in process.stderr.readline()
    with App.open(shop_dir) as app:
        app.append([entry_of_item(Item(item_id="i0"), at=1.7e9)])
    assert "1 new" in process.stderr.readline()
    process.send_signal(stop)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Stopped." in err


def test_a_worker_that_cannot_write_says_so_stays_up_and_goes_on(run: Run, shop_dir: Path) -> None:
    long_ago = time.time() - 10 * 86_400
    with App.open(shop_dir, clock=lambda: long_ago) as app:
        app.append([entry_of_item(Item(item_id="i0"), at=long_ago)])
    (shop_dir / "segments").write_text("in the way")
    code, _, err = run("worker", "--once")
    assert (code, "segments cannot be written" in err) == (2, True)
    words = [sys.executable, "-m", "tailorbird", "--shop-dir", str(shop_dir), "worker", "--every", "0.1"]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    assert process.stderr is not None
    assert "Following" in process.stderr.readline()
    assert "Trying again" in process.stderr.readline()
    (shop_dir / "segments").unlink()
    while "Trying again" in (line := process.stderr.readline()):
        pass
    assert "000000000001-000000000001.parquet" in line
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_slates_are_made_by_one_thread_unless_the_environment_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "4")
    one_thread_a_slate()
    assert (os.environ["OMP_NUM_THREADS"], os.environ["OPENBLAS_NUM_THREADS"]) == ("1", "4")


def test_a_key_has_a_scope_an_end_and_a_day_of_last_use(run: Run, shop_dir: Path) -> None:
    for scope in SCOPES:
        assert run("keys", "create", "--name", scope, "--scope", scope, "--expires-days", 30)[0] == 0
        assert scope in run("keys", "create", "--help")[1]
    with App.open(shop_dir) as app:
        app.keys.mark_used([key.key_id for key in app.keys.list()], 1_760_000_000.0)
    code, out, _ = run("keys", "list")
    assert code == 0
    assert out.count("2025-10-09") == len(SCOPES)
    assert "expires" in out
    code, _, err = run("keys", "create", "--expires-days", 0)
    assert (code, "cannot expire after 0 days" in err) == (2, True)


def test_keys_are_shown_where_people_look_and_never_in_a_journal(
    shop_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with App.open(shop_dir) as app:
        keys = first_keys(app)
        assert keys is not None
        for shown in (True, False):
            _greet(app, keys, at="http://127.0.0.1:8000", show_keys=shown)
            err = capsys.readouterr().err
            assert (keys.secret in err) is shown
            assert (keys.write in err) is shown


@pytest.mark.usefixtures("items")
def test_a_start_tells_items_from_ids_that_only_events_have_named(
    shop_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with App.open(shop_dir) as app:
        _greet(app, None, at="http://127.0.0.1:8000", show_keys=False)
        assert "(20 items, record 20)" in capsys.readouterr().err
    with App.open(shop_dir) as app:
        app.append([event("e1", item_id="i1"), event("e2", item_id="elsewhere")])
        _greet(app, None, at="http://127.0.0.1:8000", show_keys=False)
        assert "(20 items, 1 more named in events only, record 22)" in capsys.readouterr().err
