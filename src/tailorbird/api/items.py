"""The catalogue over HTTP. Every change is a new version in the log; it holds for the next request.

A PATCH is a merge (RFC 7396) into the version that is current on the disk, one at a time, so that two changes of
different fields of one item never undo each other.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from litestar import Request, delete, get, patch, post, put

from tailorbird.api.batches import BATCH_TYPES, LINES_TYPES, decoded, judge, read_records
from tailorbird.api.bodies import Body
from tailorbird.api.contract import speaks
from tailorbird.api.live import Live, LiveShop
from tailorbird.api.paths import PathId, id_of
from tailorbird.api.schemas import ITEM, ITEM_BATCH, ITEM_PATCH, ITEM_SHOWN, ITEM_UNNAMED
from tailorbird.api.wire import Receipt, whole
from tailorbird.errors import BadInput, NotFound
from tailorbird.ingest.fields import shown
from tailorbird.ingest.items import entry_of_item, parse_item, patch_item
from tailorbird.protocols import Verdict
from tailorbird.types import Entry, Item

_OBJECT: Final = Body(dict[str, Any])
_BATCH: Final = {media_type: ITEM if media_type in LINES_TYPES else ITEM_BATCH for media_type in BATCH_TYPES}
_GIVES: Final = {"application/json": ITEM_SHOWN}


@get(
    "/v1/items/{item_id:str}",
    summary="Read an item",
    tags=["items"],
    **speaks(key="secret", gives=_GIVES, fails=(NotFound,)),
)
async def read_item(item_id: PathId, live: LiveShop) -> dict[str, Any]:
    """The item's newest version."""
    return _shown(_current(live, id_of(item_id)))


@put(
    "/v1/items/{item_id:str}",
    summary="Put an item",
    tags=["items"],
    **speaks(key="secret", reads={"application/json": ITEM_UNNAMED}, gives=_GIVES),
)
async def put_item(item_id: PathId, request: Request[Any, Any, Any], live: LiveShop) -> dict[str, Any]:
    """Make this the whole item; what is left out is no longer known."""
    raw = await _OBJECT.read(request)
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
        fails=(NotFound,),
    ),
)
async def change_item(item_id: PathId, request: Request[Any, Any, Any], live: LiveShop) -> dict[str, Any]:
    """Merge these fields into the item; null forgets one. A changed price or stock holds for the next request."""
    change = await _OBJECT.read(request)
    async with live.changing:
        item = patch_item(_current(live, id_of(item_id)), change)
        await _keep(live, [item])
    return _shown(item)


@delete(
    "/v1/items/{item_id:str}",
    status_code=204,
    summary="Withdraw an item",
    tags=["items"],
    **speaks(key="secret", fails=(NotFound,)),
)
async def withdraw_item(item_id: PathId, live: LiveShop) -> None:
    """Show it no more. What happened with it stays in the log; putting it again brings it back."""
    async with live.changing:
        current = _current(live, id_of(item_id))
        await _keep(live, [msgspec.structs.replace(current, withdrawn=True)])


@post(
    "/v1/items",
    status_code=202,
    summary="Put many items",
    tags=["items"],
    **speaks(key="secret", reads=_BATCH),
)
async def put_items(request: Request[Any, Any, Any], live: LiveShop) -> Receipt:
    """Make each of these the whole item; one that is as it was counts as a duplicate."""
    records = await read_records(request, name="items", mark="item_id", most=live.app.config.server.max_batch)
    currency = live.app.config.catalogue.currency
    judged = await judge(records, lambda record: parse_item(decoded(record), currency=currency))
    verdicts = await _keep(live, [item for _, item in judged.good]) if judged.good else ()
    accepted = sum(verdict is Verdict.ACCEPTED for verdict in verdicts)
    return Receipt(accepted=accepted, duplicates=len(verdicts) - accepted, rejected=judged.rejected)


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


handlers: Final = (read_item, put_item, change_item, withdraw_item, put_items)
