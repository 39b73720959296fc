"""Several shops in one process, as somebody starts, uses, damages and stops them; and what such a process writes."""

import json
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tailorbird.app import App
from tailorbird.cli import main
from tailorbird.cli.opening import shop_directories
from tailorbird.errors import BadInput, NoShop
from tailorbird.ingest.items import entry_of_item
from tailorbird.types import Item

from served import Server

NAMES = ("alpha", "beta")
EMAIL, PERSON = "ann.smith@example.org", "customer-4711-ann"
MAIL, FORM = {"email": EMAIL}, {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def shops(tmp_path: Path) -> Path:
    """Two shops of five items in one directory."""
    for name in NAMES:
        with App.open(tmp_path / "shops" / name) as app:
            app.append([entry_of_item(Item(item_id=f"i{n}", title=f"{name} {n}"), at=1.7e9) for n in range(5)])
    return tmp_path / "shops"


@pytest.fixture
def serve(shops: Path) -> Iterator[Callable[[], Server]]:
    started: list[Server] = []

    def start() -> Server:
        started.append(Server("--shops", shops))
        return started[-1].ready()

    yield start
    for server in started:
        if server.process.poll() is None:
            server.stopped(signal.SIGKILL)


def test_every_shop_below_a_directory_is_served_and_named(shops: Path, serve: Callable[[], Server]) -> None:
    (shops / "gamma").mkdir()
    (shops / "gamma" / "tailorbird.toml").write_text("port = 1\n")
    (shops / "delta").mkdir()
    (shops / "delta" / "tailorbird.db").write_bytes(b"no database at all, however long it may be")
    (shops / "notes").mkdir()
    server = serve()
    for name in NAMES:
        assert server.call("GET", "/v1/items/i1", shop=name).json()["title"] == f"{name} 1"
    ready = httpx.get(f"{server.address}/health/ready").json()
    told = {name: shop["status"] for name, shop in ready["shops"].items()}
    assert told == {"alpha": "ready", "beta": "ready", "gamma": "closed", "delta": "closed"}
    code, out = server.stopped(signal.SIGTERM)
    assert code == 0
    assert "gamma is NOT served" in out
    assert "there is no such setting" in out
    assert "delta is NOT served" in out
    assert "notes" not in out
    assert "Traceback" not in out


def test_a_shop_whose_log_is_damaged_further_in_keeps_no_other_from_serving(
    shops: Path, serve: Callable[[], Server]
) -> None:
    with App.open(shops / "old", clock=lambda: time.time() - 10 * 86_400) as app:
        app.append([entry_of_item(Item(item_id="old"), at=1.7e9)])
    with App.open(shops / "old") as app:
        (file,) = app.close_segments()
        key = app.keys.create("own", "secret")
    (shops / "old" / "segments" / file).write_bytes(b"no Parquet")
    server = serve()
    assert server.call("GET", "/v1/items/i1", shop="alpha").status_code == 200
    answer = httpx.get(f"{server.address}/v1/items/i1", headers={"X-API-Key": key})
    assert (answer.status_code, int(answer.headers["retry-after"]) > 0) == (503, True)
    assert "old is NOT served" in server.stopped(signal.SIGTERM)[1]


def test_a_key_revoked_on_the_command_line_is_out_of_a_running_server_within_a_second(
    shops: Path, serve: Callable[[], Server]
) -> None:
    server = serve()
    with App.open(shops / "beta") as app:
        headers = {"X-API-Key": app.keys.create("leaver", "read")}
        assert httpx.get(f"{server.address}/v1/items/i1", headers=headers).status_code == 200
        app.keys.revoke("leaver")
    deadline, status = time.monotonic() + 1.2, 200
    while status == 200 and time.monotonic() < deadline:
        status = httpx.get(f"{server.address}/v1/items/i1", headers=headers).status_code
    assert status == 401


def test_a_polite_stop_under_load_keeps_what_was_accepted_in_every_shop(
    shops: Path, serve: Callable[[], Server]
) -> None:
    server = serve()
    accepted: dict[str, list[str]] = {name: [] for name in NAMES}
    odd: list[int] = []

    def post(name: str) -> None:
        with httpx.Client(headers={"X-API-Key": server.key(shop=name)}, timeout=30) as client:
            for n in range(100_000):
                ids = [f"{n}-{k}" for k in range(20)]
                batch = [
                    {"event_id": i, "type": "item_view", "at": time.time(), "user_id": "u", "item_id": "i1"}
                    for i in ids
                ]
                try:
                    answer = client.post(f"{server.address}/v1/events", json=batch)
                except httpx.TransportError:
                    return
                if answer.status_code != 202:
                    if answer.status_code != 503 or "retry-after" not in answer.headers:
                        odd.append(answer.status_code)
                    return
                accepted[name] += ids

    threads = [threading.Thread(target=post, args=(name,)) for name in NAMES]
    for thread in threads:
        thread.start()
    time.sleep(1.0)
    began = time.monotonic()
    code, out = server.stopped(signal.SIGTERM)
    assert time.monotonic() - began < 10
    for thread in threads:
        thread.join(timeout=30)
    assert (code, odd) == (0, []), out
    assert "everything accepted is kept" in out
    for name in NAMES:
        assert len(accepted[name]) > 20
        with App.open(shops / name) as app:
            kept = {record.key for record in app.log.read(0, 1_000_000) if record.kind == "event"}
        assert set(accepted[name]) <= kept


def test_fifty_megabytes_are_refused_before_they_are_sent(serve: Callable[[], Server]) -> None:
    server = serve()
    head = (
        f"POST /v1/events HTTP/1.1\r\nHost: x\r\nX-API-Key: {server.key(shop='alpha')}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {50 * 2**20}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as line:
        line.sendall(head.encode())
        assert line.recv(1_000).startswith(b"HTTP/1.1 413")


def test_nothing_secret_and_nobody_stands_in_what_a_server_writes(shops: Path, serve: Callable[[], Server]) -> None:
    server = serve()
    keys = [server.key(scope, shop=name) for name in NAMES for scope in ("secret", "write")]
    guess = "tb_secret_a-mistyped-key-of-somebody"
    own = {"X-API-Key": keys[0], "Content-Type": "application/json"}

    def send(method: str, path: str, body: object, headers: dict[str, str] = own) -> int:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.request(
            method, f"{server.address}{path}", content=content, headers=headers, timeout=30
        ).status_code

    def seen(**more: object) -> dict[str, object]:
        return {"event_id": "e1", "type": "item_view", "at": time.time(), "user_id": PERSON, "item_id": "i1", **more}

    ask = {"surface": "home", "user_id": PERSON}
    calls = [
        ("POST", "/v1/events", [seen()], own, 202),
        ("POST", "/v1/events", [seen(properties={"mail": EMAIL})], own, 202),
        ("POST", "/v1/events", [seen(at="yesterday"), {EMAIL: PERSON}, seen(event_id=EMAIL * 20)], own, 202),
        ("POST", "/v1/events", f'[{{"user_id": "{PERSON}", "mail": "{EMAIL}"'.encode(), own, 400),
        ("POST", "/v1/events?format=segment", [{"type": "identify", "userId": PERSON, "traits": MAIL}], own, 202),
        ("POST", f"/v1/events?key={keys[1]}", [seen(event_id="e2")], {"Content-Type": "text/plain"}, 202),
        ("POST", f"/v1/events?key={keys[0]}", [seen()], {"Content-Type": "text/plain"}, 403),
        ("POST", "/v1/recommendations", ask, own, 200),
        ("POST", "/v1/recommendations", {**ask, "surface": EMAIL}, own, 400),
        ("POST", "/v1/recommendations", {**ask, "limit": EMAIL}, own, 400),
        ("POST", "/v1/search", {"query": EMAIL, "user_id": PERSON}, own, 200),
        ("PUT", f"/v1/users/{PERSON}", {"traits": {"email": EMAIL}, "consent": {"personalisation": True}}, own, 200),
        ("PUT", f"/v1/users/{PERSON}", {"consent": EMAIL}, own, 400),
        ("GET", f"/v1/users/{PERSON}/profile", b"", own, 200),
        ("GET", f"/v1/users/{EMAIL}", b"", own, 404),
        ("GET", f"/{EMAIL}/{PERSON}", b"", own, 404),
        ("GET", f"/v1/users/{PERSON}", b"", {"X-API-Key": guess}, 401),
        ("GET", f"/v1/users/{PERSON}", b"", {"X-API-Key": keys[1]}, 403),
        ("GET", f"/console?key={keys[0]}", b"", {}, 303),
        ("POST", "/console/login", f"key={keys[1]}".encode(), FORM, 403),
        ("POST", "/v1/identify", {"anonymous_id": EMAIL, "user_id": PERSON}, own, 200),
        ("POST", "/v1/privacy/export", {"user_id": PERSON}, own, 200),
        ("POST", "/v1/privacy/erase", {"user_ids": [PERSON, EMAIL]}, own, 200),
        ("POST", "/v1/privacy/erase", {"user_ids": [PERSON + EMAIL]}, own, 404),
        ("POST", "/v1/events", b"\xff\xfe" + EMAIL.encode(), own, 400),
    ]
    answered = [(method, path, send(method, path, body, headers)) for method, path, body, headers, _ in calls]
    assert answered == [(method, path, status) for method, path, _, _, status in calls]
    for file, table in (("decisions.db", "decisions"), ("tailorbird.db", "versions")):
        with sqlite3.connect(shops / "alpha" / file) as database:  # faults on our side, whose causes are written down
            database.execute(f"DROP TABLE {table}")
    assert send("GET", f"/v1/decisions/{EMAIL}", b"") == 503
    assert send("GET", f"/v1/users/{PERSON}", b"") == 503
    assert send("PUT", f"/v1/users/{PERSON}", {"traits": {"email": EMAIL}}) == 503
    assert send("POST", "/v1/recommendations", ask) == 200
    time.sleep(1.0)  # the ledger tries, in vain, to write the decision down
    code, out = server.stopped(signal.SIGTERM)
    assert code == 0
    assert "a request failed" in out, "the test has seen a cause being written"
    for personal in (*keys, guess, EMAIL, PERSON):
        assert personal not in out, out


def test_a_directory_that_holds_no_shops_is_told(shops: Path) -> None:
    with pytest.raises(BadInput, match="is a shop itself"):
        shop_directories(shops / "alpha")
    for nothing in (shops / "nothing", shops / "alpha" / "segments"):
        with pytest.raises(NoShop, match="There is no shop"):
            shop_directories(nothing)


def test_a_mistyped_directory_of_shops_ends_with_a_sentence(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["serve", "--shops", str(tmp_path / "nothing")])
    assert ended.value.code == 2
    assert "(no_shop)" in capfd.readouterr().err
