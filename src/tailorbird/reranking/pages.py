"""The next page of a slate: what an earlier decision had left, in the order that it had then.

Asked anew, the pool would have moved meanwhile, and an item would stand on both pages or on neither. So the pools of
the last decisions are kept, and a cursor is the id of one.
"""

from collections import OrderedDict
from typing import Final

import numpy as np

from tailorbird.errors import BadInput
from tailorbird.types import Candidates, IntArray

KEPT: Final = 500
"""Decisions whose next page can be asked for."""


class Pages:
    """Pools by the decision that they were made for, each with the items that were shown of it so far."""

    def __init__(self) -> None:
        """None yet."""
        self._kept: OrderedDict[str, tuple[Candidates, set[int]]] = OrderedDict()

    def rest(self, cursor: str) -> tuple[Candidates, set[int]]:
        """What an earlier decision left of its pool, and what was shown of it.

        Raises:
            BadInput: the cursor is not known, or no longer.
        """
        kept = self._kept.get(cursor)
        if kept is None:
            raise BadInput(
                f"The cursor '{cursor[:64]}' is not known, or expired after {KEPT} newer decisions.",
                hint="Ask again without a cursor.",
            )
        pool, shown = kept
        left = pool.take(np.array([n for n in range(len(pool)) if int(pool.items[n]) not in shown], np.int64))
        return left, shown

    def keep(self, decision_id: str, pool: Candidates, placed: IntArray, shown: set[int]) -> None:
        """A decision placed these rows of its pool; ``shown`` stood on the pages before."""
        self._kept[decision_id] = (pool, shown | set(pool.items[placed].tolist()))
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    def go_on(self, decision_id: str) -> bool:
        """Whether a cursor to this decision would bring more items."""
        kept = self._kept.get(decision_id)
        return kept is not None and len(kept[0]) > len(kept[1] & set(kept[0].items.tolist()))
