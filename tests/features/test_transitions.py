"""Where a person goes next."""

from itertools import pairwise

import numpy as np
import pytest

from features.shelf import ITEMS, asked, shelf, step, steps
from tailorbird.features.decay import grown
from tailorbird.features.transitions import Path, Transitions
from tailorbird.types import DAY_SECONDS, Interaction

from made_up import NOW

VIEW, SHELF = Transitions(), shelf()


def folded(told: list[Interaction]) -> Path:
    state = VIEW.empty()
    for one in told:
        state = VIEW.update(state, one, SHELF)
    return state


def test_the_share_of_moves_is_that_of_a_slow_count() -> None:
    told = [one for one in steps() if one.weight > 0]
    read = VIEW.read(folded(steps()), asked(), ITEMS, SHELF)
    for column, codes in enumerate((SHELF.category, SHELF.brand)):
        here = codes[told[-1].item]
        moves = [
            (codes[b.item], 0.5 ** ((NOW - b.at) / DAY_SECONDS / 90.0))
            for a, b in pairwise(told)
            if codes[a.item] == here
        ]
        total = sum(weight for _, weight in moves)
        for item in ITEMS:
            share = sum(weight for to, weight in moves if to == codes[item]) / (total + 3.0)
            assert read[item, column] == pytest.approx(share)


def test_a_late_step_is_no_move() -> None:
    told = [step("item_view", 0, NOW - 10), step("item_view", 1, NOW)]
    assert folded([*told, step("item_view", 2, NOW - 5)]) == folded(told)


def test_merging_adds_moves_up_and_goes_on_from_the_later_one() -> None:
    mine = folded([step("item_view", 0, NOW - 9), step("item_view", 1, NOW - 8)])
    theirs = folded([step("item_view", 0, NOW - 7), step("item_view", 1, NOW)])
    both = VIEW.merge(mine, theirs)
    assert (both.category, both.at) == (theirs.category, NOW)
    move = (int(SHELF.category[0]), int(SHELF.category[1]))
    assert both.categories == {move: pytest.approx(grown(NOW - 8, 90.0) + grown(NOW, 90.0))}
    assert VIEW.merge(theirs, mine) == both


def test_only_the_heaviest_moves_are_kept() -> None:
    state = Path(categories={(n, n + 1): float(n) for n in range(399)}, category=1, at=NOW - 1)
    state = VIEW.update(state, step("item_view", 0), SHELF)
    assert len(state.categories) == 200
    assert min(np.array(list(state.categories.values()))) >= 199.0
