"""Slates compared: what is new, what rose, what fell and what left."""

import pytest

from tailorbird.catalogue import Catalogue
from tailorbird.console.slates import changes, tiles
from tailorbird.types import Decision, Item, Placed, Request


@pytest.fixture
def catalogue():
    made = Catalogue()
    for name in "abcde":
        made.upsert(Item(item_id=name, title=name.upper()))
    return made


def decided(names: str, **more) -> Decision:
    placed = tuple(
        Placed(
            item_id=name, position=n, score=1.0, source="ease", reason="", propensity=0.9,
            channels={"ease": 4.0 - n, "popular": 0.0},
        )
        for n, name in enumerate(names)
    )  # fmt: skip
    return Decision(
        decision_id=names, at=0, surface="home", person="", policy="", policy_version="", items=placed,
        request=Request(surface="home", at=0), **more,
    )  # fmt: skip


def test_each_tile_says_what_happened_to_it(catalogue):
    now = tiles(decided("bcea"), catalogue, decided("abcd"))
    assert [(t.change, t.moved) for t in now] == [("up", 1), ("up", 1), ("new", 0), ("down", 3)]


def test_what_left_is_told_with_its_old_place(catalogue):
    before = decided("abcd")
    change = changes(tiles(decided("bcea"), catalogue, before), before, catalogue)
    assert (change.new, change.up, change.down) == (1, 2, 1)
    assert [(tile.item.title, tile.place) for tile in change.gone] == [("D", 4)]


def test_a_first_slate_has_nothing_to_compare_with(catalogue):
    assert {tile.change for tile in tiles(decided("abc"), catalogue)} == {""}


def test_a_channels_bars_are_shares_of_its_best_on_the_slate(catalogue):
    now = tiles(decided("abc"), catalogue)
    assert [tile.channels[0].length for tile in now] == [1.0, 0.75, 0.5]
    assert now[0].channels[1].length == 0.0


def test_contributions_keep_their_sign_and_the_strongest_comes_first(catalogue):
    explained = {
        "items": {"a": {"contributions": {"ease.rank": -0.5, "category_share": 2.0}, "rank_before_diversity": 0}}
    }
    tile = tiles(decided("a", explanation=explained), catalogue)[0]
    assert [(bar.name, bar.minus, bar.length) for bar in tile.contributions] == [
        ("This person's leaning to its category", False, 1.0),
        ("ease: its place", True, 0.25),
    ]
    assert tile.ranked == 1


def test_an_item_that_the_catalogue_forgot_still_has_a_tile(catalogue):
    assert tiles(decided("z"), catalogue)[0].item.item_id == "z"
