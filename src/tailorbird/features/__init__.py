"""Feature views, each a fold over the log with its `update` and `read` in one file, and the online state they make."""

from collections.abc import Mapping
from typing import Final

from tailorbird.features.activity import Activity
from tailorbird.features.affinity import Affinity
from tailorbird.features.item_counts import ItemCounts
from tailorbird.features.item_facts import ItemFacts
from tailorbird.features.list_clicks import ListClicks
from tailorbird.features.ownership import Ownership
from tailorbird.features.page import Page
from tailorbird.features.recent_items import RecentItems
from tailorbird.features.shown import Shown
from tailorbird.protocols import FeatureView

VIEWS: Final[Mapping[str, type[FeatureView]]] = {
    view.name: view
    for view in (RecentItems, Shown, Ownership, Affinity, Activity, Page, ItemCounts, ListClicks, ItemFacts)
}
