"""Gaps: what stands at both sides of a hidden item is learned from, and a question hides one at the end."""

from typing import Any

import numpy as np
import pytest

from tailorbird.catalogue import Catalogue
from tailorbird.retrieval.bert4rec import Bert4rec, Bert4recConfig
from tailorbird.types import History, Interactions, Request

NOW, N_ITEMS = 1.76e9, 12
SMALL = {"factors": 16, "batch": 32, "epochs": 100, "dropout": 0.1, "learning_rate": 0.01, "validation": 0, "last": 8}


@pytest.fixture(autouse=True)
def deep() -> None:
    """Everything to train with is installed."""
    for package in ("onnxruntime", "onnx", "torch"):
        pytest.importorskip(package, reason=f"bert4rec needs {package}: pip install 'tailorbird[deep]'")


def rounds(n_people: int = 240, length: int = 4, *, at: float = NOW - 1e6) -> Interactions:
    """Everybody goes round the items, each from a place of their own, and every other one backwards."""
    users = np.repeat(np.arange(n_people, dtype=np.int32), length)
    steps = np.tile(np.arange(length), n_people)
    items = ((users // 2 + np.where(users % 2, -1, 1) * steps) % N_ITEMS).astype(np.int32)
    return Interactions(users, items, at + 60.0 * steps, np.ones(len(users)), n_people, N_ITEMS)


def fitted(interactions: Interactions, **settings: Any) -> Bert4rec:
    model = Bert4rec(Bert4recConfig(**{**SMALL, **settings}))
    model.fit(interactions, Catalogue())
    return model


@pytest.mark.parametrize("at", [0.0, NOW - 1e6])
def test_the_order_of_a_history_decides(at: float) -> None:
    model, asked = fitted(rounds(at=at)), Request(surface="home", at=at + 120)
    for before, last, wanted in ((3, 4, 5), (4, 3, 2)):
        history = History.of([before], at=at).plus([last], at=at + 60)
        found = model.retrieve(asked, history, N_ITEMS)[0].tolist()
        assert next(item for item in found if item not in {before, last}) == wanted


def test_the_longest_history_still_has_a_place_for_what_is_asked() -> None:
    model, asked = fitted(rounds(), epochs=1), Request(surface="home", at=NOW)
    newest = [n % N_ITEMS for n in range(8)]
    long, short = History.of([5, 9, *newest], at=NOW), History.of(newest, at=NOW)
    assert np.array_equal(model.retrieve(asked, long, 5)[1], model.retrieve(asked, short, 5)[1])


def test_the_share_that_is_hidden_makes_another_model() -> None:
    one, two = (fitted(rounds(), epochs=1, hidden=hidden).arrays()["vectors"] for hidden in (0.2, 0.8))
    assert not np.array_equal(one, two)


def test_people_validate_it_too() -> None:
    told: list[str] = []
    model = Bert4rec(Bert4recConfig(**{**SMALL, "validation": 20, "epochs": 10}))
    model.told = lambda epoch, _share: told.append(epoch)
    model.fit(rounds(), Catalogue())
    assert float(told[-1].split()[-1]) > float(told[0].split()[-1])
