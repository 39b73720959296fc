"""What was just passed over goes behind the rest."""

import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.features.shown import Impressions, Shown
from tailorbird.reranking.fatigue import Fatigue
from tailorbird.types import NOBODY, Candidates, History, Interaction, Person, Policy, Request

NOW = 10_000.0


def shopper(*passed: tuple[int, float]) -> Person:
    view, state = Shown(), Impressions()
    shop = Catalogue()
    for n in range(5):
        shop.number(f"i{n}")
    for item, at in passed:
        state = view.update(state, Interaction(0, item, at, "list_view", 0.0, surface="home"), shop)
    return Person("u:1", NOBODY, History.empty(), {"shown": state})


def pool() -> Candidates:
    n = 5
    nothing = np.zeros((n, 1))
    return Candidates(
        np.arange(n, dtype=np.int32), ("popular",), nothing, nothing, nothing.astype(bool), np.arange(n, 0, -1.0)
    )


def order(person: Person, minutes: float = 30.0) -> list[int]:
    policy = Policy(surface="home", fatigue_minutes=minutes)
    return Fatigue().rerank(Request(surface="home", at=NOW), person, pool(), policy).items.tolist()


def test_what_was_passed_over_goes_last_in_its_own_order() -> None:
    assert order(shopper((1, NOW - 60), (0, NOW - 30))) == [2, 3, 4, 0, 1]


def test_after_a_while_it_comes_back() -> None:
    assert order(shopper((0, NOW - 31 * 60))) == [0, 1, 2, 3, 4]
    assert order(shopper((0, NOW - 31 * 60)), minutes=60) == [1, 2, 3, 4, 0]


def test_zero_minutes_leave_the_order_alone() -> None:
    assert order(shopper((0, NOW)), minutes=0) == [0, 1, 2, 3, 4]


def test_somebody_who_passed_over_everything_still_gets_the_best() -> None:
    assert order(shopper(*((n, NOW - 1) for n in range(5)))) == [0, 1, 2, 3, 4]


def test_the_gap_is_a_hair_so_that_diversity_still_reads_the_scores_of_the_others() -> None:
    reranked = Fatigue().rerank(Request(surface="home", at=NOW), shopper((0, NOW)), pool(), Policy(surface="home"))
    assert reranked.items.tolist() == [1, 2, 3, 4, 0]
    assert 0 < reranked.score[3] - reranked.score[4] < 1e-4
    assert reranked.trail["passed_over"] == 1
