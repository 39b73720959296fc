"""Words for what happened, where a system lets everybody choose their own; and which of its ids are ours."""

import re
from typing import Any, Final

from tailorbird.ingest.formats.facts import plain_name
from tailorbird.types import EVENT_TYPES

_WORDS: Final = {
    "item_view": "view viewed itemviewed viewitem productview productviewed detailpageview",
    "list_view": "impression exposure",
    "list_click": "click clicked itemclick productclick productclicked",
    "cart_add": "addtocart addedtocart productadded addtobasket cart basket",
    "cart_remove": "removefromcart removedfromcart productremoved removefrombasket",
    "cart_view": "viewcart cartviewed",
    "wishlist_add": "addtowishlist wishlist favorite favourite bookmark save saved like liked star starred upvote",
    "wishlist_remove": "removefromwishlist unfavorite unfavourite unlike unstar",
    "checkout_start": "startcheckout checkoutstarted begincheckout",
    "purchase": "purchased buy bought order ordered ordercompleted",
    "refund": "refunded return returned",
    "rating": "rate rated",
    "review": "reviewed",
    "share": "shared",
    "dismiss": "dismissed dislike disliked downvote notinterested thumbsdown",
    "watch": "watched play played stream streamed",
    "consume": "consumed listen listened download downloaded",
}
"""The usual words, letters alone, for ours. A like marks an item as wanted again, which is what a wishlist does."""

_TYPES: Final = {
    **{plain_name(ours): ours for ours in EVENT_TYPES},
    **{word: ours for ours, words in _WORDS.items() for word in words.split()},
}
_OUR_ID: Final = re.compile(r"[0-9a-f]{32}")


def type_of(theirs: Any) -> Any:
    """Our type for this word; any other keeps its own name.

    >>> type_of("AddToCart"), type_of("Tasted")
    ('cart_add', 'Tasted')
    """
    return _TYPES.get(plain_name(theirs), theirs) if isinstance(theirs, str) else theirs


def list_of(theirs: Any, name: str) -> dict[str, Any]:
    """The id of the list that an event answers: a decision where it is one of ours, else a property of this name.

    Numbers of clicks on a list that we never made would be held against those that we made.
    """
    if isinstance(theirs, str) and _OUR_ID.fullmatch(theirs):
        return {"decision_id": theirs}
    return {} if theirs in (None, "") else {"properties": {name: theirs}}
