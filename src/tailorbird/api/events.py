"""Events in: read the body in any of three shapes, keep the good ones durably, tell the bad ones by their place.

The 202 is sent after the log is on the disk and, as far as a tenth of a second allows, after the engine has followed
it, so that the page that is loaded next already knows.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from litestar import Request, post

from tailorbird.api.batches import BATCH_TYPES, LINES_TYPES, judge, read_records
from tailorbird.api.contract import speaks
from tailorbird.api.live import Live, LiveShop
from tailorbird.api.schemas import EVENT_BATCH, EVENT_LINE
from tailorbird.api.wire import Receipt, Rejection
from tailorbird.errors import ConflictingEvent, UnknownFormat
from tailorbird.ingest.events import Ordinals, entry_of_event, parse_event
from tailorbird.protocols import Verdict
from tailorbird.types import Entry, Event

_READS: Final = {media_type: EVENT_LINE if media_type in LINES_TYPES else EVENT_BATCH for media_type in BATCH_TYPES}
FORMATS: Final = ("native",)


@post(
    "/v1/events",
    status_code=202,
    summary="Send events",
    tags=["events"],
    **speaks(
        key="any",
        reads=_READS,
        query={"format": "How the events are written; `native` is the one that this document shows."},
        fails=(UnknownFormat,),
    ),
)
async def send_events(request: Request[Any, Any, Any], live: LiveShop) -> Receipt:
    """Keep events. `accepted` ones are on the disk and count in the next slate; bad ones are told by their place."""
    form = request.query_params.get("format", "native")
    if form not in FORMATS:
        raise UnknownFormat(f"Events cannot be sent as '{form[:60]}' here.", hint=f"Known: {', '.join(FORMATS)}.")
    records = await read_records(request, name="events", mark="type", most=live.app.config.server.max_batch)
    now, ordinals = live.app.clock(), Ordinals()

    def parse(raw: Any) -> tuple[Event, Entry]:
        event = parse_event(raw, now=now)
        return event, entry_of_event(event, ordinals)

    judged = await judge(records, parse)
    rejected = judged.rejected
    verdicts: Sequence[Verdict] = ()
    if judged.good:
        verdicts = (await live.append([entry for _, (_, entry) in judged.good])).verdicts
    rejected += [
        _conflict(index, entry)
        for (index, (_, entry)), verdict in zip(judged.good, verdicts, strict=True)
        if verdict is Verdict.CONFLICT
    ]
    accepted = [
        event for (_, (event, _)), verdict in zip(judged.good, verdicts, strict=True) if verdict is Verdict.ACCEPTED
    ]
    receipt = Receipt(
        accepted=len(accepted),
        duplicates=sum(verdict is Verdict.DUPLICATE for verdict in verdicts),
        rejected=sorted(rejected, key=lambda one: one.index),
    )
    _count(live, accepted, receipt)
    return receipt


def _conflict(index: int, entry: Entry) -> Rejection:
    message = f"The event_id '{entry.key}' came before with other content; the first one stays."
    return Rejection(index, ConflictingEvent.code, message)


def _count(live: Live, accepted: Sequence[Event], receipt: Receipt) -> None:
    n_rejected = len(receipt.rejected)
    live.metrics.received(accepted=receipt.accepted, duplicates=receipt.duplicates, rejected=n_rejected)
    for event_type, n in Counter(event.type for event in accepted).items():
        live.metrics.accepted_type(event_type, n)


handlers: Final = (send_events,)
