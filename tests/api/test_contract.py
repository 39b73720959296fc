"""Whatever is sent to any endpoint: an answer in time that fits the document, never a 500. `make faults` asks more."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract import Contract

BRIEFLY = settings(
    max_examples=120,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def contract(shop, browser):
    return Contract(shop, browser)


@BRIEFLY
@given(data=st.data())
def test_every_answer_fits_the_document(contract, data):
    contract.ask_anything(data)


@BRIEFLY
@given(data=st.data())
def test_every_format_of_events_is_taken_or_refused(contract, data):
    contract.send_events(data)


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"a":' * 100_000, b'{"events":[' * 50_000, b"[1e999]", b'["\\ud800"]']
)
def test_what_no_decoder_likes_is_a_problem_everywhere(contract, body):
    headers = {"content-type": "application/json"}
    for path, method in contract.operations:
        if contract.paths[path][method].get("requestBody"):
            answer = contract.client.request(
                method.upper(), path.translate({123: "", 125: ""}), content=body, headers=headers
            )
            contract.check(answer, contract.paths[path][method])
            assert answer.status_code in (202, 400), (path, answer.text[:300])


@pytest.mark.parametrize(
    ("method", "kind", "body"),
    [
        ("put", "items", {"price": -1}),
        ("put", "items", {"created_at": "soon"}),
        ("patch", "items", {"stock": "many"}),
        ("patch", "items", {"created_at": "soon"}),
        ("put", "users", {"created_at": "soon"}),
    ],
)
def test_what_is_wrong_with_a_field_is_a_code_that_the_endpoint_names(contract, method, kind, body):
    contract.client.put("/v1/items/mug", json={"title": "Mug"})
    path = f"/v1/{kind}/{{{kind[:-1]}_id}}"
    answer = contract.client.request(method.upper(), f"/v1/{kind}/mug", json=body)
    assert answer.status_code == 400
    contract.check(answer, contract.paths[path][method])
