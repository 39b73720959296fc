from urllib.parse import quote

import pytest

ANN = {"traits": {"tier": "gold"}, "locale": "de", "consent": {"personalisation": True}}


def test_a_user_is_put_and_read_back(client):
    assert client.put("/v1/users/ann", json=ANN).status_code == 200
    user = client.get("/v1/users/ann").json()
    assert user["user_id"] == "ann"
    assert (user["traits"], user["locale"], user["consent"]) == ({"tier": "gold"}, "de", {"personalisation": True})


@pytest.mark.parametrize("user_id", ["a/b", "a/profile", "ü", "profile"])
def test_ids_with_anything_in_them_reach_the_right_endpoint(client, event, user_id):
    encoded = quote(user_id, safe="")
    client.put(f"/v1/users/{encoded}", json={"locale": "de"})
    client.post("/v1/events", json=[event(user_id=user_id)])
    assert client.get(f"/v1/users/{encoded}").json()["locale"] == "de"
    assert client.get(f"/v1/users/{encoded}/profile").json()["user_id"] == user_id
    assert client.put(f"/v1/users/{encoded}/preferences", json={"size": "M"}).json()["user_id"] == user_id


def test_preferences_replace_preferences_and_leave_the_rest(client):
    client.put("/v1/users/ann", json=ANN)
    client.put("/v1/users/ann/preferences", json={"size": "M", "colour": "red"})
    user = client.put("/v1/users/ann/preferences", json={"size": "L"}).json()
    assert user["preferences"] == {"size": "L"}
    assert user["traits"] == {"tier": "gold"}


def test_preferences_of_somebody_new_make_a_user(client):
    assert client.put("/v1/users/bob/preferences", json={"size": "M"}).status_code == 200
    assert client.get("/v1/users/bob").json()["preferences"] == {"size": "M"}


def test_unknown_users_are_not_found(client, problem):
    problem(client.get("/v1/users/nobody"), 404, "not_found")
    problem(client.get("/v1/users/nobody/profile"), 404, "not_found")


@pytest.mark.parametrize("body", [{"consent": {"personalisation": "maybe"}}, {"user_id": "bob"}, {"traits": 7}, []])
def test_a_bad_user_is_refused(client, body):
    answer = client.put("/v1/users/ann", json=body)
    assert answer.status_code == 400
    assert client.get("/v1/users/ann").status_code == 404


def test_identifying_joins_what_both_did(client, event):
    client.post("/v1/events", json=[event(user_id=None, anonymous_id="dev-1", item_id="rug-1", event_id="1")])
    client.post("/v1/events", json=[event(item_id="mug-1", event_id="2")])
    answer = client.post("/v1/identify", json={"anonymous_id": "dev-1", "user_id": "ann"})
    assert answer.json() == {"anonymous_id": "dev-1", "user_id": "ann", "joined": True}
    recent = client.get("/v1/users/ann/profile").json()["recent_items"]
    assert [one["item_id"] for one in recent] == ["mug-1", "rug-1"]


def test_identifying_twice_writes_nothing(client, app):
    sent = {"anonymous_id": "dev-1", "user_id": "ann"}
    client.post("/v1/identify", json=sent)
    last = app.log.last_seq()
    assert client.post("/v1/identify", json=sent).json()["joined"] is False
    assert app.log.last_seq() == last


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"user_id": "ann"}, "missing_field"),
        ({"anonymous_id": "", "user_id": "ann"}, "bad_input"),
        ({"anonymous_id": "x" * 257, "user_id": "ann"}, "id_too_long"),
        ({"anonymous_id": 7, "user_id": "ann"}, "wrong_type"),
    ],
)
def test_a_bad_identification_is_refused(client, problem, body, code):
    problem(client.post("/v1/identify", json=body), 400, code)


def test_a_profile_says_who_somebody_is_to_the_shop(client, event):
    client.post("/v1/events", json=[event(type="purchase", item_id="mug-1", event_id="1")])
    told = client.get("/v1/users/ann/profile").json()["customer"]
    assert (told["segment"], told["orders"]) == ("new", 1)
    assert 0 <= told["churn_risk"] <= 1


def test_a_profile_says_which_consent_holds_and_a_user_what_was_told(client, event):
    client.put("/v1/users/ann", json={"consent": {"personalisation": True, "ads": True}})
    client.post("/v1/events", json=[event(consent={"personalisation": False})])
    holds = {"personalisation": False, "ads": True}
    assert client.get("/v1/users/ann/profile").json()["consent"] == holds
    assert client.get("/v1/users/ann").json()["consent"] == {"personalisation": True, "ads": True}


def test_only_a_secret_key_makes_one_again_of_those_who_were_taken_apart(client, browser):
    both = {"anonymous_id": "dev-9", "user_id": "bob"}
    assert client.post("/v1/identify", json=both, headers=browser).json()["joined"]
    assert client.post("/v1/separate", json=both).json() == {**both, "separated": True}
    assert not client.post("/v1/identify", json=both, headers=browser).json()["joined"]
    assert client.post("/v1/identify", json=both).json()["joined"]


def test_ids_that_nobody_has_seen_are_named_and_taken_apart_all_the_same(client):
    client.put("/v1/users/bob", json=ANN)
    told = client.post("/v1/separate", json={"anonymous_id": "brandnew", "user_id": "bob"}).json()
    assert (told["separated"], told["unknown"]) == (True, ["brandnew"])
    both = {"anonymous_id": "brandnew", "user_id": "nobody"}
    assert client.post("/v1/separate", json=both).json()["unknown"] == ["brandnew", "nobody"]
