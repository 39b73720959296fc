"""What the models of sequences share: vectors of items, an encoder of histories, how both are trained and served.

A model is trained with torch and serves without it. Nobody's vector is stored: the encoder, as ONNX, reads the history
of the moment, so that a stranger after two clicks and a regular customer take the same path. Scores are log(1 + exp(x))
of the inner product x with an item's vector: the order of x, above 0, and 0 for what was never in a sequence.

Two sizes are built in, because what helps one harms the other. Where people have few interactions a model learns pairs
by heart before it has seen them often enough, so it is small and forgets much; where they have many, a second block, a
longer view and a bias by steps back pay.
"""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, ClassVar, Final, Self

import numpy as np
from pydantic import Field, model_validator

from tailorbird.catalogue import Catalogue
from tailorbird.protocols import Told, unheard
from tailorbird.retrieval.deep import TRAINING, needed
from tailorbird.retrieval.deep.attributes import attributes_of
from tailorbird.retrieval.deep.batches import N_BUCKETS, sequences_of
from tailorbird.retrieval.deep.blocks import Shape
from tailorbird.retrieval.deep.course import CourseConfig
from tailorbird.retrieval.deep.export import ages, run, session, to_onnx
from tailorbird.retrieval.deep.loop import Recipe, train
from tailorbird.retrieval.loops import products
from tailorbird.retrieval.neighbours import LastAsked
from tailorbird.retrieval.vectors import ByLength
from tailorbird.types import Array, BoolArray, FloatArray, History, IntArray, Interaction, Interactions, Request

_LONG: Final = 50
"""Interactions a person, on average, from which histories are long."""


RelativePositions = Annotated[
    bool | None,
    Field(description="attention knows how many steps back an item stands; empty: where histories are long"),
]


class SequenceConfig(CourseConfig):
    """All of it belongs to the fit. Needs the extra ``deep`` to train and ``neural`` to serve."""

    last: int | None = Field(
        None,
        ge=1,
        le=1_000,
        description="newest entries of the history that are looked at; empty: 50, of long ones 200",
    )
    factors: int = Field(128, ge=2, le=512, description="length of a vector")
    blocks: int | None = Field(None, ge=1, le=8, description="empty: 1, for long histories 2")
    heads: int = Field(1, ge=1, le=16, description="of each block's attention; divides factors")
    widening: int = Field(2, ge=1, le=8, description="width of a block's inner layer, times factors")
    dropout: float | None = Field(None, ge=0, lt=1, description="empty: 0.4, for long histories 0.2")
    time_gaps: bool = Field(default=True, description="attention knows how long ago an item was, where times are real")
    relative_positions: RelativePositions = None
    attributes: bool = Field(
        default=True, description="items share vectors of their categories, brand, tags, attributes"
    )
    negatives: int = Field(4_096, ge=2, description="drawn items of each batch against which the right one stands")

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.factors % self.heads:
            raise ValueError(f"heads is {self.heads}, which does not divide factors, {self.factors}")
        return self


class SequenceModel:
    """One vector per item, and the encoder of histories; a model says what it is called and where it may look."""

    name: ClassVar[str]
    Config: ClassVar[type[SequenceConfig]] = SequenceConfig
    causal: ClassVar[bool]

    def __init__(self, config: SequenceConfig | None = None, arrays: Mapping[str, Array] | None = None) -> None:
        """New, or as `arrays` gave it; ``told`` hears of every epoch of a fit: what it came to, and the share done.

        Raises:
            KeyError, ValueError: the arrays are not what `arrays` gives.
            NotInstalled: there is an encoder and nothing to run it with.
        """
        self.config = config or self.Config()
        self.told: Told = unheard
        self._hold(self._nothing(0) if arrays is None else arrays)

    def fit(self, interactions: Interactions, catalogue: Catalogue) -> None:
        """Train on everybody's interactions; an epoch of 200,000 takes about 6 CPU s, of a million in long ones 80.

        Raises:
            NotInstalled: the packages to train with are not there.
        """
        needed(TRAINING, "deep", f"Training '{self.name}'")
        n_items = max(interactions.n_items, len(catalogue))
        known = np.flatnonzero(np.bincount(interactions.items, minlength=n_items)).astype(np.int32)
        numbers = np.full(n_items, -1, np.int32)
        numbers[known] = np.arange(len(known))
        sequences = sequences_of(interactions, numbers)
        if not len(sequences) or len(known) < 2:
            self._hold(self._nothing(n_items))
            return
        is_long = float(sequences.lengths.mean()) >= _LONG
        shape = self._shape(len(known), timed=interactions.timed, is_long=is_long)
        attributes = attributes_of(catalogue, known) if self.config.attributes else None
        weights = train(sequences, shape, self._recipe(is_long=is_long), attributes, course=self.config, told=self.told)
        vectors = np.zeros((n_items, self.config.factors), np.float32)
        vectors[known] = weights["items"]
        encoder = np.frombuffer(to_onnx(weights, shape), np.uint8)
        limits = np.array([shape.queries, shape.n_buckets])
        self._hold({"vectors": vectors, "encoder": encoder, "limits": limits})

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
        """The items' vectors, (n_items, factors); the encoder's ONNX as bytes; how many entries and ages it knows."""
        return {"vectors": self._vectors, "encoder": self._encoder, "limits": self._limits}

    def _nothing(self, n_items: int) -> dict[str, Array]:
        return {
            "vectors": np.zeros((n_items, self.config.factors), np.float32),
            "encoder": np.empty(0, np.uint8),
            "limits": np.array([1, 1]),
        }

    def _hold(self, arrays: Mapping[str, Array]) -> None:
        self._vectors, self._encoder, self._limits = (arrays[name] for name in ("vectors", "encoder", "limits"))
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
        last, n_buckets = self._limits.tolist()
        items, at = history.items[known][-last:], history.at[known][-last:]
        if not len(items):
            return None
        return run(self._session, self._vectors[items], ages(at, request.at, n_buckets, causal=self.causal))

    def _shape(self, n_items: int, *, timed: bool, is_long: bool) -> Shape:
        c = self.config
        last, blocks = c.last or (200 if is_long else 50), c.blocks or (2 if is_long else 1)
        n_buckets = N_BUCKETS if timed and c.time_gaps else 1
        longest = last if self.causal else last + 1
        relative = is_long if c.relative_positions is None else c.relative_positions
        return Shape(n_items, c.factors, blocks, c.heads, longest, n_buckets, c.widening, self.causal, relative)

    def _recipe(self, *, is_long: bool) -> Recipe:
        c = self.config
        dropout = (0.2 if is_long else 0.4) if c.dropout is None else c.dropout
        return Recipe(c.batch, dropout, c.negatives, c.seed)
