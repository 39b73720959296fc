"""The overview tells of imported history, which no live count knows."""

import time

from litestar.testing import TestClient

from tailorbird.api.server import create_api
from tailorbird.app import App
from tailorbird.console import routes
from tailorbird.types import DAY_SECONDS

from made_up import event, small_shop


def page_of(app):
    with TestClient(create_api(app, also=routes())) as client:
        client.post("/console/login", data={"key": app.keys.create("test", "secret")})
        return client.get("/console").text


def test_imported_history_is_told_with_its_days(shop_dir):
    with App.open(shop_dir) as app:
        app.append(small_shop(n_events=300))
        page = page_of(app)
    assert "300 events" in page
    assert "30 people; 40 items in the catalogue" in page
    assert "2025-09-09 to 2025-10-" in page
    assert page.count('<th scope="row" class="num">2025-') >= 25


def test_a_shop_without_history_says_how_to_bring_some(shop_dir):
    with App.open(shop_dir) as app:
        page = page_of(app)
    assert "No history yet" in page
    assert "tailorbird import events FILE" in page


def test_one_of_each_is_told_in_the_singular(shop_dir):
    with App.open(shop_dir) as app:
        app.append([event("a", type="purchase", at=time.time() - 3 * DAY_SECONDS)])
        assert "1 event and 1 order of 1 person; 0 items in the catalogue" in page_of(app)
