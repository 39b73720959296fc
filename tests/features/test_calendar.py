"""How much happened when, of imported history too, told without looking at the log."""

from tailorbird.config import Config
from tailorbird.decide import Engine
from tailorbird.types import DAY_SECONDS, Record

from made_up import NOW, event

TODAY = NOW // DAY_SECONDS * DAY_SECONDS


def test_every_day_up_to_the_newest_is_told_quiet_ones_too() -> None:
    engine = Engine(Config())
    told = [
        event("a", at=NOW - 400 * DAY_SECONDS),
        event("b", at=NOW, type="purchase"),
        event("c", at=NOW - 3 * DAY_SECONDS),
        event("d", at=NOW - 3 * DAY_SECONDS, user_id=None, anonymous_id="phone"),
        event("e", at=NOW, anonymous_id="phone"),
    ]
    for n, one in enumerate(told, 1):
        engine.apply(Record(n, "event", one.key, one.at, NOW, one.body))
    calendar = engine.state.calendar
    assert (calendar.events, calendar.orders) == (5, 1)
    assert (calendar.first_at, calendar.last_at) == (NOW - 400 * DAY_SECONDS, NOW)
    days = [(TODAY - n * DAY_SECONDS, *counts) for n, counts in ((3, (2, 0)), (2, (0, 0)), (1, (0, 0)), (0, (2, 1)))]
    assert calendar.last(4) == days
    assert len(calendar.last(1_000)) == 401
    assert engine.state.n_people == 1


def test_a_shop_to_which_nothing_happened_has_no_days() -> None:
    assert Engine(Config()).state.calendar.last(30) == []
