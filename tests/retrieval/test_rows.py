"""Sparse rows: what is added is what stands there, and the best are the best."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tailorbird.retrieval.rows import Rows, best_of

CELLS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6), st.integers(1, 9)), max_size=120)


def dense(rows: Rows, n_columns: int) -> NDArray[np.int64]:
    arrays = rows.arrays()
    matrix = np.zeros((rows.n_rows, n_columns), np.int64)
    for row in range(rows.n_rows):
        cells = slice(arrays["pointers"][row], arrays["pointers"][row + 1])
        matrix[row, arrays["columns"][cells]] = arrays["values"][cells]
    return matrix


def filled(cells: list[tuple[int, int, int]]) -> Rows:
    rows = Rows(5, np.int64)
    for row, column, amount in cells:
        rows.add(np.array([row], np.int32), np.array([column], np.int32), np.array([amount], np.int64))
    return rows


@given(CELLS)
def test_cells_hold_the_sum_of_what_was_added_and_columns_ascend(cells: list[tuple[int, int, int]]) -> None:
    rows = filled(cells)
    expected = np.zeros((5, 7), np.int64)
    for row, column, amount in cells:
        expected[row, column] += amount
    assert np.array_equal(dense(rows, 7), expected)
    arrays = rows.arrays()
    for row in range(5):
        columns = arrays["columns"][arrays["pointers"][row] : arrays["pointers"][row + 1]]
        assert (np.diff(columns) > 0).all()
    assert len(rows) == np.count_nonzero(expected)


def test_a_batch_that_outgrows_the_arena_is_added_whole() -> None:
    rows = Rows(3, np.int64)
    where, columns = np.repeat(np.arange(3, dtype=np.int32), 5_000), np.tile(np.arange(5_000, dtype=np.int32)[::-1], 3)
    rows.add(where, columns, np.ones(15_000, np.int64))
    rows.add(where, columns, np.ones(15_000, np.int64))
    assert np.array_equal(dense(rows, 5_000), np.full((3, 5_000), 2))


@given(CELLS, st.lists(st.integers(0, 4), max_size=12), st.integers(0, 9))
def test_the_best_columns_are_those_of_the_dense_product(
    cells: list[tuple[int, int, int]], query: list[int], limit: int
) -> None:
    rows, scale = filled(cells), np.linspace(1.0, 2.0, 7)
    asked, weights = np.array(query, np.int32), np.linspace(0.25, 1.0, len(query))
    product = (weights @ dense(rows, 7)[asked]) * scale if query else np.zeros(7)
    items, scores = rows.best(asked, weights, scale, limit)
    order = [c for c in np.lexsort((np.arange(7), -product)) if product[c] > 0][:limit]
    assert np.allclose(scores, product[items], rtol=1e-12)
    assert np.allclose(scores, product[order], rtol=1e-12)
    judged = rows.judge(asked, weights, scale, np.array([6, 0, 3, 99, -1], np.int32))
    assert np.allclose(judged, [product[6], product[0], product[3], 0, 0], rtol=1e-12)
    assert rows.best(asked, weights, scale, limit)[0].tolist() == items.tolist(), "a question must leave no trace"


def test_equal_scores_stand_in_the_order_of_their_numbers() -> None:
    items, scores = best_of(np.array([1.0, 3.0, 3.0, 2.0, 3.0, 2.0]), 4)
    assert items.tolist() == [1, 2, 4, 3]
    assert scores.tolist() == [3.0, 3.0, 3.0, 2.0]


@given(st.lists(st.integers(-5, 5), max_size=60), st.integers(0, 70))
def test_best_of_is_a_sorted_prefix(values: list[int], limit: int) -> None:
    scores = np.array(values, np.float64)
    items, best = best_of(scores, limit)
    order = np.lexsort((np.arange(len(scores)), -scores))[:limit]
    assert items.tolist() == order.tolist()
    assert best.tolist() == scores[order].tolist()


def test_arrays_that_are_no_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="no rows"):
        Rows.of({"pointers": np.array([0, 5]), "columns": np.zeros(3, np.int32), "values": np.zeros(3)}, 9)


@pytest.mark.parametrize("column", [7, -1])
def test_a_column_that_does_not_exist_is_refused_before_it_is_ever_written_to(column: int) -> None:
    arrays = {"pointers": np.array([0, 1]), "columns": np.array([column], np.int32), "values": np.ones(1)}
    with pytest.raises(ValueError, match="column"):
        Rows.of(arrays, 7)


@pytest.mark.parametrize(("row", "column"), [(-1, 0), (5, 0), (0, -1)])
def test_a_cell_that_does_not_exist_is_not_added_to(row: int, column: int) -> None:
    with pytest.raises(ValueError, match="out of range"):
        Rows(5, np.int64).add(np.array([row], np.int32), np.array([column], np.int32), np.ones(1, np.int64))


def test_rows_that_were_stored_grow_on() -> None:
    rows = Rows.of(filled([(0, 1, 5), (4, 6, 2)]).arrays(), 7)
    rows.reserve(9)
    rows.add(np.array([8, 0], np.int32), np.array([2, 0], np.int32), np.array([7, 1], np.int64))
    expected = np.zeros((9, 7), np.int64)
    expected[0, 1], expected[4, 6], expected[8, 2], expected[0, 0] = 5, 2, 7, 1
    assert np.array_equal(dense(rows, 7), expected)
