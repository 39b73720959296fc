"""What a shop directory remembers of its world."""

import numpy as np
import pytest

from tailorbird.errors import BadInput, NotFound
from tailorbird.simulator.saved import FILE, begin, begun, finish, load_world
from tailorbird.simulator.world import World

NOW = 1_750_000_000.0


def test_the_same_shoppers_come_back_with_their_memories(tmp_path):
    world = World("gifts", shoppers=30, items=100, seed=5, now=NOW)
    world.shoppers.memory(7).bought(3, 11, NOW - 100.0)
    finish(tmp_path, world, 60)
    again = load_world(tmp_path)
    assert (again.config, again.seed, again.now) == (world.config, 5, NOW)
    assert again.shoppers.memory(7) == world.shoppers.memory(7)
    items = np.arange(100, dtype=np.int32)
    np.testing.assert_array_equal(again.utility(7, items, NOW), world.utility(7, items, NOW))


def test_a_history_counts_as_half_written_until_it_is_finished(tmp_path):
    world = World("gifts", shoppers=30, items=100, seed=5, now=NOW)
    assert begun(tmp_path) is None
    begin(tmp_path, world, 60)
    assert begun(tmp_path).now == NOW
    with pytest.raises(NotFound, match="no simulated shop"):
        load_world(tmp_path)
    finish(tmp_path, world, 60)
    assert begun(tmp_path) is None


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / FILE).write_text('{"world": 3}')
    with pytest.raises(BadInput, match=r"simulator\.json is damaged"):
        load_world(tmp_path)
