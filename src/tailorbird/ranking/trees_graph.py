"""Trees as an ONNX graph, for whoever wants to run the ranker elsewhere; we read the arrays ourselves.

Input and thresholds are in double precision: cut to a float32, a threshold would send a candidate that stands on it the
other way. The score comes out in single precision, as ONNX has it.
"""

from importlib.util import find_spec
from typing import Any, Final

import numpy as np

from tailorbird.errors import NotInstalled
from tailorbird.ranking.trees import LEAF, Trees
from tailorbird.types import Array, IntArray

_OPSETS: Final = {"": 17, "ai.onnx.ml": 3}
_IR: Final = 8


def to_onnx(trees: Trees, n_columns: int) -> bytes:
    """A graph with the input ``matrix`` (n, n_columns), float64, and the output ``score`` (n, 1), float32.

    Raises:
        NotInstalled: onnx is not there.
    """
    if find_spec("onnx") is None:
        raise NotInstalled("Writing an ONNX graph needs onnx, which is not installed.", hint="`pip install onnx`.")
    from onnx import TensorProto, helper  # noqa: PLC0415  # of the extra deep

    of_tree = np.searchsorted(trees.roots, np.arange(len(trees.feature)), side="right") - 1
    # Within a tree nodes count from its root.
    place = np.arange(len(trees.feature)) - trees.roots[of_tree]
    leaf = trees.feature == LEAF
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["matrix"],
        ["score"],
        domain="ai.onnx.ml",
        n_targets=1,
        nodes_treeids=of_tree.tolist(),
        nodes_nodeids=place.tolist(),
        nodes_featureids=np.where(leaf, 0, trees.feature).tolist(),
        nodes_modes=np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
        nodes_values_as_tensor=_doubles(trees.threshold),
        nodes_truenodeids=_within(trees.left, trees.roots[of_tree], leaf),
        nodes_falsenodeids=_within(trees.right, trees.roots[of_tree], leaf),
        target_treeids=of_tree[leaf].tolist(),
        target_nodeids=place[leaf].tolist(),
        target_ids=[0] * int(leaf.sum()),
        target_weights_as_tensor=_doubles(trees.value[leaf]),
    )
    matrix = helper.make_tensor_value_info("matrix", TensorProto.DOUBLE, ["n", n_columns])
    score = helper.make_tensor_value_info("score", TensorProto.FLOAT, ["n", 1])
    opsets = [helper.make_opsetid(domain, version) for domain, version in _OPSETS.items()]
    graph = helper.make_graph([node], "ranker", [matrix], [score])
    model = helper.make_model(graph, opset_imports=opsets, producer_name="tailorbird")
    model.ir_version = _IR
    return bytes(model.SerializeToString(deterministic=True))


def _within(children: IntArray, roots: IntArray, leaf: Array) -> list[int]:
    """The children's places within their trees; 0 for leaves, which have none."""
    found: list[int] = np.where(leaf, 0, children - roots).tolist()
    return found


def _doubles(values: Array) -> Any:
    from onnx import numpy_helper  # noqa: PLC0415  # of the extra deep

    return numpy_helper.from_array(np.ascontiguousarray(values, np.float64))
