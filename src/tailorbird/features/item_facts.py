"""What the catalogue itself says of an item: price, discount, age. Keeps nothing."""

from typing import ClassVar, Final

import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.protocols import EVERY, FOR_EVER, Scope
from tailorbird.types import DAY_SECONDS, FloatArray, IntArray, Interaction, Request

_UNKNOWN_AGE_DAYS: Final = 365.0


class ItemFacts:
    """Of scope request."""

    name: ClassVar[str] = "item_facts"
    version: ClassVar[int] = 2
    scope: ClassVar[Scope] = Scope.REQUEST
    columns: ClassVar[tuple[str, ...]] = ("log_price", "price_in_category", "discount", "log_age_days")
    owner: ClassVar[str] = "tailorbird"
    ttl_days: ClassVar[float] = FOR_EVER
    freshness_seconds: ClassVar[float] = 60.0
    begins_with: ClassVar[frozenset[str]] = EVERY

    def empty(self) -> None:
        """Nothing to keep."""

    def update(self, state: None, _step: Interaction, _catalogue: Catalogue) -> None:
        """Events change nothing."""
        return state

    def merge(self, mine: None, _theirs: None) -> None:
        """Nothing with nothing."""
        return mine

    def read(self, _state: None, request: Request, items: IntArray, catalogue: Catalogue) -> FloatArray:
        """Log price (0 if not known), deviations above its category's, share off the list price, log of days of age.

        The share is in [0, 1]; an item whose creation is not known counts as a year old.
        """
        price = catalogue.price[items]
        age_days = np.maximum(request.at - catalogue.created_at[items], 0.0) / DAY_SECONDS
        return np.column_stack(
            (
                np.log1p(np.nan_to_num(price, nan=0.0).clip(min=0.0)),
                catalogue.price_in_category(items),
                catalogue.discount(items),
                np.log1p(np.nan_to_num(age_days, nan=_UNKNOWN_AGE_DAYS)),
            )
        )
