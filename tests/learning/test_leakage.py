"""The guard refuses columns that know the answer, and lets strong honest ones pass."""

from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec
import numpy as np
import pytest

from tailorbird.backends.memory import MemoryLog
from tailorbird.catalogue import Catalogue
from tailorbird.config import Config, TrainingConfig
from tailorbird.errors import LeakingFeature
from tailorbird.features import VIEWS
from tailorbird.learning.fitting import Fitting
from tailorbird.learning.leakage import separation
from tailorbird.learning.past import read_past
from tailorbird.learning.rehearsal import Rehearsal, rehearse
from tailorbird.protocols import FOR_EVER, FeatureView, Scope
from tailorbird.ranking.lambda_ranker import LabelledLists
from tailorbird.types import Array, Entry, Event, FloatArray, IntArray, Interaction, Request

from made_up import event, small_shop

CONFIG = Config(training=TrainingConfig(ranker_lists=300))


class Planted:
    """What the planted views have in common: they are of scope request and keep nothing."""

    name: ClassVar[str] = "planted"
    version: ClassVar[int] = 1
    scope: ClassVar[Scope] = Scope.REQUEST
    columns: ClassVar[tuple[str, ...]] = ("planted_column",)
    owner: ClassVar[str] = "tests"
    ttl_days: ClassVar[float] = FOR_EVER
    freshness_seconds: ClassVar[float] = 60.0
    begins_with: ClassVar[frozenset[str]] = frozenset()
    future: ClassVar[dict[str, list[tuple[float, str]]]] = {}

    def empty(self) -> Any:
        """Nothing."""
        return None

    def update(self, state: Any, _step: Interaction, _catalogue: Catalogue) -> Any:
        """Nothing changes."""
        return state

    def merge(self, mine: Any, _theirs: Any) -> Any:
        """Nothing with nothing."""
        return mine

    def read(self, _state: Any, request: Request, items: IntArray, catalogue: Catalogue) -> FloatArray:
        """Whether the person will take the item up within the hour: nobody can know."""
        told = self.future.get(request.user_id or "", [])
        soon = {catalogue.find(item) for at, item in told if request.at <= at <= request.at + 3_600}
        return np.isin(items, list(soon)).astype(np.float64)[:, None]


class Department(Planted):
    """Whether the item is of the department in which this person does five sixths of everything: strong and honest."""

    def read(self, _state: Any, request: Request, items: IntArray, _catalogue: Catalogue) -> FloatArray:
        """One item in four is."""
        person = int((request.user_id or "u0")[1:])
        return (items % 4 == person % 4).astype(np.float64)[:, None]


class Hovers(Planted):
    """Counts what a tracker reports of a pointer above an item."""

    scope: ClassVar[Scope] = Scope.PAIR

    def empty(self) -> Array:
        """None."""
        return np.zeros(1)

    def update(self, state: Any, step: Interaction, _catalogue: Catalogue) -> Any:
        """One more."""
        state[0] += step.type == "hover"
        return state

    def read(self, state: Any, _request: Request, _items: IntArray, _catalogue: Catalogue) -> FloatArray:
        """The count."""
        return np.asarray(state[:, :1], np.float64)


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Serve with one more view."""

    def _plant(view: type[FeatureView]) -> None:
        monkeypatch.setitem(VIEWS, view.name, view)  # type: ignore[arg-type]  # a dictionary to everybody but readers

    yield _plant
    Planted.future.clear()


def rehearsed(entries: list[Entry]) -> Rehearsal:
    log = MemoryLog()
    log.append(entries)
    fitting = Fitting(read_past(log, CONFIG), CONFIG, lambda _what, _share: None, None)
    return rehearse(log, fitting, ("covisitation", "popular"), with_ranker=True)


def with_hovers(entries: list[Entry], seconds: float) -> list[Entry]:
    """Every second event is announced by a hover over its item, so many seconds before."""
    told: list[Entry] = []
    for n, entry in enumerate(entries):
        if entry.kind == "event" and n % 2:
            done = msgspec.json.decode(entry.body, type=Event)
            at = done.at - seconds
            told.append(event(f"h{n}", type="hover", at=at, user_id=done.user_id, item_id=done.item_id))
        told.append(entry)
    return told


def test_a_view_that_looks_ahead_is_named_and_refused(plant: Any) -> None:
    entries = small_shop()
    for entry in entries:
        if entry.kind == "event":
            done = msgspec.json.decode(entry.body, type=Event)
            Planted.future.setdefault(done.user_id or "", []).append((done.at, done.item_id or ""))
    plant(Planted)
    with pytest.raises(LeakingFeature, match=r"planted_column alone orders \d+") as caught:
        rehearsed(entries)
    assert caught.value.hint is not None
    assert "activity" not in str(caught.value)


def test_a_strong_and_honest_view_passes(plant: Any) -> None:
    plant(Department)
    made = rehearsed(small_shop())
    assert made.ranker is not None
    lists = made.lists.labelled()
    shares = dict(zip(made.ranker.columns, separation(lists), strict=True))
    assert 0.75 < shares["planted_column"] < 0.98


def test_a_copy_of_the_answer_a_moment_before_it_is_found_out(plant: Any) -> None:
    plant(Hovers)
    with pytest.raises(LeakingFeature, match=r"planted_column orders \d+% of them, and \d+% a second earlier"):
        rehearsed(with_hovers(small_shop(), 0.2))


def test_a_hover_that_comes_in_time_is_no_leak(plant: Any) -> None:
    plant(Hovers)
    assert rehearsed(with_hovers(small_shop(), 20.0)).ranker is not None


def test_separation_is_the_share_of_pairs_in_the_right_order_either_way_round() -> None:
    matrix = np.array([[3, 0, 1], [1, 1, 1], [2, 2, 1], [5, 0, 1], [4, 1, 1], [9, 9, 1]], np.float64)
    labels, lengths = np.array([1, 0, 0, 0, 0, 1], np.int32), np.array([3, 3], np.int32)
    shares = separation(LabelledLists.plain(matrix, labels, lengths))
    assert shares.tolist() == [1.0, 0.5, 0.5]
    alone = LabelledLists.plain(matrix[:3], np.zeros(3, np.int32), lengths[:1])
    assert separation(alone).tolist() == [0.5, 0.5, 0.5], "nothing was wanted"
