import pytest

from tailorbird.monitoring import Recent
from tailorbird.types import Decision, Event, OrderLine, Placed, Request


class Clock:
    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def recent(clock):
    return Recent(clock=clock)


def decision(n_items=4, ms=2.0, degraded=None):
    items = tuple(
        Placed(item_id=str(n), position=n, score=0.0, source="popular", reason="", propensity=1.0)
        for n in range(n_items)
    )
    return Decision(
        decision_id="d",
        at=0.0,
        surface="home",
        person="",
        policy="default",
        policy_version="1",
        items=items,
        request=Request(surface="home", at=0.0),
        degraded=degraded,
        timings_ms={"retrieve": ms, "rank": 2 * ms},
    )


def event(kind, **more):
    return Event(type=kind, at=0.0, user_id="u", **more)


def test_counts_are_forgotten_after_the_window(recent, clock):
    recent.count(events=3)
    clock.now += 899
    recent.count(events=2)
    assert recent.total("events") == 5
    clock.now += 1
    assert recent.total("events") == 2
    clock.now += 10_000
    assert recent.total("events") == 0


def test_a_second_that_comes_round_again_starts_at_nothing(recent, clock):
    recent.count(events=3)
    clock.now += 900
    recent.count(events=1)
    assert recent.total("events") == 1


def test_a_rate_is_over_the_time_there_was(recent, clock):
    for _ in range(10):
        recent.count(decisions=5)
        clock.now += 1
    assert recent.per_second("decisions") == pytest.approx(5.0)
    clock.now += 50
    assert recent.per_second("decisions", seconds=60) == pytest.approx(50 / 60)


def test_a_series_holds_every_count_once_oldest_first(recent, clock):
    for second in range(100):
        recent.count(events=second)
        clock.now += 1
    times, counts = recent.series("events", seconds=120, step=10)
    assert len(times) == len(counts) == 12
    assert counts.sum() == sum(range(100))
    assert (times[1:] > times[:-1]).all()
    assert counts[-2] > counts[-5] > 0


def test_clicks_are_divided_by_what_was_reported_as_seen(recent):
    recent.decided(decision(n_items=10))
    recent.accepted(event("list_view", decision_id="d", items=tuple(OrderLine(str(n)) for n in range(5))))
    recent.accepted(event("list_click", decision_id="d", item_id="1"))
    assert recent.click_rate() == (1, 5, 0.2, "viewed")


def test_without_reported_views_clicks_are_divided_by_what_was_decided(recent):
    recent.decided(decision(n_items=10))
    recent.accepted(event("list_click", decision_id="d", item_id="1"))
    assert recent.click_rate() == (1, 10, 0.1, "decided")


def test_clicks_on_what_was_not_recommended_do_not_count(recent):
    recent.accepted(event("list_view", item_id="1"))
    recent.accepted(event("list_click", item_id="1"))
    assert recent.click_rate() == (0, 0, None, "decided")


def test_latency_is_told_per_stage_with_the_total_last(recent):
    for ms in range(1, 101):
        recent.decided(decision(ms=float(ms)))
    latency = recent.latency_ms()
    assert list(latency) == ["retrieve", "rank", "total"]
    assert latency["retrieve"]["p50"] == pytest.approx(50.5)
    assert latency["total"]["p99"] == pytest.approx(3 * 99.01)


def test_old_latencies_are_left_out(recent, clock):
    recent.decided(decision(ms=100.0))
    clock.now += 1_000
    recent.decided(decision(ms=1.0))
    assert recent.latency_ms()["retrieve"]["p99"] == pytest.approx(1.0)


def test_the_newest_are_kept_and_degraded_ones_counted(recent):
    for _ in range(300):
        recent.decided(decision(degraded="ranker: failed"))
    assert len(recent.decisions) == 200
    assert recent.total("degraded") == 300
