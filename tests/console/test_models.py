"""The models page: what serves, what was promoted but is idle, and the training log."""

import httpx
import numpy as np
import pytest

from tailorbird.app import App
from tailorbird.features import VIEWS

from made_up import small_shop


@pytest.fixture
def trained(tmp_path):
    """A shop with one good model in two versions, and one whose files are not what they should be."""
    with App.open(tmp_path) as app:
        arrays = app.engine.retrievers["popular"].arrays()
        for metrics in ({"ndcg@10": 0.1}, {"ndcg@10": 0.2, "calibration_error": 0.1}):
            good = app.registry.save("popular", arrays, fitted_seq=7, metrics=metrics, events={"interactions": 12_345})
        bad = app.registry.save("ease", {"nonsense": np.zeros(3)}, fitted_seq=7)
        app.registry.promote({"popular": good.version, "ease": bad.version})
    return App.open(tmp_path)


def test_a_promoted_model_that_cannot_be_loaded_is_idle(trained):
    with trained as app:
        assert set(app.engine.retrievers) == {"popular", "trending", "covisitation"}
        assert app.left_out == {"ease": "The stored model 'ease' does not fit: 'members'. Train again."}


def test_the_page_tells_versions_data_and_measures(trained, serving):
    with serving(trained) as served, httpx.Client(base_url=served.address) as client:
        client.post("/console/login", data={"key": served.key})
        page = client.get("/console/models").text
    in_service, log = page.split("Training log", 1)
    assert "12,345 interactions" in in_service
    assert "NDCG@10 0.2000" in in_service
    assert "<em>Calibration error</em>: how far" in in_service
    assert "The stored model &#39;ease&#39; does not fit" in in_service
    assert page.count("tailorbird evaluate") == 1, "how to measure is said once"
    assert "not measured" not in page
    assert "NDCG@10 0.1000" in log, "the older version is still in the log"
    assert log.count(">serves<") == 2


def test_a_version_that_was_held_back_is_told_with_what_takes_it(tmp_path, serving):
    app = App.open(tmp_path)
    app.append(small_shop(n_items=8, n_people=3, n_events=20))
    arrays = app.engine.retrievers["popular"].arrays()
    old = app.registry.save("popular", arrays, fitted_seq=1)
    app.registry.promote({"popular": old.version})
    made = app.registry.save(
        "popular", arrays, fitted_seq=1, held_back="NDCG@10 0.1 against 0.2", now=old.created_at + 60
    )
    with serving(app) as served, httpx.Client(base_url=served.address) as client:
        client.post("/console/login", data={"key": served.key})
        for page in ("/console/models", "/console", "/console/system"):
            text = client.get(page).text
            assert "NDCG@10 0.1 against 0.2" in text
            assert f"tailorbird models promote popular {made.version}" in text


def test_models_go_by_the_names_that_commands_take(trained, serving):
    with serving(trained) as served, httpx.Client(base_url=served.address) as client:
        client.post("/console/login", data={"key": served.key})
        page = client.get("/console/models").text
    assert '<th scope="row">ease' in page
    assert "Counting without training: covisitation, trending" in page


def test_the_page_shows_every_feature_view_and_how_its_columns_stand(tmp_path, serving):
    with App.open(tmp_path) as app:
        app.append(small_shop())
    with App.open(tmp_path) as app, serving(app) as served, httpx.Client(base_url=served.address) as client:
        client.post("/console/login", data={"key": served.key})
        before = client.get("/console/models").text
    assert "no request to measure on yet" in before
    for view in VIEWS.values():
        assert f"{view.name} {view.version}" in before
        assert all(column in before for column in view.columns)
