"""Types of events that the shop does not know: kept, as any type is, but never without a word.

They cannot be mended by a second import. The log only grows, and an event without an id is named after its content,
the type with it: were the type left out, a view and a purchase of one second would be the same event. So whoever is
told hears both remedies, and that they are for two different moments.
"""

import shlex
from collections import Counter
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

import msgspec

from tailorbird.config import EventsConfig
from tailorbird.ingest.fields import shown
from tailorbird.types import EVENT_TYPES, Event

_MOST_NAMED: Final = 10


class UnknownTypes:
    """Counts the events whose type has no meaning here and no weight in the configuration."""

    def __init__(self, config: EventsConfig) -> None:
        """Nothing came yet."""
        self.counts: Counter[str] = Counter()
        self._known = frozenset((*EVENT_TYPES, *config.weights))
        self._events = 0
        self._about_items = 0

    def see(self, event: Event) -> None:
        """Count one event."""
        self._events += 1
        self._about_items += bool(event.lines)
        if event.type not in self._known:
            self.counts[event.type] += 1

    def known(self, kind: str) -> bool:
        """Whether events of this type count for something, or mean something."""
        return kind in self._known

    def warning(self, kind: str, count: int) -> str:
        """A sentence for whoever sent events of a type that is not known, with what they may have meant."""
        near = get_close_matches(kind, self._known, n=1)
        meant = f"Did you mean {near[0]!r}?" if near else "If it should, give it a weight under [events.weights]."
        which = "1 event is" if count == 1 else f"{count:,} events are"
        return (
            f"{which} of the type {shown(kind)}, which this shop does not know: kept, and counts for nothing. {meant}"
        )

    def notes(self) -> Iterator[str]:
        """What to know of them, for the report: a sentence for each type, then what to do."""
        if not self.counts:
            return
        named = self.counts.most_common(_MOST_NAMED)
        for kind, count in named:
            rows = "1 row is" if count == 1 else f"{count:,} rows are"
            kept = "it is kept and counts" if count == 1 else "they are kept and count"
            yield f"{rows} of the type {kind!r}, which this shop does not know: {kept} for nothing."
        if len(self.counts) > len(named):
            yield f"So do {len(self.counts) - len(named):,} more unknown types."
        kind = named[0][0]
        translated = shlex.quote(f"item_view={kind}")
        yield (
            f"To let them count, give each type a weight under [events.weights] in tailorbird.toml (`{_key(kind)} = "
            f"1.0`); that holds for what is imported already. Or import with `--type {translated}` (or another of our "
            "types) from the start. Not both: with another type the rows go in a second time, beside the first."
        )
        if not self._about_items:
            yield f"None of the {self._events:,} events names an item. Map the column that holds it to item_id."


def _key(name: str) -> str:
    """The name as a key of TOML."""
    return name if name.isascii() and name.replace("_", "").isalnum() else msgspec.json.encode(name).decode()
