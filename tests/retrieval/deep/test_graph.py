"""How vectors spread over the graph of people and items, forward and backward, and how it is sampled."""

import numpy as np
import pytest

from tailorbird.retrieval.deep.batches import Sequences
from tailorbird.retrieval.deep.graph import Graph, spread_with_gradient
from tailorbird.types import Array

LISTS = ([0, 1, 2], [1, 2], [2, 3, 2], [4, 0, 1, 3])


def graph() -> Graph:
    items = np.array([item for items in LISTS for item in items])
    ends = np.cumsum([len(items) for items in LISTS])
    return Graph.of(Sequences(items, np.zeros(len(items)), np.concatenate(([0], ends[:-1])), ends), 6)


def hop() -> Array:
    """The normalised co-occurrence of the items, from the definition."""
    met = np.zeros((len(LISTS), 6))
    for person, items in enumerate(LISTS):
        met[person, items] = 1.0
    edges = met / np.sqrt(met.sum(1)[:, None] * np.maximum(met.sum(0), 1))
    return edges.T @ edges


@pytest.mark.parametrize("layers", [0, 1, 3])
def test_what_spreads_is_the_mean_of_the_layers(layers: int) -> None:
    vectors = np.random.default_rng(1).normal(size=(6, 4)).astype(np.float32)
    expected = np.mean([np.linalg.matrix_power(hop(), n) @ vectors for n in range(layers + 1)], axis=0)
    assert np.allclose(graph().spread(vectors, layers), expected, atol=1e-6)


def test_the_gradient_spreads_as_the_vectors_do() -> None:
    torch = pytest.importorskip("torch", reason="lightgcn needs torch: pip install 'tailorbird[deep]'")
    draw = torch.Generator().manual_seed(1)
    vectors, weights = (torch.randn(6, 4, generator=draw) for _ in range(2))
    vectors.requires_grad_(True)
    (spread_with_gradient(vectors, graph(), 2) * weights).sum().backward()
    matrix = np.mean([np.linalg.matrix_power(hop(), n) for n in range(3)], axis=0)
    assert np.allclose(vectors.grad.numpy(), matrix.T @ weights.numpy(), atol=1e-6)


def test_an_item_that_somebody_took_twice_is_one_edge() -> None:
    assert len(graph()) == 11
    assert graph().degrees.tolist() == [2, 3, 3, 2, 1, 1]


def test_a_sample_has_few_neighbours_of_each_and_each_epoch_others() -> None:
    draw = np.random.default_rng(2)
    drawn = [graph().sampled(2, draw) for _ in range(20)]
    for sample in drawn:
        assert np.bincount(sample.people).max() <= 2
        assert np.bincount(sample.items).max() <= 2
    assert len({tuple(sample.items.tolist()) for sample in drawn}) > 5
    assert len(graph().sampled(4, draw)) == len(graph())
