"""Every page, in a real browser, in shops of no item, of one, and of many; light, dark and narrow."""

import re

import msgspec
import pytest

from tailorbird.types import Entry, Event

PAGES = ("/console", "/console/see", "/console/see?who=new", "/console/catalogue", "/console/models", "/console/system")
SHOPS = ("empty_shop", "tiny_shop", "shop")


@pytest.mark.parametrize("which", SHOPS)
@pytest.mark.parametrize("path", PAGES)
def test_a_page_opens_without_complaint_and_asks_no_other_host(look, request, which, path):
    visit = look(request.getfixturevalue(which))

    answer = visit.open(path)
    visit.page.wait_for_timeout(150)

    assert answer.status == 200
    assert visit.page.locator("h1").count() == 1
    assert visit.complaints == []
    assert visit.elsewhere == []


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("/console", "tailorbird import items"),
        ("/console/see", "tailorbird simulate shop"),
        ("/console/catalogue", "tailorbird import items"),
        ("/console/models", "tailorbird train"),
    ],
)
def test_an_empty_shop_is_told_what_to_run(look, empty_shop, path, command):
    visit = look(empty_shop)
    visit.open(path)
    assert command in visit.page.inner_text("main")


def test_an_item_page_shows_its_columns_its_events_and_similar_items(look, shop):
    visit = look(shop)
    visit.open("/console/catalogue/item?id=i6")
    text = visit.page.inner_text("main")
    assert "Red mug 6" in visit.page.inner_text("h1") or "mug 6" in visit.page.inner_text("h1")
    assert "Brand 1" in text
    assert re.search(r"looked at it\s+2[12] h ago", text), "the time of the event, not of its import"
    assert visit.page.locator(".tile").count() >= 3
    assert visit.complaints == []


def test_figures_are_drawn_and_have_their_numbers_as_a_table(look, shop):
    visit = look(shop)
    visit.open("/console/catalogue")
    visit.page.wait_for_selector("#plot-brands .main-svg")
    visit.page.click("#plot-brands ~ details summary")
    assert "Brand 0" in visit.page.inner_text("details.numbers[open]")


def test_the_overview_takes_in_new_events_by_itself(look, shop):
    visit = look(shop)
    visit.open("/console")
    assert "p29 put in the cart" not in visit.page.inner_text("[data-part=latest]")
    event = Event(type="cart_add", at=shop.app.clock(), event_id="live", user_id="p29", item_id="i7")
    shop.app.append([Entry("event", "live", event.at, msgspec.json.encode(event))])
    visit.page.wait_for_selector("[data-part=latest] li:has-text('p29 put in the cart')")
    assert visit.complaints == []


def test_the_overview_rests_while_its_tab_is_hidden(look, shop):
    visit = look(shop)
    visit.open("/console")
    asked = []
    visit.page.on("request", lambda request: asked.append(request.url) if "/console/live" in request.url else None)
    visit.page.evaluate(
        "Object.defineProperty(document, 'hidden', {value: true, configurable: true});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    asked.clear()
    visit.page.wait_for_timeout(2_600)
    assert asked == []
    assert visit.page.inner_text("#live") == "Paused"


def test_the_toggle_outlives_the_page(look, shop):
    visit = look(shop, color_scheme="light", locale="en-GB")
    visit.open("/console/models")
    assert visit.page.get_attribute("html", "data-theme") == "light"
    visit.page.click("[data-theme-toggle]")
    visit.open("/console/system")
    assert visit.page.get_attribute("html", "data-theme") == "dark"


def test_without_a_choice_the_theme_is_the_systems(look, shop):
    visit = look(shop, color_scheme="dark")
    visit.open("/console")
    assert visit.page.get_attribute("html", "data-theme") == "dark"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/console", "/console/see?person=p3", "/console/catalogue", "/console/system"])
def test_text_stands_out_from_what_is_behind_it(look, shop, scheme, path):
    """WCAG 2.2, 1.4.3: a contrast of 4.5 for text of ordinary size."""
    visit = look(shop, color_scheme=scheme)
    visit.open(path)
    seen = 0
    for selector in (
        "h1", "h2", "main p", ".quiet", ".chip", ".button", ".nav a", "main a", "th", "td", "dt", "dd",
        ".tile-title", ".tile-where", ".reason", ".price", ".price s", "time", "label", ".segments span", "summary",
    ):  # fmt: skip
        for text, behind in visit.colours_of(selector):
            seen += 1
            assert contrast(text, behind) >= 4.5, (selector, text, behind)
    assert seen > 20


def test_nothing_is_wider_than_a_telephone(look, shop):
    visit = look(shop)
    visit.page.set_viewport_size({"width": 390, "height": 844})
    for path in (*PAGES, "/console/catalogue/item?id=i6"):
        visit.open(path)
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390, path


@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_every_word_of_a_tile_has_room_at_every_width(look, shop, width):
    visit = look(shop)
    visit.page.set_viewport_size({"width": width, "height": 900})
    visit.open("/console/see?person=p3")
    visit.page.evaluate("document.querySelectorAll('.chance').forEach(e => { e.textContent = 'chance 1 in 9,999' })")
    cut = visit.page.evaluate(_CUT, "#tiles .chance, #tiles .tile-foot span, #tiles .why-open, #tiles .chip")
    assert cut == []
    assert visit.page.evaluate(_ROWS) == {390: [6, 2], 1280: [3, 4], 1920: [2, 6]}[width]


def test_a_slate_that_lacks_much_says_so_within_the_page(look, shop, monkeypatch):
    config = shop.app.engine.config
    hurried = config.model_copy(update={"budget": config.budget.model_copy(update={"total_ms": 1e-6})})
    monkeypatch.setattr(shop.app.engine, "config", hurried)
    visit = look(shop)
    visit.page.set_viewport_size({"width": 390, "height": 844})
    visit.open("/console/see?person=p3")
    assert "Left out, over budget: " in visit.page.inner_text("main")
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_overview_shows_what_is_wanted_now(look, shop):
    event = Event(type="purchase", at=shop.app.clock(), event_id="wanted", user_id="p28", item_id="i13")
    shop.app.append([Entry("event", "wanted", event.at, msgspec.json.encode(event))])
    visit = look(shop)
    visit.open("/console")
    assert "1 sold" in visit.page.inner_text("[data-part=wanted] .tile:has-text('bowl 13')")
    assert visit.complaints == []


def test_signing_out_leads_to_the_door(look, shop):
    visit = look(shop, signed=False)
    visit.open(f"/console?key={shop.key}")
    assert visit.page.url == f"{shop.address}/console"
    visit.page.click("text=Sign out")
    assert visit.page.inner_text("h1") == "Sign in"


def test_a_shop_of_one_shows_that_one_to_its_person(look, tiny_shop):
    visit = look(tiny_shop)
    visit.open("/console/see?person=p0")
    text = visit.page.inner_text("main")
    assert "Nothing can be shown" in text or visit.page.locator(".tile").count() == 1


_CUT = """(selector) => [...document.querySelectorAll(selector)]
  .filter((e) => e.offsetParent && !e.closest(".unseen") && !e.matches(".unseen") && e.clientWidth)
  .filter((e) => {
    const tile = e.closest(".tile").getBoundingClientRect(), box = e.getBoundingClientRect();
    return e.scrollWidth > e.clientWidth + 1 || box.right > tile.right || box.left < tile.left;
  }).map((e) => e.className + ": " + e.textContent)"""

_ROWS = """() => {
  const tops = [...document.querySelectorAll("#tiles > .tile")].map((e) => Math.round(e.getBoundingClientRect().top));
  const rows = new Set(tops).size;
  return [rows, tops.length / rows];
}"""


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """Relative luminance of an opaque ``rgb(r, g, b)`` (WCAG 2.2, definitions)."""
    parts = [float(part) / 255 for part in re.findall(r"[\d.]+", colour)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
