"""Where a training computes: as wanted, in one place, and whatever else meets the weights there."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tailorbird.catalogue import Catalogue
from tailorbird.errors import InvalidConfig
from tailorbird.retrieval.bert4rec import Bert4rec
from tailorbird.retrieval.deep.attributes import Attributes
from tailorbird.retrieval.deep.batches import N_BUCKETS, Sequences
from tailorbird.retrieval.deep.blocks import Shape
from tailorbird.retrieval.deep.device import beside, device_of
from tailorbird.retrieval.deep.graph import GraphTask
from tailorbird.retrieval.deep.graph import Recipe as GraphRecipe
from tailorbird.retrieval.deep.loop import Recipe, SequenceTask
from tailorbird.retrieval.deep.tokens import Bags
from tailorbird.retrieval.deep.towers import Design, TowersTask
from tailorbird.retrieval.deep.towers import Recipe as TowersRecipe
from tailorbird.retrieval.lightgcn import LightGcn
from tailorbird.retrieval.sasrec import Sasrec
from tailorbird.retrieval.two_tower import TwoTower
from tailorbird.types import Interactions

torch = pytest.importorskip("torch", reason="training needs torch: pip install 'tailorbird[deep]'")
pytest.importorskip("onnx", reason="exporting needs onnx: pip install 'tailorbird[deep]'")
pytest.importorskip("onnxruntime", reason="serving needs onnxruntime: pip install 'tailorbird[deep]'")

from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402  # after the skips
from torch.utils._pytree import tree_leaves  # noqa: E402

HAS_GPU = torch.cuda.is_available()
N_ITEMS = 12
EVERY_MODEL = pytest.mark.parametrize("kind", [Sasrec, Bert4rec, TwoTower, LightGcn])
SMALL = {"factors": 16, "batch": 16, "epochs": 4, "validation": 20}


def log(n_people: int = 120, length: int = 5) -> Interactions:
    users = np.repeat(np.arange(n_people, dtype=np.int32), length)
    items = ((users + np.tile(np.arange(length), n_people)) % N_ITEMS).astype(np.int32)
    at = 1.7e9 + 60.0 * np.tile(np.arange(length), n_people)
    return Interactions(users, items, at, np.ones(len(users)), n_people, N_ITEMS)


def fitted(kind: Any, **settings: Any) -> Any:
    model = kind(kind.Config(**{**SMALL, **settings}))
    model.fit(log(), Catalogue())
    return model


@pytest.mark.skipif(HAS_GPU, reason="there is a GPU here")
@EVERY_MODEL
def test_a_gpu_that_is_wanted_and_not_there_is_told_with_its_remedy(kind: Any) -> None:
    with pytest.raises(InvalidConfig, match=r"device is 'cuda', but torch sees no GPU here\. Set device to 'auto'"):
        fitted(kind, device="cuda")


@pytest.mark.skipif(HAS_GPU, reason="there is a GPU here")
@EVERY_MODEL
def test_without_a_gpu_auto_is_the_processor_to_the_byte(kind: Any) -> None:
    auto, cpu = (fitted(kind, device=device, epochs=2).arrays() for device in ("auto", "cpu"))
    assert all(np.array_equal(array, cpu[name]) for name, array in auto.items())


def test_a_gpu_is_taken_where_torch_sees_one() -> None:
    assert device_of("cpu").type == "cpu"
    assert device_of("auto").type == ("cuda" if HAS_GPU else "cpu")


class Killed(Exception):
    pass


@pytest.mark.parametrize("devices", [("cpu", "auto"), ("auto", "cpu")])
@EVERY_MODEL
def test_a_checkpoint_of_one_device_goes_on_on_another(kind: Any, devices: tuple[str, str], tmp_path: Path) -> None:
    def killed_at(_epoch: str, share: float) -> None:
        if share == 0.5:
            raise Killed

    first, second = (kind(kind.Config(**SMALL, checkpoints=str(tmp_path), device=device)) for device in devices)
    first.told, told = killed_at, {}
    with pytest.raises(Killed):
        first.fit(log(), Catalogue())
    second.told = told.__setitem__
    second.fit(log(), Catalogue())
    assert [epoch.split(",")[0] for epoch in told] == ["epoch 3", "epoch 4"]


class OneDevice(TorchDispatchMode):
    """Refuses what a GPU would refuse: to compute with tensors of two devices, single numbers excepted."""

    def __torch_dispatch__(self, call: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if call not in {torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default}:
            tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor) and leaf.ndim]
            assert len({tensor.device for tensor in tensors}) < 2, f"{call} mixes devices"
        return call(*args, **(kwargs or {}))


def step_elsewhere(task: Any, loss_of: Any) -> None:
    """Go forward and back with the weights on a device of its own, which computes nothing, for each batch."""
    for batch in task.batches(np.random.default_rng(1)):
        weights = {name: weight.to("meta").requires_grad_(True) for name, weight in task.fresh().items()}
        with OneDevice():
            loss = loss_of(weights, batch)
            loss.backward()
        assert loss.device.type == "meta"
        assert all(weight.grad.device.type == "meta" for weight in weights.values())


def sequences(n_people: int = 20, length: int = 5) -> Sequences:
    rows = np.arange(n_people * length)
    starts = np.arange(n_people) * length
    return Sequences(rows % N_ITEMS, 60.0 * rows, starts, starts + length)


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("n_buckets", [1, N_BUCKETS])
@pytest.mark.parametrize("causal", [False, True])
def test_a_step_of_a_sequence_model_happens_where_its_weights_are(causal: Any, n_buckets: int, relative: Any) -> None:
    shape = Shape(N_ITEMS, 8, 2, 2, 6, n_buckets, 2, causal, relative)
    attributes = Attributes(np.arange(N_ITEMS) % 3, np.arange(N_ITEMS), 3)
    task = SequenceTask(sequences(), sequences(0), shape, Recipe(8, 0.1, 4, 1, 0.3), attributes)
    step_elsewhere(task, lambda weights, batch: task.loss(weights, batch)[0])


def test_a_step_of_two_towers_happens_where_their_weights_are() -> None:
    design = Design(N_ITEMS, 4, 8, 8, (1.0, 4.0))
    bags = Bags(np.arange(N_ITEMS + 1), np.arange(N_ITEMS) % 4, np.ones(N_ITEMS, np.float32))
    task = TowersTask(sequences(), sequences(0), bags, design, TowersRecipe(6, 8, 4, 0.1, 0.2, 0.1, 1))
    step_elsewhere(task, lambda weights, batch: task.loss(weights, batch)[0])


def test_a_step_of_lightgcn_happens_where_its_spread_vectors_are() -> None:
    task = GraphTask(sequences(), sequences(0), N_ITEMS, GraphRecipe(6, 8, 2, 100, 1.0, 4, 0.1, 0.2, 8, 1))
    step_elsewhere(task, lambda weights, batch: task.loss_of(weights["items"], batch[0], batch[1]))


def test_what_is_mixed_up_is_noticed() -> None:
    table, rows = torch.zeros(3, 2, device="meta"), np.arange(3)
    with OneDevice():
        assert torch.nn.functional.embedding(beside(table, rows), table).device.type == "meta"
        with pytest.raises(AssertionError, match="mixes devices"):
            torch.nn.functional.embedding(torch.from_numpy(rows), table)
