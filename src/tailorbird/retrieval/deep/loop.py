"""What trains a model of sequences: cross-entropy over shared negatives, along the course of `steps`.

The loss is what decides (A. Klenitskiy and A. Vasilev, Turning Dross Into Gold Loss: is BERT4Rec really better than
SASRec?, RecSys 2023): the right item against thousands of others at every position, not against one. On seq-beauty
more of them helped up to the 4,096 that were tried. They are uniform, so nothing has to be corrected for how they are
drawn. Dropout also falls on the vectors of the answers, right and wrong: without it, more factors only learned by heart
sooner.

Validation asks for the last item of some people's sequences among all that is new to them; it is kept out of training.
The measure is NDCG at 10. Without the cut it stands still or falls while the top of the lists still gets better.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from tailorbird.protocols import Told
from tailorbird.retrieval.deep.attributes import Attributes, summed
from tailorbird.retrieval.deep.batches import (
    Batch,
    Longs,
    Sequences,
    age_buckets,
    cloze,
    following,
    groups,
    held_out,
    hits,
    last_hidden,
    negatives,
    windows,
)
from tailorbird.retrieval.deep.beginning import counted
from tailorbird.retrieval.deep.blocks import Shape, encode, fresh
from tailorbird.retrieval.deep.course import CourseConfig
from tailorbird.retrieval.deep.device import beside
from tailorbird.retrieval.deep.steps import gains, improve
from tailorbird.types import Array

if TYPE_CHECKING:
    from torch import Tensor

_ASKED_AT_ONCE: Final = 256


@dataclass(frozen=True)
class Recipe:
    """What a step draws; ``hidden`` is the share of the items that is asked for, where attention is not causal."""

    batch: int
    dropout: float
    negatives: int
    seed: int
    hidden: float = 0.0


def train(
    sequences: Sequences,
    shape: Shape,
    recipe: Recipe,
    attributes: Attributes | None,
    *,
    course: CourseConfig,
    told: Told,
) -> dict[str, Array]:
    """The weights of the best epoch, attributes summed into the items; with nobody to validate on, of the last."""
    import torch

    learned, asked = held_out(sequences, course.validation, course.seed)
    columns = [sequences.items, sequences.at, sequences.starts, sequences.ends]
    columns += [] if attributes is None else [attributes.codes, attributes.starts]
    best = improve(SequenceTask(learned, asked, shape, recipe, attributes), course, told, *columns)
    tensors = {name: torch.from_numpy(weight) for name, weight in best.items()}
    return {name: weight.numpy() for name, weight in summed(tensors, attributes).items()}


@dataclass(frozen=True)
class SequenceTask:
    """What is hidden, or comes next, in each sequence."""

    learned: Sequences
    asked: Sequences
    shape: Shape
    recipe: Recipe
    attributes: Attributes | None

    def fresh(self) -> "dict[str, Tensor]":
        """The encoder's weights, and the items' vectors where counting leaves them."""
        import torch

        shape = self.shape
        weights = fresh(shape, self.recipe.seed)
        weights["items"] = torch.from_numpy(counted(self.learned, shape.n_items, shape.factors, self.recipe.seed))
        if self.attributes is not None:
            weights["attributes"] = torch.zeros(self.attributes.n, shape.factors)
        return weights

    def batches(self, draw: np.random.Generator) -> Iterator[tuple[Batch, Longs]]:
        """Every sequence once, in windows."""
        for group in groups(windows(self.learned, self.shape.queries, draw), self.recipe.batch, draw):
            batch = following(group) if self.shape.causal else cloze(group, self.recipe.hidden, draw)
            yield batch, negatives(self.shape.n_items, self.recipe.negatives, draw)

    def loss(self, weights: "Mapping[str, Tensor]", batch: tuple[Batch, Longs]) -> "tuple[Tensor, int]":
        """The loss, and over how many questions."""
        questions, drawn = batch
        whole = summed(weights, self.attributes)
        return _loss(whole, self.shape, questions, drawn, self.recipe.dropout), int(questions.asks.sum())

    def ndcg(self, weights: "Mapping[str, Tensor]") -> float | None:
        """NDCG@10 of everybody's last item."""
        return _ndcg(summed(weights, self.attributes), self.shape, self.asked) if len(self.asked) else None


def _loss(weights: "Mapping[str, Tensor]", shape: Shape, batch: Batch, drawn: Array, dropout: float) -> "Tensor":
    """The cross-entropy of what was right against ``drawn``, over the positions that ask."""
    import torch
    from torch.nn.functional import dropout as dropped
    from torch.nn.functional import embedding

    put = partial(beside, weights["items"])
    states = _encoded(weights, shape, batch, dropout)[tuple(map(put, np.nonzero(batch.asks)))]
    targets = batch.targets[batch.asks]
    answers, others = (dropped(embedding(put(items), weights["items"]), dropout) for items in (targets, drawn))
    right, wrong = (states * answers).sum(1), states @ others.T
    wrong[tuple(map(put, hits(targets, drawn, shape.n_items)))] = -torch.inf
    loss: Tensor = (torch.logaddexp(right, torch.logsumexp(wrong, 1)) - right).mean()
    return loss


def _encoded(weights: "Mapping[str, Tensor]", shape: Shape, batch: Batch, dropout: float) -> "Tensor":
    put = partial(beside, weights["items"])
    items = put(batch.items)
    if shape.causal and shape.n_buckets == 1:  # what is not there comes last, and is not seen
        return encode(weights, shape, items, None, dropout=dropout)
    buckets = age_buckets(batch.at, batch.asked, shape.n_buckets, causal=shape.causal)
    np.putmask(buckets, np.broadcast_to(~batch.there[:, None, :], buckets.shape), shape.n_buckets)
    return encode(weights, shape, items, put(buckets), dropout=dropout)


def _ndcg(weights: "Mapping[str, Tensor]", shape: Shape, asked: Sequences) -> float:
    """NDCG@10 of everybody's last item among all that they did not have before."""
    import torch

    put = partial(beside, weights["items"])
    by_length = np.argsort(asked.lengths, kind="stable")
    total = 0.0
    with torch.no_grad():
        for first in range(0, len(by_length), _ASKED_AT_ONCE):
            people = asked.take(by_length[first : first + _ASKED_AT_ONCE])
            newest = people.newest(shape.queries + 1)
            batch = following(newest) if shape.causal else last_hidden(newest)
            ends = map(put, (np.arange(len(people)), batch.there.sum(1) - 1))
            last = _encoded(weights, shape, batch, 0.0)[tuple(ends)]
            of, had = replace(people, ends=people.ends - 1).rows()
            scores = (last @ weights["items"].T).cpu().numpy()
            total += gains(scores, people.items[people.ends - 1], of, people.items[had])
    return total / len(asked)
