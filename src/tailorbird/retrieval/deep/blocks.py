"""The transformer: pre-norm blocks of attention over the vectors of a history's items, causal or to both sides.

W.-C. Kang and J. McAuley, Self-Attentive Sequential Recommendation, ICDM 2018, with the norm before each part (R. Xiong
et al., On Layer Normalization in the Transformer Architecture, ICML 2020) and a wide inner layer. Two biases add to
what attention finds, by heads as in J. Zhai et al., Actions Speak Louder than Words, ICML 2024: one by how many steps
back an item stands, and, where times are real, one by the logarithm of how long ago it was. Items and answers share
their vectors.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tailorbird.retrieval.deep.batches import HIDDEN

if TYPE_CHECKING:
    from torch import Tensor

FORBIDDEN: Final = -1e9
"""The bias of what a question may not see."""

_FAINT: Final = 0.1
"""Blocks begin by adding little to the item's own vector, which says most at first: a third fewer epochs."""


@dataclass(frozen=True)
class Shape:
    """How large. ``n_buckets`` is 1 where no times are known; ``widening`` times ``factors`` is the inner width.

    ``longest`` counts positions. Unless ``causal``, a question sees all of them and stands at one whose item is hidden.
    ``relative`` adds the bias by steps.
    """

    n_items: int
    factors: int
    blocks: int
    heads: int
    longest: int
    n_buckets: int
    widening: int
    causal: bool = True
    relative: bool = False

    @property
    def queries(self) -> int:
        """Entries of the longest history: a causal one has a position for each, any other one more that asks."""
        return self.longest if self.causal else self.longest - 1

    @property
    def ahead(self) -> int:
        """The farthest that a question sees ahead, in steps: the bias by steps begins there."""
        return 0 if self.causal else self.longest - 1


def fresh(shape: Shape, seed: int) -> "dict[str, Tensor]":
    """Weights before any training, the same for the same seed."""
    import torch

    draw = torch.Generator().manual_seed(seed)
    d, inner = shape.factors, shape.factors * shape.widening

    def small(*size: int, scale: float) -> "Tensor":
        return torch.randn(*size, generator=draw) * scale

    weights = {
        "items": small(shape.n_items, d, scale=0.02),
        "positions": small(shape.longest, d, scale=0.02),
        "norm.scale": torch.ones(d),
        "norm.shift": torch.zeros(d),
    }
    if not shape.causal:
        weights["hidden"] = small(d, scale=0.02)
    for block in range(shape.blocks):
        made = {
            "before.scale": torch.ones(d),
            "before.shift": torch.zeros(d),
            "queries": small(d, d, scale=d**-0.5),
            "keys": small(d, d, scale=d**-0.5),
            "values": small(d, d, scale=d**-0.5),
            "out": small(d, d, scale=_FAINT * d**-0.5),
            "between.scale": torch.ones(d),
            "between.shift": torch.zeros(d),
            "wide": small(d, inner, scale=d**-0.5),
            "wide.shift": torch.zeros(inner),
            "narrow": small(inner, d, scale=_FAINT * inner**-0.5),
            "narrow.shift": torch.zeros(d),
        }
        if shape.n_buckets > 1:
            made["ages"] = torch.zeros(shape.n_buckets, shape.heads)
        if shape.relative:
            made["steps"] = torch.zeros(shape.ahead + shape.longest, shape.heads)
        weights.update({f"{block}.{name}": value for name, value in made.items()})
    return weights


def encode(
    weights: "Mapping[str, Tensor]",
    shape: Shape,
    items: "Tensor",
    buckets: "Tensor | None",
    *,
    dropout: float = 0.0,
) -> "Tensor":
    """What is wanted at each position; shape (b, n, factors), to be multiplied with the items' vectors.

    ``items`` has shape (b, n), ``buckets`` (b, n, n) as `age_buckets` gives them, ``n_buckets`` standing for what may
    not be seen; None where it is causal and no times are known.
    """
    import torch
    from torch.nn.functional import dropout as dropped
    from torch.nn.functional import embedding, layer_norm, relu

    size = (shape.factors,)
    x = embedding(items.clamp(min=0), weights["items"])
    if not shape.causal:
        x = torch.where((items == HIDDEN)[..., None], weights["hidden"], x)
    x = x * shape.factors**0.5 + weights["positions"][: items.shape[1]]
    x = dropped(x, dropout)
    for block in range(shape.blocks):
        own = {name.partition(".")[2]: w for name, w in weights.items() if name.startswith(f"{block}.")}
        y = layer_norm(x, size, own["before.scale"], own["before.shift"])
        x = x + dropped(_attend(own, shape, y, buckets), dropout)
        y = layer_norm(x, size, own["between.scale"], own["between.shift"])
        inner = dropped(relu(y @ own["wide"] + own["wide.shift"]), dropout)
        x = x + dropped(inner @ own["narrow"] + own["narrow.shift"], dropout)
    return layer_norm(x, size, weights["norm.scale"], weights["norm.shift"])


def _attend(own: "Mapping[str, Tensor]", shape: Shape, x: "Tensor", buckets: "Tensor | None") -> "Tensor":
    """Each position's look at itself and at what it may see; shape (b, n, factors)."""
    from torch.nn.functional import scaled_dot_product_attention

    b, n, d = x.shape
    queries, keys, values = (
        (x @ own[name]).view(b, n, shape.heads, d // shape.heads).transpose(1, 2)
        for name in ("queries", "keys", "values")
    )
    bias = _bias(own, shape, x, buckets)
    seen = scaled_dot_product_attention(queries, keys, values, attn_mask=bias, is_causal=bias is None)
    return seen.transpose(1, 2).reshape(b, n, d) @ own["out"]


def _bias(own: "Mapping[str, Tensor]", shape: Shape, x: "Tensor", buckets: "Tensor | None") -> "Tensor | None":
    """What is added to attention, (b or 1, heads, n, n); None where causal is all it is, which has a faster way."""
    import torch
    from torch.nn.functional import embedding, pad

    bias = None
    if shape.relative:
        places = torch.arange(x.shape[1], device=x.device)
        back = places[:, None] - places
        bias = own["steps"][(back + shape.ahead).clamp(min=0)].permute(2, 0, 1)[None]
        if buckets is None:
            return bias.masked_fill(back < 0, FORBIDDEN)
    if buckets is None:
        return None
    ages = pad(own.get("ages", x.new_zeros(1, shape.heads)), (0, 0, 0, 1), value=FORBIDDEN)
    by_age = embedding(buckets, ages).permute(0, 3, 1, 2)
    return by_age if bias is None else by_age + bias
