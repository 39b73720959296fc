"""May a new version take the place of the one that serves? Both are asked what came after the serving one was fitted.

The new one, too, is fitted for this on nothing later, so that none has seen an answer; only its settings may have been
chosen on some of them. A version that is worse by more than chance is not promoted: a broken feed, a training that went
astray or an unlucky setting stops here, and the shop goes on with what it had.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tailorbird.errors import BadModelFile, NotFound, NotInstalled
from tailorbird.learning.cases import Split
from tailorbird.learning.evaluation import ranks
from tailorbird.learning.fitting import Fitting
from tailorbird.learning.intervals import interval, resampled
from tailorbird.learning.lists import Lists, graded_gains
from tailorbird.learning.metrics import Worth
from tailorbird.learning.models import retriever
from tailorbird.learning.past import Past
from tailorbird.learning.registry import Manifest, Registry
from tailorbird.learning.rehearsal import RANKER, Rehearsal
from tailorbird.learning.splits import later_period
from tailorbird.protocols import FollowsCatalogue, Ranker, Retriever
from tailorbird.ranking.lambda_ranker import LabelledLists, LambdaRanker
from tailorbird.types import Array

LEAST_QUESTIONS: Final = 100
"""With fewer, chance decides, and the newer version serves."""

_CUT: Final = 10
_MOST_QUESTIONS: Final = 2_000
_UNREADABLE: Final = (BadModelFile, NotFound, NotInstalled)


@dataclass(frozen=True)
class Comparison:
    """NDCG@10 of both over the same questions; ``low`` and ``high`` bound the difference of new and serving (95%)."""

    new: float
    serving: float
    low: float
    high: float
    n_questions: int

    @property
    def worse(self) -> bool:
        """Whether the new one is behind by more than chance."""
        return self.high < 0

    def __str__(self) -> str:
        return (
            f"NDCG@10 {self.new:.4f} against {self.serving:.4f} of the version before, on {self.n_questions:,}"
            f" questions since that was fitted (difference {self.low:+.4f} to {self.high:+.4f})"
        )


def compared(
    fitting: Fitting, rehearsal: Rehearsal, channels: Sequence[str], registry: Registry
) -> dict[str, Comparison]:
    """Each new version against the one that serves, where there are enough questions that neither has seen."""
    found = dict(_channels_compared(fitting, channels, registry))
    serving, ranker = _manifest(registry, RANKER), rehearsal.ranker
    if serving and ranker and serving.columns == ranker.columns:
        found[RANKER] = _rankers_compared(ranker, rehearsal.lists, serving, registry)
    return {name: comparison for name, comparison in found.items() if comparison}


def _channels_compared(
    fitting: Fitting, channels: Sequence[str], registry: Registry
) -> Iterator[tuple[str, Comparison | None]]:
    serving = {name: manifest for name in channels if (manifest := _manifest(registry, name))}
    # As a rule all were fitted at once; what was held back before leaves an older one in service.
    for since in sorted({manifest.fitted_seq for manifest in serving.values()}):
        split = _what_came_after(since, fitting.past)
        if len(split.validation) < LEAST_QUESTIONS:
            continue
        names = [name for name, manifest in serving.items() if manifest.fitted_seq == since]
        for name, new in fitting.fitted(names, split.train, "fitting as of the serving version").items():
            fitting.progress(f"comparing: {name}", 0.9)
            if old := _stored(registry, serving[name], fitting.past):
                yield name, channels_compared(new, old, split)


def _stored(registry: Registry, serving: Manifest, past: Past) -> Retriever | None:
    """The channel as it was fitted; None where it cannot be read."""
    try:
        old = retriever(serving.name, serving.settings, registry.load(serving.name, serving.version)[1])
    except _UNREADABLE:
        return None
    if isinstance(old, FollowsCatalogue):
        old.bind(past.catalogue)
    return old


def _rankers_compared(new: LambdaRanker, lists: Lists, serving: Manifest, registry: Registry) -> Comparison | None:
    """Both over the newest lists of the rehearsal, from which the new one did not learn, nor could the old one."""
    try:
        old = LambdaRanker(None, registry.load(RANKER, serving.version)[1], serving.columns)
    except _UNREADABLE:
        return None
    labelled, n_known = lists.labelled(), int(np.searchsorted(lists.seqs, serving.fitted_seq, side="right"))
    _, unseen = labelled.parted(max(n_known, new.n_learned(labelled)))
    return rankers_compared(new, old, unseen)


def _what_came_after(seq: int, past: Past) -> Split:
    """Fitted on what the log knew with that record, asked what people took up later than all of that."""
    known = past.until(seq)
    since = np.nextafter(known.at.max(initial=-np.inf), np.inf)
    return later_period(known, past.interactions, float(since), past.catalogue)


def _manifest(registry: Registry, name: str) -> Manifest | None:
    """What serves under this name; None for nothing, or nothing that can be read."""
    version = registry.current().get(name)
    try:
        return registry.manifest(name, version) if version else None
    except _UNREADABLE:
        return None


def channels_compared(new: Retriever, serving: Retriever, split: Split) -> Comparison | None:
    """Two versions of a channel over the split's validation cases; None where there are too few."""
    cases = split.validation.sample(_MOST_QUESTIONS, seed=4)
    if len(cases) < LEAST_QUESTIONS:
        return None
    mine, theirs = (ranks(model, cases, split, k=_CUT).gains(_CUT) for model in (new, serving))
    return _compared(mine, theirs, cases.askers())


def rankers_compared(new: Ranker, serving: Ranker, lists: LabelledLists) -> Comparison | None:
    """Two rankers of the same columns over the same lists; None where there are too few."""
    if len(lists) < LEAST_QUESTIONS:
        return None
    mine, theirs = (graded_gains(model.score(lists.matrix), lists) for model in (new, serving))
    return _compared(mine, theirs, np.arange(len(lists)))


def _compared(new: Worth, serving: Worth, persons: Array) -> Comparison:
    figures = resampled([new, serving], persons)
    bounds = interval(figures[:, 0] - figures[:, 1]) or (0.0, 0.0)
    mine, theirs = (float(np.mean(worth.gained)) for worth in (new, serving))
    return Comparison(mine, theirs, *bounds, len(new.gained))
