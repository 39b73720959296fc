"""Hard rules: what may not be shown to this person on this request, each with the name that `explain` reports.

Rules run right after retrieval, so that nothing is spent on what cannot be shown; they are masks over columns, and look
at whole items only for fields that have no column.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.errors import BadInput, did_you_mean
from tailorbird.types import DAY_SECONDS, BoolArray, IntArray, Item, Person, Policy, Request

_CODED: Final = {"brand": "brands", "seller_id": "sellers", "group_id": "groups"}
_COLUMN: Final = {"brand": "brand", "seller_id": "seller", "group_id": "group"}
_FIELDS: Final = ("category", "brand", "seller_id", "group_id", "price", "tags", "locale", "attributes.<name>")


def allowed(
    items: IntArray, request: Request, person: Person, policy: Policy, catalogue: Catalogue
) -> tuple[BoolArray, dict[str, int]]:
    """Which of ``items`` may be shown, and how many each rule was the first to remove.

    Raises:
        BadInput: the request filters by a field that does not exist.
    """
    keep = np.ones(len(items), np.bool_)
    removed: dict[str, int] = {}

    def apply(rule: str, mask: BoolArray) -> None:
        lost = int(np.count_nonzero(keep & ~mask))
        if lost:
            removed[rule] = lost
            np.logical_and(keep, mask, out=keep)

    apply("not sellable", catalogue.showable(items))
    apply("not sold in the region", catalogue.in_region(items, request.region))
    hidden = catalogue.numbers((*request.exclude, *request.cart, *((request.item_id,) if request.item_id else ())))
    apply("excluded by the request", ~_is_in(items, hidden))
    states = person.states
    if "recent_items" in states:
        apply("turned down before", ~_is_in(items, states["recent_items"].rejected))
    if "ownership" in states:
        owned = states["ownership"]
        apply("in the cart", ~_is_in(items, owned.cart))
        if policy.hide_bought:
            since = request.at - policy.bought_days * DAY_SECONDS
            bought = [item for item, purchases in owned.bought.items() if purchases.last >= since]
            apply("bought before", ~_is_in(items, bought))
    for field, wanted in request.filter.items():
        apply(f"filter {field}", _matches(field, wanted, items, catalogue))
    return keep, removed


def one_per_group(items: IntArray, catalogue: Catalogue) -> BoolArray:
    """Keep the first item of each group of variants; items without a group all stay."""
    groups = catalogue.group[items]
    _, first = np.unique(groups, return_index=True)
    keep = groups < 0
    keep[first] = True
    return keep


def boosts(request: Request, items: IntArray, catalogue: Catalogue) -> Mapping[str, tuple[float, BoolArray]]:
    """For each ``field:value`` of the request's boost: its factor, and the items it applies to."""
    found = {}
    for rule, factor in request.boost.items():
        field, _, value = rule.partition(":")
        found[rule] = (factor, _matches(field, value, items, catalogue))
    return found


def _is_in(items: IntArray, numbers: Any) -> BoolArray:
    if not numbers:
        return np.zeros(len(items), np.bool_)
    return np.isin(items, np.fromiter(numbers, np.int32))


def _matches(field: str, wanted: Any, items: IntArray, catalogue: Catalogue) -> BoolArray:
    """Items whose ``field`` is ``wanted``, one of ``wanted``, or between its ``min`` and ``max``."""
    if field == "price":
        return _between(wanted, catalogue.price[items])
    values = {str(v) for v in wanted} if isinstance(wanted, list | tuple | set) else {str(wanted)}
    if field in _CODED:
        codes = [getattr(catalogue, _CODED[field]).find(value) for value in values]
        return np.isin(getattr(catalogue, _COLUMN[field])[items], [code for code in codes if code >= 0])
    read = _reader(field)
    return np.fromiter((bool(values & read(catalogue.item(n))) for n in items.tolist()), np.bool_, len(items))


def _between(wanted: Any, prices: Any) -> BoolArray:
    bounds = wanted if isinstance(wanted, Mapping) else {"min": wanted, "max": wanted}
    try:
        low, high = float(bounds.get("min", -np.inf)), float(bounds.get("max", np.inf))
    except (TypeError, ValueError) as error:
        raise BadInput(
            f"The filter price={wanted!r} is not a number.", hint='Write {"price": {"min": 10, "max": 50}}.'
        ) from error
    with np.errstate(invalid="ignore"):
        return np.asarray((prices >= low) & (prices <= high))


def _reader(field: str) -> Callable[[Item], set[str]]:
    if field == "category":
        return lambda item: set(item.categories)
    if field == "tags":
        return lambda item: set(item.tags)
    if field == "locale":
        return lambda item: {item.locale or ""}
    if field.startswith("attributes."):
        name = field.removeprefix("attributes.")
        return lambda item: _strings(item.attributes.get(name))
    raise BadInput(f"Items have no field '{field}' to filter by.", hint=did_you_mean(field, _FIELDS))


def _strings(value: Any) -> set[str]:
    if value is None:
        return set()
    return {str(v) for v in value} if isinstance(value, list | tuple) else {str(value)}
