"""The lists from which the ranker learns, in their matrix."""

import tracemalloc

import numpy as np

from tailorbird.learning.lists import Lists


def filled(lengths: list[int]) -> Lists:
    """Lists of these lengths, whose rows count from 0; the first candidate of each was wanted."""
    lists, n = Lists(), 0
    for length in lengths:
        lists.add_rows(np.arange(n, n + length)[:, None] + np.zeros(40))
        lists.labels.append((np.arange(length) == 0).astype(np.int32))
        lists.shown.append(False)
        lists.stands_for.append(np.ones(length))
        lists.weights.append(np.ones(length))
        lists.seqs.append(n)
        n += length
    return lists


def test_every_row_stands_below_the_one_before_it() -> None:
    lengths = [3, 1, 200, 7, 150, 2] * 9
    labelled = filled(lengths).labelled()
    assert labelled.lengths.tolist() == lengths
    assert labelled.matrix.dtype == np.float32
    assert np.array_equal(labelled.matrix, np.arange(sum(lengths))[:, None] + np.zeros(40))


def test_there_is_never_a_second_matrix() -> None:
    tracemalloc.start()
    try:
        labelled = filled([100] * 400).labelled()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert labelled.matrix.nbytes < peak < 1.5 * labelled.matrix.nbytes


def test_no_lists_are_an_empty_matrix() -> None:
    assert len(Lists().labelled()) == 0
