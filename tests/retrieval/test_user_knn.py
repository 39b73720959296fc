"""People alike: a cosine over the items of any history, and the share of the nearest people that have an item."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tailorbird.catalogue import Catalogue
from tailorbird.retrieval.user_knn import UserKnn, UserKnnConfig
from tailorbird.types import History, Interactions, Request

REQUEST = Request(surface="home", at=0.0)
N_PEOPLE, N_ITEMS = 40, 25
PLAIN = UserKnnConfig(half_life=None, source_exponent=0, target_exponent=0, shrinkage=0)


def has(*people: list[int]) -> Interactions:
    """Each person with these items, oldest first."""
    items = np.array([item for mine in people for item in mine], np.int32)
    users = np.repeat(np.arange(len(people), dtype=np.int32), [len(mine) for mine in people])
    return Interactions(users, items, np.arange(float(len(items))), np.ones(len(items)), len(people), N_ITEMS)


def fitted(log: Interactions, config: UserKnnConfig = PLAIN) -> UserKnn:
    model = UserKnn(config)
    model.fit(log, Catalogue())
    return model


def scores(model: UserKnn, history: list[int]) -> NDArray[np.float64]:
    return model.score(REQUEST, History.of(history), np.arange(N_ITEMS, dtype=np.int32))


@pytest.fixture
def log() -> Interactions:
    draw = np.random.default_rng(3)
    users = np.sort(draw.integers(0, N_PEOPLE, 600)).astype(np.int32)
    items = (draw.random(600) ** 2 * N_ITEMS).astype(np.int32)
    return Interactions(users, items, np.arange(600.0), np.ones(600), N_PEOPLE, N_ITEMS)


def test_the_figures_of_three_people() -> None:
    """To one who has 0 and 1: person 0 is near by 2 / sqrt 4, person 1 by 1 / sqrt 1, person 2 not at all."""
    model = fitted(has([0, 1, 2, 3], [0], [4, 5]))
    near = np.array([2 / 2, 1 / 1])
    share = near / near.sum()
    assert np.allclose(scores(model, [0, 1])[:6], [1, share[0], share[0], share[0], 0, 0])
    shrunk = fitted(has([0, 1, 2, 3], [0], [4, 5]), PLAIN.model_copy(update={"shrinkage": 5.0}))
    near = np.array([2 / 3, 1 / np.sqrt(6)])
    assert np.allclose(scores(shrunk, [0, 1])[1], near[0] / near.sum())


@pytest.mark.parametrize(("source", "target"), [(0.5, 0.5), (0.7, 0.3), (0.0, 0.0)])
@pytest.mark.parametrize("half_life", [2.0, None])
@pytest.mark.parametrize("neighbours", [5, 1_000])
def test_the_score_is_the_share_of_the_nearest_that_have_it(
    log: Interactions, source: float, target: float, half_life: float | None, neighbours: int
) -> None:
    config = UserKnnConfig(
        half_life=half_life, source_exponent=source, target_exponent=target, neighbours=neighbours, shrinkage=3.0
    )
    matrix = np.zeros((N_PEOPLE, N_ITEMS))
    matrix[log.users, log.items] = 1
    popular = np.maximum(matrix.sum(axis=0), 1)
    query = [3, 20, 7, 1]
    wish = np.zeros(N_ITEMS)
    for steps, item in enumerate(reversed(query)):
        wish[item] = (1.0 if half_life is None else 0.5 ** (steps / half_life)) * popular[item] ** -source
    nearness = (matrix @ wish) / np.sqrt(matrix.sum(axis=1) + 3.0)
    nearness[np.argsort(-nearness, kind="stable")[neighbours:]] = 0
    expected = nearness @ matrix / nearness.sum() * popular**-target
    assert np.allclose(scores(fitted(log, config), query), expected)


def test_somebody_who_was_not_there_at_the_fit_is_served_by_the_history_alone(log: Interactions) -> None:
    known = log.items[log.users == 0].tolist()
    without = log.take(log.users != 0)
    items, found = fitted(without).retrieve(Request(surface="home", at=0.0, user_id="new"), History.of(known), 5)
    assert len(items) == 5
    assert (found > 0).all()


def test_an_item_twice_in_a_life_is_one_item() -> None:
    assert np.array_equal(scores(fitted(has([0, 1, 1], [0, 2])), [0]), scores(fitted(has([0, 1], [0, 2])), [0]))


def test_of_a_long_life_the_newest_items_are_known() -> None:
    model = fitted(has([0, 1, 2, 3]), UserKnnConfig(longest=2))
    assert model.arrays()["items_columns"].tolist() == [2, 3]


@pytest.mark.parametrize("label", ["people", "items"])
def test_rows_that_name_what_does_not_exist_are_refused(label: str, log: Interactions) -> None:
    arrays = {name: array.copy() for name, array in fitted(log).arrays().items()}
    arrays[f"{label}_columns"][0] = 1_000
    with pytest.raises(ValueError, match="column 1000 does not exist"):
        UserKnn(PLAIN, arrays)
