"""Files into the log: every row accounted for, and nothing twice."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tailorbird.backends.memory import MemoryLog
from tailorbird.config import CatalogueConfig, Config, EventsConfig
from tailorbird.errors import BadInput, UnknownColumn, UnknownFormat
from tailorbird.ingest.importer import BATCH_ENTRIES, ImportOptions, Report, import_file
from tailorbird.ingest.mapping import Kind
from tailorbird.types import Event, Item

NOW = datetime(2024, 6, 1, tzinfo=UTC).timestamp()
AT = "2024-05-01T12:00:00Z"
VIEW = {"type": "item_view", "at": AT, "user_id": "u1", "item_id": "i1"}


def lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def run(log: MemoryLog, path: Path, kind: Kind = "events", **options: Any) -> Report:
    report = import_file(log, path, kind, now=NOW, options=ImportOptions(**options))
    assert report.rows == report.accepted + report.duplicates + report.rejected
    return report


def events(log: MemoryLog) -> list[Event]:
    return [msgspec.json.decode(record.body, type=Event) for record in log.read(0, 10_000)]


def items(log: MemoryLog) -> dict[str, Item]:
    return {r.key: msgspec.json.decode(r.body, type=Item) for r in log.read(0, 10_000)}


def test_a_second_import_changes_nothing_and_repeated_lines_are_kept(tmp_path: Path) -> None:
    log, path = MemoryLog(), lines(tmp_path / "a.jsonl", [VIEW, VIEW, {**VIEW, "item_id": "i2"}, VIEW])
    assert run(log, path).accepted == 4
    again = run(log, path)
    assert (again.accepted, again.duplicates, log.last_seq()) == (0, 4, 4)


def test_the_same_rows_in_two_files_are_one_set(tmp_path: Path) -> None:
    log = MemoryLog()
    run(log, lines(tmp_path / "a.jsonl", [VIEW, VIEW]))
    assert run(log, lines(tmp_path / "b.jsonl", [VIEW, VIEW, VIEW])).accepted == 1


def test_good_rows_are_in_and_each_reason_names_its_first_line(tmp_path: Path) -> None:
    rows: list[Any] = [
        VIEW,
        {**VIEW, "user_id": None},
        {**VIEW, "value": "12,50 EUR"},
        VIEW,
        {**VIEW, "user_id": ""},
        7,
    ]
    report = run(MemoryLog(), lines(tmp_path / "a.jsonl", rows))
    assert (report.rows, report.accepted, report.exit_code) == (6, 2, 1)
    reasons = {reason.code: (reason.count, reason.first_line) for reason in report.reasons}
    assert reasons == {"missing_field": (2, 2), "bad_number": (1, 3), "broken_line": (1, 6)}
    assert "a.jsonl, line 3: value is '12,50 EUR'" in report.reasons[1].message


def test_a_reason_names_the_first_three_rows_and_counts_the_others(tmp_path: Path) -> None:
    rows = [{**VIEW, "value": f"about {n}"} for n in range(5)]
    (reason,) = run(MemoryLog(), lines(tmp_path / "a.jsonl", rows)).reasons
    assert reason.count == 5
    told = [f"a.jsonl, line {n + 1}: value is 'about {n}', which is not a number." for n in range(3)]
    assert [example[: len(told[0])] for example in reason.examples] == told
    assert "Send the bare number" in reason.examples[0], "the remedy is said once"
    assert "Send the bare number" not in reason.examples[1]


def test_rows_that_lack_different_fields_are_different_reasons(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("type,at,user_id,item_id\n,2024-05-01,u1,i1\nitem_view,2024-05-01,,i1\n,2024-05-01,u2,i1\n")
    reasons = run(MemoryLog(), path).reasons
    assert [(r.code, r.field, r.count, r.first_line) for r in reasons] == [
        ("missing_field", "type", 2, 2),
        ("missing_field", "user_id", 1, 3),
    ]
    assert "type is missing" in reasons[0].message


def test_the_same_id_with_other_content_is_a_conflict_and_the_first_stays(tmp_path: Path) -> None:
    log = MemoryLog()
    rows = [{**VIEW, "event_id": "e1"}, {**VIEW, "event_id": "e1"}, {**VIEW, "event_id": "e1", "item_id": "i2"}]
    report = run(log, lines(tmp_path / "a.jsonl", rows))
    assert (report.accepted, report.duplicates, report.rejected) == (1, 1, 1)
    assert (report.reasons[0].code, report.reasons[0].first_line) == ("conflicting_event", 3)
    assert events(log)[0].item_id == "i1"


def test_nothing_that_could_be_read_is_exit_code_2(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("{broken\nworse\n")
    assert run(MemoryLog(), path).exit_code == 2
    assert run(MemoryLog(), lines(path, [{**VIEW, "user_id": None}])).exit_code == 1
    assert run(MemoryLog(), lines(path, [VIEW])).exit_code == 0


def test_an_order_file_goes_in_with_its_refunds_and_without_its_guests(tmp_path: Path) -> None:
    table = pa.table(
        {
            "Customer": pa.array([17850.0, None, 17850.0], pa.float64()),
            "Code": ["A", "B", "A"],
            "When": pa.array([datetime(2024, 5, 1)] * 3, pa.timestamp("us")),  # noqa: DTZ001 - as files hold it
            "Qty": pa.array([6, 1, -2], pa.int32()),
            "Each": [2.55, 1.0, 2.55],
            "Noise": ["x", "y", "z"],
        }
    )
    pq.write_table(table, tmp_path / "orders.parquet")
    log = MemoryLog()
    mapping = {"user_id": "Customer", "item_id": "Code", "at": "When", "quantity": "Qty", "price": "Each"}
    report = run(log, tmp_path / "orders.parquet", mapping=mapping, event_type="purchase")
    assert [(r.code, r.count, r.first_line) for r in report.reasons] == [("missing_field", 1, 2)]
    bought, back = events(log)
    assert (bought.type, bought.user_id, bought.items[0].quantity) == ("purchase", "17850", 6.0)
    assert (back.type, back.items[0].quantity, back.properties) == ("refund", 2.0, {})
    assert bought.at == datetime(2024, 5, 1, tzinfo=UTC).timestamp()


def test_an_order_without_times_is_refused_with_the_option_that_takes_it(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("user,item,rank\n1,a,1\n1,b,2\n2,a,1\n2,b,\n")
    mapping = {"user_id": "user", "item_id": "item", "at": "rank"}
    refused = run(MemoryLog(), path, mapping=mapping, event_type="item_view")
    assert {r.code: r.count for r in refused.reasons} == {"implausible_time": 3, "missing_field": 1}
    assert "--order-from" in refused.reasons[0].message
    log = MemoryLog()
    taken = run(log, path, mapping=mapping, event_type="item_view", order_from="2024-01-01")
    assert (taken.accepted, taken.rejected) == (3, 1)
    start = datetime(2024, 1, 1, tzinfo=UTC).timestamp()
    assert [e.at - start for e in events(log)] == [60.0, 120.0, 60.0]


def test_events_whose_items_would_be_lost_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "events"
    folder.mkdir()
    (folder / "a.csv").write_text("type,at,user_id,item_id\nitem_view,2024-05-01,1,a\n")
    (folder / "b.csv").write_text("type,at,user_id,thing\nitem_view,2024-05-01,1,a\n")
    log = MemoryLog()
    with pytest.raises(UnknownColumn, match=r"b\.csv has no column for item_id.*--map item_id=COLUMN"):
        run(log, folder)
    assert log.last_seq() == 0
    with pytest.raises(UnknownColumn, match="item_id"):
        run(log, folder / "b.csv", event_type="cart_add=item_view")


def test_events_that_are_about_no_item_need_no_column_of_items(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("type,at,user_id\npage_view,2024-05-01,1\nmessage_open,2024-05-01,1\n")
    assert run(MemoryLog(), path).accepted == 2
    path.write_text("type,at,user_id\nlook,2024-05-01,1\nbell,2024-05-01,1\n")
    with pytest.raises(UnknownColumn, match=r"item_id=COLUMN.*--type page_view"):
        run(MemoryLog(), path)
    assert run(MemoryLog(), path, event_type="page_view=look,bell=bell").accepted == 2
    assert run(MemoryLog(), path, event_type="bell").accepted == 2


def test_items_of_json_are_not_lost_either(tmp_path: Path) -> None:
    theirs = {"ts": AT, "visitor": "u1", "kind": "look", "sku": "i1"}
    path = lines(tmp_path / "a.jsonl", [theirs])
    with pytest.raises(UnknownColumn, match="--map type=COLUMN,at=ts,anonymous_id=visitor,item_id=sku"):
        run(MemoryLog(), path)
    with pytest.raises(UnknownColumn, match="--map at=ts,user_id=visitor,type=kind,item_id=sku"):
        run(MemoryLog(), path, mapping={"at": "ts", "user_id": "visitor", "type": "kind"})
    views = [{"type": "page_view", "at": AT, "user_id": str(n)} for n in range(1_200)]
    assert run(MemoryLog(), lines(path, [*views, VIEW])).accepted == 1_201


def test_their_names_of_types_become_ours(tmp_path: Path) -> None:
    log, path = MemoryLog(), lines(tmp_path / "a.jsonl", [{**VIEW, "type": "view"}, {**VIEW, "type": "cart"}])
    run(log, path, event_type="item_view=view,cart_add=cart")
    assert [e.type for e in events(log)] == ["item_view", "cart_add"]


def test_types_that_the_shop_does_not_know_are_counted_and_told_with_the_remedy(tmp_path: Path) -> None:
    rows = [{**VIEW, "type": kind} for kind in ("view", "view", "add to cart", "item_view", "tasting")]
    path = lines(tmp_path / "a.jsonl", rows)
    report = import_file(
        MemoryLog(), path, "events", now=NOW, config=Config(events=EventsConfig(weights={"tasting": 1}))
    )
    assert report.as_json()["unknown_types"] == {"view": 2, "add to cart": 1}
    view, cart, remedy = report.notes
    assert view.startswith("2 rows are of the type 'view', which")
    assert "count for nothing" in view
    assert "1 row is of the type 'add to cart'" in cart
    for part in ("[events.weights]", "view = 1.0", "--type item_view=view", "second time"):
        assert part in remedy
    again = run(MemoryLog(), path, event_type="item_view=view,cart_add=add to cart,cart_add=tasting")
    assert "unknown_types" not in again.as_json()
    assert again.notes == []


def test_events_none_of_which_names_an_item_are_told(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", [{"type": "view", "at": AT, "user_id": str(n)} for n in range(1_000)])
    assert "None of the 1,000 events names an item" in run(MemoryLog(), path).notes[-1]
    searched = {"type": "search", "at": AT, "user_id": "u1", "query": "cup"}
    assert run(MemoryLog(), lines(path, [searched])).notes == []


def test_decimal_commas_are_read_where_asked(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("item_id;price\na;12,50\nb;1.234,00\n")
    assert run(MemoryLog(), path, "items").reasons[0].code == "bad_number"
    log = MemoryLog()
    run(log, path, "items", decimal=",")
    assert [item.price for item in items(log).values()] == [12.5, 1234.0]


def test_a_currency_beside_a_price_is_taken_for_the_item_s(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text('item_id;price;currency\na;"18,00 EUR";\nb;"18,00 EUR";USD\nc;"18,00 EUR";EUR\n')
    refused = run(MemoryLog(), path, "items").reasons[0]
    assert (refused.code, refused.count) == ("bad_number", 3)
    assert "price is '18,00 EUR', which is not a number. Send the bare number" in refused.message
    assert "A file with decimal commas is imported with `--decimal ,`" in refused.message
    log = MemoryLog()
    report = run(log, path, "items", decimal=",")
    assert {key: (item.price, item.currency) for key, item in items(log).items()} == dict.fromkeys("ac", (18.0, "EUR"))
    assert "line 3: price is '18,00 EUR', but currency is 'USD'" in report.reasons[0].message
    assert run(log, path, "items", decimal=",").accepted == 0


def test_a_price_that_names_no_currency_is_in_the_shop_s(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("item_id,price,currency\na,2,\na,3,\nb,2,GBP\nc,,\nd,$4,\n")
    log, config = MemoryLog(), Config(catalogue=CatalogueConfig(currency="USD"))
    report = import_file(log, path, "items", now=NOW, config=config)
    assert {key: item.currency for key, item in items(log).items()} == {"a": "USD", "b": "GBP", "c": None, "d": "USD"}
    assert any("name no currency are taken as USD" in note for note in report.notes)
    assert import_file(log, path, "items", now=NOW, config=config).accepted == 0


def test_several_rows_about_one_item_are_one_version_of_their_last_known_values(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("item_id,title,price\na,Cup,2\nb,Pan,9\na,CUP,3\na,,2\n")
    log = MemoryLog()
    report = run(log, path, "items")
    assert items(log) == {
        "a": Item(item_id="a", title="CUP", price=2.0),
        "b": Item(item_id="b", title="Pan", price=9.0),
    }
    assert (report.accepted, report.duplicates) == (2, 2)
    assert "1 items came in 3 rows" in report.notes[0]
    assert run(log, path, "items").accepted == 0


def test_or_of_their_most_frequent_values(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("item_id,title,price\na,Cup,2\na,Cup,2\na,damaged,0\na,,3\n")
    log = MemoryLog()
    run(log, path, "items", repeats="most-frequent")
    assert items(log)["a"] == Item(item_id="a", title="Cup", price=2.0)


def test_an_item_in_two_files_of_a_directory_is_still_one_version(tmp_path: Path) -> None:
    for name, price in (("1.csv", 2), ("2.csv", 3)):
        (tmp_path / name).write_text(f"item_id,price\na,{price}\nonly-{price},1\n")
    log = MemoryLog()
    assert run(log, tmp_path, "items").accepted == 3
    assert items(log)["a"].price == 3.0
    assert run(log, tmp_path, "items").accepted == 0


def test_a_changed_item_is_a_new_version(tmp_path: Path) -> None:
    log = MemoryLog()
    for price in (2, 3):
        (tmp_path / "items.csv").write_text(f"item_id,price\na,{price}\nb,1\n")
        report = run(log, tmp_path / "items.csv", "items")
    assert (report.accepted, report.duplicates, log.last_seq()) == (1, 1, 3)


def test_an_empty_catalogue_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("item_id,title\n")
    assert run(MemoryLog(), path, "items").exit_code == 0


def test_users_go_in_with_their_traits(tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_text("user_id,gender,age\n1,F,25\n,M,3\n")
    log = MemoryLog()
    report = run(log, path, "users", mapping={"traits.gender": "gender", "traits.age": "age"})
    assert (report.accepted, report.reasons[0].code) == (1, "missing_field")
    assert msgspec.json.decode(log.read(0, 1)[0].body)["traits"] == {"gender": "F", "age": "25"}


def test_skipped_rows_are_counted_apart(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("item_id,title\nPOST,Postage\nPOSTER,Poster\n")
    report = run(MemoryLog(), path, "items", skip={"item_id": "POST|DOT"})
    assert (report.rows, report.accepted, report.skipped) == (1, 1, 1)
    assert report.as_json()["skipped"] == 1


def test_options_that_make_no_sense_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", [VIEW])
    with pytest.raises(UnknownFormat, match=r"'natif'.*native"):
        run(MemoryLog(), path, fmt="natif")
    with pytest.raises(BadInput, match="--decimal"):
        run(MemoryLog(), path, decimal=";")
    with pytest.raises(BadInput, match="--order-from"):
        run(MemoryLog(), path, order_from="once")
    with pytest.raises(BadInput, match="--skip"):
        run(MemoryLog(), path, skip={"type": "("})
    with pytest.raises(UnknownColumn, match="'nope'"):
        run(MemoryLog(), path, skip={"nope": "x"})


def test_transactions_are_small(tmp_path: Path) -> None:
    log, sizes = MemoryLog(), []
    append = log.append
    log.append = lambda entries: (sizes.append(len(entries)), append(entries))[1]  # type: ignore[method-assign]
    with (tmp_path / "a.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(VIEW)
        writer.writerows({**VIEW, "item_id": n}.values() for n in range(2 * BATCH_ENTRIES + 10))
    assert run(log, tmp_path / "a.csv").accepted == 2 * BATCH_ENTRIES + 10
    assert max(sizes) <= BATCH_ENTRIES <= 1_000


def test_progress_grows_from_file_to_file_up_to_all(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        lines(tmp_path / name, [{**VIEW, "item_id": n} for n in range(1_500)])
    told: list[tuple[float, int]] = []
    import_file(MemoryLog(), tmp_path, "events", now=NOW, progress=lambda share, rows: told.append((share, rows)))
    assert told == sorted(told)
    assert told[-1] == (1.0, 3_000)
    assert (0.5, 1_500) in [(round(share, 2), rows) for share, rows in told]


def test_the_figures_so_far_survive_a_log_that_can_take_no_more(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", [{**VIEW, "item_id": n} for n in range(2_500)])
    log, report = _FullAfter(MemoryLog(), 1_000), Report()
    with pytest.raises(OSError, match="full"):
        import_file(log, path, "events", now=NOW, report=report)
    assert report.accepted == log.last_seq() == 1_000
    log.limit = 10_000
    rest = import_file(log, path, "events", now=NOW)
    assert (rest.accepted, rest.duplicates) == (1_500, 1_000)


class _FullAfter:
    """A log on a disk that is full after so many records."""

    def __init__(self, log: MemoryLog, limit: int) -> None:
        self.limit = limit
        self._log = log
        self.read, self.last_seq, self.current, self.newest = log.read, log.last_seq, log.current, log.newest

    def append(self, entries: Any) -> Any:
        if self.last_seq() + len(entries) > self.limit:
            raise OSError("disk full")
        return self._log.append(entries)


def test_another_systems_messages_are_imported_and_what_was_left_out_is_told(tmp_path: Path) -> None:
    call = {"type": "track", "event": "Product Viewed", "userId": "u1", "timestamp": AT, "properties": {"sku": "i1"}}
    person = {"type": "identify", "userId": "u1", "traits": {"email": "a@b.example", "plan": "gold"}}
    rows = [
        {**call, "messageId": "m1"},
        {"batch": [{**call, "messageId": "m2"}, {**call, "messageId": "m1"}, {**call, "properties": {}}]},
        {"type": "group", "userId": "u1"},
        person,
    ]
    log, path = MemoryLog(), lines(tmp_path / "calls.jsonl", rows)
    report = run(log, path, fmt="segment")
    assert (report.accepted, report.duplicates, report.rejected, report.silent) == (3, 1, 1, {"group": 1})
    assert report.reasons[0].message.startswith("calls.jsonl, line 2: properties.product_id is missing")
    assert report.notes == [
        "Personal fields that are of no use here were left out: email (1).",
        "Messages that say nothing to a shop were left out: group (1).",
    ]
    assert [record.kind for record in log.read(0, 10)] == ["event", "event", "user"]
    assert run(log, path, fmt="segment").accepted == 0


def test_a_field_that_a_map_renamed_is_told_with_the_files_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("SKU,Preis,stock\na,teuer,1\nb,2,viel\nc,,1\n,3,1\nd,x,1\nd,2,1\n")
    mapping = {"item_id": "SKU", "price": "Preis", "stock": "stock"}
    told = run(MemoryLog(), tmp_path / "a.csv", "items", mapping=mapping).reasons
    examples = " ".join(example for reason in told for example in reason.examples)
    for words in (
        "line 2: price (Preis in the file) is 'teuer'",
        "line 3: stock is 'viel'",
        "line 5: item_id (SKU in the file) is missing",
        "line 6: price (Preis in the file) is 'x'",
    ):
        assert words in examples


def test_a_format_leaves_no_room_for_a_map(tmp_path: Path) -> None:
    path = lines(tmp_path / "calls.jsonl", [{}])
    with pytest.raises(BadInput, match="--map goes with tables of one's own, not with --format segment"):
        run(MemoryLog(), path, fmt="segment", mapping={"item_id": "sku"})
    with pytest.raises(UnknownFormat, match="no format 'segmen'"):
        run(MemoryLog(), path, fmt="segmen")


def test_messages_that_say_nothing_are_told_by_name_and_not_as_skipped(tmp_path: Path) -> None:
    rows = [{"name": "clicked"}, {"name": "clicked"}, {"name": "input_blurred", "data": {}}]
    report = run(MemoryLog(), lines(tmp_path / "pixel.jsonl", rows), fmt="shopify")
    assert report.as_json()["silent"] == {"clicked": 2, "input_blurred": 1}
    assert "skipped" not in report.as_json()
    assert report.notes == ["Messages that say nothing to a shop were left out: clicked (2), input_blurred (1)."]


def test_messages_of_somebody_who_declines_are_counted_as_declined(tmp_path: Path) -> None:
    log = MemoryLog()
    run(log, lines(tmp_path / "users.jsonl", [{"user_id": "u1", "consent": {"analytics": False}}]), "users")
    call = {"type": "track", "event": "Product Viewed", "userId": "u1", "timestamp": AT, "properties": {"sku": "i1"}}
    report = run(log, lines(tmp_path / "calls.jsonl", [call]), fmt="segment")
    assert (report.declined, report.silent) == (1, {})


def test_a_decimal_comma_goes_with_a_format_too(tmp_path: Path) -> None:
    event = {"userId": "u1", "timestamp": AT, "type": "track", "event": "Order Completed", "messageId": "m"}
    line = {"product_id": "i1", "quantity": "2", "price": "1.012,50"}
    told = {**event, "properties": {"revenue": "2.025,00 EUR", "products": [line]}}
    log, path = MemoryLog(), lines(tmp_path / "calls.jsonl", [told])
    assert run(log, path, fmt="segment").rejected == 1
    assert run(log, path, fmt="segment", decimal=",").accepted == 1
    (bought,) = events(log)
    assert (bought.value, bought.currency, bought.items[0].price, bought.items[0].quantity) == (
        2025.0,
        "EUR",
        1012.5,
        2,
    )
    feed = tmp_path / "feed.tsv"
    feed.write_text("id\ttitle\tprice\ni1\tMug\t12,50 EUR\n")
    log = MemoryLog()
    assert run(log, feed, "items", fmt="google-merchant", decimal=",").accepted == 1
    assert (items(log)["i1"].price, items(log)["i1"].currency) == (12.5, "EUR")
    with pytest.raises(BadInput, match="--decimal"):
        run(log, feed, "items", fmt="google-merchant", decimal=";")


def refusing(**who: str) -> dict[str, Any]:
    return {"type": "consent", "at": AT, "consent": {"analytics": False}, **who}


@pytest.mark.parametrize(
    ("before", "does"),
    [
        ([refusing(user_id="u1")], {"user_id": "u1"}),
        ([refusing(anonymous_id="a1")], {"anonymous_id": "a1"}),
        ([refusing(anonymous_id="a1"), {**VIEW, "anonymous_id": "a1"}], {"user_id": "u1"}),
        ([{**VIEW, "anonymous_id": "a1"}, refusing(user_id="u1")], {"anonymous_id": "a1"}),
    ],
)
def test_what_somebody_answered_on_earlier_events_holds_for_an_import(
    tmp_path: Path, before: list[Any], does: dict[str, str]
) -> None:
    log = MemoryLog()
    run(log, lines(tmp_path / "before.jsonl", before))
    seq = log.last_seq()
    later = {"type": "item_view", "at": "2024-05-09", "item_id": "i9", **does}
    told = {"type": "track", "event": "Product Viewed", "timestamp": AT, "properties": {"product_id": "i9"}}
    call = {**told, **({"userId": does["user_id"]} if "user_id" in does else {"anonymousId": "a1"})}
    assert run(log, lines(tmp_path / "later.jsonl", [later])).declined == 1
    assert run(log, lines(tmp_path / "calls.jsonl", [call]), fmt="segment").declined == 1
    assert log.last_seq() == seq
    someone = {**later, "user_id": "someone-else"}
    someone.pop("anonymous_id", None)
    assert run(log, lines(tmp_path / "other.jsonl", [someone])).accepted == 1


def test_who_agrees_again_is_kept_from_then_on(tmp_path: Path) -> None:
    log = MemoryLog()
    agreed = {**refusing(user_id="u1"), "consent": {"analytics": True}}
    run(log, lines(tmp_path / "a.jsonl", [refusing(user_id="u1"), agreed]))
    assert run(log, lines(tmp_path / "b.jsonl", [VIEW])).accepted == 1


def test_within_one_file_a_device_and_its_user_answer_as_one(tmp_path: Path) -> None:
    rows = [refusing(anonymous_id="a1"), {**VIEW, "anonymous_id": "a1"}, {**VIEW, "at": "2024-05-07"}]
    report = run(MemoryLog(), lines(tmp_path / "a.jsonl", rows))
    assert (report.accepted, report.declined) == (2, 1)  # the answer, and the event that tells whose the device is


def test_what_somebody_declines_is_not_kept_but_for_the_answer(tmp_path: Path) -> None:
    log = MemoryLog()
    run(log, lines(tmp_path / "users.jsonl", [{"user_id": "no", "consent": {"analytics": False}}]), "users")
    rows = [
        VIEW,
        {**VIEW, "user_id": "no"},
        {**VIEW, "consent": {"analytics": "no"}, "session_id": "s", "properties": {"a": 1}},
        {**VIEW, "at": "2024-05-02"},
        {**VIEW, "at": "2024-05-03", "consent": {"analytics": True}},
    ]
    report = run(log, lines(tmp_path / "a.jsonl", rows))
    assert (report.accepted, report.declined) == (3, 2)
    assert report.notes == ["2 events were not kept: whoever did them declines analytics."]
    told = [msgspec.json.decode(one.body, type=Event) for one in log.read(0, 10) if one.kind == "event"]
    assert [(one.type, one.item_id, one.session_id) for one in told] == [
        ("item_view", "i1", None),
        ("consent", None, None),
        ("item_view", "i1", None),
    ]
