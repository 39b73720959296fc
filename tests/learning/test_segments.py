"""Segments by what is known of a person when asked."""

import numpy as np
import pytest

from tailorbird.errors import BadInput, NotEnoughEvents
from tailorbird.learning.cases import Cases
from tailorbird.learning.segments import SEGMENTS, in_segment, segments_of
from tailorbird.types import Interactions

LENGTHS = (1, 2, 3, 10, 11, 40)


@pytest.fixture
def cases() -> Cases:
    """One case for each length of query."""
    n = sum(LENGTHS)
    log = Interactions(np.zeros(n, np.int32), np.zeros(n, np.int32), np.zeros(n), np.ones(n), 1, 1)
    ends, count = np.cumsum(LENGTHS), len(LENGTHS)
    return Cases(
        log,
        np.arange(count, dtype=np.int32),
        np.zeros(count),
        ends - np.array(LENGTHS),
        ends,
        np.arange(count, dtype=np.int32),
        np.arange(count + 1),
    )


def test_two_events_are_new_ten_are_light_and_more_are_heavy(cases: Cases) -> None:
    found = {name: positions.tolist() for name, positions in segments_of(cases).items()}
    assert found == {"new": [0, 1], "light": [2, 3], "heavy": [4, 5]}
    assert in_segment(cases, "light").answers.tolist() == [2, 3]


def test_an_unknown_segment_is_named_with_those_there_are(cases: Cases) -> None:
    with pytest.raises(BadInput, match=r"no segment 'ligth'.*Did you mean 'light'.*heavy, light, new"):
        in_segment(cases, "ligth")


def test_a_segment_without_cases_says_where_they_are(cases: Cases) -> None:
    with pytest.raises(NotEnoughEvents, match=r"segment 'heavy'.*new 2, light 2, heavy 0"):
        in_segment(cases.take(np.arange(4)), "heavy")


def test_the_segments_leave_no_gap() -> None:
    bounds = list(SEGMENTS.values())
    assert [least for least, _ in bounds[1:]] == [most + 1 for _, most in bounds[:-1] if most is not None]
