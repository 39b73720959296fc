"""Self-attention over what a person took up, in its order: the channel that reads a history as a sentence.

The model is that of W.-C. Kang and J. McAuley, Self-Attentive Sequential Recommendation, ICDM 2018; the parts are told
in ``deep/``. Where we differ: a cross-entropy over shared negatives instead of one negative a position; vectors that
begin where counting ends; what items share by their descriptions; all of a long history teaches; and attention that
knows how long ago each item was, where times are real, and how many steps back, where histories are long.
"""

from typing import ClassVar

from tailorbird.retrieval.deep.model import SequenceConfig, SequenceModel


class SasrecConfig(SequenceConfig):
    """All of it belongs to the fit. Needs the extra ``deep`` to train and ``neural`` to serve."""


class Sasrec(SequenceModel):
    """What comes next, from what came before."""

    name = "sasrec"
    Config = SasrecConfig
    causal: ClassVar[bool] = True
