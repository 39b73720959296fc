"""The search that stops early finds what a full product finds."""

import numpy as np
import pytest

from tailorbird.retrieval.vectors import ByLength


@pytest.mark.parametrize("seed", range(20))
def test_it_finds_what_the_full_product_finds(seed: int) -> None:
    draw = np.random.default_rng(seed)
    n, limit = int(draw.integers(1, 400)), int(draw.integers(1, 60))
    vectors = (draw.standard_normal((n, 8)) * draw.exponential(1.0, (n, 1)) ** 2).astype(np.float32)
    vectors[draw.random(n) < 0.2] = 0.0
    query = draw.standard_normal(8).astype(np.float32)
    numbers = draw.permutation(1_000)[:n].astype(np.int32)
    items, scores = ByLength(vectors, numbers).best(query, limit)
    products = vectors @ query
    assert np.allclose(scores, np.sort(products)[::-1][:limit], rtol=1e-4, atol=1e-6)
    place = {int(number): row for row, number in enumerate(numbers)}
    assert np.allclose(products[[place[item] for item in items.tolist()]], scores, rtol=1e-4, atol=1e-6)
    assert len(set(items.tolist())) == len(items) == min(limit, n)


def test_where_all_products_are_negative_the_least_bad_are_found() -> None:
    vectors = np.array([[-3.0, 0.0], [-1.0, 0.0], [-2.0, 0.0]], np.float32)
    assert ByLength(vectors).best(np.array([1.0, 0.0], np.float32), 2)[0].tolist() == [1, 2]


def test_nothing_is_found_among_nothing() -> None:
    assert ByLength(np.empty((0, 4), np.float32)).best(np.ones(4, np.float32), 5)[0].tolist() == []
