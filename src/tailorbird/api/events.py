"""Events in: read the body in any of three shapes, keep the good ones durably, tell the bad ones by their place.

The 202 is sent after the log is on the disk and, as far as a tenth of a second allows, after the engine has followed
it, so that the page that is loaded next already knows.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any, Final

from litestar import Request, post
from msgspec import UNSET

from tailorbird.api.batches import BATCH_TYPES, LINES_TYPES, Judged, decoded, judge, read_messages, read_records
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
from tailorbird.protocols import Verdict
from tailorbird.types import NOBODY, PAGE

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

    def parse(raw: Any) -> Taken:
        parsed = parse_event(decoded(raw), now=now)
        event = answers.keep(page(parsed) if page else parsed)
        if event is None:
            return Taken()
        return Taken([entry_of_event(event, ordinals, by_page=page is not None)], [event])

    judged = _with_anything(await judge(records, parse))
    n_refused, standing = len(judged.rejected), await _keep(live, judged)
    for (index, taken), verdict in zip(judged.good, standing, strict=True):
        if verdict is Verdict.CONFLICT:
            judged.rejected.append(_conflict(index, taken.entries[0].key.removeprefix(PAGE)))
    receipt = _receipt(live, judged, standing)
    receipt.ignored = len(records) - len(standing) - n_refused or UNSET
    return receipt


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
    receipt = _receipt(live, judged, [Verdict.DUPLICATE if one is Verdict.CONFLICT else one for one in standing])
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


def _receipt(live: Live, judged: Judged[Taken], standing: Sequence[Verdict]) -> Receipt:
    rejected = sorted(judged.rejected, key=lambda one: one.index)
    accepted = sum(verdict is Verdict.ACCEPTED for verdict in standing)
    conflicts = sum(verdict is Verdict.CONFLICT for verdict in standing)
    receipt = Receipt(accepted, len(standing) - accepted - conflicts, rejected)
    live.metrics.received(accepted=receipt.accepted, duplicates=receipt.duplicates, rejected=len(rejected))
    of_type = Counter(
        event.type
        for (_, taken), verdict in zip(judged.good, standing, strict=True)
        if verdict is Verdict.ACCEPTED
        for event in taken.events
    )
    types = UnknownTypes(live.app.config.events)
    for event_type, n in of_type.items():
        live.metrics.accepted_type(event_type, n)
    unknown = [(kind, n) for kind, n in of_type.most_common() if not types.known(kind)][:_MOST_WARNED]
    receipt.warnings = [Warned("unknown_type", n, types.warning(kind, n)) for kind, n in unknown] or UNSET
    live.metrics.unknown_items(_n_not_described(live, judged))
    return receipt


def _n_not_described(live: Live, judged: Judged[Taken]) -> int:
    """Lines about items that the catalogue does not describe; none in a shop that describes no item."""
    catalogue = live.engine.catalogue
    if not catalogue.n_described:
        return 0
    named = [line.item_id for _, taken in judged.good for event in taken.events for line in event.lines]
    return sum((number := catalogue.find(item_id)) == NOBODY or not catalogue.described[number] for item_id in named)


def _conflict(index: int, name: str) -> Rejection:
    message = f"The event_id '{name}' came before with other content; the first one stays."
    return Rejection(index, ConflictingEvent.code, message)


handlers: Final = (send_events,)
