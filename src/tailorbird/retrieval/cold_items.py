"""Items that nobody has touched yet, found by what people did with items described like them.

`content` compares descriptions as they are. Here the log says what a description means: which tokens of the things that
somebody took up lead to which tokens of the things that come next. With a row f of marks per item, one for each token,
T the share of i's co-visits that went to j, and F all rows, the map M of tokens to tokens is the ridge regression

    M = (F'F + ridge I)^-1  F' (T + itself I) F  (F'F + ridge I)^-1,    score(j) = sum over i of recency(i) * f_i' M f_j

It is the closed-form alignment of metadata to an item-item similarity of J. Monteil, V. Vaskovych, W. Lu, A. Majumder
and A. van den Hengel, MARec: Metadata Alignment for cold-start Recommendation, 2024. Where we differ: they learn one
weight per kind of metadata and then a dense item-item matrix, ``n_items ** 3``; we learn one weight per pair of tokens,
at a cost that does not grow with the square of the catalogue, and an item that arrives later needs no fit at all.

Where the shop has a text encoder, the numbers of an item's text stand in its row like tokens (see `text_vectors`); an
item that is described after the fit goes by its tokens until the next one.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar, Final

import numpy as np
from numba import njit
from pydantic import Field
from scipy.sparse import csr_matrix, hstack

from tailorbird.catalogue import Catalogue
from tailorbird.protocols import TextEncoder
from tailorbird.retrieval.alignment import OWN_PARTS, RIDGES, USUAL, Evidence, Strength, best_strength, touched_items
from tailorbird.retrieval.arrivals import Arrivals
from tailorbird.retrieval.content import term_columns, terms
from tailorbird.retrieval.covisitation import Covisitation
from tailorbird.retrieval.decay import sorted_by
from tailorbird.retrieval.neighbours import LastAsked, QueryConfig, query_of
from tailorbird.retrieval.rows import Longs, Rows, best_of
from tailorbird.retrieval.text_vectors import TextVectors
from tailorbird.types import Array, FloatArray, History, IntArray, Interaction, Interactions, Item, Request

_MOST_TEXT_CELLS: Final = 1_000_000
"""Numbers of texts in all rows together: each is read by every question."""


class ColdItemsConfig(QueryConfig):
    """``half_life`` and ``last`` belong to the query, the rest to the fit."""

    half_life: float | None = Field(10.0, gt=0, description="steps in the history; empty: all count alike")
    tokens: int = Field(
        2_000, ge=1, description="tokens that are mapped, those that stand out most; the map has their square"
    )
    ridge: float | None = Field(None, gt=0, description="empty: the fit hides a tenth of the items and chooses by them")
    itself: float | None = Field(None, ge=0, description="how much of a neighbour to itself an item is; empty: chosen")
    text_factors: int = Field(64, ge=1, description="numbers of an item's text that are mapped; needs an encoder")
    seed: int = 1


class ColdItems:
    """The tokens of every described item, and the map from tokens to tokens."""

    name: ClassVar[str] = "cold-items"
    Config = ColdItemsConfig

    def __init__(self, config: ColdItemsConfig | None = None, arrays: Mapping[str, Array] | None = None) -> None:
        """New, or as `arrays` gave it. Call `bind` to have it follow a catalogue."""
        self.config = config or ColdItemsConfig()
        self.encoder: TextEncoder | None = None
        self._hold(_nothing() if arrays is None else arrays)

    def fit(self, interactions: Interactions, catalogue: Catalogue) -> None:
        """Align; cost: co-visits * tokens of an item + items * tokens ** 2, and tokens ** 3 for each of six ridges."""
        c = self.config
        described, codes = _described(catalogue, c.tokens)
        if self.encoder is not None:
            factors = min(c.text_factors, _MOST_TEXT_CELLS // max(len(catalogue), 1))
            texts = TextVectors.made(self.encoder, catalogue, factors)
            described = hstack([described, csr_matrix(texts.vectors)], format="csr")
        together = _together(interactions, catalogue)
        ridges, own_parts = RIDGES if c.ridge is None else (c.ridge,), OWN_PARTS if c.itself is None else (c.itself,)
        among = [Strength(ridge, itself) for ridge in ridges for itself in own_parts]
        strength = best_strength(interactions, described, together, c, among, seed=c.seed)
        evidence = Evidence.of(described, together, touched_items(interactions, len(catalogue)))
        alignment = evidence.aligned(strength)
        rows: dict[str, Array] = {
            "pointers": described.indptr.astype(np.int64),
            "columns": described.indices.astype(np.int32),
            "values": described.data.astype(np.float32),
        }
        made_by = _bytes("" if self.encoder is None else self.encoder.name)
        held = {"tokens": codes, "alignment": alignment, "strength": _as_array(strength), "text_model": made_by}
        self._hold({**rows, **held})
        self.bind(catalogue)

    @property
    def made_by(self) -> str:
        """The name of the encoder whose vectors it holds; empty where it holds none."""
        return self._made_by.tobytes().decode()

    def bind(self, catalogue: Catalogue) -> None:
        """Take in what is new in this catalogue from now on, a few items with every question."""
        self._arrivals.bind(catalogue)

    def learn(self, step: Interaction, history: History) -> None:
        """Does nothing: the person's next question already holds the step, and the map moves with the next fit."""

    def retrieve(self, _request: Request, history: History, limit: int) -> tuple[IntArray, FloatArray]:
        """The items whose tokens the history leads to."""
        self._catch_up()
        scores = self._judged(self._wishes_of(history), self._every())
        return sorted_by(*best_of(scores, limit), limit)

    def score(self, _request: Request, history: History, items: IntArray) -> FloatArray:
        """The sum of what the history says of the item's tokens, which may be below 0; 0 without a known token."""
        self._catch_up()
        return self._judged(self._wishes_of(history), items)

    def arrays(self) -> Mapping[str, Array]:
        """The items' rows, the map, (n, n), the two strengths it has, and whose the texts' vectors are."""
        held = {"tokens": self._tokens, "alignment": self._alignment, "strength": self._strength}
        held["text_model"] = self._made_by
        return {**self._rows.arrays(), **held}

    def _hold(self, arrays: Mapping[str, Array]) -> None:
        self._tokens, self._alignment, self._strength = (arrays[name] for name in ("tokens", "alignment", "strength"))
        self._made_by = arrays["text_model"]
        n, n_tokens = len(self._alignment), len(self._tokens)
        if self._alignment.shape != (n, n) or n < n_tokens or (n > n_tokens and not self.made_by):
            raise ValueError(f"a map of shape {self._alignment.shape} does not match {n_tokens} tokens")
        self._rows = Rows.of(arrays, n)
        self._number = {code: n for n, code in enumerate(self._tokens.tolist())}
        self._arrivals = Arrivals(self._rows.lengths[: self._rows.n_rows] > 0)
        self._numbers: IntArray = np.empty(0, np.int32)
        self._asked: LastAsked[Array] = LastAsked()

    def _wishes_of(self, history: History) -> Array:
        """What whoever has this history wants of each token; shape (n_tokens,)."""
        return self._asked.of(history, partial(self._wish, history))

    def _wish(self, history: History) -> Array:
        query, weights = query_of(history, self.config, self._rows.n_rows)
        profile, wishes = np.zeros(len(self._alignment)), np.zeros(len(self._alignment), np.float32)
        rows = self._rows
        _map(rows.starts, rows.lengths, rows.columns, rows.values, query, weights, self._alignment, profile, wishes)
        return wishes

    def _judged(self, wishes: Array, items: IntArray) -> FloatArray:
        scores, rows = np.zeros(len(items)), self._rows
        _judge(rows.starts, rows.lengths, rows.columns, rows.values, rows.n_rows, wishes, items, scores)
        return scores

    def _every(self) -> IntArray:
        if len(self._numbers) != self._rows.n_rows:
            self._numbers = np.arange(self._rows.n_rows, dtype=np.int32)
        return self._numbers

    def _catch_up(self) -> None:
        """Take in items that were described after the fit."""
        for number, item in self._arrivals.next():
            self._take_in(number, item)

    def _take_in(self, number: int, item: Item) -> None:
        self._rows.reserve(number + 1)
        told = {self._number[code]: mark for code, mark in terms(item).items() if code in self._number}
        columns, marks = np.fromiter(told, np.int32, len(told)), np.fromiter(told.values(), np.float32, len(told))
        self._rows.add(np.full(len(told), number, np.int32), columns, marks)


def _nothing() -> dict[str, Array]:
    return {
        **Rows(0, np.float32).arrays(),
        "tokens": np.zeros(0, np.uint32),
        "alignment": np.zeros((0, 0), np.float32),
        "strength": _as_array(USUAL),
        "text_model": _bytes(""),
    }


def _as_array(strength: Strength) -> Array:
    return np.array([strength.ridge, strength.itself])


def _bytes(name: str) -> Array:
    return np.frombuffer(name.encode(), np.uint8)


def _described(catalogue: Catalogue, limit: int) -> tuple[Any, Array]:
    """The items' tokens with their marks, sparse (n_items, n_tokens), and which: the ``limit`` that stand out most."""
    pointers, codes, marks = term_columns(catalogue)
    known, places, counts = np.unique(codes, return_inverse=True, return_counts=True)
    weights = np.bincount(places, marks**2, minlength=len(known))
    # A token that one item alone has can lead nowhere.
    chosen = np.flatnonzero(counts > 1)
    chosen = np.sort(chosen[np.argsort(-weights[chosen], kind="stable")[:limit]])
    everything = csr_matrix((marks, places, pointers), (len(pointers) - 1, len(known)))
    described = everything[:, chosen]
    described.sort_indices()
    return described, known[chosen]


def _together(interactions: Interactions, catalogue: Catalogue) -> Any:
    """Decayed counts of which item came near which; sparse (n_items, n_items)."""
    near = Covisitation()
    near.fit(interactions, catalogue)
    rows, n = near.arrays(), len(catalogue)
    size = len(rows["pointers"]) - 1
    return csr_matrix((rows["values"].astype(np.float64), rows["columns"], rows["pointers"]), (size, size))[:n, :n]


@njit(cache=True)
def _map(  # noqa: PLR0917  # numba takes arrays by position
    starts: Longs,
    lengths: Longs,
    columns: IntArray,
    values: Array,
    query: IntArray,
    weights: FloatArray,
    alignment: Array,
    profile: FloatArray,
    wishes: Array,
) -> None:
    """Add up the query's tokens in ``profile``, and what they lead to in ``wishes``; both are 0 before."""
    for r in range(len(query)):
        start = starts[query[r]]
        for at in range(start, start + lengths[query[r]]):
            profile[columns[at]] += weights[r] * values[at]
    for token in range(len(profile)):
        if profile[token] != 0.0:
            row, amount = alignment[token], np.float32(profile[token])
            for other in range(len(wishes)):
                wishes[other] += amount * row[other]


@njit(cache=True, fastmath={"contract", "reassoc", "nsz"})
def _judge(  # noqa: PLR0917  # numba takes arrays by position
    starts: Longs,
    lengths: Longs,
    columns: IntArray,
    values: Array,
    n_rows: int,
    wishes: Array,
    items: IntArray,
    scores: FloatArray,
) -> None:
    """Write the sum of the wishes for each item's tokens; 0 for a number that has no row.

    In single precision and by unsigned places, which spare the check for "from the end": this walks the whole
    catalogue with every question.
    """
    for n in range(len(items)):
        if not 0 <= items[n] < n_rows:
            continue
        row, score = np.uint64(items[n]), np.float32(0.0)
        for at in range(np.uint64(starts[row]), np.uint64(starts[row] + lengths[row])):
            score += values[at] * wishes[np.uint64(columns[at])]
        scores[n] = score
