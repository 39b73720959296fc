"""The trained encoder as ONNX: one history in, one vector out, the vectors of its items given from outside.

The graph is written node by node. That gives the same bytes for the same weights, keeps every path of the training
machine out of the file, and lets the last block compute one position only. That it says what torch says is checked at
every export.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from tailorbird.retrieval.deep import SERVING, needed
from tailorbird.retrieval.deep.batches import HIDDEN, Longs, age_buckets
from tailorbird.retrieval.deep.blocks import FORBIDDEN, Shape, encode
from tailorbird.types import Array, FloatArray

OPSET: Final = 17
_IR: Final = 8
_TOLERANCE: Final = 1e-4

MOST_BYTES: Final = 2**30
"""Of a graph that is served; the largest that is written here has a tenth of that."""

_ELSEWHERE: Final = b"\n\x08location\x12"
"""How ONNX writes down that a tensor's numbers lie in a file beside the graph."""


def to_onnx(weights: Mapping[str, Array], shape: Shape) -> bytes:
    """The encoder with inputs ``rows`` (n, factors) and ``buckets`` as of `ages`, and the output ``wanted`` (factors,).

    Unless it is causal, the graph appends the position whose item is asked for.

    Raises:
        RuntimeError: the graph does not say what torch says; a mistake of this module.
    """
    written = _graph(weights, shape)
    _check(written, weights, shape)
    return written


def session(encoder: bytes) -> Any:
    """Something that runs the encoder on one core.

    Raises:
        NotInstalled: onnxruntime is not there.
        ValueError: the bytes are no such model, too many, or name other files to read.
    """
    if len(encoder) > MOST_BYTES:
        raise ValueError(f"the encoder has {len(encoder):,} bytes; {MOST_BYTES:,} are allowed")
    if _ELSEWHERE in encoder:
        raise ValueError("the encoder keeps numbers in other files, which are not read")
    (runtime,) = needed(SERVING, "neural", "Serving a neural model")
    from onnxruntime.capi import onnxruntime_pybind11_state as errors

    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return runtime.InferenceSession(encoder, options, providers=["CPUExecutionProvider"])
    except (errors.Fail, errors.InvalidArgument, errors.InvalidGraph, errors.InvalidProtobuf) as error:
        raise ValueError(f"the encoder is no ONNX model: {error}") from error


def ages(at: FloatArray, now: float, n_buckets: int, *, causal: bool) -> Longs:
    """The `age_buckets` of a history with these times that is asked ``now``: (n, n), or one more where not causal."""
    if causal:
        return age_buckets(at, np.append(at[1:], now), n_buckets, causal=True)
    positions = np.append(at, now)
    return age_buckets(positions, positions, n_buckets, causal=False)


def run(session: Any, rows: Array, buckets: Array) -> Array:
    """The vector of whoever has these items; shape (factors,)."""
    wanted: Array = session.run(None, {"rows": rows, "buckets": buckets})[0]
    return wanted


class Graph:
    """Nodes and constants in the order in which they are written; every result has a number for a name."""

    def __init__(self) -> None:
        """Nothing written."""
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: Any, dtype: type = np.float32) -> str:
        """The name of a constant."""
        from onnx import numpy_helper

        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value, dtype), name))
        return name

    def __call__(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Write a node; the name of its result."""
        from onnx import helper

        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def finished(self, inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
        """The model of these nodes, with value infos of its inputs and outputs."""
        from onnx import helper

        graph = helper.make_graph(self.nodes, "encoder", inputs, outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="tailorbird")
        model.ir_version = _IR
        return model


def _graph(weights: Mapping[str, Array], shape: Shape) -> bytes:
    from onnx import TensorProto, helper

    put = Graph()
    x = "rows" if shape.causal else put("Concat", "rows", put.constant(weights["hidden"][None]), axis=0)
    n = put("Shape", x, start=0, end=1)
    first = put("Slice", put.constant(weights["positions"]), put.constant([0], np.int64), n)
    x = put("Add", put("Mul", x, put.constant(shape.factors**0.5)), first)
    steps = _steps(put, shape, n)
    for block in range(shape.blocks):
        own = {name.partition(".")[2]: w for name, w in weights.items() if name.startswith(f"{block}.")}
        x = _block(put, own, shape, x, steps, only_last=block == shape.blocks - 1)
    x = _norm(put, x, weights["norm.scale"], weights["norm.shift"])
    put.nodes.append(helper.make_node("Reshape", [x, put.constant([shape.factors], np.int64)], ["wanted"]))
    inputs = [
        helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", shape.factors]),
        helper.make_tensor_value_info("buckets", TensorProto.INT64, ["positions", "positions"]),
    ]
    model = put.finished(inputs, [helper.make_tensor_value_info("wanted", TensorProto.FLOAT, [shape.factors])])
    return bytes(model.SerializeToString(deterministic=True))


def _steps(put: Graph, shape: Shape, n: str) -> str:
    """Rows of the bias by steps, (n, n): for each question how far back each position stands; "" without that bias."""
    if not shape.relative:
        return ""
    first, second = (put.constant([axis], np.int64) for axis in (0, 1))
    places = put("Slice", put.constant(np.arange(shape.longest), np.int64), first, n)
    back = put("Sub", put("Unsqueeze", places, second), put("Unsqueeze", places, first))
    return put("Max", put("Add", back, put.constant([shape.ahead], np.int64)), first)


def _block(put: Graph, own: Mapping[str, Array], shape: Shape, x: str, steps: str, *, only_last: bool) -> str:
    """One block; with ``only_last``, of the last position alone, which is all that is asked of the last block."""
    y = _norm(put, x, own["before.scale"], own["before.shift"])
    asking, buckets = y, "buckets"
    if only_last:
        end = put.constant([-1], np.int64)
        x, asking, buckets = (put("Gather", one, end, axis=0) for one in (x, y, buckets))
        steps = put("Gather", steps, end, axis=0) if shape.relative else steps
    queries = _heads(put, put("MatMul", asking, put.constant(own["queries"])), shape, [1, 0, 2])
    keys = _heads(put, put("MatMul", y, put.constant(own["keys"])), shape, [1, 2, 0])
    values = _heads(put, put("MatMul", y, put.constant(own["values"])), shape, [1, 0, 2])
    scaled = put("Mul", put("MatMul", queries, keys), put.constant((shape.factors // shape.heads) ** -0.5))
    by_age = own.get("ages", np.zeros((1, shape.heads), np.float32))
    by_age = np.concatenate((by_age, np.full((1, shape.heads), FORBIDDEN, np.float32)))
    bias = put("Gather", put.constant(by_age), buckets, axis=0)
    if shape.relative:
        bias = put("Add", bias, put("Gather", put.constant(own["steps"]), steps, axis=0))
    bias = put("Transpose", bias, perm=[2, 0, 1])
    seen = put("MatMul", put("Softmax", put("Add", scaled, bias), axis=-1), values)
    flat = put("Reshape", put("Transpose", seen, perm=[1, 0, 2]), put.constant([-1, shape.factors], np.int64))
    x = put("Add", x, put("MatMul", flat, put.constant(own["out"])))
    y = _norm(put, x, own["between.scale"], own["between.shift"])
    wide = put("Relu", _linear(put, y, own["wide"], own["wide.shift"]))
    return put("Add", x, _linear(put, wide, own["narrow"], own["narrow.shift"]))


def _norm(put: Graph, x: str, scale: Array, shift: Array) -> str:
    return put("LayerNormalization", x, put.constant(scale), put.constant(shift), axis=-1, epsilon=1e-5)


def _linear(put: Graph, x: str, weight: Array, shift: Array) -> str:
    return put("Add", put("MatMul", x, put.constant(weight)), put.constant(shift))


def _heads(put: Graph, x: str, shape: Shape, order: list[int]) -> str:
    parts = put.constant([-1, shape.heads, shape.factors // shape.heads], np.int64)
    return put("Transpose", put("Reshape", x, parts), perm=order)


def _check(written: bytes, weights: Mapping[str, Array], shape: Shape) -> None:
    """Ask both about a history of every length up to three, and the longest."""
    import torch

    tensors = {name: torch.from_numpy(weight) for name, weight in weights.items()}
    running = session(written)
    draw = np.random.default_rng(0)
    for n in sorted({min(n, shape.queries) for n in (1, 2, 3, shape.queries)}):
        items = draw.integers(0, shape.n_items, n)
        asked = items if shape.causal else np.append(items, HIDDEN)
        *at, now = np.sort(draw.random(n + 1)) * 1e6
        buckets = ages(np.array(at), now, shape.n_buckets, causal=shape.causal)
        with torch.no_grad():
            found = encode(tensors, shape, torch.from_numpy(asked)[None], torch.from_numpy(buckets)[None])
        expected = found[0, -1].numpy()
        off = float(np.abs(run(running, weights["items"][items], buckets) - expected).max())
        if not off <= _TOLERANCE * max(1.0, float(np.abs(expected).max())):
            raise RuntimeError(f"the exported encoder is off by {off:.2g} on a history of {n}")
