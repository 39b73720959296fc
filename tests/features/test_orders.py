"""An order counts once, whoever reports it first; and nobody's word keeps out the server's."""

import msgspec
import pytest

from tailorbird.config import Config
from tailorbird.decide import Engine
from tailorbird.features import orders
from tailorbird.types import Entry, Event, Record

from made_up import NOW, event


def bought(name: str, *, user: str = "ann", item: str = "mug", **more: object) -> Entry:
    return event(name, type="purchase", user_id=user, item_id=item, **more)


def engine_of(*entries: Entry) -> Engine:
    engine = Engine(Config())
    for n, one in enumerate(entries, 1):
        engine.apply(Record(n, one.kind, one.key, one.at, one.at, one.body))
    return engine


def times(engine: Engine, user: str, item: str = "mug") -> int:
    owned = engine.state.person(f"u:{user}").states["ownership"].bought
    number = engine.catalogue.find(item)
    return owned[number].times if number in owned else 0


PAGES = bought("page:A-1", at=NOW)
SERVERS = bought("A-1", at=NOW + 9)


@pytest.mark.parametrize("reports", [(PAGES, SERVERS), (SERVERS, PAGES), (PAGES,), (SERVERS,)])
def test_an_order_told_by_page_and_server_counts_once_in_either_order(reports: tuple[Entry, ...]) -> None:
    assert times(engine_of(*reports), "ann") == 1


def test_a_forged_order_never_keeps_out_the_real_one() -> None:
    forged = bought("page:A-1", user="mallory", at=NOW)
    for reports, n_forged in (((forged, SERVERS), 1), ((SERVERS, forged), 0)):
        engine = engine_of(*reports)
        assert (times(engine, "ann"), times(engine, "mallory")) == (1, n_forged)


def test_items_that_a_page_did_not_name_count_as_the_server_tells_them() -> None:
    engine = engine_of(bought("page:A-1", item="forged"), SERVERS)
    assert (times(engine, "ann", "mug"), times(engine, "ann", "forged")) == (1, 1)


def test_the_number_of_the_order_counts_where_the_names_of_the_events_differ() -> None:
    numbered = {"properties": {"order_id": 1_005}}
    assert times(engine_of(bought("page:x", **numbered), bought("y", properties={"order_id": "1005"})), "ann") == 1
    assert times(engine_of(bought("x", **numbered), bought("y", **numbered)), "ann") == 2  # parts of one order


def test_a_guest_who_turns_out_to_be_the_customer_bought_once() -> None:
    guest = event("page:A-1", type="purchase", user_id=None, anonymous_id="phone", item_id="mug")
    joined = event("j", user_id="ann", anonymous_id="phone", item_id="other")
    assert times(engine_of(guest, joined, SERVERS), "ann") == 1


def test_what_is_learned_again_is_what_counted() -> None:
    engine = engine_of(PAGES, SERVERS)
    folded = [engine.state.folded(Record(n, "event", e.key, e.at, e.at, e.body)) for n, e in ((1, PAGES), (2, SERVERS))]
    assert [len(steps) for steps in folded] == [1, 0]


def test_only_the_newest_lines_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "MOST_LINES", 2)
    known = orders.Orders(lambda _key: 0)
    told = [msgspec.json.decode(bought(name).body, type=Event) for name in ("page:1", "page:2", "page:3", "1", "3")]
    for one in told:
        known.take(one)
    assert [len(known.counted(one)) for one in told[3:]] == [1, 0]


def test_who_is_forgotten_is_not_remembered_as_a_customer() -> None:
    engine = engine_of(PAGES)
    engine.state.forget({"u:ann": "u:x-1"})
    assert "u:ann" not in {line.person for line in engine.state._orders._lines.values()}
