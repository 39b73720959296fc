"""The engine of an evaluation, and the ranker that is taught over it: one way for every protocol.

The engine is the one that serves, after the train part. A lesson is a question of the validation part, whose answers no
channel saw; one list is made of each.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.config import Config, PolicyConfig
from tailorbird.decide import Engine
from tailorbird.learning.lists import LISTS_BETWEEN_WORDS, MOST_OTHERS, Lists, Question, add_list, gathered
from tailorbird.protocols import Retriever, Told, unheard
from tailorbird.ranking.lambda_ranker import LambdaRanker
from tailorbird.types import FloatArray, IntArray, Interaction, Interactions

_MOST_OTHERS: Final = 300
_MOST_ROWS: Final = 5_000_000
"""Unwanted candidates kept in a list, and rows of all lists together: 2 GB at 85 columns. More than 16,000 lists are
kept shorter, which costs less than fewer of them (LAB.md)."""

_GATHERING: Final = 0.8
"""Of the time that it takes to teach; the trees take the rest."""

_NOT_IN_POOL: Final = -1e9


@dataclass(frozen=True)
class Lesson:
    """A question with the items that were wanted; the ``hidden`` ones are not ranked."""

    asked: Question
    answers: IntArray
    hidden: IntArray


def engine_after(
    train: Interactions,
    catalogue: Catalogue,
    channels: Mapping[str, Retriever],
    *,
    per_channel: int = 100,
    pool: int = 300,
) -> Engine:
    """The engine that serves with these fitted channels, after it has folded ``train``; person n is the user "n"."""
    recipe = PolicyConfig(pool=pool, channels=dict.fromkeys(channels, per_channel))
    engine = Engine(Config(policies={"home": recipe}), catalogue=catalogue)
    engine.install(channels)
    for person in range(train.n_users):
        engine.state.number(f"u:{person}")
    for step in steps_of(train):
        engine.state.fold(step)
    return engine


def teach(
    engine: Engine,
    ranker: LambdaRanker,
    lessons: Iterable[Lesson],
    draw: np.random.Generator,
    *,
    of: int,
    told: Told = unheard,
) -> None:
    """Fit the ranker on these lessons, each taken when the one before it is over, and let the engine serve with it.

    There are ``of`` lessons; ``told`` hears of them and of the trees.

    Raises:
        NotEnoughEvents: too few of them gave a list.
    """
    lists, n_others = Lists(), min(_MOST_OTHERS, max(_MOST_ROWS // max(of, 1), MOST_OTHERS))
    for lesson in lessons:
        if lists.n_asked % LISTS_BETWEEN_WORDS == 0:
            told(f"list {lists.n_asked:,} of {of:,}", _GATHERING * lists.n_asked / of)
        grades = dict.fromkeys(lesson.answers.tolist(), 1)
        add_list(lists, engine, lesson.asked, grades, draw, hidden=lesson.hidden, n_others=n_others)
    labelled = lists.labelled()
    del lists
    ranker.told = lambda tree, share: told(tree, _GATHERING + (1.0 - _GATHERING) * share)
    ranker.fit(labelled, engine.columns)
    engine.install(engine.retrievers, ranker, ranker_columns=engine.columns)


def ranker_scores(engine: Engine, asked: Question, hidden: IntArray, n_items: int) -> FloatArray:
    """The ranker's score for what the channels propose; everything else stands behind it, in no order; (n_items,)."""
    standing = np.full(max(n_items, len(engine.catalogue)), _NOT_IN_POOL)
    pool = gathered(engine, asked, hidden=hidden)
    if len(pool) and engine.ranker is not None:
        standing[pool.items] = engine.ranker.score(engine.matrix(pool, asked.request, asked.person))
    return standing[:n_items]


def slate_places(engine: Engine, asked: Question, hidden: IntArray, n_items: int, limit: int) -> FloatArray:
    """The places, from its end, of the slate that `decide` gives: diversified and explored; shape (n_items,).

    Everything else stands behind it, in no order.
    """
    standing = np.full(max(n_items, len(engine.catalogue)), _NOT_IN_POOL)
    exclude = tuple(engine.catalogue.ids[item] for item in hidden.tolist())
    with engine.patient():
        decision = engine.decide(msgspec.structs.replace(asked.request, limit=limit, exclude=exclude), asked.person)
    shown = np.array(engine.catalogue.numbers(placed.item_id for placed in decision.items), np.int32)
    standing[shown] = np.arange(len(shown), 0, -1)
    return standing[:n_items]


def steps_of(interactions: Interactions) -> Iterator[Interaction]:
    """What a feature folds, in their order."""
    log = interactions
    columns = (log.users, log.items, log.at, log.weights, log.bought)
    for user, item, at, weight, bought in zip(*(column.tolist() for column in columns), strict=True):
        yield Interaction(user, item, at, "purchase" if bought else "item_view", weight)
