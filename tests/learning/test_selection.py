"""Which columns are worth their place."""

import numpy as np
import pytest

from tailorbird.learning.lists import Lists
from tailorbird.learning.selection import FIRST, mrmr, select, shuffled
from tailorbird.ranking.lambda_ranker import LambdaRanker, LambdaRankerConfig
from tailorbird.types import Array

NAMES = ["good", "copy", "weak", "noise", "hour"]


def made_lists(n: int = 400, seed: int = 4) -> Lists:
    """Ten candidates each; the first column decides, the second is nearly it, the last is the same in a whole list."""
    draw, lists = np.random.default_rng(seed), Lists()
    for number in range(n):
        good = draw.normal(size=10)
        weak = draw.normal(size=10)
        wanted = int(np.argmax(good + 0.3 * weak + 0.3 * draw.normal(size=10)))
        matrix = np.column_stack(
            (good, good + 0.05 * draw.normal(size=10), weak, draw.normal(size=10), np.full(10, draw.random()))
        )
        lists.add_rows(matrix.astype(np.float32))
        lists.labels.append((np.arange(10) == wanted).astype(np.int32))
        lists.shown.append(False)
        lists.stands_for.append(np.ones(10))
        lists.weights.append(np.ones(10))
        lists.seqs.append(number)
        lists.people.append(number // 4)
        lists.items.append(np.arange(10, dtype=np.int32))
    return lists


@pytest.fixture(scope="module")
def found() -> object:
    ranker = LambdaRanker(LambdaRankerConfig(n_trees=60, min_rows_in_leaf=20))
    return select(made_lists(), NAMES, ranker, np.random.default_rng(1))


def test_the_column_that_decides_is_lost_most_and_noise_not_at_all(found: object) -> None:
    loss = {one.name: one for one in found.columns}  # type: ignore[attr-defined]
    assert loss["good"].loss + loss["copy"].loss > 0.1
    assert loss["good"].low <= loss["good"].loss <= loss["good"].high
    assert loss["noise"].low <= 0.005
    assert loss["hour"].loss < 0.02


def test_a_copy_comes_late_in_the_order_and_what_adds_something_early(found: object) -> None:
    order: list[str] = found.order  # type: ignore[attr-defined]
    assert set(order) == set(NAMES)
    assert {order[0], order[1]} & {"good", "copy"}
    assert order.index("weak") < max(order.index("good"), order.index("copy"))


def test_all_columns_are_among_the_first_when_there_are_so_few(found: object) -> None:
    assert len(NAMES) < FIRST
    assert set(found.stability.values()) == {1.0}  # type: ignore[attr-defined]


def test_shuffling_stays_within_a_list_unless_the_list_has_one_value() -> None:
    lists = made_lists(5).labelled()
    draw = np.random.default_rng(2)
    within, between = shuffled(lists, [0], draw), shuffled(lists, [4], draw)
    for start in range(0, 50, 10):
        rows = slice(start, start + 10)
        assert sorted(within[rows, 0]) == sorted(lists.matrix[rows, 0])
        assert len(set(between[rows, 4])) == 1
    assert not np.array_equal(within[:, 0], lists.matrix[:, 0])
    assert sorted(between[:, 4]) == sorted(lists.matrix[:, 4])
    assert np.array_equal(within[:, 1:], lists.matrix[:, 1:])


def test_columns_that_are_shuffled_together_stay_together() -> None:
    lists = made_lists(5).labelled()
    both = shuffled(lists, [0, 1], np.random.default_rng(3))[:, :2]
    assert {tuple(row) for row in both.tolist()} == {tuple(row) for row in lists.matrix[:, :2].tolist()}


def slow_mrmr(values: Array, wanted: Array) -> list[int]:
    """One after the other, by numpy's own correlations."""
    left, taken = list(range(values.shape[1])), list[int]()
    correlation = np.abs(np.corrcoef(np.column_stack((values, wanted)), rowvar=False))
    while left:
        worth = {
            n: correlation[n, -1] / max(np.mean([correlation[n, m] for m in taken]) if taken else 1.0, 0.01)
            for n in left
        }
        best = max(left, key=lambda n: worth[n])
        taken.append(best)
        left.remove(best)
    return taken


def test_the_order_is_that_of_a_slow_computation_and_weights_are_repetitions() -> None:
    draw = np.random.default_rng(5)
    values = draw.normal(size=(500, 6)) @ draw.normal(size=(6, 6))
    wanted = (values[:, 2] + draw.normal(size=500) > 0).astype(np.float64)
    assert mrmr(values, wanted, np.ones(500)).tolist() == slow_mrmr(values, wanted)
    times = draw.integers(0, 3, 500)
    again = np.repeat(np.arange(500), times)
    assert mrmr(values, wanted, times.astype(np.float64)).tolist() == slow_mrmr(values[again], wanted[again])
    assert mrmr(values, wanted, np.ones(500), most=2).tolist() == slow_mrmr(values, wanted)[:2]


def test_a_column_of_one_value_is_worth_nothing() -> None:
    values = np.column_stack((np.ones(50), np.arange(50.0)))
    assert mrmr(values, np.arange(50.0) > 25, np.ones(50)).tolist() == [1, 0]
