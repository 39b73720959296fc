"""What the readiness check counts, warns of and recommends."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tailorbird.backends.memory import MemoryLog
from tailorbird.config import Config, EventsConfig
from tailorbird.ingest.events import entry_of_event, parse_event
from tailorbird.ingest.items import entry_of_item, parse_item
from tailorbird.ingest.readiness import Readiness, check
from tailorbird.ingest.receipts import Receipt
from tailorbird.ingest.writing import Reason, Report
from tailorbird.types import Event

START = datetime(2024, 5, 1, 9, 30, tzinfo=UTC).timestamp()
NOW = START + 30 * 86_400


def log_of(*raws: dict[str, Any], items: tuple[dict[str, Any], ...] = ()) -> MemoryLog:
    log = MemoryLog()
    log.append([entry_of_item(parse_item(item), at=START) for item in items])
    log.append([entry_of_event(parse_event({"at": START, **raw}, now=NOW)) for raw in raws])
    return log


def codes(readiness: Readiness) -> set[str]:
    return {finding.code for finding in readiness.findings}


def trained(readiness: Readiness) -> set[str]:
    return {advice.model for advice in readiness.models if advice.train}


def shop(n_people: int = 12, n_items: int = 12) -> list[dict[str, Any]]:
    """Everybody looks at every item, one a day."""
    return [
        {"type": "item_view", "at": START + 86_400 * i, "user_id": f"u{u}", "item_id": f"i{i}"}
        for u in range(n_people)
        for i in range(n_items)
    ]


def test_models_are_advised_on_what_training_reads() -> None:
    old = [{**event, "at": event["at"] - 400 * 86_400} for event in shop()]
    readiness = check(log_of(*old, *shop()[:24]), Config())
    assert "older_than_training_reads" in codes(readiness)
    assert "24 of 168 interactions" in " ".join(finding.message for finding in readiness.findings)
    assert all("24 interactions" in advice.reason for advice in readiness.models if advice.model == "ials")
    assert "older_than_training_reads" not in codes(check(log_of(*shop()), Config()))


def test_only_purchases_that_training_reads_are_counted() -> None:
    old = [{**event, "type": "purchase", "at": event["at"] - 400 * 86_400} for event in shop()]
    late = {"type": "purchase", "at": START, "user_id": "u1", "items": ["i1", "i2"]}
    assert "bought-with" not in trained(check(log_of(*old, *shop()), Config()))
    readiness = check(log_of(*old, *shop(), late), Config())
    assert {"bought-after", "bought-with"} <= trained(readiness)
    (reason,) = (advice.reason for advice in readiness.models if advice.model == "bought-after")
    assert "2 of 146 interactions are purchases" in reason


def test_items_that_cost_nothing_are_named() -> None:
    items = ({"item_id": "i1", "price": 0}, {"item_id": "i2", "price": 3}, {"item_id": "i3", "price": 0})
    log = log_of(*shop(), items=items)
    log.append([entry_of_item(parse_item({"item_id": "i3", "price": 2}), at=NOW)])
    (free,) = (finding for finding in check(log, Config()).findings if finding.code == "free_items")
    assert "1 item costs 0" in free.message
    assert [example.id for example in free.examples] == ["i1"]


def test_an_empty_log_is_not_ready_and_says_why() -> None:
    readiness = check(MemoryLog(), Config())
    assert not readiness.ready
    assert {"no_events", "empty_catalogue"} <= codes(readiness)
    assert trained(readiness) == set()


def test_a_catalogue_alone_is_not_ready_but_its_content_can_be_learned() -> None:
    readiness = check(log_of(items=({"item_id": "i1", "title": "Cup"},)), Config())
    assert not readiness.ready
    assert trained(readiness) == {"content"}


def test_a_small_shop_is_ready_for_the_models_that_count() -> None:
    items = tuple({"item_id": f"i{n}", "title": f"x{n}", "categories": ["c"], "price": 1} for n in range(12))
    readiness = check(log_of(*shop(), items=items), Config())
    assert readiness.ready
    assert trained(readiness) == {"popular", "trending", "covisitation", "item-knn", "user-knn", "content"}
    assert codes(readiness) == {"no_impressions", "few_labels", "few_for_learned_models"}


def test_what_is_counted() -> None:
    readiness = check(
        log_of(
            {"type": "item_view", "user_id": "u1", "item_id": "i1"},
            {"type": "purchase", "at": START + 60, "user_id": "u1", "items": ["i1", "i2"], "value": 5},
            {"type": "rating", "at": START + 86_400, "user_id": "u1", "item_id": "i2", "rating": 1},
            {"type": "list_view", "anonymous_id": "a1", "items": ["i1", "i3"]},
            {"type": "page_view", "at": START + 3_600, "anonymous_id": "a1"},
            items=({"item_id": "i1"}, {"item_id": "i9", "available": False}),
        ),
        Config(),
    )
    assert readiness.by_type == dict.fromkeys(("item_view", "purchase", "rating", "list_view", "page_view"), 1)
    assert (readiness.interactions, readiness.negatives, readiness.labels) == (3, 1, 1)
    assert (readiness.people, readiness.anonymous_people, readiness.events_without_user) == (2, 1, 2)
    assert readiness.sessions == 4
    assert (readiness.first_at, readiness.last_at, readiness.days) == (START, START + 86_400, 1.0)
    assert (readiness.items_with_events, readiness.items_described, readiness.items_sellable) == (3, 2, 1)
    assert readiness.share_not_in_catalogue == pytest.approx(3 / 6)


@pytest.mark.parametrize(("n_people", "n_items", "code"), [(1, 200, "one_person"), (200, 1, "one_item")])
def test_one_single_user_or_item_is_not_ready(n_people: int, n_items: int, code: str) -> None:
    events = [
        {"type": "item_view", "at": START + n, "user_id": f"u{n % n_people}", "item_id": f"i{n % n_items}"}
        for n in range(200)
    ]
    readiness = check(log_of(*events), Config())
    assert code in codes(readiness)
    assert not readiness.ready


def test_types_without_weight_are_named_until_the_configuration_gives_them_one() -> None:
    events = [{**event, "type": "view"} for event in shop()]
    readiness = check(log_of(*events), Config())
    assert {"no_interest", "weightless_types"} <= codes(readiness)
    assert "'view'" in " ".join(finding.message for finding in readiness.findings)
    weighed = check(log_of(*events), Config(events=EventsConfig(weights={"view": 1.0})))
    assert weighed.ready
    assert not codes(weighed) & {"no_interest", "weightless_types"}


def test_items_never_described_are_named() -> None:
    readiness = check(log_of(*shop(), items=({"item_id": "other", "price": 1},)), Config())
    (finding,) = (f for f in readiness.findings if f.code == "items_not_in_catalogue")
    assert "100.0%" in finding.message
    assert "i0" in [example.id for example in finding.examples]


def test_a_shop_where_everything_is_sold_out_is_not_ready() -> None:
    readiness = check(log_of(*shop(), items=({"item_id": "i1", "stock": 0},)), Config())
    assert "nothing_to_sell" in codes(readiness)
    assert not readiness.ready


def test_a_withdrawn_item_is_not_in_the_catalogue() -> None:
    log = log_of(items=({"item_id": "i1"},))
    log.append([entry_of_item(parse_item({"item_id": "i1", "withdrawn": True}), at=NOW)])
    assert check(log, Config()).items_described == 0


def test_what_an_import_left_out_is_explained() -> None:
    told = [Reason("missing_field", 3, 2, "a.csv, line 2: no user.", ["a.csv, line 4: no user."], field="user_id")]
    report = Report(rows=10, accepted=7, rejected=3, reasons=told)
    readiness = check(log_of(*shop()), Config(), [Receipt(NOW, "/x/a.csv", "events", report)])
    (finding,) = (f for f in readiness.findings if f.code == "import_missing_field")
    assert "3 of 10 rows (30.0%) of a.csv" in finding.message
    assert [str(example) for example in finding.examples] == ["a.csv, line 2: no user.", "a.csv, line 4: no user."]
    assert "guests" in finding.cost
    assert readiness.ready


def test_a_session_without_interest_is_not_counted_for_the_advice() -> None:
    looks = [{"type": "item_view", "user_id": "u", "item_id": "i", "at": START + 60 * n} for n in (0, 29, 90)]
    readiness = check(log_of(*looks, {"type": "page_view", "user_id": "v", "at": START}), Config())
    (of_sessions,) = (a for a in readiness.models if a.model == "v-sknn")
    assert readiness.sessions == 3
    assert of_sessions.reason.startswith("2 sessions of 1.5 interactions")


def test_the_judgement_is_plain_json() -> None:
    shape = check(log_of(*shop()), Config()).as_json()
    assert shape["ready"] is True
    assert shape["days"] == 11.0
    assert {"model", "train", "reason"} == set(shape["models"][0])


def test_weights_follow_the_log_of_the_shop() -> None:
    rated = Event(type="rating", at=START, user_id="u", item_id="i", rating=4.0)
    readiness = check(log_of({"type": "rating", "user_id": "u", "item_id": "i", "rating": 4}), Config())
    assert readiness.interactions == (Config().events.weight(rated) > 0)


def test_a_row_without_a_type_is_not_explained_as_a_guest() -> None:
    told = [Reason("missing_field", 3, 2, "a.csv, line 2: type is missing.", field="type")]
    receipt = Receipt(1.0, "a.csv", "events", Report(rows=10, accepted=7, rejected=3, reasons=told))
    findings = check(log_of(*shop()), Config(), [receipt]).findings
    (finding,) = (f for f in findings if f.code == "import_missing_field")
    assert "guests" not in finding.cost
    assert "only they will be added" in finding.hint
