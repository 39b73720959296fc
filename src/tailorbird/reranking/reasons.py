"""Why an item is on a slate, in one sentence that is true: what the whole ledger stands for, as a shopper reads it."""

from textwrap import shorten
from typing import Final

REASONS: Final = {
    "popular": "Popular in this shop",
    "trending": "Rising right now",
    "covisitation": "Often comes with what you looked at",
    "bought-after": "Often bought after a look at the same",
    "bought-with": "Often bought with what you looked at",
    "item-knn": "Liked by people who liked the same",
    "user-knn": "Chosen by people like you",
    "v-sknn": "From visits like this one",
    "ease": "Goes with what you looked at",
    "ials": "Liked by people with a taste like yours",
    "sasrec": "What tends to come after what you chose",
    "bert4rec": "Belongs with what you chose",
    "two-tower": "Suits what you looked at lately",
    "lightgcn": "Liked in the circles of what you like",
    "content": "Similar to what you looked at",
    "cold-items": "What people with your choices tend to like",
    "fallback": "From the catalogue",
}
_BESIDE_LAST: Final = {
    "covisitation": "Others went on to this after {last}",
    "bought-after": "Bought by others after {last}",
    "bought-with": "Often bought with {last}",
    "item-knn": "Liked by people who liked {last}",
    "content": "Similar to {last}",
}
"""What is said when the newest item of the history alone leads to this one."""

_TITLE_CHARACTERS: Final = 60


def reason_of(source: str, title: str, last: str, *, explored: bool) -> str:
    """The reason for an item called ``title`` that the channel ``source`` ranks highest.

    ``last`` is the title of the newest item of the history if that alone leads the channel to this one, else empty.

    >>> reason_of("content", "Blue mug", "Red mug", explored=False), reason_of("content", "Mug", "Mug", explored=False)
    ('Similar to “Red mug”', 'Similar to what you looked at')
    """
    if explored:
        return "Something new to try"
    if source in _BESIDE_LAST and last and last != title:
        return _BESIDE_LAST[source].format(last=f"“{shorten(last, _TITLE_CHARACTERS, placeholder=' …')}”")
    return REASONS.get(source, source)
