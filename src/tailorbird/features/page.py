"""Which page asks, and when: what one wants at the door at noon is not what one wants beside an item at night."""

from typing import ClassVar, Final

import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.protocols import EVERY, FOR_EVER, Scope
from tailorbird.types import FloatArray, IntArray, Interaction, Request

_EPOCH_WEEKDAY: Final = 3  # the first of January 1970 was a Thursday


class Page:
    """Of scope request; the same values stand beside every candidate. Hours and weekdays are those of UTC."""

    name: ClassVar[str] = "page"
    version: ClassVar[int] = 2
    scope: ClassVar[Scope] = Scope.REQUEST
    columns: ClassVar[tuple[str, ...]] = ("beside_an_item", "beside_a_cart", "hour", "weekday")
    owner: ClassVar[str] = "tailorbird"
    ttl_days: ClassVar[float] = FOR_EVER
    freshness_seconds: ClassVar[float] = 0.0
    begins_with: ClassVar[frozenset[str]] = EVERY

    def empty(self) -> None:
        """Nothing to keep."""

    def update(self, state: None, _step: Interaction, _catalogue: Catalogue) -> None:
        """Events change nothing."""
        return state

    def merge(self, mine: None, _theirs: None) -> None:
        """Nothing with nothing."""
        return mine

    def read(self, _state: None, request: Request, items: IntArray, _catalogue: Catalogue) -> FloatArray:
        """Whether the request has an item or a cart, the hour in [0, 24), the weekday from Monday, 0, to Sunday, 6."""
        days, hour = divmod(request.at / 3_600, 24)
        row = np.array((request.item_id is not None, bool(request.cart), hour, (days + _EPOCH_WEEKDAY) % 7), np.float64)
        return np.broadcast_to(row, (len(items), len(self.columns)))
