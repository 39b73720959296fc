"""Feature views, each a fold over the log with its `update` and `read` in one file, and the online state they make."""

from collections.abc import Collection, Mapping
from typing import Final

from tailorbird.features.activity import Activity
from tailorbird.features.affinity import Affinity
from tailorbird.features.item_counts import ItemCounts
from tailorbird.features.item_facts import ItemFacts
from tailorbird.features.item_rates import ItemRates
from tailorbird.features.list_clicks import ListClicks
from tailorbird.features.ownership import Ownership
from tailorbird.features.page import Page
from tailorbird.features.pair_history import PairHistory
from tailorbird.features.price_sensitivity import PriceSensitivity
from tailorbird.features.recent_items import RecentItems
from tailorbird.features.repurchase import Repurchase
from tailorbird.features.rhythm import PersonRhythm
from tailorbird.features.shop_averages import ShopAverages
from tailorbird.features.shop_rhythm import ShopRhythm
from tailorbird.features.shown import Shown
from tailorbird.features.spending import Spending
from tailorbird.features.visit import Visit
from tailorbird.protocols import FeatureView

VIEWS: Final[Mapping[str, type[FeatureView]]] = {
    view.name: view
    for view in (
        *(RecentItems, Shown, Ownership, Affinity, Activity, Page, ItemCounts, ListClicks, ItemFacts),
        *(ItemRates, PairHistory, PersonRhythm, PriceSensitivity, Repurchase, ShopAverages, ShopRhythm),
        *(Spending, Visit),
    )
}
"""By name, in the order of the ranker's columns."""


def folded(leave_out: Collection[str], keep: Collection[str]) -> list[type[FeatureView]]:
    """The views that a shop folds: those the ranker reads, those kept for profiles, and what these are read beside."""
    wanted = {name for name, view in VIEWS.items() if view.columns and (name not in leave_out or name in keep)}
    beside = {str(getattr(VIEWS[name], "shop", "")) for name in wanted}
    return [view for name, view in VIEWS.items() if name in wanted or name in beside]
