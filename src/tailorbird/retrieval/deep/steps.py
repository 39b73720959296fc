"""The course of a training, whatever is trained: epochs, running means, early stopping, checkpoints.

What is trained is a `Task`: it says which batches an epoch has, what one of them costs, and how good the weights are.
The course is the same for all: Adam at a constant rate, weights averaged over their last hundred steps (the averaging
of B. Polyak and A. Juditsky, 1992, with a memory), the best epoch by what was held out, and a file after each epoch
from which a killed training goes on to the very model that it would have become.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import numpy as np

from tailorbird.protocols import Told
from tailorbird.retrieval.deep.batches import Longs
from tailorbird.retrieval.deep.course import CourseConfig
from tailorbird.retrieval.deep.device import beside, device_of
from tailorbird.types import Array

if TYPE_CHECKING:
    from torch import Tensor, device

_STEPS_IN_MEANS: Final = 100
_CUT: Final = 10

B = TypeVar("B")


class Task(Protocol[B]):
    """What is trained."""

    def fresh(self) -> "dict[str, Tensor]":
        """The weights before any training, the same each time."""

    def batches(self, draw: np.random.Generator) -> Iterator[B]:
        """Those of one epoch; all that is drawn comes from ``draw``."""

    def loss(self, weights: "Mapping[str, Tensor]", batch: B) -> "tuple[Tensor, int]":
        """The mean loss of a batch's answers, and how many these are; computed where the weights are."""

    def ndcg(self, weights: "Mapping[str, Tensor]") -> float | None:
        """NDCG@10 on what was held out; None where nothing was."""


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


def improve(task: Task[B], course: CourseConfig, told: Told, *columns: Array) -> dict[str, Array]:
    """The weights of the best epoch; with nobody to validate on, of the last.

    A training by the same settings from the same ``columns`` goes on from its checkpoint; a finished one takes its
    checkpoint away, on whichever device. ``told`` hears of every epoch; its validation is 0 where nobody was held out.

    Raises:
        InvalidConfig: the settings want a GPU, and there is none.
    """
    import torch

    where = device_of(course.device)
    with torch.random.fork_rng([where] if where.type == "cuda" else []), _fast_floats():
        state = _begun(task, course, where)
        checkpoint = _checkpoint(state, course, columns)
        if checkpoint is not None and checkpoint.exists():
            _restore(state, checkpoint)
        while state.epoch < course.epochs and state.epoch - state.best_epoch < course.patience:
            loss = _epoch(state, task, course)
            ndcg = task.ndcg(state.means)
            if ndcg is None or ndcg > state.best_ndcg:
                state.best_epoch, state.best_ndcg, state.best = state.epoch, ndcg or 0.0, _arrays(state.means)
            if checkpoint is not None:
                _store(state, checkpoint)
            told(f"epoch {state.epoch}, loss {loss:.3f}, validation {ndcg or 0.0:.4f}", state.epoch / course.epochs)
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return state.best


def gains(scores: Array, answers: Longs, rows: Longs, seen: Longs) -> float:
    """The sum of the NDCG@10 of one answer per row of ``scores`` (n, n_items), which is changed.

    The items ``seen`` by each of ``rows`` are not ranked.
    """
    right = scores[np.arange(len(scores)), answers]
    scores[rows, seen] = -np.inf
    ranks = 1.0 + (scores > right[:, None]).sum(axis=1)
    return float((1.0 / np.log2(1.0 + ranks[ranks <= _CUT])).sum())


def _checkpoint(state: _State, course: CourseConfig, columns: Sequence[Array]) -> Path | None:
    """Where this training leaves its checkpoint: named by how it goes, what it moves and what it learns from."""
    if course.checkpoints is None:
        return None
    settings = sorted(course.model_dump(exclude={"checkpoints", "device"}).items())
    sizes = {name: tuple(weight.shape) for name, weight in state.weights.items()}
    found = hashlib.sha256(repr((type(course).__name__, settings, sizes)).encode())
    for column in columns:
        found.update(np.ascontiguousarray(column).tobytes())
    return Path(course.checkpoints) / f"{found.hexdigest()[:32]}.npz"


def _begun(task: Task[B], course: CourseConfig, where: "device") -> _State:
    from torch.optim import Adam

    weights = {name: weight.to(where) for name, weight in task.fresh().items()}
    means = {name: weight.clone() for name, weight in weights.items()}
    for weight in weights.values():
        weight.requires_grad_(True)
    return _State(weights, means, Adam(weights.values(), lr=course.learning_rate, fused=True))


def _epoch(state: _State, task: Task[B], course: CourseConfig) -> float:
    """Every batch once; the mean loss of their answers."""
    import torch

    state.epoch += 1
    draw = np.random.default_rng((course.seed, state.epoch))
    torch.manual_seed(int(draw.integers(2**62)))
    total = n = 0.0
    for batch in task.batches(draw):
        loss, answers = task.loss(state.weights, batch)
        state.optimiser.zero_grad()
        loss.backward()
        state.optimiser.step()
        _follow(state)
        total, n = total + float(loss.detach()) * answers, n + answers
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


def _store(state: _State, path: Path) -> None:
    """Write it all as plain arrays; a kill leaves the file before or this one."""
    arrays: dict[str, Any] = {f"weight/{name}": array for name, array in _arrays(state.weights).items()}
    arrays |= {f"mean/{name}": array for name, array in _arrays(state.means).items()}
    arrays |= {f"best/{name}": array for name, array in state.best.items()}
    for name, weight in state.weights.items():
        for part, value in state.optimiser.state[weight].items():
            arrays[f"optimiser/{name}/{part}"] = value.cpu().numpy()
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
        state.best = {name: arrays[f"best/{name}"] for name in state.weights}
        with torch.no_grad():
            for name, weight in state.weights.items():
                weight.copy_(torch.from_numpy(arrays[f"weight/{name}"]))
                state.means[name].copy_(torch.from_numpy(arrays[f"mean/{name}"]))
                state.optimiser.state[weight] = {
                    part: beside(weight, arrays[f"optimiser/{name}/{part}"])
                    for part in ("step", "exp_avg", "exp_avg_sq")
                }


def _arrays(weights: "Mapping[str, Tensor]") -> dict[str, Array]:
    return {name: weight.detach().cpu().numpy().copy() for name, weight in weights.items()}


@contextmanager
def _fast_floats() -> Iterator[None]:
    """Numbers too small to matter count as 0: computing with them takes a hundred times as long."""
    import torch

    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
