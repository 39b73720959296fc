"""How much one caller may ask: buckets that hold in the long run, refusals that say what to do, bounded memory."""

import time

import pytest
from litestar.testing import TestClient

from tailorbird.api.limits import MOST_CALLERS, Buckets, Limits, caller_of
from tailorbird.api.live import Live
from tailorbird.api.server import create_api
from tailorbird.api.shops import Shops
from tailorbird.app import App
from tailorbird.cli.service import server_of
from tailorbird.config import Config, LimitsConfig
from tailorbird.errors import QuotaExceeded, TooManyRequests
from tailorbird.protocols import Key

from made_up import event as logged

PAGE, SERVER = Key("page", "page", "write", 0.0), Key("server", "server", "secret", 0.0)


class Ticks:
    now = 1_000.0

    def __call__(self):
        return self.now


def test_a_bucket_lets_a_burst_through_and_then_its_rate():
    buckets, now = Buckets(10.0, burst_seconds=2.0), 0.0
    taken = sum(not buckets.take("a", 1, now) for _ in range(100))
    assert taken == 20
    for tick in range(1, 1_001):
        taken += sum(not buckets.take("a", 1, tick / 100) for _ in range(3))
    assert taken == pytest.approx(20 + 10 * 10, abs=1)
    assert not buckets.take("b", 1, now)


def test_who_waits_as_long_as_told_is_let_in():
    buckets = Buckets(4.0, burst_seconds=1.0)
    while not (wait := buckets.take("a", 2, 50.0)):
        pass
    assert buckets.take("a", 2, 50.0 + 0.9 * wait) > 0
    assert buckets.take("a", 2, 50.0 + wait + 1e-9) == 0


def test_a_batch_larger_than_a_burst_is_taken_once_and_paid_off():
    buckets = Buckets(100.0, burst_seconds=10.0)
    assert buckets.take("a", 5_000, 0.0) == 0
    assert buckets.take("a", 1, 0.0) == pytest.approx(40.01)
    assert buckets.take("a", 5_000, 0.0) == pytest.approx(50.0), "the next large one waits until the bucket is full"
    assert buckets.take("a", 5_000, 50.0) == 0


def test_no_rate_is_no_limit():
    buckets = Buckets(0.0, burst_seconds=1.0)
    assert not any(buckets.take("a", 10_000, 0.0) for _ in range(1_000))
    assert len(buckets) == 0


def test_a_million_addresses_do_not_fill_the_memory():
    buckets = Buckets(1.0, burst_seconds=10.0)
    for n in range(1_000_000):
        buckets.take(f"{n}", 1, 0.0)
    assert len(buckets) <= 2 * MOST_CALLERS


def test_a_public_key_is_limited_by_address_and_as_a_whole():
    config = LimitsConfig(address_requests_per_second=1, write_key_requests_per_second=3, burst_seconds=1)
    limits = Limits(config, ticks=Ticks())
    limits.take_request(PAGE, "1.1.1.1")
    with pytest.raises(TooManyRequests, match="This address has used up its 1 requests a second") as refused:
        limits.take_request(PAGE, "1.1.1.1")
    assert (refused.value.limit, refused.value.value) == ("address_requests_per_second", 1.0)
    for address in ("2.2.2.2", "3.3.3.3"):
        limits.take_request(PAGE, address)
    with pytest.raises(TooManyRequests, match="This key has used up its 3 requests"):
        limits.take_request(PAGE, "4.4.4.4")
    limits.take_request(SERVER, "1.1.1.1")
    assert limits.refused == {"address_requests_per_second": 1, "write_key_requests_per_second": 1}


def test_a_servers_key_is_not_limited_unless_the_shop_says_so():
    free = Limits(LimitsConfig(), ticks=Ticks())
    for _ in range(10_000):
        free.take_request(SERVER, "1.1.1.1")
        free.take_events(SERVER, "1.1.1.1", 5_000)
    bound = Limits(LimitsConfig(events_per_second=10, burst_seconds=1), ticks=Ticks())
    bound.take_events(SERVER, "1.1.1.1", 10)
    with pytest.raises(TooManyRequests, match="events a second"):
        bound.take_events(SERVER, "2.2.2.2", 1)


@pytest.mark.parametrize(
    ("client", "caller"),
    [
        (("192.0.2.1", 1), "192.0.2.1"),
        (("2001:db8::1", 1), "2001:db8::"),
        (("2001:db8::ffff:1", 1), "2001:db8::"),
        (("2001:db8:0:1::1", 1), "2001:db8:0:1::"),
        (("::ffff:192.0.2.1", 1), "192.0.2.1"),
        (("fe80::1%eth0", 1), "fe80::"),
        (("no:address", 1), "no:address"),
        (("", 0), ""),
        (None, ""),
    ],
)
def test_an_address_stands_for_whoever_holds_it(client, caller):
    assert caller_of(client) == caller


@pytest.mark.parametrize("quota", ["events_a_day", "items"])
def test_a_quota_names_its_value_and_when_to_come_again(quota):
    limits = Limits(LimitsConfig(events_a_day=100, items=10))
    limits.check_quota(events=1, events_today=99, new_items=1, items=9, now=0.0)
    limits.check_quota(events=0, events_today=500, new_items=0, items=500, now=0.0)
    with pytest.raises(QuotaExceeded) as refused:
        limits.check_quota(
            events=2 * (quota == "events_a_day"), events_today=99, new_items=quota == "items", items=10, now=86_300.0
        )
    assert (refused.value.limit, refused.value.retry_seconds) == (quota, 100.0 if quota == "events_a_day" else 3_600.0)
    assert limits.refused == {quota: 1}


# ---- over HTTP ------------------------------------------------------------------------------------------------------


def serving(shop_dir, **limits):
    return App.open(shop_dir, config=Config(limits=LimitsConfig(**limits)))


def test_too_many_requests_name_the_limit_and_when_to_come_again(shop_dir, problem, event):
    with (
        serving(shop_dir, address_requests_per_second=1, burst_seconds=3) as app,
        TestClient(create_api(app)) as client,
    ):
        page, own = ({"X-API-Key": app.keys.create(scope, scope)} for scope in ("write", "secret"))
        ask = {"surface": "home"}
        answers = [client.post("/v1/recommendations", json=ask, headers=page) for _ in range(6)]
        assert [answer.status_code for answer in answers[:3]] == [200] * 3
        told = problem(answers[-1], 429, "too_many_requests")
        assert told["limit"] == "address_requests_per_second"
        assert told["limit_value"] == 1
        assert told["retry_seconds"] == int(answers[-1].headers["retry-after"]) > 0
        assert answers[-1].headers["ratelimit-policy"] == '"address_requests_per_second";q=1;w=1'
        assert answers[-1].headers["ratelimit"].startswith('"address_requests_per_second";r=0;t=')
        assert client.post("/v1/events", json=[event()], headers=page).status_code == 429
        assert client.post("/v1/recommendations", json=ask, headers=own).status_code == 200
        text = client.get("/metrics").text
        assert 'tailorbird_limited_total{limit="address_requests_per_second",shop="shop"}' in text


@pytest.mark.parametrize("query", ["", "?format=segment"])
def test_events_are_limited_by_their_number_and_nothing_of_a_refused_batch_is_kept(shop_dir, problem, event, query):
    with serving(shop_dir, address_events_per_second=10, burst_seconds=1) as app, TestClient(create_api(app)) as client:
        page = {"X-API-Key": app.keys.create("page", "write")}
        batch = [event(event_id=f"e{n}") for n in range(10)]
        assert client.post(f"/v1/events{query}", json=batch, headers=page).status_code == 202
        last = app.log.last_seq()
        problem(client.post(f"/v1/events{query}", json=batch, headers=page), 429, "too_many_requests")
        assert app.log.last_seq() == last


def test_a_days_events_are_bounded_whichever_way_they_came(shop_dir, problem, event):
    clock = [time.time() // 86_400 * 86_400 + 1_000.0]
    config = Config(limits=LimitsConfig(events_a_day=5))
    with App.open(shop_dir, config=config, clock=lambda: clock[0]) as app:
        app.append([logged("e-import"), logged("e-import-2")])
        clock[0] += 86_400
        app.append([logged("e-today")])
        with TestClient(create_api(app)) as client:
            client.headers["X-API-Key"] = app.keys.create("own", "secret")

            def send(*names):
                sent = [event(event_id=name, at=clock[0]) for name in names]
                return client.post("/v1/events", json=sent)

            assert send("a", "b").status_code == 202
            app.append([logged("e-beside")])
            deadline = time.monotonic() + 10
            while app.today.n_events(app.engine.seq) < 4 and time.monotonic() < deadline:
                time.sleep(0.01)
            told = problem(send("c", "d"), 429, "quota_exceeded")
            assert (told["limit"], told["limit_value"], told["retry_seconds"]) == ("events_a_day", 5, 85_400)
            assert send("c").status_code == 202
            problem(send("d"), 429, "quota_exceeded")
            assert client.post("/v1/recommendations", json={"surface": "home"}).status_code == 200
            clock[0] += 86_400
            assert send("d").status_code == 202


def test_a_full_catalogue_takes_changes_and_no_new_items(shop_dir, problem):
    with serving(shop_dir, items=2) as app, TestClient(create_api(app)) as client:
        client.headers["X-API-Key"] = app.keys.create("own", "secret")
        assert client.post("/v1/items", json=[{"item_id": "a"}, {"item_id": "b"}]).json()["accepted"] == 2
        for answer in (
            client.put("/v1/items/c", json={}),
            client.post("/v1/items", json=[{"item_id": "a", "price": 3}, {"item_id": "c"}]),
            client.post("/api/item", json={"ItemId": "c"}),
        ):
            assert problem(answer, 429, "quota_exceeded")["limit"] == "items"
        assert client.get("/v1/items/c").status_code == 404
        assert client.patch("/v1/items/a", json={"price": 4}).json()["price"] == 4


def test_a_proxy_that_is_trusted_names_the_caller(shop_dir, monkeypatch):
    with serving(shop_dir) as app:
        shops = Shops([Live(app)])
        server = server_of(create_api(shops), shops, trusted_proxies=("10.0.0.0/8",))
        server.config.load()
        seen = []
        monkeypatch.setattr("tailorbird.api.keys.caller_of", lambda client: seen.append(client[0]) or client[0])
        key, proxy = app.keys.create("page", "write"), [""]

        async def through(scope, receive, send):
            await server.config.loaded_app({**scope, "client": (proxy[0], 1)}, receive, send)

        with TestClient(through) as client:
            for proxy[0] in ("10.1.2.3", "203.0.113.9"):
                headers = {"X-API-Key": key, "X-Forwarded-For": "198.51.100.7"}
                client.post("/v1/recommendations", json={"surface": "home"}, headers=headers)
        assert seen == ["198.51.100.7", "203.0.113.9"]
