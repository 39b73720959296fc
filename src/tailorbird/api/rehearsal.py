"""A made-up shop of three items, played through once before the doors open.

Inner loops are compiled when they are first used, which takes seconds on a new machine. That must not happen to the
first shopper, nor on the event loop; so an engine that nobody sees takes a few events and makes a few slates.
"""

from typing import Final

import msgspec

from tailorbird.config import Config
from tailorbird.decide import Engine
from tailorbird.learning.models import UNTRAINED, retriever
from tailorbird.types import Event, Item, Record, Request

_ITEMS: Final = ("a", "b", "c")


def rehearse(config: Config) -> Engine:
    """Play one visit on an engine of its own, with the channels that learn from events; return it for a look."""
    engine = Engine(config)
    engine.install({name: retriever(name, {}, None) for name in UNTRAINED})
    for item in _ITEMS:
        _tell(engine, "item", Item(item_id=item, title=item, categories=("all",), price=1.0))
    for n in range(2):
        for item in _ITEMS:
            happened = Event(type="item_view", at=float(n), event_id=f"{item}{n}", user_id=f"u{n}", item_id=item)
            _tell(engine, "event", happened)
    for surface, anchor in (("home", None), ("item", "a"), ("search", None)):
        engine.decide(
            Request(surface=surface, at=3.0, user_id="u1", item_id=anchor, query="a", boost={"brand:x": 2.0}, limit=2)
        )
    return engine


def _tell(engine: Engine, kind: str, content: Item | Event) -> None:
    seq = engine.seq + 1
    engine.apply(Record(seq, kind, str(seq), float(seq), float(seq), msgspec.json.encode(content)))
