"""Vectors of the items' texts: what `content` knows of meaning beside the words themselves.

The vectors of a sentence encoder all point one way: that of any two films have a cosine of a half. So they are centred
on the catalogue's mean, and reduced to its strongest directions (J. Mu and P. Viswanath, All-but-the-Top, ICLR 2018,
say why centring helps; we keep the strong directions, which are the departments of a shop). Each is then of length one.
"""

from collections.abc import Mapping
from typing import Final, Self

import numpy as np
from numba import njit

from tailorbird.catalogue import Catalogue
from tailorbird.protocols import TextEncoder
from tailorbird.types import Array, FloatArray, IntArray, Item

_CHARACTERS: Final = 1_000


class TextVectors:
    """A unit vector per item, (n_items, factors); zeros where there was no text at the fit."""

    def __init__(self, vectors: Array, made_by: str, dimension: int) -> None:
        """``made_by`` and ``dimension`` are the name and the length of what the vectors were reduced from."""
        self.vectors, self.made_by, self.dimension = vectors, made_by, dimension

    @classmethod
    def nothing(cls) -> Self:
        """No vectors."""
        return cls(np.zeros((0, 0), np.float32), "", 0)

    @classmethod
    def of(cls, arrays: Mapping[str, Array]) -> Self:
        """As `arrays` gave it.

        Raises:
            KeyError, ValueError: the arrays are something else.
        """
        vectors = arrays["text_vectors"]
        if vectors.ndim != 2:
            raise ValueError(f"text vectors of shape {vectors.shape} are not one row per item")
        return cls(vectors, arrays["text_model"].tobytes().decode(), int(arrays["text_dimension"][0]))

    @classmethod
    def made(cls, encoder: TextEncoder, catalogue: Catalogue, factors: int) -> Self:
        """Encode every described item; an item without words stays 0."""
        numbers = [int(number) for number in np.flatnonzero(catalogue.described)]
        texts = {number: text for number in numbers if (text := text_of(catalogue.item(number)))}
        vectors = np.zeros((len(catalogue), min(factors, encoder.dimension)), np.float32)
        if texts:
            known = encoder.encode(list(texts.values())).astype(np.float64)
            known -= known.mean(axis=0)
            _, directions = np.linalg.eigh(known.T @ known)
            reduced = known @ directions[:, ::-1][:, : vectors.shape[1]]
            vectors[list(texts)] = reduced / np.maximum(np.linalg.norm(reduced, axis=1, keepdims=True), 1e-9)
        return cls(vectors, encoder.name, encoder.dimension)

    def arrays(self) -> dict[str, Array]:
        """The vectors, and the name and length of what they were made from."""
        name = np.frombuffer(self.made_by.encode(), np.uint8)
        return {"text_vectors": self.vectors, "text_model": name, "text_dimension": np.array([self.dimension])}

    def cosines(self, query: IntArray, weights: FloatArray, items: IntArray | None = None) -> FloatArray:
        """Cosine of the query's weighted sum and each of ``items``, or of all that were there at the fit."""
        scores = np.zeros(len(self.vectors) if items is None else len(items))
        known = query < len(self.vectors)
        profile = (weights[known] @ self.vectors[query[known]]).astype(np.float32)
        length = float(np.linalg.norm(profile))
        if length > 0 and items is None:
            return np.asarray(self.vectors @ (profile / length), np.float64)
        if length > 0 and items is not None:
            _dots(self.vectors, profile / np.float32(length), items, scores)
        return scores


def text_of(item: Item) -> str:
    """What an encoder reads of an item, the most telling first: title, categories, brand, description."""
    parts = (item.title, ", ".join(item.categories), item.brand or "", item.description or "")
    return ". ".join(part for part in parts if part)[:_CHARACTERS]


@njit(cache=True)
def _dots(vectors: Array, profile: Array, items: IntArray, scores: FloatArray) -> None:
    """Write the inner product of ``profile`` and each item's vector; 0 for numbers without one."""
    for n in range(len(items)):
        if 0 <= items[n] < len(vectors):
            score = np.float32(0.0)
            for f in range(len(profile)):
                score += vectors[items[n], f] * profile[f]
            scores[n] = score
