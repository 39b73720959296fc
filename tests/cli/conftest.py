"""Commands as somebody types them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tailorbird.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(shop_dir: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Call one command on a shop that is not there yet; its exit code, stdout and stderr."""
    monkeypatch.setenv("TAILORBIRD_DIR", str(shop_dir))
    monkeypatch.setenv("COLUMNS", "300")

    def call(*words: object) -> tuple[int, str, str]:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return int(ended.value.code or 0), out, err

    return call
