"""What people want at the moment, counted per step of time."""

import pytest

from tailorbird.console.interest import Interest, Wanted

WEIGHTS = {"item_view": 1.0, "cart_add": 4.0, "purchase": 8.0}


@pytest.fixture
def interest():
    heard = Interest()
    heard.hear(1, "u:ann", "item_view", ["mug"])
    heard.hear(1, "u:bob", "item_view", ["mug"])
    heard.hear(2, "u:ann", "item_view", ["lamp"])
    heard.hear(2, "u:ann", "cart_add", ["lamp"])
    heard.hear(3, "a:x", "page_view", [])
    return heard


def test_items_are_wanted_by_the_weight_of_what_was_done(interest):
    assert interest.wanted(WEIGHTS, 5) == [Wanted("lamp", looks=1, cart_adds=1), Wanted("mug", looks=2)]


def test_an_order_counts_once_and_each_of_its_items_too(interest):
    interest.hear(3, "u:ann", "purchase", ["lamp", "rug"])
    assert interest.events("purchase") == 1
    assert interest.wanted(WEIGHTS, 2) == [Wanted("lamp", looks=1, cart_adds=1, orders=1), Wanted("rug", orders=1)]


def test_a_person_counts_once_whatever_they_do(interest):
    assert interest.people == 3


def test_what_is_forgotten_counts_no_more(interest):
    interest.forget(before=2)
    assert (interest.people, interest.wanted(WEIGHTS, 5)) == (2, [Wanted("lamp", looks=1, cart_adds=1)])
    interest.forget(before=9)
    assert (interest.people, interest.events("cart_add"), interest.wanted(WEIGHTS, 5)) == (0, 0, [])
