"""What the catalogue says of an item, against others of its category."""

import numpy as np
import pytest

from tailorbird.catalogue import Catalogue
from tailorbird.features.item_facts import ItemFacts
from tailorbird.types import Item, Request


def in_category(catalogue: Catalogue) -> list[float]:
    view = ItemFacts()
    items = np.arange(len(catalogue), dtype=np.int32)
    column = view.columns.index("price_in_category")
    return [round(one, 6) for one in view.read(None, Request(surface="home", at=1e9), items, catalogue)[:, column]]


def shop(*items: tuple[str, float | None]) -> Catalogue:
    catalogue = Catalogue()
    for n, (category, price) in enumerate(items):
        catalogue.upsert(Item(item_id=f"i{n}", categories=(category,) if category else (), price=price))
    return catalogue


def test_a_price_is_dear_or_cheap_among_its_like() -> None:
    dear, cheap, other = in_category(shop(("mug", np.e**2), ("mug", 1.0), ("car", 20_000.0)))
    assert (dear, cheap, other) == (1.0, -1.0, 0.0)


def test_without_a_price_or_a_category_nothing_is_said() -> None:
    assert in_category(shop(("mug", None), ("", 5.0), ("mug", 0.0), ("mug", 3.0))) == [0, 0, 0, 0]


def test_a_new_version_moves_the_price_and_forgets_the_old_one() -> None:
    catalogue = shop(*((f"c{n % 90}", 1.0 + n % 7) for n in range(400)))
    for n in range(400):
        catalogue.upsert(Item(item_id=f"i{n}", categories=(f"c{n % 80}",), price=2.0 + n % 5))
    fresh = shop(*((f"c{n % 80}", 2.0 + n % 5) for n in range(400)))
    assert in_category(catalogue) == pytest.approx(in_category(fresh))
