"""Traffic over HTTP against a small stand-in that checks what it is sent by the public contract alone."""

import asyncio
import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from tailorbird.errors import BadInput, Unauthorised
from tailorbird.simulator.traffic import Tally, _Street, visit
from tailorbird.simulator.visits import Ask
from tailorbird.simulator.world import World
from tailorbird.types import NOBODY

KEY = "tb_write_test"
NOW = time.time()


class StandIn(ThreadingHTTPServer):
    """Answers like an engine and keeps what it was told."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, item_ids, port=0):
        super().__init__(("127.0.0.1", port), Handler)
        self.item_ids, self.events, self.asks, self.identities, self.busy = item_ids, [], [], [], 0
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        self.answer(200, {"status": "live"})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        shop = self.server
        if self.headers["Authorization"] != f"Bearer {KEY}":
            self.answer(401, {"code": "unauthorised"})
        elif shop.busy > 0:
            shop.busy -= 1
            self.answer(503, {"code": "unavailable"}, {"Retry-After": "0"})
        elif self.path == "/v1/events":
            shop.events += body["events"]
            self.answer(202, {"accepted": len(body["events"]), "duplicates": 0, "rejected": []})
        elif self.path == "/v1/recommendations":
            shop.asks.append(body)
            items = [
                {"item_id": item, "position": n, "item": {"price": 1.25}}
                for n, item in enumerate(shop.item_ids[: body["limit"]])
            ]
            self.answer(200, {"decision_id": f"d{len(shop.asks)}", "surface": body["surface"], "items": items})
        elif self.path == "/v1/identify":
            shop.identities.append(body)
            self.answer(200, {**body, "joined": True})
        else:
            self.answer(404, {"code": "not_found"})

    def handle(self):
        # Whoever leaves in the middle of a request does so by closing the connection.
        with contextlib.suppress(ConnectionError, json.JSONDecodeError):
            super().handle()

    def answer(self, status, body, headers=None):
        sent = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(sent)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(sent)


@pytest.fixture(scope="module")
def world():
    return World("fashion", shoppers=200, items=200, seed=1, now=NOW)


@pytest.fixture
def shop(world):
    stand_in = StandIn(["not-of-this-world", *world.shelf.ids[:30]])
    yield stand_in
    stand_in.shutdown()
    stand_in.server_close()


def send(shop, world, *, until, **more):
    """Visits until the stand-in has seen enough; the duration is for a test that would otherwise hang."""
    options = {"rate": 3_000, "pace": 2_000, "duration": 60.0, "stop": lambda: until(shop), **more}
    return asyncio.run(visit(shop.url, KEY, world, **options))


def enough(shop):
    """Everything that the tests below look at has happened."""
    events, surfaces = list(shop.events), {ask["surface"] for ask in list(shop.asks)}
    clicks = sum(event["type"] == "list_click" and "decision_id" in event for event in events)
    bought = any(event["type"] == "purchase" for event in events)
    known = {event.get("user_id") for event in events}
    joined = any(one["user_id"] in known for one in list(shop.identities))
    return len(events) > 500 and clicks > 5 and bought and joined and surfaces >= {"home", "item"}


def test_shoppers_speak_the_contract(shop, world):
    tally = send(shop, world, until=enough)
    assert tally.visits > 3
    assert tally.refused == tally.abandoned == 0
    # Who is inside at the end leaves at once, perhaps between an event and its receipt.
    assert 0 <= len(shop.events) - tally.events < 0.2 * len(shop.events)
    assert {ask["surface"] for ask in shop.asks} >= {"home", "item"}
    for ask in shop.asks:
        assert ask["anonymous_id"]
        assert ask["session_id"]
        assert ("item_id" in ask) == (ask["surface"] == "item")
        assert bool(ask["cart"]) == (ask["surface"] == "cart")
    for event in shop.events:
        assert event["anonymous_id"] or event["user_id"]
        assert abs(event["at"] - time.time()) < 60
    assert len({event["event_id"] for event in shop.events}) == len(shop.events)
    types = {event["type"] for event in shop.events}
    assert {"page_view", "list_view", "list_click", "item_view", "search", "cart_add"} <= types


def test_what_is_seen_and_clicked_of_a_slate_carries_its_decision_and_position(shop, world):
    send(shop, world, until=enough)
    seen = {e["decision_id"]: e for e in shop.events if e["type"] == "list_view" and e.get("decision_id")}
    clicks = [e for e in shop.events if e["type"] == "list_click" and e.get("decision_id")]
    assert len(seen) > 5
    assert clicks
    for view in seen.values():
        assert view["position"] == 0
        ids = [line["item_id"] for line in view["items"]]
        assert ids == shop.item_ids[1 : len(ids) + 1]
    for click in clicks:
        assert shop.item_ids[click["position"]] == click["item_id"]
        assert click["item_id"] in {line["item_id"] for line in seen[click["decision_id"]]["items"]}


def test_the_price_in_the_answer_is_the_price_that_shoppers_see(shop, world):
    async def ask():
        async with httpx.AsyncClient(base_url=shop.url, headers={"Authorization": f"Bearer {KEY}"}) as client:
            street = _Street(client, world, 1.0, print, time.time, Tally())
            return await street._ask(Ask("home", time.time(), None, "d00001-0", "s1", limit=3))

    slate = asyncio.run(ask())
    assert slate.items.tolist() == [NOBODY, 0, 1]
    assert slate.prices.tolist() == [1.25, 1.25, 1.25]
    assert slate.decision_id == "d1"


def test_logging_in_identifies(shop, world):
    send(shop, world, until=enough)
    assert shop.identities
    known = {(e["anonymous_id"], e["user_id"]) for e in shop.events if e.get("user_id")}
    assert {(one["anonymous_id"], one["user_id"]) for one in shop.identities} & known


def test_a_wrong_key_ends_it_with_a_remedy(shop, world):
    with pytest.raises(Unauthorised, match="does not take this key"):
        asyncio.run(visit(shop.url, "wrong", world, rate=600, pace=1_000, duration=5.0))


def test_a_busy_engine_is_asked_again(shop, world):
    shop.busy = 2
    tally = send(shop, world, until=lambda shop: len(shop.events) > 20)
    assert shop.busy == 0
    assert tally.refused == 0
    assert tally.events > 0


def test_an_absent_engine_is_told_once_waited_for_and_found_again(world):
    gone = StandIn([])
    port = gone.server_port
    gone.shutdown()
    gone.server_close()
    said, later = [], []

    def back():
        return bool(later) and len(later[0].events) > 20

    opener = threading.Timer(1.2, lambda: later.append(StandIn(list(world.shelf.ids[:12]), port)))
    opener.start()
    tally = asyncio.run(
        visit(f"http://127.0.0.1:{port}", KEY, world, rate=3_000, pace=2_000, duration=60.0, say=said.append, stop=back)
    )
    opener.join()
    later[0].shutdown()
    later[0].server_close()
    assert sum("Nothing answers" in sentence for sentence in said) == 1
    assert sum("go on" in sentence for sentence in said) == 1
    assert tally.events > 0


def test_it_stops_when_it_is_told_to(shop, world):
    began = time.monotonic()
    end = began + 0.5
    send(shop, world, duration=None, until=lambda _shop: time.monotonic() > end, pace=1.0)
    assert 0.5 <= time.monotonic() - began < 10.0


@pytest.mark.parametrize(("url", "rate"), [("localhost:8000", 30), ("http://127.0.0.1:1", 0)])
def test_bad_arguments_are_refused(world, url, rate):
    with pytest.raises(BadInput):
        asyncio.run(visit(url, KEY, world, rate=rate, duration=0.1))
