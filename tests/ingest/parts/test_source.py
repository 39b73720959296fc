"""A source's rows under the shop's ids and in the shop's categories."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tailorbird.backends.memory import MemoryLog
from tailorbird.config import CatalogueConfig, Config
from tailorbird.errors import BadInput, UnknownColumn, UnknownSource
from tailorbird.ingest.importer import ImportOptions, import_file
from tailorbird.ingest.parts.aliases import known_aliases, read_ids
from tailorbird.ingest.parts.source import Source, open_source
from tailorbird.ingest.parts.taxonomy import Taxonomy
from tailorbird.ingest.writing import Report
from tailorbird.types import Item

OURS = [{"item_id": "s1", "title": "Lamp", "gtin": "04006381333931"}, {"item_id": "s2", "title": "Rug", "gtin": 42}]


class Shop:
    """A log with a catalogue by the ERP, and a folder."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder, self.log = folder, MemoryLog()
        self.config = CatalogueConfig(**{"sources": ("erp", "feed"), **settings})
        self.say("erp", OURS)

    def source(self, name: str, **more: Any) -> Source:
        return open_source(self.log, self.config, self.folder, name, **more)

    def say(self, source: str, rows: list[dict[str, Any]], **more: Any) -> Report:
        path = self.folder / f"{source}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        config = Config(catalogue=self.config)
        return import_file(self.log, path, "items", now=1e9, config=config, source=self.source(source, **more))

    def items(self) -> dict[str, Item]:
        found = [msgspec.json.decode(body, type=Item) for body in self.log.newest("item")]
        return {item.item_id: item for item in found if not item.withdrawn}

    def table(self, text: str) -> Path:
        path = self.folder / "table.csv"
        path.write_text(text)
        return path


def test_rows_of_a_source_reach_the_shops_items_by_a_table_of_ids(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    report = shop.say("feed", [{"item_id": "G1", "brand": "B"}], ids=shop.table("theirs,ours\nG1,s1\n"))
    assert (report.accepted, report.unmatched) == (1, 0)
    assert shop.items()["s1"].brand == "B"
    assert shop.items().keys() == {"s1", "s2"}
    shop.say("feed", [{"item_id": "G1", "brand": "C"}])
    assert shop.items()["s1"].brand == "C", "the log knows the id from then on"


def test_rows_of_a_source_reach_the_shops_items_by_an_attribute(tmp_path: Path) -> None:
    shop = Shop(tmp_path, match={"feed": "gtin"})
    rows = [{"item_id": "G1", "gtin": "4006381333931", "brand": "B"}, {"item_id": "G2", "gtin": "42", "brand": "C"}]
    assert shop.say("feed", [*rows, {"item_id": "G3", "gtin": "7"}]).unmatched == 1
    assert {name: item.brand for name, item in shop.items().items()} == {"s1": "B", "s2": "C", "G3": None}
    assert shop.say("feed", [*rows, {"item_id": "G3", "gtin": "7"}]).unmatched == 0, "it is one of the shop's now"


def test_two_items_with_one_value_are_no_match(tmp_path: Path) -> None:
    shop = Shop(tmp_path, match={"feed": "gtin"})
    shop.say("erp", [{"item_id": "s3", "gtin": 42}])
    assert shop.say("feed", [{"item_id": "G2", "gtin": 42}]).unmatched == 1


def test_unmatched_items_are_rejected_where_the_shop_says_so(tmp_path: Path) -> None:
    shop = Shop(tmp_path, match={"feed": "gtin"}, unmatched={"feed": "reject"})
    report = shop.say("feed", [{"item_id": "G3", "gtin": "7"}, {"item_id": "s1", "brand": "B"}])
    assert [(reason.code, reason.first_line) for reason in report.reasons] == [("unmatched_item", 1)]
    assert "'G3' of feed or has its gtin" in report.reasons[0].message
    assert shop.items()["s1"].brand == "B", "an id of the shop's needs no match"


def test_an_item_that_turns_out_to_be_the_shops_leaves_its_own_id(tmp_path: Path) -> None:
    shop = Shop(tmp_path, match={"feed": "gtin"})
    shop.say("feed", [{"item_id": "G9", "gtin": "9", "brand": "B"}])
    shop.say("erp", [*OURS, {"item_id": "s9", "gtin": "9"}])
    assert shop.items().keys() == {"s1", "s2", "s9", "G9"}
    shop.say("feed", [{"item_id": "G9", "gtin": "9", "brand": "B"}])
    assert shop.items().keys() == {"s1", "s2", "s9"}
    assert shop.items()["s9"].brand == "B"


def test_two_rows_of_a_source_cannot_be_one_item(tmp_path: Path) -> None:
    shop = Shop(tmp_path, match={"feed": "gtin"})
    report = shop.say("feed", [{"item_id": "G1", "gtin": 42}, {"item_id": "G2", "gtin": 42}])
    assert (report.accepted, report.rejected) == (1, 1)
    assert "'G2' is the item 's2', and so is 'G1'" in report.reasons[0].message


def test_ids_that_stand_for_each_other_are_each_others_items(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    rows = [{"item_id": "s1", "brand": "of 2"}, {"item_id": "s2", "brand": "of 1"}]
    for _ in range(2):
        shop.say("feed", rows, ids=shop.table("theirs,ours\ns1,s2\ns2,s1\n"))
        assert {name: item.brand for name, item in shop.items().items()} == {"s1": "of 1", "s2": "of 2"}
    assert known_aliases(shop.log, "feed") == {"s1": "s2", "s2": "s1"}


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("theirs\nG1\n", UnknownColumn, "no column 'ours'"),
        ("a,b\nG1,s1\n", UnknownColumn, "no column 'theirs' and no column 'ours'"),
        ("theirs,ours\nG1,s1\nG1,s2\n", BadInput, "line 3: theirs 'G1' stands beside 's1' and beside 's2'"),
        ("theirs,ours\nG1,s1\nG2,s1\n", BadInput, "line 3: ours 's1' stands beside 'G1' and beside 'G2'"),
        ("theirs,ours\nG1,\n", BadInput, "line 2 has one cell"),
        (f"theirs,ours\n{'x' * 257},s1\n", BadInput, "257 characters"),
    ],
)
def test_a_bad_table_of_ids_is_refused_with_its_line(tmp_path: Path, text: str, kind: type, words: str) -> None:
    path = tmp_path / "ids.csv"
    path.write_text(text)
    with pytest.raises(kind) as told:
        read_ids(path)
    assert words in str(told.value)


def test_the_same_pair_twice_is_one(tmp_path: Path) -> None:
    path = tmp_path / "ids.csv"
    path.write_text("theirs,ours\nG1,s1\nG1,s1\n,\n")
    assert read_ids(path) == {"G1": "s1"}


def test_paths_become_the_shops_and_others_stay_and_are_counted(tmp_path: Path) -> None:
    shop = Shop(tmp_path, taxonomy={"feed": "table.csv"})
    shop.table("theirs,ours\nHome & Garden > Lighting,Lamps > All\nAnimals,>\n")
    paths = {"G1": "home & garden>Lighting", "G2": "Toys > Dolls", "G3": "Toys > Dolls", "G4": "Animals"}
    report = shop.say("feed", [{"item_id": name, "categories": path} for name, path in paths.items()])
    assert report.unmapped == {"Toys > Dolls": 2}
    found = {name: shop.items()[name].categories for name in paths}
    assert found == {"G1": ("Lamps", "All"), "G2": ("Toys", "Dolls"), "G3": ("Toys", "Dolls"), "G4": ()}


def test_a_taxonomy_with_a_path_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "paths.csv"
    path.write_text("theirs,ours\nA > B,X\na>b,Y\n")
    with pytest.raises(BadInput, match=r"line 3: theirs 'a>b' has two counterparts"):
        Taxonomy.read(path)


@pytest.mark.parametrize("price", ["NaN", float("nan"), float("inf"), "1e999"])
def test_a_part_with_a_price_that_is_no_number_is_rejected_and_the_old_one_stays(tmp_path: Path, price: Any) -> None:
    shop = Shop(tmp_path)
    shop.say("erp", [{"item_id": "s1", "price": 3}])
    source = shop.source("erp")
    with pytest.raises(BadInput, match="price is"):
        source.entries({"item_id": "s1", "price": price}, at=1.0)
    assert shop.items()["s1"].price == 3.0


def test_an_id_of_257_characters_is_rejected(tmp_path: Path) -> None:
    report = Shop(tmp_path).say("feed", [{"item_id": "x" * 257}])
    assert [reason.code for reason in report.reasons] == ["id_too_long"]


def test_an_unknown_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownSource, match="Allowed: erp, feed"):
        Shop(tmp_path).source("pim")


def test_a_format_of_another_system_speaks_for_a_source(tmp_path: Path) -> None:
    shop = Shop(tmp_path, match={"feed": "gtin"})
    path = tmp_path / "feed.xml"
    path.write_text(
        '<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel><item><g:id>G1</g:id>'
        "<g:gtin>4006381333931</g:gtin><g:image_link>/1.jpg</g:image_link></item></channel></rss>"
    )
    options = ImportOptions(fmt="google-merchant")
    import_file(shop.log, path, "items", now=1e9, options=options, source=shop.source("feed"))
    assert (shop.items()["s1"].image_url, shop.items()["s1"].title) == ("/1.jpg", "Lamp")


def test_changes_of_items_that_a_source_tells_in_parts_are_merged_into_its_part(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    lines = [
        {"event": "item", "id": f"{n}", "item": "s1", "timestamp": "1700000000000", "fields": [field]}
        for n, field in enumerate([{"name": "title", "value": "Metarank"}, {"name": "price", "value": 5}])
    ]
    path = tmp_path / "metarank.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    report = import_file(
        shop.log, path, "items", now=1e9, options=ImportOptions(fmt="metarank"), source=shop.source("feed")
    )
    assert report.rejected == 0
    assert (shop.items()["s1"].title, shop.items()["s1"].price) == ("Lamp", 5.0)
