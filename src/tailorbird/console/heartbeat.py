"""What happened in the last quarter of an hour, as the log and the ledger tell it.

The console follows the log by sequence number like everybody else, so that its figures hold whichever process took the
events in or made the decisions. It looks only while somebody looks at it, and keeps minutes and a few samples. Where
more came since the last look than can be read meanwhile, the newest are read and the others counted by the database.
"""

import threading
from bisect import insort
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from tailorbird.app import App
from tailorbird.config import DEFAULT_WEIGHTS
from tailorbird.console.interest import KINDS, Interest, Wanted
from tailorbird.types import Decision, Record, person_key

MINUTES: Final = 15
STEP_SECONDS: Final = 10
_STEPS: Final = MINUTES * 60 // STEP_SECONDS
_CHUNK: Final = 5_000
_MOST_RECORDS: Final = 20_000
_LOOKS: Final = (16, 100, 400)
_SAMPLES: Final = 1_500
_LIVE_SECONDS: Final = 3_600.0
_MOST_WANTED: Final = 6
_LATEST: Final = 12


class _Heard(msgspec.Struct, frozen=True):
    """The few fields of an event that are shown or counted; decoding less is what keeps following cheap."""

    type: str
    user_id: str | None = None
    anonymous_id: str | None = None
    item_id: str | None = None
    items: tuple[msgspec.Raw, ...] = ()
    decision_id: str | None = None
    query: str | None = None


class _Line(msgspec.Struct, frozen=True):
    """A line of a cart or an order."""

    item_id: str


@dataclass(frozen=True)
class Happened:
    """One event for the list of the latest; ``at`` is when it happened, which for an import is long before it came.

    Nothing happens later than it came: where the sender's clock is ahead, ``at`` is when the event was recorded.
    """

    seq: int
    type: str
    person: str
    item_id: str | None
    query: str | None
    n_items: int
    at: float


@dataclass(frozen=True)
class Beat:
    """The last `MINUTES` in figures.

    ``starts``, ``events`` and ``decisions`` have one entry per step of `STEP_SECONDS`, the oldest first; the last step
    still runs. ``click_rate`` is clicks on recommended items for each recommended item that was shown: as the shop
    reports it with ``list_view``, or all items of the slates where it does not (``shown_as`` says which). ``excuses``
    counts what degraded decisions said of themselves. ``slates`` are the decisions that were looked into for that.

    ``events`` and ``decisions`` are whole at any rate. What has to be read to be counted (people, carts, orders,
    clicks, what was wanted) is whole too, or ``since`` says from when on.
    """

    starts: list[float]
    events: list[int]
    decisions: list[int]
    clicks: int
    shown: int
    shown_as: str
    slates: int
    degraded: int
    stages: dict[str, dict[str, float]]
    total: dict[str, float]
    latest_events: list[Happened]
    latest_decisions: list[Decision]
    channels: dict[str, int]
    last_event_at: float | None
    people: int
    cart_adds: int
    orders: int
    wanted: list[Wanted]
    excuses: dict[str, int]
    since: float | None = None

    @property
    def events_per_minute(self) -> int:
        """In the last minute."""
        return sum(self.events[-60 // STEP_SECONDS :])

    @property
    def decisions_per_minute(self) -> int:
        """In the last minute."""
        return sum(self.decisions[-60 // STEP_SECONDS :])

    @property
    def click_rate(self) -> float | None:
        """Clicks per item shown; None while nothing was shown."""
        return self.clicks / self.shown if self.shown else None


class Heartbeat:
    """Follows the log and the ledger when asked. Its work waits for the disk: call `beat` off the engine's thread."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._seq = -1
        self._since = 0.0
        self._counts: dict[str, Counter[int]] = {
            name: Counter() for name in ("events", "decisions", "slates", "clicks", "viewed", "placed", "degraded")
        }
        self._known: OrderedDict[str, None] = OrderedDict()
        self._spent: deque[dict[str, float]] = deque(maxlen=_SAMPLES)
        self._channels: deque[Counter[str]] = deque(maxlen=500)
        self._interest = Interest()
        self._excuses: defaultdict[int, Counter[str]] = defaultdict(Counter)
        self._latest_events: list[Happened] = []
        self._latest_decisions: list[Decision] = []
        self._lock = threading.Lock()
        self._decoder = msgspec.json.Decoder(_Heard)
        self._line_decoder = msgspec.json.Decoder(_Line)

    def beat(self) -> Beat:
        """Take in what is new, and tell the last minutes."""
        with self._lock:
            self._follow_log()
            self._follow_ledger()
            return self._told(int(self._app.clock() // STEP_SECONDS))

    def lately(self) -> list[str]:
        """The people of the latest events, each once, the latest first; nobody before the first `beat`."""
        return list(dict.fromkeys(happened.person for happened in self._latest_events[::-1] if happened.person))

    def _follow_log(self) -> None:
        last = self._app.log.last_seq()
        if last - max(self._seq, 0) > _MOST_RECORDS:
            self._skip(last - _MOST_RECORDS)
        while records := self._app.log.read(max(self._seq, 0), _CHUNK):
            for record in records:
                if record.kind == "event":
                    self._hear(record, self._decoder.decode(record.body))
            self._seq = records[-1].seq

    def _skip(self, until: int) -> None:
        """Count what is new up to a number without reading it, and begin anew with what has to be read."""
        arrived = self._app.log.arrivals(
            self._seq, until, since=self._began(), step_seconds=STEP_SECONDS, late_seconds=_LIVE_SECONDS
        )
        self._counts["events"].update(arrived)
        self._counts["clicks"].clear()
        self._counts["viewed"].clear()
        self._interest = Interest()
        self._seq = until
        first = next(iter(self._app.log.read(until, 1)), None)
        self._since = first.recorded_at if first else 0.0

    def _began(self) -> float:
        """When the first of the steps began that are told now."""
        return (self._app.clock() // STEP_SECONDS - _STEPS + 1) * STEP_SECONDS

    def _hear(self, record: Record, event: _Heard) -> None:
        person = person_key(event.user_id, event.anonymous_id)
        at = min(record.at, record.recorded_at)
        happened = Happened(record.seq, event.type, person, event.item_id, event.query, len(event.items), at)
        if event.type != "list_view":
            # Being shown something is nothing that a person did, and would push out of sight what they do.
            # A file of history is in no order of time, and shoppers' events come while it is read.
            insort(self._latest_events, happened, key=lambda one: (one.at, one.seq))
            del self._latest_events[:-_LATEST]
        if record.recorded_at - record.at > _LIVE_SECONDS:
            # Imported history is no traffic: an hour of it would flatten the minutes that people look at.
            return
        step = int(record.recorded_at // STEP_SECONDS)
        self._counts["events"][step] += 1
        self._interest.hear(step, person, event.type, self._items_of(event))
        if event.decision_id and event.type == "list_click":
            self._counts["clicks"][step] += 1
        elif event.decision_id and event.type == "list_view":
            self._counts["viewed"][step] += len(event.items) or int(event.item_id is not None)

    def _items_of(self, event: _Heard) -> list[str]:
        """The items of an event whose type is counted; the many lines of a ``list_view`` are left undecoded."""
        if event.type not in KINDS:
            return []
        lines = [self._line_decoder.decode(line).item_id for line in event.items]
        return lines or ([event.item_id] if event.item_id else [])

    def _follow_ledger(self) -> None:
        recent = self._newest()
        newest = next(reversed(self._known), None)
        fresh = [decision for decision in reversed(recent) if decision.decision_id not in self._known]
        if fresh and len(fresh) == len(recent):
            others = self._app.ledger.made(newest, fresh[0].decision_id, since=self._began(), step_seconds=STEP_SECONDS)
            self._counts["decisions"].update(others)
        for decision in fresh:
            self._known[decision.decision_id] = None
            step = int(decision.at // STEP_SECONDS)
            self._counts["decisions"][step] += 1
            self._counts["slates"][step] += 1
            self._counts["placed"][step] += len(decision.items)
            self._counts["degraded"][step] += decision.degraded is not None
            self._excuses[step].update(decision.degraded.split("; ") if decision.degraded else ())
            self._spent.append(decision.timings_ms)
            self._channels.append(Counter(placed.source for placed in decision.items))
        while len(self._known) > 2 * _SAMPLES:
            self._known.popitem(last=False)
        self._latest_decisions = list(recent[:10])

    def _newest(self) -> Sequence[Decision]:
        """The newest decisions, as many as it takes to meet a known one: decoding the others would be for nothing."""
        if not self._known:
            return self._app.ledger.recent(_SAMPLES)
        recent: Sequence[Decision] = ()
        for look in _LOOKS:
            recent = self._app.ledger.recent(look)
            if len(recent) < look or any(decision.decision_id in self._known for decision in recent):
                break
        return recent

    def _told(self, now: int) -> Beat:
        steps = range(now - _STEPS + 1, now + 1)
        for counter in self._counts.values():
            for step in [step for step in counter if step < steps[0]]:
                del counter[step]
        for step in [step for step in self._excuses if step < steps[0]]:
            del self._excuses[step]
        self._interest.forget(before=steps[0])
        total = {name: counter.total() for name, counter in self._counts.items()}
        spent = list(self._spent)[-1_000:]
        return Beat(
            starts=[step * float(STEP_SECONDS) for step in steps],
            events=[self._counts["events"][step] for step in steps],
            decisions=[self._counts["decisions"][step] for step in steps],
            clicks=total["clicks"],
            shown=total["viewed"] or total["placed"],
            shown_as="seen" if total["viewed"] else "answered",
            slates=total["slates"],
            degraded=total["degraded"],
            stages=quantiles_per_stage(spent),
            total=quantiles([sum(one.values()) for one in spent]),
            latest_events=self._latest_events[::-1],
            latest_decisions=self._latest_decisions,
            channels=dict(sum(self._channels, Counter())),
            last_event_at=max((happened.at for happened in self._latest_events), default=None),
            people=self._interest.people,
            cart_adds=self._interest.events("cart_add"),
            orders=self._interest.events("purchase"),
            wanted=self._interest.wanted({**DEFAULT_WEIGHTS, **self._app.config.events.weights}, _MOST_WANTED),
            excuses=dict(sum(self._excuses.values(), Counter()).most_common()),
            since=self._since if self._since > steps[0] * STEP_SECONDS else None,
        )


def quantiles(values: list[float]) -> dict[str, float]:
    """p50, p95 and p99 of some milliseconds; empty for none.

    >>> quantiles([1.0, 2.0, 3.0])["p50"]
    2.0
    """
    if not values:
        return {}
    parts = np.percentile(values, (50, 95, 99))
    return {name: round(float(part), 3) for name, part in zip(("p50", "p95", "p99"), parts, strict=True)}


def quantiles_per_stage(spent: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """The same for each stage that occurs."""
    stages = dict.fromkeys(stage for one in spent for stage in one)
    return {stage: quantiles([one[stage] for one in spent if stage in one]) for stage in stages}
