"""Prices: in which currency, and whether events and the catalogue mean the same ones."""

import math
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
        self._catalogue = config.catalogue
        self._shop = config.catalogue.currency
        self._events: Counter[str] = Counter()
        self._first: dict[str, int] = {}
        self._rates: dict[str | None, float] = {}
        self._paid: dict[str, tuple[float, int, float, int]] = {}

    def take(self, event: Event, lines: tuple[OrderLine, ...], seq: int) -> None:
        """One event with its lines."""
        priced = event.value is not None
        paid, rate = self._paid, self._rate(event.currency)
        for line in lines:
            if line.price:
                priced = True
                if not rate > 0:  # of a currency without a rate
                    continue
                price = line.price * rate
                known = paid.get(line.item_id)
                if known is None:
                    paid[line.item_id] = (price, seq, price, seq)
                elif price < known[0]:
                    paid[line.item_id] = (price, seq, known[2], known[3])
                elif price > known[2]:
                    paid[line.item_id] = (known[0], known[1], price, seq)
        if priced:
            currency = event.currency or self._shop
            self._events[currency] += 1
            self._first.setdefault(currency, seq)

    def _rate(self, currency: str | None) -> float:
        rate = self._rates.get(currency)
        if rate is None:
            rate = self._rates[currency] = self._catalogue.rate(currency)
        return rate

    def findings(self, items: Mapping[str, Described]) -> Iterator[Finding]:
        """What to know of them."""
        yield from self._without_rate(items)
        yield from self._mixture(items)
        yield from self._far_off(items)

    def _without_rate(self, items: Mapping[str, Described]) -> Iterator[Finding]:
        found: defaultdict[str, Rows] = defaultdict(Rows)
        for name, item in items.items():
            if item.price is not None and math.isnan(self._rate(item.currency)):
                found[str(item.currency)].add(item.seq, name, f"{item.price:,.10g} {item.currency}")
        if not found:
            return
        by_use = sorted(found.items(), key=lambda pair: -pair[1].count)
        n_items = counted(sum(rows.count for rows in found.values()), "item has", "items have")
        told = listed([f"{currency} ({rows.count:,})" for currency, rows in by_use], 8)
        yield warning(
            "no_rate",
            f"{n_items} a price in a currency for which there is no rate: {told}.",
            cost="It is shown, and compared with nothing: the ranker's log_price, price_in_category and price_gap say "
            "nothing of these items, and filters by price leave them out.",
            hint=f"Say what one of it is in {self._shop}: {by_use[0][0]} = ... under [catalogue.rates]. Where "
            f"{self._shop} is not the shop's, set catalogue.currency.",
            rows=[row for _, rows in by_use for row in rows.first],
        )

    def _mixture(self, items: Mapping[str, Described]) -> Iterator[Finding]:
        of_items = {item.currency or self._shop for item in items.values() if item.price is not None}
        if len(self._events) < 2 and (not of_items or self._events.keys() <= of_items):
            return
        told = [f"{counted(n, 'event')} in {currency}" for currency, n in self._events.most_common()]
        if of_items:
            told.append(f"items in {' and '.join(sorted(of_items))}")
        yield warning(
            "several_currencies",
            f"Money of events comes in other currencies than one: {listed(told, 8)}.",
            cost="Values of events are added as numbers: revenue, and what an experiment earned, add up unlike things.",
            hint=f"Convert to one before import, and name it ({self._shop} is the shop's: catalogue.currency).",
            rows=[Example(self._first[currency], kind="event") for currency, _ in self._events.most_common()[::-1]],
        )

    def _far_off(self, items: Mapping[str, Described]) -> Iterator[Finding]:
        found: list[tuple[float, Example]] = []
        for name, (low, low_seq, high, high_seq) in self._paid.items():
            item = items.get(name)
            asked = item.price * self._rate(item.currency) if item is not None and item.price else math.nan
            if high > FACTOR * asked:
                found.append((high / asked, _apart(name, high, high_seq, asked)))
            elif low * FACTOR < asked:
                found.append((asked / low, _apart(name, low, low_seq, asked)))
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
