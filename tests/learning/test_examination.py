"""How much rarer further places are looked at is found from what exploration put there."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tailorbird.backends.sql.ledger import SqlLedger
from tailorbird.learning.examination import USUAL_EXPONENT, exponent_of, likeliest
from tailorbird.types import Decision, Entry, OrderLine, Placed, Request

from made_up import NOW, event, records


def decision(n: int, explored: dict[str, int]) -> Decision:
    places = {position: item for item, position in explored.items()}
    items = tuple(
        Placed(
            item_id=places.get(p, f"ranked{p}"), position=p, score=1.0, source="", reason="", propensity=0.5,
            explored=p in places,
        )
        for p in range(10)
    )  # fmt: skip
    request = Request(surface="home", at=NOW)
    return Decision(
        decision_id=f"d{n}", at=NOW, surface="home", person="u:1", policy="home", policy_version="1", items=items,
        request=request,
    )  # fmt: skip


@pytest.mark.parametrize("truth", [0.0, 0.4, 1.0])
def test_the_exponent_that_made_the_clicks_is_found(truth: float) -> None:
    draw = np.random.default_rng(5)
    shown = Counter(dict.fromkeys(range(1, 11), 4000))
    clicked = Counter({k: int(draw.binomial(4_000, 0.1 * k**-truth)) for k in range(1, 11)})
    assert likeliest(shown, clicked) == pytest.approx(truth, abs=0.08)


def test_without_a_click_the_usual_is_believed() -> None:
    assert likeliest(Counter(), Counter()) == USUAL_EXPONENT
    assert likeliest(Counter({1: 5, 9: 5}), Counter()) == USUAL_EXPONENT


def test_only_what_exploration_placed_and_somebody_saw_counts(tmp_path: Path) -> None:
    ledger = SqlLedger(tmp_path)
    entries: list[Entry] = []
    for n in range(300):
        ledger.record(decision(n, {"low": 9, "high": 0}))
        seen = tuple(OrderLine(item) for item in ("high", "ranked3", "low"))
        entries.append(event(f"s{n}", type="list_view", decision_id=f"d{n}", item_id=None, items=seen))
        clicked = "high" if n % 2 else "ranked3"
        entries.append(event(f"c{n}", type="list_click", decision_id=f"d{n}", item_id=clicked))
    assert exponent_of(records(entries), ledger) > 1.0, "nobody ever clicks further down"
    elsewhere = [event(f"x{n}", type="list_click", decision_id="nobody's", item_id="low") for n in range(9)]
    assert exponent_of(records(elsewhere), ledger) == USUAL_EXPONENT
    ledger.close()
