"""Cold items: what a description led to before, for items that nobody has touched."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from tailorbird.catalogue import Catalogue
from tailorbird.retrieval.alignment import OWN_PARTS, RIDGES, USUAL, Evidence, Strength
from tailorbird.retrieval.cold_items import ColdItems, ColdItemsConfig
from tailorbird.retrieval.content import Content
from tailorbird.types import History, Interactions, Item, Request

REQUEST = Request(surface="home", at=0.0)
N_ITEMS, N_PEOPLE = 120, 300
KINDS = ("cameras", "films", "tents", "boots")
NEXT = {"cameras": "films", "films": "cameras", "tents": "boots", "boots": "tents"}


def article(n: int, kind: str | None = None) -> Item:
    return Item(item_id=f"i{n}", categories=("shop", kind or KINDS[n % 4]), brand=f"brand{n % 5}")


@pytest.fixture
def shop() -> Catalogue:
    made = Catalogue()
    for n in range(N_ITEMS):
        made.upsert(article(n))
    return made


def log(*, untouched: range = range(0)) -> Interactions:
    """People who go from one kind of thing to the kind that belongs to it, and to nothing else."""
    draw = np.random.default_rng(1)
    items: list[int] = []
    for _ in range(N_PEOPLE):
        start = int(draw.integers(4))
        for step in range(6):
            kind = start if step % 2 == 0 else KINDS.index(NEXT[KINDS[start]])
            items.append(int(draw.integers(N_ITEMS // 4)) * 4 + kind)
    columns = np.array(items, np.int32)
    users = np.repeat(np.arange(N_PEOPLE, dtype=np.int32), 6)
    keep = ~np.isin(columns, list(untouched))
    at = np.tile(np.arange(6.0), N_PEOPLE)
    return Interactions(users[keep], columns[keep], at[keep], np.ones(keep.sum()), N_PEOPLE, N_ITEMS)


def fitted(shop: Catalogue, interactions: Interactions, **settings: object) -> ColdItems:
    model = ColdItems(ColdItemsConfig(**settings))  # type: ignore[arg-type]
    model.fit(interactions, shop)
    return model


def test_an_untouched_item_is_found_by_what_goes_with_its_kind_and_not_by_likeness(shop: Catalogue) -> None:
    untouched = range(100, 120)
    model, content = fitted(shop, log(untouched=untouched)), Content()
    content.fit(log(), shop)
    cold = np.array(untouched, np.int32)
    cameras = History.of([0])
    best = cold[np.argmax(model.score(REQUEST, cameras, cold))]
    assert shop.item(int(best)).categories[-1] == "films"
    best = cold[np.argmax(content.score(REQUEST, cameras, cold))]
    assert shop.item(int(best)).categories[-1] == "cameras", "likeness alone has no way to know"


def test_the_score_is_the_bilinear_form_of_the_tokens(shop: Catalogue) -> None:
    model = fitted(shop, log(), half_life=1.0)
    arrays = model.arrays()
    rows = csr_matrix((arrays["values"], arrays["columns"], arrays["pointers"]), (N_ITEMS, len(arrays["tokens"])))
    tokens = rows.toarray()
    expected = (0.5 * tokens[3] + tokens[8]) @ arrays["alignment"] @ tokens.T
    scores = model.score(REQUEST, History.of([3, 8]), np.arange(N_ITEMS, dtype=np.int32))
    assert np.allclose(scores, expected, atol=1e-5)


def test_the_map_solves_both_ridge_regressions() -> None:
    draw = np.random.default_rng(4)
    tokens, together = (draw.random((9, 3)) < 0.5).astype(float), draw.random((9, 9)) * (draw.random((9, 9)) < 0.6)
    counted = np.arange(9) != 4
    ridge, itself = 0.7, 0.2
    f, shares = tokens[counted], together[np.ix_(counted, counted)]
    shares = shares / shares.sum(axis=1, keepdims=True)
    left = np.linalg.inv(f.T @ f + ridge * np.eye(3))
    expected = left @ f.T @ (shares + itself * np.eye(8)) @ f @ left
    evidence = Evidence.of(csr_matrix(tokens), csr_matrix(together), counted)
    assert np.allclose(evidence.aligned(Strength(ridge, itself)), expected, atol=1e-4)


def test_both_strengths_are_of_those_tried_and_kept_with_the_model(shop: Catalogue) -> None:
    ridge, itself = fitted(shop, log()).arrays()["strength"].tolist()
    assert ridge in RIDGES
    assert itself in OWN_PARTS
    ridge, itself = fitted(shop, log(), ridge=0.5).arrays()["strength"].tolist()
    assert ridge == 0.5
    assert itself in OWN_PARTS


def test_a_hidden_item_leaves_no_trace_in_the_map() -> None:
    draw = np.random.default_rng(5)
    tokens, together = (draw.random((9, 3)) < 0.5).astype(float), draw.random((9, 9))
    other = together.copy()
    other[4], other[:, 4] = 100.0, 100.0
    counted = np.arange(9) != 4
    one, two = (Evidence.of(csr_matrix(tokens), csr_matrix(m), counted).aligned(USUAL) for m in (together, other))
    assert np.array_equal(one, two)


def test_with_one_person_there_is_nothing_to_choose_by(shop: Catalogue) -> None:
    one = Interactions(np.zeros(1, np.int32), np.array([3], np.int32), np.zeros(1), np.ones(1), 1, N_ITEMS)
    assert fitted(shop, one).arrays()["strength"].tolist() == [USUAL.ridge, USUAL.itself]


def test_an_item_that_arrives_after_the_fit_is_found_by_the_next_question(shop: Catalogue) -> None:
    model = fitted(shop, log())
    model.retrieve(REQUEST, History.of([0]), 10)
    new = shop.upsert(article(500, "films"))
    items, _ = model.retrieve(REQUEST, History.of([0]), 60)
    assert new in items.tolist()
    lead = model.score(REQUEST, History.of([new]), np.arange(N_ITEMS, dtype=np.int32))
    assert np.argmax(lead) % 4 == KINDS.index("cameras"), "what arrives also asks"


def test_a_bulk_import_is_taken_in_by_and_by(shop: Catalogue) -> None:
    model = fitted(shop, log())
    for n in range(N_ITEMS, N_ITEMS + 200):
        shop.upsert(article(n, "films"))
    every = np.arange(N_ITEMS + 200, dtype=np.int32)
    known = [int(np.count_nonzero(model.score(REQUEST, History.of([0]), every))) for _ in range(6)]
    assert known[0] < known[-1] == N_ITEMS + 200


def test_only_as_many_tokens_are_mapped_as_are_asked_for(shop: Catalogue) -> None:
    arrays = fitted(shop, log(), tokens=3).arrays()
    assert arrays["alignment"].shape == (3, 3)
    assert len(arrays["tokens"]) == 3


def test_a_map_that_does_not_match_its_tokens_is_refused(shop: Catalogue) -> None:
    arrays = dict(fitted(shop, log()).arrays())
    with pytest.raises(ValueError, match="does not match"):
        ColdItems(None, {**arrays, "tokens": arrays["tokens"][:-1]})
