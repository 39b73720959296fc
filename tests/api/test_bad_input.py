"""What hostile and broken clients send: it is refused with its reason, and costs the others nothing."""

import json
import time

import pytest

from tailorbird.api.bodies import MOST_DEPTH, check_depth
from tailorbird.errors import BrokenLine

DEEP = 100_000
OPENING = {"lists": b"[", "objects": b'{"a":'}
SHAPES = {
    "alone": b"%s",
    "in a batch": b'{"events":[%s]}',
    "in a free field": b'[{"type":"item_view","at":1760000000,"user_id":"u","item_id":"i","properties":{"x":%s}}]',
    "in the context of a request": b'{"surface":"home","context":{"x":%s}}',
}


@pytest.mark.parametrize("path", ["/v1/events", "/v1/events?format=segment", "/v1/items", "/v1/recommendations",
                                  "/v1/identify", "/api/feedback", "/v1/privacy/erase"])  # fmt: skip
@pytest.mark.parametrize("opening", OPENING)
@pytest.mark.parametrize("closed", [True, False], ids=["closed", "never closed"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_hundred_thousand_brackets_are_a_bad_request(client, path, opening, closed, shape):
    inner = OPENING[opening] * DEEP
    if closed:
        inner += b"1" + (b"]" if opening == "lists" else b"}") * DEEP
    answer = client.post(path, content=SHAPES[shape] % inner, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400 or (answer.status_code == 202 and answer.json()["accepted"] == 0), answer.text
    assert client.get("/health/ready").status_code == 200


@pytest.mark.parametrize("depth", [MOST_DEPTH + 1, 500, 900])
def test_what_some_processes_could_read_and_others_not_is_refused_too(shop, problem, event, depth):
    context = "[" * (depth - 2) + "]" * (depth - 2)
    body = f'{{"surface":"home","context":{{"x":{context}}}}}'
    answer = shop.post("/v1/recommendations", content=body, headers={"Content-Type": "application/json"})
    problem(answer, 400, "broken_line")
    nested = json.dumps(event(event_id="deep")).replace("}", f', "properties": {{"x": {context}}}}}')
    answer = shop.post("/v1/events", content=f"[{nested}, {json.dumps(event())}]")
    assert answer.json()["accepted"] == 1
    assert [one["index"] for one in answer.json()["rejected"]] == [0]


def test_brackets_in_texts_are_no_depth():
    check_depth(json.dumps({"title": "[" * 1_000 + '"' + "]}" * 1_000, "tags": [1, [2]]}).encode())
    check_depth(b"[" + b",".join([b"[1]"] * 1_000) + b"]")
    hidden = b'{"a":"' + b"]" * 200 + b'","b":' + b"[" * 100 + b"]" * 100 + b"}"
    with pytest.raises(BrokenLine, match="64 levels"):
        check_depth(hidden)


def test_a_body_that_says_how_large_it_is_is_refused_by_its_head(client, problem):
    headers = {"Content-Length": str(50 * 2**20), "Content-Type": "application/json"}
    told = problem(client.post("/v1/events", content=b"[]", headers=headers), 413, "too_large")
    assert "8 MB" in told["detail"]


@pytest.mark.parametrize("path", ["/v1/events", "/v1/items", "/v1/recommendations"])
def test_a_body_that_does_not_say_so_is_refused_when_it_has_come_too_far(client, problem, path):
    pieces = (b" " * 2**20 for _ in range(50))
    problem(client.post(path, content=pieces, headers={"Content-Type": "application/json"}), 413, "too_large")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", '"NaN"', '"1e999"', "-1", "true", "[]"])
@pytest.mark.parametrize("around", ["[%s]", '{"items": [%s]}'])
def test_a_price_that_is_no_number_costs_its_own_record_only(client, number, around):
    records = f'{{"item_id": "a", "price": 1}}, {{"item_id": "b", "price": {number}}}, {{"item_id": "c"}}'
    answer = client.post("/v1/items", content=around % records)
    assert answer.status_code == 202, answer.text
    assert answer.json()["accepted"] == 2
    (refused,) = answer.json()["rejected"]
    assert refused["index"] == 1
    assert client.get("/v1/items/c").status_code == 200
    assert client.get("/v1/items/b").status_code == 404


def test_nan_in_an_event_costs_that_event_only(client, event):
    good, bad = json.dumps(event(event_id="good")), json.dumps(event(event_id="bad", value=float("nan")))
    for body in (f"[{good}, {bad}]", f"{good}\n{bad}\n"):
        answer = client.post("/v1/events", content=body)
        assert [one["index"] for one in answer.json()["rejected"]] == [1], answer.text
    alone = client.post("/v1/events", content=bad)
    assert (alone.status_code, alone.json()["accepted"]) == (202, 0)


@pytest.mark.parametrize("body", [b'[{"a": NaN}, ', b"NaN", b'{"events": NaN', b"[" * 5_000 + b"NaN"])
def test_what_is_broken_besides_nan_is_broken(client, problem, body):
    problem(client.post("/v1/events", content=body), 400, "broken_line")


def test_impossible_times_are_refused_one_by_one(client, event):
    now = time.time()
    times = [now, "1970-01-01T00:00:00Z", 0, "2100-01-01T00:00:00Z", 4_102_444_800, now + 30 * 86_400, 1e300, None, now]
    sent = [{**event(event_id=f"e{n}"), "at": at} for n, at in enumerate(times)]
    answer = client.post("/v1/events", json=sent)
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 2
    assert [one["index"] for one in answer.json()["rejected"]] == list(range(1, 8))
    codes = {one["code"] for one in answer.json()["rejected"]}
    assert codes <= {"implausible_time", "bad_time", "bad_number", "missing_field", "wrong_type"}, codes
