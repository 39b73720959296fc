"""The script for pages in a real browser: what happens on a page stands in the log, as far as its reader agrees."""

import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from litestar import MediaType, get
from litestar.params import FromPath

from tailorbird.app import App
from tailorbird.config import Config, ServerConfig

from served import Served, served

STUB = (
    "<script>window.tailorbird ||= new Proxy([], {get: (calls, name) => "
    "calls[name] ?? ((...given) => calls.push([name, ...given]))});</script>"
)
TILES = """
<div data-tailorbird-decision="d-1" data-tailorbird-surface="home">
  <a href="#" data-tailorbird-item="near" style="display:block;height:100px">near</a>
  <div style="height:3000px"></div>
  <a href="#" data-tailorbird-item="far" style="display:block;height:100px">far</a>
</div>
"""
WAITS = 'data-consent="wait"'
PATIENCE_SECONDS = 10.0
LONG_ENOUGH_TO_BE_SEEN_MS = 1_300


def page(script: str, *, body: str = "", early: str = "", source: str = "/tracker.js") -> str:
    return (
        f"<!doctype html><title>Page</title>{STUB}<script>{early}</script>"
        f'<script src="{source}" {script} async></script><body>{body}'
    )


@dataclass
class Shop:
    """A shop that serves whatever page a test puts at an address, and the events that came."""

    served: Served
    key: str
    pages: dict[str, str] = field(default_factory=dict)

    def events(self, *types: str) -> list[dict[str, Any]]:
        records = self.served.app.log.read(0, 1_000)
        found = [json.loads(record.body) for record in records if record.kind == "event"]
        return [event for event in found if not types or event["type"] in types]

    def wait(self, *types: str, n: int = 1) -> list[dict[str, Any]]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(self.events(*types)) < n and time.monotonic() < deadline:
            time.sleep(0.05)
        found = self.events(*types)
        assert len(found) >= n, (types, self.events())
        return found


@pytest.fixture
def shop(tmp_path) -> Iterator[Shop]:
    pages: dict[str, str] = {}

    @get("/pages/{name:str}", media_type=MediaType.HTML)
    async def shown(name: FromPath[str]) -> str:
        return pages[name]

    app = App.open(tmp_path, config=Config(server=ServerConfig(cors_origins=("*",))))
    with served(app, also=[shown]) as here:
        yield Shop(here, app.keys.create("page", "write"), pages)


@pytest.fixture
def context(chromium) -> Iterator[Any]:
    """A browser that nobody used before."""
    fresh = chromium.new_context(viewport={"width": 800, "height": 600})
    fresh.set_default_timeout(20_000)
    yield fresh
    fresh.close()


@pytest.fixture
def visit(shop, context) -> Callable[..., Any]:
    """Open a page: ``visit(body="...", early="calls before the script", attributes="data-consent=wait")``."""

    def opened(*, attributes: str = "", name: str = "one", tab: Any = None, **parts: str) -> Any:
        shop.pages[name] = page(f'data-key="{shop.key}" {attributes}', **parts)
        tab = tab or context.new_page()
        tab.goto(f"{shop.served.address}/pages/{name}", wait_until="load")
        tab.wait_for_function("window.tailorbird && !Array.isArray(window.tailorbird)")
        return tab

    return opened


def sent(tab: Any) -> None:
    """All that may be sent by now was answered."""
    tab.evaluate("tailorbird.flush()")


def items(event: dict[str, Any]) -> list[str]:
    return [line["item_id"] for line in event["items"]]


def storage(tab: Any) -> dict[str, Any]:
    kept = tab.evaluate("Object.fromEntries(Object.entries(localStorage))")
    return {name: json.loads(text) for name, text in kept.items()}


def test_calls_before_the_script_is_there_are_kept_and_carry_the_same_ids(shop, visit):
    visit(early="tailorbird.view('mug-1'); tailorbird.search('red mug')")

    view, search = shop.wait("item_view", "search", n=2)

    assert (view["item_id"], search["query"]) == ("mug-1", "red mug")
    assert len(view["anonymous_id"]) == 32
    assert {(e["anonymous_id"], e["session_id"]) for e in (view, search)} == {
        (view["anonymous_id"], view["session_id"])
    }
    assert abs(view["at"] - time.time()) < 60
    assert view["event_id"] != search["event_id"]


def test_a_cart_and_an_order_arrive_with_their_lines_and_a_thank_you_page_counts_once(shop, visit):
    order = "{order_id: 'o-1', value: 30, currency: 'EUR', items: [{item_id: 'mug-1', quantity: 2, price: 15}]}"
    tab = visit(early=f"tailorbird.cart('mug-1', {{quantity: 2, price: 15}}); tailorbird.purchase({order})")
    cart, bought = shop.wait("cart_add", "purchase", n=2)
    assert cart["items"] == bought["items"] == [{"item_id": "mug-1", "quantity": 2.0, "price": 15.0}]
    assert (bought["value"], bought["currency"], bought["properties"]) == (30.0, "EUR", {"order_id": "o-1"})

    visit(tab=tab, early=f"tailorbird.purchase({order}); tailorbird.track('share', {{item_id: 'mug-1'}})")
    shop.wait("share")
    assert len(shop.events("purchase")) == 1


def test_an_item_counts_as_seen_after_a_second_in_sight_and_no_sooner(shop, visit):
    tab = visit(body=TILES)
    (seen,) = shop.wait("list_view")
    assert items(seen) == ["near"]
    assert (seen["decision_id"], seen["surface"]) == ("d-1", "home")

    tab.evaluate("scrollTo(0, 9999)")
    tab.wait_for_timeout(400)
    tab.evaluate("scrollTo(0, 0)")
    tab.wait_for_timeout(LONG_ENOUGH_TO_BE_SEEN_MS)
    sent(tab)
    assert len(shop.events("list_view")) == 1

    tab.evaluate("scrollTo(0, 9999)")
    _, far = shop.wait("list_view", n=2)
    assert (items(far), far["position"], far["properties"]) == (["far"], 1, {"positions": [1]})

    tab.evaluate("scrollTo(0, 0)")
    tab.wait_for_timeout(LONG_ENOUGH_TO_BE_SEEN_MS)
    sent(tab)
    assert len(shop.events("list_view")) == 2


def test_a_slate_that_is_put_in_later_is_watched_too(shop, visit):
    tab = visit(body="<div id=slate></div>")
    tab.evaluate("""() => {
      document.querySelector("#slate").innerHTML =
        ["a", "b"].map((id) => `<p data-tailorbird-item="${id}">${id}</p>`).join("");
      tailorbird.impressions("#slate", {decision_id: "d-2", surface: "cart"});
    }""")
    (seen,) = shop.wait("list_view")
    assert items(seen) == ["a", "b"]
    assert (seen["decision_id"], seen["surface"], seen["properties"]) == ("d-2", "cart", {"positions": [0, 1]})


def test_a_click_is_sent_with_its_decision_and_place_even_though_the_page_is_left(shop, visit):
    shop.pages["two"] = "<!doctype html><title>Two</title>"
    tab = visit(body=TILES.replace('href="#"', 'href="/pages/two"'))
    tab.locator("[data-tailorbird-item=near]").click()
    tab.wait_for_url("**/two")

    (click,) = shop.wait("list_click")

    told = [click[name] for name in ("item_id", "decision_id", "surface", "position")]
    assert told == ["near", "d-1", "home", 0]
    assert [event["type"] for event in shop.events("list_view", "list_click")] == ["list_view", "list_click"]


def test_how_long_and_how_far_a_page_was_read_is_told_when_it_is_left(shop, visit):
    tab = visit(body=TILES, early="tailorbird.view('mug-1')")
    shop.wait("item_view")
    room = tab.evaluate("document.documentElement.scrollHeight - innerHeight")
    tab.evaluate(f"scrollTo(0, {room / 2})")
    tab.wait_for_timeout(1_200)
    assert not shop.events("page_leave")

    tab.goto("about:blank")

    (left,) = shop.wait("page_leave")
    assert left["item_id"] == "mug-1"
    assert 1.0 <= left["dwell_seconds"] < 60
    assert left["scroll_depth"] == pytest.approx(0.5, abs=0.02)


def test_time_out_of_sight_is_not_counted_and_nothing_is_seen_then(shop, visit):
    tab = visit(body="<p id=tile>tile</p>", early="tailorbird.view('mug-1')")
    hide = """(hidden) => {
      Object.defineProperty(document, "visibilityState", {value: hidden ? "hidden" : "visible", configurable: true});
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    tab.evaluate(hide, True)
    (first,) = shop.wait("page_leave")
    tab.evaluate("document.querySelector('#tile').dataset.tailorbirdItem = 'mug-2'")
    tab.wait_for_timeout(LONG_ENOUGH_TO_BE_SEEN_MS)
    sent(tab)
    assert not shop.events("list_view")

    tab.evaluate(hide, False)
    shop.wait("list_view")
    tab.evaluate(hide, True)

    *_, last = shop.wait("page_leave", n=2)
    assert first["dwell_seconds"] < last["dwell_seconds"] < first["dwell_seconds"] + 6
    assert len(shop.events("page_leave")) == 2


def test_what_cannot_be_sent_waits_and_arrives_once_when_the_server_is_back(shop, visit, context):
    tab = visit()
    context.set_offline(True)
    tab.evaluate("for (let n = 0; n < 25; n++) tailorbird.view(`mug-${n}`)")
    tab.wait_for_function("(localStorage['tailorbird.waiting'] || '').includes('mug-24')")
    assert not shop.events("item_view")

    context.set_offline(False)

    arrived = shop.wait("item_view", n=25)
    tab.wait_for_timeout(300)
    assert sorted(event["item_id"] for event in arrived) == sorted(f"mug-{n}" for n in range(25))
    assert "tailorbird.waiting" not in storage(tab)


def test_what_waits_when_a_page_is_left_is_sent_by_the_next_one(shop, visit, context):
    tab = visit()
    context.set_offline(True)
    tab.evaluate("tailorbird.view('mug-1')")
    tab.evaluate("dispatchEvent(new Event('pagehide'))")
    context.set_offline(False)
    assert "mug-1" in json.dumps(storage(tab))

    visit(tab=tab, name="two")

    assert [event["item_id"] for event in shop.wait("item_view")] == ["mug-1"]


def test_a_busy_server_is_left_alone_for_as_long_as_it_asks_and_a_resend_is_a_duplicate(shop, visit, context):
    """The first answer is lost after the events were kept: they come again under the same ids, and count once."""
    tab, bodies = context.new_page(), []

    def answer(route):
        bodies.append((time.monotonic(), route.request.post_data))
        if len(bodies) == 1:
            route.fetch()
            route.fulfill(status=429, headers={"Retry-After": "3"})
        else:
            route.continue_()

    tab.route("**/v1/events*", answer)
    visit(tab=tab, early="tailorbird.view('mug-1')")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(bodies) < 2 and time.monotonic() < deadline:
        tab.wait_for_timeout(50)
    assert bodies[1][0] - bodies[0][0] >= 2.9
    assert bodies[1][1] == bodies[0][1]
    tab.wait_for_function("!('tailorbird.waiting' in localStorage)")
    assert len(shop.events("item_view")) == 1


def test_at_most_500_events_wait_and_the_dropped_are_counted(visit, context):
    tab, told = context.new_page(), []
    tab.on("console", lambda line: told.append(line.text) if line.type == "warning" else None)
    tab.route("**/v1/events*", lambda route: route.fulfill(status=503))
    visit(tab=tab, early="for (let n = 0; n < 530; n++) tailorbird.track('share', {item_id: `mug-${n}`})")
    tab.wait_for_function("tailorbird.dropped === 30")
    waiting = storage(tab)["tailorbird.waiting"]
    assert [len(waiting), waiting[0]["item_id"], waiting[-1]["item_id"]] == [500, "mug-30", "mug-529"]
    assert len([line for line in told if line.startswith("tailorbird:")]) == 1


def test_a_refused_batch_is_dropped_and_told_once(shop, context):
    tab, told = context.new_page(), []
    tab.on("console", lambda line: told.append(line.text) if line.type == "warning" else None)
    shop.pages["one"] = page('data-key="tb_write_guess"', early="tailorbird.view('mug-1')")
    tab.goto(f"{shop.served.address}/pages/one")
    tab.wait_for_function("window.tailorbird && !Array.isArray(window.tailorbird)")
    sent(tab)
    tab.evaluate("tailorbird.view('mug-2')")
    sent(tab)
    assert "tailorbird.waiting" not in storage(tab)
    assert told == ["tailorbird: events were refused: This key is not known, or it was revoked."]


def test_nothing_is_kept_or_sent_before_an_answer_that_is_waited_for(shop, visit, context):
    asked = []
    context.on("request", lambda request: asked.append(request.url) if "/v1/" in request.url else None)
    tab = visit(attributes=WAITS, body=TILES, early="tailorbird.view('mug-1')")
    tab.locator("[data-tailorbird-item=near]").click()
    tab.wait_for_timeout(LONG_ENOUGH_TO_BE_SEEN_MS)
    sent(tab)
    assert (asked, storage(tab), context.cookies(), tab.evaluate("tailorbird.ids()")) == ([], {}, [], {})

    tab.evaluate("tailorbird.consent({analytics: true, personalisation: false})")

    consent, *_ = shop.wait("consent", "item_view", "list_click", n=3)
    assert consent["consent"] == {"analytics": True, "personalisation": False}
    assert {event["anonymous_id"] for event in shop.events()} == {tab.evaluate("tailorbird.ids().anonymous_id")}

    visit(attributes=WAITS, name="two", tab=tab, early="tailorbird.view('mug-2')")
    assert shop.wait("item_view", n=2)[1]["anonymous_id"] == consent["anonymous_id"]
    assert len(shop.events("consent")) == 1


def test_a_refusal_that_was_waited_for_leaves_nothing_behind(shop, visit, context):
    tab = visit(attributes=WAITS, early="tailorbird.view('mug-1'); tailorbird.consent({analytics: false})")
    tab.evaluate("tailorbird.view('mug-2')")
    sent(tab)
    tab.goto("about:blank")
    assert (shop.events(), context.cookies()) == ([], [])


@pytest.mark.parametrize(("attributes", "purpose"), [("", "analytics"), ("", "Analytics"), (WAITS, "analytics")])
def test_refusing_analytics_clears_the_browser_and_sends_the_answer_alone(shop, visit, attributes, purpose):
    agreed = "" if not attributes else "tailorbird.consent({analytics: true});"
    tab = visit(attributes=attributes, early=f"{agreed} tailorbird.view('mug-1')")
    (view,) = shop.wait("item_view")

    tab.evaluate(f"tailorbird.view('mug-2'); tailorbird.consent({{{purpose}: false}}); tailorbird.view('mug-3')")

    *_, answer = shop.wait("consent", n=1 if not attributes else 2)
    assert answer["anonymous_id"] == view["anonymous_id"]
    assert answer["consent"] == {"analytics": False}
    visit(attributes=attributes, name="two", tab=tab, early="tailorbird.view('mug-4')")
    sent(tab)
    assert [event["item_id"] for event in shop.events("item_view")] == ["mug-1"]
    assert storage(tab) == ({} if attributes else {"tailorbird": {"consent": {"analytics": False}}})


def test_another_tab_hears_of_a_refusal(shop, visit):
    one, two = visit(), visit(name="two")
    one.evaluate("tailorbird.view('mug-1')")
    shop.wait("item_view")
    two.evaluate("tailorbird.consent({analytics: false})")
    one.evaluate("tailorbird.view('mug-2')")
    sent(one)
    assert len(shop.events("item_view")) == 1


def test_no_personal_slates_are_asked_for_by_one_answer(shop, visit):
    tab = visit(early="tailorbird.consent({personalisation: false}); tailorbird.consent({personalisation: false})")
    tab.evaluate("tailorbird.view('mug-1')")
    answer, view = shop.wait("consent", "item_view", n=2)
    assert (answer["consent"], "consent" in view) == ({"personalisation": False}, False)
    assert shop.served.app.engine.state.consents.of(f"a:{view['anonymous_id']}") == {"personalisation": False}


def test_identify_joins_the_device_once_and_names_the_user_from_then_on(shop, visit, context):
    joins = []
    context.on("request", lambda request: joins.append(request.post_data) if "/v1/identify" in request.url else None)
    tab = visit(early="tailorbird.view('mug-1')")
    (before,) = shop.wait("item_view")

    tab.evaluate("tailorbird.identify('ann'); tailorbird.view('mug-2')")
    _, after = shop.wait("item_view", n=2)
    visit(name="two", tab=tab, early="tailorbird.identify('ann'); tailorbird.view('mug-3')")
    shop.wait("item_view", n=3)

    assert (after["user_id"], after["anonymous_id"]) == ("ann", before["anonymous_id"])
    assert [json.loads(join) for join in joins] == [{"anonymous_id": before["anonymous_id"], "user_id": "ann"}]
    assert shop.served.app.log.current("identity", before["anonymous_id"]) is not None

    tab.evaluate("tailorbird.identify(null); tailorbird.view('mug-4')")
    *_, stranger = shop.wait("item_view", n=4)
    assert "user_id" not in stranger
    assert stranger["anonymous_id"] != before["anonymous_id"]


def test_half_an_hour_without_anything_begins_a_new_session(shop, visit):
    tab = visit(early="tailorbird.view('mug-1')")
    shop.wait("item_view")
    tab.evaluate("""() => {
      const state = JSON.parse(localStorage.tailorbird);
      localStorage.tailorbird = JSON.stringify({...state, seen: state.seen - 31 * 60 * 1000});
      tailorbird.view("mug-2");
    }""")
    first, second = shop.wait("item_view", n=2)
    assert first["anonymous_id"] == second["anonymous_id"]
    assert first["session_id"] != second["session_id"]


def test_a_cookie_keeps_the_id_where_storage_is_denied(shop, visit, context):
    context.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw new Error('denied'); }})")
    tab = visit(early="tailorbird.view('mug-1')")
    visit(name="two", tab=tab, early="tailorbird.view('mug-2')")
    one, two = shop.wait("item_view", n=2)
    assert one["anonymous_id"] == two["anonymous_id"]
    (cookie,) = context.cookies()
    assert (cookie["name"], cookie["sameSite"]) == ("tailorbird", "Lax")

    tab.evaluate("tailorbird.consent({analytics: false})")
    shop.wait("consent")
    assert one["anonymous_id"] not in str(context.cookies())


def test_a_page_of_another_origin_sends_its_events_and_joins(shop, context):
    """The page stands on one port, the engine on another."""
    source = f"{shop.served.address}/tracker.js"
    html = page(f'data-key="{shop.key}"', early="tailorbird.view('mug-1')", source=source).encode()

    class Elsewhere(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        tab = context.new_page()
        tab.goto(f"http://127.0.0.1:{other.server_port}/")
        shop.wait("item_view")
        tab.evaluate("tailorbird.identify('ann'); tailorbird.view('mug-2')")
        assert shop.wait("item_view", n=2)[1]["user_id"] == "ann"
        tab.goto("about:blank")
        shop.wait("page_leave")
        other.shutdown()
    assert shop.served.app.log.current("identity", shop.events("item_view")[0]["anonymous_id"]) is not None
