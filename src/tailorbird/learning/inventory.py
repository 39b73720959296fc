"""The catalogue of features: every view with what it promises, and how each of its columns stands today.

Today is what the newest requests would be told if they were asked again now: their pools are gathered anew, and the
columns of all candidates are set against those of nobody and nothing (missing), against each other (constant) and
against the rows that the ranker in service learned from (drift).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
import numpy as np

from tailorbird.decide import Engine
from tailorbird.features import VIEWS
from tailorbird.learning.drift import MOVED, Reference
from tailorbird.learning.lists import Question, gathered
from tailorbird.protocols import Scope
from tailorbird.types import Array, Decision, Request

MOST_REQUESTS: Final = 60


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One column: the share of values that are those of nobody and nothing, whether all are equal, and the drift.

    ``psi`` is None where the ranker in service does not read the column or kept nothing of what it learned from.
    """

    name: str
    missing: float | None = None
    constant: bool = False
    psi: float | None = None

    @property
    def drifted(self) -> bool:
        """Whether it has moved far."""
        return self.psi is not None and self.psi >= MOVED


class View(msgspec.Struct, frozen=True, kw_only=True):
    """One feature view. ``ttl_days`` is None for what is kept for ever, ``ranked`` whether the ranker reads it.

    Of one that is not ``kept`` nothing is known: neither the ranker nor a profile of this shop reads it.
    """

    name: str
    scope: str
    version: int
    owner: str
    ttl_days: float | None
    freshness_seconds: float
    ranked: bool
    kept: bool
    columns: list[Column]


@dataclass
class Sample:
    """The columns of all candidates of some requests: of each view, of the matrix, and those of nobody and nothing."""

    views: dict[str, list[Array]] = field(default_factory=dict)
    nothing: dict[str, list[Array]] = field(default_factory=dict)
    matrix: list[Array] = field(default_factory=list)


def requests_of(decisions: Sequence[Decision], now: float) -> list[Request]:
    """The newest requests, to be asked again now."""
    fresh = [decision.request for decision in decisions if not decision.request.cursor]
    return [msgspec.structs.replace(request, at=now) for request in fresh[:MOST_REQUESTS]]


def sampled(engine: Engine, requests: Sequence[Request], sample: Sample) -> Iterator[None]:
    """Add the columns of one request after the other; a step takes as long as a slate. On the engine's thread."""
    for request in requests:
        asked = Question.of(engine, request)
        pool = gathered(engine, asked)
        for name in engine.state.views if len(pool) else ():
            sample.views.setdefault(name, []).append(engine.state.read_view(name, asked.person, request, pool.items))
            sample.nothing.setdefault(name, []).append(engine.state.read_nothing(name, request, pool.items))
        if len(pool):
            sample.matrix.append(engine.matrix(pool, request, asked.person))
        yield


def inventory(engine: Engine, sample: Sample, reference: Reference | None = None) -> list[View]:
    """Every view; what the sample cannot tell is left open."""
    names, drifts = engine.columns, dict[str, float]()
    if reference is not None and sample.matrix and len(reference.edges) == len(names):
        drifts = dict(zip(names, reference.drift(np.concatenate(sample.matrix)).tolist(), strict=True))
    ranked = set(engine.state.columns)
    return [
        View(
            name=name,
            scope=view.scope.value,
            version=view.version,
            owner=view.owner,
            ttl_days=view.ttl_days if np.isfinite(view.ttl_days) else None,
            freshness_seconds=view.freshness_seconds,
            ranked=bool(ranked & set(view.columns)),
            kept=name in engine.state.views,
            columns=_columns(name, sample, drifts),
        )
        for name, view in VIEWS.items()
    ]


def _columns(name: str, sample: Sample, drifts: Mapping[str, float]) -> list[Column]:
    view = VIEWS[name]
    if name not in sample.views:
        return [Column(name=column) for column in view.columns]
    values, nothing = np.concatenate(sample.views[name]), np.concatenate(sample.nothing[name])
    told = []
    for n, column in enumerate(view.columns):
        missing = None if view.scope is Scope.REQUEST else float((values[:, n] == nothing[:, n]).mean())
        constant = bool((values[:, n] == values[0, n]).all())
        told.append(Column(name=column, missing=missing, constant=constant, psi=drifts.get(column)))
    return told
