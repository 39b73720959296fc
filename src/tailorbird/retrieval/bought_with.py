"""What the same people bought in one order or one after the other: what completes a purchase.

Co-visitation among purchases alone, in both directions alike: steps are counted from purchase to purchase, so that what
was looked at in between does not part the coffee from its filters. Lines of one order stand a step apart and more. Two
purchases of one person with more than 200 interactions between them are none of each other's business.

Whatever a history holds, bought or only looked at, asks what is bought with it: beside an item, and beside a cart, that
is the question.
"""

from typing import ClassVar

from pydantic import Field

from tailorbird.retrieval.covisitation import Covisitation, CovisitationConfig


class BoughtWithConfig(CovisitationConfig):
    """As of co-visitation, but what was bought first and what later does not matter."""

    backward: float = Field(1.0, ge=0, le=1, description="what the way back counts, the way forward being 1")


class BoughtWith(Covisitation):
    """Decayed counts of which purchases go together."""

    name: ClassVar[str] = "bought-with"
    among_purchases: ClassVar[bool] = True
    Config = BoughtWithConfig
