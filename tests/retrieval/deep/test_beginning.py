"""Item vectors before any training: what stands near each other is near each other."""

import numpy as np

from tailorbird.retrieval.deep.batches import Sequences
from tailorbird.retrieval.deep.beginning import counted

N_ITEMS = 40


def pairs() -> Sequences:
    """400 people who each take up two of the same four items, one of ten such groups."""
    draw = np.random.default_rng(1)
    items = (4 * draw.integers(0, N_ITEMS // 4, 400)[:, None] + draw.permuted(np.tile(np.arange(4), (400, 1)), axis=1))[
        :, :2
    ].ravel()
    ends = np.arange(2, len(items) + 1, 2)
    return Sequences(items, np.zeros(len(items)), ends - 2, ends)


def test_what_stands_near_each_other_has_the_highest_products() -> None:
    vectors = counted(pairs(), N_ITEMS, 16, seed=1)
    nearest = np.argsort(-(vectors @ vectors.T), axis=1)[:, :4]
    assert (nearest // 4 == np.arange(N_ITEMS)[:, None] // 4).all()


def test_no_column_is_much_louder_than_another() -> None:
    loud = np.square(counted(pairs(), N_ITEMS, 8, seed=1)).mean(axis=0)
    assert loud.max() < 5 * loud.min()


def test_fewer_items_than_factors_still_have_vectors_of_that_length() -> None:
    whole = Sequences(np.array([0, 1, 0, 2]), np.zeros(4), np.array([0]), np.array([4]))
    vectors = counted(whole, 3, 16, seed=1)
    assert vectors.shape == (3, 16)
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all()
    assert vectors.any(axis=1).all()


def test_the_same_seed_gives_the_same_vectors() -> None:
    assert np.array_equal(counted(pairs(), N_ITEMS, 8, seed=3), counted(pairs(), N_ITEMS, 8, seed=3))
