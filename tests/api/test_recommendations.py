import pytest


def shown(answer):
    return [item["item_id"] for item in answer["items"]]


def test_a_slate_has_the_promised_shape(slate):
    answer = slate()
    assert list(answer) == ["decision_id", "surface", "policy", "items", "next_cursor", "degraded", "timings_ms"]
    assert answer["items"] == []


@pytest.mark.usefixtures("shop")
def test_each_item_of_a_slate_says_why_and_how_likely(slate):
    answer = slate(limit=5)
    assert [item["position"] for item in answer["items"]] == [0, 1, 2, 3, 4]
    for item in answer["items"]:
        assert set(item) == {"item_id", "position", "score", "source", "reason", "propensity", "explored"}
        assert 0 < item["propensity"] <= 1
        assert item["reason"]
    assert answer["timings_ms"]["total"] > 0


@pytest.mark.usefixtures("shop")
def test_a_stranger_and_an_unknown_user_get_full_slates(slate):
    assert len(slate(user_id="never-seen-before", limit=20)["items"]) == 20
    assert len(slate(user_id=None, limit=20)["items"]) == 20
    assert len(slate(user_id=None, anonymous_id="ü/ö", limit=20)["items"]) == 20


@pytest.mark.usefixtures("shop")
def test_every_surface_answers(slate):
    for surface in ("home", "item", "cart", "search", "email", "push", "feed", "assistant"):
        answer = slate(surface=surface, item_id="mug-1", cart=["lamp-1"], query="red lamp", limit=3)
        assert answer["surface"] == surface
        assert len(answer["items"]) == 3
        assert not {"mug-1", "lamp-1"} & set(shown(answer))


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("item_id", "words"), [(None, "no item_id came"), ("mug-99", "'mug-99' is not in the catalogue")]
)
def test_an_item_page_without_a_known_item_says_that_its_slate_is_the_persons(slate, item_id, words):
    answer = slate(surface="item", item_id=item_id, limit=5)
    assert len(answer["items"]) == 5
    assert words in answer["degraded"]


@pytest.mark.usefixtures("shop")
def test_only_an_item_page_needs_an_item(slate):
    first = slate(surface="item", item_id="mug-1", limit=5)
    assert first["degraded"] is None
    assert slate(surface="item", cursor=first["next_cursor"], limit=5)["degraded"] is None
    assert slate(surface="cart")["degraded"] is None


def test_search_answers_like_the_surface_of_that_name(shop, problem):
    answer = shop.post("/v1/search", json={"user_id": "ann", "query": "red lamp", "limit": 4}).json()
    assert answer["surface"] == "search"
    assert len(answer["items"]) == 4
    problem(shop.post("/v1/search", json={"user_id": "ann"}), 400, "missing_field")
    problem(shop.post("/v1/search", json={"query": "x", "surface": "home"}), 400, "bad_input")


def test_an_unknown_surface_is_told_with_the_nearest_one(client, problem):
    told = problem(client.post("/v1/recommendations", json={"surface": "hom"}), 400, "unknown_surface")
    assert "'hom'" in told["detail"]
    assert "Did you mean 'home'?" in told["hint"]


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ({}, "missing_field", "surface"),
        ({"surface": "home", "limit": "ten"}, "wrong_type", 'limit is "ten"'),
        ({"surface": "home", "limit": 0}, "bad_input", "limit is 0"),
        ({"surface": "home", "limit": 501}, "bad_input", "limit is 501"),
        ({"surface": "home", "limit": 2.5}, "wrong_type", "limit is 2.5"),
        ({"surface": "home", "cart": ["a", 3]}, "wrong_type", "cart[1] is 3"),
        ({"surface": "home", "user_id": "x" * 257}, "id_too_long", "user_id"),
        ({"surface": "home", "user_id": 7}, "wrong_type", "user_id is 7"),
        ({"surface": "home", "boost": {"brand:blue": -1}}, "bad_input", "boost"),
        ({"surface": "home", "userid": "ann"}, "bad_input", "'userid'"),
        ({"surface": "home", "filter": {"colour": "red"}}, "bad_input", "colour"),
        ({"surface": "home", "filter": {"price": "cheap"}}, "bad_input", "cheap"),
        ({"surface": "home", "fields": ["titel"]}, "bad_input", "titel"),
        ({"surface": "home", "cursor": "nothing"}, "bad_input", "nothing"),
        ([], "wrong_type", "The body is []"),
    ],
)
def test_a_mistake_is_told_with_its_field_and_value(shop, problem, body, code, words):
    assert words in problem(shop.post("/v1/recommendations", json=body), 400, code)["detail"]


def test_a_misspelt_field_is_told_with_the_nearest_one(client, problem):
    answer = client.post("/v1/recommendations", json={"surface": "home", "userid": "ann"})
    assert "Did you mean 'user_id'?" in problem(answer, 400, "bad_input")["hint"]


def test_a_form_is_refused_with_the_remedy(client, problem):
    told = problem(client.post("/v1/recommendations", data={"surface": "home"}), 415, "unsupported_media_type")
    assert "application/json" in told["hint"]


@pytest.mark.usefixtures("shop")
def test_filters_and_exclusions_hold(slate):
    answer = slate(filter={"brand": "red"}, exclude=["lamp-1", "lamp-2"], limit=36)
    assert len(answer["items"]) == 10
    assert all(item.startswith("lamp-") for item in shown(answer))


@pytest.mark.usefixtures("shop")
def test_a_boost_moves_items_up(slate):
    answer = slate(boost={"brand:red": 1000.0}, limit=5)
    best = next(item for item in answer["items"] if not item["explored"])
    assert best["item_id"].startswith("lamp-")
    assert shown(slate(limit=1))[0].startswith("rug-")


def test_the_region_of_the_context_holds(shop, slate):
    shop.patch("/v1/items/mug-1", json={"regions": ["NO"]})
    assert "mug-1" not in shown(slate(limit=36))
    assert "mug-1" not in shown(slate(limit=36, context={"region": "SE"}))
    assert "mug-1" in shown(slate(limit=36, context={"region": "NO"}))


@pytest.mark.usefixtures("shop")
def test_pages_follow_each_other_without_repeats_to_the_end(slate):
    seen, cursor = [], None
    for _ in range(10):
        answer = slate(limit=10, cursor=cursor)
        seen += shown(answer)
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert cursor is None
    assert len(seen) == len(set(seen))
    assert len(seen) >= 20


@pytest.mark.usefixtures("shop")
def test_asked_fields_come_along(slate):
    (item,) = slate(limit=1, fields=["title", "price"])["items"]
    assert set(item["item"]) == {"title", "price"}
    (item,) = slate(limit=1, fields=["*"])["items"]
    assert item["item"]["margin"] == 3.0
    assert "withdrawn" not in item["item"]


@pytest.mark.usefixtures("shop")
def test_explain_says_what_each_channel_thought(slate):
    answer = slate(limit=2, explain=True)
    assert answer["explanation"]["items"].keys() == set(shown(answer))
    assert all("channels" in item for item in answer["items"])
    assert "explanation" not in slate(limit=2)


def test_the_decision_can_be_read_back_whole(shop, slate, problem):
    answer = slate(limit=4, context={"device": "phone"})
    story = shop.get(f"/v1/decisions/{answer['decision_id']}").json()
    assert [item["item_id"] for item in story["items"]] == shown(answer)
    assert story["request"]["context"] == {"device": "phone"}
    assert story["request"]["limit"] == 4
    assert story["degraded"] is None
    assert {"seq", "policy_version", "models", "timings_ms", "pool_size"} <= story.keys()
    problem(shop.get("/v1/decisions/nothing"), 404, "not_found")


@pytest.mark.parametrize("purpose", ["personalisation", "Personalization"])
def test_no_consent_to_personalisation_holds_for_the_next_slate(shop, event, purpose):
    shop.post("/v1/events", json=[event("purchase", item_id="rug-3")])
    assert shop.get("/v1/users/ann/profile").json()["personalised"] is True
    shop.put("/v1/users/ann", json={"consent": {purpose: False}})
    assert shop.get("/v1/users/ann/profile").json()["personalised"] is False


def test_a_consent_withdrawn_in_the_middle_of_a_visit_holds_for_the_next_slate(shop, event):
    visit = {"user_id": None, "anonymous_id": "phone"}
    shop.post("/v1/events", json=[event(**visit, item_id=f"mug-{n}") for n in range(4)])

    def slate(who):
        ask = {"surface": "home", "limit": 5, "explain": True, **who}
        return shop.post("/v1/recommendations", json=ask).json()["explanation"]["retrieved"]

    assert slate({"anonymous_id": "phone"})["covisitation"] > slate({})["covisitation"]
    shop.post("/v1/events", json=[event("page_view", **visit, item_id=None, consent={"personalisation": False})])
    assert slate({"anonymous_id": "phone"}) == slate({})
    shop.post("/v1/identify", json={"anonymous_id": "phone", "user_id": "ann"})
    assert slate({"user_id": "ann"}) == slate({})
