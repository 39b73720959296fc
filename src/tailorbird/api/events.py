"""Events in: read the body in any of three shapes, keep the good ones durably, tell the bad ones by their place.

The 202 is sent after the log is on the disk and, as far as a tenth of a second allows, after the engine has followed
it, so that the page that is loaded next already knows.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
from litestar import Request, post
from msgspec import UNSET

from tailorbird.api.batches import (
    BATCH_TYPES,
    ENCODED,
    LINES_TYPES,
    Judged,
    decoded,
    judge,
    read_messages,
    read_records,
)
from tailorbird.api.contract import speaks
from tailorbird.api.keys import may_see_all, take_events
from tailorbird.api.live import Live, LiveShop
from tailorbird.api.schemas import EVENT_BATCH, EVENT_LINE
from tailorbird.api.wire import Receipt, Rejection, Warned
from tailorbird.errors import BadInput, ConflictingEvent, QuotaExceeded, UnknownFormat
from tailorbird.ingest.consent import Answers
from tailorbird.ingest.events import Ordinals, entry_of_event, parse_event
from tailorbird.ingest.formats import FORMATS, format_of
from tailorbird.ingest.formats.facts import FactKind, Format
from tailorbird.ingest.formats.reader import FormatReader, PageSays, Taken
from tailorbird.ingest.pages import said_by_page
from tailorbird.ingest.unknown_types import UnknownTypes
from tailorbird.ingest.usual import usual_event
from tailorbird.protocols import Verdict
from tailorbird.types import PAGE, Entry, Event

_KINDS_OF_A_BROWSER: Final = frozenset[FactKind]({"event", "identity"})
"""What a write key may say; anybody can read one in a page."""

_MOST_WARNED: Final = 10
"""Unknown types that a receipt names."""

_MERGED: Final = ("user", "item")
"""What may be told in parts."""

_READS: Final = {media_type: EVENT_LINE if media_type in LINES_TYPES else EVENT_BATCH for media_type in BATCH_TYPES}


@post(
    "/v1/events",
    status_code=202,
    summary="Send events",
    tags=["events"],
    **speaks(
        key="page",
        reads=_READS,
        query={
            "format": "How the events are written: `native`, which is the one that this document shows, or as another "
            f"system sends them: {', '.join(f'`{name}`' for name in FORMATS['events'])}."
        },
        fails=(UnknownFormat, QuotaExceeded),
    ),
)
async def send_events(request: Request[Any, Any, Any], live: LiveShop) -> Receipt:
    """Keep events. `accepted` ones are on the disk and count in the next slate; bad ones are told by their place."""
    form = format_of(request.query_params.get("format", "native"), "events")
    return await (_native(request, live) if form is None else _translated(request, live, form))


async def _native(request: Request[Any, Any, Any], live: Live) -> Receipt:
    records = await read_records(request, name="events", mark="type", most=live.app.config.server.max_batch)
    take_events(request, live, len(records))
    now, ordinals, answers = live.app.clock(), Ordinals(), Answers(live.engine.state.consents.of)
    page = _page(request, live)

    def parse(record: Any) -> tuple[Entry, Event] | None:
        parsed = _parsed(record, now)
        event = answers.keep(page(parsed) if page else parsed)
        return None if event is None else (entry_of_event(event, ordinals, by_page=page is not None), event)

    judged = await judge(records, parse)
    kept = [(index, *pair) for index, pair in judged.good if pair is not None]
    events, n_refused = [event for _, _, event in kept], len(judged.rejected)
    standing = (await live.append([entry for _, entry, _ in kept])).verdicts if kept else ()
    for (index, entry, _), verdict in zip(kept, standing, strict=True):
        if verdict is Verdict.CONFLICT:
            judged.rejected.append(_conflict(index, entry.key.removeprefix(PAGE)))
    accepted = [event for event, verdict in zip(events, standing, strict=True) if verdict is Verdict.ACCEPTED]
    receipt = _receipt(live, judged.rejected, standing, events, accepted)
    receipt.ignored = len(records) - len(kept) - n_refused or UNSET
    return receipt


def _parsed(record: Any, now: float) -> Event:
    """One of `read_records`, checked."""
    usual = usual_event(record, now=now) if isinstance(record, ENCODED) else None
    return parse_event(decoded(record), now=now) if usual is None else usual


async def _translated(request: Request[Any, Any, Any], live: Live, form: Format) -> Receipt:
    messages = await read_messages(request, form.messages, most=live.app.config.server.max_batch)
    take_events(request, live, len(messages))
    kinds = None if may_see_all(request) else _KINDS_OF_A_BROWSER
    return await take(live, form, messages, kinds=kinds, page=_page(request, live))


def _page(request: Request[Any, Any, Any], live: Live) -> PageSays | None:
    """What is heard of an event that came with a write key; None for a key that stays on a server."""
    if request.scope["auth"].scope != "write":
        return None
    return partial(said_by_page, refused=live.engine.state.consents.refused)


async def take(
    live: Live,
    form: Format,
    messages: Sequence[Any],
    *,
    kinds: Collection[FactKind] | None = None,
    page: PageSays | None = None,
) -> Receipt:
    """Keep what another system's messages say; with ``kinds``, no other facts are heard, with ``page`` less of each.

    Whatever a message says of several things counts once: as accepted, if anything of it was new.
    """
    judged, dropped = await _read(live, form, messages, kinds, page)
    if any(entry.kind in _MERGED for _, taken in judged.good for entry in taken.entries):
        # What is said of one of these is merged into what is known, which nobody else may change meanwhile.
        async with live.changing:
            judged, dropped = await _read(live, form, messages, kinds, page)
            standing = await _keep(live, judged)
    else:
        standing = await _keep(live, judged)
    events = [event for _, taken in judged.good for event in taken.events]
    told = zip(judged.good, standing, strict=True)
    accepted = [event for (_, taken), verdict in told if verdict is Verdict.ACCEPTED for event in taken.events]
    standing = [Verdict.DUPLICATE if one is Verdict.CONFLICT else one for one in standing]
    receipt = _receipt(live, judged.rejected, standing, events, accepted)
    live.metrics.left_at_the_door(form.name, dropped.total())
    receipt.dropped = dict(dropped) or UNSET
    receipt.ignored = len(messages) - len(judged.good) - len(judged.rejected) or UNSET
    return receipt


async def _read(
    live: Live, form: Format, messages: Sequence[Any], kinds: Collection[FactKind] | None, page: PageSays | None
) -> tuple[Judged[Taken], Counter[str]]:
    """What the messages come to, without those that say nothing here; and the personal fields left out."""
    shop = live.app.config.catalogue.currency
    reader = FormatReader(
        form,
        live.app.log.current,
        now=live.app.clock(),
        currency=shop,
        kinds=kinds,
        answers=Answers(live.engine.state.consents.of),
        page=page,
    )

    def parse(message: Any) -> Taken:
        if isinstance(message, BadInput):
            raise message
        return reader.read(message)

    return _with_anything(await judge(messages, parse)), reader.arrival.dropped


def _with_anything(judged: Judged[Taken]) -> Judged[Taken]:
    """Without those of which nothing is to be kept."""
    return Judged([pair for pair in judged.good if pair[1].entries], judged.rejected)


async def _keep(live: Live, judged: Judged[Taken]) -> Sequence[Verdict]:
    """Append everything that is good; of each message whether any of it was accepted, else what became of its first."""
    entries = [entry for _, taken in judged.good for entry in taken.entries]
    verdicts = iter((await live.append(entries)).verdicts if entries else ())
    standing = []
    for _, taken in judged.good:
        of_message = [next(verdicts) for _ in taken.entries]
        standing.append(Verdict.ACCEPTED if Verdict.ACCEPTED in of_message else of_message[0])
    return standing


def _receipt(
    live: Live,
    refused: Sequence[Rejection],
    standing: Sequence[Verdict],
    events: Sequence[Event],
    accepted: Sequence[Event],
) -> Receipt:
    """What became of the messages; ``events`` are all that they tell of, ``accepted`` those that are new."""
    rejected = sorted(refused, key=lambda one: one.index)
    n_accepted, n_conflicts = standing.count(Verdict.ACCEPTED), standing.count(Verdict.CONFLICT)
    receipt = Receipt(n_accepted, len(standing) - n_accepted - n_conflicts, rejected)
    live.metrics.received(accepted=receipt.accepted, duplicates=receipt.duplicates, rejected=len(rejected))
    of_type = Counter([event.type for event in accepted])
    for event_type, n in of_type.items():
        live.metrics.accepted_type(event_type, n)
    types = UnknownTypes(live.app.config.events)
    unknown = [(kind, n) for kind, n in of_type.most_common() if not types.known(kind)][:_MOST_WARNED]
    receipt.warnings = [Warned("unknown_type", n, types.warning(kind, n)) for kind, n in unknown] or UNSET
    live.metrics.unknown_items(_n_not_described(live, events))
    return receipt


def _n_not_described(live: Live, events: Sequence[Event]) -> int:
    """Lines about items that the catalogue does not describe; none in a shop that describes no item."""
    catalogue = live.engine.catalogue
    if not catalogue.n_described:
        return 0
    named = [event.item_id for event in events if event.item_id and not event.items]
    named += [line.item_id for event in events for line in event.items]
    return len(named) - int(np.count_nonzero(catalogue.described[catalogue.numbers(named)]))


def _conflict(index: int, name: str) -> Rejection:
    message = f"The event_id '{name}' came before with other content; the first one stays."
    return Rejection(index, ConflictingEvent.code, message)


handlers: Final = (send_events,)
