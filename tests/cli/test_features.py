"""The features as tables for people and as JSON."""

import json
from pathlib import Path
from typing import Any

import pytest

from tailorbird.app import App
from tailorbird.cli import main
from tailorbird.features import VIEWS

from made_up import small_shop


def said(capfd: pytest.CaptureFixture[str], shop_dir: Path, *words: str) -> tuple[str, str]:
    """What a command that worked writes to stdout and to stderr."""
    with pytest.raises(SystemExit) as ended:
        main(["--shop-dir", str(shop_dir), "features", *words])
    assert not ended.value.code
    out, err = capfd.readouterr()
    return out, err


@pytest.fixture
def shop(shop_dir: Path) -> Path:
    with App.open(shop_dir) as app:
        app.append(small_shop())
    return shop_dir


def test_the_list_fits_in_80_columns_and_json_has_every_view(
    shop: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    out, err = said(capfd, shop, "list")
    assert max(len(line) for line in out.splitlines()) <= 80
    assert all(f" {name} " in out for name in VIEWS), "no name is broken in two"
    assert "No slate was asked for yet" in err
    told: dict[str, Any] = json.loads(said(capfd, shop, "list", "--json")[0])
    assert told["requests"] == 0
    assert [view["name"] for view in told["views"]] == list(VIEWS)


def test_a_selection_judges_every_column_also_of_views_that_are_left_out(
    shop: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (shop / "tailorbird.toml").write_text(
        '[features]\nleave_out = ["affinity"]\n[training]\nranker_lists = 200\n', encoding="utf-8"
    )
    told = json.loads(said(capfd, shop, "select", "--models", "popular,covisitation", "--json")[0])
    names = {one["name"] for one in told["columns"]}
    assert {column for view in VIEWS.values() for column in view.columns} <= names
    assert set(told["order"]) == set(told["stability"]) == names
    assert 0 < told["ndcg"] <= 1
    assert all(one["low"] <= one["loss"] <= one["high"] for one in told["columns"])
    assert {one["name"] for one in told["views"]} == {name for name, view in VIEWS.items() if view.columns}
    with App.open(shop) as app:
        assert app.registry.current() == {}, "it changes nothing"


def test_a_selection_without_events_says_what_is_missing(shop_dir: Path, capfd: pytest.CaptureFixture[str]) -> None:
    App.open(shop_dir).close()
    with pytest.raises(SystemExit) as ended:
        main(["--shop-dir", str(shop_dir), "features", "select"])
    assert ended.value.code == 1
    assert "The log holds no event that shows interest in an item." in capfd.readouterr().err
