"""How active a person is, at all and in this visit: taste says much of a regular and little of a stranger."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.protocols import EVERY, FOR_EVER, Scope
from tailorbird.types import FloatArray, IntArray, Interaction, Request

_PAUSE_SECONDS: Final = 1_800.0


@dataclass(slots=True)
class Counts:
    """Interactions of interest, purchases, when the last one was, and how many there were since a pause."""

    interactions: int = 0
    purchases: int = 0
    last_at: float = 0.0
    visit: int = 0


class Activity:
    """Fold of scope user; the same values stand beside every candidate."""

    name: ClassVar[str] = "activity"
    version: ClassVar[int] = 2
    scope: ClassVar[Scope] = Scope.USER
    columns: ClassVar[tuple[str, ...]] = (
        "log_interactions",
        "log_purchases",
        "log_hours_since_last",
        "log_visit_length",
    )
    owner: ClassVar[str] = "tailorbird"
    ttl_days: ClassVar[float] = FOR_EVER
    freshness_seconds: ClassVar[float] = 300.0
    begins_with: ClassVar[frozenset[str]] = EVERY

    def empty(self) -> Counts:
        """A stranger."""
        return Counts()

    def update(self, state: Counts, step: Interaction, _catalogue: Catalogue) -> Counts:
        """Count the step."""
        state.interactions += step.weight > 0
        state.purchases += step.type == "purchase"
        # Being shown something is no activity: else it would always be seconds ago at the moment of a choice.
        if step.weight > 0:
            state.visit = 1 if step.at - state.last_at > _PAUSE_SECONDS else state.visit + 1
        if step.weight != 0:
            state.last_at = max(state.last_at, step.at)
        return state

    def merge(self, mine: Counts, theirs: Counts) -> Counts:
        """Counts add up; the visit is that of whoever was here last, of both where it was at the same time."""
        last, before = (mine, theirs) if mine.last_at >= theirs.last_at else (theirs, mine)
        together = last.last_at - before.last_at <= _PAUSE_SECONDS
        return Counts(
            mine.interactions + theirs.interactions,
            mine.purchases + theirs.purchases,
            last.last_at,
            last.visit + before.visit * together,
        )

    def read(self, state: Counts, request: Request, items: IntArray, _catalogue: Catalogue) -> FloatArray:
        """Four logarithms, equal for all candidates."""
        away = max(request.at - state.last_at, 0.0) if state.interactions else 0.0
        visit = state.visit if away <= _PAUSE_SECONDS else 0
        row = (np.log1p(state.interactions), np.log1p(state.purchases), np.log1p(away / 3_600), np.log1p(visit))
        return np.broadcast_to(np.array(row), (len(items), len(self.columns)))
