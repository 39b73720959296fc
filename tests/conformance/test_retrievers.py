"""What every retriever promises, whatever it is: one suite over all of `RETRIEVERS`."""

from typing import Any

import numpy as np
import pytest

from tailorbird.catalogue import Catalogue
from tailorbird.retrieval import RETRIEVERS
from tailorbird.types import History, Interaction, Interactions, Item, Request

N_ITEMS, N_PEOPLE, NOW = 60, 40, 1.76e9
REQUEST = Request(surface="home", at=NOW)
EVERY = np.arange(N_ITEMS, dtype=np.int32)
NOBODY = Interactions(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0), np.empty(0), 0, 0)


def shop(n_items: int = N_ITEMS) -> Catalogue:
    made = Catalogue()
    for n in range(n_items):
        kind = ("shoes", "shirts", "lamps")[n % 3]
        made.upsert(Item(item_id=f"i{n}", title=f"{kind} {n % 10}", categories=("shop", kind), brand=f"b{n % 4}"))
    return made


def log(n: int = 1_200) -> Interactions:
    draw = np.random.default_rng(2)
    at = np.sort(NOW - draw.random(n) * 30 * 86_400)
    users, items = draw.integers(0, N_PEOPLE, n).astype(np.int32), (draw.random(n) ** 2 * N_ITEMS).astype(np.int32)
    weights = draw.choice([1.0, 4.0, 8.0], n)
    return Interactions(
        users,
        items,
        at,
        weights,
        N_PEOPLE,
        N_ITEMS,
        weights == 8.0,
    )


EXTRAS = {
    **dict.fromkeys(("sasrec", "bert4rec"), ("torch", "onnx", "onnxruntime")),
    **dict.fromkeys(("two-tower", "lightgcn"), ("torch",)),
}
SMALL = {name: {"factors": 8, "epochs": 2, "uniform" if name == "two-tower" else "negatives": 16} for name in EXTRAS}


@pytest.fixture(params=list(RETRIEVERS))
def kind(request: pytest.FixtureRequest) -> Any:
    for package in EXTRAS.get(request.param, ()):
        pytest.importorskip(package, reason=f"{request.param} needs {package}: pip install 'tailorbird[deep]'")
    return RETRIEVERS[request.param]


def new(kind: Any) -> Any:
    return kind(kind.Config(**SMALL.get(kind.name, {})))


@pytest.fixture
def model(kind: Any) -> Any:
    made = new(kind)
    made.fit(log(), shop())
    return made


HISTORIES = {
    "none": History.empty(),
    "one": History.of([4], at=NOW),
    "some": History.of([4, 9, 1, 30], at=NOW),
    "long": History.of([n % N_ITEMS for n in range(3_000)], at=NOW),
    "one item again and again": History.of([7] * 50, at=NOW),
    "only unknown items": History.of([N_ITEMS, 5_000_000], at=NOW),
    "known and unknown": History.of([3, 70, 5], at=NOW),
    "nobody's item": History.of([-1, 3], at=NOW),
}


@pytest.fixture(params=list(HISTORIES))
def history(request: pytest.FixtureRequest) -> History:
    return HISTORIES[request.param]


@pytest.mark.parametrize("limit", [0, 1, 7, 1_000])
def test_candidates_are_different_known_sorted_and_at_most_the_limit(model: Any, history: History, limit: int) -> None:
    items, scores = model.retrieve(REQUEST, history, limit)
    assert items.dtype == np.int32
    assert scores.dtype == np.float64
    assert len(items) == len(scores) <= limit
    assert len(set(items.tolist())) == len(items)
    assert ((items >= 0) & (items < N_ITEMS)).all()
    assert np.isfinite(scores).all()
    assert (np.diff(scores) <= 0).all()


def test_what_it_finds_it_judges_alike(model: Any, history: History) -> None:
    items, scores = model.retrieve(REQUEST, history, 20)
    assert np.allclose(model.score(REQUEST, history, items), scores, rtol=1e-5, atol=1e-7)


def test_nothing_scores_higher_than_the_first_it_finds(model: Any, history: History) -> None:
    items, scores = model.retrieve(REQUEST, history, 5)
    every = model.score(REQUEST, history, EVERY)
    assert every.max() <= (scores[0] if len(items) else 0.0) + 1e-6


def test_scores_are_finite_one_per_item_and_0_for_what_is_not_known(model: Any, history: History) -> None:
    scores = model.score(REQUEST, history, np.array([0, 5_000_000, 3, N_ITEMS + 1, -1, 3], np.int32))
    assert scores.shape == (6,)
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()
    assert not scores[[1, 3, 4]].any()
    assert scores[2] == pytest.approx(scores[5], rel=1e-5), "a matrix product rounds by position"
    assert model.score(REQUEST, history, np.empty(0, np.int32)).shape == (0,)


def test_the_same_question_has_the_same_answer(model: Any, history: History) -> None:
    first, second = (model.retrieve(REQUEST, history, 20) for _ in range(2))
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])


def test_the_same_log_gives_the_same_model(kind: Any) -> None:
    one, two = new(kind), new(kind)
    one.fit(log(), shop())
    two.fit(log(), shop())
    assert all(np.array_equal(array, two.arrays()[name]) for name, array in one.arrays().items())


def test_a_model_comes_back_from_its_arrays_as_it_was(kind: Any, model: Any, history: History) -> None:
    stored = {name: np.array(array) for name, array in model.arrays().items()}
    assert all(array.dtype != object for array in stored.values())
    again = kind(model.config, stored)
    for before, after in zip(model.retrieve(REQUEST, history, 20), again.retrieve(REQUEST, history, 20), strict=True):
        assert np.array_equal(before, after)
    assert np.array_equal(model.score(REQUEST, history, EVERY), again.score(REQUEST, history, EVERY))
    assert all(np.array_equal(array, stored[name]) for name, array in again.arrays().items())


def test_arrays_that_lack_something_are_refused(kind: Any, model: Any) -> None:
    arrays = dict(model.arrays())
    arrays.pop(min(arrays))
    with pytest.raises((KeyError, ValueError)):
        kind(model.config, arrays)


def test_an_unfitted_model_answers(kind: Any, history: History) -> None:
    made = new(kind)
    items, scores = made.retrieve(REQUEST, history, 10)
    assert len(items) == len(scores) == 0
    assert not made.score(REQUEST, history, EVERY).any()


def test_a_fit_forgets_what_was_before(kind: Any, model: Any, history: History) -> None:
    model.fit(NOBODY, Catalogue())
    assert not model.score(REQUEST, history, EVERY).any()
    assert not len(model.retrieve(REQUEST, history, 5)[0])
    fresh = new(kind)
    fresh.fit(NOBODY, Catalogue())
    assert all(np.array_equal(array, fresh.arrays()[name]) for name, array in model.arrays().items())


@pytest.mark.parametrize("n_people", [1, 30])
def test_one_person_or_many_of_one_mind_are_no_trouble(kind: Any, n_people: int) -> None:
    users, items = np.repeat(np.arange(n_people, dtype=np.int32), 5), np.tile(np.arange(5, dtype=np.int32), n_people)
    n = len(users)
    made = new(kind)
    made.fit(Interactions(users, items, np.full(n, NOW), np.ones(n), n_people, 5), shop(5))
    scores = made.score(REQUEST, History.of([0, 1], at=NOW), np.arange(5, dtype=np.int32))
    assert np.isfinite(scores).all()
    assert np.isfinite(made.retrieve(REQUEST, History.of([0]), 5)[1]).all()


def test_a_brand_new_item_can_be_learned_of(model: Any, history: History) -> None:
    step = Interaction(person=N_PEOPLE + 5, item=N_ITEMS + 40, at=NOW + 1, type="purchase", weight=8.0)
    model.learn(step, history)
    scores = model.score(REQUEST, history, np.array([N_ITEMS + 40, 3, N_ITEMS + 39], np.int32))
    assert np.isfinite(scores).all()
    assert scores[2] == 0
    items, found = model.retrieve(REQUEST, History.of([N_ITEMS + 40], at=NOW), 500)
    assert len(set(items.tolist())) == len(items)
    assert np.isfinite(found).all()


def test_settings_that_do_not_exist_are_refused_and_all_others_described(kind: Any) -> None:
    with pytest.raises(ValueError, match="no_such_setting"):
        kind.Config(no_such_setting=1)
    assert kind.Config().model_config["frozen"]


def test_names_are_those_they_are_listed_under(kind: Any) -> None:
    assert RETRIEVERS[kind.name] is kind


def test_a_name_that_does_not_exist_is_not_there() -> None:
    assert RETRIEVERS.get("no-such-model") is None
    assert "no-such-model" not in RETRIEVERS
