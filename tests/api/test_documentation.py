import re

import msgspec
import pytest

from tailorbird.api.documentation import error_codes
from tailorbird.ingest import events, items, users

UNDOCUMENTED = {"/console"}


@pytest.fixture
def document(client):
    return client.get("/openapi.json").json()


def operations(document):
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_route_of_the_server_is_in_the_document(client, document):
    served = {
        (route.path_format, method.lower())
        for route in client.app.routes
        for method in route.methods
        if method != "OPTIONS" and not route.path.startswith(tuple(UNDOCUMENTED))
    }
    assert served == {(path, method) for path, method, _ in operations(document)}
    assert len(served) >= 20


def test_every_operation_says_what_it_reads_gives_and_how_it_fails(document):
    for path, method, operation in operations(document):
        assert operation["summary"], path
        assert operation["description"], path
        good = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
        assert len(good) == 1, path
        assert "content" in good[0] or "204" in operation["responses"], path
        assert {"500", "503"} <= operation["responses"].keys(), path
        if method in ("post", "put", "patch"):
            content = operation["requestBody"]["content"]
            assert content, path
            assert all(body["schema"] for body in content.values()), path
            assert {"400", "401", "413", "415"} <= operation["responses"].keys(), path
        for status, answer in operation["responses"].items():
            if status >= "400":
                assert answer["content"]["application/problem+json"]["schema"]["$ref"].endswith("/Problem"), path
        if "{" in path:
            assert [p["name"] for p in operation["parameters"] if p["in"] == "path"], path


def test_every_reference_leads_somewhere(document):
    text = msgspec.json.encode(document).decode()
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert named <= document["components"]["schemas"].keys()
    assert {"EventBatch", "EventSent", "Slate", "SlateItem", "Receipt", "Problem"} <= named


def test_the_raw_body_of_events_is_documented_in_all_its_shapes(document):
    body = document["paths"]["/v1/events"]["post"]["requestBody"]["content"]
    assert {"application/json", "application/x-ndjson", "text/plain"} <= body.keys()
    shapes = document["components"]["schemas"]["EventBatch"]["anyOf"]
    assert [shape.get("type", "one") for shape in shapes] == ["object", "array", "one"]


@pytest.mark.parametrize(
    ("schema", "fields"), [("EventSent", events.FIELDS), ("ItemSent", items.FIELDS), ("UserSent", users.FIELDS)]
)
def test_what_is_documented_is_what_is_read(document, schema, fields):
    assert document["components"]["schemas"][schema]["properties"].keys() == fields.keys()


def test_operations_have_names_of_their_own(document):
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))


def test_the_page_shows_every_endpoint_and_code_and_fetches_nothing(client, document):
    answer = client.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    for path, _, _ in operations(document):
        assert path in answer.text
    for code, _, _ in error_codes():
        assert f'id="{code}"' in answer.text
    assert not re.search(r'(?:src|href)="(?:https?:)?//', answer.text)
    assert "<script" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_answers_of_the_server_have_the_documented_fields(shop, document, slate):
    schemas = document["components"]["schemas"]
    answer = slate(limit=1, explain=True, fields=["title"])
    assert answer.keys() <= schemas["Slate"]["properties"].keys()
    assert set(schemas["Slate"]["required"]) <= answer.keys()
    assert answer["items"][0].keys() == schemas["SlateItem"]["properties"].keys()
    assert shop.get("/v1/items/mug-1").json().keys() == schemas["ItemRead"]["properties"].keys()
    assert shop.get("/v1/policies/home").json().keys() == schemas["Policy"]["properties"].keys()
    story = shop.get(f"/v1/decisions/{answer['decision_id']}").json()
    assert story.keys() == schemas["Decision"]["properties"].keys()
