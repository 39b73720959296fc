"""The models page: what serves, what was promoted but is idle, and the training log."""

import httpx
import numpy as np
import pytest

from tailorbird.app import App
from tailorbird.console.models import idle, serving_manifests


@pytest.fixture
def trained(tmp_path):
    """A shop with one good model in two versions, and one whose files are not what they should be."""
    with App.open(tmp_path) as app:
        arrays = app.engine.retrievers["popular"].arrays()
        for metrics in ({"ndcg@10": 0.1}, {"ndcg@10": 0.2}):
            good = app.registry.save("popular", arrays, fitted_seq=7, metrics=metrics, events={"interactions": 12_345})
        bad = app.registry.save("ease", {"nonsense": np.zeros(3)}, fitted_seq=7)
        app.registry.promote({"popular": good.version, "ease": bad.version})
    return App.open(tmp_path)


def test_a_promoted_model_that_cannot_be_loaded_is_idle(trained):
    with trained as app:
        assert idle(app, serving_manifests(app)) == {"ease": "could not be loaded"}


def test_the_page_tells_versions_data_and_measures(trained, serving):
    with serving(trained) as served, httpx.Client(base_url=served.address) as client:
        client.post("/console/login", data={"key": served.key})
        page = client.get("/console/models").text
    in_service, log = page.split("Training log", 1)
    assert "12,345 interactions" in in_service
    assert "NDCG@10 0.2000" in in_service
    assert "could not be loaded" in in_service
    assert page.count("tailorbird evaluate") == 1, "how to measure is said once"
    assert "not measured" not in page
    assert "NDCG@10 0.1000" in log, "the older version is still in the log"
    assert log.count(">serves<") == 2
