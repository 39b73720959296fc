import time

import pytest

from tailorbird.api.contract import WORDS
from tailorbird.api.documentation import endpoints
from tailorbird.api.keys import ALLOWED
from tailorbird.protocols import SCOPES

SECRET_ONLY = [
    ("GET", "/v1/items/x"),
    ("PUT", "/v1/items/x"),
    ("PATCH", "/v1/items/x"),
    ("DELETE", "/v1/items/x"),
    ("POST", "/v1/items"),
    ("GET", "/v1/users/ann"),
    ("PUT", "/v1/users/ann"),
    ("GET", "/v1/users/ann/profile"),
    ("PUT", "/v1/users/ann/preferences"),
    ("GET", "/v1/decisions/x"),
    ("GET", "/v1/policies"),
    ("GET", "/v1/policies/home"),
]
WITH_ANY_KEY = [
    ("POST", "/v1/events"),
    ("POST", "/v1/recommendations"),
    ("POST", "/v1/search"),
    ("POST", "/v1/identify"),
]
OPEN = ["/health/live", "/health/ready", "/metrics", "/openapi.json", "/docs"]


@pytest.mark.parametrize(("method", "path"), SECRET_ONLY + WITH_ANY_KEY)
def test_without_a_key_or_with_a_wrong_one_nothing_is_served(client, problem, method, path):
    del client.headers["Authorization"]
    answer = client.request(method, path)
    problem(answer, 401, "unauthorised")
    assert answer.headers["www-authenticate"] == "Bearer"
    problem(client.request(method, path, headers={"Authorization": "Bearer tb_secret_guess"}), 401, "unauthorised")
    problem(client.request(method, path, headers={"X-API-Key": "ü\x7f".encode()}), 401, "unauthorised")


@pytest.mark.parametrize(("method", "path"), SECRET_ONLY)
def test_a_write_key_reads_nothing_and_changes_no_item(client, problem, browser, method, path):
    problem(client.request(method, path, headers=browser, json={} if method != "GET" else None), 403, "forbidden")


def test_a_write_key_sends_events_asks_for_slates_and_identifies(shop, browser, event):
    assert shop.post("/v1/events", json=[event()], headers=browser).status_code == 202
    for path, body in (
        ("/v1/recommendations", {"surface": "home", "anonymous_id": "dev-1"}),
        ("/v1/search", {"query": "mug"}),
        ("/v1/identify", {"anonymous_id": "dev-1", "user_id": "ann"}),
    ):
        assert shop.post(path, json=body, headers=browser).status_code == 200


def test_a_write_key_sees_neither_margins_nor_explanations(shop, problem, browser):
    ask = {"surface": "home", "limit": 1}
    problem(shop.post("/v1/recommendations", json={**ask, "explain": True}, headers=browser), 403, "forbidden")
    problem(shop.post("/v1/recommendations", json={**ask, "fields": ["margin"]}, headers=browser), 400, "bad_input")
    answer = shop.post("/v1/recommendations", json={**ask, "fields": ["*"]}, headers=browser).json()
    assert "price" in answer["items"][0]["item"]
    assert "margin" not in answer["items"][0]["item"]


def test_a_key_may_come_in_either_header(client, app):
    del client.headers["Authorization"]
    secret = app.keys.create("other", "secret")
    assert client.get("/v1/policies", headers={"X-API-Key": secret}).status_code == 200
    assert client.get("/v1/policies", headers={"Authorization": f"bearer {secret}"}).status_code == 200


def test_a_revoked_key_is_refused(client, app, problem):
    secret = app.keys.create("old", "secret")
    assert client.get("/v1/policies", headers={"X-API-Key": secret, "Authorization": ""}).status_code == 200
    app.keys.revoke("old")
    problem(client.get("/v1/policies", headers={"X-API-Key": secret, "Authorization": ""}), 401, "unauthorised")


@pytest.mark.parametrize("path", OPEN)
def test_what_machines_watch_needs_no_key(client, path):
    del client.headers["Authorization"]
    assert client.get(path).status_code == 200


def test_a_body_is_not_read_for_a_stranger(client, problem):
    del client.headers["Authorization"]
    problem(client.post("/v1/events", content=b" " * (9 * 2**20)), 401, "unauthorised")


def test_a_write_key_tells_nothing_of_users_in_any_format(client, app, browser):
    call = {"type": "identify", "messageId": "m", "userId": "u1", "anonymousId": "a1", "traits": {"plan": "gold"}}
    for key, kinds in ((browser, ["identity"]), (None, ["identity", "user"])):
        client.post("/v1/events?format=segment", json=call, headers=key)
        assert [record.kind for record in app.log.read(0, 10)] == kinds


def test_every_scope_may_call_what_it_is_for_and_nothing_else(shop, app):
    keys = {scope: {"Authorization": f"Bearer {app.keys.create(scope, scope)}"} for scope in SCOPES}
    met = set()
    for path, method, _, words in endpoints(shop.app):
        if words["key"] == "none":
            continue
        for scope, headers in keys.items():
            filled = path.replace("{", "").replace("}", "")
            answer = shop.request(method, filled, headers=headers, json={} if words["reads"] else None)
            allowed = scope in ALLOWED[words["key"]]
            assert (answer.status_code == 403) is not allowed, (method, path, scope, answer.text)
            met.add((scope, allowed))
    assert met == {(scope, allowed) for scope in SCOPES for allowed in (True, False)} - {
        ("secret", False),
        ("console", True),
    }


def test_what_changes_something_is_not_for_a_key_that_reads():
    changing = {"secret", "events", "page"}
    assert not [needs for needs in changing if "read" in ALLOWED[needs]]
    assert not [needs for needs in ALLOWED if "events" in ALLOWED[needs] and needs not in ("events", "page")]
    assert not [needs for needs, scopes in ALLOWED.items() if "console" in scopes]


def test_a_key_that_reads_sees_margins_and_explanations(shop, app):
    headers = {"Authorization": f"Bearer {app.keys.create('report', 'read')}"}
    ask = {"surface": "home", "limit": 1, "explain": True, "fields": ["margin"]}
    slate = shop.post("/v1/recommendations", json=ask, headers=headers).json()
    assert slate["items"][0]["item"]["margin"] == 3.0
    assert slate["explanation"]


def test_a_collectors_key_sends_events_and_tells_nothing_of_users(client, app, problem):
    headers = {"Authorization": f"Bearer {app.keys.create('collector', 'events')}"}
    call = {"type": "identify", "messageId": "m", "userId": "u1", "anonymousId": "a1", "traits": {"plan": "gold"}}
    assert client.post("/v1/events?format=segment", json=call, headers=headers).status_code == 202
    assert [record.kind for record in app.log.read(0, 10)] == ["identity"]
    told = problem(client.post("/v1/recommendations", json={"surface": "home"}, headers=headers), 403, "forbidden")
    assert "read or secret or write" in told["hint"]


@pytest.mark.parametrize("scope", sorted(set(SCOPES) - {"write"}))
def test_only_a_public_key_may_stand_in_an_address(client, app, problem, event, scope):
    del client.headers["Authorization"]
    answer = client.post(f"/v1/events?key={app.keys.create('x', scope)}", json=[event()])
    problem(answer, 403, "forbidden")
    assert app.log.last_seq() == 0


def test_an_expired_key_is_refused_and_says_so(client, app, problem):
    secret = app.keys.create("intern", "secret", expires_days=1e-6)
    time.sleep(0.1)
    told = problem(client.get("/v1/policies", headers={"Authorization": f"Bearer {secret}"}), 401, "unauthorised")
    assert "expired" in told["detail"]


def test_the_day_of_a_keys_last_use_is_kept(app, client):
    assert client.get("/v1/policies").status_code == 200
    deadline = time.monotonic() + 10
    while app.keys.list()[0].last_used_at is None and time.monotonic() < deadline:
        time.sleep(0.3)
        client.get("/v1/policies")
    assert app.keys.list()[0].last_used_at == pytest.approx(time.time() // 86_400 * 86_400, abs=86_400)


def test_every_endpoint_says_what_key_it_takes(client):
    for path, _, handler, words in endpoints(client.app):
        assert words["key"] in {"none", *ALLOWED}, path
        assert handler.opt[WORDS] is words
