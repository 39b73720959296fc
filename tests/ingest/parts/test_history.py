"""Who said a version of an item, and what a version is that nobody said."""

from itertools import count
from typing import Any

from tailorbird.backends.memory import MemoryLog
from tailorbird.config import CatalogueConfig
from tailorbird.ingest.items import entry_of_item, parse_item
from tailorbird.ingest.parts.history import versions
from tailorbird.ingest.parts.joining import Joined
from tailorbird.ingest.parts.part import entry_of_part, parse_part

FIRST = CatalogueConfig(sources=("erp", "feed"))
LATER = CatalogueConfig(sources=("feed", "erp"))


class Shop:
    """A log in which every append comes at a time of its own, as on a disk."""

    def __init__(self) -> None:
        self.times = count(1.0)
        self.log = MemoryLog(clock=lambda: self.now)
        self.now = 0.0

    def say(self, source: str, config: CatalogueConfig = FIRST, **fields: Any) -> None:
        self.now = next(self.times)
        part = parse_part({"item_id": "x", **fields}, source, currency="EUR")
        Joined(self.log, config).append([entry_of_part(part, at=self.now)])

    def put(self, **fields: Any) -> None:
        self.now = next(self.times)
        self.log.append([entry_of_item(parse_item({"item_id": "x", **fields}), at=self.now)])

    def merge(self) -> None:
        self.now = next(self.times)
        Joined(self.log, LATER).merge(["x"], at=self.now)

    def causes(self) -> list[tuple[str, tuple[str, ...]]]:
        return [(one.cause, one.sources) for one in reversed(versions(self.log.read(0, 100)))]


ERP, FEED = ("source", ("erp",)), ("source", ("feed",))


def test_a_version_with_which_no_part_came_is_of_changed_settings() -> None:
    shop = Shop()
    shop.say("erp", title="LMP")
    shop.say("feed", title="Lamp")
    shop.merge()
    assert shop.causes() == [ERP, ("settings", ())], "what feed said before, unheard, is not what changed the item"
    shop.say("erp", LATER, title="LMP", brand="B")
    assert shop.causes()[2:] == [ERP]


def test_an_import_of_the_same_under_other_settings_is_of_the_settings_too() -> None:
    shop = Shop()
    shop.say("erp", title="LMP")
    shop.say("feed", title="Lamp")
    shop.say("erp", LATER, title="LMP")
    assert shop.causes() == [ERP, ("settings", ())]


def test_parts_that_hold_again_after_an_item_came_whole_are_their_sources() -> None:
    shop = Shop()
    shop.say("erp", title="LMP")
    shop.put(title="Whole")
    shop.say("erp", title="LMP")
    assert shop.causes() == [ERP, ("whole", ()), ERP]
