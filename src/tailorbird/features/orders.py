"""Which lines of an order count, where both the page and the shop's server report it.

Anybody can read a page's key and send purchases with it, with the number of an order that somebody else made. So what a
page says has names of its own in the log and can never keep out what the shop's server says; and here, where both are
read, an order counts once. The server's word stands: what a page says of an order that the server told of counts for
nothing, and what the server says of an order that a page told of counts unless it was the same person's and counts
already.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tailorbird.types import PAGE, Event, OrderLine

MOST_LINES: Final = 50_000
"""The newest lines that are remembered: the second report of an order follows the first within days."""

_ORDER: Final = "purchase"


@dataclass(slots=True)
class _Line:
    """Who bought one item in one order, and whose report of it counts."""

    person: str
    page: bool = False
    server: bool = False


class Orders:
    """The newest lines of orders. An order is known by ``properties.order_id``, or else by its event's id."""

    def __init__(self, number: Callable[[str], int]) -> None:
        """``number`` tells who a person key is now."""
        self._number = number
        self._lines: OrderedDict[tuple[str, str], _Line] = OrderedDict()

    def take(self, event: Event) -> None:
        """Take in an event, once, in the log's order, and settle which of its lines count."""
        if event.type != _ORDER:
            return
        order = _order_of(event)
        for line in event.lines:
            known = self._lines.get((order, line.item_id))
            if known is None:
                self._lines[order, line.item_id] = _Line(event.person, page=event.by_page, server=not event.by_page)
                if len(self._lines) > MOST_LINES:
                    self._lines.popitem(last=False)
            elif not event.by_page and not known.server:
                known.server = self._number(known.person) != self._number(event.person)

    def counted(self, event: Event) -> Sequence[OrderLine]:
        """The lines of an event that count, whenever it is asked about."""
        if event.type != _ORDER:
            return event.lines
        order = _order_of(event)
        return [line for line in event.lines if self._counts(self._lines.get((order, line.item_id)), event)]

    def forget(self, names: Mapping[str, str]) -> None:
        """Know these people by other keys; old key -> new key."""
        for known in self._lines.values():
            known.person = names.get(known.person, known.person)

    def _counts(self, known: _Line | None, event: Event) -> bool:
        if known is None:
            return True
        return known.page if event.by_page else known.server


def _order_of(event: Event) -> str:
    named = event.properties.get("order_id")
    return str(named) if isinstance(named, str | int) and named != "" else event.event_id.removeprefix(PAGE)
