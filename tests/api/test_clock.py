"""A clock that jumps: back an hour, ahead a day, back again. Nothing is lost, and nothing falls over."""

import itertools

import numpy as np
import pytest

from tailorbird.app import App
from tailorbird.config import Config, LogConfig, PolicyConfig
from tailorbird.types import DAY_SECONDS

from made_up import NOW, event, small_shop

HOUR = 3_600.0
JUMPS = (0.0, 5.0, -HOUR, -HOUR + 5, DAY_SECONDS, DAY_SECONDS + 5, 10.0, 4 * DAY_SECONDS, 20.0, 30 * DAY_SECONDS, 30.0)
"""Where the clock stands at each step, from its beginning."""


@pytest.fixture
def now():
    return [NOW]


@pytest.fixture
def app(shop_dir, now):
    calm = Config(log=LogConfig(hot_days=0), policies={"home": PolicyConfig(exploration=0.0)})
    with App.open(shop_dir, config=calm, clock=lambda: now[0]) as opened:
        opened.append(small_shop(n_events=300))
        yield opened


def records(app):
    found = []
    while some := app.log.read(found[-1].seq if found else 0, 100):
        found += some
    return found


def test_nothing_is_lost_and_everything_goes_on_when_the_clock_jumps(client, app, now):
    sent, number, told = [], itertools.count(), []
    for step, offset in enumerate(JUMPS):
        now[0] = NOW + offset
        batch = [
            {
                "event_id": f"jump-{next(number)}",
                "type": kind,
                "at": now[0],
                "user_id": "ann",
                "item_id": f"i{step % 9}",
            }
            for kind in ("item_view", "purchase", "cart_add")
        ]
        answer = client.post("/v1/events", json=batch)
        assert answer.json() == {"accepted": 3, "duplicates": 0, "rejected": []}
        sent += [one["event_id"] for one in batch]
        assert client.put("/v1/items/i3", json={"title": "Red shoe 3", "price": 5.0 + offset / 1e6}).status_code in (
            200,
            201,
        )
        assert client.post("/v1/identify", json={"anonymous_id": f"d{offset}", "user_id": "ann"}).json()["joined"]
        slate = client.post("/v1/recommendations", json={"surface": "home", "user_id": "ann", "limit": 5})
        told.append(slate.json()["decision_id"])
        assert len(slate.json()["items"]) == 5
        assert all(np.isfinite(item["score"]) for item in slate.json()["items"])
        app.close_segments()
        assert client.get("/health/ready").status_code == 200
    found = records(app)
    assert [record.seq for record in found] == list(range(1, len(found) + 1))
    assert [r.key for r in found if r.key.startswith("jump-")] == sent
    assert app.log.summary()["segments"] >= 2
    for decision in told:
        assert client.get(f"/v1/decisions/{decision}").status_code == 200
    live, replayed = app.engine.state, app.build_engine().state
    assert live.keys == replayed.keys
    assert (live.item_rows("item_counts") == replayed.item_rows("item_counts")).all()
    assert np.isfinite(live.item_rows("item_counts")).all()
    assert (live.person("u:ann").history.items == replayed.person("u:ann").history.items).all()


def test_a_day_closed_too_early_or_too_late_is_closed_once(app, now):
    app.close_segments()
    hot = app.log.summary()["hot_rows"]
    now[0] = NOW + 2 * DAY_SECONDS
    assert len(app.close_segments()) == 1
    now[0] = NOW - HOUR
    app.append([event(f"late-{n}") for n in range(50)])
    assert app.close_segments() == []
    now[0] = NOW + 3 * DAY_SECONDS
    app.close_segments()
    assert app.log.summary()["hot_rows"] == 0
    assert len(records(app)) == hot + 50


def test_an_erasure_is_noticed_though_the_clock_went_back_since_the_engine_was_built(app, now):
    now[0] = NOW + DAY_SECONDS
    assert app.engine is not None
    now[0] = NOW
    app.erase(["u3"])
    app.follow(1_000)
    assert app.outdated
    app.renew(app.build_engine())
    assert not app.outdated


def test_a_key_that_was_revoked_stays_so_whatever_the_clock_says(client, app, now):
    app.keys.create("page", "write")
    secret = app.keys.create("other", "secret")
    assert client.get("/v1/policies/home", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
    app.keys.revoke("other")
    for offset in JUMPS:
        now[0] = NOW + offset
        assert client.get("/v1/policies/home", headers={"Authorization": f"Bearer {secret}"}).status_code == 401
