"""Two towers: what an item is and what somebody wants, as vectors of length 1 in one space, and how they are trained.

The forward passes are written for numpy and torch alike (both know ``@``, ``clip`` and ``sum(axis)``), so that what
serves is what was trained, line by line, and nothing has to be exported.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.sparse import csr_array

from tailorbird.retrieval.deep.batches import Batch, Longs, Sequences, following, groups, had_before, negatives, windows
from tailorbird.retrieval.deep.device import beside
from tailorbird.retrieval.deep.steps import gains
from tailorbird.retrieval.deep.tokens import Bags
from tailorbird.types import Array

if TYPE_CHECKING:
    from torch import Tensor

_ASKED_AT_ONCE: Final = 256
_TINY: Final = 1e-12
_FAINT: Final = 0.03
"""Spread of what items begin with, below that of tokens: at first what many share decides."""


@dataclass(frozen=True)
class Design:
    """How large the towers are. ``half_lives`` are those of the means that the user tower reads, in steps."""

    n_items: int
    n_tokens: int
    factors: int
    hidden: int
    half_lives: tuple[float, ...]


@dataclass(frozen=True)
class Recipe:
    """What a step draws; see the fields of the same names in the config."""

    last: int
    batch: int
    uniform: int
    temperature: float
    dropout: float
    cold: float
    seed: int


def shapes(design: Design) -> dict[str, tuple[int, ...]]:
    """The size of each weight."""
    d, hidden, n_means = design.factors, design.hidden, len(design.half_lives)
    return {
        "items": (design.n_items, d),
        "tokens": (design.n_tokens, d),
        "item.wide": (d, hidden),
        "item.wide.shift": (hidden,),
        "item.narrow": (hidden, d),
        "user.mix": (n_means,),
        "user.wide": (n_means * d, hidden),
        "user.wide.shift": (hidden,),
        "user.narrow": (hidden, d),
    }


def item_vectors(weights: Mapping[str, Any], x: Any) -> Any:
    """The item tower: from an item's own vector and those of its tokens, added up, (..., factors) to its vector."""
    inner = (x @ weights["item.wide"] + weights["item.wide.shift"]).clip(0.0)
    return unit(x + inner @ weights["item.narrow"])


def user_vectors(weights: Mapping[str, Any], means: Any) -> Any:
    """The user tower: from the means (..., half-lives, factors) of a history's item vectors to what is wanted."""
    flat = means.reshape(*means.shape[:-2], -1)
    inner = (flat @ weights["user.wide"] + weights["user.wide.shift"]).clip(0.0)
    return unit((means * weights["user.mix"][:, None]).sum(axis=-2) + inner @ weights["user.narrow"])


def unit(x: Any) -> Any:
    """Each row at length 1; a row of nothing stays 0."""
    return x / ((x * x).sum(axis=-1, keepdims=True) + _TINY) ** 0.5


def recency(n: int, half_lives: tuple[float, ...]) -> Array:
    """What each of n entries weighs in the means that stand at each of them; (half-lives, n, n), each row sums to 1."""
    steps = np.arange(n)[:, None] - np.arange(n)
    weighed = np.stack([np.where(steps >= 0, np.exp2(-np.abs(steps) / h), 0.0) for h in half_lives])
    shares: Array = (weighed / weighed.sum(axis=-1, keepdims=True)).astype(np.float32)
    return shares


def vectors_of_all(weights: Mapping[str, Array], own: Array, bags: Bags) -> Array:
    """What the item tower makes of every item's ``own`` vector (n, factors) and bag; 0 where both are empty."""
    told = csr_array((bags.values, bags.columns, bags.pointers), shape=(len(own), len(weights["tokens"])))
    x = own + told @ weights["tokens"]
    vectors: Array = np.where(x.any(axis=1)[:, None], item_vectors(weights, x), 0.0).astype(np.float32)
    return vectors


class TowersTask:
    """The task of `steps.improve`: each entry of a sequence, wanted after those before it.

    ``learned`` and ``asked`` are as `batches.held_out` gives them; ``bags`` describe the items of their numbers.
    """

    def __init__(self, learned: Sequences, asked: Sequences, bags: Bags, design: Design, recipe: Recipe) -> None:
        """Nothing is trained yet."""
        self.learned, self.asked, self.bags, self.design, self.recipe = learned, asked, bags, design, recipe

    def fresh(self) -> "dict[str, Tensor]":
        """Faint vectors, and inner layers that begin by adding little."""
        import torch

        draw = torch.Generator().manual_seed(self.recipe.seed)
        d, hidden, n_means = self.design.factors, self.design.hidden, len(self.design.half_lives)
        scales = {
            "items": _FAINT,
            "tokens": d**-0.5,
            "item.wide": d**-0.5,
            "item.narrow": 0.1 * hidden**-0.5,
            "user.wide": d**-0.5,
            "user.narrow": 0.1 * hidden**-0.5,
        }
        weights = {
            name: torch.randn(size, generator=draw) * scales.get(name, 0.0)
            for name, size in shapes(self.design).items()
        }
        return weights | {"user.mix": torch.full((n_means,), 1.0 / n_means)}

    def batches(self, draw: np.random.Generator) -> Iterator[tuple[Batch, Longs]]:
        """All sequences once, in windows, each batch with items drawn uniformly."""
        for group in groups(windows(self.learned, self.recipe.last, draw), self.recipe.batch, draw):
            yield following(group), negatives(self.design.n_items, self.recipe.uniform, draw)

    def loss(self, weights: "Mapping[str, Tensor]", batch: tuple[Batch, Longs]) -> "tuple[Tensor, int]":
        """The cross-entropy of what came next against the other answers of the batch and the drawn items."""
        import torch
        from torch.nn.functional import cross_entropy

        sequences, drawn = batch
        put = partial(beside, weights["items"])
        targets = sequences.targets[sequences.asks]
        columns = np.union1d(targets, drawn)
        items, places = np.unique(np.concatenate((sequences.items.ravel(), columns)), return_inverse=True)
        vectors = self._vectors(weights, items)
        histories, answers = (vectors[put(part)] for part in np.split(places.ravel(), [sequences.items.size]))
        shares = put(recency(sequences.items.shape[1], self.design.half_lives))
        means = torch.einsum("htn,bnd->bthd", shares, histories.view(*sequences.items.shape, -1))
        wanted = user_vectors(weights, means)[tuple(map(put, np.nonzero(sequences.asks)))]
        chances = put(self._log_chances(len(targets), columns))
        scores = wanted @ answers.T / self.recipe.temperature - chances
        scores[tuple(map(put, had_before(sequences, columns, self.design.n_items)))] = -torch.inf
        return cross_entropy(scores, put(np.searchsorted(columns, targets))), len(targets)

    def ndcg(self, weights: "Mapping[str, Tensor]") -> float | None:
        """NDCG@10 of everybody's last item among all that they did not have before."""
        if not len(self.asked):
            return None
        plain = {name: weight.detach().cpu().numpy() for name, weight in weights.items()}
        vectors = vectors_of_all(plain, plain["items"], self.bags)
        by_length = np.argsort(self.asked.lengths, kind="stable")
        total = 0.0
        for first in range(0, len(by_length), _ASKED_AT_ONCE):
            people = self.asked.take(by_length[first : first + _ASKED_AT_ONCE])
            batch = following(people.newest(self.recipe.last + 1))
            ends = batch.there.sum(1) - 1
            shares = recency(batch.items.shape[1], self.design.half_lives)[:, ends]
            means = np.einsum("hbn,bnd->bhd", shares, vectors[batch.items])
            of, had = replace(people, ends=people.ends - 1).rows()
            scores = user_vectors(plain, means) @ vectors.T
            total += gains(scores, people.items[people.ends - 1], of, people.items[had])
        return total / len(self.asked)

    def _vectors(self, weights: "Mapping[str, Tensor]", items: Longs) -> "Tensor":
        """The item tower on these in training: with dropout, and some that are described without their own vector."""
        import torch
        from torch.nn.functional import dropout, embedding, embedding_bag

        bags, put = self.bags.of(items), partial(beside, weights["items"])
        told = embedding_bag(
            put(bags.columns),
            weights["tokens"],
            put(bags.pointers),
            mode="sum",
            per_sample_weights=put(bags.values),
            include_last_offset=True,
        )
        described = put(np.diff(bags.pointers) > 0)
        withheld = (torch.rand(len(items), device=described.device) < self.recipe.cold) & described
        own = embedding(put(items), weights["items"]).masked_fill(withheld[:, None], 0.0)
        vectors: Tensor = item_vectors(weights, dropout(own + told, self.recipe.dropout))
        return vectors

    def _log_chances(self, n: int, columns: Longs) -> Array:
        """The logarithm of how likely each of these items is to be among n answers or the drawn ones."""
        absent = (1.0 - self._shares[columns]) ** n * (1.0 - min(1.0, self.recipe.uniform / self.design.n_items))
        chances: Array = np.log(np.maximum(1.0 - absent, _TINY)).astype(np.float32)
        return chances

    @cached_property
    def _shares(self) -> Array:
        """The share of each item in all answers, half an answer at least."""
        _, rows = replace(self.learned, starts=self.learned.starts + 1).rows()
        counts = np.bincount(self.learned.items[rows], minlength=self.design.n_items)
        return np.maximum(counts, 0.5) / max(int(counts.sum()), 1)
