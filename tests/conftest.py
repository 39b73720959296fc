"""Fixtures that every test may use; see `made_up` for what they are made of."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tailorbird.catalogue import Catalogue
from tailorbird.types import Item

ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip

# Other programs run on a machine too: no example is too slow.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture
def catalogue() -> Catalogue:
    """Six items: two brands, three leaf categories, one without a price, one sold out, one for Norway only."""
    made = Catalogue()
    for item in (
        Item(item_id="i0", title="Red shoe", categories=("wear", "shoes"), brand="Aster", price=50.0),
        Item(item_id="i1", title="Blue shoe", categories=("wear", "shoes"), brand="Bora", price=60.0, list_price=80.0),
        Item(item_id="i2", title="Red shirt", categories=("wear", "shirts"), brand="Aster", price=20.0),
        Item(item_id="i3", title="Lamp", categories=("home", "lamps")),
        Item(item_id="i4", title="Old lamp", categories=("home", "lamps"), price=10.0, stock=0),
        Item(item_id="i5", title="Ski", categories=("sport",), price=200.0, regions=("NO",)),
    ):
        made.upsert(item)
    return made


@pytest.fixture
def shop_dir(tmp_path: Path) -> Path:
    """An empty shop directory."""
    return tmp_path / "shop"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Debian's Chromium, driven by Playwright."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("The browser tests need a `chromium` on the PATH (Debian: apt-get install chromium).")
    playwright = pytest.importorskip("playwright.sync_api", reason="The browser tests need the package playwright.")
    with playwright.sync_playwright() as driver:
        chrome = driver.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield chrome
        chrome.close()
