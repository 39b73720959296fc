"""Small made-up shops and events, for every test."""

from typing import Any

import msgspec
import numpy as np

from tailorbird.types import Entry, Event, Item, Record

NOW = 1_760_000_000.0


def entry(kind: str, key: str, content: Any, at: float = NOW) -> Entry:
    """Something to append."""
    return Entry(kind, key, at, msgspec.json.encode(content))


def event(event_id: str, *, at: float = NOW, **fields: Any) -> Entry:
    """An event to append; an item_view of item i1 by user u1 unless said otherwise."""
    content = Event(**{"type": "item_view", "user_id": "u1", "item_id": "i1", "at": at, "event_id": event_id} | fields)
    return entry("event", event_id, content, at)


def records(entries: list[Entry]) -> list[Record]:
    """The entries as a log would number them."""
    return [Record(n, e.kind, e.key, e.at, e.at, e.body) for n, e in enumerate(entries, 1)]


def small_shop(n_items: int = 40, n_people: int = 30, n_events: int = 1_500, seed: int = 7) -> list[Entry]:
    """Items in four categories, and people who stay in one of them for most of the time."""
    draw = np.random.default_rng(seed)
    entries = [
        entry(
            "item",
            f"i{n}",
            Item(
                item_id=f"i{n}",
                title=f"{('Red', 'Blue')[n % 2]} {('shoe', 'shirt', 'lamp', 'book')[n % 4]} {n}",
                categories=("shop", ("shoes", "shirts", "lamps", "books")[n % 4]),
                brand=("Aster", "Bora", "Cirrus")[n % 3],
                price=5.0 + n,
                created_at=NOW - 100 * 86_400,
            ),
            NOW - 40 * 86_400,
        )
        for n in range(n_items)
    ]
    at = NOW - 30 * 86_400
    for n in range(n_events):
        at += draw.exponential(30 * 86_400 / n_events)
        person = int(draw.integers(n_people))
        kind = person % 4 if draw.random() < 0.85 else int(draw.integers(4))
        item = 4 * int(draw.integers(n_items // 4)) + kind
        what = draw.choice(["item_view", "list_click", "cart_add", "purchase"], p=[0.6, 0.2, 0.12, 0.08])
        entries.append(event(f"e{n}", at=at, type=str(what), user_id=f"u{person}", item_id=f"i{item}"))
    return entries
