"""Wiring: configuration to backends to engine. The one module that knows the machines.

An `App` is one shop directory, opened by one process. Commands that only need the log (import, export) never pay for
the engine: it is built, and the log followed to its end, when it is first asked for.
"""

import gc
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import structlog

from tailorbird.backends.embeddings import Endpoint, Remembered
from tailorbird.backends.sql.keys import SqlKeyStore
from tailorbird.backends.sql.ledger import SqlLedger
from tailorbird.backends.sql.log import SqlLog
from tailorbird.backends.sql.today import Today
from tailorbird.config import Config, load_config
from tailorbird.decide import Engine
from tailorbird.errors import NotFound, Unavailable
from tailorbird.features.customer import profile
from tailorbird.identity import claims
from tailorbird.identity.joins import Identities
from tailorbird.ingest import readiness
from tailorbird.ingest.checks.kept import keep_check
from tailorbird.ingest.parts import history
from tailorbird.ingest.parts.aliases import Matches, meant
from tailorbird.ingest.parts.joining import Joined, Merged
from tailorbird.ingest.parts.part import KIND as PART
from tailorbird.ingest.parts.part import Part, current_part, item_of
from tailorbird.ingest.parts.precedence import check_sources
from tailorbird.ingest.parts.source import Source, open_source
from tailorbird.ingest.receipts import newest_receipts
from tailorbird.learning import reports
from tailorbird.learning.drift import Reference
from tailorbird.learning.models import Models, check_names, load_models
from tailorbird.learning.registry import Registry
from tailorbird.learning.rehearsal import RANKER
from tailorbird.privacy import requests, retention
from tailorbird.protocols import TextEncoder, Verdict
from tailorbird.retrieval.deep.minilm import NAME as LOCAL_NAME
from tailorbird.retrieval.deep.text_encoder import LocalEncoder
from tailorbird.types import DAY_SECONDS, Decision, Entry, Identity, Item, Record, Request, User

ENCODER_FOLDER = "encoder"
"""Where in a shop directory the text encoder is, and the vectors that it made."""

LOCAL = "local"
"""The encoder that `tailorbird models encoder` wrote."""

_CHUNK = 200
_REPLAY_CHUNK = 5_000


class App:
    """One shop. All state inside ``engine`` belongs to the thread that calls `follow` and `recommend`.

    ``left_out`` says of each promoted model that the engine does without, why.
    """

    def __init__(self, shop_dir: Path, config: Config, clock: Callable[[], float]) -> None:
        self.shop_dir = shop_dir
        self.config = config
        self.clock = clock
        self.log = SqlLog(shop_dir, clock=clock)
        self.keys = SqlKeyStore(self.log.engine, clock=clock)
        self.registry = Registry(shop_dir / "models")
        self.left_out: dict[str, str] = {}
        self._joined = Joined(self.log, config.catalogue)
        self._matches = {name: Matches(attribute) for name, attribute in config.catalogue.match.items()}
        self._models_stamp = -1.0
        self._unapplied: deque[Record] = deque()
        self.today = Today(self.log, clock)
        self._retained_on = -1.0

    @classmethod
    def open(cls, shop_dir: Path, *, config: Config | None = None, clock: Callable[[], float] = time.time) -> Self:
        """Open a shop directory, making it if it is not there.

        Raises:
            InvalidConfig: ``tailorbird.toml`` has mistakes; all of them are named.
            Unavailable: the directory cannot be written, or its files cannot be used.
        """
        try:
            shop_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Unavailable(
                f"The shop directory {shop_dir} cannot be made: {error.strerror}.", hint="Choose one with --shop-dir."
            ) from error
        config = config or load_config(shop_dir)
        check_names(config)
        check_sources(config)
        return cls(shop_dir, config, clock)

    @cached_property
    def ledger(self) -> SqlLedger:
        """Decisions, in a file of their own."""
        return SqlLedger(self.shop_dir, commit_ms=self.config.ledger.commit_ms)

    @property
    def evaluations(self) -> Path:
        """The folder of the evaluations of this shop's log."""
        return self.shop_dir / reports.FOLDER

    @cached_property
    def engine(self) -> Engine:
        """State and models as of the log's end."""
        return self.build_engine()

    def build_engine(self, progress: Callable[[int, int], None] = lambda _done, _of: None) -> Engine:
        """A new engine that has followed the log to its end; ``progress`` is told records done and in all."""
        engine = Engine(self.config, identities=Identities.of(self.log, self.config.identity))
        engine.state.began_seq = self.log.last_seq()
        self._install(engine, self.load_models())
        end = self.log.last_seq()
        while records := self.log.read(engine.seq, _REPLAY_CHUNK):
            for record in records:
                engine.apply(record)
            progress(engine.seq, end)
        engine.warm(self.clock())
        return engine

    # ---- what a request needs ------------------------------------------------------------------------------

    def append(self, entries: Sequence[Entry]) -> Sequence[Verdict]:
        """Durably add to the log, and merge what sources say of items; see `Joined.append`.

        Blocks for the disk and touches no state, so that any thread may call it.
        """
        return self._joined.append(entries)

    def follow(self, budget_ms: float = 2.0) -> int:
        """Apply what is new in the log, for at most ``budget_ms``; returns how many records were applied."""
        deadline = time.perf_counter() + budget_ms / 1000
        applied = 0
        while self._read_ahead():
            self.engine.apply(self._unapplied[0])
            self.today.count(self._unapplied.popleft())
            applied += 1
            if time.perf_counter() > deadline:
                break
        return applied

    def _read_ahead(self) -> bool:
        """Whether there is a record to apply. What one slice has read and had no time for waits for the next one."""
        while self._unapplied and self._unapplied[0].seq <= self.engine.seq:
            self._unapplied.popleft()
        if not self._unapplied:
            seq = self.engine.seq
            self._unapplied.extend(self.log.appended(seq, _CHUNK) or self.log.read(seq, _CHUNK))
        return bool(self._unapplied)

    @staticmethod
    def settle() -> None:
        """Before serving: what is there now stays, so the collector need not walk through it again and again.

        What comes later are mostly people, who stay too; it looks for garbage among them a hundred times less often.
        """
        gc.collect()
        gc.freeze()
        gc.set_threshold(70_000, 20, 20)

    def recommend(self, request: Request, *, excuse: str = "") -> Decision:
        """Decide, and put the decision into the ledger. Never waits for a disk.

        ``excuse`` says what is amiss around the engine; the decision tells it as degraded.
        """
        decision = self.engine.decide(request)
        if excuse:
            told = excuse if decision.degraded is None else f"{decision.degraded}; {excuse}"
            decision = msgspec.structs.replace(decision, degraded=told)
        self.ledger.record(decision)
        return decision

    def item(self, item_id: str) -> Item | None:
        """An item's newest version, from the log's own table."""
        body = self.log.current("item", item_id)
        return None if body is None else msgspec.json.decode(body, type=Item)

    def ours(self, item_id: str, source: str | None = None, *, withdrawn: bool = False) -> str:
        """The shop's id of an item that may be called by a source's; see `meant` for order and errors."""
        return meant(self.log, self.config.catalogue, item_id, source, withdrawn=withdrawn)

    def source(self, name: str, *, theirs: Collection[str] | None = None, ids: Path | None = None) -> Source:
        """A source of the catalogue, for an import or for records with these ids; see `open_source`. Reads the log."""
        matches = self._matches.get(name)
        return open_source(
            self.log, self.config.catalogue, self.shop_dir, name, theirs=theirs, ids=ids, matches=matches
        )

    def part(self, source: str, item_id: str) -> Part | None:
        """What a source says of an item now."""
        return current_part(self.log.current, source, item_id)

    def merge_items(self, progress: Callable[[int, int], None] = lambda _done, _of: None) -> Merged:
        """Make all items what their parts come to by today's settings; ``progress`` is told items done and in all.

        Raises:
            BadInput: the settings name no sources.
        """
        item_ids = list(dict.fromkeys(map(item_of, self.log.keys(PART))))
        return self._joined.merge(item_ids, at=self.clock(), progress=lambda done: progress(done, len(item_ids)))

    def versions(self, item_id: str) -> list[history.Version]:
        """An item's versions, the newest first. Looks through the whole log; call it off the request's thread.

        Raises:
            NotFound: there is no such item.
        """
        return history.look_up(self.log, item_id)

    def user(self, user_id: str) -> User | None:
        """What the shop told us about a user."""
        body = self.log.current("user", user_id)
        return None if body is None else msgspec.json.decode(body, type=User)

    def profile(self, user_id: str) -> dict[str, Any]:
        """What is kept about one user, in words: history, taste, purchases, consent, and who they are to the shop.

        Raises:
            NotFound: nothing is known of this id.
        """
        person = self.engine.state.person(f"u:{user_id}")
        if person.number < 0 and person.user is None:
            raise NotFound(f"Nothing is known of the user '{user_id}'.", hint="Ids are case-sensitive.")
        told = profile(self.engine.state, person, self.clock())
        return {"user_id": user_id, **told, "devices": self.devices(user_id)}

    # ---- identity --------------------------------------------------------------------------------------------

    def devices(self, user_id: str) -> list[dict[str, Any]]:
        """The anonymous ids on which a user was the last one seen: since when, by what evidence, and last when."""
        identities = self.engine.state.identities
        return [
            {
                "anonymous_id": key[2:],
                "evidence": device.evidence,
                "since": device.since,
                "last_at": device.at,
                "shared": identities.is_shared(key),
            }
            for key, device in identities.devices(f"u:{user_id}")
        ]

    def claim(self, identity: Identity, *, rejoin: bool) -> tuple[list[Entry], str]:
        """What the log should take when somebody says that two ids are one person; see `claims.claim`."""
        return claims.claim(self.log, identity, at=self.clock(), rejoin=rejoin)

    def separation(self, anonymous_id: str, user_id: str, reason: str = "") -> list[Entry]:
        """What the log should take so that these ids are two people; see `claims.separation`."""
        return claims.separation(self.log, anonymous_id, user_id, at=self.clock(), reason=reason)

    def unseen(self, *keys: str) -> list[str]:
        """The ids, of these person keys, of whom the log holds nothing."""
        find, told = self.engine.state.identities.find, {"u": "user", "a": "identity"}
        return [key[2:] for key in keys if find(key) < 0 and self.log.current(told[key[0]], key[2:]) is None]

    # ---- models ----------------------------------------------------------------------------------------------

    def load_models(self) -> Models:
        """The models that serve, as the registry says now. Reads files; call it off the request's thread.

        A model that cannot be read is left out with a warning: the others, and the counting channels, go on serving.
        """
        stamp = self.registry.stamp()
        models = load_models(self.registry, stamp, encoder=self._encoder_name())
        for name, error in models.left_out.items():
            structlog.get_logger("tailorbird.app").warning("a model was left out", model=name, cause=str(error))
        return models

    def text_encoder(self) -> TextEncoder | None:
        """What makes vectors of the items' texts, remembering those it made; None where the shop has named nothing.

        Raises:
            NotFound, NotInstalled, BadModelFile: the local encoder cannot be used.
            Unavailable: the endpoint does not answer.
        """
        text, folder = self.config.text, self.shop_dir / ENCODER_FOLDER
        if not text.encoder:
            return None
        local = text.encoder == LOCAL
        return Remembered(LocalEncoder(folder) if local else Endpoint(text.encoder, text.model, text.key), folder)

    def _encoder_name(self) -> str:
        text = self.config.text
        return LOCAL_NAME if text.encoder == LOCAL else text.model if text.encoder else ""

    def reference(self) -> Reference | None:
        """What the ranker in service learned from, if it kept it; None where there is no ranker. Reads files."""
        version = self.registry.current().get(RANKER)
        return Reference.of_arrays(self.registry.load(RANKER, version)[1]) if version else None

    def newer_models(self) -> bool:
        """Whether a promotion has happened since the engine's models were loaded."""
        return self.registry.stamp() != self._models_stamp

    def install(self, models: Models) -> None:
        """Serve with these models; they first learn what came after their fit. Call on the engine's thread."""
        self._install(self.engine, models)
        oldest = min(self.engine.fitted_seq.values(), default=self.engine.seq)
        if oldest < self.engine.seq:
            self._catch_up(oldest)

    def _install(self, engine: Engine, models: Models) -> None:
        engine.install(
            models.retrievers,
            models.ranker,
            ranker_columns=models.ranker_columns,
            versions=models.versions,
            fitted_seq=models.fitted_seq,
        )
        self._models_stamp = models.stamp
        self.left_out = {name: str(error) for name, error in models.left_out.items()}
        if models.ranker and not engine.ranker:
            self.left_out[RANKER] = "It was fitted on other channels or features. Train again: `tailorbird train`."

    def _catch_up(self, after: int) -> None:
        """Let freshly installed channels learn from the records between their fit and now."""
        missed: list[Record] = []
        while after < self.engine.seq and (records := self.log.read(after, _REPLAY_CHUNK)):
            missed += (record for record in records if record.seq <= self.engine.seq)
            after = records[-1].seq
        self.engine.relearn(missed)

    # ---- privacy ---------------------------------------------------------------------------------------------

    def export_person(self, user_id: str) -> dict[str, Any]:
        """Everything that is kept of a user. Reads the whole log; call it off the request's thread.

        Raises:
            NotFound: nothing is.
        """
        return requests.export(self.log, self.ledger, user_id, self.config.identity)

    def erase(
        self, users: Collection[str], devices: Collection[str] = ()
    ) -> tuple[requests.Erasure, Mapping[str, str]]:
        """Forget people in the log, its segments and the ledger; the proof, and what `forget` needs.

        Rewrites files and touches no state; call it off the request's thread.

        Raises:
            NotFound: nothing is kept of any of them.
        """
        return requests.erase(
            self.log,
            self.ledger,
            users=users,
            devices=devices,
            now=self.clock(),
            models=self.registry.fitted_until(),
            config=self.config.identity,
        )

    def finish_erasure(self) -> None:
        """Complete an erasure that was interrupted, if there is one: until then people have other numbers."""
        if self.log.newest(requests.ERASING):
            requests.finish(self.log, self.ledger, now=self.clock(), models=self.registry.fitted_until())

    def erasures(self) -> list[requests.Erasure]:
        """The proofs, the oldest first."""
        return sorted(
            (msgspec.json.decode(body, type=requests.Erasure) for body in self.log.newest("erasure")),
            key=lambda proof: proof.at,
        )

    def forget(self, names: Mapping[str, str]) -> None:
        """Let the engine know these people no more. What they did still counts among everybody's until `renew`."""
        self._unapplied.clear()
        self.engine.state.forget(names)

    @property
    def outdated(self) -> bool:
        """Whether the past has changed since the engine read it: a new one must take its place."""
        return self.engine.state.changed_seq > self.engine.state.began_seq

    def renew(self, engine: Engine) -> None:
        """Serve with a newly built engine. Call on the thread that follows."""
        self._unapplied.clear()
        self.__dict__["engine"] = engine

    # ---- upkeep --------------------------------------------------------------------------------------------

    def check(
        self, progress: Callable[[float], None] = lambda _share: None, *, chunk: int = readiness.CHUNK
    ) -> readiness.Readiness:
        """Read the whole log and judge the data; the result is kept in the shop directory. See `readiness.check`."""
        at, seq = self.clock(), self.log.last_seq()
        judged = readiness.check(self.log, self.config, newest_receipts(self.shop_dir), progress=progress, chunk=chunk)
        try:
            keep_check(self.shop_dir, at=at, seq=seq, ready=judged.ready, findings=judged.findings)
        except OSError as error:
            structlog.get_logger("tailorbird.app").warning("the check cannot be kept", cause=error.strerror)
        return judged

    def close_segments(self) -> list[str]:
        """Move closed days of the log into Parquet; the files written."""
        return self.log.close_segments(hot_days=self.config.log.hot_days, rows=self.config.log.segment_rows)

    def retain(self, *, dry_run: bool = False) -> retention.Retention:
        """Let go what is older than the shop wants to keep, or only tell what that would be; see `retention.retain`."""
        return retention.retain(self.log, self.ledger, self.config, now=self.clock(), dry_run=dry_run)

    def retain_daily(self) -> retention.Retention | None:
        """The same, if it was not yet done this day, by this process; None if it was, or all is kept for ever."""
        day = self.clock() // DAY_SECONDS
        if self._retained_on == day or not (self.config.log.keep_days or self.config.ledger.keep_days):
            return None
        done, self._retained_on = self.retain(), day
        return done

    def close(self) -> None:
        """Commit the decisions that wait and let go of the files."""
        if "ledger" in self.__dict__:
            self.ledger.close()
        self.log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
