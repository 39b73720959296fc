"""What a page may say: its key stands in its source, so that anybody may say it, of anybody.

A page reports what its visitor does. It does not give money back, change orders or send messages, which are the shop's
server's to tell; and it cannot take back what somebody refused to the shop itself.
"""

from collections.abc import Callable, Collection
from typing import Final

import msgspec

from tailorbird.errors import SecretKeyNeeded
from tailorbird.types import Event

OF_THE_SERVER: Final = ("refund", "order_change", "message_sent")
"""Types of events that only a secret key may send."""


def said_by_page(event: Event, refused: Callable[[str], Collection[str]]) -> Event:
    """The event as far as a page may say it; ``refused`` gives the purposes that a person refused to the shop itself.

    Raises:
        SecretKeyNeeded: it is of a type that no page may send.
    """
    if event.type in OF_THE_SERVER:
        raise SecretKeyNeeded(
            f"An event of type {event.type} is not taken with a write key.",
            hint="Send it from your server with a secret key.",
        )
    firm = refused(event.person) if event.consent else ()
    if not firm:
        return event
    heard = {purpose: yes for purpose, yes in event.consent.items() if not (yes and purpose in firm)}
    return msgspec.structs.replace(event, consent=heard)
