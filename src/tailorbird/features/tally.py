"""Weights by small codes, as compact as a few hundred thousand people need them.

A dictionary of a dozen codes with their weights takes a kilobyte; two arrays take three hundred bytes, and finding a
code among a few dozen is a scan at the speed of C. Codes keep the order in which they came, so that a sum is the same
to the bit wherever the same steps were folded.
"""

from array import array
from collections.abc import Iterator, Mapping

import numpy as np

from tailorbird.types import FloatArray, IntArray


class Tally(Mapping[int, float]):
    """Weight by code; codes are 32-bit integers."""

    __slots__ = ("codes", "weights")

    def __init__(self) -> None:
        """Nothing yet."""
        self.codes = array("i")
        self.weights = array("d")

    def add(self, code: int, weight: float) -> None:
        """So much more of this code."""
        # Looked for twice, for an error that is caught costs more than a second look; half of all codes are new.
        if code in self.codes:
            self.weights[self.codes.index(code)] += weight
        else:
            self.codes.append(code)
            self.weights.append(weight)

    def plus(self, other: "Tally") -> "Tally":
        """Both added up; this one's codes come first."""
        both = Tally()
        both.codes, both.weights = self.codes[:], self.weights[:]
        for code, weight in other.items():
            both.add(code, weight)
        return both

    def of(self, codes: IntArray) -> FloatArray:
        """The weight of each code, 0 for one that has none; shape of ``codes``."""
        if not self.codes:
            return np.zeros(codes.shape)
        known = np.array(self.codes)
        order = np.argsort(known)
        known, values = known[order], np.array(self.weights)[order]
        place = np.minimum(np.searchsorted(known, codes), len(known) - 1)
        return np.where(known[place] == codes, values[place], 0.0)

    def __getitem__(self, code: int) -> float:
        try:
            return self.weights[self.codes.index(code)]
        except ValueError:
            raise KeyError(code) from None

    def __iter__(self) -> Iterator[int]:
        return iter(self.codes)

    def __len__(self) -> int:
        return len(self.codes)

    def total(self) -> float:
        """The sum of all weights, in the order of their codes."""
        return sum(self.weights)
