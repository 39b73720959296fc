"""The text encoder of a shop: a folder with the model, its vocabulary, and what both are called.

`write_encoder` makes the folder once, with the extra ``deep``; `LocalEncoder` reads it with the extra ``neural``.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from tailorbird.errors import BadModelFile, NotFound
from tailorbird.retrieval.deep.export import session
from tailorbird.retrieval.deep.minilm import NAME, to_onnx
from tailorbird.retrieval.deep.wordpiece import WordPieces
from tailorbird.types import Array

LONGEST: Final = 256
"""Pieces of a text that are read; the model was tuned on no longer ones."""

_MODEL, _VOCABULARY, _ABOUT = "encoder.onnx", "vocabulary.txt", "encoder.json"
_AT_ONCE: Final = 32
_WRITE_AGAIN: Final = "Write it again: `tailorbird models encoder`."


def write_encoder(weights: Path, out: Path) -> "LocalEncoder":
    """Write the encoder of these weights into ``out``, and open it.

    Raises:
        NotInstalled: the packages to write it with are not there.
        BadModelFile: the folder ``weights`` does not hold such a model.
    """
    model = to_onnx(weights)
    vocabulary = (weights / "vocab.txt").read_bytes()
    out.mkdir(parents=True, exist_ok=True)
    (out / _MODEL).write_bytes(model)
    (out / _VOCABULARY).write_bytes(vocabulary)
    about = {"name": NAME, "sha256": hashlib.sha256(model + vocabulary).hexdigest()}
    (out / _ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    return LocalEncoder(out)


class LocalEncoder:
    """Texts to unit vectors on one core; about 2 ms for a title, more for more words."""

    def __init__(self, folder: Path) -> None:
        """As `write_encoder` left it.

        Raises:
            NotFound: there is no encoder in ``folder``.
            NotInstalled: onnxruntime is not there.
            BadModelFile: a file is not what was written.
        """
        try:
            about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
            model, vocabulary = (folder / _MODEL).read_bytes(), (folder / _VOCABULARY).read_bytes()
        except FileNotFoundError as error:
            raise NotFound(
                f"{folder} holds no text encoder.", hint="`tailorbird models encoder` writes it, once."
            ) from error
        except (OSError, ValueError) as error:
            raise BadModelFile(f"The text encoder in {folder} cannot be read: {error}.", hint=_WRITE_AGAIN) from error
        if not isinstance(about, dict) or hashlib.sha256(model + vocabulary).hexdigest() != about.get("sha256"):
            raise BadModelFile(f"The text encoder in {folder} was changed.", hint=_WRITE_AGAIN)
        self.name: str = str(about.get("name"))
        self._pieces = WordPieces(vocabulary.decode().splitlines(), LONGEST)
        try:
            self._session: Any = session(model)
        except ValueError as error:
            raise BadModelFile(f"The text encoder in {folder}: {error}.", hint=_WRITE_AGAIN) from error
        self.dimension: int = self._session.get_outputs()[0].shape[1]

    def encode(self, texts: Sequence[str]) -> Array:
        """One unit vector per text, (n, dimension), in float32."""
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        pieces = [self._pieces.numbers(text) for text in texts]
        # Texts of like length go together: a filler costs as much as a word.
        order = sorted(range(len(texts)), key=lambda n: len(pieces[n]))
        for first in range(0, len(order), _AT_ONCE):
            rows = order[first : first + _AT_ONCE]
            longest = max(len(pieces[row]) for row in rows)
            numbers, is_text = np.zeros((len(rows), longest), np.int64), np.zeros((len(rows), longest), np.float32)
            for place, row in enumerate(rows):
                numbers[place, : len(pieces[row])], is_text[place, : len(pieces[row])] = pieces[row], 1.0
            vectors[rows] = self._session.run(None, {"pieces": numbers, "is_text": is_text})[0]
        return vectors
