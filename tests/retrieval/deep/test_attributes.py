"""What items share by their descriptions, and the vectors that come of it."""

import numpy as np
import pytest

from tailorbird.catalogue import Catalogue
from tailorbird.retrieval.deep.attributes import attributes_of, summed
from tailorbird.types import Item


def shop() -> Catalogue:
    made = Catalogue()
    made.upsert(Item(item_id="0", title="red shoes", categories=("shop", "shoes"), brand="ours"))
    made.upsert(Item(item_id="1", title="red shirt", categories=("shop", "shirts"), brand="theirs"))
    made.number("2")
    made.upsert(Item(item_id="3", title="red shoes", categories=("shop", "shoes"), brand="alone"))
    return made


def test_what_one_item_alone_has_and_words_are_no_attributes() -> None:
    found = attributes_of(shop(), np.array([0, 1, 2, 3, 9], np.int32))
    assert found is not None
    assert found.n == 2, "the shop and its shoes"
    assert np.diff([*found.starts, len(found.codes)]).tolist() == [2, 1, 0, 2, 0]
    assert sorted(found.codes[:2]) == sorted(found.codes[-2:]) == [0, 1]


def test_items_that_share_nothing_have_none() -> None:
    assert attributes_of(shop(), np.array([1, 2], np.int32)) is None
    assert attributes_of(Catalogue(), np.array([0, 1], np.int32)) is None


def test_a_vector_is_its_own_and_the_mean_of_what_it_shares() -> None:
    torch = pytest.importorskip("torch", reason="training needs torch: pip install 'tailorbird[deep]'")
    found = attributes_of(shop(), np.array([0, 1, 2, 3], np.int32))
    assert found is not None
    shop_code = int(found.codes[found.starts[1]])
    weights = {"items": torch.ones(4, 2), "attributes": torch.tensor([[4.0, 0.0], [0.0, 2.0]])}
    if shop_code == 1:
        weights["attributes"] = weights["attributes"].flip(0)
    vectors = summed(weights, found)["items"]
    assert vectors.tolist() == [[3.0, 2.0], [5.0, 1.0], [1.0, 1.0], [3.0, 2.0]]
