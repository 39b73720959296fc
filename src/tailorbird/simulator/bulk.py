"""A shop of any size, made in seconds, to measure speed with. Not to measure quality: its people have no taste.

Popularity follows Zipf's law and people stay near one department, so that rows, postings and pools have the lengths
that a real shop gives them.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
import numpy as np

from tailorbird.types import Entry, Event, Item

_KINDS: Final = ("item_view", "list_click", "cart_add", "purchase")
_SHARES: Final = (0.7, 0.15, 0.1, 0.05)
_WORDS: Final = (
    "soft",
    "bright",
    "small",
    "large",
    "classic",
    "light",
    "warm",
    "quick",
    "fine",
    "plain",
    "bold",
    "calm",
)


def bulk_items(n_items: int, *, at: float, seed: int = 1) -> Iterator[Entry]:
    """``n_items`` items in 20 departments of 25 leaves, 200 brands and 50 sellers."""
    draw = np.random.default_rng(seed)
    prices, words = draw.lognormal(3.2, 0.8, n_items).round(2), draw.integers(0, len(_WORDS), (n_items, 3))
    brands, sellers, leaves = (draw.integers(0, n, n_items) for n in (200, 50, 500))
    for n in range(n_items):
        leaf = int(leaves[n])
        item = Item(
            item_id=f"item-{n}",
            title=" ".join(_WORDS[w] for w in words[n]) + f" thing {leaf} model {n % 977}",
            categories=(f"department {leaf // 25}", f"category {leaf}"),
            brand=f"brand {brands[n]}",
            price=float(prices[n]),
            seller_id=f"seller {sellers[n]}",
            attributes={"colour": _WORDS[int(words[n, 0])]},
            created_at=at - 86_400.0 * (n % 365),
        )
        yield Entry("item", item.item_id, at, msgspec.json.encode(item))


def bulk_events(
    n_events: int, n_items: int, n_users: int, *, until: float, days: float = 60.0, seed: int = 2, name: str = "b"
) -> Iterator[Entry]:
    """``n_events`` events in order of time; item popularity by Zipf with exponent 1."""
    draw = np.random.default_rng(seed)
    chunk = 10_000
    rank_of = draw.permutation(n_items)
    for start in range(0, n_events, chunk):
        size = min(chunk, n_events - start)
        users = draw.integers(0, n_users, size)
        # Inverse transform of a continuous 1/x law: exact enough, and free of a table of n_items chances.
        ranks = np.minimum((n_items + 1.0) ** draw.random(size), n_items).astype(np.int64) - 1
        near = (rank_of[ranks] + 37 * (users % 500)) % n_items
        items = np.where(draw.random(size) < 0.5, rank_of[ranks], near)
        kinds = draw.choice(len(_KINDS), size, p=_SHARES)
        for k in range(size):
            n = start + k
            event = Event(
                type=_KINDS[kinds[k]],
                at=until - days * 86_400.0 * (1 - n / n_events),
                event_id=f"{name}{n}",
                user_id=f"user-{users[k]}",
                item_id=f"item-{items[k]}",
            )
            yield Entry("event", event.event_id, event.at, msgspec.json.encode(event))


def quantiles(milliseconds: Any) -> dict[str, float]:
    """p50, p95 and p99."""
    values = np.percentile(np.asarray(milliseconds, np.float64), (50, 95, 99)) if len(milliseconds) else (0.0,) * 3
    return {name: round(float(value), 3) for name, value in zip(("p50", "p95", "p99"), values, strict=True)}
