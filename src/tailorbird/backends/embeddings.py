"""Vectors of texts from an OpenAI-compatible endpoint, and a file that remembers vectors from wherever they come.

Encoding costs milliseconds or money, and a catalogue hardly changes between two trainings: a text that was encoded once
is not encoded again.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np

from tailorbird.errors import BadModelFile, Unavailable
from tailorbird.protocols import TextEncoder
from tailorbird.types import Array

_AT_ONCE: Final = 100
_KEY_BYTES: Final = 16
_PATIENCE_SECONDS: Final = 60.0


class Endpoint:
    """Texts to unit vectors by ``POST {url}/embeddings``."""

    def __init__(self, url: str, model: str, key: str = "", transport: httpx.BaseTransport | None = None) -> None:
        """Asks for one vector, to know its length.

        Raises:
            Unavailable: there is no answer, or it is no list of vectors.
        """
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.Client(headers=headers, timeout=_PATIENCE_SECONDS, transport=transport)
        self._url = f"{url.rstrip('/')}/embeddings"
        self.name = model
        self.dimension = 0
        self.dimension = self.encode(["text"]).shape[1]

    def encode(self, texts: Sequence[str]) -> Array:
        """One unit vector per text, (n, dimension), in float32.

        Raises:
            Unavailable: there is no answer, or it is no list of vectors of one length.
        """
        parts = [self._ask(list(texts[first : first + _AT_ONCE])) for first in range(0, len(texts), _AT_ONCE)]
        return np.concatenate([np.zeros((0, self.dimension), np.float32), *parts]) if self.dimension else parts[0]

    def _ask(self, texts: list[str]) -> Array:
        try:
            answer = self._client.post(self._url, json={"model": self.name, "input": texts})
            answer.raise_for_status()
            told: list[Any] = sorted(answer.json()["data"], key=lambda one: one["index"])
            vectors = np.array([one["embedding"] for one in told], np.float32)
        except (httpx.HTTPError, KeyError, TypeError, ValueError) as error:
            raise Unavailable(
                f"{self._url} gave no vectors of '{self.name}': {error}.",
                hint="Check encoder, model and key under [text], or leave encoder empty.",
            ) from error
        if vectors.shape != (len(texts), self.dimension or vectors.shape[-1]) or not np.isfinite(vectors).all():
            raise Unavailable(
                f"{self._url} gave vectors of shape {vectors.shape} for {len(texts)} texts; '{self.name}' has had"
                f" {self.dimension} numbers.",
                hint="Another model answers there under the same name; give it its own name under [text].",
            )
        unit: Array = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        return unit


class Remembered:
    """An encoder that asks for no text twice; its file is named after the model that made the vectors."""

    def __init__(self, encoder: TextEncoder, folder: Path) -> None:
        """Read what is remembered.

        Raises:
            BadModelFile: the file's vectors have another length than the encoder's, or it is no such file.
        """
        self._encoder, self.name, self.dimension = encoder, encoder.name, encoder.dimension
        self._path = folder / f"vectors-{hashlib.blake2b(encoder.name.encode(), digest_size=6).hexdigest()}.npz"
        self._keys: dict[bytes, int] = {}
        self._vectors = np.zeros((0, self.dimension), np.float32)
        if self._path.exists():
            self._read()

    def encode(self, texts: Sequence[str]) -> Array:
        """One unit vector per text, (n, dimension), in float32."""
        keys = [hashlib.blake2b(text.encode(), digest_size=_KEY_BYTES).digest() for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._keys}
        if new:
            self._vectors = np.concatenate((self._vectors, self._encoder.encode(list(new.values()))))
            self._keys.update({key: len(self._keys) + n for n, key in enumerate(new)})
            self._write()
        return self._vectors[[self._keys[key] for key in keys]]

    def _read(self) -> None:
        try:
            with np.load(self._path, allow_pickle=False) as stored:
                keys, self._vectors = stored["keys"], stored["vectors"]
        except (OSError, ValueError, KeyError) as error:
            raise BadModelFile(f"{self._path} cannot be read: {error}.", hint="Remove it and train again.") from error
        if self._vectors.shape != (len(keys), self.dimension):
            raise BadModelFile(
                f"{self._path} holds vectors of '{self.name}' with {self._vectors.shape[-1]} numbers; the encoder of"
                f" that name gives {self.dimension}.",
                hint="Remove that file and train again, or name the model under [text] by another name.",
            )
        self._keys = {key.tobytes(): n for n, key in enumerate(keys)}

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        keys = np.frombuffer(b"".join(self._keys), np.uint8).reshape(-1, _KEY_BYTES)
        scratch = self._path.with_suffix(".part.npz")
        np.savez(scratch, keys=keys, vectors=self._vectors)
        os.replace(scratch, self._path)  # noqa: PTH105  # one rename: a kill leaves the old file or the new one
