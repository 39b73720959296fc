"""What somebody asks about themselves: a copy of everything, or to be forgotten; over every store of a shop."""

import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final, Protocol

import msgspec

from tailorbird.config import IdentityConfig
from tailorbird.errors import NotFound
from tailorbird.identity.joins import KIND as SEPARATION
from tailorbird.identity.joins import Identities, Separation
from tailorbird.privacy.erasure import ERASED, Forgetting, everything_of
from tailorbird.protocols import Log
from tailorbird.types import Decision, Entry, Record

_CHUNK: Final = 5_000
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """The proof that people were erased; it names nobody.

    ``people`` asked for, with ``devices`` that were theirs; ``records`` of the log (segments included) and
    ``decisions`` of the ledger that name nobody any more; ``left`` is what a second reading of both still found, 0 or
    something went wrong. ``models`` were fitted on what these people did, with their versions: they forget when they
    are fitted again. ``at`` is when this was done, in epoch seconds; what follows the log has forgotten an hour later.
    """

    erasure_id: str
    at: float
    people: int
    devices: int
    records: int
    decisions: int
    left: int
    models: dict[str, str]


class ForgettingLog(Log, Protocol):
    """A log whose records can be replaced, by ones that say less."""

    def rewrite(self, change: Callable[[Record], Record | None], forgotten: Iterable[tuple[str, str]]) -> int:
        """Put changed records in the place of others, and drop the versions (kind, key); how many records."""


class ForgettingLedger(Protocol):
    """A ledger that can give people other names."""

    def rename(self, names: Mapping[str, str]) -> int:
        """Put these person keys in the place of others; how many decisions."""

    def of_people(self, keys: Collection[str]) -> Sequence[Decision]:
        """The decisions made for any of these people, the oldest first."""


def erase(
    log: ForgettingLog,
    ledger: ForgettingLedger,
    *,
    users: Collection[str],
    devices: Collection[str],
    now: float,
    models: Mapping[str, str],
    config: IdentityConfig,
) -> tuple[Erasure, Mapping[str, str]]:
    """Forget these people on the disk; the proof, and the person keys by which they went -> those that stand there now.

    Raises:
        NotFound: nothing is kept of any of them.
    """
    theirs = everything_of(set(users), partial(_records, log), partial(Identities.of, log, config))
    forgetting = Forgetting(replace(theirs, keys=theirs.keys | {f"a:{device}" for device in devices}))
    names = forgetting.names
    parted = forgetting.renamed(msgspec.json.decode(body, type=Separation) for body in log.newest(SEPARATION))
    log.append([separation.entry() for separation in parted.values()])
    versions = [("user" if key[0] == "u" else "identity", key[2:]) for key in names]
    n_records = log.rewrite(forgetting.instead, [*versions, *((SEPARATION, key) for key in parted)])
    n_decisions = ledger.rename({**forgetting.past_names, **names})
    if not n_records and not n_decisions:
        raise NotFound(f"Nothing is kept of {_who(users, devices)}.", hint="Ids are case-sensitive.")
    left = sum(forgetting.instead(record) is not None for record in _records(log)) + len(ledger.of_people(names.keys()))
    proof = Erasure(
        erasure_id=secrets.token_hex(8),
        at=now,
        people=len(set(users)) + len(set(devices)),
        devices=sum(key[0] == "a" for key in names) - len(set(devices)),
        records=n_records,
        decisions=n_decisions,
        left=left,
        models=dict(models),
    )
    log.append([Entry("erasure", proof.erasure_id, now, _ENCODER.encode(proof))])
    return proof, names


def export(log: Log, ledger: ForgettingLedger, user: str, config: IdentityConfig) -> dict[str, Any]:
    """Everything that is kept of one user: what was told of them, their devices, what they did, what they were shown.

    Raises:
        NotFound: nothing is.
    """
    theirs = everything_of({user}, partial(_records, log), partial(Identities.of, log, config))
    forgetting = Forgetting(theirs)
    found: dict[str, list[Any]] = {"user": [], "identity": [], SEPARATION: [], "event": []}
    for record in _records(log):
        # What is left of an expired event is a device, an answer about consent, or the day of somebody's first one.
        kind = "event" if record.kind == "expired" else record.kind
        instead = forgetting.instead(record) if kind in found else None
        if instead is not None and instead.kind == ERASED:
            found[kind].append(msgspec.json.decode(record.body))
    decisions = ledger.of_people(theirs.keys)
    if not decisions and not any(found.values()):
        raise NotFound(f"Nothing is kept of the user '{user[:64]}'.", hint="Ids are case-sensitive.")
    return {
        "user_id": user,
        "devices": sorted(key[2:] for key in theirs.keys if key[0] == "a"),
        "told": found["user"][-1:],
        "identities": found["identity"],
        "separations": found[SEPARATION],
        "events": found["event"],
        "decisions": [msgspec.to_builtins(decision) for decision in decisions],
    }


def _records(log: Log) -> Iterator[Record]:
    seq = 0
    while records := log.read(seq, _CHUNK):
        yield from records
        seq = records[-1].seq


def _who(users: Collection[str], devices: Collection[str]) -> str:
    named = [f"'{name[:64]}'" for name in sorted({*users, *devices})]
    return named[0] if len(named) == 1 else f"any of {', '.join(named[:3])}{', ...' if len(named) > 3 else ''}"
