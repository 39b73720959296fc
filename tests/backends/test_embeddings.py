"""Vectors from an endpoint, and the file that remembers them."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tailorbird.backends.embeddings import Endpoint, Remembered
from tailorbird.errors import BadModelFile, Unavailable


def answering(reply: Callable[[list[str]], Any]) -> tuple[httpx.MockTransport, list[httpx.Request]]:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=reply(json.loads(request.content)["input"]))

    return httpx.MockTransport(answer), asked


def vectors(texts: list[str]) -> dict[str, Any]:
    told = [{"index": n, "embedding": [float(len(text)), 1.0, 0.0]} for n, text in enumerate(texts)]
    return {"data": told[::-1]}


def test_texts_go_in_batches_and_come_back_in_their_order_at_length_one() -> None:
    transport, asked = answering(vectors)
    endpoint = Endpoint("http://shop/v1/", "tiny", "secret", transport)
    texts = ["x" * n for n in range(1, 251)]
    found = endpoint.encode(texts)
    assert endpoint.dimension == 3
    assert found.shape == (250, 3)
    assert np.allclose(found[:, 0] / found[:, 1], range(1, 251))
    assert np.allclose(np.linalg.norm(found, axis=1), 1.0)
    assert len(asked) == 1 + 3
    assert asked[0].url == "http://shop/v1/embeddings"
    assert asked[0].headers["authorization"] == "Bearer secret"
    assert endpoint.encode([]).shape == (0, 3)


@pytest.mark.parametrize(
    "reply", [{}, {"data": []}, {"data": [{"index": 0}]}, {"data": [{"index": 0, "embedding": ["x"]}]}, [], "no"]
)
def test_an_answer_that_is_no_list_of_vectors_names_the_address(reply: Any) -> None:
    transport, _ = answering(lambda _texts: reply)
    with pytest.raises(Unavailable, match="http://shop/v1/embeddings"):
        Endpoint("http://shop/v1", "tiny", transport=transport)


def test_an_endpoint_that_is_not_there_or_refuses_is_unavailable() -> None:
    refusing = httpx.MockTransport(lambda _request: httpx.Response(401))
    with pytest.raises(Unavailable, match="401"):
        Endpoint("http://shop/v1", "tiny", transport=refusing)


def test_vectors_that_change_their_length_are_refused() -> None:
    lengths = iter((3, 4))
    transport, _ = answering(lambda texts: {"data": [{"index": 0, "embedding": [1.0] * next(lengths)} for _ in texts]})
    endpoint = Endpoint("http://shop/v1", "tiny", transport=transport)
    with pytest.raises(Unavailable, match="has had 3 numbers"):
        endpoint.encode(["a"])


class Lengths:
    """A vector that says how long the text is."""

    name = "lengths"

    def __init__(self, dimension: int = 2) -> None:
        self.dimension = dimension
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> Any:
        self.asked += texts
        return np.array([[len(text)] * self.dimension for text in texts], np.float32)


def test_no_text_is_encoded_twice_even_by_the_next_process(tmp_path: Path) -> None:
    encoder = Lengths()
    first = Remembered(encoder, tmp_path)
    assert first.encode(["a", "bb", "a"])[:, 0].tolist() == [1, 2, 1]
    assert first.encode(["bb", "ccc"])[:, 0].tolist() == [2, 3]
    assert encoder.asked == ["a", "bb", "ccc"]
    later = Lengths()
    assert Remembered(later, tmp_path).encode(["ccc", "a", "dddd"])[:, 0].tolist() == [3, 1, 4]
    assert later.asked == ["dddd"]


def test_remembered_vectors_of_another_length_are_refused_with_both_lengths(tmp_path: Path) -> None:
    Remembered(Lengths(2), tmp_path).encode(["a"])
    with pytest.raises(BadModelFile, match=r"with 2 numbers.*gives 5") as error:
        Remembered(Lengths(5), tmp_path)
    assert "train again" in (error.value.hint or "")


def test_a_broken_file_is_refused(tmp_path: Path) -> None:
    Remembered(Lengths(), tmp_path).encode(["a"])
    (file,) = tmp_path.glob("*.npz")
    file.write_bytes(b"nothing")
    with pytest.raises(BadModelFile, match="cannot be read"):
        Remembered(Lengths(), tmp_path)
