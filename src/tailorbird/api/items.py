"""The catalogue over HTTP. Every change is a new version in the log; it holds for the next request.

A PATCH is a merge (RFC 7396) into the version that is current on the disk, one at a time, so that two changes of
different fields of one item never undo each other. With ``source`` in the address, each of these is what that source
says, and the item is merged from what all of them say.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from litestar import Request, delete, get, patch, post, put
from msgspec import UNSET

from tailorbird.api.batches import BATCH_TYPES, LINES_TYPES, decoded, judge, read_records
from tailorbird.api.bodies import Body
from tailorbird.api.contract import speaks
from tailorbird.api.live import Live, LiveShop
from tailorbird.api.paths import PathId, id_of
from tailorbird.api.schemas import ITEM, ITEM_BATCH, ITEM_PATCH, ITEM_READ, ITEM_SHOWN, ITEM_UNNAMED
from tailorbird.api.wire import Receipt, whole
from tailorbird.errors import BadInput, BadNumber, BadTime, NotFound, QuotaExceeded, UnknownSource, UnmatchedItem
from tailorbird.ingest.fields import read_id, shown
from tailorbird.ingest.items import entry_of_item, parse_item, patch_item
from tailorbird.ingest.parts.history import Version
from tailorbird.ingest.parts.part import Part, entry_of_part, item_of
from tailorbird.protocols import Verdict
from tailorbird.types import NOBODY, Entry, Item

_OBJECT: Final = Body(dict[str, Any])
_BATCH: Final = {media_type: ITEM if media_type in LINES_TYPES else ITEM_BATCH for media_type in BATCH_TYPES}
_GIVES: Final = {"application/json": ITEM_SHOWN}
_READ: Final = {"application/json": ITEM_READ}
_SOURCE: Final = {
    "source": "Which of the shop's systems says this (`[catalogue] sources`); ids may then be that system's own. "
    "Without it, it is the whole item."
}
_OF_SOURCE: Final = {
    "source": "The id is that of this system of the shop's. Without it, the id is the shop's, or else any system's."
}
_MOST_VERSIONS: Final = 1_000


class Versions(msgspec.Struct):
    """An item's versions, the newest first. Times are epoch seconds."""

    item_id: str
    versions: list[Version]


@get(
    "/v1/items/{item_id:str}",
    summary="Read an item",
    tags=["items"],
    **speaks(key="read", gives=_READ, query=_OF_SOURCE, fails=(NotFound, UnknownSource)),
)
async def read_item(item_id: PathId, request: Request[Any, Any, Any], live: LiveShop) -> dict[str, Any]:
    """The item's newest version, and the other variants of its group. By a source's id too; `item_id` is the shop's."""
    item = _current(live, live.app.ours(id_of(item_id), request.query_params.get("source")))
    catalogue = live.engine.catalogue
    number = NOBODY if item.group_id is None else catalogue.find(item.item_id)
    others = [] if number == NOBODY else catalogue.variants(number).tolist()
    return {**_shown(item), "variants": [catalogue.ids[other] for other in others]}


@get(
    "/v1/items/{item_id:str}/versions",
    summary="Read an item's versions",
    tags=["items"],
    **speaks(
        key="secret",
        query={**_OF_SOURCE, "limit": f"How many; {_MOST_VERSIONS:,} at most, and if it is left out."},
        fails=(NotFound, BadInput, UnknownSource),
    ),
)
async def read_versions(item_id: PathId, request: Request[Any, Any, Any], live: LiveShop) -> Versions:
    """When each version held, what it changed, and which source said so. This looks through the whole log."""
    limit = _limit(request.query_params.get("limit", str(_MOST_VERSIONS)))
    name = live.app.ours(id_of(item_id), request.query_params.get("source"), withdrawn=True)
    found = await asyncio.to_thread(live.app.versions, name)
    return Versions(name, found[:limit])


@put(
    "/v1/items/{item_id:str}",
    summary="Put an item",
    tags=["items"],
    **speaks(
        key="secret",
        reads={"application/json": ITEM_UNNAMED},
        gives=_GIVES,
        query=_SOURCE,
        fails=(BadNumber, BadTime, UnknownSource, UnmatchedItem, QuotaExceeded),
    ),
)
async def put_item(item_id: PathId, request: Request[Any, Any, Any], live: LiveShop) -> dict[str, Any]:
    """Make this the whole item, or all that a source says of it; what is left out is no longer known."""
    raw = await _OBJECT.read(request)
    if (source := request.query_params.get("source")) is not None:
        return await _say(live, source, named(raw, "item_id", id_of(item_id)))
    item = parse_item(named(raw, "item_id", id_of(item_id)), currency=live.app.config.catalogue.currency)
    await _keep(live, [item])
    return _shown(item)


@patch(
    "/v1/items/{item_id:str}",
    summary="Change some fields of an item",
    tags=["items"],
    **speaks(
        key="secret",
        reads={"application/json": ITEM_PATCH, "application/merge-patch+json": ITEM_PATCH},
        gives=_GIVES,
        query=_SOURCE,
        fails=(BadNumber, BadTime, NotFound, UnknownSource),
    ),
)
async def change_item(item_id: PathId, request: Request[Any, Any, Any], live: LiveShop) -> dict[str, Any]:
    """Merge these fields into the item; null forgets one. A changed price or stock holds for the next request."""
    change = await _OBJECT.read(request)
    if (source := request.query_params.get("source")) is not None:
        return await _change(live, source, id_of(item_id), named(change, "item_id", id_of(item_id)))
    async with live.changing:
        item = patch_item(_current(live, id_of(item_id)), change)
        await _keep(live, [item])
    return _shown(item)


@delete(
    "/v1/items/{item_id:str}",
    status_code=204,
    summary="Withdraw an item",
    tags=["items"],
    **speaks(key="secret", query=_SOURCE, fails=(NotFound, UnknownSource)),
)
async def withdraw_item(item_id: PathId, request: Request[Any, Any, Any], live: LiveShop) -> None:
    """Show it no more. What happened with it stays in the log; putting it again brings it back.

    With a source, only what that one said is taken back; the item goes when nobody says anything of it any more.
    """
    if (source := request.query_params.get("source")) is not None:
        await _take_back(live, source, id_of(item_id))
        return
    async with live.changing:
        current = _current(live, id_of(item_id))
        await _keep(live, [msgspec.structs.replace(current, withdrawn=True)])


@post(
    "/v1/items",
    status_code=202,
    summary="Put many items",
    tags=["items"],
    **speaks(key="secret", reads=_BATCH, query=_SOURCE, fails=(UnknownSource, QuotaExceeded)),
)
async def put_items(request: Request[Any, Any, Any], live: LiveShop) -> Receipt:
    """Make each of these the whole item, or all that a source says of it; one that is as it was is a duplicate."""
    records = await read_records(request, name="items", mark="item_id", most=live.app.config.server.max_batch)
    if (source := request.query_params.get("source")) is not None:
        return await _say_all(live, source, records)
    currency = live.app.config.catalogue.currency
    judged = await judge(records, lambda record: parse_item(decoded(record), currency=currency))
    verdicts = await _keep(live, [item for _, item in judged.good]) if judged.good else ()
    accepted = sum(verdict is Verdict.ACCEPTED for verdict in verdicts)
    return Receipt(accepted=accepted, duplicates=len(verdicts) - accepted, rejected=judged.rejected)


async def _say(live: Live, name: str, raw: dict[str, Any]) -> dict[str, Any]:
    """Keep all that a source says of one item; the item that comes of it."""
    async with live.changing:
        source = await asyncio.to_thread(live.app.source, name, theirs=_ids([raw]))
        entries = source.entries(raw, at=live.app.clock())
        await live.append(entries)
    return _merged(live, item_of(entries[-1].key))


async def _change(live: Live, name: str, item_id: str, change: dict[str, Any]) -> dict[str, Any]:
    """Merge a change into what a source says of one item; the item that comes of it."""
    async with live.changing:
        source = await asyncio.to_thread(live.app.source, name, theirs=[item_id])
        ours = source.ours(item_id) or item_id
        _current(live, ours)
        part = source.changed(live.app.part(name, ours), ours, {**change, "item_id": ours})
        await live.append([entry_of_part(part, at=live.app.clock())])
    return _merged(live, ours)


async def _take_back(live: Live, name: str, item_id: str) -> None:
    async with live.changing:
        source = await asyncio.to_thread(live.app.source, name, theirs=[item_id])
        ours = source.ours(item_id) or item_id
        before = live.app.part(name, ours)
        if before is None or before.withdrawn:
            raise NotFound(f"{name} says nothing of an item '{item_id[:256]}'.", hint="Ids are case-sensitive.")
        await live.append([entry_of_part(Part(source=name, item_id=ours, withdrawn=True), at=live.app.clock())])


async def _say_all(live: Live, name: str, records: Sequence[Any]) -> Receipt:
    """Keep all that a source says of each of many items."""
    now = live.app.clock()
    async with live.changing:
        theirs = await asyncio.to_thread(_ids_of_records, records)
        source = await asyncio.to_thread(live.app.source, name, theirs=theirs)
        judged = await judge(records, lambda record: source.entries(decoded(record), at=now))
        entries = [entry for _, of_record in judged.good for entry in of_record]
        verdicts = iter((await live.append(entries)).verdicts if entries else ())
    accepted = 0
    for _, of_record in judged.good:
        accepted += Verdict.ACCEPTED in [next(verdicts) for _ in of_record]
    receipt = Receipt(accepted=accepted, duplicates=len(judged.good) - accepted, rejected=judged.rejected)
    receipt.unmatched = source.unmatched or UNSET
    receipt.unmapped = dict(source.unmapped) or UNSET
    return receipt


def _ids_of_records(records: Sequence[Any]) -> list[str]:
    found = []
    for record in records:
        try:
            found += _ids([decoded(record)])
        except BadInput:  # it is judged, and told, in its place
            continue
    return found


def _ids(raws: Sequence[Any]) -> list[str]:
    """The ids that can be read."""
    found = []
    for raw in raws:
        item_id = raw.get("item_id") if isinstance(raw, dict) else None
        if type(item_id) in (str, int, float) and (name := read_id("item_id", item_id)):
            found.append(name)
    return found


def _merged(live: Live, item_id: str) -> dict[str, Any]:
    item = live.app.item(item_id)
    return _shown(item if item is not None else Item(item_id=item_id, withdrawn=True))


def _limit(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text[:9]) <= _MOST_VERSIONS:
        raise BadInput(f"limit is {text[:40]!r}.", hint=f"It is a whole number from 1 to {_MOST_VERSIONS:,}.")
    return int(text)


def named(raw: dict[str, Any], field: str, name: str) -> dict[str, Any]:
    """A body with the id from its path.

    Raises:
        BadInput: the body names another one.
    """
    if raw.get(field, name) != name:
        raise BadInput(
            f"{field} is {shown(raw[field])} in the body and {shown(name)} in the path.",
            hint=f"Leave {field} out of the body, or send the same.",
        )
    return {**raw, field: name}


def _shown(item: Item) -> dict[str, Any]:
    shown_item: dict[str, Any] = whole(item)
    return shown_item


def _current(live: Live, item_id: str) -> Item:
    item = live.app.item(item_id)
    if item is None or item.withdrawn:
        raise NotFound(f"There is no item '{item_id[:256]}'.", hint="Ids are case-sensitive; encode `/` as %2F.")
    return item


async def _keep(live: LiveShop, items: Sequence[Item]) -> Sequence[Verdict]:
    now = live.app.clock()
    entries: list[Entry] = [entry_of_item(item, at=now) for item in items]
    return (await live.append(entries)).verdicts


handlers: Final = (read_item, read_versions, put_item, change_item, withdraw_item, put_items)
