"""Sequences: what is learned from them, what the encoder may look at, and how a killed training goes on."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tailorbird.catalogue import Catalogue
from tailorbird.errors import NotInstalled
from tailorbird.protocols import TellsProgress
from tailorbird.retrieval.deep import needed
from tailorbird.retrieval.sasrec import Sasrec, SasrecConfig
from tailorbird.types import History, Interactions, Item, Request

NOW, N_ITEMS = 1.76e9, 12
SMALL = {"factors": 16, "batch": 16, "epochs": 40, "dropout": 0.1, "learning_rate": 0.01, "validation": 20, "last": 8}


def rounds(n_people: int = 120, length: int = 6, *, at: float = NOW - 1e6) -> Interactions:
    """Everybody goes round the items, each from a place of their own, and every other one backwards."""
    users = np.repeat(np.arange(n_people, dtype=np.int32), length)
    steps = np.tile(np.arange(length), n_people)
    items = ((users // 2 + np.where(users % 2, -1, 1) * steps) % N_ITEMS).astype(np.int32)
    return Interactions(users, items, at + 60.0 * steps, np.ones(len(users)), n_people, N_ITEMS)


def asked(at: float = NOW) -> Request:
    return Request(surface="home", at=at)


@pytest.fixture
def deep() -> Any:
    """The module torch, where everything to train with is installed."""
    for package in ("onnxruntime", "onnx", "torch"):
        module = pytest.importorskip(package, reason=f"sasrec needs {package}: pip install 'tailorbird[deep]'")
    return module


def fitted(interactions: Interactions, **settings: Any) -> Sasrec:
    model = Sasrec(SasrecConfig(**{**SMALL, **settings}))
    model.fit(interactions, Catalogue())
    return model


def test_a_package_that_is_missing_is_named_with_the_extra_that_brings_it() -> None:
    with pytest.raises(NotInstalled, match=r"Dreaming needs no_such_package.*pip install 'tailorbird\[deep\]'"):
        needed(("numpy", "no_such_package"), "deep", "Dreaming")


def test_heads_that_do_not_divide_the_factors_are_refused() -> None:
    with pytest.raises(ValueError, match="heads is 3, which does not divide factors, 128"):
        SasrecConfig(heads=3)


@pytest.mark.usefixtures("deep")
@pytest.mark.parametrize("at", [0.0, NOW - 1e6])
def test_the_order_of_a_history_decides(at: float) -> None:
    model = fitted(rounds(at=at), validation=0)
    assert model.retrieve(asked(at + 360), History.of([3, 4], at=at), 1)[0].tolist() == [5]
    assert model.retrieve(asked(at + 360), History.of([4, 3], at=at), 1)[0].tolist() == [2]


@pytest.mark.usefixtures("deep")
def test_times_count_only_where_they_are_real() -> None:
    history = History.of([3], at=NOW - 60).plus([4], at=NOW)
    timed, untimed = fitted(rounds(), epochs=2), fitted(rounds(at=0.0), epochs=2)
    assert not np.array_equal(*(timed.retrieve(asked(NOW + age), history, 5)[1] for age in (60, 1e6)))
    assert np.array_equal(*(untimed.retrieve(asked(NOW + age), history, 5)[1] for age in (60, 1e6)))


@pytest.mark.usefixtures("deep")
@pytest.mark.parametrize("at", [0.0, NOW - 1e6])
def test_the_bias_by_steps_is_learned_and_kept(at: float) -> None:
    with_it, without = (fitted(rounds(at=at), epochs=2, relative_positions=relative) for relative in (True, False))
    assert not np.array_equal(with_it.arrays()["vectors"], without.arrays()["vectors"])
    again, history = Sasrec(with_it.config, with_it.arrays()), History.of([3, 4], at=at)
    assert np.array_equal(*(model.retrieve(asked(at + 60), history, 5)[1] for model in (again, with_it)))


@pytest.mark.usefixtures("deep")
def test_a_model_from_before_the_bias_by_steps_serves_as_it_did() -> None:
    old, history = fitted(rounds(), epochs=1, relative_positions=False), History.of([3, 4], at=NOW - 60)
    now = Sasrec(SasrecConfig(**{**SMALL, "relative_positions": True}), old.arrays())
    assert np.array_equal(*(model.retrieve(asked(), history, 5)[1] for model in (now, old)))


@pytest.mark.usefixtures("deep")
def test_what_was_in_no_sequence_is_neither_found_nor_judged() -> None:
    model = fitted(rounds(), epochs=1)
    catalogue_wide = Interactions(
        *(getattr(rounds(), column) for column in ("users", "items", "at", "weights")), 120, N_ITEMS + 3
    )
    model.fit(catalogue_wide, Catalogue())
    found, scores = model.retrieve(asked(), History.of([1], at=NOW), 100)
    assert sorted(found.tolist()) == list(range(N_ITEMS))
    assert (scores > 0).all()
    assert not model.score(asked(), History.of([1], at=NOW), np.arange(N_ITEMS, N_ITEMS + 3, dtype=np.int32)).any()


@pytest.mark.usefixtures("deep")
@pytest.mark.parametrize("n_items", [1, 2])
def test_hardly_any_items_to_choose_from_are_no_trouble(n_items: int) -> None:
    log = rounds()
    few = Interactions(log.users, log.items % n_items, log.at, log.weights, log.n_users, n_items)
    model = fitted(few, epochs=3, negatives=2)
    found, scores = model.retrieve(asked(), History.of([0], at=NOW), 5)
    assert len(found) == (n_items if n_items > 1 else 0)
    assert np.isfinite(model.arrays()["vectors"]).all()
    assert np.isfinite(scores).all()


@pytest.mark.usefixtures("deep")
def test_only_the_newest_entries_are_looked_at() -> None:
    model = fitted(rounds(), epochs=1)
    newest = [n % N_ITEMS for n in range(8)]
    long, short = History.of([5, 9, *newest], at=NOW), History.of(newest, at=NOW)
    assert np.array_equal(model.retrieve(asked(), long, 5)[1], model.retrieve(asked(), short, 5)[1])


@pytest.mark.usefixtures("deep")
@pytest.mark.parametrize(("length", "last"), [(6, 50), (60, 200)])
def test_where_people_have_much_more_of_it_is_looked_at(length: int, last: int) -> None:
    model = fitted(rounds(20, length), last=None, epochs=1)
    assert model.arrays()["limits"].tolist()[0] == last


@pytest.mark.usefixtures("deep")
@pytest.mark.parametrize("length", [6, 60])
def test_steps_count_where_histories_are_long_unless_it_is_said(length: int) -> None:
    unsaid, on, off = (
        fitted(rounds(20, length), epochs=1, relative_positions=said).arrays()["vectors"]
        for said in (None, True, False)
    )
    assert np.array_equal(unsaid, on) == (length == 60)
    assert np.array_equal(unsaid, off) == (length == 6)


@pytest.mark.usefixtures("deep")
def test_what_items_share_in_the_catalogue_counts_unless_it_is_switched_off() -> None:
    described, bare = Catalogue(), Catalogue()
    for n in range(N_ITEMS):
        described.upsert(Item(item_id=str(n), categories=("even" if n % 2 == 0 else "odd",)))
        bare.upsert(Item(item_id=str(n)))
    with_them, without, off = (
        Sasrec(SasrecConfig(**{**SMALL, "epochs": 2, "attributes": attributes})) for attributes in (True, True, False)
    )
    with_them.fit(rounds(), described)
    without.fit(rounds(), bare)
    off.fit(rounds(), described)
    assert not np.array_equal(with_them.arrays()["vectors"], without.arrays()["vectors"])
    assert np.array_equal(off.arrays()["vectors"], without.arrays()["vectors"])


@pytest.mark.usefixtures("deep")
def test_a_fit_tells_of_every_epoch() -> None:
    model, told = Sasrec(SasrecConfig(**{**SMALL, "epochs": 4})), {}
    assert isinstance(model, TellsProgress)
    model.told = told.__setitem__
    model.fit(rounds(), Catalogue())
    assert list(told.values()) == [0.25, 0.5, 0.75, 1.0]
    found = [re.fullmatch(r"epoch (\d), loss (\d\.\d{3}), validation (\d\.\d{4})", text).groups() for text in told]
    assert [number for number, _, _ in found] == ["1", "2", "3", "4"]
    assert float(found[-1][1]) < float(found[0][1])
    assert all(float(ndcg) > 0 for _, _, ndcg in found)


class Killed(Exception):
    pass


@pytest.mark.usefixtures("deep")
def test_a_killed_training_goes_on_from_its_checkpoint_to_the_same_model(tmp_path: Path) -> None:
    def killed_at(_epoch: str, share: float) -> None:
        if share == 0.5:
            raise Killed

    settings = {"epochs": 6, "checkpoints": str(tmp_path)}
    model, told = Sasrec(SasrecConfig(**{**SMALL, **settings})), {}
    model.told = killed_at
    with pytest.raises(Killed):
        model.fit(rounds(), Catalogue())
    assert len(list(tmp_path.iterdir())) == 1
    model.told = told.__setitem__
    model.fit(rounds(), Catalogue())
    assert [epoch.split(",")[0] for epoch in told] == ["epoch 4", "epoch 5", "epoch 6"]
    assert not list(tmp_path.iterdir())
    whole = fitted(rounds(), epochs=6)
    assert all(np.array_equal(array, whole.arrays()[name]) for name, array in model.arrays().items())


def test_another_seed_is_another_model_and_torch_s_own_draws_are_left_alone(deep: Any) -> None:
    deep.manual_seed(5)
    expected = deep.rand(3)
    deep.manual_seed(5)
    one, two = fitted(rounds(), epochs=1), fitted(rounds(), epochs=1, seed=2)
    assert deep.equal(deep.rand(3), expected)
    assert not np.array_equal(one.arrays()["vectors"], two.arrays()["vectors"])


@pytest.mark.usefixtures("deep")
def test_an_encoder_that_is_none_is_refused() -> None:
    arrays = {**fitted(rounds(), epochs=1).arrays(), "encoder": np.arange(100, dtype=np.uint8)}
    with pytest.raises(ValueError, match="no ONNX model"):
        Sasrec(SasrecConfig(**SMALL), arrays)


@pytest.mark.usefixtures("deep")
def test_vectors_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(12, 16\) are not 8 factors"):
        Sasrec(SasrecConfig(factors=8), fitted(rounds(), epochs=1).arrays())
