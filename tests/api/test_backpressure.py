"""More than the disk or the engine can take: refusals with a time to come again, bounded memory, and no broken word."""

import asyncio
import time
import tracemalloc

import httpx
import msgspec
import pytest

from tailorbird.api import writer
from tailorbird.api.live import BEHIND, MOST_LAG
from tailorbird.api.server import create_api


def posting_to_a_slow_disk(app, monkeypatch, *, n_batches, n_events, filler):
    """Post batches as fast as they are taken while every append sleeps; statuses, headers, ids accepted, peak bytes."""
    append = app.append

    def slow(entries):
        time.sleep(0.05)
        return append(entries)

    app.append = slow
    monkeypatch.setattr(writer, "_MOST_IN_GROUP", 1)
    api = create_api(app)
    key = app.keys.create("own", "secret")

    async def post(client, n):
        ids = [f"{n}-{k}" for k in range(n_events)]
        batch = [
            {"event_id": name, "type": "search", "at": time.time(), "user_id": "u", "query": "q", "properties": filler}
            for name in ids
        ]
        answer = await client.post("/v1/events", content=msgspec.json.encode(batch))
        return answer.status_code, answer.headers.get("retry-after"), ids

    async def run():
        transport = httpx.ASGITransport(api)
        headers = {"X-API-Key": key, "Content-Type": "application/json"}
        async with (
            api.state.shops.running(),
            httpx.AsyncClient(transport=transport, base_url="http://shop", headers=headers, timeout=60) as client,
        ):
            tracemalloc.start()
            answers = await asyncio.gather(*(post(client, n) for n in range(n_batches)))
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            return answers, peak

    return asyncio.run(run())


@pytest.mark.parametrize("bound", ["entries", "bytes"])
def test_posting_faster_than_the_disk_is_refused_and_what_was_accepted_is_kept(app, monkeypatch, bound):
    if bound == "entries":
        monkeypatch.setattr(writer, "MOST_WAITING", 100)
        answers, _ = posting_to_a_slow_disk(app, monkeypatch, n_batches=60, n_events=10, filler={})
    else:
        monkeypatch.setattr(writer, "MOST_WAITING_BYTES", 2**20)
        filler = {"note": "x" * 100_000}
        answers, peak = posting_to_a_slow_disk(app, monkeypatch, n_batches=60, n_events=1, filler=filler)
        assert peak < 60 * 100_000 * 4
    statuses = [status for status, _, _ in answers]
    assert set(statuses) == {202, 503}
    assert all(int(after) > 0 for status, after, _ in answers if status == 503)
    accepted = {name for status, _, ids in answers if status == 202 for name in ids}
    assert {record.key for record in app.log.read(0, 10_000)} == accepted


def test_an_engine_far_behind_takes_events_and_says_so_of_its_slates(shop, slate, event):
    live = shop.app.state.shops.only
    assert slate()["degraded"] is None

    async def hold():
        live.follower.lag = MOST_LAG + 1

    follow, live.follower._note = live.follower._note, lambda *_args, **_more: None
    shop.blocking_portal.call(hold)
    try:
        assert BEHIND in slate()["degraded"]
        ready = shop.get("/health/ready")
        assert (ready.status_code, ready.json()["status"]) == (200, "behind")
        assert str(MOST_LAG + 1) in ready.json()["shops"]["shop"]["detail"]
        assert shop.post("/v1/events", json=[event()]).status_code == 202
        told = shop.get(f"/v1/decisions/{slate()['decision_id']}").json()
        assert BEHIND in told["degraded"]
    finally:
        live.follower._note = follow
