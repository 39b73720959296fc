"""What people want at the moment: who was here in the last minutes, and which items they looked at, took and bought."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

KINDS: Final[Mapping[str, str]] = {
    "item_view": "looks", "cart_add": "cart_adds", "purchase": "orders",
}  # fmt: skip
"""Types of events that are counted here, each with the field of `Wanted` that counts it."""


@dataclass(frozen=True)
class Wanted:
    """One item: how often it was looked at, put in a cart and ordered."""

    item_id: str
    looks: int = 0
    cart_adds: int = 0
    orders: int = 0


class Interest:
    """People, orders and wanted items, counted per step of time, so that old steps can be let go."""

    def __init__(self) -> None:
        self._people: defaultdict[int, set[str]] = defaultdict(set)
        self._items: defaultdict[int, Counter[tuple[str, str]]] = defaultdict(Counter)
        self._events: defaultdict[int, Counter[str]] = defaultdict(Counter)

    def hear(self, step: int, person: str, event_type: str, item_ids: Iterable[str]) -> None:
        """Count one event in a step; one of another type only shows that the person is here."""
        if person:
            self._people[step].add(person)
        if event_type in KINDS:
            self._events[step][event_type] += 1
            self._items[step].update((item_id, event_type) for item_id in item_ids)

    def forget(self, before: int) -> None:
        """Let go of the steps before one."""
        for kept in (self._people, self._items, self._events):
            for step in [step for step in kept if step < before]:
                del kept[step]

    @property
    def people(self) -> int:
        """How many different people did something."""
        return len(set().union(*self._people.values()))

    def events(self, event_type: str) -> int:
        """How many events of one type there were."""
        return sum(counter[event_type] for counter in self._events.values())

    def wanted(self, weights: Mapping[str, float], most: int) -> list[Wanted]:
        """The items that weigh most, by the weight of an event's type; among equals the one that was met first."""
        counts: dict[str, Counter[str]] = {}
        for step in sorted(self._items):
            for (item_id, event_type), count in self._items[step].items():
                counts.setdefault(item_id, Counter())[event_type] += count
        weighed = sorted(counts, key=lambda item_id: -sum(weights.get(t, 0.0) * n for t, n in counts[item_id].items()))
        return [Wanted(item_id, **{KINDS[t]: n for t, n in counts[item_id].items()}) for item_id in weighed[:most]]
