"""A small catalogue and random steps, for the tests of feature views."""

import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.types import DAY_SECONDS, IntArray, Interaction, Item, Request

from made_up import NOW

N = 12
ITEMS: IntArray = np.arange(N, dtype=np.int32)
TYPES = ("list_view", "list_click", "item_view", "cart_add", "purchase", "refund", "search")
WEIGHTS = {"list_click": 1.0, "item_view": 1.0, "cart_add": 4.0, "purchase": 8.0, "refund": -4.0}


def shelf() -> Catalogue:
    """Twelve items in four categories of three brands; every second one costs four fifths of its list price."""
    made = Catalogue()
    for n in range(N):
        price = 10.0 + n
        made.upsert(
            Item(
                item_id=f"i{n}",
                title=f"{('red', 'blue')[n % 2]} thing {n}",
                categories=("shop", f"c{n % 4}"),
                brand=f"b{n % 3}",
                price=price,
                list_price=price / 0.8 if n % 2 else price,
            )
        )
    return made


def step(kind: str, item: int = 0, at: float = NOW, **fields: object) -> Interaction:
    """One step of person 0."""
    told = {"weight": WEIGHTS.get(kind, 0.0), **fields}
    return Interaction(0, -1 if kind == "search" else item, at, kind, **told)  # type: ignore[arg-type]  # as written


def steps(n: int = 300, days: float = 60.0, seed: int = 5) -> list[Interaction]:
    """Random ones over the last days, in order of time."""
    draw = np.random.default_rng(seed)
    kinds = draw.choice(TYPES, n, p=[0.4, 0.15, 0.2, 0.1, 0.08, 0.02, 0.05])
    at = np.sort(NOW - draw.uniform(0, days, n) * DAY_SECONDS)
    return [
        step(str(kind), int(draw.integers(N)), float(when), query="red thing" if kind == "search" else None)
        for kind, when in zip(kinds, at, strict=True)
    ]


def asked(days: float = 0.0) -> Request:
    """A request some days from now."""
    return Request(surface="home", at=NOW + days * DAY_SECONDS)
