"""`items history`, `items merge` and `import items --source`, as somebody types them."""

import json
from pathlib import Path

import pytest

from tailorbird.app import App
from tailorbird.cli import main

SETTINGS = '[catalogue]\nsources = ["erp", "pim"]\n'


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "tailorbird.toml").write_text(SETTINGS)
    (tmp_path / "erp.csv").write_text("item_id,title,price\ns1,LMP,5\n")
    (tmp_path / "pim.csv").write_text("item_id,title,translations.de.title\nP1,Lamp,Lampe\n")
    (tmp_path / "ids.csv").write_text("theirs,ours\nP1,s1\n")
    return tmp_path


def run(shop: Path, *words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["--shop-dir", str(shop), *words])
    return int(ended.value.code or 0)


def test_the_history_of_an_item_names_sources_and_changes(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(shop, "import", "items", str(shop / "erp.csv"), "--source", "erp") == 0
    assert run(shop, "import", "items", str(shop / "pim.csv"), "--source", "pim", "--ids", str(shop / "ids.csv")) == 0
    capsys.readouterr()
    assert run(shop, "items", "history", "s1", "--json") == 0
    versions = json.loads(capsys.readouterr().out)["versions"]
    assert [version["sources"] for version in versions] == [["pim"], ["erp"]]
    assert versions[0]["changes"] == [{"field": "translations.de.title", "before": None, "after": "Lampe"}]
    assert run(shop, "items", "history", "s1", "--limit", "1") == 0
    told = capsys.readouterr()
    assert "translations.de.title: - -> Lampe" in told.out
    assert "1 older versions are not shown" in told.err


def test_the_history_is_found_by_a_sources_own_id(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(shop, "import", "items", str(shop / "erp.csv"), "--source", "erp")
    run(shop, "import", "items", str(shop / "pim.csv"), "--source", "pim", "--ids", str(shop / "ids.csv"))
    capsys.readouterr()
    assert run(shop, "items", "history", "P1") == 0
    assert "Versions of s1, called P1" in capsys.readouterr().out
    assert run(shop, "items", "history", "P1", "--source", "pim", "--json") == 0
    assert json.loads(capsys.readouterr().out)["item_id"] == "s1"
    assert run(shop, "items", "history", "P1", "--source", "erp") == 1
    assert run(shop, "items", "history", "P1", "--source", "pmi") == 2


def test_the_history_reaches_into_closed_days(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(shop, "import", "items", str(shop / "erp.csv"), "--source", "erp")
    with App.open(shop, clock=lambda: 4e9) as app:
        assert app.close_segments()
    run(shop, "import", "items", str(shop / "pim.csv"))
    run(shop, "import", "items", str(shop / "pim.csv"), "--source", "pim", "--ids", str(shop / "ids.csv"))
    capsys.readouterr()
    assert run(shop, "items", "history", "s1", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["versions"]) == 2


def test_changed_settings_reach_all_items_by_one_command(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(shop, "import", "items", str(shop / "erp.csv"), "--source", "erp")
    run(shop, "import", "items", str(shop / "pim.csv"), "--source", "pim", "--ids", str(shop / "ids.csv"))
    (shop / "tailorbird.toml").write_text(SETTINGS + '[catalogue.precedence]\ntitle = ["pim"]\n')
    capsys.readouterr()
    run(shop, "check", "--json")
    assert "items_not_merged_anew" in [one["code"] for one in json.loads(capsys.readouterr().out)["findings"]]
    assert run(shop, "items", "merge", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"items": 1, "changed": 1, "withdrawn": 0}
    assert run(shop, "items", "merge") == 0
    assert "of them withdrawn" in capsys.readouterr().out
    run(shop, "export", "items")
    assert '"title":"Lamp"' in capsys.readouterr().out
    run(shop, "items", "history", "s1", "--json")
    versions = json.loads(capsys.readouterr().out)["versions"]
    assert [(one["cause"], one["sources"]) for one in versions] == [
        ("settings", []), ("source", ["pim"]), ("source", ["erp"])
    ]  # fmt: skip
    run(shop, "items", "history", "s1")
    assert "nobody" in capsys.readouterr().out
    (shop / "tailorbird.toml").write_text("")
    assert run(shop, "items", "merge") == 2
    assert "The shop names no sources" in capsys.readouterr().err


def test_an_unknown_item_has_no_history(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(shop, "items", "history", "nope") == 1
    assert "There is no item 'nope'" in capsys.readouterr().err


def test_an_unknown_source_ends_the_import_before_it_begins(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(shop, "import", "items", str(shop / "erp.csv"), "--source", "epr") == 2
    assert "Did you mean 'erp'? Allowed: erp, pim. (unknown_source)" in capsys.readouterr().err


def test_ids_without_a_source_are_refused(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(shop, "import", "items", str(shop / "erp.csv"), "--ids", str(shop / "ids.csv")) == 2
    assert "--ids goes with --source" in capsys.readouterr().err


def test_an_export_can_be_imported_again(shop: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    run(shop, "import", "items", str(shop / "erp.csv"), "--source", "erp")
    capsysbinary.readouterr()
    assert run(shop, "export", "items") == 0
    assert json.loads(capsysbinary.readouterr().out) == {
        "item_id": "s1", "title": "LMP", "price": 5.0, "currency": "EUR"
    }  # fmt: skip
