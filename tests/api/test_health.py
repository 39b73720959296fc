import asyncio
import time

import numpy as np
import pytest
from litestar.testing import TestClient

from tailorbird.api import live
from tailorbird.api.server import create_api
from tailorbird.app import App
from tailorbird.config import ChecksConfig, Config
from tailorbird.ingest.checks.kept import newest_check
from tailorbird.ingest.items import entry_of_item
from tailorbird.types import Item


def test_a_new_shop_is_alive_and_ready(client):
    assert client.get("/health/live").json() == {"status": "alive"}
    ready = client.get("/health/ready").json()
    assert (ready["status"], ready["seq"], ready["lag"]) == ("ready", 0, 0)


def test_not_following_the_log_is_not_being_ready(app, problem):
    api = create_api(app)
    with TestClient(api) as client:
        api.state.shops.only.follower.failing = "on purpose"
        app.follow = None  # and it stays failing: the follower's next slice cannot run
        answer = client.get("/health/ready")
        problem(answer, 503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert client.get("/health/live").status_code == 200


def test_a_model_that_cannot_be_loaded_is_named_and_the_others_are_ready(tmp_path):
    with App.open(tmp_path) as app:
        bad = app.registry.save("ease", {"nonsense": np.zeros(3)}, fitted_seq=0)
        app.registry.promote({"ease": bad.version})
    with App.open(tmp_path) as app, TestClient(create_api(app)) as client:
        ready = client.get("/health/ready").json()
    assert (ready["status"], ready["models"]) == ("ready", {})
    assert ready["left_out"] == {"ease": "The stored model 'ease' does not fit: 'members'. Train again."}


def test_what_another_process_writes_is_seen_soon(client, app):
    with App.open(app.shop_dir) as another:
        another.append([entry_of_item(Item(item_id="x", price=1.0), at=1.7e9)])
    deadline = time.monotonic() + 2
    while client.get("/health/ready").json()["seq"] < 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert client.get("/health/ready").json()["items"] == 1


def test_items_that_only_events_have_named_are_not_counted(client, event):
    client.put("/v1/items/x", json={"price": 1})
    client.post("/v1/events", json=[event(item_id="y")])
    ready = client.get("/health/ready").json()
    assert (ready["items"], ready["shops"]["shop"]["items"]) == (1, 1)


def test_the_figures_count_what_happened(shop, slate, event):
    shop.post("/v1/events", json=[*[event(event_id="1")] * 2, {}])
    slate()
    text = shop.get("/metrics").text
    for line in (
        'tailorbird_events_total{shop="shop",verdict="accepted"} 1.0',
        'tailorbird_events_total{shop="shop",verdict="duplicate"} 1.0',
        'tailorbird_events_total{shop="shop",verdict="rejected"} 1.0',
        'tailorbird_decisions_total{degraded="no",shop="shop",surface="home"} 1.0',
        'tailorbird_decision_stage_seconds_count{shop="shop",stage="total"} 1.0',
        'tailorbird_seq{shop="shop"} 37.0',
    ):
        assert line in text
    assert 'route="/v1/items"' in text
    assert "ann" not in text.replace("planned", "")


def test_policies_can_be_read(client, problem):
    policies = client.get("/v1/policies").json()["policies"]
    assert {"home", "item", "cart", "search"} <= {policy["surface"] for policy in policies}
    home = client.get("/v1/policies/home").json()
    assert home["version"]
    assert home["exploration"] == pytest.approx(0.1)
    problem(client.get("/v1/policies/hom"), 400, "unknown_surface")


def test_what_can_be_read_can_be_asked_for_with_head(client):
    for path in ("/health/live", "/docs", "/openapi.json", "/v1/policies"):
        answer = client.head(path)
        assert answer.status_code == 200
        assert answer.content == b""
        assert int(answer.headers["content-length"]) > 10
    assert client.head("/nothing").status_code == 404
    assert client.head("/v1/events").status_code == 405


def test_a_server_checks_the_data_by_itself_and_counts_what_it_found(app, monkeypatch):
    monkeypatch.setattr(live, "_CHECKED_AFTER_SECONDS", 0.0)
    with TestClient(create_api(app)) as client:
        deadline = time.monotonic() + 20
        while 'tailorbird_check_findings{level="problem",shop="shop"}' not in client.get("/metrics").text:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        kept = newest_check(app.shop_dir)
        assert kept is not None
        assert (
            f'tailorbird_check_findings{{level="problem",shop="shop"}} {float(kept.levels["problem"])}'
            in client.get("/metrics").text
        )
        assert kept.levels["problem"]


def test_a_server_that_stops_ends_the_check_that_runs(app):
    serving = live.Live(app)
    serving._rest(0.5)
    serving._stopping.set()
    with pytest.raises(live._StoppedError):
        serving._rest(0.6)


def test_a_shop_may_do_without_checks(shop_dir, monkeypatch):
    monkeypatch.setattr(live, "_CHECKED_AFTER_SECONDS", 0.0)
    with App.open(shop_dir, config=Config(checks=ChecksConfig(every_hours=0))) as app:
        asyncio.run(live.Live(app)._check_data())
        assert newest_check(shop_dir) is None
