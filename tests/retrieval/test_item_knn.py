"""Neighbours: the cosine of people in common, asymmetric where asked, only the nearest kept."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tailorbird.catalogue import Catalogue
from tailorbird.retrieval.item_knn import ItemKnn, ItemKnnConfig, distinct_pairs
from tailorbird.types import History, Interactions, Request

REQUEST = Request(surface="home", at=0.0)


@pytest.fixture
def log() -> Interactions:
    draw = np.random.default_rng(3)
    return Interactions(
        np.sort(draw.integers(0, 40, 600)).astype(np.int32),
        (draw.random(600) ** 2 * 25).astype(np.int32),
        np.arange(600.0),
        np.ones(600),
        40,
        25,
    )


def chosen(log: Interactions) -> NDArray[np.float64]:
    matrix = np.zeros((log.n_users, log.n_items))
    matrix[log.users, log.items] = 1
    return matrix


@pytest.mark.parametrize(("source", "target"), [(0.5, 0.5), (0.7, 0.3), (0.0, 0.0)])
def test_similarity_is_people_in_common_over_both_powers(log: Interactions, source: float, target: float) -> None:
    model = ItemKnn(ItemKnnConfig(source_exponent=source, target_exponent=target))
    model.fit(log, Catalogue())
    both = chosen(log).T @ chosen(log)
    people = np.diag(both)
    for item in range(25):
        expected = both[item] / people[item] ** source / people**target
        expected[item] = 0
        scores = model.score(REQUEST, History.of([item]), np.arange(25, dtype=np.int32))
        assert np.allclose(scores, expected, rtol=1e-6)


def test_only_the_nearest_are_kept(log: Interactions) -> None:
    every, few = ItemKnn(), ItemKnn(ItemKnnConfig(neighbours=3))
    every.fit(log, Catalogue())
    few.fit(log, Catalogue())
    for item in range(25):
        all_items, _ = every.retrieve(REQUEST, History.of([item]), 3)
        items, _ = few.retrieve(REQUEST, History.of([item]), 25)
        assert items.tolist() == all_items.tolist()


def test_bm25_lets_people_with_few_items_say_more() -> None:
    """Items 0 and 1 share a person who has nothing else, items 0 and 2 one who has everything."""
    users = np.array([0, 0, *[1] * 9, 2], np.int32)
    items = np.array([0, 1, 0, 2, 3, 4, 5, 6, 7, 8, 9, 1], np.int32)
    log = Interactions(users, items, np.arange(12.0), np.ones(12), 3, 40)
    model = ItemKnn(ItemKnnConfig(weighting="bm25", source_exponent=0, target_exponent=0))
    model.fit(log, Catalogue())
    one, two = model.score(REQUEST, History.of([0]), np.array([1, 2], np.int32))
    assert one > two > 0


def test_of_a_long_history_the_newest_items_are_paired(log: Interactions) -> None:
    users, items = distinct_pairs(log, longest=4)
    assert np.bincount(users).max() == 4
    for person in range(40):
        newest: list[int] = []
        for item in log.items[log.users == person][::-1].tolist():
            if item not in newest:
                newest.append(item)
        assert items[users == person].tolist() == newest[:4]
