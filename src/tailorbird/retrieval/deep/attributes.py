"""What items have in common by their descriptions: an item's vector is its own plus the mean of its attributes'.

Items that few people took up lean on what they share with others (K. Zhou et al., S3-Rec: Self-Supervised Learning for
Sequential Recommendation with Mutual Information Maximization, CIKM 2020, has the attributes predicted instead). The
two parts are summed before anything is served: a question costs the same with attributes and without.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tailorbird.catalogue import Catalogue, tokens
from tailorbird.retrieval.deep.batches import Longs
from tailorbird.retrieval.deep.device import beside
from tailorbird.types import IntArray

if TYPE_CHECKING:
    from torch import Tensor

_KINDS: Final = frozenset({"category", "leaf", "brand", "tag", "attribute"})


@dataclass(frozen=True)
class Attributes:
    """Item i has the ``codes`` from ``starts[i]`` to the next start; they count from 0 to ``n``."""

    codes: Longs
    starts: Longs
    n: int


def attributes_of(catalogue: Catalogue, items: IntArray) -> Attributes | None:
    """What these items are described by and share; None where they share nothing.

    The words of a title are left out: most of them say little of what is bought together.
    """
    found = [
        {f"{kind}:{token}" for kind, token in tokens(catalogue.item(item)) if kind in _KINDS}
        for item in items.tolist()
        if item < len(catalogue)
    ]
    found += [set()] * (len(items) - len(found))
    lengths = np.array([len(one) for one in found])
    names, codes, counts = np.unique(
        np.array([name for one in found for name in sorted(one)], np.str_), return_inverse=True, return_counts=True
    )
    # What one item alone has would be a second vector of its own.
    shared = counts[codes] > 1
    if not len(names) or not shared.any():
        return None
    kept = np.bincount(np.repeat(np.arange(len(items)), lengths)[shared], minlength=len(items))
    numbers = np.cumsum(counts > 1) - 1
    return Attributes(numbers[codes[shared]], np.cumsum(kept) - kept, int((counts > 1).sum()))


def summed(weights: "Mapping[str, Tensor]", attributes: Attributes | None) -> "Mapping[str, Tensor]":
    """The weights with the items' whole vectors in place of their own."""
    from torch.nn.functional import embedding_bag

    if attributes is None:
        return weights
    codes, starts = (beside(weights["items"], part) for part in (attributes.codes, attributes.starts))
    shared = embedding_bag(codes, weights["attributes"], starts, mode="mean")
    return {**weights, "items": weights["items"] + shared}
