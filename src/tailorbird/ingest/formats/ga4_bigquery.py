"""Rows of Google Analytics 4's export to BigQuery, as JSON Lines or Parquet hold them.

Source: Google "[GA4] BigQuery Export schema" (event, event_params, user, device, geo, ecommerce, items, privacy info)
(read 2026-11).

Whole numbers may be text, as BigQuery's JSON has them, and "(not set)" is nothing. The tables of a day are written
again for three days, as late events come: what is in already is not added twice. Of the device's and the visitor's
place only country, category and language are kept.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from tailorbird.errors import WrongType
from tailorbird.ingest.fields import shown
from tailorbird.ingest.formats.facts import Arrival, Fact, as_object, at_path
from tailorbird.ingest.formats.ga4 import consent_of, event_of, traits_of

_VALUES: Final = ("string_value", "int_value", "double_value", "float_value")
_NOT_SET: Final = "(not set)"
_PERSONAL: Final = (("geo", "city"), ("geo", "metro"), ("device", "advertising_id"), ("device", "vendor_id"))


class Ga4BigQuery:
    """One row of ``events_YYYYMMDD`` or ``events_intraday_YYYYMMDD`` is one event."""

    name: ClassVar[str] = "ga4-bigquery"
    theirs: ClassVar[Mapping[str, str]] = {
        "user_id": "user_pseudo_id and user_id",
        "item_id": "items",
        "at": "event_timestamp",
        "type": "event_name",
        "query": "event_params.search_term",
    }

    def messages(self, document: Any) -> Iterator[Any]:
        """Each row stands alone."""
        yield document

    def facts(self, message: Mapping[str, Any], arrival: Arrival) -> Iterator[Fact]:
        """The row's event, under the names of GA4."""
        row = as_object("A row", message)
        for place, name in _PERSONAL:
            if at_path(row, place, name) not in (None, "", _NOT_SET):
                arrival.dropped[f"{place}.{name}"] += 1
        order = _set(row.get("ecommerce"))
        told = {name: order[name] for name in ("transaction_id",) if name in order}
        known = {
            "at": row.get("event_timestamp"),
            "user_id": row.get("user_id"),
            "anonymous_id": row.get("user_pseudo_id"),
            "context": {
                "region": _set(row.get("geo")).get("country"),
                "device": at_path(row, "device", "category"),
                "locale": at_path(row, "device", "language"),
            },
            "consent": consent_of(row.get("privacy_info")),
        }
        params = {**told, **_params(row.get("event_params")), "items": _items(row.get("items"))}
        yield Fact("event", event_of(row.get("event_name"), params, known, arrival, place="items"))
        yield from traits_of(row.get("user_id"), _params(row.get("user_properties"), "user_properties"), arrival)


def _params(given: Any, place: str = "event_params") -> dict[str, Any]:
    """The parameters by name: each holds its value under the name of its type."""
    if given is None:
        return {}
    if not isinstance(given, list):
        raise WrongType(f"{place} is {shown(given)}; a list of key and value is needed.")
    params = {}
    for n, one in enumerate(given):
        key, value = at_path(one, "key"), at_path(one, "value")
        if not isinstance(key, str):
            raise WrongType(f"{place}[{n}].key is {shown(key)}; a string is needed.")
        said = next((value[kind] for kind in _VALUES if value.get(kind) is not None), None) if _is(value) else value
        if said not in (None, _NOT_SET):
            params[key] = said
    return params


def _items(given: Any) -> Any:
    return [_set(item) if _is(item) else item for item in given] if isinstance(given, list) else given


def _set(given: Any) -> dict[str, Any]:
    """An object without what is not set; empty for what is no object."""
    return {name: value for name, value in given.items() if value != _NOT_SET} if _is(given) else {}


def _is(given: Any) -> bool:
    return isinstance(given, Mapping)
