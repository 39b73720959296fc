import pytest

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
