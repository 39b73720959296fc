"""Items' vectors that took on those of their neighbours in the graph of people and items.

The model is that of X. He et al., LightGCN: Simplifying and Powering Graph Convolution Network for Recommendation,
SIGIR 2020: nothing is trained but the vectors of layer 0, an edge weighs 1 / sqrt(degree * degree), and the mean over
the layers counts. Where we differ: people have no vectors of their own, so that a hop goes from items to people and
back at once; items are compared by the cosine; and the loss is the cross-entropy over a thousand shared negatives
instead of one pair at a time (BPR), as in J. Wu et al., On the Effectiveness of Sampled Softmax Loss for Item
Recommendation, TOIS 2024. People are asked in training as in service: for each entry of their history, from those
before it, the newest weighing most. In a large graph each epoch spreads over a sample of every node's neighbours (W.
Hamilton et al., Inductive Representation Learning on Large Graphs, NIPS 2017); what serves comes from all of them.

Nobody's vector is stored. A person is folded in at each question as their row of the graph would be: the sum of the
vectors of their history by 1 / sqrt(people of the item), by recency. Scores are log(1 + exp(cosine / temperature)),
above 0, and 0 for what nobody had.
"""

from collections.abc import Mapping
from functools import partial
from typing import ClassVar

import numpy as np
from pydantic import Field

from tailorbird.catalogue import Catalogue
from tailorbird.protocols import Told, unheard
from tailorbird.retrieval.deep import needed
from tailorbird.retrieval.deep.batches import held_out, numbered, sequences_of
from tailorbird.retrieval.deep.course import Batch, CourseConfig, Epochs, Rate
from tailorbird.retrieval.deep.graph import Graph, GraphTask, Recipe
from tailorbird.retrieval.deep.steps import improve
from tailorbird.retrieval.loops import products
from tailorbird.retrieval.neighbours import LastAsked, QueryConfig, query_of
from tailorbird.retrieval.vectors import ByLength
from tailorbird.types import Array, FloatArray, History, IntArray, Interaction, Interactions, Request


class LightGcnConfig(QueryConfig, CourseConfig):
    """``half_life`` belongs to the query. Needs the extra ``deep`` to train and nothing to serve."""

    epochs: Epochs = 40
    batch: Batch = 512
    learning_rate: Rate = 0.005
    half_life: float | None = Field(1.0, gt=0, description="steps in the history; empty: all count alike")
    factors: int = Field(64, ge=2, le=512, description="length of a vector")
    layers: int = Field(2, ge=0, le=8, description="hops to people and back; each is two layers of the paper")
    neighbours: int = Field(100, ge=1, description="drawn of each node's in an epoch, where it has more")
    learned_half_life: float = Field(1.0, gt=0, description="steps; what half_life is in training")
    negatives: int = Field(1_024, ge=2, description="drawn items of each batch against which the right one stands")
    temperature: float = Field(0.1, gt=0, description="cosines are divided by it")
    dropout: float = Field(0.2, ge=0, lt=1, description="of the vectors that are compared")


class LightGcn:
    """One vector per item, and how many people have it."""

    name: ClassVar[str] = "lightgcn"
    Config = LightGcnConfig

    def __init__(self, config: LightGcnConfig | None = None, arrays: Mapping[str, Array] | None = None) -> None:
        """New, or as `arrays` gave it; ``told`` hears of every epoch of a fit.

        Raises:
            KeyError, ValueError: the arrays are not what `arrays` gives.
        """
        self.config = config or LightGcnConfig()
        self.told: Told = unheard
        if arrays is None:
            self._hold(np.zeros((0, self.config.factors), np.float32), np.zeros(0, np.int64))
        else:
            self._hold(arrays["vectors"], arrays["people"])

    def fit(self, interactions: Interactions, catalogue: Catalogue) -> None:
        """Train on everybody's interactions; cost of an epoch: about 5 CPU s for 200,000 of them.

        Raises:
            NotInstalled: the packages to train with are not there.
        """
        needed(("torch",), "deep", "Training 'lightgcn'")
        n_items = max(interactions.n_items, len(catalogue))
        everybody = sequences_of(interactions, np.arange(n_items, dtype=np.int32))
        sequences, known = numbered(everybody)
        vectors, people = np.zeros((n_items, self.config.factors), np.float32), np.zeros(n_items, np.int64)
        if len(known) > 1:
            learned, asked = held_out(sequences, self.config.validation, self.config.seed)
            task = GraphTask(learned, asked, len(known), self._recipe())
            weights = improve(task, self.config, self.told, everybody.items, everybody.starts, everybody.ends)
            whole = Graph.of(sequences, len(known))
            vectors[known] = whole.spread(weights["items"], self.config.layers)
            people[known] = whole.degrees
        self._hold(vectors, people)

    def learn(self, step: Interaction, history: History) -> None:
        """Does nothing: the person's next question already holds the step, and items move with the next fit."""

    def retrieve(self, _request: Request, history: History, limit: int) -> tuple[IntArray, FloatArray]:
        """The items nearest to the person's vector; none for a history of which nothing is known."""
        person = self._person(history)
        items, scores = self._by_length.best(person, limit if person.any() else 0)
        return items, np.logaddexp(0.0, scores)

    def score(self, _request: Request, history: History, items: IntArray) -> FloatArray:
        """log(1 + exp(cosine / temperature)) of each of ``items``; 0 for those that nobody had."""
        scores, person = np.zeros(len(items)), self._person(history)
        if person.any():
            places = np.flatnonzero((items >= 0) & (items < len(self._people)))
            places = places[self._people[items[places]] > 0]
            products(self._directions, person, items, places, scores)
            scores[places] = np.logaddexp(0.0, scores[places])
        return scores

    def arrays(self) -> Mapping[str, Array]:
        """The items' vectors, (n_items, factors), and how many people have each."""
        return {"vectors": self._vectors, "people": self._people}

    def _hold(self, vectors: Array, people: Array) -> None:
        if vectors.shape != (len(people), self.config.factors):
            raise ValueError(f"vectors of shape {vectors.shape} are not {self.config.factors} factors per item")
        self._vectors, self._people = vectors, people
        lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
        self._directions = np.asarray(vectors / lengths, np.float32)
        self._said = vectors * np.maximum(people, 1)[:, None].astype(np.float32) ** -0.5
        known = np.flatnonzero(people).astype(np.int32)
        self._by_length = ByLength(self._directions[known], known)
        self._folded: LastAsked[Array] = LastAsked()

    def _person(self, history: History) -> Array:
        """The vector of whoever has this history, divided by the temperature; zeros where nothing of it is known."""
        return self._folded.of(history, partial(self._fold_in, history))

    def _fold_in(self, history: History) -> Array:
        items, weights = query_of(history, self.config, len(self._people))
        wanted = weights @ self._said[items]
        length = max(float(np.linalg.norm(wanted)), np.finfo(float).tiny)
        person: Array = (wanted / (length * self.config.temperature)).astype(np.float32)
        return person

    def _recipe(self) -> Recipe:
        c = self.config
        return Recipe(
            c.last,
            c.factors,
            c.layers,
            c.neighbours,
            c.learned_half_life,
            c.negatives,
            c.temperature,
            c.dropout,
            c.batch,
            c.seed,
        )
