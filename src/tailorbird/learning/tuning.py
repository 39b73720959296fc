"""Choose what belongs to a model's query (half-life, popularity exponents) on the validation cases.

Query parameters are searched because they need no second fit: a new configuration over the same arrays is a new model
at once. The one fit that is repeated is that of popularity, which costs nothing: a shop's fades in weeks, news in
hours. Each axis in turn is climbed step by step from where the search stands, until no axis moves: worth falls off on
both sides of the best value, so a dozen steps find it, in seconds. Never ship fixed exponents: those that are best on
one shop lose to plain counting on another.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from tailorbird.learning.cases import Split
from tailorbird.learning.metrics import Placements

Axes = Mapping[str, Sequence[Any]]

_HALF_LIVES: Final = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, None)
_EXPONENTS: Final[Axes] = {
    "source_exponent": (0.0, 0.25, 0.5, 0.75, 1.0, 1.25),
    "target_exponent": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7),
}

SEARCHES: Final[Mapping[str, Axes]] = {
    "covisitation": {"half_life": _HALF_LIVES, **_EXPONENTS},
    "bought-after": {"half_life": _HALF_LIVES, **_EXPONENTS},
    "bought-with": {"half_life": _HALF_LIVES, **_EXPONENTS},
    "item-knn": {"half_life": _HALF_LIVES, **_EXPONENTS},
    "user-knn": {
        "half_life": _HALF_LIVES,
        **_EXPONENTS,
        "neighbours": (50, 100, 200, 500, 1_000),
        "shrinkage": (0.0, 3.0, 10.0, 30.0, 100.0),
    },
    "v-sknn": {
        "steepness": (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0),
        "source_exponent": _EXPONENTS["source_exponent"],
        "nearness": (0.5, 1.0, 2.0, 3.0, 5.0, 10.0, None),
        "neighbours": (50, 100, 250, 500, 1_000),
    },
    "ease": {"half_life": _HALF_LIVES},
    "ials": {"half_life": _HALF_LIVES},
    "lightgcn": {"half_life": _HALF_LIVES},
    "content": {"half_life": _HALF_LIVES, "text": (0.0, 0.3, 1.0, 3.0)},
    "cold-items": {"half_life": _HALF_LIVES},
}
"""Model name -> setting -> values, in the order of search."""

FADING: Final[Mapping[str, Axes]] = {
    "popular": {"half_life_days": (1 / 96, 1 / 48, 1 / 24, 0.25, 1.0, 3.0, 7.0, 30.0, 90.0, 365.0)},
}
"""The same for what belongs to a fit that costs next to nothing, where times are real."""

_CASES: Final = 5_000


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

    ``model`` must have a pydantic ``config`` and ``arrays``; ``ranks`` is `evaluation.ranks`. Nothing but what is in
    `FADING` is fitted anew, and the sample of cases is always the same. Where a step changes nothing, the search stays.
    """
    cases = split.validation.sample(n_cases, seed=3)
    axes = SEARCHES[name] if name in SEARCHES else FADING[name]
    under = with_settings if name in SEARCHES else partial(_fitted_under, split=split)
    tried: dict[tuple[Any, ...], float] = {}

    def worth(settings: dict[str, Any]) -> float:
        key = tuple(settings.values())
        if key not in tried:
            tried[key] = ranks(under(model, settings), cases, split, k=k).ndcg(k)
        return tried[key]

    best = climb(axes, {setting: getattr(model.config, setting) for setting in axes}, worth)
    return under(model, best), best


def climb(axes: Axes, start: Mapping[str, Any], worth: Callable[[dict[str, Any]], float]) -> dict[str, Any]:
    """A point from which no single step along an axis is worth more.

    ``axes`` hold the values in their order; a start between two of them is moved to the first.
    """
    place = {
        setting: values.index(start[setting]) if start[setting] in values else 0 for setting, values in axes.items()
    }
    best = {setting: axes[setting][at] for setting, at in place.items()}
    moved = True
    while moved:
        moved = False
        for setting, values in axes.items():
            for step in (1, -1):
                while 0 <= place[setting] + step < len(values):
                    next_one = {**best, setting: values[place[setting] + step]}
                    if worth(next_one) <= worth(best):
                        break
                    best, moved = next_one, True
                    place[setting] += step
    return best


def with_settings(model: Any, settings: Mapping[str, Any]) -> Any:
    """The same fitted model under other settings of its query."""
    return type(model)(_config(model, settings), model.arrays())


def _fitted_under(model: Any, settings: Mapping[str, Any], *, split: Split) -> Any:
    """Another model of its kind under other settings, fitted on train."""
    made = type(model)(_config(model, settings))
    made.fit(split.train, split.catalogue)
    return made


def _config(model: Any, settings: Mapping[str, Any]) -> Any:
    return type(model.config).model_validate({**model.config.model_dump(), **settings})
