"""Where the items' vectors begin: at what counting knows, so that training starts where counting ends.

Items that stand within a few steps of each other have a high inner product from the start: the vectors are a truncated
factorisation of the positive pointwise mutual information of items and their neighbours in the sequences (O. Levy and
Y. Goldberg, Neural Word Embedding as Implicit Matrix Factorization, NIPS 2014), by a randomised range finder (N. Halko,
P.-G. Martinsson and J. Tropp, Finding Structure with Randomness, SIAM Review 2011). From random vectors the model needs
most of its epochs to find as much, and by then knows pairs by heart.
"""

from typing import Final

import numpy as np
from scipy import sparse

from tailorbird.retrieval.deep.batches import Sequences
from tailorbird.types import Array, FloatArray

_REACH: Final = 5
_SMOOTHING: Final = 0.75
"""Power of an item's count in the expectation: without it the rarest pairs have the highest information."""

_LOUD: Final = 6.4
"""Root mean square of a vector's entries, times their number: first scores then are of the size of trained ones."""

_SPARE: Final = 16
_ROUNDS: Final = 6


def counted(sequences: Sequences, n_items: int, factors: int, seed: int) -> Array:
    """One vector per item, from what stands near what; shape (n_items, factors), float32."""
    near = _information(_nearness(sequences, n_items))
    draw = np.random.default_rng(seed)
    basis = draw.standard_normal((n_items, min(n_items, factors + _SPARE))).astype(np.float32)
    for _ in range(_ROUNDS):
        basis, _triangle = np.linalg.qr(near @ basis)
    strengths, directions = np.linalg.eigh(basis.T @ (near @ basis))
    kept = min(factors, len(strengths))
    vectors = np.zeros((n_items, factors), np.float32)
    vectors[:, :kept] = basis @ directions[:, -kept:] * np.sqrt(np.maximum(strengths[-kept:], 0.0))
    # Turned, so that no column is louder than another: the optimiser treats them alike.
    turn, _triangle = np.linalg.qr(draw.standard_normal((factors, factors)).astype(np.float32))
    size = float(np.sqrt(np.square(vectors).mean()))
    return np.ascontiguousarray(vectors @ turn * (_LOUD / factors / max(size, 1e-9)), np.float32)


def _nearness(sequences: Sequences, n_items: int) -> sparse.csr_array:
    """How often two items stood within reach of each other, one over their distance each time; symmetric."""
    of, rows = sequences.rows()
    near = sparse.csr_array((n_items, n_items), dtype=np.float32)
    for gap in range(1, _REACH + 1):
        together = of[gap:] == of[:-gap]
        before, after = sequences.items[rows[:-gap][together]], sequences.items[rows[gap:][together]]
        weights = np.full(len(before), 1.0 / gap, np.float32)
        near = near + sparse.csr_array((weights, (before, after)), shape=(n_items, n_items))
    return sparse.csr_array(near + near.T)


def _information(near: sparse.csr_array) -> sparse.csr_array:
    """The positive part of the pointwise mutual information, made symmetric."""
    counts: FloatArray = np.asarray(near.sum(axis=1), np.float64)
    expected = counts**_SMOOTHING
    cells = near.tocoo()
    share = cells.data / np.maximum(counts[cells.row] * expected[cells.col], 1e-12)
    worth = np.maximum(np.log(share * expected.sum()), 0.0).astype(np.float32)
    found = sparse.csr_array((worth, (cells.row, cells.col)), shape=near.shape)
    return sparse.csr_array((found + found.T) / 2)
