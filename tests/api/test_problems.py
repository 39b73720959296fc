import pytest
from litestar import get
from litestar.testing import TestClient

from tailorbird.api.server import create_api
from tailorbird.errors import TooManyRequests, Unavailable

PERSON = "ann@example.org"


@get("/boom")
async def boom() -> None:
    raise ZeroDivisionError("the password is hunter2")


@get("/full")
async def full() -> None:
    raise Unavailable("The disk that holds /secret/place is full.", hint="Look at /secret/place.")


@get("/often")
async def often() -> None:
    raise TooManyRequests("Too often.", hint="Wait a second.")


@get("/lacking")
async def lacking() -> None:
    raise KeyError(PERSON) from ValueError(f"{PERSON} is no number")


@pytest.fixture
def broken(app):
    with TestClient(create_api(app, also=[boom, full, often, lacking]), raise_server_exceptions=False) as client:
        yield client


def test_an_unknown_path_is_a_problem(client, problem):
    assert "/v1/nothing" in problem(client.get("/v1/nothing"), 404, "not_found")["detail"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("PUT", "/v1/events", "POST"), ("DELETE", "/v1/recommendations", "POST"), ("POST", "/v1/items/x", "PATCH")],
)
def test_a_wrong_method_is_a_problem_that_names_the_right_ones(client, problem, method, path, allowed):
    answer = client.request(method, path)
    assert allowed in problem(answer, 405, "method_not_allowed")["hint"]
    assert allowed in answer.headers["allow"]


def test_our_own_mistake_tells_nothing_and_the_server_stays_up(broken, problem, capsys):
    answer = broken.get("/boom")
    told = problem(answer, 500, "internal_error")
    assert "hunter2" not in answer.text
    assert "ZeroDivision" not in answer.text
    assert told["instance"] in capsys.readouterr().out
    assert broken.get("/health/live").status_code == 200


def test_the_cause_of_our_mistake_is_logged_without_what_a_caller_sent(broken, problem, capsys):
    told = problem(broken.get("/lacking"), 500, "internal_error")
    logged = capsys.readouterr().out
    assert told["instance"] in logged
    assert "KeyError" in logged
    assert "ValueError" in logged
    assert "in lacking" in logged
    assert PERSON not in logged


def test_a_full_disk_is_503_with_a_time_to_retry_and_names_no_file(broken, problem):
    answer = broken.get("/full")
    problem(answer, 503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert "/secret" not in answer.text


def test_too_many_requests_say_when_to_come_back(broken, problem):
    answer = broken.get("/often")
    problem(answer, 429, "too_many_requests")
    assert int(answer.headers["retry-after"]) > 0


def test_every_code_has_its_place_in_the_page_that_problems_point_to(client):
    page = client.get("/docs").text
    told = client.get("/v1/nothing").json()
    assert f'id="{told["type"].partition("#")[2]}"' in page


def test_a_page_of_the_shop_may_call_and_others_may_not(client):
    asking = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key, content-type"}
    answer = client.options("/v1/events", headers={"Origin": "https://shop.example", **asking})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert "x-api-key" in answer.headers["access-control-allow-headers"].lower()
    answer = client.options("/v1/events", headers={"Origin": "https://evil.example", **asking})
    assert "access-control-allow-origin" not in answer.headers
    answer = client.get("/nothing", headers={"Origin": "https://shop.example"})
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
