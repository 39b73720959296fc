"""A history with gaps to fill: every item is guessed from what came before it and after it.

The model is that of F. Sun et al., BERT4Rec: Sequential Recommendation with Bidirectional Encoder Representations from
Transformer, CIKM 2019; the parts are told in ``deep/``, and all but the attention to both sides and the hidden items is
that of `sasrec`. A question is a history with one hidden item at its end. Where we differ: a cross-entropy over shared
negatives, and every other sequence ends somewhere and hides that end alone, as a question does. The original needs many
times its published epochs for its figures (A. Petrov and C. Macdonald, A Systematic Review and Replicability Study of
BERT4Rec, RecSys 2022), and its lead over one-negative models was its loss (A. Klenitskiy and A. Vasilev, Turning Dross
Into Gold Loss: is BERT4Rec really better than SASRec?, RecSys 2023).
"""

from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from tailorbird.retrieval.deep.loop import Recipe
from tailorbird.retrieval.deep.model import RelativePositions, SequenceConfig, SequenceModel


class Bert4recConfig(SequenceConfig):
    """All of it belongs to the fit. Needs the extra ``deep`` to train and ``neural`` to serve."""

    relative_positions: RelativePositions = False
    hidden: float = Field(0.2, gt=0, lt=1, description="share of the items of a sequence that is hidden and asked for")


class Bert4rec(SequenceModel):
    """What is hidden, from what stands around it."""

    name = "bert4rec"
    Config = Bert4recConfig
    causal: ClassVar[bool] = False
    config: Bert4recConfig

    def _recipe(self, *, is_long: bool) -> Recipe:
        return replace(super()._recipe(is_long=is_long), hidden=self.config.hidden)
