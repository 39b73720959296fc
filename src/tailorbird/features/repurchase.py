"""What a person buys again and again, by category: after how many days, and whether it is due now.

Days, not lines: an order of six things of a category is one purchase of it. A person's own interval in a category is
drawn to their usual interval between orders; `ownership` says the same of a single item.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Final

import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.features.decay import of_codes
from tailorbird.protocols import Scope
from tailorbird.types import DAY_SECONDS, NOBODY, FloatArray, IntArray, Interaction, Request

_MOST_DAYS: Final = 24
_USUAL_DAYS: Final = 30.0
_PRIOR: Final = 1.0
_NEVER_DAYS: Final = 3_650.0


@dataclass(slots=True)
class Orders:
    """The newest days of purchase, in days since 1970: of anything, and by category."""

    all: set[int] = field(default_factory=set)
    by_category: dict[int, set[int]] = field(default_factory=dict)

    def interval_days(self, category: int) -> float:
        """The interval to expect between two purchases of this category; 0 where there was none yet."""
        days = self.by_category.get(category)
        if not days:
            return 0.0
        usual = (max(self.all) - min(self.all)) / (len(self.all) - 1) if len(self.all) > 1 else _USUAL_DAYS
        return (max(days) - min(days) + _PRIOR * usual) / (len(days) - 1 + _PRIOR)


class Repurchase:
    """Fold of scope user."""

    name: ClassVar[str] = "repurchase"
    version: ClassVar[int] = 1
    scope: ClassVar[Scope] = Scope.USER
    columns: ClassVar[tuple[str, ...]] = (
        "times_category_bought",
        "log_days_since_category_bought",
        "share_of_category_interval",
    )
    owner: ClassVar[str] = "tailorbird"
    ttl_days: ClassVar[float] = 730.0
    freshness_seconds: ClassVar[float] = 3_600.0
    begins_with: ClassVar[frozenset[str]] = frozenset({"purchase"})

    def empty(self) -> Orders:
        """Nothing bought."""
        return Orders()

    def update(self, state: Orders, step: Interaction, catalogue: Catalogue) -> Orders:
        """Note the day of a purchase, late or not."""
        if step.type != "purchase" or step.item == NOBODY:
            return state
        day = int(step.at // DAY_SECONDS)
        state.all = _newest(state.all | {day})
        category = catalogue.facts(step.item).category
        if category != NOBODY:
            state.by_category[category] = _newest(state.by_category.get(category, set()) | {day})
        return state

    def merge(self, mine: Orders, theirs: Orders) -> Orders:
        """The days of both."""
        both = {
            category: _newest(mine.by_category.get(category, set()) | theirs.by_category.get(category, set()))
            for category in mine.by_category.keys() | theirs.by_category.keys()
        }
        return Orders(_newest(mine.all | theirs.all), both)

    def read(self, state: Orders, request: Request, items: IntArray, catalogue: Catalogue) -> FloatArray:
        """Days on which the category was bought, days since (log), and those in expected intervals: due from 1 on."""
        out = np.zeros((len(items), len(self.columns)))
        out[:, 1] = np.log1p(_NEVER_DAYS)
        if not state.by_category:
            return out
        today, codes = request.at / DAY_SECONDS, catalogue.category[items]
        times = {code: float(len(days)) for code, days in state.by_category.items()}
        since = {code: max(today - max(days) - 0.5, 0.0) for code, days in state.by_category.items()}
        due = {code: days / max(state.interval_days(code), 1.0) for code, days in since.items()}
        out[:, 0] = of_codes(times, codes)
        out[:, 1] = np.where(out[:, 0] > 0, np.log1p(of_codes(since, codes)), out[:, 1])
        out[:, 2] = of_codes(due, codes)
        return out


def _newest(days: set[int]) -> set[int]:
    return days if len(days) <= _MOST_DAYS else set(sorted(days)[-_MOST_DAYS:])
