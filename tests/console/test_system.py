"""The system page: what is the same is told once."""

from tailorbird.console.system import memory, recipes
from tailorbird.types import Policy


def test_surfaces_with_one_recipe_are_told_together():
    cart = Policy(surface="cart", version="1", pool=50)
    home, item = Policy(surface="home", version="2"), Policy(surface="item", version="3")
    assert recipes([item, cart, home]) == [[cart], [home, item]]


def test_a_process_never_holds_more_than_its_most():
    held = memory()
    assert 0 < held["now"] <= held["peak"]
