"""Items that were described after a fit, handed out a few with every question.

A channel that knows items by what they are can take them in at once. A bulk import brings a hundred thousand, and no
request may wait for them all.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.retrieval.rows import grown
from tailorbird.types import BoolArray, Item


class Arrivals:
    """What is described in a catalogue and was not yet taken in."""

    PER_CALL: Final = 50

    def __init__(self, taken: BoolArray) -> None:
        """``taken`` (n_items,) says which items the fit knew; nothing arrives before `bind`."""
        self._taken = taken
        self._catalogue: Catalogue | None = None
        self._seen_version = -1

    def bind(self, catalogue: Catalogue) -> None:
        """From now on, look for new ones in this catalogue."""
        self._catalogue, self._seen_version = catalogue, -1

    def next(self) -> Iterator[tuple[int, Item]]:
        """At most ``PER_CALL`` new items with their numbers, each of them once."""
        catalogue = self._catalogue
        if catalogue is None or catalogue.version == self._seen_version:
            return
        if len(catalogue) > len(self._taken):
            self._taken = grown(self._taken, 2 * len(catalogue))
        new = np.flatnonzero(catalogue.described & ~self._taken[: len(catalogue)])
        if len(new) <= self.PER_CALL:
            self._seen_version = catalogue.version
        for number in new[: self.PER_CALL].tolist():
            self._taken[number] = True
            yield number, catalogue.item(number)
