"""The page that compares models: empty, after an evaluation, and after several."""

from pathlib import Path

import httpx
import pytest

from tailorbird.app import App
from tailorbird.cli import main
from tailorbird.config import Config
from tailorbird.learning.reports import FOLDER, kept, measured, n_asked, name_of

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
    assert ">same questions<" not in newest
    assert "other questions: not comparable" in newest
    assert "vs best" in newest


def evaluated(shop: Path, *words: str) -> None:
    """An evaluation kept, without a word."""
    with pytest.raises(SystemExit) as ended:
        main(["--shop-dir", str(shop), "evaluate", "--models", "covisitation", "--no-tune", "--json", *words])
    assert not ended.value.code


def test_each_row_says_how_many_cases_and_how_sure_and_whether_it_compares(shop, serving):
    for words in ((), ("--users", "8"), ("--protocol", "next-in-session"), ()):
        evaluated(shop, *words)
    newest = page(shop, serving, "/console/compare")
    figures, evaluations = newest.split("All evaluations", 1)
    everybody, some, _, again = reversed(kept(shop / FOLDER))
    assert [n_asked(one) for one in (some, again)] == [8, n_asked(everybody)]
    assert evaluations.count(">same questions<") == 1
    assert evaluations.count("not comparable<") == 2
    row = figures[figures.index('<tr id="covisitation">') :].split("</tr>")[0]
    assert f'<td class="num">{n_asked(again):,}</td>' in row
    assert row.count(" to ") >= 3, "intervals of three figures at least"
    best = measured(again)[0]
    assert f"#{best['model']}" in evaluations
    older = page(shop, serving, f"/console/compare?report={name_of(some)}")
    assert f"8 of {n_asked(everybody):,} cases asked" in older


def test_an_evaluation_that_is_not_kept_is_not_found(shop, serving):
    evaluated(shop)
    assert "There is no evaluation" in page(shop, serving, "/console/compare?report=20200101T000000000000")
