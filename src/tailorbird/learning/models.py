"""From the registry to objects that serve: the models promoted, or the counting channels that need no training."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tailorbird.errors import BadModelFile, NotFound, NotInstalled
from tailorbird.learning.registry import Registry
from tailorbird.protocols import Ranker, Retriever
from tailorbird.ranking.lambda_ranker import LambdaRanker
from tailorbird.retrieval import RETRIEVERS
from tailorbird.types import Array

UNTRAINED: Final = ("popular", "trending", "covisitation")
"""Channels that serve before the first training: they learn from every event of the log."""

EVENTLESS: Final = frozenset({"content"})
"""Channels that a catalogue alone can train."""


@dataclass(frozen=True)
class Models:
    """What an engine serves with. ``stamp`` is the registry's when they were loaded."""

    retrievers: dict[str, Retriever]
    ranker: Ranker | None
    ranker_columns: tuple[str, ...]
    versions: dict[str, str]
    fitted_seq: dict[str, int]
    stamp: float


def load_models(registry: Registry, stamp: float, on_bad: Callable[[str, BadModelFile], None]) -> Models:
    """The serving version of every model; one that is damaged is told to ``on_bad`` and left out."""
    models = Models({}, None, (), {}, {}, stamp)
    ranker: LambdaRanker | None = None
    for name, version in registry.current().items():
        try:
            manifest, arrays = registry.load(name, version)
            if name == LambdaRanker.name:
                ranker = LambdaRanker(None, arrays, manifest.columns)
            else:
                models.retrievers[name] = retriever(name, manifest.settings, arrays)
        except (NotFound, NotInstalled) as error:
            on_bad(name, BadModelFile(error.message, hint=error.hint))
            continue
        except BadModelFile as error:
            on_bad(name, error)
            continue
        models.versions[name] = version
        models.fitted_seq[name] = manifest.fitted_seq
    for name in UNTRAINED:
        models.retrievers.setdefault(name, retriever(name, {}, None))
    return Models(
        models.retrievers, ranker, ranker.columns if ranker else (), models.versions, models.fitted_seq, stamp
    )


def retriever(name: str, settings: dict[str, object], arrays: dict[str, Array] | None) -> Retriever:
    """A channel by name, with its settings, as it was stored or new.

    Raises:
        BadModelFile: this Tailorbird has no channel of that name, or its arrays do not fit together.
    """
    kind: Any = RETRIEVERS.get(name)
    if kind is None:
        raise BadModelFile(f"This Tailorbird has no model called '{name}'.", hint="Train again, or retire it.")
    try:
        made: Retriever = kind(kind.Config(**settings), arrays)
    except (KeyError, ValueError) as error:
        raise BadModelFile(f"The stored model '{name}' does not fit: {error}.", hint="Train again.") from error
    return made
