"""Whether a customer is still one, and which kind: from when and how often they bought, and for how much.

P. Fader, B. Hardie, K. Lee, "Counting Your Customers" the Easy Way: An Alternative to the Pareto/NBD Model, Marketing
Science 2005: purchases come at a person's own rate, and after each one they leave with a person's own chance. With x
repeated purchases, the last at t_x, seen until T, the chance that they are still there is

    1 / (1 + a / (b + x - 1) * ((alpha + T) / (alpha + t_x)) ** (r + x))          (x > 0; 1 for x = 0)

which for more than a few purchases is the silence measured in the person's own intervals. Where we differ: the four
numbers are the published ones of the paper's shop, not fitted to this one, and for x = 0, of whom the model knows
nothing, the time since the first purchase counts as one without an answer.
"""

from typing import Final

_R: Final = 0.243
_ALPHA_DAYS: Final = 4.414 * 7
_A: Final = 0.793
_B: Final = 2.426

SEGMENTS: Final = ("stranger", "visitor", "new", "champion", "loyal", "promising", "at risk", "lapsed")
"""Who somebody is to the shop, by recency, frequency and money."""

_LOYAL: Final = 3
_LAPSED: Final = 0.8
_AT_RISK: Final = 0.5
_NEW_DAYS: Final = 30.0
_HIGH: Final = 3.0


def churn_risk(orders: int, first: float, last: float, now: float) -> float:
    """The chance in [0, 1] that somebody with these orders will not come back; 0 for who never bought. Times in days.

    >>> [round(churn_risk(6, 0.0, 50.0, now), 2) for now in (55.0, 90.0, 200.0)]
    [0.14, 0.5, 0.97]
    """
    if orders < 1:
        return 0.0
    repeats, until_last = max(orders - 1, 1), last - first if orders > 1 else 0.0
    seen = max(now - first, until_last)
    odds = _A / (_B + repeats - 1) * ((_ALPHA_DAYS + seen) / (_ALPHA_DAYS + until_last)) ** (_R + repeats)
    return float(odds / (1 + odds))


def segment(*, orders: int, days_since_first: float, risk: float, spent_in_orders: float, looked: bool) -> str:
    """One of `SEGMENTS`; ``spent_in_orders`` is the money spent, in usual purchases of this shop.

    >>> segment(orders=6, days_since_first=80.0, risk=0.1, spent_in_orders=9.0, looked=True)
    'champion'
    """
    if orders < 1:
        return "visitor" if looked else "stranger"
    if risk >= _LAPSED:
        return "lapsed"
    if risk >= _AT_RISK:
        return "at risk"
    if orders >= _LOYAL:
        return "champion" if spent_in_orders >= _HIGH * _LOYAL else "loyal"
    return "new" if days_since_first <= _NEW_DAYS and orders == 1 else "promising"
