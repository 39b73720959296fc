"""How much rarer a place further down is looked at, learned where chance put the items.

Exploration fills a place from a pool without looking at which place it is, so what it put first was no better than what
it put tenth: if that was clicked more, the place was. A place k is taken to be looked at k ** -exponent as often as the
first (T. Joachims, A. Swaminathan and T. Schnabel, Unbiased Learning-to-Rank with Biased Feedback, WSDM 2017, weigh a
click by the inverse; theirs is estimated by swapping items, ours from exploration, which is there anyhow).
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final

import msgspec
import numpy as np

from tailorbird.protocols import Ledger
from tailorbird.types import Event, Record

USUAL_EXPONENT: Final = 0.5
"""What is believed before there is a click, as strongly as half a unit of doubt allows."""

_DOUBT: Final = 0.5
_EXPONENTS: Final = np.arange(0.0, 2.001, 0.01)
_ANSWERS: Final = frozenset({"list_click", "item_view", "cart_add", "purchase"})


def exponent_of(records: Iterable[Record], ledger: Ledger) -> float:
    """The exponent for these records of one shop, whose decisions the ledger knows."""
    decoder, shown, clicked = msgspec.json.Decoder(Event), Counter[int](), Counter[int]()
    explored: dict[str, dict[str, int]] = {}
    for record in records:
        # A slate that was never reported as seen teaches nothing, and the look-up is what costs.
        if record.kind != "event" or b'"decision_id"' not in record.body:
            continue
        event = decoder.decode(record.body)
        if not event.decision_id:
            continue
        if event.type == "list_view" and event.decision_id not in explored:
            explored[event.decision_id] = _explored(ledger, event.decision_id)
        places = explored.get(event.decision_id, {})
        for line in event.lines:
            if event.type == "list_view" and line.item_id in places:
                shown[places[line.item_id]] += 1
            elif event.type in _ANSWERS and line.item_id in places:
                clicked[places.pop(line.item_id)] += 1
    return likeliest(shown, clicked)


def likeliest(shown: Counter[int], clicked: Counter[int]) -> float:
    """The exponent under which these clicks fall most likely on these places, which count from 1.

    Given how many clicks there are, each falls on place k with a chance in proportion to shown[k] * k ** -exponent.
    """
    places = np.array(sorted(shown), np.float64)
    if not len(places):
        return USUAL_EXPONENT
    n_shown, n_clicked = (np.array([n[int(k)] for k in places], np.float64) for n in (shown, clicked))
    looked_at = places ** -_EXPONENTS[:, None]
    likely = np.log(looked_at) @ n_clicked - n_clicked.sum() * np.log(looked_at @ n_shown)
    likely -= ((_EXPONENTS - USUAL_EXPONENT) / _DOUBT) ** 2 / 2
    return float(_EXPONENTS[int(np.argmax(likely))])


def _explored(ledger: Ledger, decision_id: str) -> dict[str, int]:
    """What exploration placed, and where, from 1."""
    decision = ledger.get(decision_id)
    return {placed.item_id: placed.position + 1 for placed in decision.items if placed.explored} if decision else {}
