"""Where a person goes from one category, or brand, to the next: from the tent to the sleeping bag.

Per person and not for the whole shop: what leads to what for everybody is what co-visitation counts, item by item.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Final

import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.features.decay import grown, of_codes
from tailorbird.protocols import Scope
from tailorbird.types import NOBODY, FloatArray, IntArray, Interaction, Request

_HALF_LIFE_DAYS: Final = 90.0
_PRIOR: Final = 3.0
_MOST: Final = 200

_Moves = dict[tuple[int, int], float]


@dataclass(slots=True)
class Path:
    """Grown weights of moves (from, to), by category and by brand; where the person is now, and since when."""

    categories: _Moves = field(default_factory=dict)
    brands: _Moves = field(default_factory=dict)
    category: int = NOBODY
    brand: int = NOBODY
    at: float = -np.inf


class Transitions:
    """Fold of scope user."""

    name: ClassVar[str] = "transitions"
    version: ClassVar[int] = 1
    scope: ClassVar[Scope] = Scope.USER
    columns: ClassVar[tuple[str, ...]] = ("category_after_last", "brand_after_last")
    owner: ClassVar[str] = "tailorbird"
    ttl_days: ClassVar[float] = 365.0
    freshness_seconds: ClassVar[float] = 60.0

    def empty(self) -> Path:
        """Nowhere."""
        return Path()

    def update(self, state: Path, step: Interaction, catalogue: Catalogue) -> Path:
        """Note a move; a late step lies between two others and is none."""
        if step.weight <= 0 or step.item == NOBODY or step.at < state.at:
            return state
        weight = grown(step.at, _HALF_LIFE_DAYS)
        category, brand = int(catalogue.category[step.item]), int(catalogue.brand[step.item])
        state.categories = _moved(state.categories, state.category, category, weight)
        state.brands = _moved(state.brands, state.brand, brand, weight)
        state.category, state.brand, state.at = category, brand, step.at
        return state

    def merge(self, mine: Path, theirs: Path) -> Path:
        """The moves of both, from where the later one is."""
        last = mine if mine.at >= theirs.at else theirs
        categories, brands = (
            _newest({move: a.get(move, 0.0) + b.get(move, 0.0) for move in a.keys() | b.keys()})
            for a, b in ((mine.categories, theirs.categories), (mine.brands, theirs.brands))
        )
        return Path(categories, brands, last.category, last.brand, last.at)

    def read(self, state: Path, request: Request, items: IntArray, catalogue: Catalogue) -> FloatArray:
        """The share of the moves from the last category, and brand, that led to the candidate's; drawn to 0."""
        now, out = grown(request.at, _HALF_LIFE_DAYS), np.zeros((len(items), len(self.columns)))
        for column, (moves, here, of_item) in enumerate(
            ((state.categories, state.category, catalogue.category), (state.brands, state.brand, catalogue.brand))
        ):
            onward = {to: weight / now for (start, to), weight in moves.items() if start == here}
            if onward:
                out[:, column] = of_codes(onward, of_item[items]) / (sum(onward.values()) + _PRIOR)
        return out


def _moved(moves: _Moves, start: int, to: int, weight: float) -> _Moves:
    if NOBODY in (start, to):
        return moves
    moves[start, to] = moves.get((start, to), 0.0) + weight
    return moves if len(moves) < 2 * _MOST else _newest(moves)


def _newest(moves: _Moves) -> _Moves:
    """Only the heaviest; of the same weight those with the higher codes, whoever came first."""
    if len(moves) <= _MOST:
        return moves
    return {move: moves[move] for move in sorted(moves, key=lambda move: (moves[move], move))[-_MOST:]}
