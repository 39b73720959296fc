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


def visit_length(steps, at):
    view = Activity()
    state = view.empty()
    for step in steps:
        state = view.update(state, step, None)
    row = view.read(state, Request(surface="home", at=at), np.zeros(1, np.int32), None)[0]
    return round(float(np.expm1(row[view.columns.index("log_visit_length")])))


def test_a_visit_is_what_was_done_since_the_last_pause():
    looks = [Interaction(0, n, at, "item_view", 1.0) for n, at in enumerate([1e9, 1e9 + 60, 1e9 + 9_000, 1e9 + 9_100])]
    assert visit_length(looks, at=1e9 + 9_200) == 2
    assert visit_length(looks[:2], at=1e9 + 100) == 2
    assert visit_length(looks, at=1e9 + 20_000) == 0


def test_two_ids_that_were_here_together_had_one_visit():
    view = Activity()
    early, mine, theirs = (view.empty() for _ in range(3))
    for state, at in ((early, 1e9), (mine, 1e9 + 90_000), (theirs, 1e9 + 90_060)):
        view.update(state, Interaction(0, 1, at, "item_view", 1.0), None)
    assert view.merge(mine, theirs).visit == view.merge(theirs, mine).visit == 2
    assert view.merge(early, mine).visit == view.merge(mine, early).visit == 1
