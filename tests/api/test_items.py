import json
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

ODD_IDS = ["a/b", "a//b", "/", "ü ñ/日本", "50%", "a%2Fb", "..", "a?b#c", "profile", "x/profile", "a+b", "  x"]


def ids(answer):
    return [item["item_id"] for item in answer["items"]]


def path(item_id):
    return f"/v1/items/{quote(item_id, safe='').replace('.', '%2E')}"


@pytest.mark.parametrize("item_id", ODD_IDS)
def test_any_id_can_be_put_read_changed_and_withdrawn(client, item_id):
    assert client.put(path(item_id), json={"title": "odd"}).json()["item_id"] == item_id
    assert client.get(path(item_id)).json()["title"] == "odd"
    assert client.patch(path(item_id), json={"price": 5}).json()["price"] == 5
    assert client.delete(path(item_id)).status_code == 204
    assert client.get(path(item_id)).status_code == 404


def test_a_slash_may_stand_in_the_path_as_it_is(client):
    client.put("/v1/items/shoes/red/42", json={"title": "odd"})
    assert client.get("/v1/items/shoes%2Fred%2F42").json()["item_id"] == "shoes/red/42"


def test_put_answers_with_the_whole_item(client):
    answer = client.put("/v1/items/x", json={"price": 12.5, "colour": "red"})
    assert answer.status_code == 200
    item = answer.json()
    assert (item["price"], item["available"], item["brand"]) == (12.5, True, None)
    assert item["attributes"] == {"colour": "red"}
    assert "withdrawn" not in item


def test_a_price_without_a_currency_is_in_the_shops(client):
    assert client.put("/v1/items/x", json={"price": 5}).json()["currency"] == "EUR"
    assert client.put("/v1/items/y", json={"price": 5, "currency": "SEK"}).json()["currency"] == "SEK"
    client.post("/v1/items", json=[{"item_id": "z", "price": 5}, {"item_id": "w"}])
    assert [client.get(f"/v1/items/{item}").json()["currency"] for item in "zw"] == ["EUR", None]


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ({"price": "12,50 EUR"}, "bad_number", "12,50 EUR"),
        ({"price": -1}, "bad_number", "price is -1"),
        ({"item_id": "y"}, "bad_input", "'y'"),
        ({"created_at": "soon"}, "bad_time", "soon"),
        ({"image_url": "javascript:alert(1)"}, "wrong_type", "javascript"),
        ([], "wrong_type", "[]"),
        (7, "wrong_type", "7"),
    ],
)
def test_a_bad_item_is_refused_with_field_and_value(client, problem, body, code, words):
    assert words in problem(client.put("/v1/items/x", json=body), 400, code)["detail"]
    problem(client.get("/v1/items/x"), 404, "not_found")


def test_an_id_of_300_characters_is_refused(client, problem):
    problem(client.put(f"/v1/items/{'x' * 300}", json={}), 400, "id_too_long")


def test_a_batch_says_what_became_of_each(client):
    sent = [{"item_id": "a"}, {"item_id": "b", "price": "cheap"}, {}, {"item_id": "c"}]
    answer = client.post("/v1/items", json=sent)
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 2
    assert [(one["index"], one["code"]) for one in answer.json()["rejected"]] == [
        (1, "bad_number"),
        (2, "missing_field"),
    ]
    assert client.post("/v1/items", json=[{"item_id": "a"}]).json()["duplicates"] == 1


def test_a_batch_may_be_lines(client):
    body = "\n".join(json.dumps({"item_id": f"i{n}"}) for n in range(5))
    answer = client.post("/v1/items", content=body, headers={"Content-Type": "application/x-ndjson"})
    assert answer.json()["accepted"] == 5


def test_stock_holds_for_the_next_request_both_ways(shop, slate):
    for _ in range(3):
        shop.patch("/v1/items/mug-1", json={"stock": 0})
        assert "mug-1" not in ids(slate(limit=36))
        shop.patch("/v1/items/mug-1", json={"stock": 2})
        assert "mug-1" in ids(slate(limit=36))
        shop.put("/v1/items/mug-1", json={"available": False})
        assert "mug-1" not in ids(slate(limit=36))
        shop.put("/v1/items/mug-1", json={"available": True})
        assert "mug-1" in ids(slate(limit=36))


def test_a_price_holds_for_the_next_request_both_ways(shop, slate):
    cheap = {"filter": {"price": {"max": 5}}, "limit": 36}
    assert ids(slate(**cheap)) == []
    shop.patch("/v1/items/mug-1", json={"price": 4})
    assert ids(slate(**cheap, fields=["price"])) == ["mug-1"]
    assert slate(**cheap, fields=["price"])["items"][0]["item"] == {"price": 4.0}
    shop.patch("/v1/items/mug-1", json={"price": 40})
    assert ids(slate(**cheap)) == []


def test_withdrawing_takes_an_item_out_of_the_next_slate_and_putting_brings_it_back(shop, slate, problem):
    shop.delete("/v1/items/mug-1")
    assert "mug-1" not in ids(slate(limit=36))
    problem(shop.delete("/v1/items/mug-1"), 404, "not_found")
    problem(shop.patch("/v1/items/mug-1", json={"price": 1}), 404, "not_found")
    shop.put("/v1/items/mug-1", json={"title": "back"})
    assert "mug-1" in ids(slate(limit=36))


def test_a_patch_merges_and_null_forgets(shop):
    item = shop.patch("/v1/items/mug-1", json={"brand": None, "attributes": {"size": "L"}, "title": "new"}).json()
    assert (item["brand"], item["title"], item["price"], item["attributes"]) == (None, "new", 11.0, {"size": "L"})
    item = shop.patch("/v1/items/mug-1", json={"attributes": {"colour": "red"}}).json()
    assert item["attributes"] == {"size": "L", "colour": "red"}


def test_a_merge_patch_may_be_called_so(shop):
    headers = {"Content-Type": "application/merge-patch+json"}
    assert shop.patch("/v1/items/mug-1", content=b'{"price": 3}', headers=headers).json()["price"] == 3


def test_patches_of_different_fields_at_once_do_not_undo_each_other(shop):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: shop.patch("/v1/items/mug-1", json={"attributes": {f"a{n}": n}}), range(16)))
    assert shop.get("/v1/items/mug-1").json()["attributes"] == {f"a{n}": n for n in range(16)}


def test_unknown_items_are_not_found(client, problem):
    for method in ("GET", "DELETE"):
        assert "'nope'" in problem(client.request(method, "/v1/items/nope"), 404, "not_found")["detail"]
    problem(client.patch("/v1/items/nope", json={}), 404, "not_found")
