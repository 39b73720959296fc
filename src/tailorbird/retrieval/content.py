"""Items that resemble what somebody looked at, by their words, categories, brand and attributes.

It needs no interactions with an item, so that what arrives in the catalogue now can be found now. An item is a TF-IDF
vector over its tokens (G. Salton and C. Buckley, Term-weighting approaches in automatic text retrieval, 1988); a person
is the recency-weighted sum of the vectors in the history. Candidates come from an inverted index whose lists keep the
items in which a token weighs most (champion lists: C. Manning et al., Introduction to Information Retrieval, 2008,
section 7.1.3) and are then judged exactly. The vocabulary is that of the fit; a token is known by its 32-bit checksum.

Where the shop has a text encoder, half of the score is the cosine of what the texts mean (see `text_vectors`). Vectors
are made by the fit; an item that is described later is known by its words until the next one.
"""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import ClassVar, Final

import numpy as np
from numba import njit
from pydantic import Field

from tailorbird.catalogue import Catalogue, tokens, words
from tailorbird.protocols import TextEncoder
from tailorbird.retrieval.arrivals import Arrivals
from tailorbird.retrieval.decay import sorted_by
from tailorbird.retrieval.neighbours import QueryConfig, query_of
from tailorbird.retrieval.rows import Longs, Rows, best_of
from tailorbird.retrieval.text_vectors import TextVectors
from tailorbird.types import Array, FloatArray, History, IntArray, Interaction, Interactions, Item, Request

_MARK: Final = {"leaf": 2.0, "category": 1.0, "brand": 1.5, "tag": 1.0, "attribute": 1.0, "word": 1.0, "text": 0.3}
_TEXT_WORDS: Final = 100


class ContentConfig(QueryConfig):
    """``champions`` and ``vocabulary`` belong to the fit, the rest to the query."""

    half_life: float | None = Field(3.0, gt=0, description="steps in the history; empty: all count alike")
    last: int = Field(30, ge=1, description="newest entries of the history that make the profile")
    champions: int = Field(8_000, ge=1, description="items kept per token to propose candidates from")
    vocabulary: int = Field(200_000, ge=1, description="most frequent tokens that are kept")
    text: float = Field(1.0, ge=0, description="weight of the texts' vectors, that of words being 1; needs an encoder")
    text_factors: int = Field(64, ge=1, description="numbers that a text's vector is reduced to")
    query_tokens: int = Field(48, ge=1, description="strongest tokens of a profile that candidates are looked up by")


class Content:
    """TF-IDF vectors of items, and from each token the items it weighs most in."""

    name: ClassVar[str] = "content"
    Config = ContentConfig

    def __init__(self, config: ContentConfig | None = None, arrays: Mapping[str, Array] | None = None) -> None:
        """New, or as `arrays` gave it. Call `bind` to have it follow a catalogue."""
        self.config = config or ContentConfig()
        self.encoder: TextEncoder | None = None
        self._texts = TextVectors.nothing() if arrays is None else TextVectors.of(arrays)
        if arrays is None:
            self._hold(np.zeros(0, np.uint32), np.zeros(0, np.float32), Rows(0, np.float32))
        else:
            vectors = Rows.of(arrays, len(arrays["tokens"]))
            self._hold(arrays["tokens"], arrays["rarity"], vectors)

    def fit(self, interactions: Interactions, catalogue: Catalogue) -> None:  # noqa: ARG002  # knows items only
        """Learn the vocabulary of the catalogue and index its items; cost: about 50 us per item."""
        pointers, codes, marks = term_columns(catalogue)
        known, places, counts = np.unique(codes, return_inverse=True, return_counts=True)
        # A token that one item alone has can lead nowhere.
        chosen = np.flatnonzero(counts > 1)
        chosen = np.sort(chosen[np.argsort(-counts[chosen], kind="stable")[: self.config.vocabulary]])
        rarity = np.log1p(catalogue.n_described / np.maximum(counts[chosen], 1)).astype(np.float32)
        number = np.full(len(known), -1, np.int32)
        number[chosen] = np.arange(len(chosen), dtype=np.int32)
        columns = number[places]
        kept = columns >= 0
        rows = np.repeat(np.arange(len(pointers) - 1), np.diff(pointers))[kept]
        values = marks[kept] * rarity[columns[kept]]
        length = np.sqrt(np.bincount(rows, values**2, minlength=len(pointers) - 1))
        starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(np.bincount(rows, minlength=len(pointers) - 1))))
        vectors: dict[str, Array] = {
            "pointers": starts,
            "columns": columns[kept],
            "values": (values / np.maximum(length, 1e-9)[rows]).astype(np.float32),
        }
        self._hold(known[chosen], rarity, Rows.of(vectors, len(chosen)))
        self._texts = TextVectors.nothing()
        if self.encoder is not None:
            self._texts = TextVectors.made(self.encoder, catalogue, self.config.text_factors)
        self.bind(catalogue)

    @property
    def made_by(self) -> str:
        """The name of the encoder whose vectors it holds; empty where it holds none."""
        return self._texts.made_by

    def bind(self, catalogue: Catalogue) -> None:
        """Take in what is new in this catalogue from now on, a few items with every question."""
        self._arrivals.bind(catalogue)

    def learn(self, step: Interaction, history: History) -> None:
        """Does nothing: only the catalogue changes what items are like."""

    def retrieve(self, _request: Request, history: History, limit: int) -> tuple[IntArray, FloatArray]:
        """The items most similar to the history; those in it come first."""
        self._catch_up()
        query, weights = query_of(history, self.config, self._vectors.n_rows)
        strongest, amounts = self._vectors.best(query, weights, self._ones(len(self._rarity)), self.config.query_tokens)
        found, _ = self._lists.best(strongest, amounts, self._ones(self._vectors.n_rows), 2 * limit + len(query))
        if self._has_texts():
            alike, _ = best_of(self._texts.cosines(query, weights), 2 * limit)
            found = np.union1d(found, alike).astype(np.int32)
        return sorted_by(found, self._similarities(query, weights, found), limit)

    def score(self, _request: Request, history: History, items: IntArray) -> FloatArray:
        """Cosine of each item and the recency-weighted history, at most 1; 0 for an item without a description."""
        self._catch_up()
        query, weights = query_of(history, self.config, self._vectors.n_rows)
        return self._similarities(query, weights, items)

    def arrays(self) -> Mapping[str, Array]:
        """The vocabulary and all vectors, and whose the texts' are; the index is made from them."""
        return {**self._vectors.arrays(), **self._texts.arrays(), "tokens": self._tokens, "rarity": self._rarity}

    def _hold(self, token_codes: Array, rarity: Array, vectors: Rows) -> None:
        if len(token_codes) != len(rarity):
            raise ValueError(f"{len(token_codes)} tokens do not match {len(rarity)} weights")
        self._tokens, self._rarity, self._vectors = token_codes, rarity, vectors
        self._number = {code: n for n, code in enumerate(token_codes.tolist())}
        self._lists = _champions(vectors, len(rarity), self.config.champions)
        self._arrivals = Arrivals(vectors.lengths[: vectors.n_rows] > 0)
        self._profile: FloatArray = np.zeros(len(rarity))
        self._all_ones: FloatArray = np.ones(0)

    def _ones(self, n: int) -> FloatArray:
        if len(self._all_ones) < n:
            self._all_ones = np.ones(2 * n)
        return self._all_ones[:n]

    def _similarities(self, query: IntArray, weights: FloatArray, items: IntArray) -> FloatArray:
        scores = np.zeros(len(items))
        known = np.flatnonzero((items >= 0) & (items < self._vectors.n_rows))
        vectors = self._vectors
        _compare(
            vectors.starts, vectors.lengths, vectors.columns, vectors.values, query, weights, self._profile,
            items, known, scores,
        )  # fmt: skip
        if self._has_texts():
            scores += self.config.text * self._texts.cosines(query, weights, items)
            scores /= 1.0 + self.config.text
        return scores

    def _has_texts(self) -> bool:
        return len(self._texts.vectors) > 0 and self.config.text > 0

    def _catch_up(self) -> None:
        """Take in items that were described after the fit."""
        for number, item in self._arrivals.next():
            self._take_in(number, item)

    def _take_in(self, number: int, item: Item) -> None:
        self._vectors.reserve(number + 1)
        told = {self._number[code]: mark for code, mark in terms(item).items() if code in self._number}
        columns = np.fromiter(told, np.int32, len(told))
        values = np.fromiter(told.values(), np.float32, len(told)) * self._rarity[columns]
        if not len(values):
            return
        values /= np.linalg.norm(values)
        here = np.full(len(columns), number, np.int32)
        self._vectors.add(here, columns, values)
        self._lists.add(columns, here, values)


def terms(item: Item) -> dict[int, float]:
    """What describes an item, as token code -> logarithm of how much of it there is."""
    marks: dict[int, float] = defaultdict(float)
    text = (("text", word) for word in islice(words(item.description), _TEXT_WORDS)) if item.description else ()
    for kinds in (tokens(item), text):
        for kind, token in kinds:
            # A word is one token, whether the title or the description says it.
            marks[zlib.crc32(f"{'word' if kind == 'text' else kind}:{token}".encode())] += _MARK[kind]
    return {code: float(np.log2(1.0 + mark)) for code, mark in marks.items()}


def term_columns(catalogue: Catalogue) -> tuple[Longs, Array, FloatArray]:
    """Pointers by item number, token codes (ascending in each item) and marks of the whole catalogue."""
    lengths = np.zeros(len(catalogue), np.int64)
    codes: list[Array] = [np.zeros(0, np.uint32)]
    marks: list[FloatArray] = [np.zeros(0)]
    for number in np.flatnonzero(catalogue.described).tolist():
        told = terms(catalogue.item(number))
        code, mark = _columns(told.keys(), np.uint32), _columns(told.values(), np.float64)
        order = np.argsort(code)
        codes.append(code[order])
        marks.append(mark[order])
        lengths[number] = len(told)
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths))), np.concatenate(codes), np.concatenate(marks)


def _columns(values: Iterable[float], dtype: type) -> Array:
    return np.array(list(values), dtype)


def _champions(vectors: Rows, n_tokens: int, limit: int) -> Rows:
    """From each token the ``limit`` items in which it weighs most, in ascending order."""
    arrays = vectors.arrays()
    items = np.repeat(np.arange(vectors.n_rows, dtype=np.int32), np.diff(arrays["pointers"]))
    order = np.lexsort((items, -arrays["values"], arrays["columns"]))
    columns = arrays["columns"][order]
    place = np.arange(len(columns)) - np.searchsorted(columns, columns)
    order = order[place < limit]
    order = order[np.lexsort((items[order], arrays["columns"][order]))]
    counts = np.bincount(arrays["columns"][order], minlength=n_tokens)
    pointers = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))
    champions: dict[str, Array] = {"pointers": pointers, "columns": items[order], "values": arrays["values"][order]}
    return Rows.of(champions, vectors.n_rows)


@njit(cache=True)
def _compare(  # noqa: PLR0917  # numba takes arrays by position
    starts: Longs,
    lengths: Longs,
    columns: IntArray,
    values: Array,
    query: IntArray,
    weights: FloatArray,
    profile: FloatArray,
    items: IntArray,
    known: Longs,
    scores: FloatArray,
) -> None:
    """Write the cosine of the query's weighted sum and each known item; ``profile`` is all zero before and after."""
    for r in range(len(query)):
        start = starts[query[r]]
        for at in range(start, start + lengths[query[r]]):
            profile[columns[at]] += weights[r] * values[at]
    total = 0.0
    for r in range(len(query)):
        start = starts[query[r]]
        for at in range(start, start + lengths[query[r]]):
            total += weights[r] * values[at] * profile[columns[at]]
    if total > 0.0:
        for n in known:
            start, score = starts[items[n]], 0.0
            for at in range(start, start + lengths[items[n]]):
                score += values[at] * profile[columns[at]]
            scores[n] = score / np.sqrt(total)
    for r in range(len(query)):
        start = starts[query[r]]
        for at in range(start, start + lengths[query[r]]):
            profile[columns[at]] = 0.0
