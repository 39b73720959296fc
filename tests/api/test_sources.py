"""Items over HTTP from several sources."""

import json

import pytest

from tailorbird.config import CatalogueConfig, Config


@pytest.fixture
def config():
    catalogue = CatalogueConfig(
        sources=("erp", "pim", "feed"),
        match={"feed": "gtin"},
        taxonomy={"feed": "paths.csv"},
        rates={"USD": 0.5},
    )
    return Config(catalogue=catalogue)


@pytest.fixture(autouse=True)
def paths(app):
    (app.shop_dir / "paths.csv").write_text("theirs,ours\nHome > Lights,Lamps\n")


def test_each_source_says_its_part_and_the_item_is_all_of_them(client):
    client.put("/v1/items/s1?source=erp", json={"price": 5, "stock": 2, "gtin": "42", "title": "LMP"})
    item = client.put("/v1/items/s1?source=pim", json={"title": "Lamp", "description": "Bright"}).json()
    assert (item["title"], item["price"], item["description"]) == ("LMP", 5.0, "Bright")
    item = client.patch("/v1/items/s1?source=erp", json={"title": None, "price": 6}).json()
    assert (item["title"], item["price"], item["stock"]) == ("Lamp", 6.0, 2.0)
    assert client.get("/v1/items/s1").json()["title"] == "Lamp"


def test_a_source_may_use_its_own_ids_and_paths(client, app):
    client.put("/v1/items/s1?source=erp", json={"price": 5, "gtin": "42"})
    sent = [
        {"item_id": "G1", "gtin": 42, "categories": "Home > Lights", "brand": "B"},
        {"item_id": "G2", "gtin": 43, "categories": "Toys > Dolls"},
        {"item_id": "G3", "price": "cheap"},
        7,
    ]
    answer = client.post("/v1/items?source=feed", json=sent).json()
    assert (answer["accepted"], answer["duplicates"], answer["unmatched"]) == (2, 0, 1)
    assert answer["unmapped"] == {"Toys > Dolls": 1}
    assert [(one["index"], one["code"]) for one in answer["rejected"]] == [(2, "bad_number"), (3, "wrong_type")]
    item = client.get("/v1/items/s1").json()
    assert (item["brand"], item["categories"], item["price"]) == ("B", ["Lamps"], 5.0)
    again = client.post("/v1/items?source=feed", json=sent[:2]).json()
    assert (again["accepted"], again["duplicates"], again.get("unmatched")) == (0, 2, None)
    assert client.patch("/v1/items/G1?source=feed", json={"brand": "C"}).json()["item_id"] == "s1"
    assert app.engine.catalogue.find("G1") == app.engine.catalogue.find("s1")


def test_events_that_name_an_alias_are_about_the_item(client, event, slate):
    client.put("/v1/items/s1?source=erp", json={"price": 5, "gtin": "42"})
    client.post("/v1/items?source=feed", json=[{"item_id": "G1", "gtin": 42}])
    client.post("/v1/events", json=[event(item_id="G1")])
    assert [one["item_id"] for one in client.get("/v1/users/ann/profile").json()["recent_items"]] == ["s1"]
    assert slate(surface="item", item_id="G1")["degraded"] is None


def test_an_item_goes_when_its_last_source_takes_it_back(client, problem):
    client.put("/v1/items/s1?source=erp", json={"price": 5})
    client.put("/v1/items/s1?source=pim", json={"title": "Lamp"})
    assert client.delete("/v1/items/s1?source=erp").status_code == 204
    assert client.get("/v1/items/s1").json()["price"] is None
    problem(client.delete("/v1/items/s1?source=erp"), 404, "not_found")
    assert client.delete("/v1/items/s1?source=pim").status_code == 204
    problem(client.get("/v1/items/s1"), 404, "not_found")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST"])
def test_an_unknown_source_is_refused_with_those_that_there_are(client, problem, method):
    path = "/v1/items?source=epr" if method == "POST" else "/v1/items/s1?source=epr"
    content = None if method == "DELETE" else json.dumps([{"item_id": "s1"}] if method == "POST" else {"title": "a"})
    answer = client.request(method, path, content=content, headers={"Content-Type": "application/json"})
    assert "Did you mean 'erp'? Allowed: erp, feed, pim." in problem(answer, 400, "unknown_source")["hint"]


def test_bad_parts_are_refused_and_change_nothing(client, problem):
    client.put("/v1/items/s1?source=erp", json={"price": 5})
    nan = client.put(
        "/v1/items/s1?source=erp", content=b'{"price": "NaN"}', headers={"Content-Type": "application/json"}
    )
    problem(nan, 400, "bad_number")
    problem(client.put(f"/v1/items/{'x' * 257}?source=erp", json={}), 400, "id_too_long")
    problem(client.patch("/v1/items/none?source=erp", json={"price": 1}), 404, "not_found")
    problem(client.patch("/v1/items/s1?source=erp", json={"item_id": "s2"}), 400, "bad_input")
    assert client.get("/v1/items/s1").json()["price"] == 5.0


def test_versions_say_when_what_and_by_whom(client, problem):
    client.put("/v1/items/s1?source=erp", json={"price": 5})
    client.put("/v1/items/s1?source=pim", json={"title": "Lamp", "fit": "slim"})
    client.put("/v1/items/s1?source=pim", json={"title": "Lamp", "fit": "slim"})
    client.patch("/v1/items/s1", json={"price": 6})
    versions = client.get("/v1/items/s1/versions").json()["versions"]
    assert [version["sources"] for version in versions] == [[], ["pim"], ["erp"]]
    assert [version["cause"] for version in versions] == ["whole", "source", "source"]
    assert versions[0]["changes"] == [{"field": "price", "before": 5.0, "after": 6.0}]
    assert {one["field"] for one in versions[1]["changes"]} == {"title", "attributes.fit"}
    assert versions[0]["until"] is None
    assert versions[1]["until"] == versions[0]["since"]
    assert len(client.get("/v1/items/s1/versions?limit=1").json()["versions"]) == 1
    problem(client.get("/v1/items/none/versions"), 404, "not_found")
    problem(client.get("/v1/items/s1/versions?limit=many"), 400, "bad_input")


def test_an_item_is_read_by_the_id_that_a_source_calls_it(client, problem):
    client.put("/v1/items/s1?source=erp", json={"price": 5, "gtin": "42"})
    client.post("/v1/items?source=feed", json=[{"item_id": "G1", "gtin": 42}, {"item_id": "G2", "brand": "B"}])
    for path in ("/v1/items/G1", "/v1/items/G1?source=feed", "/v1/items/s1", "/v1/items/s1?source=feed"):
        assert client.get(path).json()["item_id"] == "s1"
    assert client.get("/v1/items/G1/versions").json()["item_id"] == "s1"
    assert client.get("/v1/items/G1/versions?source=feed").json()["versions"]
    assert client.get("/api/item/G1").json()["ItemId"] == "s1"
    problem(client.get("/v1/items/G1?source=erp"), 404, "not_found")
    problem(client.get("/v1/items/G1?source=epr"), 400, "unknown_source")
    problem(client.delete("/v1/items/G1"), 404, "not_found")
    assert client.get("/v1/items/G2").json()["item_id"] == "G2"


def test_two_systems_that_count_from_one_read_each_its_own(client):
    client.put("/v1/items/1?source=erp", json={"gtin": "42", "title": "one"})
    client.put("/v1/items/2?source=erp", json={"gtin": "43", "title": "two"})
    client.post("/v1/items?source=feed", json=[{"item_id": "2", "gtin": 42}, {"item_id": "1", "gtin": 43}])
    assert client.get("/v1/items/2").json()["title"] == "two"
    assert client.get("/v1/items/2?source=feed").json()["title"] == "one"


def test_an_item_that_turned_out_to_be_another_is_that_one_and_keeps_its_own_history(client):
    client.post("/v1/items?source=feed", json=[{"item_id": "G1", "gtin": 42}])
    client.put("/v1/items/s1?source=erp", json={"gtin": "42"})
    client.post("/v1/items?source=feed", json=[{"item_id": "G1", "gtin": 42}])
    assert client.get("/v1/items/G1").json()["item_id"] == "s1"
    versions = client.get("/v1/items/G1/versions").json()
    assert (versions["item_id"], versions["versions"][0]["withdrawn"]) == ("G1", True)
    assert client.get("/v1/items/G1/versions?source=feed").json()["item_id"] == "s1"


def test_the_versions_of_any_id_can_be_read(client):
    client.put("/v1/items/a%2Fversions", json={"title": "odd"})
    assert len(client.get("/v1/items/a%2Fversions/versions").json()["versions"]) == 1
    assert client.get("/v1/items/a%2Fversions").json()["title"] == "odd"


def test_an_item_names_the_other_variants_of_its_group(client):
    client.post("/v1/items", json=[{"item_id": f"v{n}", "group_id": "g", "stock": n} for n in range(4)])
    client.put("/v1/items/alone", json={})
    assert client.get("/v1/items/v1").json()["variants"] == ["v2", "v3"]
    assert client.get("/v1/items/alone").json()["variants"] == []


def test_prices_in_another_currency_are_compared_by_their_rate(client, slate):
    client.post("/v1/items", json=[{"item_id": c, "price": 10, "currency": c} for c in ("EUR", "USD", "JPY")])
    found = slate(filter={"price": {"max": 6}}, fields=["price", "currency"])["items"]
    assert [one["item"] for one in found] == [{"price": 10.0, "currency": "USD"}]


def test_a_slate_comes_in_the_language_that_is_asked_for(client, slate):
    texts = {"de": {"title": "Lampe"}}
    client.post("/v1/items", json=[{"item_id": "a", "title": "Lamp", "price": 1, "translations": texts}])
    shown = {"fields": ["title", "price"]}
    assert slate(**shown, context={"locale": "de-CH"})["items"][0]["item"] == {"title": "Lampe", "price": 1.0}
    for context in ({}, {"locale": "fr"}, {"locale": 7}):
        assert slate(**shown, context=context)["items"][0]["item"]["title"] == "Lamp"
