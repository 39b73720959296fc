"""Messages of other systems, one file each, and one reader for all of them."""

from typing import Final

from tailorbird.errors import UnknownFormat, did_you_mean
from tailorbird.ingest.formats.facts import Format
from tailorbird.ingest.formats.ga4 import Ga4
from tailorbird.ingest.formats.ga4_bigquery import Ga4BigQuery
from tailorbird.ingest.formats.gorse import Gorse
from tailorbird.ingest.formats.metarank import Metarank
from tailorbird.ingest.formats.personalize import Personalize
from tailorbird.ingest.formats.segment import Segment

NATIVE: Final = "native"
_ALL: Final[tuple[Format, ...]] = (
    Segment(),
    Ga4(),
    Ga4BigQuery(),
    Personalize(),
    Metarank(),
    Gorse(),
)
FORMATS: Final[dict[str, Format]] = {form.name: form for form in _ALL}
"""What `--format` and `?format=` take beside `native`."""


def format_of(name: str) -> Format | None:
    """The format of this name; None for our own.

    Raises:
        UnknownFormat: there is none.
    """
    if name == NATIVE:
        return None
    if name not in FORMATS:
        raise UnknownFormat(f"There is no format {name[:60]!r}.", hint=did_you_mean(name, (NATIVE, *FORMATS)))
    return FORMATS[name]
