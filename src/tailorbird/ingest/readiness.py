"""Whether there is enough of the right data, and which models are worth training on it.

One pass over the log, with counters only, so that ten million events need no more memory than their people and items:
each kind of fault has its counters in `checks`.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import msgspec

from tailorbird.catalogue import Alias
from tailorbird.config import Config
from tailorbird.ingest.advice import LEARNED_FROM, RANKER_LABELS, Advice, advise, deep_installed
from tailorbird.ingest.checks import duplicates, imports, taxonomy
from tailorbird.ingest.checks.described import Catalogue
from tailorbird.ingest.checks.findings import LEVELS, Example, Finding, Rows, listed, note, percent, problem, warning
from tailorbird.ingest.checks.money import Money
from tailorbird.ingest.checks.names import Names
from tailorbird.ingest.checks.people import People
from tailorbird.ingest.checks.personal import Personal, looks_like
from tailorbird.ingest.checks.sources import Sources
from tailorbird.ingest.checks.times import Times
from tailorbird.ingest.receipts import Receipt
from tailorbird.protocols import Log
from tailorbird.types import DAY_SECONDS, EVENT_TYPES, Event, Identity, Item, Record, User

LEAST_INTERACTIONS: Final = 100
LEAST_DAYS: Final = 7.0

CHOICES: Final = frozenset(
    {
        "list_click", "promo_click", "message_click", "cart_add", "wishlist_add", "purchase", "rating", "review",
        "share", "watch", "consume", "answer",
    }
)  # fmt: skip
"""Types by which somebody chose an item: the ranker's labels."""

CHUNK: Final = 5_000
"""Records that are read at once."""

_RECORDS_OF_A_MERGE: Final = 10
"""As many are read in the time in which one item is merged anew."""

_NAMED: Final = frozenset({"event", "item"})
"""Kinds of records whose keys name no person."""


@dataclass(frozen=True)
class Readiness:
    """What the log holds and what it is good for. Shares are from 0 to 1; ``None`` where there is nothing to share."""

    events: int
    by_type: Mapping[str, int]
    interactions: int
    negatives: int
    labels: int
    people: int
    anonymous_people: int
    events_without_user: int
    sessions: int
    share_of_sessions_about_items: float | None
    share_joined: float | None
    first_at: float | None
    last_at: float | None
    items_with_events: int
    items_described: int
    items_sellable: int
    share_not_in_catalogue: float | None
    share_described: Mapping[str, float]
    users_described: int
    findings: Sequence[Finding]
    models: Sequence[Advice]

    @property
    def ready(self) -> bool:
        """Whether slates can be made for people from this, and not only for everybody alike."""
        return all(finding.level != "problem" for finding in self.findings)

    @property
    def days(self) -> float:
        """Days between the first and the last event."""
        return 0.0 if self.first_at is None or self.last_at is None else (self.last_at - self.first_at) / DAY_SECONDS

    def as_json(self) -> dict[str, Any]:
        """Everything, for scripts."""
        return {"ready": self.ready, "days": round(self.days, 2), **asdict(self)}


def check(
    log: Log,
    config: Config,
    receipts: Sequence[Receipt] = (),
    *,
    progress: Callable[[float], None] = lambda _share: None,
    chunk: int = CHUNK,
) -> Readiness:
    """Read the whole log once and judge it; ``receipts`` tell what imports had to leave out.

    ``progress`` hears the share done after every ``chunk`` records.
    """
    tally, last, seq = _Tally(log, config), log.last_seq(), 0
    while seq < last and (records := log.read(seq, chunk)):
        for record in records:
            tally.take(record)
        seq = records[-1].seq
        progress(min(1.0, seq / last))
    for _ in tally.sources.merge(max(1, chunk // _RECORDS_OF_A_MERGE)):
        progress(1.0)
    readiness = tally.readiness(receipts)
    found = sorted(readiness.findings, key=lambda finding: LEVELS.index(finding.level))
    return replace(readiness, findings=_with_ids(found, log))


def _with_ids(findings: Sequence[Finding], log: Log) -> list[Finding]:
    """Look up the ids of the examples that have only a number, in the log's order."""
    bare = sorted(
        {example.seq for finding in findings for example in finding.examples if example.seq and not example.id}
    )
    found = {seq: record for seq in bare for record in log.read(seq - 1, 1)}

    def named(example: Example) -> Example:
        name, kind = example.id, example.kind
        if record := None if name else found.get(example.seq):
            name, kind = record.key if record.kind in _NAMED else "", record.kind
        return replace(example, id="" if looks_like(name) else name, kind=kind)

    return [replace(finding, examples=tuple(map(named, finding.examples))) for finding in findings]


class _Tally:
    """Counters over the log."""

    def __init__(self, log: Log, config: Config) -> None:
        self._config = config
        self._catalogue, self._names, self._people = Catalogue(), Names(), People(config)
        self._times, self._money, self._personal = Times(config), Money(config), Personal()
        self.sources, self._aliases = Sources(log, config.catalogue), dict[str, str]()
        self._types: Counter[str] = Counter()
        self._weights: dict[str, float] = {}
        self._liked: set[str] = set()
        self._interest_at, self._bought_at = array("d"), array("d")
        self._users: set[str] = set()
        self._interactions = self._negatives = self._labels = self._without_user = 0
        self._weightless: Counter[str] = Counter()
        self._weightless_rows, self._returns = Rows(), Rows()
        self._first_at: float | None = None
        self._last_at: float | None = None
        self._event = msgspec.json.Decoder(Event)
        self._item = msgspec.json.Decoder(Item)
        self._alias = msgspec.json.Decoder(Alias)
        self._user = msgspec.json.Decoder(User)
        self._identity = msgspec.json.Decoder(Identity)

    def take(self, record: Record) -> None:
        """Count one record."""
        if record.kind == "event":
            self._take_event(record, self._event.decode(record.body))
        elif record.kind == "item":
            item = self._item.decode(record.body)
            self._catalogue.take(item, record.seq)
            self._personal.take_item(item, record.seq)
        elif record.kind == "source_item":
            self.sources.take(record)
        elif record.kind == "alias":
            alias = self._alias.decode(record.body)
            self._aliases[alias.alias] = alias.item_id
        elif record.kind == "user":
            self._users.add(record.key)
            self._personal.take_user(self._user.decode(record.body), record.seq)
        elif record.kind == "identity":
            identity = self._identity.decode(record.body)
            self._people.join(identity.anonymous_id, identity.user_id, record.seq)

    def _meant(self, name: str) -> str:
        """The item that an id of a source stands for, unless an item goes by it."""
        meant = self._aliases.get(name)
        return name if meant is None or name in self._catalogue.items else meant

    def _take_event(self, record: Record, event: Event) -> None:
        seq, kind, at, lines = record.seq, event.type, event.at, event.lines
        self._types[kind] += 1
        self._without_user += event.user_id is None
        for line in lines:
            self._names.take(self._meant(line.item_id), seq)
        weight = self._weight(event)
        if weight > 0:
            self._take_interest(event, [line.item_id for line in lines])
        elif weight < 0:
            self._negatives += len(lines)
            if kind == "refund":
                self._returns.add(seq, note=lines[0].item_id)
        elif kind not in EVENT_TYPES:
            self._weightless[kind] += 1
            self._weightless_rows.add(seq, note=kind)
        self._people.take(event, seq, about=bool(lines), liked=weight > 0)
        self._times.take(record, event.person)
        if event.items or event.value is not None:
            self._money.take(event, lines, seq)
        self._personal.take_event(event, seq)
        if self._first_at is None or self._last_at is None:
            self._first_at = self._last_at = at
        elif at > self._last_at:
            self._last_at = at
        elif at < self._first_at:
            self._first_at = at

    def _weight(self, event: Event) -> float:
        if event.type == "rating":
            return self._config.events.weight(event)
        weight = self._weights.get(event.type)
        if weight is None:
            weight = self._weights[event.type] = self._config.events.weight(event)
        return weight

    def _take_interest(self, event: Event, items: Sequence[str]) -> None:
        times = [event.at] * len(items)
        self._interactions += len(items)
        self._interest_at.extend(times)
        if event.type == "purchase":
            self._bought_at.extend(times)
        self._labels += event.type in CHOICES and bool(items)
        self._liked.update(items)

    def readiness(self, receipts: Sequence[Receipt]) -> Readiness:
        """The judgement."""
        items, people = self._catalogue.items, self._people
        return Readiness(
            events=self._types.total(),
            by_type=dict(self._types.most_common()),
            interactions=self._interactions,
            negatives=self._negatives,
            labels=self._labels,
            people=len(people),
            anonymous_people=people.anonymous,
            events_without_user=self._without_user,
            sessions=people.sessions,
            share_of_sessions_about_items=people.sessions_about_items / people.sessions if people.sessions else None,
            share_joined=people.share_joined,
            first_at=self._first_at,
            last_at=self._last_at,
            items_with_events=len(self._names.lines),
            items_described=len(items),
            items_sellable=sum(item.sellable for item in items.values()),
            share_not_in_catalogue=self._names.share_not_in(items),
            share_described=self._catalogue.share_described(),
            users_described=len(self._users),
            findings=list(self._findings(receipts)),
            models=advise(
                self._n_trained_on(self._interest_at),
                len(items.keys() | self._names.lines.keys()),
                self._labels,
                len(items),
                people.liked_sessions,
                n_purchases=self._n_trained_on(self._bought_at),
                deep=deep_installed(),
            ),
        )

    def _n_trained_on(self, times: "array[float]") -> int:
        """How many of these training reads: those of its last days, counted back from the newest interaction."""
        since = max(self._interest_at, default=0.0) - self._config.training.since_days * DAY_SECONDS
        return sum(at >= since for at in times)

    def _findings(self, receipts: Sequence[Receipt]) -> Iterator[Finding]:
        items, n_events = self._catalogue.items, self._types.total()
        yield from self._volume_findings()
        yield from imports.findings(receipts)
        yield from self._names.findings(items)
        yield from self._catalogue.findings(self._names.lines)
        yield from taxonomy.findings(items)
        yield from self.sources.findings()
        yield from duplicates.findings(items, self._config.catalogue.rate)
        yield from self._money.findings(items)
        if n_events:
            yield from self._times.findings(n_events, receipts)
            yield from self._people.findings(n_events)
            yield from self._event_findings(n_events)
        yield from self._personal.findings()

    def _volume_findings(self) -> Iterator[Finding]:
        stranger = "Every slate is what a stranger gets: popular items at best."
        if not self._types:
            hint = "`tailorbird import events FILE`."
            yield problem("no_events", "The log holds no events.", cost=stranger, hint=hint)
        elif not self._interactions:
            yield problem(
                "no_interest",
                f"None of the {self._types.total():,} events shows interest in an item; they are of type "
                f"{listed(repr(name) for name, _ in self._types.most_common())}.",
                cost="There is nothing to count, let alone to learn from: every channel is empty.",
                hint="Give their types weights under [events.weights], or import with `--type OURS=THEIRS`.",
            )
        elif self._interactions < LEAST_INTERACTIONS:
            yield problem(
                "few_interactions",
                f"There are {self._interactions:,} interactions; {LEAST_INTERACTIONS} are the least to learn from.",
                cost=stranger,
                hint="Import more history, or let the shop run: popular items serve until then.",
            )
        elif (n_trained := self._n_trained_on(self._interest_at)) < LEARNED_FROM:
            yield note(
                "few_for_learned_models",
                f"Training reads {n_trained:,} interactions; from {LEARNED_FROM:,} on, learned models beat counting.",
                cost="ease, ials and the neural models rest; popular, covisitation and item-knn make the slates.",
                hint="Nothing to mend: let the shop run, import more history, or report looks as well as orders.",
            )
        if self._interactions and self._labels < RANKER_LABELS:
            yield note(
                "few_labels",
                f"There are {self._labels:,} labels (clicks, carts, purchases, ratings); the ranker needs "
                f"{RANKER_LABELS:,}.",
                cost="No ranker: channels are fused by rank, and what an item costs or who somebody is does not count.",
                hint="Report list_click and cart_add with their decision_id.",
            )
        if len(self._people) == 1:
            yield problem(
                "one_person",
                "All events are of one person.",
                cost="No item has neighbours: nothing can be learned from one person for another.",
                hint="Check which column is mapped to user_id.",
            )
        if len(self._liked) == 1:
            yield problem(
                "one_item",
                "All interest is in one item.",
                cost="Every channel knows this item alone.",
                hint="Check which column is mapped to item_id.",
            )

    def _event_findings(self, n_events: int) -> Iterator[Finding]:
        if (n_trained := self._n_trained_on(self._interest_at)) < self._interactions:
            yield note(
                "older_than_training_reads",
                f"Training reads the last {self._config.training.since_days:.0f} days:"
                f" {n_trained:,} of {self._interactions:,} interactions.",
                cost="What is older counts in nobody's channels; of what is rarely bought little is left.",
                hint="For more, set since_days under [training] in tailorbird.toml.",
            )
        if (n_weightless := self._weightless.total()) > 0.01 * n_events:
            yield warning(
                "weightless_types",
                f"{n_weightless / n_events:.0%} of the events are of types that say nothing yet: "
                f"{listed(repr(name) for name, _ in self._weightless.most_common())}.",
                cost="They are kept and count for nothing: no channel and no label comes of them.",
                hint="Give them weights under [events.weights], or import with `--type OURS=THEIRS`.",
                rows=self._weightless_rows.first,
            )
        if (n_bought := self._types["purchase"]) and self._returns.count > 0.01 * n_bought:
            yield note(
                "returns",
                f"{self._returns.count:,} refunds stand against {n_bought:,} purchases"
                f" ({percent(self._returns.count, n_bought)}); an order export has them as negative quantities.",
                cost="Each is an explicit no: that person is not shown the item until they show interest in it again.",
                hint="Right for goods sent back. Where an order was only cancelled or typed again, leave such rows out "
                "of the import (`--skip`).",
                rows=self._returns.first,
            )
        if self._without_user > 0.5 * n_events:
            yield warning(
                "mostly_anonymous",
                f"{self._without_user / n_events:.0%} of the events have no user_id, only an anonymous one.",
                cost="A history ends with its cookie: slates on another device, in e-mails and pushes start anew.",
                hint="Tell who they are at sign-in: POST /v1/identify.",
            )
        if self._last_at is not None and self._first_at is not None:
            days = (self._last_at - self._first_at) / DAY_SECONDS
            if days < LEAST_DAYS:
                yield warning(
                    "short_span",
                    f"The events span {days:.1f} days.",
                    cost="trending and popular say the same, and nothing later is left to evaluate models on.",
                    hint=f"From {LEAST_DAYS:.0f} days on, what is trending and what is usual can be told apart.",
                )
        if not self._types["list_view"]:
            yield warning(
                "no_impressions",
                "No list_view says what was seen but not chosen.",
                cost="Click rates and experiments have no denominator, the ranker learns from what was chosen alone, "
                "and what people pass over is shown to them again.",
                hint="Report impressions with their decision_id.",
            )
