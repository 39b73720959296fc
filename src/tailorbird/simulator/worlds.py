"""The five worlds: every dial of a simulated shop in one frozen record each.

Calibrated with ``benchmarks/calibration.py`` to the uci-online-retail and dunnhumby-complete-journey-sample data sets
and frozen before any recommendation policy was run on them: a world tuned to its judge proves nothing. ``grocery``
stands closest to dunnhumby and ``gifts`` to uci-online-retail; the other three vary what those two leave open.
"""

from dataclasses import dataclass
from typing import Final

from tailorbird.errors import NotFound, did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldConfig:
    """One shop. Tastes and appeals are standard deviations on the scale of log-odds; shares lie in [0, 1].

    Catalogue: ``appeal`` how unequal the items of one type are to everybody, ``demand`` how unequal the types are,
    ``price_spread`` of the items of one type, ``promoted`` share of the items on offer in a week and ``promotion`` how
    deep, ``arrivals`` share of the catalogue that is younger than 60 days, ``fading`` days in which newness wears off.

    Shoppers: ``visits`` mean per 30 days and ``visits_spread`` between shoppers; tastes for a department, category,
    type, brand and style; ``quirk`` is a taste for one item that nothing explains; ``thrift`` how strongly price level
    matters; ``drift_days`` after which half of a taste's correlation is gone.

    A visit: ``intent`` chance to have come to buy; ``basket`` and ``basket_k`` mean and dispersion of the items meant
    to be bought; ``habit`` chance that a need is one for something bought before; ``loyalty`` chance to take the same
    item then; ``complement`` chance that the next need completes the last; ``patience`` exponent of the chance to read
    on to a position; ``account`` share of shoppers with an account.
    """

    name: str
    theme: str
    appeal: float
    demand: float
    price_spread: float
    promoted: float
    promotion: float
    arrivals: float
    fading: float = 14.0
    brands: int = 40
    sellers: int = 1
    visits: float
    visits_spread: float
    taste_department: float
    taste_category: float
    taste_type: float
    taste_brand: float
    taste_style: float
    quirk: float
    thrift: float
    drift_days: float
    intent: float
    basket: float
    basket_k: float
    habit: float
    loyalty: float
    complement: float
    patience: float = 0.6
    account: float = 0.75
    shoppers: int = 3_000
    items: int = 2_000


WORLDS: Final = {
    world.name: world
    for world in (
        WorldConfig(
            name="fashion", theme="fashion", appeal=0.65, demand=0.6, price_spread=0.45, promoted=0.15, promotion=0.25,
            arrivals=0.25, brands=36, visits=2.6, visits_spread=0.8, taste_department=0.7, taste_category=0.4,
            taste_type=0.4, taste_brand=0.7, taste_style=0.7, quirk=0.4, thrift=0.5, drift_days=120.0, intent=0.3,
            basket=2.6, basket_k=0.6, habit=0.15, loyalty=0.3, complement=0.3,
        ),
        WorldConfig(
            name="grocery", theme="grocery", appeal=0.5, demand=0.4, price_spread=0.55, promoted=0.3, promotion=0.25,
            arrivals=0.05, brands=48, visits=5.0, visits_spread=0.7, taste_department=0.2, taste_category=0.3,
            taste_type=0.3, taste_brand=0.55, taste_style=0.5, quirk=0.5, thrift=0.4, drift_days=400.0, intent=0.65,
            basket=20.0, basket_k=0.45, habit=0.4, loyalty=0.5, complement=0.15, shoppers=600,
        ),
        WorldConfig(
            name="electronics", theme="electronics", appeal=1.1, demand=0.8, price_spread=0.5, promoted=0.1,
            promotion=0.15, arrivals=0.15, brands=24, visits=2.0, visits_spread=0.9, taste_department=0.5,
            taste_category=0.4, taste_type=0.3, taste_brand=0.7, taste_style=0.4, quirk=0.3, thrift=0.6,
            drift_days=90.0, intent=0.25, basket=1.6, basket_k=0.6, habit=0.06, loyalty=0.4, complement=0.4,
        ),
        WorldConfig(
            name="gifts", theme="gifts", appeal=0.4, demand=0.25, price_spread=0.7, promoted=0.06, promotion=0.2,
            arrivals=0.15, brands=30, visits=2.4, visits_spread=0.8, taste_department=0.4, taste_category=0.45,
            taste_type=0.45, taste_brand=0.45, taste_style=0.7, quirk=0.5, thrift=0.4, drift_days=150.0, intent=0.35,
            basket=15.0, basket_k=0.5, habit=0.35, loyalty=0.6, complement=0.3, shoppers=1_500, items=2_500,
        ),
        WorldConfig(
            name="marketplace", theme="marketplace", appeal=0.75, demand=0.5, price_spread=0.6, promoted=0.12,
            promotion=0.2, arrivals=0.2, brands=60, sellers=45, visits=2.6, visits_spread=0.9, taste_department=0.7,
            taste_category=0.5, taste_type=0.4, taste_brand=0.6, taste_style=0.5, quirk=0.4, thrift=0.5,
            drift_days=45.0, intent=0.3, basket=2.4, basket_k=0.5, habit=0.2, loyalty=0.4, complement=0.3,
            items=3_000,
        ),
    )
}  # fmt: skip
"""By name. Frozen: a change here makes every figure measured in these worlds void."""


def world_config(name: str) -> WorldConfig:
    """The world of that name.

    Raises:
        NotFound: there is none of that name; the message lists them.
    """
    if name not in WORLDS:
        raise NotFound(f"There is no simulated world {name!r}.", hint=did_you_mean(name, WORLDS))
    return WORLDS[name]
