"""Two towers, what somebody wants and what an item is: an item that nobody touched yet is found by its traits.

The training is that of X. Yi et al., Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations,
RecSys 2019: the answers of a batch are one another's negatives, at one temperature, corrected by the logarithm of how
likely each was to be there (logQ). Where we differ: how likely is counted, not estimated from a stream, since the log
lies there whole; a few items are drawn besides, uniformly, so that rare ones also learn where they do not belong
(J. Yang et al., Mixed Negative Sampling for Learning Two-tower Neural Networks in Recommendations, WWW 2020).

The item tower reads a vector of the item's own and one for each token that describes it (words, categories, brand,
attributes, price). In training the own vector is now and then withheld (M. Volkovs et al., DropoutNet: Addressing Cold
Start in Recommender Systems, NIPS 2017), so that the tokens learn to do without: what was described but never touched
has a vector from them alone, also what comes after the fit. The user tower reads the history of the moment, as its
items' vectors averaged over a few half-lives; nobody's vector is stored. The log's columns hold neither surface nor
query, so neither is read. Both towers are small, so numpy serves them, and no ONNX has to: the very lines that were
trained. Scores are log(1 + exp(cosine / temperature)), above 0, and 0 for an item of which nothing is known.
"""

from collections.abc import Mapping
from functools import partial
from typing import ClassVar, Final

import numpy as np
from pydantic import Field

from tailorbird.catalogue import Catalogue
from tailorbird.protocols import Told, unheard
from tailorbird.retrieval.arrivals import Arrivals
from tailorbird.retrieval.deep import needed
from tailorbird.retrieval.deep.batches import held_out, numbered, sequences_of
from tailorbird.retrieval.deep.course import CourseConfig, Epochs, Rate
from tailorbird.retrieval.deep.steps import improve
from tailorbird.retrieval.deep.tokens import Vocabulary
from tailorbird.retrieval.deep.towers import (
    Design,
    Recipe,
    TowersTask,
    item_vectors,
    recency,
    shapes,
    user_vectors,
    vectors_of_all,
)
from tailorbird.retrieval.loops import products
from tailorbird.retrieval.neighbours import LastAsked
from tailorbird.retrieval.vectors import ByLength
from tailorbird.types import Array, BoolArray, FloatArray, History, IntArray, Interaction, Interactions, Request

_LATE: Final = 1_000
"""Items taken in since the index was made that are looked at one by one; then it is made again."""


class TwoTowerConfig(CourseConfig):
    """All of it belongs to the fit. Needs the extra ``deep`` to train and nothing to serve."""

    epochs: Epochs = 30
    learning_rate: Rate = 0.003
    last: int = Field(50, ge=1, le=1_000, description="newest entries of the history that are looked at")
    factors: int = Field(64, ge=2, le=512, description="length of a vector")
    hidden: int = Field(128, ge=1, le=2_048, description="width of each tower's inner layer")
    half_lives: tuple[float, ...] = Field(
        (1.0, 4.0, 16.0), min_length=1, description="steps; the user tower reads one mean of the history for each"
    )
    vocabulary: int = Field(20_000, ge=0, description="most frequent tokens of the descriptions that are kept")
    temperature: float = Field(0.07, gt=0, description="cosines are divided by it")
    uniform: int = Field(1_000, ge=0, description="items drawn for each batch as negatives beside its own answers")
    dropout: float = Field(0.2, ge=0, lt=1, description="of what the item tower reads")
    cold: float = Field(0.1, ge=0, lt=1, description="share of the described items in a batch without their own vector")


class TwoTower:
    """One vector per item, and what it takes to make those of people and of new items."""

    name: ClassVar[str] = "two-tower"
    Config = TwoTowerConfig

    def __init__(self, config: TwoTowerConfig | None = None, arrays: Mapping[str, Array] | None = None) -> None:
        """New, or as `arrays` gave it; ``told`` hears of every epoch of a fit. Call `bind` to follow a catalogue.

        Raises:
            KeyError, ValueError: the arrays are not what `arrays` gives.
        """
        self.config = config or TwoTowerConfig()
        self.told: Told = unheard
        self._hold(self._nothing(0) if arrays is None else arrays)

    def fit(self, interactions: Interactions, catalogue: Catalogue) -> None:
        """Train on everybody's interactions; cost of an epoch: about 5 CPU s for 200,000 of them.

        Raises:
            NotInstalled: the packages to train with are not there.
        """
        needed(("torch",), "deep", "Training 'two-tower'")
        n_items = max(interactions.n_items, len(catalogue))
        everybody = sequences_of(interactions, np.arange(n_items, dtype=np.int32))
        sequences, known = numbered(everybody)
        if len(known) < 2:
            self._hold(self._nothing(n_items))
            return
        vocabulary = Vocabulary.of(catalogue, self.config.vocabulary)
        bags = vocabulary.bags(catalogue, n_items)
        design, recipe = self._design(len(known), len(vocabulary)), self._recipe()
        learned, asked = held_out(sequences, self.config.validation, self.config.seed)
        task = TowersTask(learned, asked, bags.of(known), design, recipe)
        columns = everybody.items, everybody.starts, everybody.ends, bags.columns, bags.values
        weights = improve(task, self.config, self.told, *columns)
        own = np.zeros((n_items, self.config.factors), np.float32)
        own[known] = weights.pop("items")
        told = {**weights, "codes": vocabulary.codes, "rarity": vocabulary.rarity}
        self._hold({**told, "vectors": vectors_of_all(weights, own, bags)})
        self.bind(catalogue)

    def bind(self, catalogue: Catalogue) -> None:
        """Take in what is new in this catalogue from now on, a few items with every question."""
        self._arrivals.bind(catalogue)

    def learn(self, step: Interaction, history: History) -> None:
        """Does nothing: the person's next question already holds the step, and items move with the next fit."""

    def retrieve(self, _request: Request, history: History, limit: int) -> tuple[IntArray, FloatArray]:
        """The items nearest to what the user tower makes of the history; none where nothing of it is known."""
        self._catch_up()
        person = self._person(history)
        if person is None:
            return np.empty(0, np.int32), np.empty(0)
        items, scores = self._by_length.best(person, limit)
        if len(self._late):
            items = np.concatenate((items, self._late))
            scores = np.concatenate((scores, self._products(person, self._late)))
            order = np.lexsort((items, -scores))[: max(limit, 0)]
            items, scores = items[order], scores[order]
        return items, np.logaddexp(0.0, scores)

    def score(self, _request: Request, history: History, items: IntArray) -> FloatArray:
        """log(1 + exp(cosine / temperature)) of each of ``items``; 0 for those of which nothing is known."""
        self._catch_up()
        scores, person = np.zeros(len(items)), self._person(history)
        if person is not None:
            known = self._is_known(items)
            scores[known] = np.logaddexp(0.0, self._products(person, items[known]))
        return scores

    def arrays(self) -> Mapping[str, Array]:
        """The items' vectors, (n_items, factors), the vocabulary, and the weights of both towers."""
        return {**self._weights, "vectors": self._vectors}

    def _nothing(self, n_items: int) -> dict[str, Array]:
        weights = {name: np.zeros(size, np.float32) for name, size in shapes(self._design(n_items, 0)).items()}
        vectors = weights.pop("items")
        return {**weights, "vectors": vectors, "codes": np.empty(0, np.uint32), "rarity": np.empty(0, np.float32)}

    def _hold(self, arrays: Mapping[str, Array]) -> None:
        self._weights = {name: array for name, array in arrays.items() if name != "vectors"}
        self._vocabulary = Vocabulary(arrays["codes"], arrays["rarity"])
        self._vectors = arrays["vectors"]
        expected = shapes(self._design(len(self._vectors), len(self._vocabulary)))
        for name, size in expected.items():
            found = arrays["vectors" if name == "items" else name].shape
            if found != size:
                raise ValueError(f"{name} of shape {found} is not {size}")
        self._arrivals = Arrivals(np.asarray(self._vectors.any(axis=1)))
        self._index()

    def _index(self) -> None:
        """Make it possible to find what is known now."""
        known = np.flatnonzero(self._vectors.any(axis=1)).astype(np.int32)
        self._by_length = ByLength(self._vectors[known], known)
        self._late = np.empty(0, np.int32)
        self._asked: LastAsked[Array | None] = LastAsked()

    def _catch_up(self) -> None:
        """Take in items that were described after the fit."""
        found = []
        for number, item in self._arrivals.next():
            columns, values = self._vocabulary.bag(item)
            if len(columns):
                self._reserve(number + 1)
                self._vectors[number] = item_vectors(self._weights, values @ self._weights["tokens"][columns])
                found.append(number)
        if found:
            self._late = np.concatenate((self._late, np.array(found, np.int32)))
        if len(self._late) > _LATE:
            self._index()

    def _reserve(self, n_items: int) -> None:
        """Have at least this many rows; new ones are of items of which nothing is known."""
        if n_items > len(self._vectors):
            room = 2 * n_items - len(self._vectors)
            self._vectors = np.concatenate((self._vectors, np.zeros((room, self.config.factors), np.float32)))

    def _is_known(self, items: IntArray) -> BoolArray:
        """Which of these have a vector."""
        there = (items >= 0) & (items < len(self._vectors))
        there[there] = self._vectors[items[there]].any(axis=1)
        known: BoolArray = there
        return known

    def _products(self, person: Array, items: IntArray) -> FloatArray:
        scores = np.zeros(len(items))
        products(self._vectors, person, items, np.arange(len(items)), scores)
        return scores

    def _person(self, history: History) -> Array | None:
        """The vector of whoever has this history, divided by the temperature; None where nothing of it is known."""
        return self._asked.of(history, partial(self._wanted, history))

    def _wanted(self, history: History) -> Array | None:
        items = history.items[self._is_known(history.items)][-self.config.last :]
        if not len(items):
            return None
        shares = recency(len(items), self.config.half_lives)[:, -1]
        wanted: Array = user_vectors(self._weights, shares @ self._vectors[items]) / self.config.temperature
        return wanted.astype(np.float32)

    def _design(self, n_items: int, n_tokens: int) -> Design:
        return Design(n_items, n_tokens, self.config.factors, self.config.hidden, self.config.half_lives)

    def _recipe(self) -> Recipe:
        c = self.config
        return Recipe(c.last, c.batch, c.uniform, c.temperature, c.dropout, c.cold, c.seed)
