"""Several shops in one process: what a key of one may reach, and what becomes of the others."""

import asyncio
import threading
import time
from contextlib import ExitStack

import pytest
from litestar.testing import TestClient

from tailorbird.api.live import Live
from tailorbird.api.server import create_api
from tailorbird.api.shops import Closed, Shops
from tailorbird.app import App
from tailorbird.backends.sql.keys import open_keys
from tailorbird.console import routes

SHARED = {"item_id": "x1", "user_id": "ann", "surface": "home", "name": "popular"}
"""Ids that both shops use, by the name of a path's part."""

EVENT = {"type": "item_view", "at": 1_760_000_000, "event_id": "e1", "user_id": "ann", "item_id": "x1"}
FEEDBACK = [{"FeedbackType": "item_view", "UserId": "ann", "ItemId": "x1", "Timestamp": "2026-01-01T00:00:00Z"}]
GORSE_USER, GORSE_ITEM = {"UserId": "ann", "Labels": {"club": "mine"}}, {"ItemId": "x1", "Comment": "mine"}
BODIES = {
    ("post", "/v1/events"): [EVENT],
    ("post", "/v1/recommendations"): {"surface": "home", "user_id": "ann", "fields": ["*"], "explain": True},
    ("post", "/v1/search"): {"query": "lamp", "user_id": "ann", "fields": ["*"]},
    ("post", "/v1/items"): [{"item_id": "x1", "title": "mine"}],
    ("put", "/v1/items/{item_id}"): {"title": "mine"},
    ("patch", "/v1/items/{item_id}"): {"price": 1},
    ("put", "/v1/users/{user_id}"): {"traits": {"club": "mine"}},
    ("put", "/v1/users/{user_id}/preferences"): {"colour": "mine"},
    ("post", "/v1/identify"): {"anonymous_id": "device", "user_id": "ann"},
    ("post", "/v1/separate"): {"anonymous_id": "device", "user_id": "ann"},
    ("post", "/v1/privacy/export"): {"user_id": "ann"},
    ("post", "/v1/privacy/erase"): {"user_ids": ["ann"]},
    ("post", "/api/user"): GORSE_USER,
    ("post", "/api/users"): [GORSE_USER],
    ("patch", "/api/user/{user_id}"): GORSE_USER,
    ("post", "/api/item"): GORSE_ITEM,
    ("post", "/api/items"): [GORSE_ITEM],
    ("post", "/api/feedback"): FEEDBACK,
    ("put", "/api/feedback"): FEEDBACK,
    ("post", "/api/session/recommend"): FEEDBACK,
}
"""A body that each endpoint takes. A new endpoint that reads one needs a line here, or the test below fails."""


def filled(folder, mark):
    """A shop that uses the same ids as the others, each with contents of its own."""
    app = App.open(folder / mark)
    with TestClient(create_api(app)) as client:
        client.headers["X-API-Key"] = app.keys.create("own", "secret")
        items = [{"item_id": f"x{n}", "title": f"lamp {mark}", "brand": mark, "price": 5} for n in range(1, 4)]
        client.post("/v1/items", json=items)
        client.put("/v1/users/ann", json={"traits": {"club": mark}})
        seen = {**EVENT, "query": mark, "properties": {"note": mark}}
        assert client.post("/v1/events", json=[seen]).json()["accepted"] == 1
    app.close()
    return App.open(folder / mark)


@pytest.fixture
def two(tmp_path):
    """Two shops behind one address; gives a client, both apps, and a secret key of each."""
    with ExitStack() as stack:
        apps = [stack.enter_context(filled(tmp_path, mark)) for mark in ("alpha", "beta")]
        shops = Shops([Live(app) for app in apps])
        client = stack.enter_context(TestClient(create_api(shops, also=routes()), raise_server_exceptions=False))
        client.shops, client.apps = shops, apps
        client.own = [{"X-API-Key": app.keys.create("own", "secret")} for app in apps]
        yield client


def state_of(app):
    """Everything that a request could change in a shop."""
    ledger = app.ledger.summary()
    return (
        [(r.seq, r.kind, r.key, r.body) for r in app.log.read(0, 1_000)],
        sorted(app.log.newest("item")),
        sorted(app.log.newest("user")),
        sorted(app.log.newest("identity")),
        ledger["committed"] + ledger["waiting"],
        [(key.key_id, key.revoked_at) for key in app.keys.list()],
        app.engine.seq,
        list(app.engine.state.keys),
        {path.name: path.read_bytes() for path in app.shop_dir.glob("*.toml")},
    )


def calls(client):
    """Every operation of the document with a path and a body, what takes things away last."""
    document = client.get("/openapi.json").json()
    found = [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if operation["security"]
    ]
    assert len(found) >= 30
    return sorted(found, key=lambda one: one[0] == "delete" or one[1] == "/v1/privacy/erase")


def test_a_key_of_one_shop_reads_and_writes_nothing_of_another(two):
    decision = two.post("/v1/recommendations", json={"surface": "home"}, headers=two.own[1]).json()["decision_id"]
    before, answered = state_of(two.apps[1]), 0
    for method, path, operation in calls(two):
        if "requestBody" in operation:
            assert (method, path) in BODIES, f"{method} {path} needs a body in BODIES, so that this test reaches it"
        filling = {**SHARED, "decision_id": decision}
        parts = [part["name"] for part in operation.get("parameters", []) if part["in"] == "path"]
        assert set(parts) <= filling.keys(), f"{path} needs a value for its part in SHARED"
        if method == "delete" or path.endswith("/erase"):
            two.put("/v1/items/x1", json={"title": "mine"}, headers=two.own[0])
            two.put("/v1/users/ann", json={"traits": {"club": "mine"}}, headers=two.own[0])
        answer = two.request(
            method, path.format(**{name: filling[name] for name in parts}),
            json=BODIES.get((method, path)), headers=two.own[0],
        )  # fmt: skip
        assert answer.status_code < 500, (method, path, answer.text)
        assert "beta" not in answer.text, (method, path, answer.text)
        if "decision_id" in parts:
            assert answer.status_code == 404
        else:
            assert answer.status_code < 300, (method, path, answer.text)
            answered += 1
    assert answered >= 30
    assert state_of(two.apps[1]) == before
    assert state_of(two.apps[0]) != before


def test_what_only_another_shop_has_is_not_found(two):
    two.put("/v1/items/only-here", json={"title": "beta"}, headers=two.own[1])
    two.put("/v1/users/eve", json={"traits": {"club": "beta"}}, headers=two.own[1])
    for path in ("/v1/items/only-here", "/v1/users/eve", "/v1/users/eve/profile", "/api/item/only-here"):
        assert two.get(path, headers=two.own[0]).status_code == 404
    slate = two.post("/v1/recommendations", json={"surface": "home", "limit": 100}, headers=two.own[0]).json()
    assert "only-here" not in [item["item_id"] for item in slate["items"]]


def test_the_same_ids_in_two_shops_stay_apart(two):
    for own, mark in zip(two.own, ("alpha", "beta"), strict=True):
        assert two.get("/v1/items/x1", headers=own).json()["brand"] == mark
        assert two.get("/v1/users/ann", headers=own).json()["traits"] == {"club": mark}
        told = two.post("/v1/privacy/export", json={"user_id": "ann"}, headers=own).json()
        assert [event["query"] for event in told["events"]] == [mark]
    assert two.patch("/v1/items/x1", json={"price": 99}, headers=two.own[0]).json()["price"] == 99
    assert two.get("/v1/items/x1", headers=two.own[1]).json()["price"] == 5
    again = {**EVENT, "query": "beta", "properties": {"note": "beta"}}
    assert two.post("/v1/events", json=[again], headers=two.own[1]).json()["duplicates"] == 1
    told = two.post("/v1/events", json=[again], headers=two.own[0]).json()
    assert [one["code"] for one in told["rejected"]] == ["conflicting_event"]
    two.post("/v1/privacy/erase", json={"user_ids": ["ann"]}, headers=two.own[0])
    assert two.get("/v1/users/ann", headers=two.own[0]).status_code == 404
    assert two.get("/v1/users/ann", headers=two.own[1]).status_code == 200


def test_the_figures_and_the_health_of_each_shop_have_its_name(two):
    two.post("/v1/recommendations", json={"surface": "home"}, headers=two.own[1])
    ready = two.get("/health/ready").json()
    assert (ready["status"], sorted(ready["shops"])) == ("ready", ["alpha", "beta"])
    assert "seq" not in ready
    assert [ready["shops"][name]["items"] for name in ("alpha", "beta")] == [3, 3]
    text = two.get("/metrics").text
    assert 'tailorbird_decisions_total{degraded="no",shop="beta",surface="home"} 1.0' in text
    assert 'tailorbird_decisions_total{degraded="no",shop="alpha"' not in text
    assert 'route="/v1/recommendations",shop="beta",status="200"} 1.0' in text
    assert text.count("# TYPE tailorbird_seq gauge") == 1
    assert 'tailorbird_shop_served{shop="alpha"} 1.0' in text


def test_the_console_shows_the_shop_of_the_key_that_signed_in(two):
    assert "<strong>" not in two.get("/console/login").text
    for own, mark, other in zip(two.own, ("alpha", "beta"), ("beta", "alpha"), strict=True):
        two.cookies.clear()
        answer = two.post("/console/login", data={"key": own["X-API-Key"]}, follow_redirects=False)
        assert answer.status_code == 303
        page = two.get("/console/catalogue").text
        assert f"lamp {mark}" in page
        assert other not in page
    assert two.get("/console/system").status_code == 200


def test_a_closed_shop_is_named_and_its_keys_get_a_503_while_the_others_serve(tmp_path, problem):
    good, bad = filled(tmp_path, "alpha"), filled(tmp_path, "beta")
    key = {"X-API-Key": bad.keys.create("own", "secret")}
    bad.close()
    closed = Closed("beta", "invalid_config", "tailorbird.toml has a mistake", open_keys(tmp_path / "beta"))
    lost = Closed("gamma", "unavailable", "damaged")
    with good, TestClient(create_api(Shops([Live(good)], [closed, lost]), also=routes())) as client:
        answer = client.get("/v1/items/x1", headers=key)
        assert int(answer.headers["retry-after"]) > 0
        assert "toml" not in problem(answer, 503, "unavailable")["detail"]
        assert client.post("/console/login", data={"key": key["X-API-Key"]}).status_code == 503
        ready = client.get("/health/ready").json()
        assert ready["status"] == "partly"
        assert [ready["shops"][name]["status"] for name in ("alpha", "beta", "gamma")] == ["ready", "closed", "closed"]
        assert "invalid_config" in ready["shops"]["beta"]["detail"]
        assert 'tailorbird_shop_served{shop="beta"} 0.0' in client.get("/metrics").text
        own = {"X-API-Key": good.keys.create("own", "secret")}
        assert client.get("/v1/items/x1", headers=own).json()["brand"] == "alpha"


def test_one_failing_shop_is_told_and_the_others_stay_ready(two):
    two.shops.lives["beta"].follower.failing = "on purpose"
    two.apps[1].follow = None
    ready = two.get("/health/ready")
    assert ready.status_code == 200
    assert ready.json()["status"] == "partly"
    assert ready.json()["shops"]["beta"]["status"] == "failing"
    assert two.post("/v1/recommendations", json={"surface": "home"}, headers=two.own[0]).status_code == 200


def test_no_shop_that_serves_is_not_being_ready(problem):
    with TestClient(create_api(Shops([], [Closed("gamma", "unavailable", "damaged")]))) as client:
        problem(client.get("/health/ready"), 503, "unavailable")
        assert client.get("/health/live").status_code == 200


def test_heavy_work_in_the_background_is_done_for_one_shop_at_a_time(two, monkeypatch):
    at_work, most, done = [0], [0], threading.Semaphore(0)

    def close_segments():
        at_work[0] += 1
        most[0] = max(most[0], at_work[0])
        time.sleep(0.05)
        at_work[0] -= 1
        done.release()

    monkeypatch.setattr("tailorbird.api.live._UPKEEP_EVERY_SECONDS", 0.0)
    lives = list(two.shops.lives.values())
    for app in two.apps:
        app.close_segments = close_segments

    async def work():
        tasks = [asyncio.create_task(live._keep_up()) for live in lives]
        for _ in range(6):
            await asyncio.to_thread(done.acquire)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    turn = asyncio.Lock()
    for live in lives:
        live.turn = turn
    asyncio.run(work())
    assert most == [1]


def test_shops_that_stop_begin_nothing_new(two, problem):
    assert lives_share_a_turn(two.shops)
    two.shops.stop()
    answer = two.post("/v1/events", json=[EVENT], headers=two.own[0])
    assert "stopping" in problem(answer, 503, "unavailable")["detail"]
    assert int(answer.headers["retry-after"]) > 0
    problem(two.get("/health/ready"), 503, "unavailable")


def lives_share_a_turn(shops):
    return len({id(live.turn) for live in shops.lives.values()}) == 1
