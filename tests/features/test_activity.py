"""How active a person is."""

import numpy as np
import pytest

from tailorbird.features.activity import Activity
from tailorbird.types import Interaction, Request


def hours_since_last(catalogue, steps):
    view = Activity()
    state = view.empty()
    for step in steps:
        state = view.update(state, step, catalogue)
    items = np.zeros(1, np.int32)
    row = view.read(state, Request(surface="home", at=36_000.0), items, catalogue)[0]
    return float(np.expm1(row[view.columns.index("log_hours_since_last")]))


def test_being_shown_an_item_does_not_count_as_activity(catalogue):
    look = Interaction(0, 1, 0.0, "item_view", 1.0)
    shown = Interaction(0, 2, 35_999.0, "list_view", 0.0)
    assert hours_since_last(catalogue, [look]) == pytest.approx(10.0)
    assert hours_since_last(catalogue, [look, shown]) == pytest.approx(10.0)
