"""The catalogue of features, measured on what was asked lately."""

from pathlib import Path

import msgspec
import pytest

from tailorbird.app import App
from tailorbird.config import BudgetConfig, Config, TrainingConfig
from tailorbird.features import VIEWS
from tailorbird.learning.inventory import Sample, View, inventory, requests_of, sampled
from tailorbird.learning.training import train
from tailorbird.types import Request

from made_up import NOW, small_shop

CONFIG = Config(training=TrainingConfig(ranker_lists=300), budget=BudgetConfig(total_ms=60_000))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[View]:
    """Of a shop with a trained ranker, and twenty home pages."""
    folder: Path = tmp_path_factory.mktemp("shop")
    with App.open(folder, config=CONFIG, clock=lambda: NOW) as app:
        app.append(small_shop())
        train(app.log, app.registry, app.config, models=("popular", "covisitation", "ranker"))
        for person in range(20):
            app.recommend(Request(surface="home", at=NOW, user_id=f"u{person}", limit=5))
        sample = Sample()
        for _ in sampled(app.engine, requests_of(app.ledger.recent(500), NOW), sample):
            pass
        assert app.engine.ranker is not None
        return inventory(app.engine, sample, app.reference())


def test_every_view_and_every_column_is_there(found: list[View]) -> None:
    assert [view.name for view in found] == list(VIEWS)
    told = {view.name: tuple(column.name for column in view.columns) for view in found}
    assert told == {name: view.columns for name, view in VIEWS.items()}


def test_the_columns_that_the_ranker_reads_have_a_drift_and_the_page_of_a_home_page_is_constant(
    found: list[View],
) -> None:
    columns = {column.name: (view, column) for view in found for column in view.columns}
    for view, column in columns.values():
        assert (column.psi is not None) == view.ranked
    assert columns["beside_an_item"][1].constant
    assert (columns["beside_an_item"][1].psi or 0.0) > 0.1, "much of what it learned from were pages of items"
    assert columns["weekday"][1].drifted
    assert not columns["log_price"][1].constant


def test_what_people_did_not_do_is_missing(found: list[View]) -> None:
    columns = {column.name: column for view in found for column in view.columns}
    assert columns["returned_share"].missing == 1.0
    assert columns["visit_category_share"].missing is None, "it is not kept"
    assert columns["log_interest_30d"].missing is not None
    assert columns["log_interest_30d"].missing < 0.2
    assert columns["log_price"].missing is None, "it keeps nothing of which something could be missing"


def test_without_requests_and_training_nothing_is_claimed(shop_dir: Path) -> None:
    with App.open(shop_dir, config=CONFIG, clock=lambda: NOW) as app:
        assert app.reference() is None
        views = inventory(app.engine, Sample())
        assert {column.psi for view in views for column in view.columns} == {None}
        assert msgspec.json.decode(msgspec.json.encode(views))[0]["ttl_days"] is None


def test_requests_are_asked_again_now_and_pages_of_slates_are_not(shop_dir: Path) -> None:
    with App.open(shop_dir, config=CONFIG, clock=lambda: NOW) as app:
        app.append(small_shop())
        first = app.recommend(Request(surface="home", at=NOW - 9, user_id="u1", limit=2))
        app.recommend(Request(surface="home", at=NOW - 8, user_id="u1", limit=2, cursor=first.decision_id))
        asked = requests_of(app.ledger.recent(10), NOW)
        assert [(request.at, request.cursor) for request in asked] == [(NOW, None)]
