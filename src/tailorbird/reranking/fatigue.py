"""Fatigue: what somebody was just shown and passed over makes room for something else.

Impression discounting (Lee, Lakshmanan, Tiwari and Shah, Modeling Impression Discounting in Large-Scale Recommender
Systems, KDD 2014) in its plainest form. A rule and not only a feature, because a log of lists that people searched for
says little of what a slate is worth when it comes round a second time.
"""

from typing import ClassVar

import numpy as np

from tailorbird.types import Candidates, Person, Policy, Request


class Fatigue:
    """Moves what was passed over on a slate in the last ``policy.fatigue_minutes`` behind everything else."""

    name: ClassVar[str] = "fatigue"

    def rerank(self, request: Request, person: Person, pool: Candidates, policy: Policy) -> Candidates:
        """The same items; those passed over keep their order among themselves, right below the lowest of the others."""
        state = person.states.get("shown")
        if state is None or policy.fatigue_minutes <= 0:
            return pool
        tired = np.isin(pool.items, state.passed_over(request.at - 60 * policy.fatigue_minutes))
        if not tired.any() or tired.all():
            return pool
        pool.trail["passed_over"] = int(tired.sum())
        floor, top = float(pool.score[~tired].min()), float(pool.score.max())
        # Only a hair below: what reads scores after this must not take the gap for a verdict.
        pool.score = np.where(tired, floor - 1e-6 * (1.0 + top - pool.score), pool.score)
        return pool.ordered()
