"""Who somebody is to the shop: what their views say together, in words and figures that a person can read."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from tailorbird.features.affinity import BRAND, CATEGORY
from tailorbird.features.churn import segment
from tailorbird.features.online_state import OnlineState
from tailorbird.features.price_sensitivity import discount_lift
from tailorbird.features.shop_rhythm import HOURS, WEEKDAYS
from tailorbird.features.spending import Purse
from tailorbird.types import DAY_SECONDS, Person

_DUE: Final = 0.8
_MOST: Final = 10
_MOST_RECENT: Final = 50
_MOST_LEANINGS: Final = 20
WEEKDAY_NAMES: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """One person's standing. ``churn_risk`` is the chance in [0, 1] that who bought will not buy again.

    None, or nothing, where the shop does not keep what it takes (`features.keep`).
    ``discount_lift`` is by how much more they take up of what is reduced (a log ratio, 0 for no difference); ``due``
    maps categories that they buy again and again to the time since, in their expected intervals; ``left_in_cart`` are
    items that were never bought; the hour is of UTC.
    """

    segment: str
    orders: int
    spent: float
    days_since_order: float | None
    churn_risk: float
    discount_lift: float | None
    due: dict[str, float]
    left_in_cart: list[str]
    usual_hour: int | None
    usual_weekday: str | None


def customer(state: OnlineState, person: Person, at: float) -> Customer:
    """What the online state says of a person at a time."""
    purse, shop = state.state_of("spending", person, at) or Purse(), state.state_of("shop_averages", person, at)
    sensitivity, rhythm = state.state_of("price_sensitivity", person, at), state.state_of("rhythm", person, at)
    cart: Mapping[int, float] = person.states["ownership"].cart
    risk, usual = purse.risk(at), shop.usual_price() if shop else 0.0
    today, first = at / DAY_SECONDS, min(purse.times, default=at)
    return Customer(
        segment=segment(
            orders=purse.orders,
            days_since_first=today - first / DAY_SECONDS,
            risk=risk,
            spent_in_orders=purse.spent / usual if usual else 0.0,
            looked=len(person.history) > 0,
        ),
        orders=purse.orders,
        spent=round(purse.spent, 2),
        days_since_order=round(today - max(purse.times) / DAY_SECONDS, 2) if purse.times else None,
        churn_risk=round(risk, 4),
        discount_lift=None if sensitivity is None else round(discount_lift(sensitivity, shop, at), 4),
        due=_due(state, person, at),
        left_in_cart=[state.catalogue.ids[item] for item in sorted(cart, key=cart.__getitem__, reverse=True)[:_MOST]],
        usual_hour=None if rhythm is None or not rhythm.any() else int(np.argmax(rhythm[HOURS])),
        usual_weekday=None if rhythm is None or not rhythm.any() else WEEKDAY_NAMES[int(np.argmax(rhythm[WEEKDAYS]))],
    )


def _due(state: OnlineState, person: Person, at: float) -> dict[str, float]:
    """Categories bought on two days or more whose expected interval has nearly passed, the most overdue first."""
    orders, names, today = state.state_of("repurchase", person, at), state.catalogue.categories.names, at / DAY_SECONDS
    shares = {
        names[code]: round((today - max(days) - 0.5) / max(orders.interval_days(code), 1.0), 2)
        for code, days in (orders.by_category if orders else {}).items()
        if len(days) > 1
    }
    due = sorted(((name, share) for name, share in shares.items() if share >= _DUE), key=lambda pair: -pair[1])
    return dict(due[:_MOST])


def profile(state: OnlineState, person: Person, at: float) -> dict[str, Any]:
    """What is kept about a person, in words: history, taste, purchases, consent, and who they are to the shop."""
    catalogue = state.catalogue
    taste, owned = person.states["affinity"], person.states["ownership"]
    return {
        "personalised": person.may_personalise,
        "consent": dict(person.consent),
        "recent_items": [
            {"item_id": catalogue.ids[item], "at": when}
            for item, when in zip(person.history.items.tolist(), person.history.at.tolist(), strict=True)
        ][::-1][:_MOST_RECENT],
        "categories": _shares(taste.of_kind(CATEGORY), catalogue.categories.names),
        "brands": _shares(taste.of_kind(BRAND), catalogue.brands.names),
        "bought": {catalogue.ids[item]: purchases.times for item, purchases in owned.bought.items()},
        "cart": [catalogue.ids[item] for item in owned.cart],
        "customer": msgspec.to_builtins(customer(state, person, at)),
    }


def _shares(weights: Mapping[int, float], names: Sequence[str]) -> dict[str, float]:
    total = sum(weights.values()) or 1.0
    best = sorted(weights.items(), key=lambda pair: -pair[1])[:_MOST_LEANINGS]
    return {names[code]: round(weight / total, 4) for code, weight in best}
