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
from tailorbird.ingest.items import entry_of_item, parse_item
from tailorbird.ingest.parts.joining import Joined
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
