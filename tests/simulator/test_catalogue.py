"""The shelf: believable, complete, and the same for the same seed."""

import msgspec
import numpy as np
import pytest

from tailorbird.errors import BadNumber, NotFound
from tailorbird.simulator.catalogue import WEEK_SECONDS, build_shelf
from tailorbird.simulator.words import THEMES
from tailorbird.simulator.world import World
from tailorbird.simulator.worlds import WORLDS
from tailorbird.types import DAY_SECONDS, Item

NOW = 1_750_000_000.0


def test_the_same_seed_gives_the_same_catalogue_to_the_byte_and_another_seed_another():
    def bodies(seed):
        world = World("fashion", shoppers=5, items=150, seed=seed, now=NOW)
        return [msgspec.json.encode(world.item(n, NOW)) for n in range(150)]

    assert bodies(3) == bodies(3)
    assert bodies(3) != bodies(4)


@pytest.mark.parametrize("name", WORLDS)
def test_every_world_has_items_a_shop_could_sell(name):
    world = World(name, shoppers=5, seed=1, now=NOW)
    items = [world.item(n, NOW) for n in range(len(world.shelf))]
    assert len({item.item_id for item in items}) == len(items) == WORLDS[name].items
    for item in items:
        assert len(item.categories) == 3
        assert item.price is not None
        assert item.list_price is not None
        assert 0 < item.price <= item.list_price
        assert item.categories[-1] in item.title
        assert item.brand is not None
        assert item.title.startswith(item.brand)
        assert not item.image_url
        assert item.created_at is not None
        assert item.created_at <= NOW
        assert msgspec.json.decode(msgspec.json.encode(item), type=Item) == item


@pytest.mark.parametrize("name", WORLDS)
def test_no_leaf_of_the_category_tree_is_empty(name):
    shelf = build_shelf(WORLDS[name], WORLDS[name].items, 1, NOW)
    assert set(shelf.kinds.tolist()) == set(range(len(THEMES[name].kinds)))


def test_a_marketplace_has_many_sellers_and_a_shop_of_its_own_has_one():
    assert len(set(build_shelf(WORLDS["marketplace"], 3_000, 1, NOW).sellers.tolist())) > 30
    assert set(build_shelf(WORLDS["grocery"], 500, 1, NOW).sellers.tolist()) == {0}


def test_a_share_of_the_catalogue_is_new():
    shelf = build_shelf(WORLDS["fashion"], 2_000, 1, NOW)
    young = (NOW - shelf.launched_at) < 60 * DAY_SECONDS
    assert abs(young.mean() - WORLDS["fashion"].arrivals) < 0.03


def test_offers_change_from_week_to_week_and_are_cheaper():
    shelf = build_shelf(WORLDS["grocery"], 1_000, 1, NOW)
    week = int(NOW // WEEK_SECONDS)
    offered, prices = shelf.promoted(week), shelf.prices(week)
    assert abs(offered.mean() - WORLDS["grocery"].promoted) < 0.05
    assert (prices[offered] <= shelf.shelf_price[offered]).all()
    assert (prices[~offered] == shelf.shelf_price[~offered]).all()
    assert (shelf.promoted(week + 1) != offered).any()
    np.testing.assert_array_equal(prices, shelf.prices(week))


def test_an_unknown_world_is_refused_with_the_names_that_exist():
    with pytest.raises(NotFound, match=r"'fasion'.*Did you mean 'fashion'"):
        World("fasion", now=NOW)


def test_a_shop_of_three_items_is_refused():
    with pytest.raises(BadNumber, match="3 items"):
        World("fashion", items=3, now=NOW)
