"""Whether there is enough of the right data, and which models are worth training on it.

One pass over the log, with counters only, so that ten million events need no more memory than their people and items.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from tailorbird.config import Config
from tailorbird.ingest.advice import Advice, advise, deep_installed
from tailorbird.ingest.receipts import Receipt
from tailorbird.protocols import Log
from tailorbird.types import DAY_SECONDS, EVENT_TYPES, Event, Item, Record

LEAST_INTERACTIONS: Final = 100
LEAST_DAYS: Final = 7.0

CHOICES: Final = frozenset(
    {
        "list_click", "promo_click", "message_click", "cart_add", "wishlist_add", "purchase", "rating", "review",
        "share", "watch", "consume", "answer",
    }
)  # fmt: skip
"""Types by which somebody chose an item: the ranker's labels."""

_WHAT_IT_MEANS: Final[Mapping[tuple[str, str], str]] = {
    ("missing_field", "user_id"): (
        "Rows without a person are guests at the checkout, as a rule: nothing can be learned about them. "
        "Where another column names them, map it to user_id or anonymous_id."
    ),
    ("conflicting_event", ""): "The same event_id came with other content; the first stays. Check who gives ids out.",
}
_CHUNK: Final = 5_000
_EXAMPLES: Final = 3


@dataclass(frozen=True)
class Finding:
    """Something to know about the data. A problem makes the shop not ready; a warning makes its slates worse."""

    level: Literal["problem", "warning"]
    code: str
    message: str
    hint: str


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
) -> Readiness:
    """Read the whole log once and judge it; ``receipts`` tell what imports had to leave out."""
    tally = _Tally(config)
    last = log.last_seq()
    for record in _records(log):
        tally.take(record)
        if record.seq % _CHUNK == 0:
            progress(min(1.0, record.seq / last))
    readiness = tally.readiness()
    left_out = [finding for receipt in receipts for finding in _rejections(receipt)]
    return replace(readiness, findings=[*readiness.findings, *left_out])


@dataclass
class _Tally:
    """Counters over the log."""

    config: Config
    types: Counter[str] = field(default_factory=Counter)
    item_lines: Counter[str] = field(default_factory=Counter)
    liked: set[str] = field(default_factory=set)
    people: dict[str, float] = field(default_factory=dict)
    items: dict[str, tuple[bool, bool, bool, bool]] = field(default_factory=dict)
    free: set[str] = field(default_factory=set)
    interest_at: "array[float]" = field(default_factory=lambda: array("d"))
    bought_at: "array[float]" = field(default_factory=lambda: array("d"))
    users: set[str] = field(default_factory=set)
    interactions: int = 0
    negatives: int = 0
    labels: int = 0
    weightless: Counter[str] = field(default_factory=Counter)
    without_user: int = 0
    sessions: int = 0
    liked_at: dict[str, float] = field(default_factory=dict)
    liked_sessions: int = 0
    first_at: float | None = None
    last_at: float | None = None

    def __post_init__(self) -> None:
        self._event = msgspec.json.Decoder(Event)
        self._item = msgspec.json.Decoder(Item)
        self._gap = self.config.events.session_gap_minutes * 60

    def take(self, record: Record) -> None:
        """Count one record."""
        if record.kind == "event":
            self._take_event(self._event.decode(record.body))
        elif record.kind == "user":
            self.users.add(record.key)
        elif record.kind == "item":
            item = self._item.decode(record.body)
            self.free.discard(item.item_id)
            if item.withdrawn:
                self.items.pop(item.item_id, None)
            else:
                if item.price == 0:
                    self.free.add(item.item_id)
                described = bool(item.title), bool(item.categories), item.price is not None
                self.items[item.item_id] = (*described, item.sellable)

    def _take_event(self, event: Event) -> None:
        weight = self.config.events.weight(event)
        lines = event.lines
        self.types[event.type] += 1
        self.without_user += event.user_id is None
        for line in lines:
            self.item_lines[line.item_id] += 1
        if weight > 0:
            self.interactions += len(lines)
            self.interest_at.extend([event.at] * len(lines))
            if event.type == "purchase":
                self.bought_at.extend([event.at] * len(lines))
            self.labels += event.type in CHOICES and bool(lines)
            self.liked.update(line.item_id for line in lines)
            self._take_interest(event)
        elif weight < 0:
            self.negatives += len(lines)
        elif event.type not in EVENT_TYPES:
            self.weightless[event.type] += 1
        before = self.people.get(event.person)
        if before is None or event.at - before > self._gap:
            self.sessions += 1
        self.people[event.person] = event.at if before is None else max(before, event.at)
        self.first_at = event.at if self.first_at is None else min(self.first_at, event.at)
        self.last_at = event.at if self.last_at is None else max(self.last_at, event.at)

    def _take_interest(self, event: Event) -> None:
        before = self.liked_at.get(event.person)
        self.liked_sessions += before is None or abs(event.at - before) >= self._gap
        self.liked_at[event.person] = event.at

    def readiness(self) -> Readiness:
        """The judgement."""
        n_items = len(self.items.keys() | self.item_lines.keys())
        return Readiness(
            events=self.types.total(),
            by_type=dict(self.types.most_common()),
            interactions=self.interactions,
            negatives=self.negatives,
            labels=self.labels,
            people=len(self.people),
            anonymous_people=sum(key.startswith("a:") for key in self.people),
            events_without_user=self.without_user,
            sessions=self.sessions,
            first_at=self.first_at,
            last_at=self.last_at,
            items_with_events=len(self.item_lines),
            items_described=len(self.items),
            items_sellable=sum(item[3] for item in self.items.values()),
            share_not_in_catalogue=self._share_not_in_catalogue(),
            share_described=self._share_described(),
            users_described=len(self.users),
            findings=list(self._findings()),
            models=advise(
                self._n_trained_on(self.interest_at),
                n_items,
                self.labels,
                len(self.items),
                self.liked_sessions,
                n_purchases=self._n_trained_on(self.bought_at),
                deep=deep_installed(),
            ),
        )

    def _n_trained_on(self, times: "array[float]") -> int:
        """How many of these training reads: those of its last days, counted back from the newest interaction."""
        since = max(self.interest_at, default=0.0) - self.config.training.since_days * DAY_SECONDS
        return sum(at >= since for at in times)

    def _share_not_in_catalogue(self) -> float | None:
        lines = self.item_lines.total()
        unknown = sum(count for item, count in self.item_lines.items() if item not in self.items)
        return unknown / lines if lines else None

    def _share_described(self) -> dict[str, float]:
        n = len(self.items) or 1
        return {
            name: sum(item[place] for item in self.items.values()) / n
            for place, name in enumerate(("title", "categories", "price"))
        }

    def _findings(self) -> Iterator[Finding]:
        if not self.types:
            yield _problem("no_events", "The log holds no events.", "`tailorbird import events FILE`.")
        elif not self.interactions:
            types = ", ".join(repr(name) for name, _ in self.types.most_common(_EXAMPLES))
            yield _problem(
                "no_interest",
                f"None of the {self.types.total():,} events shows interest in an item; they are of type {types}.",
                "Give their types weights under [events.weights], or import with `--type OURS=THEIRS`.",
            )
        elif self.interactions < LEAST_INTERACTIONS:
            yield _problem(
                "few_interactions",
                f"There are {self.interactions:,} interactions; {LEAST_INTERACTIONS} are the least to learn from.",
                "Import more history, or let the shop run: popular items serve until then.",
            )
        if len(self.people) == 1:
            yield _problem("one_person", "All events are of one person.", "Check which column is mapped to user_id.")
        if len(self.liked) == 1:
            yield _problem("one_item", "All interest is in one item.", "Check which column is mapped to item_id.")
        yield from self._catalogue_findings()
        yield from self._event_findings()

    def _catalogue_findings(self) -> Iterator[Finding]:
        if not self.items:
            yield _warning(
                "empty_catalogue",
                "No item is described: slates hold bare ids, and new items cannot be found.",
                "`tailorbird import items FILE`.",
            )
            return
        if (share := self._share_not_in_catalogue() or 0.0) > 0.05:
            unknown = [item for item, _ in self.item_lines.most_common() if item not in self.items][:_EXAMPLES]
            yield _warning(
                "items_not_in_catalogue",
                f"{share:.1%} of what events name is not in the catalogue, for example {', '.join(unknown)}.",
                "Such items are never shown. Import them, or check that both files mean the same id.",
            )
        if self.free:
            yield _warning(
                "free_items",
                f"{len(self.free):,} items cost 0, for example {', '.join(sorted(self.free)[:_EXAMPLES])}.",
                "They may be shown. If that is not their price, leave it empty, or set available to false.",
            )
        if not any(item[3] for item in self.items.values()):
            yield _problem("nothing_to_sell", "No item is available.", "Check the columns available and stock.")
        for name, share in self._share_described().items():
            if share < 0.5:
                yield _warning(
                    "items_undescribed", f"{1 - share:.0%} of the items have no {name}.", f"Map a column to {name}."
                )

    def _event_findings(self) -> Iterator[Finding]:
        if not self.types:
            return
        n_events = self.types.total()
        if (n_trained := self._n_trained_on(self.interest_at)) < self.interactions:
            yield _warning(
                "older_than_training_reads",
                f"Training reads the last {self.config.training.since_days:.0f} days:"
                f" {n_trained:,} of {self.interactions:,} interactions.",
                "For more, set since_days under [training] in tailorbird.toml.",
            )
        if (n_weightless := self.weightless.total()) > 0.01 * n_events:
            names = ", ".join(repr(name) for name, _ in self.weightless.most_common(_EXAMPLES))
            yield _warning(
                "weightless_types",
                f"{n_weightless / n_events:.0%} of the events are of types that say nothing yet: {names}.",
                "Give them weights under [events.weights], or import with `--type OURS=THEIRS`.",
            )
        if self.without_user > 0.5 * n_events:
            yield _warning(
                "mostly_anonymous",
                f"{self.without_user / n_events:.0%} of the events have no user_id, only an anonymous one.",
                "Tell who they are at sign-in: POST /v1/identify.",
            )
        if (
            self.last_at is not None
            and self.first_at is not None
            and self.last_at - self.first_at < LEAST_DAYS * DAY_SECONDS
        ):
            days = (self.last_at - self.first_at) / DAY_SECONDS
            yield _warning(
                "short_span",
                f"The events span {days:.1f} days.",
                f"From {LEAST_DAYS:.0f} days on, what is trending and what is usual can be told apart.",
            )
        if not self.types["list_view"]:
            yield _warning(
                "no_impressions",
                "No list_view says what was seen but not chosen.",
                "Report impressions with their decision_id: click rates and experiments rest on them.",
            )


def _rejections(receipt: Receipt) -> Iterator[Finding]:
    report = receipt.report
    for reason in report.reasons:
        yield _warning(
            f"import_{reason.code}",
            f"{reason.count:,} of {report.rows:,} rows of {Path(receipt.path).name} ({receipt.kind}) were left out as "
            f"{reason.code}; first: {' '.join(reason.examples)}",
            _WHAT_IT_MEANS.get(
                (reason.code, reason.field), "Mend them and import the file again: only they will be added."
            ),
        )


def _problem(code: str, message: str, hint: str) -> Finding:
    return Finding("problem", code, message, hint)


def _warning(code: str, message: str, hint: str) -> Finding:
    return Finding("warning", code, message, hint)


def _records(log: Log) -> Iterator[Record]:
    seq = 0
    while records := log.read(seq, _CHUNK):
        yield from records
        seq = records[-1].seq
