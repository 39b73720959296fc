"""What trains a model of sequences: cross-entropy over shared negatives, along the course of `steps`.

The loss is what decides (A. Klenitskiy and A. Vasilev, Turning Dross Into Gold Loss: is BERT4Rec really better than
SASRec?, RecSys 2023): the right item against a thousand others at every position, not against one. The negatives are
uniform, so nothing has to be corrected for how they were drawn. Dropout also falls on the vectors of the answers, right
and wrong: without it, more factors only learned by heart sooner.

Validation asks for the last item of some people's sequences among all that is new to them; it is kept out of training.
The measure is NDCG at 10. Without the cut it stands still or falls while the top of the lists still gets better.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from tailorbird.retrieval.deep.batches import (
    Batch,
    Longs,
    Sequences,
    age_buckets,
    batch_of,
    batches,
    held_out,
    hits,
    negatives,
)
from tailorbird.retrieval.deep.blocks import Shape, encode, fresh
from tailorbird.retrieval.deep.steps import Schedule, Told, fingerprint, gains, improve
from tailorbird.types import Array

if TYPE_CHECKING:
    from torch import Tensor

_ASKED_AT_ONCE: Final = 256


@dataclass(frozen=True)
class Recipe:
    """How to train. Training ends after ``epochs``, or when ``patience`` of them brought nothing."""

    epochs: int
    patience: int
    batch: int
    learning_rate: float
    dropout: float
    negatives: int
    validation: int
    seed: int


def train(
    sequences: Sequences, shape: Shape, recipe: Recipe, *, told: Told = lambda _epoch: None, folder: Path | None = None
) -> dict[str, Array]:
    """The weights of the best epoch; with nobody to validate on, of the last.

    With a ``folder``, every epoch leaves a checkpoint there, and a training of the same sequences by the same recipe
    goes on from it; a finished one takes its checkpoint away.
    """
    learned, asked = held_out(sequences, recipe.validation, recipe.seed)
    key = fingerprint((shape, recipe), sequences.items, sequences.at, sequences.starts)
    schedule = Schedule(
        recipe.epochs, recipe.patience, recipe.learning_rate, recipe.seed, None if folder is None else str(folder), key
    )
    return improve(_NextItemTask(learned, asked, shape, recipe), schedule, told)


@dataclass(frozen=True)
class _NextItemTask:
    """The task: what follows each position of a sequence."""

    learned: Sequences
    asked: Sequences
    shape: Shape
    recipe: Recipe

    def fresh(self) -> "dict[str, Tensor]":
        return fresh(self.shape, self.recipe.seed)

    def batches(self, draw: np.random.Generator) -> Iterator[tuple[Batch, Longs]]:
        for batch in batches(self.learned, self.recipe.batch, draw):
            yield batch, negatives(self.shape.n_items, self.recipe.negatives, draw)

    def loss(self, weights: "Mapping[str, Tensor]", batch: tuple[Batch, Longs]) -> "tuple[Tensor, int]":
        sequences, drawn = batch
        return _loss(weights, self.shape, sequences, drawn, self.recipe.dropout), int(sequences.real.sum())

    def ndcg(self, weights: "Mapping[str, Tensor]") -> float | None:
        return _ndcg(weights, self.shape, self.asked) if len(self.asked) else None


def _loss(weights: "Mapping[str, Tensor]", shape: Shape, batch: Batch, drawn: Array, dropout: float) -> "Tensor":
    """The cross-entropy of what came next against ``drawn``, over the positions that are there."""
    import torch
    from torch.nn.functional import dropout as dropped
    from torch.nn.functional import embedding

    states = _encoded(weights, shape, batch, dropout)[torch.from_numpy(batch.real)]
    targets = batch.targets[batch.real]
    answers, others = (
        dropped(embedding(torch.from_numpy(items), weights["items"]), dropout) for items in (targets, drawn)
    )
    right, wrong = (states * answers).sum(1), states @ others.T
    rows, places = (torch.from_numpy(found) for found in hits(targets, drawn, shape.n_items))
    wrong.index_put_((rows, places), torch.tensor(-torch.inf))
    loss: Tensor = (torch.logaddexp(right, torch.logsumexp(wrong, 1)) - right).mean()
    return loss


def _encoded(weights: "Mapping[str, Tensor]", shape: Shape, batch: Batch, dropout: float) -> "Tensor":
    import torch

    buckets = None
    if shape.n_buckets > 1:
        buckets = torch.from_numpy(age_buckets(batch.at, batch.asked, shape.n_buckets))
    return encode(weights, shape, torch.from_numpy(batch.items), buckets, dropout=dropout)


def _ndcg(weights: "Mapping[str, Tensor]", shape: Shape, asked: Sequences) -> float:
    """NDCG@10 of everybody's last item among all that they did not have before."""
    import torch

    by_length = np.argsort(asked.lengths, kind="stable")
    total = 0.0
    with torch.no_grad():
        for first in range(0, len(by_length), _ASKED_AT_ONCE):
            batch = batch_of(asked, by_length[first : first + _ASKED_AT_ONCE])
            rows, ends = np.arange(len(batch.real)), batch.real.sum(1) - 1
            last = _encoded(weights, shape, batch, 0.0)[torch.from_numpy(rows), torch.from_numpy(ends)]
            people, steps = batch.real.nonzero()
            scores = (last @ weights["items"].T).numpy()
            total += gains(scores, batch.targets[rows, ends], people, batch.items[people, steps])
    return total / len(asked)
