"""What people bought after they had come by an item: which look leads to which purchase.

Co-visitation in which only purchases can be led to: whenever somebody buys item b, ``gap`` steps after anything they
did with item a, the cell a -> b gets 1 / gap. A look leads to the next look; this says where looks end. In the OTTO
competition (Kaggle, 2022) rankers had it beside plain co-visitation, as "click to buy". Nothing leads back from a
purchase, except within one order, whose lines have no order among them. Where everything is a purchase, or nothing is,
this says nothing new (see `tailorbird check`).
"""

from typing import ClassVar

from pydantic import Field

from tailorbird.retrieval.covisitation import Covisitation, CovisitationConfig


class BoughtAfterConfig(CovisitationConfig):
    """As of co-visitation, but what was bought does not lead back to what came before it."""

    backward: float = Field(0.0, ge=0, le=1, description="what the way back counts, the way forward being 1")


class BoughtAfter(Covisitation):
    """Decayed counts of which purchase came after which item."""

    name: ClassVar[str] = "bought-after"
    to_purchases: ClassVar[bool] = True
    Config = BoughtAfterConfig
