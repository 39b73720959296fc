"""How long states live, by scope."""

from typing import ClassVar

import numpy as np
import pytest

from tailorbird.catalogue import Catalogue
from tailorbird.config import Config, EventsConfig, FeaturesConfig
from tailorbird.errors import InvalidConfig
from tailorbird.features.online_state import OnlineState
from tailorbird.learning.models import check_names
from tailorbird.protocols import FOR_EVER, FeatureView, Scope
from tailorbird.types import DAY_SECONDS, Array, Entry, FloatArray, Identity, IntArray, Interaction, Request

from made_up import NOW, entry, event, records

MINUTE = 60.0


class Steps:
    """Counts the steps of its owner; a fold of scope user."""

    name: ClassVar[str] = "steps"
    version: ClassVar[int] = 1
    scope: ClassVar[Scope] = Scope.USER
    columns: ClassVar[tuple[str, ...]] = ("n_steps",)
    owner: ClassVar[str] = "tests"
    ttl_days: ClassVar[float] = 10.0
    freshness_seconds: ClassVar[float] = 60.0
    begins_with: ClassVar[frozenset[str]] = frozenset()

    def empty(self) -> Array:
        """None."""
        return np.zeros(1)

    def update(self, state: Array, _step: Interaction, _catalogue: Catalogue) -> Array:
        """One more."""
        state[0] += 1
        return state

    def merge(self, mine: Array, theirs: Array) -> Array:
        """Added."""
        return mine + theirs

    def read(self, state: Array, _request: Request, items: IntArray, _catalogue: Catalogue) -> FloatArray:
        """The count."""
        return np.broadcast_to(np.asarray(state), (len(items), 1))


class OfVisit(Steps):
    """Of this visit."""

    name: ClassVar[str] = "of_visit"
    scope: ClassVar[Scope] = Scope.SESSION


class OfPair(Steps):
    """Of the person with each item."""

    name: ClassVar[str] = "of_pair"
    scope: ClassVar[Scope] = Scope.PAIR


class OfItem(Steps):
    """Of each item."""

    name: ClassVar[str] = "of_item"
    scope: ClassVar[Scope] = Scope.ITEM


class OfShop(Steps):
    """Of everybody."""

    name: ClassVar[str] = "of_shop"
    scope: ClassVar[Scope] = Scope.SHOP


class BesideShop(Steps):
    """What the person has of the shop's steps."""

    name: ClassVar[str] = "beside_shop"
    shop: ClassVar[str] = "of_shop"
    ttl_days: ClassVar[float] = FOR_EVER

    def read(  # type: ignore[override]  # what is read beside a shop's state is a pair
        self, state: tuple[Array, Array], _request: Request, items: IntArray, _catalogue: Catalogue
    ) -> FloatArray:
        """A share."""
        return np.full((len(items), 1), state[0][0] / max(state[1][0], 1.0))


EVERY: tuple[type[FeatureView], ...] = (Steps, OfVisit, OfPair, OfItem, OfShop, BesideShop)


def folded(entries: list[Entry], *, history: int = 200, left_out: tuple[str, ...] = ()) -> OnlineState:
    state = OnlineState(EventsConfig(history=history), EVERY, left_out=left_out)
    for record in records(entries):
        for step in state.steps(record):
            state.fold(step)
    return state


def counts(state: OnlineState, view: str, at: float = NOW, person: str = "u:u1") -> list[float]:
    """The count beside each item of the catalogue."""
    items = np.arange(len(state.catalogue), dtype=np.int32)
    read = state.read_view(view, state.person(person), Request(surface="home", at=at), items)
    return [float(n) for n in read[:, 0]]


def ago(days: float, name: str, item: str = "i1", user: str = "u1") -> Entry:
    return event(name, at=NOW - days * DAY_SECONDS, item_id=item, user_id=user)


@pytest.mark.parametrize("view", ["steps", "of_pair", "of_item", "of_shop"])
def test_what_is_older_than_its_ttl_reads_as_empty_and_the_next_step_begins_anew(view: str) -> None:
    old = [ago(25, "a"), ago(20, "b")]
    assert counts(folded(old), view, NOW - 10 * DAY_SECONDS) == [2.0]
    assert counts(folded(old), view, NOW - 9.9 * DAY_SECONDS) == [0.0]
    assert counts(folded([*old, ago(9, "c")]), view) == [1.0]
    assert counts(folded([*old, ago(11, "c")]), view, NOW - DAY_SECONDS) == [3.0], "each within ten days of the last"


@pytest.mark.parametrize("view", ["steps", "of_pair", "of_item", "of_shop"])
def test_a_late_step_counts_within_the_ttl_and_not_beyond_it(view: str) -> None:
    assert counts(folded([ago(1, "a"), ago(9, "late")]), view) == [2.0]
    assert counts(folded([ago(1, "a"), ago(12, "too late")]), view) == [1.0]


def test_a_visit_ends_with_the_gap() -> None:
    visit = [event(str(n), at=NOW + minutes * MINUTE) for n, minutes in enumerate((0, 20, 40))]
    assert counts(folded(visit), "of_visit", NOW + 41 * MINUTE) == [3.0]
    assert counts(folded(visit), "of_visit", NOW + 71 * MINUTE) == [0.0]
    assert counts(folded([*visit, event("next", at=NOW + 71 * MINUTE)]), "of_visit", NOW + 71 * MINUTE) == [1.0]


def test_a_pair_is_one_persons_with_one_item_and_only_the_newest_are_kept() -> None:
    state = folded([ago(1, "a"), ago(1, "b"), ago(1, "c", "i2"), ago(1, "d", "i1", "u2")])
    assert counts(state, "of_pair") == [2.0, 1.0]
    assert counts(state, "of_pair", person="u:u2") == [1.0, 0.0]
    many = folded([ago(1 - n / 1_000, f"{n}", f"i{n}") for n in range(100)], history=5)
    kept = [n for n, count in enumerate(counts(many, "of_pair")) if count]
    assert len(kept) <= 10
    assert kept == list(range(100 - len(kept), 100))


def test_merging_adds_up_what_is_alive_in_every_scope_of_a_person() -> None:
    identity = entry("identity", "d", Identity(anonymous_id="d", user_id="u1", at=NOW))
    phone = event("a", at=NOW - MINUTE, user_id=None, anonymous_id="d")
    joined = folded([phone, event("b"), event("c", item_id="i2"), identity])
    assert [counts(joined, view) for view in ("steps", "of_visit", "of_pair")] == [[3.0, 3.0], [3.0, 3.0], [2.0, 1.0]]
    long_ago = event("a", at=NOW - 11 * DAY_SECONDS, user_id=None, anonymous_id="d")
    apart = folded([long_ago, event("b"), event("c", item_id="i2"), identity])
    assert [counts(apart, view) for view in ("steps", "of_visit", "of_pair")] == [[2.0, 2.0], [2.0, 2.0], [1.0, 1.0]]


def test_who_is_forgotten_is_forgotten_in_every_scope() -> None:
    state = folded([ago(0, "a"), ago(0, "b", user="u2")])
    state.forget({"u:u1": "u:x"})
    for view in ("steps", "of_visit", "of_pair"):
        assert counts(state, view) == counts(state, view, person="u:x") == [0.0]
        assert counts(state, view, person="u:u2") == [1.0]


def test_what_is_over_is_let_go_without_a_reader() -> None:
    state = folded([ago(25, "a"), *(ago(1, f"{n}", user="u2") for n in range(5))])
    states = state.person("u:u1").states
    assert states["of_pair"] is states["steps"] is states["of_visit"] is None


def test_one_clock_that_is_a_day_ahead_ends_nobodys_visit() -> None:
    ahead = [ago(-0.9, f"ahead{n}", user="u2") for n in range(5)]
    state = folded([event("a"), *ahead])
    assert counts(state, "of_visit", NOW + MINUTE) == [1.0]


def test_a_view_is_read_beside_the_shops_state() -> None:
    state = folded([event("a"), event("b", user_id="u2"), event("c", user_id="u2"), event("d", user_id="u2")])
    assert counts(state, "beside_shop") == [0.25]


def test_a_view_that_is_left_out_is_folded_but_gives_the_ranker_no_column() -> None:
    state = folded([event("a")], left_out=("of_item",))
    assert len(state.columns) == len(EVERY) - 1
    read = state.read(state.person("u:u1"), Request(surface="home", at=NOW), np.zeros(1, np.int32))
    assert read.shape == (1, len(EVERY) - 1)
    assert counts(state, "of_item") == [1.0]


def test_a_search_is_a_step_about_no_item() -> None:
    state = folded([event("a"), event("s", type="search", item_id=None, query="red shoe")])
    assert counts(state, "of_visit") == [2.0]
    assert counts(state, "of_pair") == counts(state, "of_item") == [1.0]
    assert len(state.catalogue) == 1, "no item is made of it"


def test_a_replay_in_two_halves_gives_the_same_states_to_the_bit() -> None:
    draw = np.random.default_rng(3)
    log = [
        ago(float(draw.uniform(0, 60)), f"{n}", f"i{draw.integers(9)}", f"u{draw.integers(5)}") for n in range(2_000)
    ]
    once, again = folded(log), folded(log[:900])
    for record in records(log)[900:]:
        for step in again.steps(record):
            again.fold(step)
    for person in range(5):
        for view in EVERY:
            assert counts(once, view.name, person=f"u:u{person}") == counts(again, view.name, person=f"u:u{person}")


def test_a_view_to_leave_out_that_does_not_exist_is_named_with_the_nearest_one() -> None:
    wrong = Config(features=FeaturesConfig(leave_out=("afinity",)))
    with pytest.raises(InvalidConfig, match=r"features\.leave_out: nothing is called 'afinity'.*affinity"):
        check_names(wrong)
