"""Made-up purchases among looks, for every channel that counts them."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tailorbird.catalogue import Catalogue
from tailorbird.types import History, Interaction, Interactions

N_PEOPLE, N_ITEMS = 4, 8

LINES = st.lists(
    st.tuples(st.integers(0, N_PEOPLE - 1), st.integers(0, N_ITEMS - 1), st.integers(0, 1), st.booleans()), max_size=60
)
"""Person, item, how much later than the line before (0 puts two lines into one order), and whether it was bought."""


def interactions(lines: list[tuple[int, int, int, bool]]) -> Interactions:
    """The lines as a log."""
    at = np.cumsum([later for _, _, later, _ in lines], dtype=np.float64) if lines else np.empty(0)
    users, items = (np.array([line[n] for line in lines], np.int32) for n in (0, 1))
    bought = np.array([line[3] for line in lines], np.bool_)
    return Interactions(users, items, at, np.ones(len(lines)), N_PEOPLE, N_ITEMS, bought)


def fitted(model: Any, log: Interactions) -> Any:
    """The model after all of it at once."""
    model.fit(log, Catalogue())
    return model


def learned(model: Any, log: Interactions, since: int = 0) -> Any:
    """The model after the lines from ``since`` on, each with the history of that person before it."""
    histories = {person: History.empty() for person in range(N_PEOPLE)}
    columns = (log.users, log.items, log.at, log.bought)
    for n, (person, item, at, bought) in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        if n >= since:
            kind = "purchase" if bought else "item_view"
            model.learn(Interaction(person=person, item=item, at=at, type=kind, weight=1.0), histories[person])
        histories[person] = histories[person].plus([item], at=at, bought=bought)
    return model


def same_arrays(one: Any, other: Any) -> bool:
    """Whether two models hold the very same; the last items may be unknown to the second."""
    mine, theirs = one.arrays(), other.arrays()
    n = len(theirs["counts"])
    return (
        not mine["counts"][n:].any()
        and np.array_equal(mine["counts"][:n], theirs["counts"])
        and np.array_equal(mine["pointers"][: n + 1], theirs["pointers"])
        and np.array_equal(mine["columns"], theirs["columns"])
        and np.array_equal(mine["values"], theirs["values"])
    )
