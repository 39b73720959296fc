"""Fits the channels of one training run, again and again on different parts of the past, with one set of settings."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from tailorbird.config import Config
from tailorbird.learning.cases import Split
from tailorbird.learning.evaluation import ranks
from tailorbird.learning.models import retriever
from tailorbird.learning.past import Past
from tailorbird.learning.tuning import SEARCHES, choose
from tailorbird.protocols import ReadsText, Retriever, TellsProgress, TextEncoder, Told
from tailorbird.types import Interactions

_CUT: Final = 10
_MOST_CASES: Final = 1_000
_MOST_SCORES: Final = 20_000_000


@dataclass
class Fitting:
    """``chosen`` settings hold for every later fit; ``seconds`` are the CPU seconds of each model's last one."""

    past: Past
    config: Config
    progress: Told
    encoder: TextEncoder | None = None
    chosen: dict[str, dict[str, Any]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def fitted(self, names: Sequence[str], interactions: Interactions, what: str) -> dict[str, Retriever]:
        """The named channels, fitted with the settings chosen so far."""
        fitted = {}
        for n, name in enumerate(names):
            self.progress(f"{what}: {name}", n / len(names))
            started = time.process_time()
            model = retriever(name, {**self.chosen.get(name, {}), **self.config.models.get(name, {})}, None)
            if isinstance(model, TellsProgress):
                model.told = partial(self._within, f"{what}: {name}", n, len(names))
            if isinstance(model, ReadsText):
                model.encoder = self.encoder
            model.fit(interactions, self.past.catalogue)
            self.seconds[name] = time.process_time() - started
            fitted[name] = model
        return fitted

    def choose_settings(self, channels: dict[str, Retriever], split: Split) -> None:
        """Let each channel choose what belongs to its query on the later period; what the shop has set stays set.

        Half-lives and popularity exponents that are best on one shop lose to plain counting on another.
        """
        for name, model in list(channels.items()):
            if name not in SEARCHES or name in self.config.models or not len(split.validation):
                continue
            self.progress(f"choosing settings: {name}", 0.25)
            channels[name], self.chosen[name] = choose(name, model, split, ranks, n_cases=_n_cases(split))

    def measured(self, channels: Mapping[str, Retriever], split: Split) -> dict[str, dict[str, float]]:
        """How well each channel foresees the later period: NDCG and hit rate at 10 over the same questions."""
        cases = split.validation.sample(_n_cases(split), seed=4)
        if not len(cases):
            return {}
        figures = {}
        for name, model in channels.items():
            self.progress(f"measuring: {name}", 0.3)
            placed = ranks(model, cases, split, k=_CUT)
            figures[name] = {"ndcg@10": placed.ndcg(_CUT), "hr@10": placed.hit_rate(_CUT), "questions": len(cases)}
        return figures

    def _within(self, what: str, n: int, of: int, detail: str, share: float) -> None:
        """Tell of the inside of the ``n``-th of several fits."""
        self.progress(f"{what}, {detail}", (n + share) / of)


def _n_cases(split: Split) -> int:
    """A case scores every item: with 100,000 of them, fewer cases say as much in the same time."""
    return max(200, min(_MOST_CASES, _MOST_SCORES // max(split.n_items, 1)))
