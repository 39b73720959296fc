"""Text vectors in `content`: meaning beside words."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tailorbird.catalogue import Catalogue
from tailorbird.errors import BadModelFile
from tailorbird.learning.models import check_encoder
from tailorbird.protocols import ReadsText
from tailorbird.retrieval.cold_items import ColdItems
from tailorbird.retrieval.content import Content, ContentConfig
from tailorbird.retrieval.text_vectors import TextVectors, text_of
from tailorbird.types import History, Interactions, Item, Request

REQUEST = Request(surface="home", at=0.0)
NOTHING = Interactions(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0), np.empty(0), 0, 0)
WORDS = {"sofa": 0, "couch": 0, "kettle": 1, "teapot": 1, "hammer": 2, "mallet": 2}


class Meaning:
    """Every text points one way, and a little to what it means."""

    name, dimension = "meaning", 4

    def encode(self, texts: Sequence[str]) -> Any:
        made = np.zeros((len(texts), 4), np.float32)
        made[:, 3] = 3.0
        for row, text in enumerate(texts):
            made[row, WORDS[text.split()[0]]] = 1.0
        return made / np.linalg.norm(made, axis=1, keepdims=True)


@pytest.fixture
def shop() -> Catalogue:
    made = Catalogue()
    for n in range(36):
        word = list(WORDS)[n % 6]
        made.upsert(Item(item_id=f"i{n}", title=f"{word} {n // 6}"))
    made.upsert(Item(item_id="bare"))
    return made


def fitted(shop: Catalogue, **settings: object) -> Content:
    model = Content(ContentConfig(**settings))  # type: ignore[arg-type]
    model.encoder = Meaning()
    model.fit(NOTHING, shop)
    return model


def test_a_couch_is_like_a_sofa_only_with_vectors(shop: Catalogue) -> None:
    sofa, couch, hammer = 0, 1, 4
    asked = np.array([couch, hammer], np.int32)
    by_words = Content()
    by_words.fit(NOTHING, shop)
    couch_, hammer_ = by_words.score(REQUEST, History.of([sofa]), asked)
    assert couch_ == pytest.approx(hammer_)
    couch_, hammer_ = fitted(shop).score(REQUEST, History.of([sofa]), asked)
    assert couch_ > 0.4 > hammer_


def test_what_means_the_same_is_found_though_no_word_is_shared(shop: Catalogue) -> None:
    items, scores = fitted(shop).retrieve(REQUEST, History.of([0]), 12)
    assert set((items % 6).tolist()) == {0, 1}
    assert (np.diff(scores) <= 0).all()


def test_vectors_are_centred_and_of_length_one_and_a_bare_item_has_none(shop: Catalogue) -> None:
    made = TextVectors.made(Meaning(), shop, 2)
    assert made.vectors.shape == (37, 2)
    assert np.allclose(np.linalg.norm(made.vectors[:36], axis=1), 1.0, atol=1e-5)
    assert not made.vectors[36].any()
    assert made.vectors[0] @ made.vectors[2] < 0, "not the .9 of the encoder itself"


def test_the_model_comes_back_with_the_name_and_length_of_what_made_its_vectors(shop: Catalogue) -> None:
    model = fitted(shop)
    again = Content(model.config, model.arrays())
    assert isinstance(again, ReadsText)
    assert again.made_by == "meaning"
    assert again.arrays()["text_dimension"].tolist() == [4]
    every = np.arange(37, dtype=np.int32)
    assert np.array_equal(again.score(REQUEST, History.of([3]), every), model.score(REQUEST, History.of([3]), every))


def test_a_fit_without_an_encoder_forgets_the_vectors(shop: Catalogue) -> None:
    model = fitted(shop)
    model.encoder = None
    model.fit(NOTHING, shop)
    assert model.made_by == ""
    assert not len(model.arrays()["text_vectors"])


def test_an_item_that_arrives_after_the_fit_is_known_by_its_words(shop: Catalogue) -> None:
    model = fitted(shop)
    new = shop.upsert(Item(item_id="new", title="sofa 0"))
    items, _ = model.retrieve(REQUEST, History.of([0]), 40)
    assert new in items.tolist()
    assert model.score(REQUEST, History.of([new]), np.array([0], np.int32))[0] > 0


def test_vectors_of_another_encoder_than_the_configured_one_are_refused_with_both_names(shop: Catalogue) -> None:
    model = fitted(shop)
    check_encoder(model, "meaning")
    check_encoder(model, "")
    with pytest.raises(BadModelFile, match=r"'meaning'.*'other'") as error:
        check_encoder(model, "other")
    assert "Train again" in (error.value.hint or "")


def test_an_encoder_reads_the_most_telling_first() -> None:
    item = Item(item_id="a", title="Sofa", categories=("home", "seats"), brand="B", description="soft " * 500)
    assert text_of(item).startswith("Sofa. home, seats. B. soft")
    assert len(text_of(item)) == 1_000
    assert text_of(Item(item_id="b")) == ""


def test_cold_items_maps_the_numbers_of_a_text_beside_its_tokens(shop: Catalogue) -> None:
    draw = np.random.default_rng(2)
    after = {0: 2, 1: 2, 2: 0, 3: 0, 4: 4, 5: 4}
    items = np.array([[a, 6 * int(draw.integers(5)) + after[a % 6]] for a in draw.integers(0, 30, 400)], np.int32)
    users = np.repeat(np.arange(400, dtype=np.int32), 2)
    log = Interactions(users, items.ravel(), np.tile([0.0, 1.0], 400), np.ones(800), 400, 37)
    model = ColdItems()
    model.encoder = Meaning()
    model.fit(log, shop)
    assert isinstance(model, ReadsText)
    assert model.made_by == "meaning"
    assert len(model.arrays()["alignment"]) > len(model.arrays()["tokens"])
    couch, kettle, hammer = 31, 32, 34
    scores = model.score(REQUEST, History.of([couch]), np.array([kettle, hammer], np.int32))
    assert scores[0] > scores[1], "sofas led to kettles, and a couch is a sofa"
    again = ColdItems(model.config, model.arrays())
    assert again.made_by == "meaning"
    asked = np.array([kettle, hammer], np.int32)
    assert np.array_equal(again.score(REQUEST, History.of([couch]), asked), scores)
