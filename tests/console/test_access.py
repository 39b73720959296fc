"""Who gets in: bearers of a secret key, with a cookie that scripts and other sites cannot use."""

import httpx
import pytest


@pytest.fixture
def visitor(shop):
    with httpx.Client(base_url=shop.address) as client:
        yield client


PAGES = ("/console", "/console/live", "/console/see", "/console/catalogue", "/console/catalogue/item?id=i1",
         "/console/models", "/console/system", "/console/decision?id=x")  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_without_a_session_every_page_leads_to_the_door(visitor, path):
    answer = visitor.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/console/login")


def test_a_secret_key_opens_the_console_and_leaves_the_address(visitor, shop):
    first = visitor.get(f"/console?key={shop.key}")
    second = visitor.get(first.headers["location"])
    assert second.status_code == 303
    assert second.headers["location"] == "/console"
    assert shop.key not in second.headers["location"]
    cookie = second.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert shop.key not in cookie
    assert visitor.get("/console").status_code == 200


def test_a_link_with_a_key_opens_the_page_that_it_names(visitor, shop):
    answer = visitor.get(f"/console/compare?key={shop.key}", follow_redirects=True)
    assert answer.url.path == "/console/compare"
    assert "key" not in answer.url.params


def test_the_form_opens_the_console_and_leads_to_where_one_wanted_to_go(visitor, shop):
    answer = visitor.post("/console/login", data={"key": shop.key, "next": "/console/models"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/console/models"


@pytest.mark.parametrize("elsewhere", ["https://example.org/", "//example.org", "/consoleevil", "/console/login"])
def test_signing_in_never_leads_out_of_the_console(visitor, shop, elsewhere):
    answer = visitor.post("/console/login", data={"key": shop.key, "next": elsewhere})
    assert answer.headers["location"] == "/console"


def test_a_write_key_is_refused_with_the_remedy(visitor, shop):
    write = shop.app.keys.create("shop window", "write")
    answer = visitor.post("/console/login", data={"key": write})
    assert answer.status_code == 403
    assert "tailorbird keys create --scope secret" in answer.text
    assert visitor.get("/console").status_code == 303


def test_an_unknown_key_is_refused(visitor):
    answer = visitor.post("/console/login", data={"key": "tb_secret_nonsense"})
    assert answer.status_code == 401
    assert "not known" in answer.text


def test_a_revoked_key_is_out_within_seconds(visitor, shop):
    key = shop.app.keys.create("leaver", "secret")
    visitor.post("/console/login", data={"key": key})
    assert visitor.get("/console/models").status_code == 200
    shop.app.keys.revoke("leaver")
    assert visitor.get("/console/models").status_code == 303


def test_signing_out_ends_the_session(visitor, shop):
    visitor.post("/console/login", data={"key": shop.key})
    cookie = visitor.cookies["tailorbird_console"]
    visitor.post("/console/logout")
    visitor.cookies.set("tailorbird_console", cookie)
    assert visitor.get("/console").status_code == 303


def test_a_mistyped_address_is_told_before_one_signs_in(visitor):
    answer = visitor.get("/console/nope")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "no page &#39;/console/nope&#39;" in answer.text


def test_what_is_no_address_of_the_console_is_told_as_a_problem(visitor):
    answer = visitor.get("/consoles")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_form_of_another_site_changes_nothing(visitor, shop):
    visitor.post("/console/login", data={"key": shop.key})
    last = shop.app.log.last_seq()
    form = {"person": "u:p1", "surface": "home", "type": "list_click", "item_id": "i1"}
    answer = visitor.post("/console/see/act", data=form, headers={"Origin": "https://example.org"})
    assert answer.status_code == 403
    assert shop.app.log.last_seq() == last


def test_pages_forbid_framing_and_foreign_sources(visitor):
    policy = visitor.get("/console/login").headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy


def test_static_files_are_ours_alone(visitor):
    assert visitor.get("/console/static/console.css").status_code == 200
    assert len(visitor.get("/console/static/plotly.js").content) > 1_000_000
    assert visitor.get("/console/static/..%2Fdesk.py").status_code == 404
    assert visitor.get("/console/static/nothing.js").status_code == 404


def test_bad_asks_get_a_page_that_names_the_value_and_the_remedy(visitor, shop):
    visitor.post("/console/login", data={"key": shop.key})
    for path, status, words in (
        ("/console/see?surface=hom", 400, "Did you mean"),
        ("/console/catalogue/item?id=%3Cscript%3E", 404, "&lt;script&gt;"),
        ("/console/decision?id=none", 404, "has no decision"),
        ("/console/nowhere", 404, "no page &#39;/console/nowhere&#39;"),
        ("/console/system/deeper", 404, "Catalogue"),
    ):
        answer = visitor.get(path)
        assert answer.headers["content-type"].startswith("text/html"), path
        assert 'href="/console"' in answer.text, path
        assert answer.status_code == status, path
        assert words in answer.text, path
    assert visitor.post("/console/see/act", data={"person": "u:p1", "type": "explode"}).status_code == 400
