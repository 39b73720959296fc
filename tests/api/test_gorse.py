"""What a client of Gorse calls, as Gorse's documentation writes it ("RESTful APIs", "Data Source")."""

import pytest


def test_a_client_of_gorse_fills_a_shop_and_is_answered(client):
    items = [{"ItemId": f"i{n}", "Categories": ["a" if n % 2 else "b"], "Comment": f"Item {n}", "IsHidden": False,
              "Timestamp": f"2026-01-{n + 1:02}T00:00:00Z", "Labels": {"n": n}} for n in range(12)]  # fmt: skip
    assert client.post("/api/items", json=items).json() == {"RowAffected": 12}
    assert client.post("/api/user", json={"UserId": "bob", "Labels": {"plan": "gold"}}).json() == {"RowAffected": 1}
    seen = [
        {"FeedbackType": "click", "UserId": user, "ItemId": f"i{n}", "Timestamp": f"2026-02-{n + 1:02}T10:00:00Z"}
        for user in ("bob", "eve", "kim")
        for n in (1, 3, 5)
    ]
    assert client.post("/api/feedback", json=seen).json() == {"RowAffected": 9}
    assert client.put("/api/feedback", json=seen).json() == {"RowAffected": 0}

    ids = client.get("/api/recommend/bob?n=4").json()
    assert len(ids) == 4
    assert {*ids} <= {one["ItemId"] for one in items}
    scored = client.get("/api/recommend/bob?n=4", headers={"X-API-Version": "2"}).json()
    assert [one["Id"] for one in scored] != []
    assert {*scored[0]} == {"Id", "Score"}
    only = client.get("/api/recommend/bob?n=5&category=b").json()
    assert only
    assert all(int(one[1:]) % 2 == 0 for one in only)
    assert client.get("/api/item-to-item/neighbors/i1?n=3").json()[0]["Id"] != "i1"
    assert len(client.get("/api/non-personalized/popular?n=3").json()) == 3
    assert [one["Id"] for one in client.get("/api/latest?n=2").json()] == ["i11", "i10"]
    session = [{"FeedbackType": "click", "UserId": "", "ItemId": "i1", "Timestamp": "2026-02-01"}]
    assert client.post("/api/session/recommend?n=3", json=session).json()
    assert client.get("/api/user/bob").json() == {"UserId": "bob", "Labels": {"plan": "gold"}, "Comment": ""}
    told = client.get("/api/item/i3").json()
    assert (told["Comment"], told["Categories"], told["Labels"]) == ("Item 3", ["a"], {"n": 3})


def test_what_is_deleted_is_gone(client, app, problem):
    client.post("/api/item", json={"ItemId": "i1", "Comment": "Lamp"})
    client.post("/api/feedback", json=[{"FeedbackType": "like", "UserId": "bob", "ItemId": "i1"}])
    assert client.delete("/api/user/bob").json() == {"RowAffected": 1}
    assert app.engine.state.person("u:bob").number == -1
    assert client.delete("/api/item/i1").json() == {"RowAffected": 1}
    problem(client.get("/api/item/i1"), 404, "not_found")
    problem(client.get("/api/user/bob"), 404, "not_found")


@pytest.mark.parametrize("n", ["0", "many", "-1", "9999999999"])
def test_a_number_that_is_none_is_named(client, problem, n):
    problem(client.get(f"/api/recommend/bob?n={n}"), 400, "bad_input")


def test_bad_records_are_named_and_a_write_key_sends_feedback_alone(client, app, browser, problem):
    refused = client.post("/api/feedback", json=[{"FeedbackType": "like", "UserId": "bob"}])
    problem(refused, 400, "bad_input")
    assert "ItemId is missing" in refused.json()["detail"]
    problem(client.post("/api/item", json={"ItemId": "i1"}, headers=browser), 403, "forbidden")
    sneaked = client.post("/api/feedback", json=[{"ItemId": "i1", "Comment": "Free"}], headers=browser)
    assert sneaked.json() == {"RowAffected": 0}
    assert app.log.current("item", "i1") is None
