"""`simulate shop`: a catalogue, its users, and days of visits, written to a log in the order of their time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec
import numpy as np

from tailorbird.protocols import Verdict
from tailorbird.simulator.catalogue import WEEK_SECONDS
from tailorbird.simulator.listings import Listings
from tailorbird.simulator.visits import Ask, Slate, Visit, Visiting
from tailorbird.simulator.world import World, user_id
from tailorbird.types import DAY_SECONDS, Array, Entry, Event, FloatArray, Identity

BATCH: Final = 500
NEWCOMERS: Final = 0.4
_encode = msgspec.json.Encoder(order="deterministic").encode

# Share of a day's visits in each hour, from midnight on: a quiet night, a lunch break, a busy evening.
_HOURS: Final = np.array([2, 1, 1, 1, 1, 2, 3, 5, 7, 8, 9, 10, 11, 10, 9, 9, 9, 10, 12, 14, 15, 14, 10, 5], float)
_WEEKDAYS: Final = np.array([1.0, 0.95, 0.95, 1.0, 1.1, 1.25, 1.2])


class Appends(Protocol):
    """The one thing that is needed of a log."""

    def append(self, entries: Sequence[Entry]) -> Sequence[Verdict]:
        """Durably add these."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One visit to come: who, when, and which of that shopper's visits it is."""

    at: float
    shopper: int
    number: int


@dataclass(slots=True)
class Told:
    """What a history consists of."""

    items: int = 0
    users: int = 0
    identities: int = 0
    events: int = 0
    visits: int = 0
    orders: int = 0


def arrivals(
    world: World, start: float, end: float, *, newcomers: float = NEWCOMERS, stream: int = 9, first: int = 0
) -> list[Arrival]:
    """All visits between two times, oldest first. A share of ``newcomers`` discovers the shop only in between.

    Each shopper's visits are numbered from ``first`` on; another period takes another ``stream`` and another ``first``.
    """
    rng = np.random.default_rng([world.seed, stream])
    n, days = world.shoppers.n, (end - start) / DAY_SECONDS
    joined = np.where(rng.random(n) < newcomers, rng.uniform(0, days, n), 0.0)
    counts = rng.poisson(world.shoppers.visit_rate * (days - joined))
    found = []
    for shopper in np.flatnonzero(counts):
        day = np.floor(rng.uniform(joined[shopper], days, 2 * counts[shopper]))
        weekday = ((start / DAY_SECONDS + day + 3) % 7).astype(int)
        day = day[rng.random(len(day)) * _WEEKDAYS.max() < _WEEKDAYS[weekday]][: counts[shopper]]
        hour = rng.choice(24, len(day), p=_HOURS / _HOURS.sum()) + rng.random(len(day))
        at = np.sort(start + day * DAY_SECONDS + hour * 3600)
        found += [Arrival(float(t), int(shopper), number) for number, t in enumerate(at, first) if t < end - 3600]
    return sorted(found, key=lambda arrival: arrival.at)


def organic(world: World, listings: Listings, visiting: Visiting) -> Iterator[Event | Identity]:
    """Follow one visit where the shop answers by popularity alone; what is shown that way has no decision."""
    answer: Slate | None = None
    try:
        while True:
            step = visiting.send(answer)
            answer = None
            if isinstance(step, Ask):
                answer = organic_slate(world, listings, step)
            else:
                yield step
    except StopIteration:
        return


def organic_slate(world: World, listings: Listings, ask: Ask) -> Slate | None:
    """Bestsellers at home, the category's beside an item, nothing in the cart."""
    if ask.surface == "cart":
        return None
    if ask.item_id is None:
        items = listings.bestsellers(ask.limit)
    else:
        items = listings.beside(world.shelf.number[ask.item_id], ask.limit // 2)
    return Slate(items, world.prices(ask.at)[items])


def tell(
    world: World,
    days: float,
    progress: Callable[[float, str], None] = lambda _share, _words: None,
    listings: Listings | None = None,
) -> Iterator[list[Entry]]:
    """The whole history that ends at ``world.now``, one day's entries at a time, in the order of their time.

    ``listings`` given are left as they are at the end, for whoever goes on from there.
    """
    start = world.now - days * DAY_SECONDS
    listings = listings or Listings(world, start)
    yield _opening(world, start)
    coming = arrivals(world, start, world.now)
    row = 0
    for day in range(int(np.ceil(days))):
        begins, ends = start + day * DAY_SECONDS, min(start + (day + 1) * DAY_SECONDS, world.now)
        listings.refresh(begins)
        entries = changes(world, begins, ends)
        while row < len(coming) and coming[row].at < ends:
            one = coming[row]
            row += 1
            visit = Visit(world, listings, one.shopper, one.number, one.at)
            entries += [entry_of(step) for step in organic(world, listings, visit.follow())]
        # Visits overlap, and a log is written by the clock.
        yield sorted(entries, key=lambda entry: entry.at)
        progress((day + 1) / days, f"{row:,} visits")


def write(
    world: World, days: float, log: Appends, progress: Callable[[float, str], None] = lambda _share, _words: None
) -> Told:
    """Write the history to a log, in small batches so that nobody waits behind it."""
    told = Told()
    for entries in tell(world, days, progress):
        for begin in range(0, len(entries), BATCH):
            log.append(entries[begin : begin + BATCH])
        for entry in entries:
            if entry.kind == "event":
                told.events += 1
                told.visits += entry.key.endswith("-1")
                told.orders += b'"type":"purchase"' in entry.body
            elif entry.kind == "identity":
                told.identities += 1
    told.items, told.users = len(world.shelf), int(world.shoppers.has_account.sum())
    return told


def entry_of(step: Event | Identity) -> Entry:
    """What the log keeps of a step."""
    if isinstance(step, Event):
        return Entry("event", step.event_id, step.at, _encode(step))
    return Entry("identity", step.anonymous_id, step.at, _encode(step))


def _opening(world: World, start: float) -> list[Entry]:
    """The catalogue and the accounts on the first day."""
    old = np.flatnonzero(world.shelf.launched_at <= start)
    accounts = np.flatnonzero(world.shoppers.has_account)
    return _item_entries(world, old, np.full(len(old), start)) + [
        Entry("user", user_id(shopper), start, _encode(world.user(shopper))) for shopper in accounts.tolist()
    ]


def changes(world: World, begins: float, ends: float) -> list[Entry]:
    """New versions of items between two times: the week's prices, and what comes on sale."""
    return _price_changes(world, begins, ends) + _launches(world, begins, ends)


def _launches(world: World, begins: float, ends: float) -> list[Entry]:
    """Items that come on sale between two times."""
    at = world.shelf.launched_at
    new = np.flatnonzero((at > begins) & (at <= ends))
    return _item_entries(world, new, at[new])


def _price_changes(world: World, begins: float, ends: float) -> list[Entry]:
    """New versions of the items whose price changes because a week begins between two times."""
    monday = np.floor(ends / WEEK_SECONDS) * WEEK_SECONDS
    if not begins < monday <= ends:
        return []
    moved = (world.prices(monday) != world.prices(monday - 1)) & (world.shelf.launched_at <= begins)
    rows = np.flatnonzero(moved)
    return _item_entries(world, rows, np.full(len(rows), monday))


def _item_entries(world: World, items: Array, at: FloatArray) -> list[Entry]:
    return [
        Entry("item", world.shelf.ids[n], float(t), _encode(world.item(n, t)))
        for n, t in zip(items.tolist(), at.tolist(), strict=True)
    ]
