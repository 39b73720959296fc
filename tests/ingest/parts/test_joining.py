"""Parts in, whole items out, also when several speak at once."""

import subprocess
import sys
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
import pytest

from tailorbird.backends.memory import MemoryLog
from tailorbird.backends.sql.log import SqlLog
from tailorbird.config import CatalogueConfig
from tailorbird.errors import BadInput
from tailorbird.ingest.items import entry_of_item, parse_item
from tailorbird.ingest.parts.joining import Joined, Merged
from tailorbird.ingest.parts.part import entry_of_part, parse_part
from tailorbird.protocols import Log, Verdict
from tailorbird.types import Entry, Item

CONFIG = CatalogueConfig(sources=("erp", "pim", "feed"))
ACCEPTED, DUPLICATE = Verdict.ACCEPTED, Verdict.DUPLICATE


def part(source: str, item_id: str = "x", **fields: Any) -> Entry:
    return entry_of_part(parse_part({"item_id": item_id, **fields}, source, currency="EUR"), at=1.0)


def whole(**fields: Any) -> Entry:
    return entry_of_item(parse_item({"item_id": "x", **fields}), at=1.0)


def item(log: Log, item_id: str = "x") -> Item:
    body = log.current("item", item_id)
    assert body is not None
    return msgspec.json.decode(body, type=Item)


def test_the_part_and_the_item_are_one_append() -> None:
    log = MemoryLog()
    assert list(Joined(log, CONFIG).append([part("erp", price=2), part("pim", title="Lamp")])) == [ACCEPTED, ACCEPTED]
    assert [record.kind for record in log.read(0, 10)] == ["source_item", "source_item", "item"]
    assert (item(log).title, item(log).price) == ("Lamp", 2.0)


def test_the_same_part_again_adds_nothing() -> None:
    log = MemoryLog()
    joined = Joined(log, CONFIG)
    joined.append([part("erp", price=2)])
    before = log.last_seq()
    assert list(joined.append([part("erp", price=2)])) == [DUPLICATE]
    assert log.last_seq() == before


def test_an_item_whose_last_source_takes_it_back_is_withdrawn_and_may_come_again() -> None:
    log = MemoryLog()
    joined = Joined(log, CONFIG)
    joined.append([part("erp", price=2), part("pim", title="Lamp")])
    joined.append([part("erp", withdrawn=True)])
    assert (item(log).price, item(log).withdrawn) == (None, False)
    joined.append([part("pim", withdrawn=True)])
    assert item(log).withdrawn
    assert list(joined.append([part("feed", withdrawn=True)])) == [DUPLICATE], "it never said anything"
    joined.append([part("pim", title="Lamp")])
    assert not item(log).withdrawn


def test_what_came_without_a_source_is_asked_last() -> None:
    log = MemoryLog()
    joined = Joined(log, CONFIG)
    log.append([whole(title="Old", price=3, brand="B")])
    joined.append([part("feed", title="Feed", image_url="/1.jpg")])
    assert (item(log).title, item(log).brand, item(log).image_url) == ("Feed", "B", "/1.jpg")
    log.append([whole(title="Old", price=4, brand="C")])
    assert item(log).title == "Old", "without a source, it is the whole item"
    joined.append([part("feed", title="Feed", image_url="/1.jpg")])
    assert (item(log).title, item(log).brand, item(log).price) == ("Feed", "C", 4.0)
    joined.append([part("feed", withdrawn=True)])
    assert (item(log).title, item(log).withdrawn) == ("Old", False)


def test_a_stale_item_is_put_right_by_the_next_import() -> None:
    log = MemoryLog()
    joined = Joined(log, CONFIG)
    joined.append([part("erp", price=2)])
    log.append([part("pim", title="Lamp")])
    assert item(log).title == "", "as if the process had died before it looked again"
    assert list(joined.append([part("pim", title="Lamp")])) == [ACCEPTED]
    assert item(log).title == "Lamp"


def test_changed_settings_hold_for_all_items_once_they_are_merged_anew() -> None:
    log = MemoryLog()
    Joined(log, CONFIG).append([part(one, f"i{n}", title=one) for n in range(1_200) for one in ("erp", "feed")])
    Joined(log, CONFIG).append([part("erp", "same", title="T"), part("feed", "same", brand="B")])
    anew = Joined(log, CatalogueConfig(sources=("erp", "pim", "feed"), precedence={"title": ("feed",)}))
    item_ids, heard = [*(f"i{n}" for n in range(1_200)), "same", "none"], list[int]()
    assert {entry.key for entry in anew.stale(item_ids)} == set(item_ids[:1_200])
    assert anew.merge(item_ids, at=2.0, progress=heard.append) == Merged(1_202, 1_200, 0)
    assert {item(log, f"i{n}").title for n in range(1_200)} == {"feed"}
    assert heard == sorted(heard)
    assert heard[-1] == 1_202
    last = log.last_seq()
    assert anew.merge(item_ids, at=3.0) == Merged(1_202, 0, 0), "a second time nothing is left to do"
    assert log.last_seq() == last


def test_another_order_by_which_no_field_changes_is_no_other_item() -> None:
    log = MemoryLog()
    Joined(log, CONFIG).append([part("erp", price=2), part("feed", title="Lamp")])
    anew = Joined(log, CatalogueConfig(sources=("feed", "erp")))
    assert anew.merge(["x"], at=2.0) == Merged(1, 0, 0)


def test_an_item_that_came_whole_is_not_merged_until_a_source_speaks() -> None:
    log = MemoryLog()
    Joined(log, CONFIG).append([part("erp", price=2)])
    log.append([whole(price=3)])
    anew = Joined(log, CatalogueConfig(sources=("pim", "erp")))
    assert anew.merge(["x"], at=2.0) == Merged(1, 0, 0)
    assert item(log).price == 3.0


def test_items_of_a_source_that_is_none_any_more_are_withdrawn_but_never_all() -> None:
    log = MemoryLog()
    Joined(log, CONFIG).append([part("erp", "a", price=2), part("feed", "b", price=3)])
    assert Joined(log, CatalogueConfig(sources=("erp",))).merge(["a", "b"], at=2.0) == Merged(2, 1, 1)
    assert (item(log, "a").withdrawn, item(log, "b").withdrawn) == (False, True)
    with pytest.raises(BadInput, match="names no sources"):
        Joined(log, CatalogueConfig()).merge(["a", "b"], at=2.0)


class Beside:
    """A log into which another process writes between what is read and what is appended."""

    def __init__(self, log: Log, *others: Entry) -> None:
        self.log, self.others = log, list(others)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.log, name)

    def append(self, entries: list[Entry]) -> Any:
        if self.others:
            Joined(self.log, CONFIG).append([self.others.pop()])
        return self.log.append(entries)


def test_what_a_source_says_while_items_are_merged_anew_is_not_lost() -> None:
    log = MemoryLog()
    Joined(log, CONFIG).append([part("erp", title="LMP", price=2), part("feed", title="Lamp - buy now")])
    beside = Beside(log, part("erp", title="LMP", price=5))
    config = CatalogueConfig(sources=CONFIG.sources, precedence={"title": ("feed",)})
    Joined(beside, config).merge(["x"], at=2.0)  # type: ignore[arg-type]
    assert (item(log).title, item(log).price) == ("Lamp - buy now", 5.0)


def test_what_another_says_between_reading_and_appending_is_not_lost() -> None:
    log = MemoryLog()
    Joined(Beside(log, part("pim", title="Lamp")), CONFIG).append([part("erp", price=2)])  # type: ignore[arg-type]
    assert (item(log).title, item(log).price) == ("Lamp", 2.0)


PROCESS = """
import sys
from pathlib import Path
from tailorbird.backends.sql.log import SqlLog
from tailorbird.config import CatalogueConfig
from tailorbird.ingest.parts.joining import Joined
from tailorbird.ingest.parts.part import entry_of_part, parse_part

source, folder = sys.argv[1], Path(sys.argv[2])
joined = Joined(SqlLog(folder), CatalogueConfig(sources=("erp", "pim", "feed")))
for turn in range(15):
    said = {"erp": {"price": turn}, "pim": {"title": f"t{turn}"}, "feed": {"brand": f"b{turn}"}}[source]
    parts = [parse_part({"item_id": f"i{n}", **said}, source, currency="EUR") for n in range(20)]
    joined.append([entry_of_part(part, at=1.0) for part in parts])
"""


def test_processes_that_speak_of_the_same_items_at_once_end_with_one_item(tmp_path: Path) -> None:
    log = SqlLog(tmp_path)
    running = [subprocess.Popen([sys.executable, "-c", PROCESS, name, str(tmp_path)]) for name in CONFIG.sources]
    assert [process.wait(timeout=120) for process in running] == [0, 0, 0]
    for n in range(20):
        one = item(log, f"i{n}")
        assert (one.price, one.title, one.brand) == (14.0, "t14", "b14")


@pytest.mark.parametrize("seed", range(3))
def test_threads_that_speak_of_one_item_at_once_end_with_one_item(tmp_path: Path, seed: int) -> None:
    log = SqlLog(tmp_path)
    said = {"erp": {"stock": seed}, "pim": {"title": "t"}, "feed": {"brand": "b"}}
    threads = [
        Thread(target=lambda source=source: Joined(log, CONFIG).append([part(source, **said[source])]))
        for source in CONFIG.sources
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (item(log).stock, item(log).title, item(log).brand) == (float(seed), "t", "b")
