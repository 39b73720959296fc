"""What a write key may say. Anybody can read one in a page, so whatever it says may be a lie."""

import time

import pytest

ORDER = {"id": "gid://shopify/Order/1005"}


def pixel(user=None, device="phone", variant="mug-1"):
    """Shopify's pixel of an order."""
    line = {"quantity": 1, "variant": {"id": variant, "price": {"amount": 12.0, "currencyCode": "EUR"}}}
    return {
        "name": "checkout_completed",
        "id": f"event-of-{device}",
        "timestamp": "2026-11-01T10:00:00Z",
        "clientId": device,
        "customer": {"id": user} if user else None,
        "data": {"checkout": {"order": ORDER, "lineItems": [line]}},
    }


def tagged(user, item="mug-1"):
    """Google's tag of an order."""
    params = {"transaction_id": "1005", "items": [{"item_id": item, "quantity": 1}]}
    return {"client_id": "phone", "user_id": user, "events": [{"name": "purchase", "params": params}]}


def native(user, item="mug-1"):
    """The same in our own words."""
    return {"type": "purchase", "at": time.time(), "event_id": "1005", "user_id": user, "item_id": item}


def bought(shop, user):
    return shop.get(f"/v1/users/{user}/profile").json().get("bought", {})


WAYS = {"shopify": ("?format=shopify", pixel), "ga4": ("?format=ga4", tagged), "native": ("", native)}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("page_first", [True, False])
def test_the_servers_order_stands_whatever_a_page_said_of_it(shop, browser, way, page_first):
    query, said = WAYS[way]
    calls = [(browser, said("mallory")), ({}, said("ann"))]
    for headers, body in calls if page_first else calls[::-1]:
        told = shop.post(f"/v1/events{query}", json=body, headers=headers).json()
        assert (told["accepted"], told["rejected"]) == (1, [])
    assert bought(shop, "ann") == {"mug-1": 1}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("page_first", [True, False])
def test_an_order_that_both_report_counts_once(shop, browser, way, page_first):
    query, said = WAYS[way]
    for headers in (browser, {}) if page_first else ({}, browser):
        assert shop.post(f"/v1/events{query}", json=said("ann"), headers=headers).json()["accepted"] == 1
    assert bought(shop, "ann") == {"mug-1": 1}


def test_a_page_that_is_loaded_again_reports_a_duplicate(shop, browser):
    answers = [shop.post("/v1/events?format=shopify", json=pixel("ann"), headers=browser).json() for _ in range(2)]
    assert [(one["accepted"], one["duplicates"]) for one in answers] == [(1, 0), (0, 1)]


def test_no_name_that_a_page_takes_is_taken_from_the_server(shop, browser, event):
    kept = {"at": time.time(), "event_id": "refund-77"}
    assert shop.post("/v1/events", json=[event(**kept)], headers=browser).json()["accepted"] == 1
    back = event("refund", **kept)
    assert shop.post("/v1/events", json=[back]).json() == {"accepted": 1, "duplicates": 0, "rejected": []}
    other = shop.post("/v1/events", json=[event(**kept, rating=1)], headers=browser).json()
    assert "'refund-77'" in other["rejected"][0]["message"]


def test_a_very_long_name_of_a_page_can_be_imported_again(shop, browser, event, app):
    assert shop.post("/v1/events", json=[event(event_id="x" * 256)], headers=browser).json()["accepted"] == 1
    assert len(app.log.read(36, 1)[0].key) <= 256


@pytest.mark.parametrize("kind", ["refund", "order_change", "message_sent"])
def test_what_is_the_servers_to_tell_is_not_taken_from_a_page(shop, browser, event, kind):
    told = shop.post("/v1/events", json=[event(), event(kind)], headers=browser).json()
    assert told["accepted"] == 1
    assert [(one["index"], one["code"]) for one in told["rejected"]] == [(1, "secret_key_needed")]
    assert shop.post("/v1/events", json=[event(kind)]).json()["accepted"] == 1


def test_a_page_sends_no_return_in_other_words_either(shop, browser, event):
    returned = event("purchase", quantity=-1)
    tag = {"client_id": "c", "events": [{"name": "refund", "params": {"items": [{"item_id": "mug-1"}]}}]}
    for query, body in (("", [returned]), ("?format=ga4", tag)):
        told = shop.post(f"/v1/events{query}", json=body, headers=browser).json()
        assert [one["code"] for one in told["rejected"]] == ["secret_key_needed"]


def answer(event, *, yes, user="ann", purpose="personalisation"):
    return event("consent", item_id=None, user_id=user, anonymous_id="phone", consent={purpose: yes})


def personal(shop):
    return shop.get("/v1/users/ann/profile").json()["personalised"]


def test_a_page_may_refuse_and_take_back_what_a_page_refused(shop, browser, event):
    for yes in (False, True):
        shop.post("/v1/events", json=[answer(event, yes=yes)], headers=browser)
        assert personal(shop) is yes


@pytest.mark.parametrize("told_by", ["user", "event"])
def test_a_page_cannot_take_back_what_the_shop_itself_was_told(shop, browser, event, told_by):
    if told_by == "user":
        shop.put("/v1/users/ann", json={"consent": {"personalisation": False}})
    else:
        shop.post("/v1/events", json=[answer(event, yes=False)])
    shop.post("/v1/events", json=[answer(event, yes=True)], headers=browser)
    assert personal(shop) is False
    shop.post("/v1/events", json=[answer(event, yes=True)])
    assert personal(shop) is True


def test_a_page_cannot_have_kept_what_the_shop_was_told_not_to_keep(shop, browser, event, app):
    shop.put("/v1/users/ann", json={"consent": {"analytics": False}})
    seq = app.log.last_seq()
    told = shop.post("/v1/events", json=[event(consent={"analytics": True})], headers=browser).json()
    assert (told["accepted"], told["ignored"]) == (0, 1)
    assert app.log.last_seq() == seq
