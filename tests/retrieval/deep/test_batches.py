"""Sequences, batches by length, shared negatives, ages."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.retrieval.deep.batches import (
    HIDDEN,
    N_BUCKETS,
    Sequences,
    age_buckets,
    cloze,
    following,
    groups,
    held_out,
    hits,
    last_hidden,
    negatives,
    sequences_of,
    windows,
)
from tailorbird.types import Interactions


def interactions(users: list[int], items: list[int], at: list[float]) -> Interactions:
    return Interactions(
        np.array(users, np.int32), np.array(items, np.int32), np.array(at), np.ones(len(users)), max(users) + 1, 10
    )


def sequences(lengths: list[int]) -> Sequences:
    """Person p has items 100 p, 100 p + 1, ..."""
    items = np.concatenate([100 * p + np.arange(n) for p, n in enumerate(lengths)])
    ends = np.cumsum(lengths)
    return Sequences(items, items * 1.0, ends - lengths, ends)


def rows_of(whole: Sequences) -> list[int]:
    """The items of every sequence, one sequence after the other."""
    return whole.items[whole.rows()[1]].tolist()


def test_sequences_are_in_the_order_of_their_times_and_of_the_log_where_times_are_equal() -> None:
    log = interactions([0, 2, 0, 2, 0, 1], [5, 1, 6, 2, 7, 9], [3.0, 1.0, 2.0, 1.0, 3.0, 1.0])
    made = sequences_of(log, np.arange(10, dtype=np.int32))
    assert rows_of(made) == [6, 5, 7, 1, 2], "and one interaction is no sequence"
    assert made.lengths.tolist() == [3, 2]


def test_the_newest_rows_of_each_are_the_last() -> None:
    assert rows_of(sequences([2, 5]).newest(3)) == [0, 1, 102, 103, 104]


def test_windows_ask_for_every_row_but_the_first_once_and_are_cut_elsewhere_each_time() -> None:
    whole, cuts = sequences([2, 4, 5, 23, 8]), set()
    for seed in range(20):
        cut = windows(whole, 4, np.random.default_rng(seed))
        assert cut.lengths.max() <= 5
        of, rows = cut.rows()
        answers = rows[np.flatnonzero(np.diff(of, prepend=-1) == 0)]
        assert sorted(answers) == sorted(set(range(len(whole.items))) - set(whole.starts.tolist()))
        cuts.add(tuple(cut.starts[cut.starts >= whole.starts[3]].tolist()))
    assert len(cuts) > 4


def test_items_are_renamed() -> None:
    log = interactions([0, 0], [3, 8], [1.0, 2.0])
    numbers = np.full(10, -1, np.int32)
    numbers[[3, 8]] = [0, 1]
    assert rows_of(sequences_of(log, numbers)) == [0, 1]


def test_who_validates_loses_the_last_item_in_training() -> None:
    whole = sequences([2] * 10 + [5] * 40)
    learned, asked = held_out(whole, most=3, seed=1)
    assert len(asked) == 3
    assert asked.lengths.tolist() == [5, 5, 5]
    assert len(learned) == len(whole)
    ends = asked.items[asked.ends - 1].tolist()
    assert not set(ends) & set(rows_of(learned))
    assert sorted([*rows_of(learned), *ends]) == whole.items.tolist()


def test_few_people_are_not_halved_for_validation() -> None:
    learned, asked = held_out(sequences([3] * 9), most=100, seed=1)
    assert not len(asked)
    assert len(rows_of(learned)) == 27


@given(lengths=st.lists(st.integers(2, 9), min_size=1, max_size=60), size=st.integers(1, 7), seed=st.integers(0, 9))
def test_every_step_is_learned_once_an_epoch(lengths: list[int], size: int, seed: int) -> None:
    whole = sequences(lengths)
    seen = []
    for group in groups(whole, size, np.random.default_rng(seed)):
        batch = following(group)
        assert len(batch.items) <= size
        assert batch.there.any(axis=0).all(), "no position is empty for all"
        assert (batch.targets == batch.items + 1)[batch.there].all()
        assert (batch.asked == batch.targets)[batch.there].all()
        assert (batch.asks == batch.there).all()
        seen += batch.items[batch.there].tolist()
    expected = [item for p, n in enumerate(lengths) for item in range(100 * p, 100 * p + n - 1)]
    assert sorted(seen) == expected


def test_batches_hold_sequences_of_like_length() -> None:
    draw = np.random.default_rng(1)
    whole = sequences(draw.integers(2, 51, 2_000).tolist())
    there = [following(group).there for group in groups(whole, 64, np.random.default_rng(2))]
    assert sum(t.sum() for t in there) > 0.9 * sum(t.size for t in there)


def test_long_sequences_make_small_batches() -> None:
    sizes = [group.lengths.sum() for group in groups(sequences([99] * 400), 400, np.random.default_rng(1))]
    assert max(sizes) <= 4_096


def test_every_other_sequence_ends_somewhere_and_hides_its_end_and_the_rest_a_share() -> None:
    batch = cloze(sequences([20] * 1_000), 0.3, np.random.default_rng(1))
    assert (batch.items == np.where(batch.asks, HIDDEN, batch.targets)).all()
    lengths, n_asked = batch.there.sum(axis=1), batch.asks.sum(axis=1)
    questions = batch.asks[np.arange(1_000), lengths - 1] & (n_asked == 1)
    assert 0.45 < questions.mean() < 0.55
    assert set(lengths[questions].tolist()) == set(range(2, 21))
    assert (lengths[~questions] == 20).all()
    assert 0.28 < batch.asks[~questions].mean() < 0.32
    assert n_asked.all()


def test_a_question_hides_the_last_item_alone() -> None:
    batch = last_hidden(sequences([2, 4]))
    assert batch.items.tolist() == [[0, HIDDEN, 0, 0], [100, 101, 102, HIDDEN]]
    assert batch.targets[batch.asks].tolist() == [1, 103]
    assert batch.there.sum(axis=1).tolist() == [2, 4]


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
    found = age_buckets(at, asked, N_BUCKETS, causal=True)
    assert found.tolist() == [[7, 64, 64], [15, 14, 64], [63, 63, 63]]


@pytest.mark.parametrize("asked", [-5.0, 0.0, 0.5, 1.0])
def test_what_is_newer_than_the_question_is_as_young_as_can_be(asked: float) -> None:
    assert age_buckets(np.zeros(1), np.array([asked]), N_BUCKETS, causal=True).tolist() == [[0]]


def test_with_one_bucket_times_do_not_count() -> None:
    assert age_buckets(np.zeros(2), np.array([1.0, 1e9]), 1, causal=True).tolist() == [[0, 1], [0, 0]]
