"""The ledger: nothing waits for it, and what it took is found again."""

import time
from pathlib import Path

import msgspec

from tailorbird.backends.sql.ledger import SqlLedger
from tailorbird.types import Decision, Placed, Request

from made_up import NOW


def decision(name: str) -> Decision:
    item = Placed(item_id="i", position=0, score=1.0, source="popular", reason="Popular", propensity=0.9)
    return Decision(
        decision_id=name,
        at=NOW,
        surface="home",
        person="u:1",
        policy="default",
        policy_version="1",
        items=(item,),
        request=Request(surface="home", at=NOW, user_id="1"),
    )


def test_a_decision_is_found_before_and_after_it_is_committed(tmp_path: Path) -> None:
    ledger = SqlLedger(tmp_path)
    ledger.record(decision("a"))
    assert ledger.get("a") == decision("a")
    deadline = time.monotonic() + 10
    while ledger.summary()["waiting"] and time.monotonic() < deadline:
        time.sleep(0.01)
    assert ledger.summary()["committed"] == 1
    assert ledger.get("a") == decision("a")
    assert ledger.get("b") is None
    ledger.close()


def test_closing_commits_what_waits_and_the_newest_come_first(tmp_path: Path) -> None:
    ledger = SqlLedger(tmp_path)
    for n in range(200):
        ledger.record(decision(f"d{n}"))
    ledger.close()
    again = SqlLedger(tmp_path)
    assert [d.decision_id for d in again.recent(3)] == ["d199", "d198", "d197"]
    assert again.summary()["committed"] == 200
    again.close()


def test_an_id_that_was_used_before_holds_up_nothing_and_the_first_decision_stays(tmp_path: Path) -> None:
    ledger = SqlLedger(tmp_path)
    ledger.record(decision("a"))
    ledger.close()
    again = SqlLedger(tmp_path)
    again.record(msgspec.structs.replace(decision("a"), surface="cart"))
    again.record(decision("b"))
    again.close()
    third = SqlLedger(tmp_path)
    assert [d.decision_id for d in third.recent(5)] == ["b", "a"]
    assert third.get("a") == decision("a")
    third.close()
