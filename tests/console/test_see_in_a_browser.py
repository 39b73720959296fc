"""See as a user, as an operator meets it: choose somebody, click, and the next slate is another one."""

import pytest


def slate(page) -> list[str]:
    return page.locator("#tiles > .tile").evaluate_all("tiles => tiles.map(tile => tile.dataset.item)")


def test_a_click_changes_a_cold_visitors_next_slate_and_says_how(look, shop):
    visit = look(shop)
    visit.open("/console/see?who=new")
    assert "no history" in visit.page.inner_text("#story")
    before = slate(visit.page)
    clicked = visit.page.locator(".tile").nth(2)
    title = clicked.locator(".tile-title").inner_text()

    clicked.locator(".hit").click()
    visit.page.wait_for_selector("#story strong")

    after = slate(visit.page)
    assert after != before
    assert f"Clicked {title}." in visit.page.inner_text("#story")
    marked = visit.page.locator("#tiles > .tile.new").evaluate_all("tiles => tiles.map(tile => tile.dataset.item)")
    assert set(marked) == set(after) - set(before)
    assert title in visit.page.inner_text("#history li >> nth=0")
    assert visit.complaints == []


def test_the_click_is_a_durable_event_of_that_person_credited_to_the_slate(look, shop):
    visit = look(shop)
    visit.open("/console/see?person=p4")
    item = visit.page.locator(".tile").nth(1).get_attribute("data-item")
    decision = visit.page.locator("input[name=decision_id]").first.input_value()
    last = shop.app.log.last_seq()

    visit.page.locator(".tile .hit").nth(1).click()
    visit.page.wait_for_selector("#story strong")

    (record,) = shop.app.log.read(last, 10)
    body = record.body.decode()
    for part in (f'"item_id":"{item}"', f'"decision_id":"{decision}"', '"user_id":"p4"', '"position":1', "list_click"):
        assert part in body
    assert shop.app.ledger.get(decision) is not None


def test_tiles_that_rose_say_by_how_much(look, shop):
    visit = look(shop)
    visit.open("/console/see?person=p8")
    before = slate(visit.page)
    visit.page.locator(".tile .hit").nth(0).click()
    visit.page.wait_for_selector("#story strong")
    for tile in visit.page.locator("#tiles > .tile.up").all():
        item = tile.get_attribute("data-item")
        rise = before.index(item) - slate(visit.page).index(item)
        assert f"▲ {rise}" in tile.inner_text()


def test_why_says_what_each_channel_thinks_and_closes_with_escape(look, shop):
    visit = look(shop)
    visit.open("/console/see?person=p2")
    visit.page.locator(".why-open").first.click()
    sheet = visit.page.locator("dialog[open]")
    text = sheet.inner_text()
    assert "What each channel says" in text
    assert "covisitation" in text
    assert "Placed 1" in text
    visit.page.keyboard.press("Escape")
    assert visit.page.locator("dialog[open]").count() == 0


def test_what_is_turned_down_does_not_come_back(look, shop):
    visit = look(shop)
    visit.open("/console/see?who=new")
    unwanted = slate(visit.page)[0]
    visit.page.locator(".why-open").first.click()
    visit.page.click("dialog[open] .acts button >> text=Turn it down")
    visit.page.wait_for_selector("#story strong")
    assert unwanted not in slate(visit.page)


@pytest.mark.parametrize(("surface", "words"), [("item", "On the page of"), ("cart", "How this slate was made")])
def test_other_surfaces_have_their_own_slate(look, shop, surface, words):
    visit = look(shop)
    visit.open(f"/console/see?person=p5&surface={surface}&item=i11")
    assert words in visit.page.inner_text("main")
    assert "i11" not in slate(visit.page)
    assert len(slate(visit.page)) == 12
    assert visit.complaints == []


def test_the_whole_page_can_be_walked_with_the_keyboard(look, shop):
    """From the skip link over the chooser to a tile, a click with Enter, and on from the same place."""
    visit = look(shop)
    page = visit.page
    visit.open("/console/see?who=new")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
    page.keyboard.press("Enter")
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.className"))
        if "hit" in reached[-1]:
            break
    assert "person" in reached
    assert "hit" in reached[-1]
    before = slate(page)
    assert page.evaluate("getComputedStyle(document.activeElement, '::after').outlineStyle") == "solid"

    page.keyboard.press("Enter")
    page.wait_for_selector("#story strong")

    assert slate(page) != before
    assert page.evaluate("document.activeElement.className") == "hit"
    assert "Clicked" in page.inner_text("#said")


def test_nothing_moves_for_those_who_asked_for_stillness(look, shop):
    visit = look(shop, reduced_motion="reduce")
    visit.open("/console/see?who=new")
    visit.page.locator(".tile .hit").nth(3).click()
    visit.page.wait_for_selector("#story strong")
    assert visit.page.evaluate("document.getAnimations().length") == 0


def test_a_person_whom_nobody_knows_is_said_to_be_unknown(look, shop):
    visit = look(shop)
    visit.open("/console/see?person=nobody-of-that-name")
    assert "Nobody is known as nobody-of-that-name" in visit.page.inner_text("main")


def test_a_click_without_script_shows_the_changed_slate_too(look, shop):
    visit = look(shop, java_script_enabled=False)
    visit.open("/console/see?who=new")
    visit.page.locator(".tile .hit").nth(2).click()
    assert "Clicked" in visit.page.inner_text("#story")
