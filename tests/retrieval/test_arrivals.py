"""Arrivals: each new item once, a few at a time."""

import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.retrieval.arrivals import Arrivals
from tailorbird.types import Item


def shop(n_items: int) -> Catalogue:
    made = Catalogue()
    for n in range(n_items):
        made.upsert(Item(item_id=f"i{n}", title="cup"))
    return made


def numbers(arrivals: Arrivals) -> list[int]:
    return [number for number, _ in arrivals.next()]


def test_nothing_arrives_before_a_catalogue_is_bound() -> None:
    assert numbers(Arrivals(np.zeros(0, np.bool_))) == []


def test_each_item_arrives_once_and_those_of_the_fit_never() -> None:
    catalogue = shop(3)
    arrivals = Arrivals(np.array([True, False]))
    arrivals.bind(catalogue)
    assert numbers(arrivals) == [1, 2]
    assert numbers(arrivals) == []
    catalogue.upsert(Item(item_id="i1", title="another cup"))
    catalogue.upsert(Item(item_id="i3", title="bowl"))
    assert numbers(arrivals) == [3]


def test_an_item_that_only_events_named_arrives_when_it_is_described() -> None:
    catalogue = shop(1)
    number = catalogue.number("named")
    arrivals = Arrivals(np.array([True]))
    arrivals.bind(catalogue)
    assert numbers(arrivals) == []
    catalogue.upsert(Item(item_id="named", title="plate"))
    assert numbers(arrivals) == [number]


def test_many_arrive_by_and_by() -> None:
    arrivals = Arrivals(np.zeros(0, np.bool_))
    arrivals.bind(shop(2 * Arrivals.PER_CALL + 3))
    assert [len(numbers(arrivals)) for _ in range(4)] == [Arrivals.PER_CALL, Arrivals.PER_CALL, 3, 0]
