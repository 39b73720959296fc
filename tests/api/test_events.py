import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from litestar.testing import TestClient

from tailorbird.api.server import create_api
from tailorbird.app import App
from tailorbird.config import Config, EventsConfig

LINES = "application/x-ndjson"


def test_an_object_a_list_and_lines_are_all_read(client, event):
    for body, media_type in (
        (json.dumps({"events": [event(event_id="a")]}), "application/json"),
        (json.dumps([event(event_id="b")]), "application/json"),
        (json.dumps(event(event_id="c")) + "\n\n" + json.dumps(event(event_id="d")) + "\n", LINES),
        (json.dumps(event(event_id="e")) + "\n" + json.dumps(event(event_id="f")), "application/json"),
        (json.dumps(event(event_id="g")), "application/json; charset=utf-8"),
        (json.dumps({"events": [event(event_id="h")]}), "text/plain;charset=UTF-8"),
    ):
        answer = client.post("/v1/events", content=body, headers={"Content-Type": media_type})
        assert answer.status_code == 202, answer.text
        assert answer.json()["accepted"] >= 1
    assert client.get("/health/ready").json()["seq"] == 8


def test_the_same_event_again_is_a_duplicate(client, event):
    sent = event(event_id="e-1")
    assert client.post("/v1/events", json=[sent]).json()["accepted"] == 1
    assert client.post("/v1/events", json=[sent]).json() == {"accepted": 0, "duplicates": 1, "rejected": []}


def test_a_retry_of_events_without_ids_adds_nothing_but_real_repeats_stay(client, event):
    sent = [event(at="2026-01-05T10:00:00Z")] * 2
    assert client.post("/v1/events", json=sent).json()["accepted"] == 2
    assert client.post("/v1/events", json=sent).json() == {"accepted": 0, "duplicates": 2, "rejected": []}


def test_the_same_event_id_with_other_content_is_rejected_and_the_first_stays(client, app, event):
    client.post("/v1/events", json=[event(event_id="e-1", item_id="mug-1", at=1.7e9)])
    answer = client.post("/v1/events", json=[event(event_id="e-1", item_id="mug-2", at=1.7e9)])
    assert answer.status_code == 202
    (rejected,) = answer.json()["rejected"]
    assert (rejected["index"], rejected["code"]) == (0, "conflicting_event")
    assert "e-1" in rejected["message"]
    assert [json.loads(r.body)["item_id"] for r in app.log.read(0, 10)] == ["mug-1"]


def test_bad_events_are_told_by_their_place_and_cost_the_good_ones_nothing(client, event):
    sent = [
        event(),
        {**event(), "type": None},
        event(at="yesterday"),
        event(item_id="x" * 300),
        event(user_id=None),
        event("rating", rating="12,50 EUR"),
        event(at="1999-12-31"),
        "no object",
        event(user_id="bob"),
    ]
    answer = client.post("/v1/events", json=sent).json()
    assert answer["accepted"] == 2
    assert [(one["index"], one["code"]) for one in answer["rejected"]] == [
        (1, "missing_field"),
        (2, "bad_time"),
        (3, "id_too_long"),
        (4, "missing_field"),
        (5, "bad_number"),
        (6, "implausible_time"),
        (7, "wrong_type"),
    ]
    assert "12,50 EUR" in answer["rejected"][4]["message"]


def test_a_broken_line_costs_only_itself(client, event):
    body = "\n".join([json.dumps(event()), '{"type": ', json.dumps(event(user_id="bob"))])
    answer = client.post("/v1/events", content=body, headers={"Content-Type": LINES}).json()
    assert answer["accepted"] == 2
    assert [(one["index"], one["code"]) for one in answer["rejected"]] == [(1, "broken_line")]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "broken_line"),
        (b"{", "broken_line"),
        (b"[" * 100_000, "broken_line"),
        (b'{"events": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}", "broken_line"),
        (b"\xff\xfe", "broken_line"),
        (b"7", "wrong_type"),
        (b'{"events": 7}', "wrong_type"),
        (b'{"evnets": []}', "missing_field"),
        (b'"text"', "wrong_type"),
    ],
)
def test_a_body_that_is_no_batch_is_refused_whole(client, problem, body, code):
    problem(client.post("/v1/events", content=body, headers={"Content-Type": "application/json"}), 400, code)


def test_deeply_nested_events_are_rejected_without_harm(client, event):
    deep = json.dumps(event())[:-1] + ', "properties": ' + '{"a":' * 5_000 + "1" + "}" * 5_000 + "}"
    answer = client.post("/v1/events", content=f"[{deep}]", headers={"Content-Type": "application/json"})
    assert answer.status_code in (202, 400)
    assert answer.json().get("accepted", 0) == 0
    assert client.get("/health/live").status_code == 200


def test_an_empty_batch_is_fine(client):
    assert client.post("/v1/events", json={"events": []}).json() == {"accepted": 0, "duplicates": 0, "rejected": []}


def test_one_event_more_than_allowed_is_refused_whole(client, problem, event):
    sent = [event(event_id=str(n)) for n in range(5_001)]
    told = problem(client.post("/v1/events", json=sent), 413, "too_large")
    assert "5001" in told["detail"]
    assert client.post("/v1/events", json=sent[:5_000]).json()["accepted"] == 5_000


def test_a_body_over_the_limit_is_refused_whether_or_not_its_length_is_announced(client, problem, app):
    body = b" " * (8 * 2**20 + 1)
    head = {"Content-Type": "application/json"}
    told = problem(client.post("/v1/events", content=body, headers=head), 413, "too_large")
    assert "8 MB" in told["detail"]
    chunks = (body[start : start + 2**20] for start in range(0, len(body), 2**20))
    problem(client.post("/v1/events", content=chunks, headers=head), 413, "too_large")
    assert app.log.last_seq() == 0


def test_a_body_just_under_the_limit_is_taken(client, event):
    filler = "x" * 3_000
    sent = json.dumps([event(event_id=str(n), properties={"note": filler}) for n in range(2_500)])
    assert 7_000_000 < len(sent) < 8 * 2**20
    answer = client.post("/v1/events", content=sent, headers={"Content-Type": "application/json"})
    assert answer.json()["accepted"] == 2_500


@pytest.mark.parametrize("media_type", ["text/csv", "multipart/form-data; boundary=x", "application/xml"])
def test_another_content_type_is_refused_by_name(client, problem, media_type):
    answer = client.post("/v1/events", content=b"[]", headers={"Content-Type": media_type})
    assert media_type.partition(";")[0] in problem(answer, 415, "unsupported_media_type")["detail"]


def test_a_compressed_body_is_refused_by_name(client, problem):
    answer = client.post("/v1/events", content=b"[]", headers={"Content-Encoding": "gzip"})
    assert "gzip" in problem(answer, 415, "unsupported_media_type")["detail"]


def test_an_unknown_format_is_refused_by_name(client, problem):
    assert "abc" in problem(client.post("/v1/events?format=abc", json=[]), 400, "unknown_format")["detail"]


def test_unknown_fields_and_types_are_kept(client, app, event):
    client.post("/v1/events", json=[event("puzzled_look", item_id=None, mood="odd")])
    kept = json.loads(app.log.read(0, 1)[0].body)
    assert (kept["type"], kept["properties"]) == ("puzzled_look", {"mood": "odd"})


def test_what_was_accepted_is_on_the_disk_when_the_answer_comes(client, app, event):
    client.post("/v1/events", json=[event(event_id="e-1")])
    with type(app).open(app.shop_dir) as another_process:
        assert [record.key for record in another_process.log.read(0, 10)] == ["e-1"]


def test_an_accepted_click_changes_the_next_slate(shop, slate, event):
    together = [event("item_view", user_id=f"u{n}", item_id=item) for n in range(8) for item in ("mug-1", "rug-3")]
    shop.post("/v1/events", json=together)
    before = {item["item_id"]: item["score"] for item in slate(limit=36)["items"]}
    shop.post("/v1/events", json=[event("list_click", item_id="mug-1", event_id="c-1")])
    answer = slate(limit=36)
    after = {item["item_id"]: item["score"] for item in answer["items"]}
    assert after != before
    assert "mug 1" in next(item["reason"] for item in answer["items"] if item["item_id"] == "rug-3")


def test_dismissing_an_item_takes_it_out_of_the_next_slate(shop, slate, event):
    for turn in range(5):
        first = slate(limit=5)["items"][0]["item_id"]
        shop.post("/v1/events", json=[event("dismiss", item_id=first, event_id=f"d-{turn}")])
        assert first not in [item["item_id"] for item in slate(limit=36)["items"]]


def test_events_that_come_at_once_are_all_kept(shop, event):
    def send(n):
        return shop.post("/v1/events", json=[event(event_id=f"e-{n}-{k}") for k in range(10)]).json()["accepted"]

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(send, range(24))) == 240
    assert shop.get("/health/ready").json()["seq"] == 36 + 240


def test_another_systems_calls_are_taken_as_they_are(client, app):
    calls = [
        {"type": "track", "event": "Product Viewed", "messageId": "m1", "userId": "u1", "properties": {"sku": "mug-1"}},
        {
            "type": "identify",
            "messageId": "m2",
            "userId": "u1",
            "anonymousId": "a1",
            "traits": {"email": "a@b.example"},
        },
        {"type": "group", "messageId": "m3", "userId": "u1"},
        {"type": "track", "event": "Product Viewed", "messageId": "m4", "userId": "u1", "properties": {}},
    ]
    answer = client.post("/v1/events?format=segment", json={"batch": calls}).json()
    (rejected,) = answer.pop("rejected")
    assert answer == {"accepted": 2, "duplicates": 0, "ignored": 1, "dropped": {"email": 1}}
    assert (rejected["index"], rejected["code"]) == (3, "missing_field")
    assert "properties.product_id is missing" in rejected["message"]
    assert [record.kind for record in app.log.read(0, 10)] == ["event", "identity", "user"]
    assert 'tailorbird_personal_fields_dropped_total{format="segment",shop="shop"} 1.0' in client.get("/metrics").text


def test_a_call_that_is_sent_again_later_is_the_same_call(client):
    sent = {
        "type": "track",
        "event": "Product Viewed",
        "messageId": "m1",
        "userId": "u1",
        "originalTimestamp": "2026-01-05T10:00:00Z",
        "sentAt": "2026-01-05T10:00:01Z",
        "properties": {"product_id": "mug-1"},
    }
    assert client.post("/v1/events?format=segment", json=sent).json()["accepted"] == 1
    again = client.post("/v1/events?format=segment", json={**sent, "sentAt": "2026-01-05T10:00:31Z"}).json()
    assert again == {"accepted": 0, "duplicates": 1, "rejected": []}


def test_a_line_that_is_broken_costs_the_other_calls_nothing(client):
    good = json.dumps({"type": "page", "messageId": "m1", "anonymousId": "a1", "timestamp": "2026-01-05T10:00:00Z"})
    answer = client.post("/v1/events?format=segment", content=f"{good}\n{{\n", headers={"Content-Type": LINES}).json()
    assert (answer["accepted"], [one["index"] for one in answer["rejected"]]) == (1, [1])


def test_an_item_that_is_told_in_parts_becomes_whole(client, app):
    def part(name, value):
        fields = [{"name": name, "value": value}]
        return {"event": "item", "id": name, "timestamp": 1_767_600_000_000, "item": "lamp-1", "fields": fields}

    assert client.post("/v1/events?format=metarank", json=[part("title", "Lamp"), part("price", 8)]).status_code == 202
    client.post("/v1/events?format=metarank", json=part("colour", "red"))
    known = json.loads(app.log.current("item", "lamp-1"))
    assert (known["title"], known["price"], known["attributes"]) == ("Lamp", 8.0, {"colour": "red"})


def test_the_good_events_of_a_body_are_taken_beside_the_bad_ones(client):
    view = {"name": "view_item", "params": {"items": [{"item_id": "mug-1"}]}}
    answer = client.post("/v1/events?format=ga4", json={"client_id": "c7", "events": [view, {"name": "search"}]}).json()
    (rejected,) = answer["rejected"]
    assert (answer["accepted"], rejected["index"]) == (1, 1)
    assert "search_term is missing" in rejected["message"]


def test_a_catalogues_format_is_none_of_events(client):
    refused = client.post("/v1/events?format=google-merchant", json={"id": "mug-1"})
    assert (refused.status_code, refused.json()["code"]) == (400, "unknown_format")
    assert "tailorbird import items" in refused.text


def test_nothing_is_kept_of_who_declines_until_they_agree_again(client, app, event):
    def send(**more):
        answer = client.post("/v1/events", json=[event(**more)]).json()
        return answer["accepted"], answer.get("ignored", 0)

    assert send() == (1, 0)
    assert send(consent={"analytics": False}, item_id="mug-2") == (1, 0)
    assert send(item_id="mug-3") == (0, 1)
    assert send(consent={"analytics": True}, item_id="mug-4") == (1, 0)
    assert send(item_id="mug-5") == (1, 0)
    kept = [json.loads(record.body) for record in app.log.read(0, 10)]
    assert [one.get("item_id") for one in kept] == ["mug-1", None, "mug-4", "mug-5"]
    assert kept[1]["type"] == "consent"


def test_unknown_types_are_kept_and_warned_of_with_what_was_meant(client, event):
    sent = [event("item_veiw"), event("item_veiw", user_id="ben"), event("zzz"), event("item_view")]
    told = client.post("/v1/events", json=sent).json()
    assert (told["accepted"], told["rejected"]) == (4, [])
    assert [(one["code"], one["count"]) for one in told["warnings"]] == [("unknown_type", 2), ("unknown_type", 1)]
    assert "2 events are of the type 'item_veiw'" in told["warnings"][0]["message"]
    assert "Did you mean 'item_view'?" in told["warnings"][0]["message"]
    assert "[events.weights]" in told["warnings"][1]["message"]
    assert "warnings" not in client.post("/v1/events", json=sent[:1]).json()  # a duplicate was warned of before


def test_a_type_that_the_shop_gave_a_weight_is_known(shop_dir, event):
    config = Config(events=EventsConfig(weights={"quiz": 2.0}))
    with App.open(shop_dir, config=config) as app, TestClient(create_api(app)) as client:
        key = {"Authorization": f"Bearer {app.keys.create('test', 'secret')}"}
        assert "warnings" not in client.post("/v1/events", json=[event("quiz")], headers=key).json()


def test_many_unknown_types_are_not_all_named(client, event):
    told = client.post("/v1/events", json=[event(f"kind-{n}") for n in range(30)]).json()
    assert (told["accepted"], len(told["warnings"])) == (30, 10)


def test_items_that_are_not_in_the_catalogue_are_counted(shop, event):
    shop.post(
        "/v1/events", json=[event(), event(item_id="typo"), event("cart_view", item_id=None, items=["mug-1", "x"])]
    )
    shop.post(
        "/v1/events?format=shopify",
        json={
            "name": "product_viewed",
            "clientId": "c",
            "timestamp": "2026-11-01",
            "data": {"productVariant": {"id": "unknown"}},
        },
    )
    assert 'tailorbird_events_unknown_items_total{shop="shop"} 3.0' in shop.get("/metrics").text


def test_a_shop_without_a_catalogue_counts_no_unknown_items(client, event):
    client.post("/v1/events", json=[event()])
    assert 'tailorbird_events_unknown_items_total{shop="shop"} 0.0' in client.get("/metrics").text
