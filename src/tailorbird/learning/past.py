"""The log read once, as columns: what every fit of a training run starts from."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.config import Config
from tailorbird.features.online_state import OnlineState
from tailorbird.identity.joins import Identities
from tailorbird.ingest.readiness import CHOICES
from tailorbird.learning.splits import SESSION_GAP_SECONDS
from tailorbird.protocols import Log
from tailorbird.types import DAY_SECONDS, Interactions, Record

CHUNK: Final = 5_000
"""Records that are read at a time."""


@dataclass(frozen=True)
class Past:
    """Interactions as columns, the sequence number of each, and the catalogue as it is now."""

    interactions: Interactions
    seqs: np.ndarray[Any, np.dtype[np.int64]]
    catalogue: Catalogue
    last_seq: int
    n_labels: int

    @property
    def n_sessions(self) -> int:
        """Runs of one person's interactions without a gap of 30 minutes."""
        order, _ = self.interactions.by_user()
        users, at = self.interactions.users[order], self.interactions.at[order]
        goes_on = (np.diff(users) == 0) & (np.abs(np.diff(at)) < SESSION_GAP_SECONDS)
        return len(users) - int(goes_on.sum())

    def until(self, seq: int) -> Interactions:
        """What the log knew with its record of that number."""
        return self.interactions.take(self.seqs <= seq)

    @cached_property
    def sha256(self) -> str:
        """Names what was learned from: every interaction and every item's vector of what it is."""
        known = hashlib.sha256()
        log = self.interactions
        for column in (log.users, log.items, log.at, log.weights, log.bought, self.catalogue.vectors):
            known.update(np.ascontiguousarray(column).tobytes())
        return known.hexdigest()


def read_past(log: Log, config: Config, since_days: float | None = None) -> Past:
    """Read the whole log into columns; item and person numbers are those of every engine that follows it."""
    identities = Identities.of(log, config.identity)
    state = OnlineState(config.events, (), Catalogue(config.catalogue), identities)
    rows: list[tuple[int, int, float, float, bool, int]] = []
    seq = n_labels = 0
    for record in records(log):
        seq = record.seq
        steps = [step for step in state.steps(record) if step.weight > 0]
        n_labels += sum(step.type in CHOICES for step in steps)
        rows.extend((step.person, step.item, step.at, step.weight, step.type == "purchase", seq) for step in steps)
    table = np.array(rows, np.float64).reshape(-1, 6)
    if since_days is not None and len(table):
        table = table[table[:, 2] >= table[:, 2].max() - since_days * DAY_SECONDS]
    interactions = Interactions(
        table[:, 0].astype(np.int32),
        table[:, 1].astype(np.int32),
        table[:, 2],
        table[:, 3],
        len(state.keys),
        len(state.catalogue),
        table[:, 4] > 0,
    )
    return Past(interactions, table[:, 5].astype(np.int64), state.catalogue, seq, n_labels)


def records(log: Log) -> Iterator[Record]:
    """All of them, in order."""
    seq = 0
    while some := log.read(seq, CHUNK):
        yield from some
        seq = some[-1].seq
