"""A model written for others says there what it says here."""

import json
from pathlib import Path

import numpy as np
import pytest

from tailorbird.errors import BadInput
from tailorbird.learning.export import graph_of, write_arrays, write_mlflow
from tailorbird.learning.registry import Manifest
from tailorbird.ranking.lambda_ranker import LabelledLists, LambdaRanker, LambdaRankerConfig

from made_up import NOW

COLUMNS = ("a", "b", "c")


@pytest.fixture(scope="module")
def ranker() -> LambdaRanker:
    draw = np.random.default_rng(1)
    matrix = np.round(draw.normal(size=(3_000, 3)), 1)
    labels = (matrix[:, 0] + draw.normal(0, 0.5, 3_000) > 1).astype(np.int32)
    made = LambdaRanker(LambdaRankerConfig(n_trees=30))
    made.fit(LabelledLists.plain(matrix, labels, np.full(300, 10, np.int32)), COLUMNS)
    return made


def manifest(name: str, columns: tuple[str, ...] = ()) -> Manifest:
    return Manifest(name=name, version="v", created_at=NOW, fitted_seq=7, columns=columns, files={"a.npy": "0" * 64})


def test_the_rankers_graph_scores_as_its_trees_do_on_thresholds_too(ranker: LambdaRanker) -> None:
    pytest.importorskip("onnx", reason="an ONNX graph needs onnx: pip install 'tailorbird[deep]'")
    onnxruntime = pytest.importorskip("onnxruntime", reason="running one needs onnxruntime")
    running = onnxruntime.InferenceSession(graph_of(manifest("ranker", COLUMNS), ranker.arrays()))
    matrix = np.round(np.random.default_rng(2).normal(size=(500, 3)), 1)
    (found,) = running.run(None, {"matrix": matrix})
    assert np.abs(found[:, 0] - ranker.score(matrix)).max() < 1e-5


def test_what_looks_rows_up_has_no_graph_and_the_error_says_what_to_do() -> None:
    with pytest.raises(BadInput, match="'covisitation' has no graph") as caught:
        graph_of(manifest("covisitation"), {"rows": np.arange(3)})
    assert "--format arrays" in caught.value.hint


def test_arrays_come_back_without_running_code(tmp_path: Path) -> None:
    write_arrays(tmp_path / "m.npz", {"rows": np.arange(3)}, ["i0", "i1"])
    with np.load(tmp_path / "m.npz", allow_pickle=False) as stored:
        assert stored["rows"].tolist() == [0, 1, 2]
        assert stored["item_ids"].tolist() == ["i0", "i1"]


def test_an_mlflow_folder_names_its_parts_and_where_they_come_from(tmp_path: Path, ranker: LambdaRanker) -> None:
    pytest.importorskip("onnx", reason="an ONNX graph needs onnx: pip install 'tailorbird[deep]'")
    write_mlflow(tmp_path / "ranker", manifest("ranker", COLUMNS), ranker.arrays(), ["i0"])
    document = json.loads((tmp_path / "ranker" / "MLmodel").read_text())
    for flavour in document["flavors"].values():
        assert (tmp_path / "ranker" / flavour["data"]).exists()
    assert document["metadata"]["tailorbird"]["fitted_seq"] == 7
    write_mlflow(tmp_path / "rows", manifest("covisitation"), {"rows": np.arange(3)}, ["i0"])
    assert set(json.loads((tmp_path / "rows" / "MLmodel").read_text())["flavors"]) == {"tailorbird"}
    with pytest.raises(BadInput, match="not empty"):
        write_mlflow(tmp_path / "rows", manifest("covisitation"), {}, [])
