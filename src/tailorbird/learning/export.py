"""A stored model in forms that others read: plain arrays, an ONNX graph, a folder as MLflow lays one out.

Nothing here knows a model by its class: a model of sequences brings its graph among its arrays, trees become one, and
whatever has no graph goes as arrays. The folder is written without MLflow, whose file of a model is a small document.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from tailorbird import __version__
from tailorbird.errors import BadInput
from tailorbird.learning.registry import Manifest
from tailorbird.ranking.lambda_ranker import LambdaRanker
from tailorbird.ranking.trees import Trees
from tailorbird.ranking.trees_graph import to_onnx
from tailorbird.types import Array

_ENCODER: Final = "encoder"
_ARRAYS: Final = "arrays.npz"
_GRAPH: Final = "model.onnx"


def write_arrays(path: Path, arrays: Mapping[str, Array], item_ids: Sequence[str]) -> None:
    """One NumPy archive: the arrays by name, and ``item_ids``, the id of each item number."""
    with path.open("wb") as out:
        np.savez_compressed(out, allow_pickle=False, item_ids=np.array(item_ids), **arrays)


def graph_of(manifest: Manifest, arrays: Mapping[str, Array]) -> bytes:
    """The model's ONNX graph: of a model of sequences the encoder of histories, of the ranker all of it.

    Raises:
        BadInput: the model is no graph.
        NotInstalled: onnx is not there to write the ranker with.
    """
    if len(arrays.get(_ENCODER, ())):
        return arrays[_ENCODER].tobytes()
    if manifest.name == LambdaRanker.name:
        return to_onnx(Trees.of_arrays(arrays, len(manifest.columns)), len(manifest.columns))
    raise BadInput(
        f"'{manifest.name}' has no graph: it looks rows up and adds them.", hint="Export it with --format arrays."
    )


def write_mlflow(folder: Path, manifest: Manifest, arrays: Mapping[str, Array], item_ids: Sequence[str]) -> None:
    """A folder with the file MLmodel, the arrays, and the graph where there is one, which MLflow's onnx flavour loads.

    Raises:
        BadInput: the folder exists and holds something.
    """
    if folder.exists() and any(folder.iterdir()):
        raise BadInput(f"{folder} is not empty.", hint="Name a folder that is not there yet with --out.")
    folder.mkdir(parents=True, exist_ok=True)
    write_arrays(folder / _ARRAYS, arrays, item_ids)
    flavours: dict[str, Any] = {"tailorbird": {"data": _ARRAYS, "model": manifest.name, "version": __version__}}
    try:
        graph = graph_of(manifest, arrays)
    except BadInput:
        pass
    else:
        (folder / _GRAPH).write_bytes(graph)
        flavours["onnx"] = {"data": _GRAPH, "providers": ["CPUExecutionProvider"]}
    document = {
        "flavors": flavours,
        "utc_time_created": f"{datetime.fromtimestamp(manifest.created_at, UTC):%Y-%m-%d %H:%M:%S.%f}",
        "model_uuid": f"{manifest.name}-{manifest.version}",
        "metadata": {"tailorbird": msgspec.to_builtins(manifest)},
    }
    # JSON is YAML, which is what MLflow reads.
    (folder / "MLmodel").write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=2))
