"""The ranker's matrix: what stands in its columns."""

import numpy as np
import pytest

from tailorbird.catalogue import Catalogue
from tailorbird.ranking.matrix import matrix_columns, ranking_matrix, usual_popularity
from tailorbird.retrieval.popular import Popular
from tailorbird.types import Array, Candidates, History, Interactions, Request

AT = 1.76e9
REQUEST = Request(surface="home", at=AT)
EVERY = np.arange(4, dtype=np.int32)


def popular() -> Popular:
    """Items 0, 1 and 2 have 60, 30 and 10 percent of all interest; item 3 has none."""
    items = np.repeat([0, 1, 2], [6, 3, 1]).astype(np.int32)
    model = Popular()
    model.fit(Interactions(np.zeros(10, np.int32), items, np.full(10, AT), np.ones(10), 1, 4), Catalogue())
    return model


def against_taste(history: History, channels: tuple[str, ...] = ("content", "popular")) -> Array:
    """The column for all four items."""
    model = popular()
    scores = np.array([model.score(REQUEST, history, EVERY) if name == "popular" else np.ones(4) for name in channels])
    pool = Candidates(EVERY, channels, scores.T, scores.T, scores.T > 0, np.zeros(4))
    retrievers = {"popular": model} if "popular" in channels else {}
    matrix = ranking_matrix(pool, np.zeros((4, 1)), usual_popularity(retrievers, REQUEST, history))
    columns = matrix_columns(channels, ("feature",))
    assert matrix.shape == (4, len(columns))
    return matrix[:, columns.index("popularity_to_taste")]


def test_popularity_is_set_against_that_of_what_the_person_takes_up() -> None:
    crowd, niche = against_taste(History.of([0, 0])), against_taste(History.of([2, 2]))
    assert crowd[:3] == pytest.approx(np.log([1.0, 0.5, 1 / 6]))
    assert niche[:3] == pytest.approx(np.log([6.0, 3.0, 1.0]))
    assert against_taste(History.of([0, 2]))[:3] == pytest.approx((crowd + niche)[:3] / 2), "logs are averaged"


def test_what_nobody_wants_counts_as_a_millionth() -> None:
    assert against_taste(History.of([0]))[3] == pytest.approx(np.log(1e-6 / 0.6))


def test_only_the_newest_20_say_what_is_usual() -> None:
    assert against_taste(History.of([2] * 30 + [0] * 20))[0] == pytest.approx(0.0)
    assert against_taste(History.of([2] * 30 + [0] * 19))[0] > 0.01


@pytest.mark.parametrize(
    ("history", "channels"),
    [(History.empty(), ("content", "popular")), (History.of([0, 2]), ("content",))],
    ids=["a stranger", "no such channel"],
)
def test_without_a_history_or_the_channel_nothing_is_usual(history: History, channels: tuple[str, ...]) -> None:
    assert not against_taste(history, channels).any()
