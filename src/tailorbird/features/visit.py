"""What this visit is about: its categories and brands, its price band, how deep it goes, and the words searched for.

What somebody is looking for today says more than what they like in general. All of it ends with the visit.
"""

import zlib
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from tailorbird.catalogue import VECTOR_SIZE, Catalogue, words
from tailorbird.features.tally import Tally
from tailorbird.protocols import EVERY, Scope
from tailorbird.types import NOBODY, Array, FloatArray, IntArray, Interaction, Request


@dataclass(slots=True)
class Context:
    """Weights by code, log prices (weight, sum, sum of squares), words (hashed as in the catalogue), and depth."""

    categories: Tally = field(default_factory=Tally)
    brands: Tally = field(default_factory=Tally)
    prices: tuple[float, float, float] = (0.0, 0.0, 0.0)
    words: Array | None = None
    began_at: float = np.inf
    looks: int = 0
    carted: int = 0
    searches: int = 0


class Visit:
    """Fold of scope session."""

    name: ClassVar[str] = "visit"
    version: ClassVar[int] = 1
    scope: ClassVar[Scope] = Scope.SESSION
    columns: ClassVar[tuple[str, ...]] = (
        "visit_category_share",
        "visit_brand_share",
        "visit_price_gap",
        "visit_words_likeness",
        "log_visit_minutes",
        "log_visit_searches",
        "log_visit_carted",
    )
    owner: ClassVar[str] = "tailorbird"
    ttl_days: ClassVar[float] = 1.0
    freshness_seconds: ClassVar[float] = 5.0
    begins_with: ClassVar[frozenset[str]] = EVERY

    def empty(self) -> Context:
        """A visit that has only begun."""
        return Context()

    def update(self, state: Context, step: Interaction, catalogue: Catalogue) -> Context:
        """Take in a look, a search, a cart; a list that was only seen says when the visit began."""
        state.began_at = min(state.began_at, step.at)
        if step.type == "search" and step.query:
            state.words = _of_words(step.query) if state.words is None else state.words + _of_words(step.query)
            state.searches += 1
        if step.weight <= 0 or step.item == NOBODY:
            return state
        state.looks += 1
        state.carted += step.type == "cart_add"
        facts, weight = catalogue.facts(step.item), step.weight
        if facts.category != NOBODY:
            state.categories.add(facts.category, weight)
        if facts.brand != NOBODY:
            state.brands.add(facts.brand, weight)
        if facts.price > 0:
            log_price = facts.log_price
            total, first, second = state.prices
            state.prices = (total + weight, first + weight * log_price, second + weight * log_price**2)
        return state

    def merge(self, mine: Context, theirs: Context) -> Context:
        """Two devices of one visit, added up."""
        said = [words for words in (mine.words, theirs.words) if words is not None]
        return Context(
            mine.categories.plus(theirs.categories),
            mine.brands.plus(theirs.brands),
            tuple(a + b for a, b in zip(mine.prices, theirs.prices, strict=True)),  # type: ignore[arg-type]  # three
            np.sum(said, axis=0) if said else None,
            min(mine.began_at, theirs.began_at),
            mine.looks + theirs.looks,
            mine.carted + theirs.carted,
            mine.searches + theirs.searches,
        )

    def read(self, state: Context, request: Request, items: IntArray, catalogue: Catalogue) -> FloatArray:
        """Shares in [0, 1], deviations above the visit's prices, cosine to the words, and three logs of depth."""
        out = np.zeros((len(items), len(self.columns)))
        for column, codes, of_item in (
            (0, state.categories, catalogue.category),
            (1, state.brands, catalogue.brand),
        ):
            if codes:
                out[:, column] = codes.of(of_item[items]) / codes.total()
        total, first, second = state.prices
        if total > 0:
            spread = np.sqrt(max(second / total - (first / total) ** 2, 0.0)) + 0.3
            gap = (np.log(np.maximum(catalogue.price[items], 0.01)) - first / total) / spread
            out[:, 2] = np.clip(np.nan_to_num(gap, nan=0.0), -10, 10)
        if state.words is not None:
            out[:, 3] = catalogue.vectors[items] @ (state.words / max(float(np.linalg.norm(state.words)), 1e-9))
        minutes = max(request.at - state.began_at, 0.0) / 60 if np.isfinite(state.began_at) else 0.0
        out[:, 4:] = np.log1p((minutes, state.searches, state.carted))
        return out


def _of_words(query: str) -> Array:
    """The words as they stand in the catalogue's hashed vectors, whether an item has them in its title or category."""
    vector = np.zeros(VECTOR_SIZE, np.float32)
    for word in words(query[:200]):
        code = zlib.crc32(f"word:{word}".encode())
        vector[code % VECTOR_SIZE] += 1.0 if code & 0x1000 else -1.0
    return vector
