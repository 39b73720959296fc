"""How active a person is: lets the ranker trust taste for a regular and popularity for a stranger."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.protocols import Scope
from tailorbird.types import FloatArray, IntArray, Interaction, Request


@dataclass(slots=True)
class Counts:
    """Interactions of interest, purchases, and when the last one was."""

    interactions: int = 0
    purchases: int = 0
    last_at: float = 0.0


class Activity:
    """Fold of scope user; the same values stand beside every candidate."""

    name: ClassVar[str] = "activity"
    version: ClassVar[int] = 1
    scope: ClassVar[Scope] = Scope.USER
    columns: ClassVar[tuple[str, ...]] = ("log_interactions", "log_purchases", "log_hours_since_last")

    def empty(self) -> Counts:
        """A stranger."""
        return Counts()

    def update(self, state: Counts, step: Interaction, _catalogue: Catalogue) -> Counts:
        """Count the step."""
        state.interactions += step.weight > 0
        state.purchases += step.type == "purchase"
        # Being shown something is no activity: else it would always be seconds ago at the moment of a choice.
        if step.weight != 0:
            state.last_at = max(state.last_at, step.at)
        return state

    def merge(self, mine: Counts, theirs: Counts) -> Counts:
        """Counts add up."""
        return Counts(
            mine.interactions + theirs.interactions,
            mine.purchases + theirs.purchases,
            max(mine.last_at, theirs.last_at),
        )

    def read(self, state: Counts, request: Request, items: IntArray, _catalogue: Catalogue) -> FloatArray:
        """Three logarithms, equal for all candidates."""
        hours = max(request.at - state.last_at, 0.0) / 3_600 if state.interactions else 0.0
        row = (np.log1p(state.interactions), np.log1p(state.purchases), np.log1p(hours))
        return np.broadcast_to(np.array(row), (len(items), len(self.columns)))
