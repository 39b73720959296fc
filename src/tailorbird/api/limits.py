"""How much one caller may ask: token buckets in the form of the generic cell rate algorithm.

Instead of tokens and the time they were counted, each caller has one number: when its bucket will be full again (ITU-T
I.371, 1996, Annex A). Taking adds to it; what would push it further ahead than a burst is refused, unless the bucket is
full: a batch that is larger than a burst may come, and is paid off afterwards.

Callers are kept in two generations. When the younger one is full the older one is forgotten, so that an attacker with
a million addresses costs a bounded memory; who is forgotten starts with a full bucket, to the caller's advantage.
"""

import ipaddress
import math
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from tailorbird.config import LimitsConfig
from tailorbird.errors import QuotaExceeded, TooManyRequests
from tailorbird.protocols import Key
from tailorbird.types import DAY_SECONDS

MOST_CALLERS: Final = 50_000
"""In each of the two generations; one takes about a hundred bytes."""

_ROUNDING_SECONDS: Final = 1e-6
_AFTER_ITEMS_SECONDS: Final = 3_600.0
"""Nobody knows when a full catalogue will be allowed more."""


class Buckets:
    """One limit, a bucket for each caller."""

    def __init__(self, per_second: float, burst_seconds: float) -> None:
        self.per_second, self._burst = per_second, burst_seconds
        self._full_at: dict[str, float] = {}
        self._older: dict[str, float] = {}

    def take(self, caller: str, n: int, now: float) -> float:
        """Take ``n``; the seconds until it would be allowed if it is not, else 0."""
        if not self.per_second:
            return 0.0
        full_at = self._full_at.get(caller) or self._older.get(caller, now)
        begins = max(full_at, now)
        ends = begins + n / self.per_second
        if begins > now and ends > now + self._burst + _ROUNDING_SECONDS:
            return min(ends - now - self._burst, begins - now)
        if len(self._full_at) >= MOST_CALLERS:
            self._older, self._full_at = self._full_at, {}
        self._full_at[caller] = ends
        return 0.0

    def __len__(self) -> int:
        return len(self._full_at) + len(self._older)


class Limits:
    """The limits of one shop. ``refused`` counts what was refused, by the setting that said no."""

    def __init__(self, config: LimitsConfig, *, ticks: Callable[[], float] = time.monotonic) -> None:
        self.config, self.refused, self._ticks = config, Counter[str](), ticks
        self._buckets = {
            name: Buckets(getattr(config, name), config.burst_seconds)
            for name in LimitsConfig.model_fields
            if name.endswith("_per_second")
        }

    def take_request(self, key: Key, address: str) -> None:
        """Count one request.

        Raises:
            TooManyRequests: the address, or the key, has asked too often lately.
        """
        self._take("requests_per_second", key, address, 1)

    def take_events(self, key: Key, address: str, n: int) -> None:
        """Count the events of one batch, good or bad.

        Raises:
            TooManyRequests: the address, or the key, has sent too many lately.
        """
        self._take("events_per_second", key, address, n)

    def check_quota(self, *, events: int, events_today: int, new_items: int, items: int, now: float) -> None:
        """Refuse what would go over what the shop may hold.

        Raises:
            QuotaExceeded: it would.
        """
        most_events, most_items = self.config.events_a_day, self.config.items
        if events and most_events and events_today + events > most_events:
            self.refused["events_a_day"] += 1
            raise QuotaExceeded(
                f"The log took {events_today} events today, and {events} more are over the {most_events} a day.",
                hint="Send them tomorrow (UTC), or have the shop's limits.events_a_day raised.",
                limit="events_a_day",
                value=most_events,
                retry_seconds=DAY_SECONDS - now % DAY_SECONDS,
            )
        if new_items and most_items and items + new_items > most_items:
            self.refused["items"] += 1
            raise QuotaExceeded(
                f"The shop has {items} items, and {new_items} new ones are over the {most_items} that it may have.",
                hint="Have the shop's limits.items raised; known items can be changed as before.",
                limit="items",
                value=most_items,
                retry_seconds=_AFTER_ITEMS_SECONDS,
            )

    def _take(self, what: str, key: Key, address: str, n: int) -> None:
        now = self._ticks()
        if key.scope != "write":
            self._take_one(what, key.key_id, n, now)
            return
        # The address first: what one of them sends in vain must not use up what is for all.
        self._take_one(f"address_{what}", address, n, now)
        self._take_one(f"write_key_{what}", key.key_id, n, now)

    def _take_one(self, limit: str, caller: str, n: int, now: float) -> None:
        buckets = self._buckets[limit]
        wait = buckets.take(caller, n, now)
        if wait > 0:
            self.refused[limit] += 1
            whose = "This address" if limit.startswith("address") else "This key"
            rate = buckets.per_second
            raise TooManyRequests(
                f"{whose} has used up its {rate:g} {'events' if 'events' in limit else 'requests'} a second.",
                hint=f"Come again in {math.ceil(wait)} seconds. The shop's setting is limits.{limit}.",
                limit=limit,
                value=rate,
                retry_seconds=wait,
            )


def caller_of(client: tuple[str, int] | None) -> str:
    """The address that is limited as one: of IPv6 the network, for whoever has one has 2^64 addresses.

    >>> caller_of(("203.0.113.7", 4711)), caller_of(("2001:db8:0:1:2:3:4:5", 4711))
    ('203.0.113.7', '2001:db8:0:1::')
    """
    if client is None:
        return ""
    address = client[0]
    if ":" not in address:
        return address
    try:
        whole = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if whole.ipv4_mapped is not None:
        return str(whole.ipv4_mapped)
    return str(ipaddress.IPv6Address(int(whole) >> 64 << 64))
