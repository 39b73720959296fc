"""Content: what resembles what, and items that arrive after the fit."""

import numpy as np
import pytest

from tailorbird.catalogue import Catalogue
from tailorbird.retrieval.content import Content, ContentConfig, terms
from tailorbird.types import History, Interactions, Item, Request

REQUEST = Request(surface="home", at=0.0)
NOTHING = Interactions(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0), np.empty(0), 0, 0)
KINDS = ("shoes", "shirts", "lamps", "books")


def article(n: int) -> Item:
    kind = KINDS[n % 4]
    return Item(
        item_id=f"i{n}",
        title=f"{('red', 'blue', 'green')[n % 3]} {kind} number {n}",
        categories=("shop", kind),
        brand=f"brand{n % 7}",
    )


@pytest.fixture
def shop() -> Catalogue:
    made = Catalogue()
    for n in range(80):
        made.upsert(article(n))
    return made


def fitted(shop: Catalogue, **settings: object) -> Content:
    model = Content(ContentConfig(**settings))  # type: ignore[arg-type]
    model.fit(NOTHING, shop)
    return model


def test_the_most_similar_are_of_the_same_kind_colour_and_brand(shop: Catalogue) -> None:
    items, scores = fitted(shop).retrieve(REQUEST, History.of([0]), 9)
    assert items[0] == 0
    assert scores[0] == pytest.approx(1.0)
    assert (items % 4 == 0).all()
    assert set(items[1:3].tolist()) == {28, 56}, "the other shoes of its brand"


def test_the_score_is_the_cosine_of_the_recency_weighted_sum(shop: Catalogue) -> None:
    model = fitted(shop, half_life=1.0)
    arrays = model.arrays()
    vectors = np.zeros((80, len(arrays["tokens"])))
    for row in range(80):
        cells = slice(arrays["pointers"][row], arrays["pointers"][row + 1])
        vectors[row, arrays["columns"][cells]] = arrays["values"][cells]
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    profile = 0.5 * vectors[3] + vectors[8]
    expected = vectors @ profile / np.linalg.norm(profile)
    scores = model.score(REQUEST, History.of([3, 8]), np.arange(80, dtype=np.int32))
    assert np.allclose(scores, expected, atol=1e-6)


def test_retrieve_gives_what_judging_everything_would_give(shop: Catalogue) -> None:
    model = fitted(shop)
    history = History.of([5, 17, 33])
    items, scores = model.retrieve(REQUEST, history, 10)
    every = model.score(REQUEST, history, np.arange(80, dtype=np.int32))
    assert np.allclose(scores, np.sort(every)[::-1][:10])
    assert np.allclose(scores, every[items])


def test_an_item_that_arrives_after_the_fit_is_found_by_the_next_question(shop: Catalogue) -> None:
    model = fitted(shop)
    model.retrieve(REQUEST, History.of([0]), 10)
    new = shop.upsert(Item(item_id="new", title="red shoes", categories=("shop", "shoes"), brand="brand0"))
    items, scores = model.retrieve(REQUEST, History.of([0]), 10)
    assert new in items.tolist()
    assert scores[items.tolist().index(new)] > 0.5
    assert model.score(REQUEST, History.of([new]), np.array([0], np.int32))[0] > 0.5


def test_a_bulk_import_is_taken_in_by_and_by(shop: Catalogue) -> None:
    model = fitted(shop)
    for n in range(80, 280):
        shop.upsert(article(n))
    every = np.arange(280, dtype=np.int32)
    described = [int((model.score(REQUEST, History.of([0, 1, 2, 3]), every) > 0).sum()) for _ in range(6)]
    assert described[0] < described[-1] == 280


def test_a_stored_model_follows_the_catalogue_once_bound(shop: Catalogue) -> None:
    model = Content(None, fitted(shop).arrays())
    new = shop.upsert(Item(item_id="new", title="red shoes", categories=("shop", "shoes")))
    assert new not in model.retrieve(REQUEST, History.of([0]), 80)[0].tolist()
    model.bind(shop)
    assert new in model.retrieve(REQUEST, History.of([0]), 80)[0].tolist()


def test_a_changed_price_does_not_take_an_item_in_twice(shop: Catalogue) -> None:
    model = fitted(shop)
    before = model.score(REQUEST, History.of([1]), np.arange(80, dtype=np.int32))
    shop.upsert(Item(item_id="i5", title="blue shirts number 5", categories=("shop", "shirts"), price=3.0))
    assert np.array_equal(model.score(REQUEST, History.of([1]), np.arange(80, dtype=np.int32)), before)


def test_a_word_is_one_token_in_title_and_description_and_weighs_more_in_the_title() -> None:
    title, text = terms(Item(item_id="a", title="Lamp")), terms(Item(item_id="b", description="a lamp for the lamp"))
    (code,) = title
    assert title[code] > text[code] > 0


def test_an_empty_catalogue_has_nothing_to_say() -> None:
    model = fitted(Catalogue())
    assert len(model.retrieve(REQUEST, History.of([0]), 5)[0]) == 0
    assert not model.score(REQUEST, History.of([0]), np.array([0, 1], np.int32)).any()
