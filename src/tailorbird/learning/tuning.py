"""Choose what belongs to a model's query (half-life, popularity exponents) on the validation cases.

Only query parameters are searched, because they need no second fit: a new configuration over the same arrays is a new
model at once. One coordinate after the other, twice over, on at most 2,000 cases: on the data sets of the benchmarks
this finds what a full grid finds, to the third digit, in seconds. Never ship fixed exponents: those that are best on
one shop lose to plain counting on another.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from tailorbird.learning.metrics import Placements
from tailorbird.learning.splits import Split

Axes = Mapping[str, Sequence[Any]]

_HALF_LIVES: Final = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, None)
_EXPONENTS: Final[Axes] = {
    "source_exponent": (0.0, 0.25, 0.5, 0.75, 1.0),
    "target_exponent": (0.0, 0.1, 0.2, 0.3, 0.5, 0.7),
}

SEARCHES: Final[Mapping[str, Axes]] = {
    "covisitation": {"half_life": _HALF_LIVES, **_EXPONENTS},
    "item-knn": {"half_life": _HALF_LIVES, **_EXPONENTS},
    "ease": {"half_life": _HALF_LIVES},
    "ials": {"half_life": _HALF_LIVES},
    "content": {"half_life": _HALF_LIVES},
}
"""Model name -> setting -> values, in the order of search."""

_CASES: Final = 2_000
_ROUNDS: Final = 2


def choose(
    name: str,
    model: Any,
    split: Split,
    ranks: Callable[..., Placements],
    *,
    n_cases: int = _CASES,
    k: int = 10,
) -> tuple[Any, dict[str, Any]]:
    """The fitted ``model`` with the settings that give the highest NDCG at ``k`` on validation, and those settings.

    ``model`` must have a pydantic ``config`` and ``arrays``; ``ranks`` is `evaluation.ranks`. Nothing is fitted. Of two
    equal values the first of the axis wins, the present one first of all; the sample of cases is always the same.
    """
    axes = SEARCHES[name]
    cases = split.validation.sample(n_cases, seed=3)
    best = {setting: getattr(model.config, setting) for setting in axes}
    tried: dict[tuple[Any, ...], float] = {}

    def worth(settings: dict[str, Any]) -> float:
        key = tuple(settings.values())
        if key not in tried:
            tried[key] = ranks(with_settings(model, settings), cases, split, k=k).ndcg(k)
        return tried[key]

    for _ in range(_ROUNDS):
        before = dict(best)
        for setting, values in axes.items():
            best = max((best, *({**best, setting: value} for value in values)), key=worth)
        if best == before:
            break
    return with_settings(model, best), best


def with_settings(model: Any, settings: Mapping[str, Any]) -> Any:
    """The same fitted model under other settings of its query."""
    config = type(model.config).model_validate({**model.config.model_dump(), **settings})
    return type(model)(config, model.arrays())
