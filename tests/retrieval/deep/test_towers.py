"""The towers in numpy and in torch, the correction of a step, and the bags that items are read from."""

from typing import Any

import numpy as np
import pytest

from tailorbird.catalogue import Catalogue
from tailorbird.retrieval.deep.batches import Sequences, following, had_before
from tailorbird.retrieval.deep.tokens import Bags, Vocabulary
from tailorbird.retrieval.deep.towers import (
    Design,
    Recipe,
    TowersTask,
    item_vectors,
    recency,
    shapes,
    user_vectors,
)
from tailorbird.types import Item

DESIGN = Design(n_items=30, n_tokens=5, factors=8, hidden=6, half_lives=(1.0, 4.0))


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch", reason="towers are trained with torch: pip install 'tailorbird[deep]'")


def sequences(n_people: int = 400, length: int = 4) -> Sequences:
    items = (np.random.default_rng(3).random(n_people * length) ** 2 * DESIGN.n_items).astype(np.int64)
    starts = np.arange(n_people) * length
    return Sequences(items, np.zeros(len(items)), starts, starts + length)


def test_what_serves_is_what_was_trained(torch: Any) -> None:
    draw = np.random.default_rng(1)
    weights = {name: draw.normal(size=size).astype(np.float32) for name, size in shapes(DESIGN).items()}
    tensors = {name: torch.from_numpy(weight) for name, weight in weights.items()}
    x, means = draw.normal(size=(7, 8)).astype(np.float32), draw.normal(size=(3, 2, 8)).astype(np.float32)
    for tower, given in ((item_vectors, x), (user_vectors, means)):
        made = tower(weights, given)
        assert np.allclose(made, tower(tensors, torch.from_numpy(given)).numpy(), atol=1e-5)
        assert np.allclose(np.linalg.norm(made, axis=-1), 1.0, atol=1e-5)


def test_a_mean_halves_by_its_half_life_and_never_looks_ahead() -> None:
    short, _ = recency(3, (1.0, 4.0))
    assert np.allclose(short, [[1, 0, 0], [1 / 3, 2 / 3, 0], [1 / 7, 2 / 7, 4 / 7]])


def test_the_correction_is_how_often_an_item_really_is_in_a_step() -> None:
    recipe = Recipe(last=50, batch=10, uniform=6, temperature=0.1, dropout=0.0, cold=0.0, seed=1)
    task = TowersTask(
        sequences(), sequences(0), Bags(np.zeros(31, np.int64), *(np.empty(0, np.int64),) * 2), DESIGN, recipe
    )
    there, n_steps, draw = np.zeros(DESIGN.n_items), 0, np.random.default_rng(0)
    for _ in range(50):
        for batch, drawn in task.batches(draw):
            there[np.union1d(batch.targets[batch.asks], drawn)] += 1
            n_steps += 1
    expected = np.exp(task._log_chances(30, np.arange(DESIGN.n_items)))
    assert np.abs(there / n_steps - expected).max() < 0.05
    assert expected.max() - expected.min() > 0.3, "popular and rare items differ, so that there is something to correct"


def test_what_somebodyhad_before_is_no_negative_and_what_they_take_again_is_an_answer() -> None:
    batch = following(Sequences(np.array([4, 2, 4, 7, 5, 4]), np.zeros(6), np.array([0, 4]), np.array([4, 6])))
    rows, places = had_before(batch, np.array([2, 4, 7]), 10)
    # The answers are 2, 4, 7 of the first person, and 4 of the second, who had 5, which is no column.
    assert sorted(zip(rows.tolist(), places.tolist(), strict=True)) == [(0, 1), (1, 0), (2, 0), (2, 1), (2, 1)]


def test_a_bag_holds_what_other_items_have_too() -> None:
    catalogue = Catalogue()
    for n, (word, price) in enumerate([("red", 10.0), ("red", 10.9), ("blue", 100.0)]):
        catalogue.upsert(Item(item_id=f"i{n}", title=f"{word} lamp number{n}", price=price))
    catalogue.number("undescribed")
    vocabulary = Vocabulary.of(catalogue, 100)
    bags = vocabulary.bags(catalogue, 4)
    assert len(vocabulary) == 3, "lamp, red, and the price of the first two"
    assert np.diff(bags.pointers).tolist() == [3, 3, 1, 0]
    assert np.allclose(np.add.reduceat(bags.values**2, bags.pointers[:3]), 1.0)
    turned = bags.of(np.array([2, 0]))
    assert turned.pointers.tolist() == [0, 1, 4]
    assert turned.columns[1:].tolist() == bags.columns[:3].tolist()
    assert len(Vocabulary.of(catalogue, 1)) == 1
