"""What describes an item, as a bag of numbered tokens: the input of a tower that also has to judge new items.

The tokens are those of `content` (categories, brand, tags, attributes, words) and the price's order of magnitude. A
token that one item alone has teaches nothing about another and is left out.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from tailorbird.catalogue import Catalogue
from tailorbird.retrieval.content import terms
from tailorbird.types import Array, Item

Longs = NDArray[np.int64]


@dataclass(frozen=True)
class Bags:
    """One bag per item: ``columns[pointers[n]:pointers[n + 1]]`` are the tokens of item n, with their ``values``."""

    pointers: Longs
    columns: Longs
    values: Array

    def of(self, items: Longs) -> "Bags":
        """The bags of these items, in this order."""
        lengths = np.diff(self.pointers)[items]
        pointers = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)))
        places = np.repeat(self.pointers[:-1][items] - pointers[:-1], lengths) + np.arange(pointers[-1])
        return Bags(pointers, self.columns[places], self.values[places])


@dataclass(frozen=True)
class Vocabulary:
    """The tokens that count, by their 32-bit checksums (ascending), and how rare each is."""

    codes: Array
    rarity: Array

    @staticmethod
    def of(catalogue: Catalogue, most: int) -> "Vocabulary":
        """The ``most`` frequent tokens that more than one item of the catalogue has."""
        counts: Counter[int] = Counter()
        for item in catalogue:
            counts.update(_marks(item).keys())
        chosen = sorted((code for code, n in counts.items() if n > 1), key=lambda code: (-counts[code], code))[:most]
        codes = np.array(sorted(chosen), np.uint32)
        frequency = np.array([counts[code] for code in codes.tolist()], np.float64)
        return Vocabulary(codes, np.log1p(catalogue.n_described / np.maximum(frequency, 1.0)).astype(np.float32))

    def __len__(self) -> int:
        return len(self.codes)

    def bag(self, item: Item) -> tuple[Longs, Array]:
        """The item's tokens and their weights by TF-IDF, of length 1 together; nothing where none of them counts."""
        told = {self._numbers[code]: mark for code, mark in _marks(item).items() if code in self._numbers}
        columns = np.fromiter(told, np.int64, len(told))
        values = np.fromiter(told.values(), np.float32, len(told)) * self.rarity[columns]
        return columns, values / max(float(np.linalg.norm(values)), 1e-9)

    def bags(self, catalogue: Catalogue, n_items: int) -> Bags:
        """Those of all items by number; empty for one that is not described."""
        pointers = np.zeros(n_items + 1, np.int64)
        columns, values = [np.empty(0, np.int64)], [np.empty(0, np.float32)]
        for number in np.flatnonzero(catalogue.described[:n_items]).tolist():
            found, weights = self.bag(catalogue.item(number))
            pointers[number + 1] = len(found)
            columns.append(found)
            values.append(weights)
        return Bags(np.cumsum(pointers), np.concatenate(columns), np.concatenate(values))

    @cached_property
    def _numbers(self) -> Mapping[int, int]:
        return {code: n for n, code in enumerate(self.codes.tolist())}


def _marks(item: Item) -> dict[int, float]:
    """What describes an item, its price to within half an octave included, as token code -> how much of it there is."""
    marks = terms(item)
    if item.price is not None and item.price > 0:
        marks[crc32(f"price:{round(2 * np.log2(item.price))}".encode())] = 1.0
    return marks
