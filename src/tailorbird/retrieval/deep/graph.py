"""The graph of people and items: how the items' vectors spread over it, and how they are trained.

A person has no vector of their own, so a hop to people and back is one multiplication with the items' normalised
co-occurrence. That matrix is symmetric: what spreads vectors forward spreads gradients backward, and the same few lines
of scipy do both, in training and at its end. They run on the processor, wherever the rest is trained.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.sparse import csr_array

from tailorbird.retrieval.deep.batches import (
    Batch,
    Longs,
    Sequences,
    following,
    groups,
    had_before,
    hits,
    negatives,
    windows,
)
from tailorbird.retrieval.deep.device import beside
from tailorbird.retrieval.deep.steps import gains
from tailorbird.retrieval.deep.towers import recency, unit
from tailorbird.types import Array

if TYPE_CHECKING:
    from torch import Tensor

_ASKED_AT_ONCE: Final = 256
_FAINT: Final = 0.1
"""Spread of the numbers that vectors begin with."""


@dataclass(frozen=True)
class Graph:
    """Who has what, each pair once: ``people``, ascending, and ``items``, both of shape (n,) and counted from 0."""

    people: Longs
    items: Longs
    n_people: int
    n_items: int

    @staticmethod
    def of(sequences: Sequences, n_items: int) -> "Graph":
        """The pairs of these sequences."""
        of, rows = sequences.rows()
        people, items = np.divmod(np.unique(of * n_items + sequences.items[rows]), n_items)
        return Graph(people, items, len(sequences), n_items)

    def __len__(self) -> int:
        return len(self.people)

    def take(self, rows: Array) -> "Graph":
        """The pairs of this mask."""
        return replace(self, people=self.people[rows], items=self.items[rows])

    def sampled(self, most: int, draw: np.random.Generator) -> "Graph":
        """At most ``most`` drawn neighbours of each person, and of those left at most ``most`` of each item."""
        fewer = self.take(_few_of_each(self.people, most, draw))
        return fewer.take(_few_of_each(fewer.items, most, draw))

    def spread(self, vectors: Array, layers: int) -> Array:
        """The mean of ``vectors`` (n_items, d) and of what each of ``layers`` hops to people and back makes of them.

        An edge between a person of n items and an item of m people weighs 1 / sqrt(n m) each way.
        """
        there, back = self._edges
        total = layer = vectors
        for _ in range(layers):
            layer = back @ (there @ layer)
            total = total + layer
        mean: Array = total / np.float32(layers + 1)
        return mean

    @cached_property
    def degrees(self) -> Longs:
        """How many people have each item, and 1 where nobody has it; (n_items,)."""
        return np.maximum(np.bincount(self.items, minlength=self.n_items), 1)

    @cached_property
    def _edges(self) -> tuple[csr_array, csr_array]:
        """The normalised edges as rows of people, and as rows of items."""
        lengths = np.bincount(self.people, minlength=self.n_people)
        weights = ((lengths[self.people] * self.degrees[self.items]) ** -0.5).astype(np.float32)
        pointers = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)))
        there = csr_array((weights, self.items, pointers), shape=(self.n_people, self.n_items))
        return there, csr_array(there.T)


def _few_of_each(keys: Longs, most: int, draw: np.random.Generator) -> Array:
    """A mask of at most ``most`` drawn places of each key."""
    if np.bincount(keys, minlength=1).max() <= most:
        return np.ones(len(keys), np.bool_)
    order = np.lexsort((draw.random(len(keys)), keys))
    place = np.arange(len(keys)) - np.searchsorted(keys[order], keys[order])
    kept = np.zeros(len(keys), np.bool_)
    kept[order[place < most]] = True
    return kept


@dataclass(frozen=True)
class Recipe:
    """How to train; see the fields of the same names in the config."""

    last: int
    factors: int
    layers: int
    neighbours: int
    half_life: float
    negatives: int
    temperature: float
    dropout: float
    batch: int
    seed: int


class GraphTask:
    """The task of `steps.improve`: each entry of a sequence, wanted after those before it.

    ``learned`` and ``asked`` are as `batches.held_out` gives them; the graph is that of ``learned``.
    """

    def __init__(self, learned: Sequences, asked: Sequences, n_items: int, recipe: Recipe) -> None:
        """Nothing is trained yet."""
        self.learned, self.asked, self.recipe = learned, asked, recipe
        self.graph = Graph.of(learned, n_items)

    def fresh(self) -> "dict[str, Tensor]":
        """Small vectors."""
        import torch

        draw = torch.Generator().manual_seed(self.recipe.seed)
        return {"items": torch.randn(self.graph.n_items, self.recipe.factors, generator=draw) * _FAINT}

    def batches(self, draw: np.random.Generator) -> Iterator[tuple[Batch, Longs, Graph]]:
        """All sequences once, with negatives, and the epoch's sample of the graph."""
        sample = self.graph.sampled(self.recipe.neighbours, draw)
        for group in groups(windows(self.learned, self.recipe.last, draw), self.recipe.batch, draw):
            yield following(group), negatives(self.graph.n_items, self.recipe.negatives, draw), sample

    def loss(self, weights: "Mapping[str, Tensor]", batch: tuple[Batch, Longs, Graph]) -> "tuple[Tensor, int]":
        """The cross-entropy of what came next against the drawn items."""
        sequences, drawn, graph = batch
        spread = spread_with_gradient(weights["items"], graph, self.recipe.layers)
        return self.loss_of(spread, sequences, drawn), int(sequences.asks.sum())

    def loss_of(self, spread: "Tensor", sequences: Batch, drawn: Longs) -> "Tensor":
        """The loss where the items' vectors have ``spread``, (n_items, factors)."""
        import torch
        from torch.nn.functional import cross_entropy, dropout, embedding

        put = partial(beside, spread)
        said = spread * put(self._scale)[:, None]
        shares = put(recency(sequences.items.shape[1], (self.recipe.half_life,))[0])
        wanted = torch.matmul(shares, embedding(put(sequences.items), said))
        wanted = dropout(unit(wanted[tuple(map(put, np.nonzero(sequences.asks)))]), self.recipe.dropout)
        targets = sequences.targets[sequences.asks]
        answers, others = (
            dropout(unit(embedding(put(items), spread)), self.recipe.dropout) for items in (targets, drawn)
        )
        wrong = wanted @ others.T
        for found in (hits(targets, drawn, len(spread)), had_before(sequences, drawn, len(spread))):
            wrong[tuple(map(put, found))] = -torch.inf
        scores = torch.cat(((wanted * answers).sum(1, keepdim=True), wrong), 1) / self.recipe.temperature
        return cross_entropy(scores, put(np.zeros(len(targets), np.int64)))

    def ndcg(self, weights: "Mapping[str, Tensor]") -> float | None:
        """NDCG@10 of everybody's last item among all that they did not have before."""
        if not len(self.asked):
            return None
        spread = self.graph.spread(weights["items"].detach().cpu().numpy(), self.recipe.layers)
        items, said = unit(spread), spread * self._scale[:, None]
        by_length = np.argsort(self.asked.lengths, kind="stable")
        total = 0.0
        for first in range(0, len(by_length), _ASKED_AT_ONCE):
            people = self.asked.take(by_length[first : first + _ASKED_AT_ONCE])
            batch = following(people.newest(self.recipe.last + 1))
            ends = batch.there.sum(1) - 1
            shares = recency(batch.items.shape[1], (self.recipe.half_life,))[0, ends]
            of, had = replace(people, ends=people.ends - 1).rows()
            scores = np.einsum("bn,bnd->bd", shares, said[batch.items]) @ items.T
            total += gains(scores, people.items[people.ends - 1], of, people.items[had])
        return total / len(self.asked)

    @cached_property
    def _scale(self) -> Array:
        """What an item in a history weighs by its people, as an edge of the graph does."""
        return (self.graph.degrees**-0.5).astype(np.float32)


def spread_with_gradient(vectors: "Tensor", graph: Graph, layers: int) -> "Tensor":
    """`Graph.spread` with its gradient, which is the same: the matrix behind it is symmetric."""
    import torch

    class Spread(torch.autograd.Function):
        @staticmethod
        def forward(_context: Any, given: "Tensor") -> "Tensor":
            return beside(given, graph.spread(given.detach().cpu().numpy(), layers))

        @staticmethod
        def backward(_context: Any, *gradients: "Tensor") -> "Tensor":
            return beside(gradients[0], graph.spread(gradients[0].cpu().numpy(), layers))

    apply: Any = Spread.apply  # torch has no type for it
    made: Tensor = apply(vectors)
    return made
