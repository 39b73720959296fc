"""The page that compares models: empty, after an evaluation, and after several."""

from pathlib import Path

import httpx
import pytest

from tailorbird.app import App
from tailorbird.cli import main
from tailorbird.config import Config

from made_up import NOW, small_shop


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    with App.open(tmp_path, config=Config(), clock=lambda: NOW) as app:
        app.append(small_shop())
    return tmp_path


def page(shop: Path, serving, address: str) -> str:
    with serving(App.open(shop)) as served, httpx.Client(base_url=served.address) as client:
        client.post("/console/login", data={"key": served.key})
        return client.get(address).text


def test_without_an_evaluation_it_says_how_to_make_one(shop, serving):
    assert "tailorbird evaluate --models" in page(shop, serving, "/console/compare")


def test_what_evaluate_measured_on_the_log_stands_there_with_a_verdict(shop, serving):
    for protocol in ("time-split", "next-in-session"):
        with pytest.raises(SystemExit) as ended:
            main(["--shop-dir", str(shop), "evaluate", "--models", "covisitation", "--protocol", protocol, "--no-tune"])
        assert not ended.value.code
    newest = page(shop, serving, "/console/compare")
    assert "foresees best" in newest
    assert "protocol next-in-session" in newest
    assert "covisitation" in newest
    assert "plot-foresight" in newest
    assert "95% interval" in newest
    older = page(shop, serving, "/console/compare?report=1")
    assert "protocol time-split" in older
    assert "protocol time-split" in page(shop, serving, "/console/compare?report=99")
