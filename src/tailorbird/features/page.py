"""Which page asks: what one wants at the door is not what one wants beside an item. Keeps nothing."""

from typing import ClassVar

import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.protocols import Scope
from tailorbird.types import FloatArray, IntArray, Interaction, Request


class Page:
    """Of scope request; the same values stand beside every candidate."""

    name: ClassVar[str] = "page"
    version: ClassVar[int] = 1
    scope: ClassVar[Scope] = Scope.REQUEST
    columns: ClassVar[tuple[str, ...]] = ("beside_an_item", "beside_a_cart")

    def empty(self) -> None:
        """Nothing to keep."""

    def update(self, state: None, _step: Interaction, _catalogue: Catalogue) -> None:
        """Events change nothing."""
        return state

    def merge(self, mine: None, _theirs: None) -> None:
        """Nothing with nothing."""
        return mine

    def read(self, _state: None, request: Request, items: IntArray, _catalogue: Catalogue) -> FloatArray:
        """Whether the request has an item, and whether it has a cart: both 0 on a home page."""
        row = np.array((request.item_id is not None, bool(request.cart)), np.float64)
        return np.broadcast_to(row, (len(items), len(self.columns)))
