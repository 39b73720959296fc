"""Messages of other systems, one file each, and one reader for all of them."""

from collections.abc import Mapping
from typing import Final

from tailorbird.errors import UnknownFormat, did_you_mean
from tailorbird.ingest.formats.facts import Format
from tailorbird.ingest.formats.ga4 import Ga4
from tailorbird.ingest.formats.ga4_bigquery import Ga4BigQuery
from tailorbird.ingest.formats.google_merchant import GoogleMerchant
from tailorbird.ingest.formats.gorse import Gorse
from tailorbird.ingest.formats.metarank import Metarank
from tailorbird.ingest.formats.personalize import Personalize
from tailorbird.ingest.formats.segment import Segment
from tailorbird.ingest.formats.shopify import ShopifyPixel
from tailorbird.ingest.formats.shopify_products import ShopifyProducts
from tailorbird.ingest.formats.snowplow import Snowplow
from tailorbird.ingest.mapping import Kind

NATIVE: Final = "native"


def _by_name(*forms: type[Format]) -> dict[str, type[Format]]:
    return {form.name: form for form in forms}


FORMATS: Final[Mapping[Kind, Mapping[str, type[Format]]]] = {
    "events": _by_name(Segment, Ga4, Ga4BigQuery, Snowplow, ShopifyPixel, Personalize, Metarank, Gorse),
    "items": _by_name(GoogleMerchant, ShopifyProducts, Metarank, Gorse),
    "users": _by_name(Metarank, Gorse),
    "identities": {},
}
"""What `--format` takes beside `native`, by what is imported; `?format=` takes those of events."""

_TELLS_OF: Final[Mapping[Kind, str]] = {
    "events": "tells of events",
    "items": "is a catalogue",
    "users": "is of users",
    "identities": "joins ids",
}


def format_of(name: str, kind: Kind) -> Format | None:
    """The format of this name, made anew for one request or one import; None for our own.

    Raises:
        UnknownFormat: there is none, or it is not one of this kind.
    """
    if name == NATIVE:
        return None
    if name in FORMATS[kind]:
        return FORMATS[kind][name]()
    other = next((other for other, forms in FORMATS.items() if name in forms), None)
    if other is not None:
        raise UnknownFormat(f"{name} {_TELLS_OF[other]}.", hint=f"Read it with `tailorbird import {other}`.")
    raise UnknownFormat(f"There is no format {name[:60]!r}.", hint=did_you_mean(name, (NATIVE, *FORMATS[kind])))
