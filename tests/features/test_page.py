"""Which page asks, and when."""

from datetime import UTC, datetime

import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.features.page import Page
from tailorbird.types import Request


def test_hour_and_weekday_are_those_of_utc() -> None:
    at = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)
    request = Request(surface="item", at=at.timestamp(), item_id="i1")
    rows = Page().read(None, request, np.arange(2, dtype=np.int32), Catalogue())
    assert rows.tolist() == [[1, 0, 18.5, 6]] * 2, "a Sunday, on an item's page"
