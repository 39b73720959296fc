"""What a person was shown and passed over: the other half of what their clicks say.

A click is read against what else was on the list. Each item shown moves a *taste* away from what it is made of, in
proportion to the click that was to be expected; each click on something shown moves it back: an online logistic
regression over the catalogue's hashed vectors (McMahan et al., Ad Click Prediction: a View from the Trenches, KDD 2013,
without its regularisation, because a person sees hundreds of items and not millions). The last impressions themselves
are kept too, so that a list does not insist on what was just passed over.
"""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar, Final

import numpy as np

from tailorbird.catalogue import VECTOR_SIZE, Catalogue
from tailorbird.features.decay import of_codes
from tailorbird.features.list_clicks import SLATES
from tailorbird.protocols import FOR_EVER, Scope
from tailorbird.types import NOBODY, Array, FloatArray, IntArray, Interaction, Request

_KEPT: Final = 200
_NEVER_MINUTES: Final = 60 * 24 * 365.0
_RATE: Final = 0.5
_PRIOR_SHOWN: Final = 20.0
_PRIOR_TAKEN: Final = 2.0
_BRAND_PRIOR: Final = 10.0


@dataclass(slots=True)
class Impressions:
    """Impressions that no interest answered yet, oldest first; all of them by brand; and the taste."""

    items: "array[int]" = field(default_factory=lambda: array("i"))
    at: "array[float]" = field(default_factory=lambda: array("d"))
    recommended: "array[int]" = field(default_factory=lambda: array("b"))
    shown: int = 0
    taken: int = 0
    brands_shown: dict[int, int] = field(default_factory=dict)
    brands_taken: dict[int, int] = field(default_factory=dict)
    taste: Array | None = None

    def take(self, rows: Iterable[int]) -> None:
        """Keep only the waiting impressions at these positions, in this order."""
        rows = list(rows)
        self.items = array("i", [self.items[n] for n in rows])
        self.at = array("d", [self.at[n] for n in rows])
        self.recommended = array("b", [self.recommended[n] for n in rows])

    def passed_over(self, since: float) -> IntArray:
        """What stood on a recommended slate since then without an answer; item numbers, the oldest first."""
        found = zip(self.items, self.at, self.recommended, strict=True)
        return np.array([item for item, at, recommended in found if recommended and at >= since], np.int32)


class Shown:
    """Fold of scope user over `list_view` events and what answers them."""

    name: ClassVar[str] = "shown"
    version: ClassVar[int] = 1
    scope: ClassVar[Scope] = Scope.USER
    columns: ClassVar[tuple[str, ...]] = (
        "times_passed_over",
        "log_minutes_since_passed_over",
        "log_brand_shown",
        "brand_lift",
        "taste_in_lists",
    )
    owner: ClassVar[str] = "tailorbird"
    ttl_days: ClassVar[float] = FOR_EVER
    freshness_seconds: ClassVar[float] = 60.0
    begins_with: ClassVar[frozenset[str]] = frozenset({"list_view"})

    def empty(self) -> Impressions:
        """Nothing shown."""
        return Impressions()

    def update(self, state: Impressions, step: Interaction, catalogue: Catalogue) -> Impressions:
        """An impression waits for an answer; interest in an item answers all that wait for it."""
        if step.type == "list_view":
            self._see(state, step, catalogue)
        elif step.weight > 0 and step.item in state.items:
            state.take([n for n, item in enumerate(state.items) if item != step.item])
            state.taken += 1
            brand = catalogue.facts(step.item).brand
            if brand != NOBODY:
                state.brands_taken[brand] = state.brands_taken.get(brand, 0) + 1
            if state.taste is not None:
                state.taste += _RATE * catalogue.vectors[step.item]
        return state

    def _see(self, state: Impressions, step: Interaction, catalogue: Catalogue) -> None:
        if len(state.items) >= 2 * _KEPT:
            state.take(range(_KEPT, 2 * _KEPT))
        state.items.append(step.item)
        state.at.append(step.at)
        state.recommended.append(step.surface in SLATES)
        brand = catalogue.facts(step.item).brand
        if brand != NOBODY:
            state.brands_shown[brand] = state.brands_shown.get(brand, 0) + 1
        vector = catalogue.vectors[step.item]
        if state.taste is None:
            state.taste = np.zeros(VECTOR_SIZE, np.float32)
        odds = (state.taken + _PRIOR_TAKEN) / (state.shown - state.taken + _PRIOR_SHOWN)
        odds *= float(np.exp(min(float(state.taste @ vector), 10.0)))
        state.taste -= _RATE * odds / (1 + odds) * vector
        state.shown += 1

    def merge(self, mine: Impressions, theirs: Impressions) -> Impressions:
        """Impressions by time, equal times mine first; counts and tastes add up."""
        tastes = [taste for taste in (mine.taste, theirs.taste) if taste is not None]
        merged = Impressions(
            mine.items + theirs.items,
            mine.at + theirs.at,
            mine.recommended + theirs.recommended,
            mine.shown + theirs.shown,
            mine.taken + theirs.taken,
            _sum(mine.brands_shown, theirs.brands_shown),
            _sum(mine.brands_taken, theirs.brands_taken),
            sum(tastes[1:], tastes[0].copy()) if tastes else None,
        )
        merged.take(np.argsort(merged.at, kind="stable")[-_KEPT:].tolist())
        return merged

    def read(self, state: Impressions, request: Request, items: IntArray, catalogue: Catalogue) -> FloatArray:
        """How often it was passed over on slates and when; what lists say of its brand; what the taste adds.

        In order: times, minutes since (log), impressions of the brand (log), by how much more than other brands it was
        taken (log ratio, drawn to 0 by ten impressions), and the log-odds that the taste adds to a click.
        """
        out = np.zeros((len(items), len(self.columns)))
        out[:, 1] = np.log1p(_NEVER_MINUTES)
        if not state.shown:
            return out
        passed = np.array(state.recommended, np.bool_)
        waiting = np.array(state.items, np.int32)[passed]
        order = np.argsort(waiting, kind="stable")
        ranked = waiting[order]
        first, end = np.searchsorted(ranked, items), np.searchsorted(ranked, items, side="right")
        again = end > first
        out[:, 0] = end - first
        last_at = np.array(state.at)[passed][order[end[again] - 1]]
        out[again, 1] = np.log1p(np.maximum(request.at - last_at, 0.0) / 60)
        rate = (state.taken + _PRIOR_TAKEN) / (state.shown + _PRIOR_SHOWN)
        brands = catalogue.brand[items]
        shown = of_codes(state.brands_shown, brands)
        taken = np.where(shown > 0, of_codes(state.brands_taken, brands), 0.0)
        out[:, 2] = np.log1p(shown)
        # Nothing shown and nothing taken: the prior alone, whose ratio is 1.
        out[:, 3] = np.log((taken + _BRAND_PRIOR * rate) / (shown + _BRAND_PRIOR) / rate)
        if state.taste is not None:
            out[:, 4] = catalogue.vectors[items] @ state.taste
        return out


def _sum(mine: dict[int, int], theirs: dict[int, int]) -> dict[int, int]:
    out = dict(mine)
    for code, n in theirs.items():
        out[code] = out.get(code, 0) + n
    return out
