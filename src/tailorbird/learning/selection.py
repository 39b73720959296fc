"""Which columns of the ranker's matrix are worth their place: what is lost without them, and how sure that is.

*Importance*: how much NDCG@10 the ranker loses on lists that taught it nothing when a column's values change places
(L. Breiman, Random Forests, 2001): within each list; where a whole list has one value, between lists. Whole views are
shuffled too, since columns that say the same cover for each other. *Order*: the next column is the one with the most
relevance for its redundancy with those already taken (H. Peng et al., Feature Selection Based on Mutual Information,
2005; as the quotient of Z. Zhao et al., Maximum Relevance and Minimum Redundancy Feature Selection Methods for a
Marketing Machine Learning Platform, 2019). *Stability*: in what share of resamples of people a column is among the
first twenty (N. Meinshausen and P. Bühlmann, Stability Selection, 2010).
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np

from tailorbird.config import Config, FeaturesConfig
from tailorbird.errors import NotEnoughEvents
from tailorbird.features import VIEWS
from tailorbird.ingest.advice import NEURAL
from tailorbird.learning.fitting import Fitting
from tailorbird.learning.intervals import interval, resampled
from tailorbird.learning.lists import Lists, graded_gains
from tailorbird.learning.metrics import Worth
from tailorbird.learning.models import UNTRAINED
from tailorbird.learning.past import read_past
from tailorbird.learning.rehearsal import gathered_lists
from tailorbird.learning.training import choose
from tailorbird.protocols import Ledger, Log, Told, unheard
from tailorbird.ranking.lambda_ranker import LabelledLists, LambdaRanker, LambdaRankerConfig
from tailorbird.types import Array, FloatArray, IntArray

FIRST: Final = 20
"""So many columns at the head of the order count as taken."""

RESAMPLES: Final = 20
_MOST_ROWS: Final = 40_000


class Importance(msgspec.Struct, frozen=True, kw_only=True):
    """What the ranker loses without one column, or one view (``columns`` of it): NDCG@10, with its 95% interval."""

    name: str
    columns: int
    loss: float
    low: float
    high: float


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. ``order`` is by relevance and redundancy, ``stability`` the share of resamples, by column."""

    ndcg: float
    n_lists: int
    columns: list[Importance]
    views: list[Importance]
    order: list[str]
    stability: dict[str, float]


def selected(
    log: Log, config: Config, *, ledger: Ledger | None = None, channels: Sequence[str] = (), told: Told = unheard
) -> Selection:
    """Gather the lists that training would, with every view, and judge their columns; nothing is kept.

    Raises:
        NotEnoughEvents: the log holds no interaction of interest, or gives too few lists.
        UnknownModel: a channel does not exist.
    """
    every = config.model_copy(update={"features": FeaturesConfig(leave_out=())})
    told("reading the log", 0.0)
    past = read_past(log, every, every.training.since_days)
    chosen = choose(past, channels or every.training.models).models
    names = sorted({*chosen, *UNTRAINED} - {LambdaRanker.name} - ({*NEURAL} if not channels else set()))
    if not len(past.interactions):
        raise NotEnoughEvents("The log holds no event that shows interest in an item.", hint="Import some.")
    fitting = Fitting(past, every, lambda what, share: told(what, 0.6 * share))
    engine, lists = gathered_lists(log, fitting, names, ledger)
    ranker = LambdaRanker(LambdaRankerConfig(**config.models.get(LambdaRanker.name, {})))
    draw = np.random.default_rng(every.training.seed)
    return select(lists, engine.columns, ranker, draw, told=lambda what, share: told(what, 0.6 + 0.4 * share))


def select(
    lists: Lists, names: Sequence[str], ranker: LambdaRanker, draw: np.random.Generator, *, told: Told = unheard
) -> Selection:
    """Fit the ranker on the older lists and judge every column on the newest.

    Raises:
        NotEnoughEvents: too few lists.
    """
    labelled, people = lists.labelled(), np.array(lists.people)
    told("fitting the ranker", 0.0)
    ranker.fit(labelled, names)
    n_learned = ranker.n_learned(labelled)
    _, asked = labelled.parted(n_learned)
    whole = _gains(ranker, asked, asked.matrix)
    groups = {name: [n] for n, name in enumerate(names)}
    views = {view: [n for n, name in enumerate(names) if name in VIEWS[view].columns] for view in VIEWS}
    losses: dict[str, Worth] = {}
    judged = {name: columns for name, columns in {**groups, **views}.items() if columns}
    for at, (name, columns) in enumerate(judged.items()):
        told(f"without {name}", 0.2 + 0.5 * at / len(judged))
        lost = whole - _gains(ranker, asked, shuffled(asked, columns, draw))
        losses[name] = Worth(lost, np.ones(len(lost)))
    told("in which order", 0.7)
    order, stability = _orders(labelled, people, names, draw)
    found = _importances(judged, losses, people[n_learned:])
    return Selection(
        ndcg=float(whole.mean()),
        n_lists=len(asked),
        columns=[one for one in found if one.name in groups],
        views=[one for one in found if one.name in views],
        order=order,
        stability=stability,
    )


def shuffled(lists: LabelledLists, columns: Sequence[int], draw: np.random.Generator) -> Array:
    """The matrix with these columns' values in other rows, all of one row staying together.

    Within each list; between lists where all of the columns have but one value in every list.
    """
    of_list = np.repeat(np.arange(len(lists)), lists.lengths)
    starts = np.cumsum(lists.lengths) - lists.lengths
    matrix, values = lists.matrix.copy(), lists.matrix[:, columns]
    if (values == values[starts][of_list]).all():
        matrix[:, columns] = values[starts[draw.permutation(len(lists))]][of_list]
    else:
        matrix[:, columns] = values[np.lexsort((draw.random(len(of_list)), of_list))]
    return matrix


def _gains(ranker: LambdaRanker, lists: LabelledLists, matrix: Array) -> FloatArray:
    return graded_gains(ranker.score(matrix.astype(np.float64)), lists).gained


def _importances(judged: Mapping[str, Sequence[int]], losses: Mapping[str, Worth], people: Array) -> list[Importance]:
    """The largest loss first; intervals over people."""
    draws = resampled(list(losses.values()), people)
    found = []
    for n, (name, lost) in enumerate(losses.items()):
        low, high = interval(draws[:, n]) or (np.nan, np.nan)
        loss = lost.figure() or 0.0
        found.append(Importance(name=name, columns=len(judged[name]), loss=loss, low=low, high=high))
    return sorted(found, key=lambda one: -one.loss)


def _orders(
    lists: LabelledLists, people: Array, names: Sequence[str], draw: np.random.Generator
) -> tuple[list[str], dict[str, float]]:
    """The order over everybody, and in what share of resamples of people each column is among the first."""
    mixed, chosen = draw.permutation(len(lists)), np.zeros(len(lists), np.bool_)
    chosen[mixed[np.cumsum(lists.lengths[mixed]) <= _MOST_ROWS]] = True
    some = lists.take(chosen)
    _, who = np.unique(people[chosen], return_inverse=True)
    of_list = np.repeat(np.arange(len(some)), some.lengths)
    standing, wanted = _standing(some), (some.labels > 0).astype(np.float64)
    order = mrmr(standing, wanted, np.ones(len(wanted)))
    counts, n_people = np.zeros(len(names)), int(who.max(initial=0)) + 1
    for _ in range(RESAMPLES):
        times = np.bincount(draw.integers(0, n_people, n_people), minlength=n_people).astype(np.float64)
        counts[mrmr(standing, wanted, times[who][of_list], most=FIRST)] += 1
    stability = {names[n]: float(counts[n] / RESAMPLES) for n in np.argsort(-counts, kind="stable")}
    return [names[n] for n in order], stability


def _standing(lists: LabelledLists) -> FloatArray:
    """Each value by how far it stands above the mean of its list, as a rank over all, so that outliers say no more."""
    of_list = np.repeat(np.arange(len(lists)), lists.lengths)
    n_columns = lists.matrix.shape[1]
    out = np.empty((len(lists.matrix), n_columns))
    for column in range(n_columns):
        values = lists.matrix[:, column].astype(np.float64)
        mean = np.bincount(of_list, values) / np.maximum(lists.lengths, 1)
        above = values - mean[of_list]
        _, ranks, counts = np.unique(above.round(9), return_inverse=True, return_counts=True)
        middle = np.cumsum(counts) - (counts + 1) / 2.0
        out[:, column] = middle[ranks] / max(len(values) - 1, 1) - 0.5
    return out


def mrmr(values: FloatArray, wanted: FloatArray, weights: FloatArray, *, most: int | None = None) -> IntArray:
    """Columns in order, the best first: absolute correlation with what is wanted, for its mean with those before it.

    ``values`` (n, c), ``wanted`` and ``weights`` (n,). Columns of one value come last, in their order.
    """
    total = max(float(weights.sum()), 1e-12)
    both = np.column_stack((values, wanted))
    both = (both - (weights @ both) / total) * np.sqrt(weights / total)[:, None]
    deviation = np.sqrt((both**2).sum(axis=0))
    both = both / np.where(deviation > 1e-12, deviation, np.inf)
    alike = np.abs(both.T @ both)
    relevance, redundancy = alike[:-1, -1], alike[:-1, :-1]
    n = len(relevance)
    taken: list[int] = []
    left, so_far = np.ones(n, np.bool_), np.zeros(n)
    while len(taken) < (n if most is None else min(most, n)):
        worth = relevance / np.maximum(so_far / len(taken), 0.01) if taken else relevance
        best = int(np.argmax(np.where(left, worth, -1.0)))
        taken.append(best)
        left[best] = False
        so_far += redundancy[:, best]
    return np.array(taken, np.int32)
