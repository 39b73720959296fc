"""Which models are worth training on how much data, and why.

The thresholds are where, on the data sets of docs/benchmarks.md, a learned model starts to beat the counting ones.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

LEARNED_FROM: Final = 50_000
"""Interactions from which learned models are worth their time."""

SEQUENCES_FROM: Final = 100_000
"""Interactions from which a model of sequences is worth its minutes."""

NEURAL: Final[Mapping[str, int]] = {
    "sasrec": SEQUENCES_FROM,
    "bert4rec": SEQUENCES_FROM,
    "two-tower": LEARNED_FROM,
    "lightgcn": LEARNED_FROM,
}
"""Models that train with torch, and the interactions from which each is worth it."""

MOST_EASE_ITEMS: Final = 15_000
"""EASE inverts a dense matrix of items by items: 15,000 of them need 1.8 GB."""

MOST_USER_KNN: Final = 1_000_000
"""Interactions from which everybody who shares an item is too many to compare while a shopper waits."""

LEAST_SESSIONS: Final = 1_000
"""Sessions from which there are some like most others."""

SESSION_LENGTHS: Final = 1.5, 30.0
"""Interactions in a session, on average: with fewer there is nothing to compare, with more they are no errands."""

RANKER_LABELS: Final = 5_000
"""Choices from which a ranker learns more than it forgets."""


OF_PURCHASES: Final = ("bought-after", "bought-with")
"""Models that count purchases."""


@dataclass(frozen=True)
class Advice:
    """Whether a model is worth training, and why, in a sentence."""

    model: str
    train: bool
    reason: str


def deep_installed() -> bool:
    """Whether neural models can be trained here."""
    return all(find_spec(name) for name in ("torch", "onnx", "onnxruntime"))


def advise(
    n_interactions: int,
    n_items: int,
    n_labels: int,
    n_described: int,
    n_sessions: int,
    *,
    n_purchases: int,
    deep: bool = False,
) -> list[Advice]:
    """Which models are worth training on this much, each with its reason.

    Sessions are those with an interaction, purchases those among the interactions; ``deep`` is `deep_installed`.
    """
    many, some = n_interactions >= LEARNED_FROM, n_interactions > 0
    volume = f"{n_interactions:,} interactions"
    few = f"{volume}; below {LEARNED_FROM:,} it loses to counting"
    counting = f"{volume}; it counts, so any number will do" if some else "there are no interactions to count"
    advice = [Advice(name, some, counting) for name in ("popular", "trending", "covisitation", "item-knn")]
    advice += _advice_on_purchases(n_interactions, n_purchases)
    advice += [_advice_on_people(n_interactions, counting), _advice_on_sessions(n_interactions, n_sessions)]
    described = f"{n_described:,} described items; it needs no interactions, so it also knows the new ones"
    advice.append(Advice("content", n_described > 0, described if n_described else "no item is described"))
    meant = f"{n_described:,} described items; {volume} say what a description means" if many else few
    advice.append(Advice("cold-items", many and n_described > 0, meant if n_described else "no item is described"))
    if n_items > MOST_EASE_ITEMS:
        ease = f"{n_items:,} items; its matrix is dense, so it stops at {MOST_EASE_ITEMS:,}"
    else:
        ease = f"{volume} over {n_items:,} items" if many else few
    advice.append(Advice("ease", many and n_items <= MOST_EASE_ITEMS, ease))
    advice.append(Advice("ials", many, volume if many else few))
    advice += _advice_on_neural(n_interactions, deep=deep)
    if n_labels < RANKER_LABELS:
        ranker = f"{n_labels:,} labels (clicks, carts, purchases, ratings); it needs {RANKER_LABELS:,}"
    else:
        ranker = f"{n_labels:,} labels" if many else few
    return [*advice, Advice("ranker", many and n_labels >= RANKER_LABELS, ranker)]


def nothing_bought(n_interactions: int, n_purchases: int) -> str:
    """Why models of purchases have nothing to say after these interactions, in words; empty where they have.

    >>> nothing_bought(9, 9), nothing_bought(9, 3)
    ('every interaction is a purchase, and of these covisitation says as much', '')
    """
    if not n_purchases:
        return "it counts purchases, and no interaction is one"
    if n_purchases == n_interactions:
        return "every interaction is a purchase, and of these covisitation says as much"
    return ""


def _advice_on_purchases(n_interactions: int, n_purchases: int) -> Iterator[Advice]:
    why_not = nothing_bought(n_interactions, n_purchases)
    counting = f"{n_purchases:,} of {n_interactions:,} interactions are purchases; it counts, so any number will do"
    for name in OF_PURCHASES:
        yield Advice(name, train=not why_not, reason=why_not or counting)


def _advice_on_people(n_interactions: int, counting: str) -> Advice:
    if n_interactions >= MOST_USER_KNN:
        slow = f"{n_interactions:,} interactions; from {MOST_USER_KNN:,} on comparing people takes a shopper's time"
        return Advice("user-knn", train=False, reason=slow)
    return Advice("user-knn", train=n_interactions > 0, reason=counting)


def _advice_on_neural(n_interactions: int, *, deep: bool) -> Iterator[Advice]:
    volume = f"{n_interactions:,} interactions"
    for name, least in NEURAL.items():
        if n_interactions < least:
            yield Advice(name, train=False, reason=f"{volume}; it is trained for minutes, and needs {least:,}")
        elif not deep:
            yield Advice(name, train=False, reason=f"{volume}, but no torch: `pip install 'tailorbird[deep]'`")
        elif name != "sasrec":
            beside = f"{volume}; sasrec is trained in its place: train it by name where `evaluate` prefers it"
            yield Advice(name, train=False, reason=beside)
        else:
            yield Advice(name, train=True, reason=volume)


def _advice_on_sessions(n_interactions: int, n_sessions: int) -> Advice:
    length, (least, most) = n_interactions / max(n_sessions, 1), SESSION_LENGTHS
    volume = f"{n_sessions:,} sessions of {length:.1f} interactions"
    if n_sessions < LEAST_SESSIONS:
        return Advice("v-sknn", train=False, reason=f"{volume}; it compares sessions, and needs {LEAST_SESSIONS:,}")
    if not least <= length <= most:
        return Advice("v-sknn", train=False, reason=f"{volume}; it compares sessions of {least:g} to {most:g}")
    return Advice("v-sknn", train=True, reason=volume)
