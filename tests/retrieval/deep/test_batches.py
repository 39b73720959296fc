"""Sequences, batches by length, shared negatives, ages."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.retrieval.deep.batches import (
    N_BUCKETS,
    Sequences,
    age_buckets,
    batches,
    held_out,
    hits,
    negatives,
    sequences_of,
)
from tailorbird.types import Interactions


def interactions(users: list[int], items: list[int], at: list[float]) -> Interactions:
    return Interactions(
        np.array(users, np.int32), np.array(items, np.int32), np.array(at), np.ones(len(users)), max(users) + 1, 10
    )


def sequences(lengths: list[int]) -> Sequences:
    """Person p has items 100 p, 100 p + 1, ..."""
    items = np.concatenate([100 * p + np.arange(n) for p, n in enumerate(lengths)])
    return Sequences(items, items * 1.0, np.concatenate(([0], np.cumsum(lengths))))


def test_sequences_are_in_the_order_of_their_times_and_of_the_log_where_times_are_equal() -> None:
    log = interactions([0, 2, 0, 2, 0, 1], [5, 1, 6, 2, 7, 9], [3.0, 1.0, 2.0, 1.0, 3.0, 1.0])
    made = sequences_of(log, np.arange(10, dtype=np.int32), last=50)
    assert made.items.tolist() == [6, 5, 7, 1, 2], "and one interaction is no sequence"
    assert made.starts.tolist() == [0, 3, 5]


def test_a_sequence_is_as_long_as_a_query_and_its_answer() -> None:
    log = interactions([0] * 6, [0, 1, 2, 3, 4, 5], list(range(6)))
    assert sequences_of(log, np.arange(10, dtype=np.int32), last=3).items.tolist() == [2, 3, 4, 5]


def test_items_are_renamed() -> None:
    log = interactions([0, 0], [3, 8], [1.0, 2.0])
    numbers = np.full(10, -1, np.int32)
    numbers[[3, 8]] = [0, 1]
    assert sequences_of(log, numbers, last=3).items.tolist() == [0, 1]


def test_who_validates_loses_the_last_item_in_training() -> None:
    whole = sequences([2] * 10 + [5] * 40)
    learned, asked = held_out(whole, most=3, seed=1)
    assert len(asked) == 3
    assert asked.lengths.tolist() == [5, 5, 5]
    assert len(learned) == len(whole)
    ends = asked.items[asked.starts[1:] - 1]
    assert not np.isin(ends, learned.items).any()
    assert sorted([*learned.items, *ends]) == whole.items.tolist()


def test_few_people_are_not_halved_for_validation() -> None:
    learned, asked = held_out(sequences([3] * 9), most=100, seed=1)
    assert not len(asked)
    assert len(learned.items) == 27


@given(lengths=st.lists(st.integers(2, 9), min_size=1, max_size=60), size=st.integers(1, 7), seed=st.integers(0, 9))
def test_every_step_is_learned_once_an_epoch(lengths: list[int], size: int, seed: int) -> None:
    whole = sequences(lengths)
    seen = []
    for batch in batches(whole, size, np.random.default_rng(seed)):
        assert len(batch.items) <= size
        assert batch.real.any(axis=0).all(), "no position is empty for all"
        assert (batch.targets == batch.items + 1)[batch.real].all()
        assert (batch.asked == batch.targets)[batch.real].all()
        seen += batch.items[batch.real].tolist()
    expected = [item for p, n in enumerate(lengths) for item in range(100 * p, 100 * p + n - 1)]
    assert sorted(seen) == expected


def test_batches_hold_sequences_of_like_length() -> None:
    draw = np.random.default_rng(1)
    whole = sequences(draw.integers(2, 51, 2_000).tolist())
    real = [batch.real for batch in batches(whole, 64, np.random.default_rng(2))]
    assert sum(r.sum() for r in real) > 0.9 * sum(r.size for r in real)


def test_long_sequences_make_small_batches() -> None:
    sizes = [batch.items.size for batch in batches(sequences([99] * 400), 400, np.random.default_rng(1))]
    assert max(sizes) <= 16_384


def test_negatives_differ_and_are_all_items_where_there_are_few() -> None:
    draw = np.random.default_rng(1)
    assert len(set(negatives(1_000, 200, draw).tolist())) == 200
    assert negatives(5, 200, draw).tolist() == [0, 1, 2, 3, 4]


def test_a_negative_that_is_the_target_is_found() -> None:
    rows, places = hits(np.array([4, 7, 4, 1]), np.array([9, 4, 1]), 10)
    assert rows.tolist() == [0, 2, 3]
    assert places.tolist() == [1, 1, 2]


def test_ages_grow_by_their_logarithm_and_what_is_ahead_has_a_bucket_of_its_own() -> None:
    at, asked = np.array([0.0, 10.0, 100.0]), np.array([10.0, 100.0, 1e30])
    found = age_buckets(at, asked, N_BUCKETS)
    assert found.tolist() == [[7, 64, 64], [15, 14, 64], [63, 63, 63]]


@pytest.mark.parametrize("asked", [-5.0, 0.0, 0.5, 1.0])
def test_what_is_newer_than_the_question_is_as_young_as_can_be(asked: float) -> None:
    assert age_buckets(np.zeros(1), np.array([asked]), N_BUCKETS).tolist() == [[0]]


def test_with_one_bucket_times_do_not_count() -> None:
    assert age_buckets(np.zeros(2), np.array([1.0, 1e9]), 1).tolist() == [[0, 1], [0, 0]]
