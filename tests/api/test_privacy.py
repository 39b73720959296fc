"""Copies and erasures over HTTP, and from the command line."""


def test_who_is_erased_is_a_stranger_in_the_next_slate_and_gone_from_every_answer(shop, app, event, slate, problem):
    shop.post("/v1/events", json=[event(event_id="e1"), event(event_id="e2", anonymous_id="phone", item_id="rug-1")])
    slate(user_id="ann")
    copy = shop.post("/v1/privacy/export", json={"user_id": "ann"}).json()
    assert [one["event_id"] for one in copy["events"]] == ["e1", "e2"]
    assert (copy["devices"], len(copy["decisions"])) == (["phone"], 1)

    proof = shop.post("/v1/privacy/erase", json={"user_ids": ["ann"]}).json()
    assert (proof["people"], proof["devices"], proof["records"], proof["decisions"], proof["left"]) == (1, 1, 2, 1, 0)
    assert app.engine.state.person("u:ann").number == -1
    problem(shop.get("/v1/users/ann/profile"), 404, "not_found")
    problem(shop.post("/v1/privacy/export", json={"user_id": "ann"}), 404, "not_found")
    problem(shop.post("/v1/privacy/erase", json={"user_ids": ["ann"]}), 404, "not_found")
    assert shop.get("/v1/privacy/erasures").json() == {"erasures": [proof]}


def test_an_erasure_names_somebody_and_needs_a_secret_key(client, problem, browser):
    problem(client.post("/v1/privacy/erase", json={}), 400, "bad_input")
    problem(client.post("/v1/privacy/erase", json={"user_ids": ["x"]}, headers=browser), 403, "forbidden")
    problem(client.post("/v1/privacy/export", json={"user_id": "x"}, headers=browser), 403, "forbidden")


def test_what_happens_after_an_erasure_is_somebody_new(shop, event):
    shop.post("/v1/events", json=[event(event_id="e1")])
    shop.post("/v1/privacy/erase", json={"user_ids": ["ann"]})
    assert shop.post("/v1/events", json=[event(event_id="e9", item_id="rug-2")]).json()["accepted"] == 1
    copy = shop.post("/v1/privacy/export", json={"user_id": "ann"}).json()
    assert [one["event_id"] for one in copy["events"]] == ["e9"]
