"""Self-attention over what a person took up, in its order: the channel that reads a history as a sentence.

The model is that of W.-C. Kang and J. McAuley, Self-Attentive Sequential Recommendation, ICDM 2018; the parts are told
in ``deep/``. Where we differ: a cross-entropy over a thousand shared negatives instead of one negative a position, and,
where times are real, attention that knows how long ago each item was.

It is trained with torch and serves without it. Nobody's vector is stored: the encoder, as ONNX, reads the history of
the moment, so that a stranger after two clicks and a regular customer take the same path. Scores are log(1 + exp(x)) of
the inner product x with an item's vector: the order of x, above 0, and 0 for what was never in a sequence.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from tailorbird.catalogue import Catalogue
from tailorbird.retrieval.deep import TRAINING, needed
from tailorbird.retrieval.deep.batches import N_BUCKETS, age_buckets, sequences_of
from tailorbird.retrieval.deep.blocks import Shape
from tailorbird.retrieval.deep.export import run, session, to_onnx
from tailorbird.retrieval.deep.loop import Recipe, train
from tailorbird.retrieval.deep.steps import Epoch
from tailorbird.retrieval.loops import products
from tailorbird.retrieval.neighbours import LastAsked
from tailorbird.retrieval.vectors import ByLength
from tailorbird.types import Array, BoolArray, FloatArray, History, IntArray, Interaction, Interactions, Request


class SasrecConfig(BaseModel):
    """All of it belongs to the fit. Needs the extra ``deep`` to train and ``neural`` to serve."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    last: int = Field(50, ge=1, le=1_000, description="newest entries of the history that are looked at")
    factors: int = Field(128, ge=2, le=512, description="length of a vector")
    blocks: int = Field(1, ge=1, le=8)
    heads: int = Field(1, ge=1, le=16, description="of each block's attention; divides factors")
    widening: int = Field(4, ge=1, le=8, description="width of a block's inner layer, times factors")
    dropout: float = Field(0.4, ge=0, lt=1)
    time_gaps: bool = Field(default=True, description="attention knows how long ago an item was, where times are real")
    negatives: int = Field(1_024, ge=2, description="drawn items of each batch against which the right one stands")
    epochs: int = Field(100, ge=1, description="at most")
    patience: int = Field(10, ge=1, description="epochs without a better validation after which training ends")
    validation: int = Field(2_000, ge=0, description="people, and at most a tenth of them, whose last item validates")
    batch: int = Field(256, ge=1, description="sequences in a step; fewer of long ones")
    learning_rate: float = Field(0.001, gt=0)
    checkpoints: str | None = Field(None, description="folder from which a killed training goes on")
    seed: int = 1

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.factors % self.heads:
            raise ValueError(f"heads is {self.heads}, which does not divide factors, {self.factors}")
        return self


class Sasrec:
    """One vector per item, and the encoder of histories."""

    name: ClassVar[str] = "sasrec"
    Config = SasrecConfig

    def __init__(self, config: SasrecConfig | None = None, arrays: Mapping[str, Array] | None = None) -> None:
        """New, or as `arrays` gave it; ``told`` hears of every epoch of a fit: what it came to, and the share done.

        Raises:
            KeyError, ValueError: the arrays are not what `arrays` gives.
            NotInstalled: there is an encoder and nothing to run it with.
        """
        self.config = config or SasrecConfig()
        self.told: Callable[[str, float], None] = lambda _epoch, _share: None
        self._hold(self._nothing(0) if arrays is None else arrays)

    def fit(self, interactions: Interactions, catalogue: Catalogue) -> None:
        """Train on everybody's newest ``last`` + 1 interactions; cost of an epoch: about 5 CPU s for 200,000 of them.

        Raises:
            NotInstalled: the packages to train with are not there.
        """
        needed(TRAINING, "deep", "Training 'sasrec'")
        n_items = max(interactions.n_items, len(catalogue))
        known = np.flatnonzero(np.bincount(interactions.items, minlength=n_items)).astype(np.int32)
        numbers = np.full(n_items, -1, np.int32)
        numbers[known] = np.arange(len(known))
        sequences = sequences_of(interactions, numbers, self.config.last)
        if not len(sequences) or len(known) < 2:
            self._hold(self._nothing(n_items))
            return
        shape = self._shape(len(known), timed=interactions.timed)
        folder = None if self.config.checkpoints is None else Path(self.config.checkpoints)
        weights = train(sequences, shape, self._recipe(), told=self._tell, folder=folder)
        vectors = np.zeros((n_items, self.config.factors), np.float32)
        vectors[known] = weights["items"]
        encoder = np.frombuffer(to_onnx(weights, shape), np.uint8)
        self._hold({"vectors": vectors, "encoder": encoder, "buckets": np.array([shape.n_buckets])})

    def learn(self, step: Interaction, history: History) -> None:
        """Does nothing: the person's next question already holds the step, and items move with the next fit."""

    def retrieve(self, request: Request, history: History, limit: int) -> tuple[IntArray, FloatArray]:
        """The items nearest to what the encoder makes of the history; none where nothing of it is known."""
        person = self._person(request, history)
        if person is None:
            return np.empty(0, np.int32), np.empty(0)
        items, scores = self._by_length.best(person, limit)
        return items, np.logaddexp(0.0, scores)

    def score(self, request: Request, history: History, items: IntArray) -> FloatArray:
        """log(1 + exp(inner product)) of each of ``items``; 0 for those that were in no sequence."""
        scores, person = np.zeros(len(items)), self._person(request, history)
        if person is None:
            return scores
        places = np.flatnonzero(self._is_known(items))
        products(self._vectors, person, items, places, scores)
        scores[places] = np.logaddexp(0.0, scores[places])
        return scores

    def arrays(self) -> Mapping[str, Array]:
        """The items' vectors, (n_items, factors); the encoder's ONNX as bytes; how many ages it tells apart."""
        return {"vectors": self._vectors, "encoder": self._encoder, "buckets": self._buckets}

    def _tell(self, epoch: Epoch) -> None:
        self.told(
            f"epoch {epoch.number}, loss {epoch.loss:.3f}, validation {epoch.ndcg:.4f}",
            epoch.number / self.config.epochs,
        )

    def _nothing(self, n_items: int) -> dict[str, Array]:
        return {
            "vectors": np.zeros((n_items, self.config.factors), np.float32),
            "encoder": np.empty(0, np.uint8),
            "buckets": np.array([1]),
        }

    def _hold(self, arrays: Mapping[str, Array]) -> None:
        self._vectors, self._encoder, self._buckets = (arrays[name] for name in ("vectors", "encoder", "buckets"))
        if self._vectors.ndim != 2 or self._vectors.shape[1] != self.config.factors:
            raise ValueError(f"vectors of shape {self._vectors.shape} are not {self.config.factors} factors per item")
        self._session: Any = session(self._encoder.tobytes()) if len(self._encoder) else None
        self._known = np.flatnonzero(self._vectors.any(axis=1)).astype(np.int32)
        self._by_length = ByLength(self._vectors[self._known], self._known)
        self._encoded: LastAsked[Array | None] = LastAsked()

    def _is_known(self, items: IntArray) -> BoolArray:
        """Which of these were in a sequence."""
        there = (items >= 0) & (items < len(self._vectors))
        there[there] = self._vectors[items[there]].any(axis=1)
        known: BoolArray = there
        return known

    def _person(self, request: Request, history: History) -> Array | None:
        """The vector of whoever has this history now."""
        return self._encoded.of(history, partial(self._encode, request, history), at=request.at)

    def _encode(self, request: Request, history: History) -> Array | None:
        """The vector of whoever has this history, None where nothing of it is known; shape (factors,)."""
        if self._session is None:
            return None
        known = self._is_known(history.items)
        items, at = history.items[known][-self.config.last :], history.at[known][-self.config.last :]
        if not len(items):
            return None
        buckets = age_buckets(at, np.append(at[1:], request.at), int(self._buckets[0]))
        return run(self._session, self._vectors[items], buckets)

    def _shape(self, n_items: int, *, timed: bool) -> Shape:
        c = self.config
        n_buckets = N_BUCKETS if timed and c.time_gaps else 1
        return Shape(n_items, c.factors, c.blocks, c.heads, c.last, n_buckets, c.widening)

    def _recipe(self) -> Recipe:
        c = self.config
        return Recipe(c.epochs, c.patience, c.batch, c.learning_rate, c.dropout, c.negatives, c.validation, c.seed)
