import asyncio
import contextlib
import time

from sqlalchemy import event as database_event

from tailorbird.api.follower import MOST_SLICE_MS, SLICE_MS, Follower
from tailorbird.ingest.items import entry_of_item
from tailorbird.types import Item


class Log:
    """A log of ``end`` records, of which a slice's time is enough for ``per_slice``; broken on command."""

    def __init__(self, end=0, per_slice=10):
        self.end, self.seq, self.per_slice, self.broken = end, 0, per_slice, False

    def follow(self, budget_ms=2.0):
        if self.broken:
            raise RuntimeError("a record that cannot be applied")
        applied = min(self.per_slice, self.end - self.seq)
        self.seq += applied
        if self.seq < self.end:
            time.sleep(budget_ms / 1000)
        return applied


def following(log, work):
    async def run():
        follower = Follower(log, lambda: log.seq, lambda: log.end)
        task = asyncio.create_task(follower.run())
        try:
            return await asyncio.wait_for(work(follower), 10)
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    return asyncio.run(run())


def test_waiting_ends_when_the_record_is_applied():
    log = Log()

    async def work(follower):
        await asyncio.sleep(0.01)
        log.end = 25
        return await follower.reached(25, seconds=1.0), await follower.reached(3, seconds=0)

    assert following(log, work) == (True, True)


def test_waiting_is_bounded_when_the_log_runs_ahead():
    log = Log(end=10**9, per_slice=1)

    async def work(follower):
        return await follower.reached(10**9, seconds=0.05)

    assert following(log, work) is False


def test_others_get_a_turn_between_slices():
    log = Log(end=200, per_slice=10)

    async def work(_follower):
        turns = 0
        while log.seq < log.end:
            await asyncio.sleep(0)
            turns += 1
        return turns

    assert following(log, work) >= 19


def test_where_others_take_long_a_slice_takes_as_long_as_they_do_up_to_a_bound():
    log, slices = Log(end=10**9, per_slice=1), []
    apply = log.follow

    def follow(budget_ms=2.0):
        slices.append(budget_ms)
        return apply(budget_ms)

    log.follow = follow

    async def work(_follower):
        for busy in (0.0, 0.0, 0.01, 0.01, 0.1, 0.1):
            time.sleep(busy)  # noqa: ASYNC251  # the loop's thread is held, as by a handler that reads a large body
            await asyncio.sleep(0)

    following(log, work)
    assert slices[0] == SLICE_MS
    assert sum(slice_ms >= 10 for slice_ms in slices) >= 3
    assert max(slices) == MOST_SLICE_MS


def test_waiting_ends_in_the_order_of_records_not_of_callers():
    log, done = Log(per_slice=1), []

    async def work(follower):
        async def wait(seq):
            await follower.reached(seq, seconds=5)
            done.append(seq)

        waiting = [asyncio.create_task(wait(seq)) for seq in (3, 1, 2)]
        await asyncio.sleep(0.01)
        log.end = 3
        await asyncio.gather(*waiting)

    following(log, work)
    assert done == [1, 2, 3]


def test_a_failure_is_shown_while_it_lasts_and_followed_past_when_it_ends():
    log = Log(end=5)
    log.broken = True

    async def work(follower):
        await asyncio.sleep(0.02)
        failing = follower.failing
        log.broken = False
        await follower.reached(5, seconds=5)
        return failing, follower.failing

    failing, after = following(log, work)
    assert "record 0" in failing
    assert after is None


def test_it_knows_when_it_has_caught_up():
    log = Log(end=30)

    async def work(follower):
        before = follower.caught_up
        await follower.reached(30, seconds=5)
        await asyncio.sleep(0.01)
        return before, follower.caught_up, follower.lag

    assert following(log, work) == (False, True, 0)


def test_what_a_slice_has_read_and_no_time_for_is_not_read_again(app):
    statements = []
    app.append([entry_of_item(Item(item_id=f"i{n}"), at=1.7e9) for n in range(150)])
    assert app.engine.seq == 150
    app.append([entry_of_item(Item(item_id=f"j{n}"), at=1.7e9) for n in range(150)])
    listening = (app.log.engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    database_event.listen(*listening)
    try:
        applied = [app.follow(0.0) for _ in range(150)]
    finally:
        database_event.remove(*listening)
    assert applied == [1] * 150
    assert app.engine.seq == 300
    assert sum("FROM log" in statement for statement in statements) == 1
