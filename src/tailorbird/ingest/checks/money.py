"""Prices: in which currency, and whether events and the catalogue mean the same ones."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from tailorbird.config import Config
from tailorbird.ingest.checks.described import Described
from tailorbird.ingest.checks.findings import Example, Finding, Rows, counted, listed, warning
from tailorbird.types import Event, OrderLine

FACTOR: Final = 10.0
"""From here on, two prices of one item are no sale and no season."""


class Money:
    """What was paid, by currency and by item: the lowest and the highest price of each, and in which record."""

    def __init__(self, config: Config) -> None:
        self._shop = config.catalogue.currency
        self._events: Counter[str | None] = Counter()
        self._paid: dict[str, tuple[float, int, float, int]] = {}

    def take(self, event: Event, lines: tuple[OrderLine, ...], seq: int) -> None:
        """One event with its lines."""
        priced = event.value is not None
        paid = self._paid
        for line in lines:
            price = line.price
            if price:
                priced = True
                known = paid.get(line.item_id)
                if known is None:
                    paid[line.item_id] = (price, seq, price, seq)
                elif price < known[0]:
                    paid[line.item_id] = (price, seq, known[2], known[3])
                elif price > known[2]:
                    paid[line.item_id] = (known[0], known[1], price, seq)
        if priced:
            self._events[event.currency] += 1

    def findings(self, items: Mapping[str, Described]) -> Iterator[Finding]:
        """What to know of them."""
        yield from self._mixture(items)
        yield from self._far_off(items)

    def _mixture(self, items: Mapping[str, Described]) -> Iterator[Finding]:
        of_items: defaultdict[str, Rows] = defaultdict(Rows)
        for name, item in items.items():
            if item.price is not None:
                currency = item.currency or self._shop
                of_items[currency].add(item.seq, name, currency)
        of_events: Counter[str] = Counter()
        for named, n in self._events.items():
            of_events[named or self._shop] += n
        if len(of_items.keys() | of_events.keys()) < 2:
            return
        by_use = sorted(of_items.items(), key=lambda pair: -pair[1].count)
        told = [f"{counted(rows.count, 'item')} in {currency}" for currency, rows in by_use]
        told += [f"{counted(n, 'event')} in {currency}" for currency, n in of_events.most_common()]
        yield warning(
            "several_currencies",
            f"Money comes in several currencies: {listed(told, 8)}.",
            cost="Prices are compared as numbers: the ranker's log_price, price_in_category and price_gap take "
            "10 JPY for 10 EUR, filters by price let the wrong items through, and revenue adds up unlike things.",
            hint=f"Convert to one before import, and name it ({self._shop} is the shop's: catalogue.currency).",
            rows=[row for _, rows in by_use[1:] for row in rows.first],
        )

    def _far_off(self, items: Mapping[str, Described]) -> Iterator[Finding]:
        found: list[tuple[float, Example]] = []
        for name, (low, low_seq, high, high_seq) in self._paid.items():
            item = items.get(name)
            if item is None or not item.price:
                continue
            if high > FACTOR * item.price:
                found.append((high / item.price, _apart(name, high, high_seq, item.price)))
            elif low * FACTOR < item.price:
                found.append((item.price / low, _apart(name, low, low_seq, item.price)))
        if found:
            yield warning(
                "prices_far_off",
                f"{counted(len(found), 'item was', 'items were')} bought at more than {FACTOR:.0f} times the price in "
                f"the catalogue, or less than a {FACTOR:.0f}th of it.",
                cost="The price that is shown and that the ranker reads is not the one that is paid: log_price and "
                "price_gap mislead it, and sums of money in an experiment hang on a few lines.",
                hint="Look for a decimal comma (`--decimal ,`), prices of a dozen or a pack, another currency, or "
                "charges typed in by hand.",
                rows=[example for _, example in sorted(found, key=lambda pair: -pair[0])],
            )


def _apart(name: str, paid: float, seq: int, asked: float) -> Example:
    return Example(seq, name, f"{paid:,.10g} paid, {asked:,.10g} in the catalogue")
