"""Fixtures that every test may use; see `made_up` for what they are made of."""

from pathlib import Path

import pytest

from tailorbird.catalogue import Catalogue
from tailorbird.types import Item


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
