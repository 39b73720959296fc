"""What somebody asks about themselves: a copy of everything, or to be forgotten; over every store of a shop."""

import secrets
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final, Protocol

import msgspec

from tailorbird.config import IdentityConfig
from tailorbird.errors import NotFound
from tailorbird.identity.joins import KIND as SEPARATION
from tailorbird.identity.joins import Identities, Separation
from tailorbird.privacy.erasure import ERASED, Forgetting, everything_of, keys_of
from tailorbird.protocols import Log
from tailorbird.types import Decision, Entry, Record

ERASING: Final = "erasing"
"""The kind under which the log keeps an erasure until it is done."""

_CHUNK: Final = 5_000
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """The proof that people were erased; it names nobody.

    ``people`` asked for of whom something was found, with ``devices`` that were theirs; ``records`` of the log
    (segments included) and ``decisions`` of the ledger that name nobody any more; ``left`` is what a second reading of
    both still found, 0 or something went wrong. ``models`` were fitted on a part of the log that named one of them,
    with their versions: they forget when they are fitted again. Of an erasure that was interrupted it is not known any
    more what its first run found: it counts all that were asked for, and names every model. ``at`` is when this was
    done, in epoch seconds; what follows the log has forgotten an hour later.
    """

    erasure_id: str
    at: float
    people: int
    devices: int
    records: int
    decisions: int
    left: int
    models: dict[str, str]


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """An erasure that is under way: what was asked for, and the names that it gives out, which none may draw again."""

    erasure_id: str
    people: int
    devices: int
    forgetting: Forgetting


class ForgettingLog(Log, Protocol):
    """A log whose records can be replaced, by ones that say less."""

    def rewrite(self, change: Callable[[Record], Record | None]) -> int:
        """Put changed records in the place of others; how many."""

    def keep(self, kind: str, bodies: Mapping[str, bytes]) -> None:
        """Durably make these the newest bodies of a kind, by key, without a record."""

    def drop(self, names: Iterable[tuple[str, str]]) -> None:
        """Forget the newest bodies of these (kind, key)."""


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
    models: Mapping[str, tuple[str, int]],
    config: IdentityConfig,
) -> tuple[Erasure, Mapping[str, str]]:
    """Forget these people on the disk; the proof, and the person keys by which they went -> those that stand there now.

    One that was interrupted is completed first, whoever is asked for now; if it was about the same people, that is all.
    ``models`` are those that serve: of each its version, and the last record that it may have been fitted on.

    Raises:
        NotFound: nothing is kept of any of them.
    """
    finished = finish(log, ledger, now=now, models=models)
    theirs = everything_of(set(users), partial(_records, log), partial(Identities.of, log, config))
    asked = {f"a:{device}" for device in devices}
    people = asked | {f"u:{user}" for user in users}
    forgetting = Forgetting.of(replace(theirs, keys=theirs.keys | asked))
    begun = Begun(erasure_id=secrets.token_hex(8), people=len(people), devices=len(asked), forgetting=forgetting)
    proof = _carry_out(log, ledger, begun, now=now, models=models, asked=people)
    names = {name: new for _, earlier in finished for name, new in earlier.items()} | forgetting.names
    if proof is not None:
        return proof, names
    for earlier_proof, earlier in finished:
        if earlier.keys() >= people:
            return earlier_proof, names
    raise NotFound(f"Nothing is kept of {_who(users, devices)}.", hint="Ids are case-sensitive.")


def finish(
    log: ForgettingLog, ledger: ForgettingLedger, *, now: float, models: Mapping[str, tuple[str, int]]
) -> list[tuple[Erasure, Mapping[str, str]]]:
    """Complete what was interrupted, with the names that it had given out; the proofs and the names of each.

    Which devices were whose cannot be read any more in the half of the log that was done, and other names in the other
    half would make two people of one. A proof counts what its last run has replaced.
    """
    done: list[tuple[Erasure, Mapping[str, str]]] = []
    for body in log.newest(ERASING):
        begun = msgspec.json.decode(body, type=Begun)
        if (proof := _carry_out(log, ledger, begun, now=now, models=models)) is not None:
            done.append((proof, begun.forgetting.names))
    return done


def _carry_out(
    log: ForgettingLog,
    ledger: ForgettingLedger,
    begun: Begun,
    *,
    now: float,
    models: Mapping[str, tuple[str, int]],
    asked: Collection[str] | None = None,
) -> Erasure | None:
    """Replace, rename and prove. It may be killed anywhere, and done again; None where there was nothing to forget.

    ``asked`` are the person keys that were asked for; None where this goes on with what was interrupted.
    """
    forgetting, names = begun.forgetting, begun.forgetting.names
    log.keep(ERASING, {begun.erasure_id: _ENCODER.encode(begun)})
    parted = forgetting.renamed(msgspec.json.decode(body, type=Separation) for body in log.newest(SEPARATION))
    log.append([separation.entry() for separation in parted.values()])
    found = {decision.person for decision in ledger.of_people(names.keys())}
    first = sys.maxsize if asked is not None else 0

    def instead(record: Record) -> Record | None:
        nonlocal first
        changed = forgetting.instead(record)
        if changed is not None:
            first = min(first, record.seq)
            found.update(keys_of(record))
        return changed

    n_records = log.rewrite(instead)
    versions = [("user" if key[0] == "u" else "identity", key[2:]) for key in names]
    log.drop([*versions, *((SEPARATION, key) for key in parted)])
    n_decisions = ledger.rename({**forgetting.past_names, **names})
    proof = None
    if asked is None or n_records or n_decisions:
        left = sum(forgetting.instead(record) is not None for record in _records(log))
        proof = Erasure(
            erasure_id=begun.erasure_id,
            at=now,
            people=begun.people if asked is None else len(found.intersection(asked)),
            devices=sum(key[0] == "a" for key in names) - begun.devices,
            records=n_records,
            decisions=n_decisions,
            left=left + len(ledger.of_people(names.keys())),
            models={name: version for name, (version, fitted_seq) in models.items() if fitted_seq >= first},
        )
        log.append([Entry("erasure", proof.erasure_id, now, _ENCODER.encode(proof))])
    log.drop([(ERASING, begun.erasure_id)])
    return proof


def export(log: Log, ledger: ForgettingLedger, user: str, config: IdentityConfig) -> dict[str, Any]:
    """Everything that is kept of one user: what was told of them, their devices, what they did, what they were shown.

    Raises:
        NotFound: nothing is.
    """
    theirs = everything_of({user}, partial(_records, log), partial(Identities.of, log, config))
    forgetting = Forgetting.of(theirs)
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
