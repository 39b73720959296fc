"""The overview's figures, from a real log and ledger."""

import msgspec
import pytest

from tailorbird.app import App
from tailorbird.console import heartbeat
from tailorbird.console.attention import matters
from tailorbird.console.heartbeat import Heartbeat, quantiles_per_stage
from tailorbird.console.interest import Wanted
from tailorbird.console.overview import example_of
from tailorbird.types import Entry, Event, Item, OrderLine, Request


class Clock:
    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock(1_800_000_000.0)


@pytest.fixture
def app(tmp_path, clock):
    with App.open(tmp_path, clock=clock) as opened:
        yield opened


def happen(app, clock, type_, *, name, ago=0.0, **fields):
    event = Event(type=type_, at=clock() - ago, event_id=name, user_id="u", **fields)
    app.append([Entry("event", name, event.at, msgspec.json.encode(event))])


def test_a_silent_shop_beats_at_zero(app):
    beat = Heartbeat(app).beat()
    assert (beat.events_per_minute, beat.decisions_per_minute, beat.click_rate) == (0, 0, None)
    assert beat.latest_events == []


def test_events_count_in_the_minute_in_which_they_arrive(app, clock):
    heart = Heartbeat(app)
    happen(app, clock, "item_view", name="1", item_id="a")
    happen(app, clock, "item_view", name="2", item_id="b")
    assert heart.beat().events_per_minute == 2
    clock.now += 70
    happen(app, clock, "item_view", name="3", item_id="c")
    beat = heart.beat()
    assert beat.events_per_minute == 1
    assert sum(beat.events) == 3
    clock.now += 16 * 60
    assert sum(heart.beat().events) == 0


def test_imported_history_is_no_traffic(app, clock):
    happen(app, clock, "item_view", name="old", item_id="a", ago=86_400)
    beat = Heartbeat(app).beat()
    assert sum(beat.events) == 0
    assert beat.latest_events[0].item_id == "a"


def test_an_imported_event_is_told_with_the_time_at_which_it_happened(app, clock):
    happen(app, clock, "item_view", name="old", item_id="a", ago=3 * 86_400)
    beat = Heartbeat(app).beat()
    assert beat.latest_events[0].at == clock() - 3 * 86_400
    assert beat.last_event_at == clock() - 3 * 86_400


def test_the_last_minutes_tell_who_is_here_and_what_they_want(app, clock):
    lines = (OrderLine(item_id="a"), OrderLine(item_id="b"))
    happen(app, clock, "item_view", name="1", item_id="b")
    happen(app, clock, "cart_add", name="2", items=lines[:1])
    happen(app, clock, "purchase", name="3", items=lines)
    happen(app, clock, "item_view", name="old", item_id="c", ago=86_400)
    heart = Heartbeat(app)
    beat = heart.beat()
    assert (beat.people, beat.cart_adds, beat.orders) == (1, 1, 1)
    assert beat.wanted == [Wanted("a", cart_adds=1, orders=1), Wanted("b", looks=1, orders=1)]
    clock.now += 16 * 60
    assert (heart.beat().people, heart.beat().wanted) == (0, [])


def test_being_shown_something_is_not_among_the_latest_events(app, clock):
    happen(app, clock, "item_view", name="1", item_id="a")
    happen(app, clock, "list_view", name="2", items=(OrderLine(item_id="a"),))
    assert [happened.type for happened in Heartbeat(app).beat().latest_events] == ["item_view"]


def test_one_degraded_decision_is_no_alarm_and_says_what_it_lacks(app, clock):
    asked = Request(surface="home", at=clock(), query="lamp", limit=1)
    app.recommend(asked)
    (matter,) = [matter for matter in matters(app, Heartbeat(app).beat(), [], []) if "decisions" in matter.text]
    assert (matter.level, matter.text) == ("warn", "1 of the last 1 decisions was made without one of their stages.")
    assert "search: the query is not read yet" in matter.remedy
    for _ in range(5):
        app.recommend(asked)
    assert "bad" in [matter.level for matter in matters(app, Heartbeat(app).beat(), [], [])]


def test_the_click_rate_is_clicks_for_each_recommended_item_seen(app, clock):
    lines = tuple(OrderLine(item_id=name) for name in "abcd")
    happen(app, clock, "list_view", name="v", items=lines, decision_id="d")
    happen(app, clock, "list_click", name="c", item_id="a", decision_id="d")
    happen(app, clock, "list_click", name="other", item_id="a")
    beat = Heartbeat(app).beat()
    assert beat.click_rate == 0.25
    assert beat.shown_as == "seen"


def test_a_shop_that_reports_no_views_is_rated_on_what_was_answered(app, clock):
    for name in "abcd":
        app.append([Entry("item", name, clock(), msgspec.json.encode(Item(item_id=name, title=name)))])
    app.follow(1_000)
    made = app.recommend(Request(surface="home", at=clock(), user_id="u", limit=4))
    happen(app, clock, "list_click", name="c", item_id="a", decision_id=made.decision_id)
    beat = Heartbeat(app).beat()
    assert beat.shown_as == "answered"
    assert beat.click_rate == 1 / len(made.items)
    assert beat.decisions_per_minute == 1


def test_a_decision_counts_once_however_often_one_looks(app, clock):
    app.recommend(Request(surface="home", at=clock(), limit=4))
    heart = Heartbeat(app)
    assert [sum(heart.beat().decisions) for _ in range(3)] == [1, 1, 1]


def test_stages_that_some_decisions_lack_are_measured_over_the_others():
    stages = quantiles_per_stage([{"retrieve": 1.0}, {"retrieve": 3.0, "rank": 5.0}])
    assert stages["retrieve"]["p50"] == 2.0
    assert stages["rank"]["p99"] == 5.0


def test_an_empty_shop_needs_items_and_events(app):
    texts = [matter.text for matter in matters(app, Heartbeat(app).beat(), [], [])]
    assert "The catalogue is empty." in texts
    assert "No event has arrived yet." in texts


def test_items_without_a_price_are_worth_a_note(app, clock):
    app.append([Entry("item", "a", clock(), msgspec.json.encode(Item(item_id="a", title="a")))])
    app.follow(1_000)
    texts = [matter.text for matter in matters(app, Heartbeat(app).beat(), [], [])]
    assert "1 of 1 items have no price." in texts


def test_a_burst_of_decisions_between_two_looks_is_counted_whole(app, clock):
    app.recommend(Request(surface="home", at=clock(), limit=1))
    heart = Heartbeat(app)
    heart.beat()
    for _ in range(150):
        app.recommend(Request(surface="home", at=clock(), limit=1))
    assert sum(heart.beat().decisions) == 151


@pytest.fixture
def few(monkeypatch):
    """A heartbeat that reads fewer records and decisions than in earnest, so that little is more than it can read."""
    monkeypatch.setattr(heartbeat, "_MOST_RECORDS", 20)
    monkeypatch.setattr(heartbeat, "_SAMPLES", 5)
    monkeypatch.setattr(heartbeat, "_LOOKS", (2, 4))


@pytest.mark.usefixtures("few")
def test_events_are_counted_whole_however_many_come_between_two_looks(app, clock):
    def burst(name, n, **fields):
        events = [
            Event(type="item_view", at=clock(), event_id=f"{name}{i}", user_id=f"u{i}", **fields) for i in range(n)
        ]
        app.append([Entry("event", event.event_id, event.at, msgspec.json.encode(event)) for event in events])

    burst("first", 100, item_id="a")
    heart = Heartbeat(app)
    beat = heart.beat()
    assert (beat.events[-1], beat.people, beat.since) == (100, 20, clock())
    clock.now += 60
    happen(app, clock, "purchase", name="old", item_id="a", ago=86_400)
    burst("second", 70, item_id="b")
    beat = heart.beat()
    assert (beat.events[-7], beat.events[-1], sum(beat.events)) == (100, 70, 170)
    assert (beat.wanted, beat.since) == ([Wanted("b", looks=20)], clock())
    clock.now += 60
    burst("third", 5, item_id="b")
    assert heart.beat().wanted == [Wanted("b", looks=25)]
    assert heart.beat().events_per_minute == 5
    clock.now += 15 * 60
    assert heart.beat().since is None


@pytest.mark.usefixtures("few")
def test_decisions_are_counted_whole_however_many_come_between_two_looks(app, clock):
    def burst(n):
        for _ in range(n):
            app.recommend(Request(surface="home", at=clock(), limit=1))

    burst(30)
    clock.now += 20 * 60
    burst(40)
    heart = Heartbeat(app)
    assert sum(heart.beat().decisions) == 40
    clock.now += 60
    burst(50)
    beat = heart.beat()
    assert (beat.decisions[-7], beat.decisions_per_minute, sum(beat.decisions)) == (40, 50, 90)
    assert beat.slates == 9


def test_the_latest_events_are_those_that_happened_last_whatever_came_last(app, clock):
    for name, ago in {"new": 5.0, "older": 900.0, "newest": 1.0, "ahead": -3_600.0}.items():
        happen(app, clock, "item_view", name=name, item_id=name, ago=ago)
    for n in range(12):
        happen(app, clock, "item_view", name=f"old{n}", item_id=f"old{n}", ago=86_400.0 - n)
    latest = Heartbeat(app).beat().latest_events
    assert [event.item_id for event in latest[:5]] == ["ahead", "newest", "new", "older", "old11"]
    assert len(latest) == 12
    assert latest[0].at == clock()


def test_theexample_of_asks_for_somebody_who_was_there():
    assert example_of(["a:visitor", "u:ann lee", "u:bo"]) == "tailorbird recommend --user 'ann lee' --surface home"
    assert example_of(["a:visitor"]) == "tailorbird recommend --surface home"


def test_what_the_newest_check_of_the_data_found_needs_attention(app, clock):
    app.append([Entry("item", "a", clock(), msgspec.json.encode(Item(item_id="a", title="a", price=0.0)))])
    app.follow(1_000)
    before = [matter.text for matter in matters(app, Heartbeat(app).beat(), [], [])]
    told = app.check()
    found = matters(app, Heartbeat(app).beat(), [], [])
    assert "1 item costs 0." not in before
    assert ("warn", "1 item costs 0.") in [(matter.level, matter.text) for matter in found]
    assert "tailorbird check" in [matter.command for matter in found]
    assert not any("holds no events" in matter.text for matter in found)
    assert any(finding.code == "no_events" for finding in told.findings)


def test_what_limits_refused_is_told_and_a_quota_is_worse_than_a_rate(tmp_path):
    with App.open(tmp_path) as app:
        refused = {"address_requests_per_second": 12, "events_a_day": 3}
        told = {m.text: m.level for m in matters(app, Heartbeat(app).beat(), [], [], refused) if "limit" in m.text}
    assert sorted(told.values()) == ["bad", "warn"]
    assert any("12 requests were refused by the limit address_requests_per_second" in text for text in told)
