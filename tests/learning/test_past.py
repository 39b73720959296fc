"""The log as columns."""

from tailorbird.backends.memory import MemoryLog
from tailorbird.config import Config, EventsConfig
from tailorbird.learning.past import Past, read_past

from made_up import NOW, event


def past(*types: str, **weights: float) -> Past:
    log = MemoryLog()
    log.append([event(str(n), type=kind, item_id=f"i{n}", at=NOW + n) for n, kind in enumerate(types)])
    return read_past(log, Config(events=EventsConfig(weights=weights)))


def test_purchases_are_marked_and_what_is_no_interest_is_left_out() -> None:
    found = past("item_view", "purchase", "dismiss", "cart_add", "purchase")
    assert found.interactions.bought.tolist() == [False, True, False, True]
    assert found.until(2).bought.tolist() == [False, True]


def test_what_was_learned_from_has_another_name_where_a_look_was_a_purchase() -> None:
    look, purchase = (past(kind, item_view=8.0) for kind in ("item_view", "purchase"))
    assert look.interactions.weights.tolist() == purchase.interactions.weights.tolist()
    assert look.sha256 != purchase.sha256
