"""The training loop: cross-entropy over shared negatives, early stopping, checkpoints.

The loss is what decides (A. Klenitskiy and A. Vasilev, Turning Dross Into Gold Loss: is BERT4Rec really better than
SASRec?, RecSys 2023): the right item against a thousand others at every position, not against one. The negatives are
uniform, so nothing has to be corrected for how they were drawn. Dropout also falls on the vectors of the answers, right
and wrong: without it, more factors only learned by heart sooner.

Validation asks for the last item of some people's sequences among all that is new to them; it is kept out of training.
The measure is NDCG at 10. Without the cut it stands still or falls while the top of the lists still gets better.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tailorbird.retrieval.deep.attributes import Attributes, summed
from tailorbird.retrieval.deep.batches import (
    Batch,
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
from tailorbird.types import Array

if TYPE_CHECKING:
    from torch import Tensor

_ASKED_AT_ONCE: Final = 256
_CUT: Final = 10
_STEPS_IN_MEANS: Final = 100


@dataclass(frozen=True)
class Recipe:
    """How to train. Training ends after ``epochs``, or when ``patience`` of them brought nothing.

    ``hidden`` is the share of the items that is hidden and asked for, where attention is not causal.
    """

    epochs: int
    patience: int
    batch: int
    learning_rate: float
    dropout: float
    negatives: int
    validation: int
    seed: int
    hidden: float = 0.0


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to: the mean ``loss``, and the NDCG@10 on validation (0 where nobody was held out)."""

    number: int
    loss: float
    ndcg: float


Told = Callable[[Epoch], None]


@dataclass
class _State:
    """Where a training stands. ``means`` are the running means of the weights; ``best`` those of the best epoch."""

    weights: "dict[str, Tensor]"
    means: "dict[str, Tensor]"
    optimiser: Any
    steps: int = 0
    epoch: int = 0
    best_epoch: int = 0
    best_ndcg: float = -1.0
    best: dict[str, Array] = field(default_factory=dict)


def train(
    sequences: Sequences,
    shape: Shape,
    recipe: Recipe,
    attributes: Attributes | None = None,
    *,
    told: Told = lambda _epoch: None,
    folder: Path | None = None,
) -> dict[str, Array]:
    """The weights of the best epoch, attributes summed into the items; with nobody to validate on, of the last.

    With a ``folder``, every epoch leaves a checkpoint there, and a training of the same sequences by the same recipe
    goes on from it; a finished one takes its checkpoint away.
    """
    import torch

    learned, asked = held_out(sequences, recipe.validation, recipe.seed)
    checkpoint = None if folder is None else folder / f"{_fingerprint(sequences, shape, recipe, attributes)}.npz"
    with torch.random.fork_rng(), _fast_floats():
        state = _begun(learned, shape, recipe, attributes)
        if checkpoint is not None and checkpoint.exists():
            _restore(state, checkpoint)
        while state.epoch < recipe.epochs and state.epoch - state.best_epoch < recipe.patience:
            loss = _epoch(state, learned, shape, recipe, attributes)
            means = summed(state.means, attributes)
            ndcg = _ndcg(means, shape, asked)
            if ndcg > state.best_ndcg or not len(asked):
                state.best_epoch, state.best_ndcg, state.best = state.epoch, ndcg, _arrays(means)
            if checkpoint is not None:
                _store(state, checkpoint)
            told(Epoch(state.epoch, loss, ndcg))
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return state.best


def _begun(sequences: Sequences, shape: Shape, recipe: Recipe, attributes: Attributes | None) -> _State:
    import torch
    from torch.optim import Adam

    weights = fresh(shape, recipe.seed)
    weights["items"] = torch.from_numpy(counted(sequences, shape.n_items, shape.factors, recipe.seed))
    if attributes is not None:
        weights["attributes"] = torch.zeros(attributes.n, shape.factors)
    means = {name: weight.clone() for name, weight in weights.items()}
    for weight in weights.values():
        weight.requires_grad_(True)
    return _State(weights, means, Adam(weights.values(), lr=recipe.learning_rate, fused=True))


def _epoch(state: _State, sequences: Sequences, shape: Shape, recipe: Recipe, attributes: Attributes | None) -> float:
    """Every sequence once; the mean loss of its questions."""
    import torch

    state.epoch += 1
    draw = np.random.default_rng((recipe.seed, state.epoch))
    torch.manual_seed(int(draw.integers(2**62)))
    total = n = 0.0
    for group in groups(windows(sequences, shape.queries, draw), recipe.batch, draw):
        batch = following(group) if shape.causal else cloze(group, recipe.hidden, draw)
        drawn = negatives(shape.n_items, recipe.negatives, draw)
        loss = _loss(summed(state.weights, attributes), shape, batch, drawn, recipe.dropout)
        state.optimiser.zero_grad()
        loss.backward()
        state.optimiser.step()
        _follow(state)
        asked = int(batch.asks.sum())
        total, n = total + float(loss.detach()) * asked, n + asked
    return total / max(n, 1.0)


def _follow(state: _State) -> None:
    """Move the means towards the weights: what a step takes from its batch alone is gone in the mean of a hundred."""
    import torch

    state.steps += 1
    # At first the mean is of few steps, or it would long remember how the weights began.
    nearer = max(1.0 / _STEPS_IN_MEANS, 9.0 / (9.0 + state.steps))
    with torch.no_grad():
        for name, mean in state.means.items():
            mean.lerp_(state.weights[name], nearer)


def _loss(weights: "Mapping[str, Tensor]", shape: Shape, batch: Batch, drawn: Array, dropout: float) -> "Tensor":
    """The cross-entropy of what was right against ``drawn``, over the positions that ask."""
    import torch
    from torch.nn.functional import dropout as dropped
    from torch.nn.functional import embedding

    states = _encoded(weights, shape, batch, dropout)[torch.from_numpy(batch.asks)]
    targets = batch.targets[batch.asks]
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

    items = torch.from_numpy(batch.items)
    if shape.causal and shape.n_buckets == 1:
        return encode(weights, shape, items, None, dropout=dropout)
    buckets = age_buckets(batch.at, batch.asked, shape.n_buckets, causal=shape.causal)
    np.putmask(buckets, np.broadcast_to(~batch.there[:, None, :], buckets.shape), shape.n_buckets)
    return encode(weights, shape, items, torch.from_numpy(buckets), dropout=dropout)


def _ndcg(weights: "Mapping[str, Tensor]", shape: Shape, asked: Sequences) -> float:
    """NDCG@10 of everybody's last item among all that they did not have before."""
    import torch

    if not len(asked):
        return 0.0
    by_length = np.argsort(asked.lengths, kind="stable")
    total = 0.0
    with torch.no_grad():
        for first in range(0, len(by_length), _ASKED_AT_ONCE):
            people = asked.take(by_length[first : first + _ASKED_AT_ONCE])
            newest = people.newest(shape.queries + 1)
            batch = following(newest) if shape.causal else last_hidden(newest)
            each = torch.arange(len(people))
            last = _encoded(weights, shape, batch, 0.0)[each, torch.from_numpy(batch.there.sum(1) - 1)]
            scores = last @ weights["items"].T
            right = scores[each, torch.from_numpy(people.items[people.ends - 1])]
            of, had = replace(people, ends=people.ends - 1).rows()
            scores[torch.from_numpy(of), torch.from_numpy(people.items[had])] = -torch.inf
            ranks = 1.0 + (scores > right[:, None]).sum(1).double()
            total += float((1.0 / torch.log2(1.0 + ranks[ranks <= _CUT])).sum())
    return total / len(asked)


# ---- checkpoints ------------------------------------------------------------------------------------------------


def _store(state: _State, path: Path) -> None:
    """Write it all as plain arrays; a kill leaves the file before or this one."""
    arrays: dict[str, Any] = {f"weight/{name}": array for name, array in _arrays(state.weights).items()}
    arrays |= {f"mean/{name}": array for name, array in _arrays(state.means).items()}
    arrays |= {f"best/{name}": array for name, array in state.best.items()}
    for name, weight in state.weights.items():
        for part, value in state.optimiser.state[weight].items():
            arrays[f"optimiser/{name}/{part}"] = value.numpy()
    arrays["at"] = np.array([state.steps, state.epoch, state.best_epoch, state.best_ndcg])
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}")
    with unfinished.open("wb") as out:
        np.savez(out, **arrays)
    unfinished.rename(path)


def _restore(state: _State, path: Path) -> None:
    import torch

    with np.load(path, allow_pickle=False) as arrays:
        *counts, state.best_ndcg = arrays["at"].tolist()
        state.steps, state.epoch, state.best_epoch = map(int, counts)
        state.best = {name.removeprefix("best/"): arrays[name] for name in arrays.files if name.startswith("best/")}
        with torch.no_grad():
            for name, weight in state.weights.items():
                weight.copy_(torch.from_numpy(arrays[f"weight/{name}"]))
                state.means[name].copy_(torch.from_numpy(arrays[f"mean/{name}"]))
                state.optimiser.state[weight] = {
                    part: torch.from_numpy(arrays[f"optimiser/{name}/{part}"])
                    for part in ("step", "exp_avg", "exp_avg_sq")
                }


def _fingerprint(sequences: Sequences, shape: Shape, recipe: Recipe, attributes: Attributes | None) -> str:
    """Names a training by what it learns from and how."""
    found = hashlib.sha256(repr((shape, recipe)).encode())
    columns = [sequences.items, sequences.at, sequences.starts, sequences.ends]
    for column in columns if attributes is None else (*columns, attributes.codes, attributes.starts):
        found.update(np.ascontiguousarray(column).tobytes())
    return found.hexdigest()[:32]


def _arrays(weights: "Mapping[str, Tensor]") -> dict[str, Array]:
    return {name: weight.detach().numpy().copy() for name, weight in weights.items()}


@contextmanager
def _fast_floats() -> Iterator[None]:
    """Numbers too small to matter count as 0: computing with them takes a hundred times as long."""
    import torch

    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
