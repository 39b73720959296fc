"""Each kind of fault in a tiny log where it is, and in one where it is not."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from tailorbird.backends.memory import MemoryLog
from tailorbird.catalogue import Alias
from tailorbird.config import CatalogueConfig, ChecksConfig, Config
from tailorbird.ingest.checks.findings import EXAMPLES, Finding
from tailorbird.ingest.checks.people import DEVICES_OF_A_USER, USERS_OF_A_DEVICE
from tailorbird.ingest.parts.joining import Joined
from tailorbird.ingest.parts.part import Part
from tailorbird.ingest.readiness import check
from tailorbird.ingest.receipts import Receipt
from tailorbird.ingest.writing import Report
from tailorbird.types import Entry, Event, Identity, Item, User

from made_up import NOW, entry

HOUR, DAY = 3_600.0, 86_400.0
START = NOW - 10 * DAY + 1_234.5


def event(n: int, **fields: Any) -> Entry:
    """Event ``n``: an item_view an hour and a bit after the one before, by a person of their own."""
    known = {"type": "item_view", "user_id": f"u{n}", "item_id": f"i{n % 3}", "at": START + n * 1.01 * HOUR}
    content = Event(**{"event_id": f"e{n}", **known, **fields})
    return entry("event", content.event_id, content, content.at)


def item(name: str, **fields: Any) -> Entry:
    content = Item(**{"item_id": name, "title": f"Lamp {name}", "categories": ("lamps",), "price": 5.0, **fields})
    return entry("item", name, content)


def part(path: str) -> Entry:
    said = Part(source="feed", item_id="i1", said={"categories": path.split(" > ")}, unmapped=path)
    return entry("source_item", said.key, said)


def found(
    entries: Iterable[Entry],
    code: str,
    *,
    config: Config | None = None,
    receipts: Sequence[Receipt] = (),
    now: float = NOW,
) -> Finding | None:
    """The finding of this code, if there is one; whatever is found is explained."""
    clock = itertools.count(now, 1e-6)
    log = MemoryLog(clock=lambda: next(clock))
    log.append(list(entries))
    findings = check(log, config or Config(), receipts).findings
    assert all(f.cost and f.hint and f.message and len(f.examples) <= EXAMPLES for f in findings)
    return next((finding for finding in findings if finding.code == code), None)


CATALOGUE = [item(f"i{n}") for n in range(3)]
LOOKS = [event(n) for n in range(25)]
GOOD = [*CATALOGUE, *LOOKS]
"""A log with none of these faults."""


def devices(n: int, user: str | None) -> list[Entry]:
    """Events of so many devices, each in both ids where there is a user."""
    return [event(100 + k, user_id=user, anonymous_id=f"d{k}") for k in range(n)]


FAULTS: dict[str, list[Entry]] = {
    "few_sessions_about_items": [*LOOKS, *(event(50 + n, type="page_view", item_id=None) for n in range(10))],
    "clock_ahead": [event(1), event(2, at=NOW + HOUR)],
    "shared_times": [event(n, at=START) for n in range(25)],
    "dates_without_time": [event(n, at=DAY * (20_000 + n)) for n in range(5)],
    "items_not_in_catalogue": [*GOOD, event(99, item_id="I2")],
    "ids_alike": [*CATALOGUE, item("I1")],
    "no_products": [*(item(f"i{n}") for n in range(25)), item("POST", title="")],
    "free_items": [*CATALOGUE, item("i9", price=0.0)],
    "items_undescribed": [*CATALOGUE, item("i9", categories=())],
    "categories_used_once": [*CATALOGUE, item("i9", categories=("shades",))],
    "leaf_under_several_parents": [item("i1", categories=("bikes", "parts")), item("i2", categories=("cars", "parts"))],
    "category_spellings": [*CATALOGUE, item("i9", categories=(" Lamp",))],
    "brand_spellings": [item("i1", brand="Aster"), item("i2", brand="ASTER ")],
    "several_currencies": [event(n, type="purchase", value=9.0, currency=c) for n, c in enumerate(("EUR", "USD"), 1)],
    "no_rate": [item("i1", currency="EUR"), item("i2", currency="USD")],
    "near_duplicates": [item("i1", title="Oak writing desk"), item("i2", title="Oak Writing Desk.")],
    "unmapped_paths": [part("Toys > Dolls")],
    "few_joined": [*LOOKS, *devices(25, None)],
    "shared_devices": [event(n, anonymous_id="till") for n in range(USERS_OF_A_DEVICE)],
    "users_of_many_devices": devices(DEVICES_OF_A_USER, "tester"),
    "too_busy_for_people": [event(n, user_id="bot", at=START + n) for n in range(501)],
    "personal_data": [event(1, properties={"note": "ask ann@example.com"})],
    "weightless_types": [event(1, type="gaze")],
    "returns": [event(1, type="purchase"), event(2, type="refund")],
    "few_labels": LOOKS,
    "few_for_learned_models": [event(n) for n in range(100)],
}


@pytest.mark.parametrize("code", FAULTS)
def test_a_fault_is_found_where_it_is_and_only_there(code):
    finding = found(FAULTS[code], code)
    assert finding is not None
    without = [*GOOD, *(event(200 + n, type="purchase") for n in range(5_000))] if code.startswith("few_l") else GOOD
    assert found(without, code) is None
    if not code.startswith("few_l") and code != "few_for_learned_models":
        assert finding.examples
        assert all(example.seq > 0 for example in finding.examples)


def test_what_happened_since_the_shop_began_and_came_days_later_is_late():
    clock = iter([NOW, NOW + 5 * DAY, NOW + 5 * DAY])
    log = MemoryLog(clock=lambda: next(clock))
    log.append(LOOKS)
    log.append([event(70, at=NOW + HOUR)])
    log.append([event(71, at=NOW + 5 * DAY - HOUR)])
    (late,) = (f for f in check(log, Config()).findings if f.code == "late_events")
    assert "1 event " in late.message
    assert [(example.seq, example.id) for example in late.examples] == [(26, "e70")]
    patient = check(log, Config(checks=ChecksConfig(late_days=6))).findings
    assert "late_events" not in {finding.code for finding in patient}


def test_a_file_without_times_is_named():
    ordered = Receipt(NOW, "/x/sequence.csv", "events", Report(rows=3, accepted=3, order_from=START))
    finding = found(GOOD, "order_for_times", receipts=[ordered])
    assert finding is not None
    assert "3 events of sequence.csv" in finding.message
    timed = Receipt(NOW, "/x/sequence.csv", "events", Report(rows=3, accepted=3))
    assert found(GOOD, "order_for_times", receipts=[timed]) is None


def test_rows_that_were_in_already_are_told():
    again = Receipt(NOW, "/x/a.csv", "events", Report(rows=3, duplicates=2, accepted=1))
    finding = found(GOOD, "import_duplicates", receipts=[again])
    assert finding is not None
    assert "2 of 3 rows" in finding.message
    assert found(GOOD, "import_duplicates", receipts=[Receipt(NOW, "a", "events", Report(rows=3, accepted=3))]) is None


@pytest.mark.parametrize(
    ("theirs", "ours", "meant"),
    [
        ("085123a", {}, "85123A?"),
        (" 85123A", {}, "85123A?"),
        ("85123A-XL", {}, "a variant of 85123A?"),
        ("G1", {"group_id": "G1"}, "the group of 85123A?"),
    ],
)
def test_an_unknown_id_is_told_with_the_one_it_may_mean(theirs, ours, meant):
    finding = found([item("85123A", **ours), event(1, item_id=theirs)], "items_not_in_catalogue")
    assert finding is not None
    assert [(row.id, row.note, row.seq) for row in finding.examples] == [(theirs, meant, 2)]


def test_a_price_far_from_the_catalogue_s_is_told_with_both():
    def bought(price: float) -> Finding | None:
        order = event(1, type="purchase", item_id=None, items=({"item_id": "i1", "price": price},))
        return found([item("i1", price=5.0), order], "prices_far_off")

    dear, cheap = bought(55.0), bought(0.4)
    assert dear is not None
    assert cheap is not None
    assert [str(example) for example in dear.examples] == ["i1 #2 (55 paid, 5 in the catalogue)"]
    assert bought(45.0) is None
    assert bought(0.6) is None


def test_a_currency_on_events_counts_as_one_more():
    order = event(1, type="purchase", value=9.0, currency="USD")
    finding = found([item("i1", currency="EUR"), order], "several_currencies")
    assert finding is not None
    assert "1 event in USD, items in EUR" in finding.message
    assert found([item("i1", currency="EUR"), event(1, type="purchase", value=9.0)], "several_currencies") is None


def test_prices_of_a_currency_with_a_rate_are_compared():
    config = Config(catalogue=CatalogueConfig(rates={"USD": 0.5}))
    dollars = item("i1", currency="USD", price=10.0)
    assert found([dollars], "no_rate", config=config) is None
    paid = event(1, type="purchase", items=({"item_id": "i1", "price": 60.0},), item_id=None, currency="USD")
    assert found([dollars, paid], "prices_far_off", config=config) is None
    euros = event(1, type="purchase", items=({"item_id": "i1", "price": 60.0},), item_id=None, currency="EUR")
    assert found([dollars, euros], "prices_far_off", config=config) is not None
    assert found([item("i1", currency="JPY"), euros], "prices_far_off", config=config) is None, "10 JPY are not 10 EUR"


def test_a_path_that_is_mapped_at_last_is_no_fault():
    mapped = Part(source="feed", item_id="i1", said={"categories": ["Dolls"]})
    assert found([part("Toys > Dolls"), entry("source_item", mapped.key, mapped)], "unmapped_paths") is None


def test_items_that_changed_settings_left_behind_are_named_with_what_mends_them():
    def check_by(*sources: str) -> Finding | None:
        return next((f for f in check(log, settings(*sources)).findings if f.code == "items_not_merged_anew"), None)

    def settings(*sources: str) -> Config:
        return Config(catalogue=CatalogueConfig(sources=sources))

    log, said = MemoryLog(), [("erp", "i1"), ("feed", "i1"), ("feed", "i2"), ("erp", "i3")]
    parts = [Part(source=source, item_id=name, said={"title": f"{name} of {source}"}) for source, name in said]
    Joined(log, settings("erp", "feed").catalogue).append([entry("source_item", one.key, one) for one in parts])
    assert check_by("erp", "feed") is None
    finding = check_by("feed", "erp")
    assert finding is not None
    assert finding.message.startswith("1 item is not what")
    assert "items merge" in finding.hint
    assert [str(example) for example in finding.examples] == ["i1 #2 (i1 of feed)"]
    finding = check_by("erp")
    assert finding is not None
    assert finding.message.endswith("settings; 1 of them would be withdrawn.")
    assert [str(example) for example in finding.examples] == ["i2 #3 (withdrawn)"]
    Joined(log, settings("feed", "erp").catalogue).merge(["i1", "i2", "i3"], at=NOW)
    assert check_by("feed", "erp") is None
    assert check_by() is None, "without sources nothing can be merged"


def test_events_under_a_sources_id_are_about_the_shops_item():
    alias = entry("alias", "feed:G1", Alias("feed", "G1", "i1"))
    looks = [event(n, item_id="G1") for n in range(5)]
    assert found([item("i1"), *looks], "items_not_in_catalogue") is not None
    assert found([item("i1"), alias, *looks], "items_not_in_catalogue") is None


def test_lines_of_one_order_are_one_moment():
    lines = [event(n, user_id="shopper", at=START) for n in range(501)]
    assert found(lines, "too_busy_for_people") is None


def test_identities_join_devices_and_a_shared_one_is_told():
    joins = [
        entry("identity", "till", Identity(anonymous_id="till", user_id=f"u{n}", at=NOW + n))
        for n in range(USERS_OF_A_DEVICE)
    ]
    finding = found([*LOOKS, *joins], "shared_devices")
    assert finding is not None
    assert [example.id for example in finding.examples] == [""]
    assert found([*LOOKS, *joins[:-1]], "shared_devices") is None
    log = MemoryLog()
    log.append([*devices(3, None), joins[0]])
    assert check(log, Config()).share_joined == 0.25


@pytest.mark.parametrize("value", ["ann@example.com", "call +44 20 7946 0958", "(030) 123456", "415-555-2671"])
def test_a_personal_value_is_counted_by_field_and_never_shown(value):
    user = entry("user", value, User(user_id=value, traits={"more": {"contact": [value]}}))
    known = [event(1, properties={"note": value}, event_id=value), item("i1", attributes={"by": value}), user]
    finding = found([*known, event(2, query=value)], "personal_data")
    assert finding is not None
    assert finding.message.startswith("4 values look personal")
    assert all(name in finding.message for name in ("properties.note", "attributes.by", "traits.more.contact", "query"))
    assert value not in repr(finding)
    assert {example.seq for example in finding.examples} == {1, 2, 3, 4}


@pytest.mark.parametrize(
    "value",
    [
        "2024-05-01 10:30",
        "01-05-2024 10:30:59",
        "978-3-16-148410-0",
        "0-306-40615-2",
        "192.168.100.100",
        "1741191600",
        "4006381333931",
        "50 x 70",
    ],
)
def test_what_only_has_digits_is_not_personal(value):
    assert found([event(1, properties={"note": value})], "personal_data") is None


def test_bare_digits_are_a_phone_number_in_a_field_of_that_name():
    assert found([event(1, properties={"phone": "4915112345678"})], "personal_data") is not None
    assert found([event(1, context={"mobile_phone": 4_915_112_345_678})], "personal_data") is not None
