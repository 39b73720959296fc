"""Stored models are loaded only as they were written: whatever else lies there is told, and never read as a model."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tailorbird.app import App
from tailorbird.cli.diagnosis import diagnose
from tailorbird.errors import BadModelFile, NotFound
from tailorbird.learning.models import load_models
from tailorbird.learning.registry import Manifest, Registry
from tailorbird.retrieval.deep import export
from tailorbird.retrieval.deep.text_encoder import LocalEncoder

from made_up import NOW, small_shop

ARRAYS = {"weights": np.arange(12.0).reshape(3, 4), "none": np.zeros((0, 2), np.int32), "one": np.array(3)}


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


@pytest.fixture
def saved(registry: Registry) -> Manifest:
    return registry.save("popular", ARRAYS, fitted_seq=7, now=NOW)


def folder_of(registry: Registry, saved: Manifest) -> Path:
    return registry.directory / saved.name / saved.version


def rewrite(registry: Registry, saved: Manifest, **changes: Any) -> None:
    """Another manifest, by somebody who may write files, with the right hashes."""
    folder = folder_of(registry, saved)
    files = dict.fromkeys(changes.pop("files", saved.files), "")
    for name in files:
        if (folder / name).is_file():
            files[name] = _hash(folder / name)
    size = sum((folder / name).stat().st_size for name in files if (folder / name).is_file())
    told = msgspec.structs.replace(saved, files=files, bytes=size, **changes)
    (folder / "manifest.json").write_bytes(msgspec.json.encode(told))


def _hash(path: Path) -> str:
    import hashlib  # noqa: PLC0415

    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_was_saved_comes_back_as_it_was(registry: Registry, saved: Manifest) -> None:
    manifest, arrays = registry.load("popular", saved.version)
    assert manifest == saved
    assert {name: (a.dtype, a.tolist()) for name, a in arrays.items()} == {
        name: (a.dtype, a.tolist()) for name, a in ARRAYS.items()
    }
    assert all(type(one) is np.ndarray for one in arrays.values())


def flip(folder: Path) -> None:
    content = bytearray((folder / "weights.npy").read_bytes())
    content[-3] ^= 1
    (folder / "weights.npy").write_bytes(content)


def swap(folder: Path) -> None:
    (folder / "weights.npy").rename(folder / "x")
    (folder / "none.npy").rename(folder / "weights.npy")
    (folder / "x").rename(folder / "none.npy")


def lose(folder: Path) -> None:
    (folder / "weights.npy").unlink()


def grow(folder: Path) -> None:
    with (folder / "weights.npy").open("r+b") as file:
        file.truncate(2**40)  # a hole: it takes no room, and an hour to read


def link_out(folder: Path) -> None:
    outside = folder.parents[2] / "elsewhere.npy"
    (folder / "weights.npy").rename(outside)
    (folder / "weights.npy").symlink_to(outside)


@pytest.mark.parametrize("change", [flip, swap, lose, grow, link_out])
def test_a_file_that_is_not_what_was_written_is_refused(
    registry: Registry, saved: Manifest, change: Callable[[Path], None]
) -> None:
    change(folder_of(registry, saved))
    for look in (registry.load, registry.checked):
        with pytest.raises(BadModelFile) as refused:
            look("popular", saved.version)
        assert "rollback popular" in refused.value.hint
    with pytest.raises(BadModelFile):
        registry.promote({"popular": saved.version})


@pytest.mark.parametrize("file", ["../../../outside.npy", "/etc/hostname", "inner/weights.npy", "../weights.npy"])
def test_a_manifest_names_files_of_its_own_folder_only(registry: Registry, saved: Manifest, file: str) -> None:
    folder = folder_of(registry, saved)
    (folder / "inner").mkdir()
    for place in (
        folder / "inner" / "weights.npy",
        folder.parent / "weights.npy",
        registry.directory.parent / "outside.npy",
    ):
        place.write_bytes((folder / "weights.npy").read_bytes())
    rewrite(registry, saved, files=[file])
    with pytest.raises(BadModelFile, match="lies elsewhere"):
        registry.load("popular", saved.version)


@pytest.mark.parametrize(
    ("name", "version"), [("../models/popular", "v"), ("popular", "../../x"), ("popular", ""), (".", "v")]
)
def test_a_name_or_a_version_that_leads_out_of_the_folder_is_none(registry: Registry, name: str, version: str) -> None:
    with pytest.raises(BadModelFile, match="no name of a model"):
        registry.load(name, version)


def test_a_version_that_is_not_there_is_not_found(registry: Registry) -> None:
    with pytest.raises(NotFound):
        registry.load("popular", "20260101T000000-abcd")


class Runs:
    """What a pickle would call."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("was-run",)


def objects() -> bytes:
    out = io.BytesIO()
    np.save(out, np.array([Runs()], dtype=object), allow_pickle=True)
    return out.getvalue()


def promises() -> bytes:
    """A header that promises a terabyte."""
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": "<f8", "fortran_order": False, "shape": (2**37,)})
    return out.getvalue()


def archive() -> bytes:
    out = io.BytesIO()
    np.savez(out, a=np.arange(3))
    return out.getvalue()


@pytest.mark.parametrize("content", [objects(), promises(), archive(), b"", b"\x93NUMPY\x01\x00\x04\x00{}{}"])
def test_what_is_no_plain_array_is_refused_though_its_hash_is_right(
    registry: Registry, saved: Manifest, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (folder_of(registry, saved) / "weights.npy").write_bytes(content)
    rewrite(registry, saved)
    with pytest.raises(BadModelFile, match="no plain array"):
        registry.load("popular", saved.version)
    assert not (tmp_path / "was-run").exists()


def test_a_shop_serves_without_a_model_that_is_refused_and_doctor_says_so(shop_dir: Path) -> None:
    with App.open(shop_dir) as app:
        app.append(small_shop(n_events=50))
        saved = app.registry.save("popular", ARRAYS, fitted_seq=7)
        app.registry.promote({"popular": saved.version})
        (folder_of(app.registry, saved) / "weights.npy").write_bytes(objects())
        rewrite(app.registry, saved)
        left_out = load_models(app.registry, 0.0).left_out
        assert "no plain array" in str(left_out["popular"])
    (found,) = [one for one in diagnose(shop_dir) if one.what == "model popular"]
    assert (found.state, "no plain array" in found.found) == ("problem", True)


@pytest.mark.parametrize("change", [flip, grow, link_out])
def test_doctor_reports_a_changed_file(shop_dir: Path, change: Callable[[Path], None]) -> None:
    with App.open(shop_dir) as app:
        app.append(small_shop(n_events=50))
        saved = app.registry.save("popular", ARRAYS, fitted_seq=7)
        app.registry.promote({"popular": saved.version})
        change(folder_of(app.registry, saved))
    (found,) = [one for one in diagnose(shop_dir) if one.what == "model popular"]
    assert (found.state, "rollback popular" in found.remedy) == ("problem", True)


def graph(*, elsewhere: str = "") -> bytes:
    """A graph that adds a constant, whose numbers may lie in another file."""
    onnx = pytest.importorskip("onnx", reason="writing a graph needs onnx: pip install 'tailorbird[deep]'")
    numbers = onnx.helper.make_tensor("c", onnx.TensorProto.FLOAT, [2], [1.0, 2.0])
    if elsewhere:
        numbers.ClearField("float_data")
        numbers.data_location = onnx.TensorProto.EXTERNAL
        numbers.external_data.add(key="location", value=elsewhere)
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [2]) for name in ("x", "y")]
    made = onnx.helper.make_graph([onnx.helper.make_node("Add", ["x", "c"], ["y"])], "g", ends[:1], ends[1:], [numbers])
    written: bytes = onnx.helper.make_model(made, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    return written.SerializeToString()  # type: ignore[attr-defined]


def test_a_graph_that_reads_other_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime", reason="running a graph needs onnxruntime")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "numbers").write_bytes(np.zeros(2, np.float32).tobytes())
    assert export.session(graph()).run(None, {"x": np.zeros(2, np.float32)})[0].tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="other files"):
        export.session(graph(elsewhere="numbers"))


def test_a_graph_of_unreasonable_size_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "MOST_BYTES", 10)
    with pytest.raises(ValueError, match="11 bytes; 10 are allowed"):
        export.session(b"x" * 11)


@pytest.mark.parametrize(
    ("about", "told"),
    [
        ("{", "cannot be read"),
        ("[]", "was changed"),
        ("{}", "was changed"),
        ('{"name": "n", "sha256": "0"}', "was changed"),
    ],
)
def test_a_text_encoder_that_is_not_what_was_written_is_told(tmp_path: Path, about: str, told: str) -> None:
    for name, content in (("encoder.json", about), ("encoder.onnx", "x"), ("vocabulary.txt", "y")):
        (tmp_path / name).write_text(content)
    with pytest.raises(BadModelFile, match=told) as refused:
        LocalEncoder(tmp_path)
    assert "models encoder" in refused.value.hint


def test_doctor_looks_at_the_text_encoder_that_is_configured(shop_dir: Path) -> None:
    with App.open(shop_dir) as app:
        app.append(small_shop(n_events=5))
    (shop_dir / "tailorbird.toml").write_text('[text]\nencoder = "local"\n')
    (found,) = [one for one in diagnose(shop_dir) if one.what == "text encoder"]
    assert (found.state, "models encoder" in found.remedy) == ("problem", True)
