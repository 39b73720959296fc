"""The transformer and its export: it never looks ahead, and ONNX says what torch says."""

from dataclasses import replace

import numpy as np
import pytest

from tailorbird.retrieval.deep.batches import HIDDEN, N_BUCKETS, age_buckets
from tailorbird.retrieval.deep.blocks import Shape, encode, fresh
from tailorbird.retrieval.deep.export import ages, run, session, to_onnx

torch = pytest.importorskip("torch", reason="training needs torch: pip install 'tailorbird[deep]'")
pytest.importorskip("onnx", reason="exporting needs onnx: pip install 'tailorbird[deep]'")
pytest.importorskip("onnxruntime", reason="serving needs onnxruntime: pip install 'tailorbird[deep]'")

SHAPE = Shape(n_items=30, factors=16, blocks=2, heads=4, longest=12, n_buckets=1, widening=4)
TIMED = replace(SHAPE, n_buckets=N_BUCKETS)
BOTH_WAYS = replace(SHAPE, longest=13, causal=False)
RELATIVE = replace(SHAPE, relative=True)


def weights_of(shape, seed=1):
    """Weights in which nothing is 0, so that every part counts."""
    draw = torch.Generator().manual_seed(seed)
    return {name: w + 0.3 * torch.randn(w.shape, generator=draw) for name, w in fresh(shape, seed).items()}


def buckets_of(shape, at):
    """Each item is asked about when the next one comes; the last at once."""
    if shape.n_buckets == 1:
        return None
    return torch.from_numpy(age_buckets(at, np.append(at[1:], at[-1]), shape.n_buckets, causal=True))[None]


@pytest.mark.parametrize("shape", [SHAPE, TIMED, RELATIVE, replace(TIMED, relative=True)])
def test_no_position_looks_ahead(shape):
    weights, draw = weights_of(shape), np.random.default_rng(1)
    items, at = draw.integers(0, 30, 12), np.cumsum(draw.random(12) * 1e5)
    changed, later = items.copy(), at.copy()
    changed[7:] = (changed[7:] + 1) % 30
    later[8:] += 1e6
    one = encode(weights, shape, torch.from_numpy(items)[None], buckets_of(shape, at))
    two = encode(weights, shape, torch.from_numpy(changed)[None], buckets_of(shape, later))
    assert torch.allclose(one[0, :7], two[0, :7], atol=1e-5)
    assert not torch.allclose(one[0, 7:], two[0, 7:], atol=1e-2)


@pytest.mark.parametrize("timed", [False, True])
def test_without_a_direction_a_hidden_item_depends_on_both_sides_and_not_on_what_it_hides(timed):
    shape = replace(BOTH_WAYS, n_buckets=N_BUCKETS if timed else 1)
    weights, draw = weights_of(shape), np.random.default_rng(1)
    items, at = draw.integers(0, 30, 12), np.cumsum(draw.random(12) * 1e5)
    items[6] = HIDDEN
    buckets = torch.from_numpy(age_buckets(at, at, shape.n_buckets, causal=False))[None]
    one = encode(weights, shape, torch.from_numpy(items)[None], buckets)[0, 6]
    for place in (5, 7):
        changed = items.copy()
        changed[place] = (changed[place] + 1) % 30
        assert not torch.allclose(
            one, encode(weights, shape, torch.from_numpy(changed)[None], buckets)[0, 6], atol=1e-2
        )


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize(("given", "turned"), [([3, 5, 7], [5, 3, 7]), ([4, HIDDEN, 9], [9, HIDDEN, 4])])
def test_without_positions_it_is_the_steps_between_items_that_tell_an_order(given, turned, relative):
    shape = replace(SHAPE if HIDDEN not in given else BOTH_WAYS, blocks=1, relative=relative)
    weights = {name: 0.0 * w if name == "positions" else w for name, w in weights_of(shape).items()}
    buckets = None if shape.causal else torch.zeros(1, 3, 3, dtype=torch.long)
    place = -1 if shape.causal else 1
    one, two = (encode(weights, shape, torch.tensor([items]), buckets)[0, place] for items in (given, turned))
    assert torch.allclose(one, two, atol=1e-4) != relative


@pytest.mark.parametrize("relative", [False, True])
def test_where_no_times_are_known_what_comes_later_is_hidden_without_buckets_as_with_them(relative):
    shape = replace(SHAPE, relative=relative)
    weights, items = weights_of(shape), torch.arange(12)[None]
    buckets = torch.from_numpy(age_buckets(np.zeros(12), np.zeros(12), 1, causal=True))[None]
    one, two = (encode(weights, shape, items, how) for how in (None, buckets))
    assert torch.allclose(one, two, atol=1e-5)


@pytest.mark.parametrize(
    "shape",
    [
        SHAPE,
        TIMED,
        replace(TIMED, blocks=1, heads=1),
        replace(SHAPE, blocks=3),
        BOTH_WAYS,
        replace(BOTH_WAYS, n_buckets=N_BUCKETS, blocks=1),
        RELATIVE,
        replace(TIMED, relative=True, blocks=1),
        replace(BOTH_WAYS, relative=True),
    ],
)
@pytest.mark.parametrize("n", [1, 2, 12])
def test_onnx_says_what_torch_says(shape, n):
    weights, draw = weights_of(shape), np.random.default_rng(n)
    items, at = draw.integers(0, 30, n), np.cumsum(draw.random(n) * 1e5)
    buckets = ages(at, at[-1] + 1e3, shape.n_buckets, causal=shape.causal)
    asked = torch.from_numpy(items if shape.causal else np.append(items, HIDDEN))[None]
    expected = encode(weights, shape, asked, torch.from_numpy(buckets)[None])[0, -1].numpy()
    arrays = {name: weight.numpy() for name, weight in weights.items()}
    assert np.allclose(run(session(to_onnx(arrays, shape)), arrays["items"][items], buckets), expected, atol=1e-4)


def test_the_same_weights_are_the_same_bytes():
    arrays = {name: weight.numpy() for name, weight in weights_of(TIMED).items()}
    assert to_onnx(arrays, TIMED) == to_onnx(arrays, TIMED)


def test_a_graph_that_says_something_else_is_not_written(monkeypatch):
    arrays = {name: weight.numpy() for name, weight in weights_of(SHAPE).items()}
    monkeypatch.setattr("tailorbird.retrieval.deep.export._norm", lambda _put, x, *_weights: x)
    with pytest.raises(RuntimeError, match="off by"):
        to_onnx(arrays, SHAPE)
