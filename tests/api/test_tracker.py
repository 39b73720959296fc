"""The script for pages as the server gives it, and the key that it sends in an address."""

import gzip
import json
from importlib.resources import files

import pytest
import structlog

BEACON = {"Authorization": "", "Content-Type": "text/plain;charset=UTF-8"}


@pytest.fixture
def write_key(app):
    return app.keys.create("page", "write")


def test_the_script_is_small_and_may_be_kept_for_a_while(client):
    answer = client.get("/tracker.js", headers={"Authorization": ""})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) <= 6_144
    assert answer.content == files("tailorbird.api").joinpath("static/tracker.js").read_bytes()


def test_a_script_that_did_not_change_is_not_sent_again(client):
    first = client.get("/tracker.js")
    again = client.get("/tracker.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert client.get("/tracker.js", headers={"If-None-Match": 'W/"old"'}).status_code == 200


def test_who_cannot_unpack_gets_it_as_it_is(client):
    plain = client.get("/tracker.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert len(gzip.compress(plain.content)) <= 6_144


def test_events_take_a_write_key_in_the_address(client, write_key, event):
    answer = client.post(f"/v1/events?key={write_key}", content=json.dumps({"events": [event()]}), headers=BEACON)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)


def test_a_secret_key_in_the_address_is_refused_with_the_remedy(client, app, problem, event):
    secret = app.keys.create("backend", "secret")
    answer = client.post(f"/v1/events?key={secret}", json=[event()], headers=BEACON)
    told = problem(answer, 403, "forbidden")
    assert "addresses are written down" in told["detail"]
    assert "tailorbird keys revoke" in told["hint"]
    assert secret not in answer.text
    assert app.log.last_seq() == 0


def test_an_unknown_or_revoked_key_in_the_address_is_refused(client, app, problem, write_key):
    problem(client.post("/v1/events?key=tb_write_guess", json=[], headers=BEACON), 401, "unauthorised")
    problem(client.post("/v1/events?key=", json=[], headers=BEACON), 401, "unauthorised")
    app.keys.revoke("page")
    problem(client.post(f"/v1/events?key={write_key}", json=[], headers=BEACON), 401, "unauthorised")


def test_a_key_in_a_header_counts_before_one_in_the_address(client, problem, write_key, event):
    wrong = {"Authorization": "Bearer tb_write_guess"}
    problem(client.post(f"/v1/events?key={write_key}", json=[event()], headers=wrong), 401, "unauthorised")
    assert client.post("/v1/events?key=tb_write_guess", json=[event()]).status_code == 202


@pytest.mark.parametrize("path", ["/v1/recommendations", "/v1/search", "/v1/identify"])
def test_nothing_else_takes_a_key_in_the_address(client, problem, write_key, path):
    problem(client.post(f"{path}?key={write_key}", json={}, headers={"Authorization": ""}), 401, "unauthorised")


def test_a_write_key_in_the_address_says_no_more_than_in_a_header(client, app, write_key):
    call = {"type": "identify", "messageId": "m", "userId": "u1", "anonymousId": "a1", "traits": {"plan": "gold"}}
    address = f"/v1/events?format=segment&key={write_key}"
    client.post(address, content=json.dumps(call), headers=BEACON)
    assert [record.kind for record in app.log.read(0, 10)] == ["identity"]


def test_a_failure_writes_no_key_into_our_log(client, app, monkeypatch, write_key, event):
    def broken():
        raise RuntimeError("the clock is gone")

    monkeypatch.setattr(app, "clock", broken)
    with structlog.testing.capture_logs() as lines:
        answer = client.post(f"/v1/events?key={write_key}", json=[event()], headers=BEACON)
    assert answer.status_code >= 500
    assert lines
    assert write_key not in str(lines)
    assert write_key not in answer.text


def test_pages_of_other_origins_may_read_when_to_try_again(client):
    answer = client.post("/v1/events", json=[], headers={"Origin": "https://shop.example"})
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert "Retry-After" in answer.headers["access-control-expose-headers"]


def test_the_document_says_which_endpoint_takes_a_key_in_its_address(client):
    document = client.get("/openapi.json").json()
    takes = [
        path
        for path, methods in document["paths"].items()
        for operation in methods.values()
        if {"address": []} in operation["security"]
    ]
    assert takes == ["/v1/events"]
    assert document["components"]["securitySchemes"]["address"]["name"] == "key"
