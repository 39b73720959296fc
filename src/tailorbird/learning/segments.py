"""People by how much is known of them when they are asked: whoever is served well on average may not be when new."""

from typing import Final

import numpy as np

from tailorbird.errors import BadInput, NotEnoughEvents, did_you_mean
from tailorbird.learning.cases import Cases
from tailorbird.types import Array

SEGMENTS: Final[dict[str, tuple[int, int | None]]] = {"new": (0, 2), "light": (3, 10), "heavy": (11, None)}
"""Segment -> least and most interactions in the query; None is any number."""


def segments_of(cases: Cases) -> dict[str, Array]:
    """The positions of each segment's cases; every case is in one of them."""
    lengths = cases.ends - cases.begins
    return {
        name: np.flatnonzero((lengths >= least) & (lengths <= (np.inf if most is None else most)))
        for name, (least, most) in SEGMENTS.items()
    }


def described(segment: str) -> str:
    """A segment with its bounds.

    >>> described("new"), described("heavy")
    ('new (0 to 2)', 'heavy (11 or more)')
    """
    least, most = SEGMENTS[segment]
    return f"{segment} ({least} {'or more' if most is None else f'to {most}'})"


def in_segment(cases: Cases, segment: str) -> Cases:
    """Only the cases of one segment.

    Raises:
        BadInput: there is no such segment.
        NotEnoughEvents: it has no case.
    """
    if segment not in SEGMENTS:
        raise BadInput(f"There is no segment '{segment}'.", hint=did_you_mean(segment, SEGMENTS))
    positions = segments_of(cases)
    if not len(positions[segment]):
        counts = ", ".join(f"{name} {len(found):,}" for name, found in positions.items())
        raise NotEnoughEvents(f"No case is in the segment '{segment}'.", hint=f"The cases by segment: {counts}.")
    return cases.take(positions[segment])
