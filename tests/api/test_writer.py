import asyncio
import threading

import pytest

from tailorbird.api.problems import Busy
from tailorbird.api.writer import MOST_WAITING, MOST_WAITING_BYTES, Writer
from tailorbird.errors import Unavailable
from tailorbird.protocols import Verdict
from tailorbird.types import Entry


def entries(n, start=0):
    return [Entry("event", f"e-{start + k}", 0.0, b"{}") for k in range(n)]


class Disk:
    """A log that can be slow or full on command, and remembers its transactions."""

    def __init__(self):
        self.transactions = []
        self.free = threading.Event()
        self.free.set()
        self.full = False

    def append(self, some):
        self.free.wait(5)
        if self.full:
            raise Unavailable("The disk is full.")
        self.transactions.append([entry.key for entry in some])
        return [Verdict.ACCEPTED] * len(some)

    def last_seq(self):
        return sum(map(len, self.transactions))


@pytest.fixture
def disk():
    return Disk()


def with_writer(disk, work):
    async def run():
        writer = Writer(disk.append, disk.last_seq)
        try:
            return await asyncio.wait_for(work(writer), 10)
        finally:
            disk.free.set()
            await writer.close()

    return asyncio.run(run())


def test_batches_that_wait_during_a_commit_share_the_next_one(disk):
    async def work(writer):
        disk.free.clear()
        first = asyncio.create_task(writer.append(entries(1)))
        await asyncio.sleep(0.05)
        others = [asyncio.create_task(writer.append(entries(2, start=10 * n))) for n in range(1, 6)]
        await asyncio.sleep(0.05)
        disk.free.set()
        return await asyncio.gather(first, *others)

    answers = with_writer(disk, work)
    assert [len(transaction) for transaction in disk.transactions] == [1, 10]
    assert [len(answer.verdicts) for answer in answers] == [1, 2, 2, 2, 2, 2]
    assert all(answer.seq == 11 for answer in answers[1:])


def test_a_full_disk_is_told_to_everybody_who_waits_and_the_writer_goes_on(disk):
    async def work(writer):
        disk.full = True
        refused = await asyncio.gather(*(writer.append(entries(1)) for _ in range(3)), return_exceptions=True)
        disk.full = False
        return refused, await writer.append(entries(2))

    refused, accepted = with_writer(disk, work)
    assert [type(error) for error in refused] == [Unavailable] * 3
    assert accepted.verdicts == [Verdict.ACCEPTED] * 2
    assert disk.transactions == [["e-0", "e-1"]]


def test_too_much_waiting_is_refused_before_it_eats_the_memory(disk):
    async def work(writer):
        disk.free.clear()
        waiting = asyncio.create_task(writer.append(entries(MOST_WAITING)))
        await asyncio.sleep(0.01)
        with pytest.raises(Busy, match=str(MOST_WAITING)):
            await writer.append(entries(1))
        disk.free.set()
        await waiting
        return await writer.append(entries(1))

    assert with_writer(disk, work).verdicts == [Verdict.ACCEPTED]


def test_few_large_records_weigh_as_much_as_many_small_ones(disk):
    large = [Entry("event", f"large-{n}", 0.0, bytes(2**20)) for n in range(63)]

    async def work(writer):
        disk.free.clear()
        waiting = asyncio.create_task(writer.append(large))
        await asyncio.sleep(0.01)
        with pytest.raises(Busy, match="63 MB"):
            await writer.append([Entry("event", "one-more", 0.0, bytes(2 * 2**20))])
        small = asyncio.create_task(writer.append(entries(1)))
        await asyncio.sleep(0.01)
        disk.free.set()
        await asyncio.gather(waiting, small)
        return await writer.append([Entry("event", "one-more", 0.0, bytes(2 * 2**20))])

    assert with_writer(disk, work).verdicts == [Verdict.ACCEPTED]
    assert MOST_WAITING_BYTES == 64 * 2**20


def test_one_batch_that_is_larger_than_all_that_may_wait_is_still_taken(disk):
    async def work(writer):
        return await writer.append([Entry("event", "huge", 0.0, bytes(MOST_WAITING_BYTES + 1))])

    assert with_writer(disk, work).verdicts == [Verdict.ACCEPTED]


def test_closing_writes_what_waits_and_takes_no_more(disk):
    async def run():
        writer = Writer(disk.append, disk.last_seq)
        disk.free.clear()
        waiting = [asyncio.create_task(writer.append(entries(1, start=n))) for n in range(5)]
        await asyncio.sleep(0.05)
        closing = asyncio.create_task(writer.close())
        await asyncio.sleep(0.01)
        with pytest.raises(Busy, match="stopping"):
            await writer.append(entries(1))
        disk.free.set()
        await closing
        await asyncio.gather(*waiting)
        assert not writer.alive

    asyncio.run(run())
    assert sum(map(len, disk.transactions)) == 5


def test_a_caller_who_left_does_not_stop_the_others(disk):
    async def work(writer):
        disk.free.clear()
        leaving, staying = (asyncio.create_task(writer.append(entries(1, start=n))) for n in range(2))
        await asyncio.sleep(0.02)
        leaving.cancel()
        await asyncio.sleep(0)
        disk.free.set()
        return await staying

    assert with_writer(disk, work).verdicts == [Verdict.ACCEPTED]
    assert disk.last_seq() == 2
