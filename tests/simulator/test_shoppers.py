"""Hidden tastes: fixed by the seed, of lasting strength, drifting, and sated by purchases."""

import numpy as np
import pytest

from tailorbird.simulator.shoppers import key_of, uniforms
from tailorbird.simulator.world import World
from tailorbird.simulator.worlds import WORLDS
from tailorbird.types import DAY_SECONDS

NOW = 1_750_000_000.0


@pytest.fixture(scope="module")
def world():
    return World("fashion", shoppers=600, items=400, seed=1, now=NOW)


def test_uniforms_are_uniform_and_fixed_by_their_key():
    draws = uniforms(key_of(1, 2), np.arange(20_000))
    assert abs(draws.mean() - 0.5) < 0.01
    assert abs(draws.var() - 1 / 12) < 0.002
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 0.03
    np.testing.assert_array_equal(draws, uniforms(key_of(1, 2), np.arange(20_000)))
    assert abs(np.corrcoef(draws, uniforms(key_of(1, 3), np.arange(20_000)))[0, 1]) < 0.03


def test_the_truth_is_the_same_in_another_world_of_the_same_arguments(world):
    other = World("fashion", shoppers=600, items=400, seed=1, now=NOW)
    items = np.arange(400, dtype=np.int32)
    np.testing.assert_array_equal(world.utility(17, items, NOW), other.utility(17, items, NOW))


def test_two_shoppers_disagree_but_not_about_everything(world):
    items = np.arange(400, dtype=np.int32)
    utilities = np.array([world.utility(shopper, items, NOW) for shopper in range(100)])
    agreement = np.corrcoef(utilities)[np.triu_indices(100, 1)].mean()
    assert 0.2 < agreement < 0.8


def test_tastes_lose_half_of_their_correlation_in_the_days_given_and_none_of_their_strength(world):
    def tastes(at):
        return np.array([world.shoppers.mood(shopper, at).kinds for shopper in range(600)])

    days = WORLDS["fashion"].drift_days
    now, soon, late = tastes(NOW), tastes(NOW + DAY_SECONDS), tastes(NOW + days * DAY_SECONDS)
    assert np.corrcoef(now.ravel(), soon.ravel())[0, 1] > 0.99
    # Shoppers differ in speed, so that the mean correlation is near a half rather than at it.
    assert 0.2 < np.corrcoef(now.ravel(), late.ravel())[0, 1] < 0.65
    assert abs(late.std() / now.std() - 1) < 0.05


def test_what_lasts_is_not_wanted_again_soon_and_what_is_used_up_is(world):
    del world
    grocery = World("grocery", shoppers=5, items=300, seed=1, now=NOW)
    fashion = World("fashion", shoppers=5, items=300, seed=1, now=NOW)
    for shop, back_after_days in ((grocery, 30), (fashion, 2_000)):
        kind = int(np.argmin(np.where(shop.shelf.restock_days > 0, shop.shelf.restock_days, 999)))
        if shop is fashion:
            kind = int(np.argmax(shop.shelf.restock_days == 0))
        before = shop.shoppers.wish(shop.shoppers.mood(0, NOW))[kind]
        shop.shoppers.memory(0).bought(kind, int(shop.shelf.members(kind)[0]), NOW)
        assert shop.shoppers.wish(shop.shoppers.mood(0, NOW))[kind] < before - 1.5
        later = NOW + back_after_days * DAY_SECONDS
        mood = shop.shoppers.mood(0, later)
        assert shop.shoppers.wish(mood)[kind] > mood.kinds[kind] + shop.shelf.demand[kind] - 0.2


def test_a_lower_price_is_liked_better_by_most(world):
    items = np.arange(50, dtype=np.int32)
    prices = world.prices(NOW)[items]
    likes_it = [
        (world.shoppers.liking(mood, items, 0.7 * prices) > world.shoppers.liking(mood, items, prices)).mean()
        for mood in (world.shoppers.mood(shopper, NOW) for shopper in range(200))
    ]
    assert 0.6 < np.mean(likes_it) < 0.9


def test_the_account_tells_nothing_of_the_tastes(world):
    user = world.user(3)
    assert set(user.traits) == {"newsletter", "joined_with"}
    assert user.user_id == "u00003"
