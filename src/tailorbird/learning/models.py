"""From the registry to objects that serve: the models promoted, or the counting channels that need no training."""

from dataclasses import dataclass, field, replace
from typing import Any, Final

from tailorbird.config import Config
from tailorbird.errors import BadModelFile, InvalidConfig, NotFound, NotInstalled, did_you_mean
from tailorbird.features import VIEWS
from tailorbird.learning.registry import Registry
from tailorbird.protocols import Ranker, ReadsText, Retriever
from tailorbird.ranking.lambda_ranker import LambdaRanker
from tailorbird.retrieval import RETRIEVERS
from tailorbird.types import Array

UNTRAINED: Final = ("popular", "trending", "covisitation")
"""Channels that serve before the first training: they learn from every event of the log."""

EVENTLESS: Final = frozenset({"content"})
"""Channels that a catalogue alone can train."""


@dataclass(frozen=True)
class Models:
    """What an engine serves with. ``stamp`` is the registry's when they were loaded; ``left_out`` what was not."""

    retrievers: dict[str, Retriever]
    ranker: Ranker | None
    ranker_columns: tuple[str, ...]
    versions: dict[str, str]
    fitted_seq: dict[str, int]
    stamp: float
    left_out: dict[str, BadModelFile] = field(default_factory=dict)


def load_models(registry: Registry, stamp: float, *, encoder: str = "") -> Models:
    """The serving version of every model; one that is damaged, or needs what is not installed, is left out.

    So is one that holds vectors of another text encoder than the one that is configured, if any is.
    """
    models = Models({}, None, (), {}, {}, stamp)
    ranker: LambdaRanker | None = None
    try:
        serving = registry.current()
    except BadModelFile as error:
        models.left_out["models"] = error
        serving = {}
    for name, version in serving.items():
        try:
            manifest, arrays = registry.load(name, version)
            if name == LambdaRanker.name:
                ranker = LambdaRanker(None, arrays, manifest.columns)
            else:
                made = retriever(name, manifest.settings, arrays)
                check_encoder(made, encoder)
                models.retrievers[name] = made
        except (NotFound, NotInstalled) as error:
            models.left_out[name] = BadModelFile(error.message, hint=error.hint)
            continue
        except BadModelFile as error:
            models.left_out[name] = error
            continue
        models.versions[name] = version
        models.fitted_seq[name] = manifest.fitted_seq
    for name in UNTRAINED:
        models.retrievers.setdefault(name, retriever(name, {}, None))
    return replace(models, ranker=ranker, ranker_columns=ranker.columns if ranker else ())


def check_encoder(model: Retriever, configured: str) -> None:
    """Refuse vectors of another encoder than the configured one.

    Raises:
        BadModelFile: names both.
    """
    made_by = model.made_by if isinstance(model, ReadsText) else ""
    if made_by and configured and made_by != configured:
        raise BadModelFile(
            f"'{model.name}' holds vectors of texts by '{made_by}'; the configuration names '{configured}'.",
            hint="Train again, or name the former under [text].",
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


def check_names(config: Config) -> None:
    """Refuse a configuration that names models or views which do not exist: what was meant would not happen.

    Raises:
        InvalidConfig: names every one of them.
    """
    named = [(f"models.{name}", name, {*RETRIEVERS, LambdaRanker.name}) for name in config.models]
    named += [(f"training.models: {name}", name, {*RETRIEVERS, LambdaRanker.name}) for name in config.training.models]
    for surface, recipe in config.policies.items():
        named += [(f"policies.{surface}.channels.{name}", name, {*RETRIEVERS}) for name in recipe.channels]
        if recipe.ranker:
            named.append((f"policies.{surface}.ranker", recipe.ranker, {LambdaRanker.name}))
    named += [("features.leave_out", name, {*VIEWS}) for name in config.features.leave_out]
    lines = [
        f"  {place}: nothing is called '{name}'. {did_you_mean(name, ok)}"
        for place, name, ok in named
        if name not in ok
    ]
    if lines:
        raise InvalidConfig("The configuration names what does not exist:\n" + "\n".join(lines) + "\n")
