"""Replay: what is asked comes before what is learned, and what learns is ahead where everything is new."""

from collections.abc import Mapping

import numpy as np
import pytest

from tailorbird.catalogue import Catalogue
from tailorbird.errors import NotEnoughEvents
from tailorbird.learning.cases import Split
from tailorbird.learning.evaluation import Result, retriever_factories
from tailorbird.learning.interactions import Dataset
from tailorbird.learning.replay import Pace, Walk, replayed
from tailorbird.learning.splits import split
from tailorbird.learning.teaching import engine_after
from tailorbird.protocols import unheard
from tailorbird.retrieval.popular import Popular
from tailorbird.types import NOBODY, Array, FloatArray, History, IntArray, Interaction, Interactions, Request

START = 1_700_006_400.0  # midnight
HOUR = 3_600.0
N_HOURS, READERS = 100, 12


def news(*, n_hours: int = N_HOURS) -> Split:
    """Each hour one new article comes out, and within the hour a dozen of sixty people read it, then one older one."""
    draw = np.random.default_rng(5)
    rows: list[tuple[float, int, int]] = []
    for hour in range(n_hours):
        readers = draw.permutation(60)[:READERS]
        rows += [(START + HOUR * hour + 60 * n, int(who), hour) for n, who in enumerate(readers)]
        if hour > 2:
            rows += [
                (START + HOUR * hour + 1_800 + n, int(who), int(draw.integers(hour))) for n, who in enumerate(readers)
            ]
    return split(dataset(sorted(rows), n_hours), "replay")


def dataset(rows: list[tuple[float, int, int]], n_items: int) -> Dataset:
    """Rows of (at, person, item)."""
    catalogue = Catalogue()
    for item in range(n_items):
        catalogue.number(f"i{item}")
    at, users, items = (np.array(column) for column in zip(*rows, strict=True))
    n_users = int(users.max()) + 1
    log = Interactions(
        users.astype(np.int32), items.astype(np.int32), at.astype(float), np.ones(len(rows)), n_users, n_items
    )
    names = [f"u{n}" for n in range(n_users)]
    return Dataset(log, catalogue, names, np.full(len(rows), NOBODY, np.int32), timed=bool(at[0] > 1e8), rows=len(rows))


class Witness:
    """A channel that knows nothing and notes what it is told, in its order."""

    name = "witness"

    def __init__(self) -> None:
        self.fits: list[int] = []
        self.heard: list[tuple[str, float, int, int]] = []

    def fit(self, interactions: Interactions, catalogue: Catalogue) -> None:  # noqa: ARG002
        self.fits.append(len(interactions))

    def learn(self, step: Interaction, history: History) -> None:
        self.heard.append(("learned", step.at, step.item, len(history)))

    def retrieve(self, request: Request, history: History, limit: int) -> tuple[IntArray, FloatArray]:  # noqa: ARG002
        return np.empty(0, np.int32), np.empty(0)

    def score(self, request: Request, history: History, items: IntArray) -> FloatArray:
        if len(items) > 1:
            self.heard.append(("asked", request.at, NOBODY, len(history)))
        return np.zeros(len(items))

    def arrays(self) -> Mapping[str, Array]:
        return {}


def by_name(results: list[Result]) -> dict[str, Result]:
    return {result.model: result for result in results}


def test_a_moment_is_one_case_with_all_that_was_new_in_it() -> None:
    order = [(START + n, 1, n) for n in range(6)]
    basket = [(START + 90, 0, item) for item in (1, 2, 3)] + [(START + 91, 0, 2), (START + 92, 2, 0)]
    cut = split(dataset([(START, 0, 1), *order, *basket], 6), "replay", test_share=0.41, validation_share=0.09)
    cases = cut.test
    assert [cases.at[c] - START for c in range(len(cases))] == [90, 92]
    assert cases.answers_of(0).tolist() == [2, 3]
    assert cases.history(0).items.tolist() == [1]
    assert cases.answers_of(1).tolist() == [0]
    assert len(cases.history(1)) == 0, "whoever comes for the first time is asked too"
    assert cut.left_out == {"no_new_items": 1}


def test_an_order_without_times_cannot_be_replayed() -> None:
    with pytest.raises(NotEnoughEvents, match="replay needs times"):
        split(dataset([(float(n), 0, n) for n in range(9)], 9), "replay")


def test_everything_before_a_question_is_learned_and_nothing_else() -> None:
    cut = news()
    witness = Witness()
    replayed(cut, {"witness": lambda: witness}, n_cases=50)
    learned = [at for kind, at, *_ in witness.heard if kind == "learned"]
    everything = np.sort(cut.test.log.at)[len(cut.train) :]
    assert learned == everything[: len(learned)].tolist()
    asked = [at for kind, at, *_ in witness.heard if kind == "asked"]
    assert len(asked) == 50
    n_learned = 0
    for kind, at, *_ in witness.heard:
        n_learned += kind == "learned"
        if kind == "asked":
            assert (everything < at).sum() <= n_learned <= (everything <= at).sum()


def test_a_channel_learns_with_the_history_before_the_event() -> None:
    cut = news()
    witness = Witness()
    replayed(cut, {"witness": lambda: witness}, n_cases=50)
    log = cut.test.log
    for kind, at, item, n_before in witness.heard:
        if kind == "learned":
            (row,) = np.flatnonzero((log.at == at) & (log.items == item))
            assert n_before == ((log.users == log.users[row]) & (log.at < at)).sum()


def test_what_learns_is_ahead_where_everything_is_new() -> None:
    cut = news()
    channels = retriever_factories(["popular"], cut, {"popular": {"half_life_days": 1 / 24}})
    found = by_name(replayed(cut, channels))
    assert found["popular"].metrics["hr@10"] > 0.6
    assert found["popular"].params["half_life_days"] < 1, "chosen on the moments after the fit"
    assert found["ease"].metrics["hr@10"] < 0.5
    still = by_name(replayed(cut, {"popular": Still}))
    assert still["popular"].metrics["ndcg@10"] < 0.8 * found["popular"].metrics["ndcg@10"]


class Still(Popular):
    """Popularity that is fitted and then learns nothing."""

    def learn(self, step: Interaction, _history: History) -> None:
        """No."""


def test_every_midnight_what_came_before_it_is_fitted_again() -> None:
    cut = news(n_hours=240)
    witness = Witness()
    replayed(cut, {"witness": lambda: witness}, n_cases=20, pace=Pace.NIGHTLY)
    days = np.sort(cut.test.log.at)[len(cut.train) :] // 86_400
    midnights = np.flatnonzero(np.diff(days)) + 1 + len(cut.train)
    assert len(midnights) >= 1
    assert witness.fits == [len(cut.train), *midnights.tolist()]


def test_the_ranker_and_its_slates_stand_beside_their_channels() -> None:
    cut = news(n_hours=150)
    channels = retriever_factories(["popular", "covisitation"], cut)
    found = by_name(replayed(cut, channels, ranker=True, slates=True, n_cases=100))
    assert {"popular", "covisitation", "ranker", "slates"} <= found.keys()
    assert found["ranker"].skipped is None
    assert found["ranker"].metrics["hr@10"] > 0.3, "ten of 150 by chance are .07"
    assert found["ranker"].against in {"popular", "covisitation"}
    assert found["slates"].metrics["hr@10"] > 0.2


def test_frozen_channels_hear_of_nothing_and_histories_move_on() -> None:
    cut = news()
    live, frozen = Witness(), Witness()
    replayed(cut, {"witness": lambda: live}, n_cases=50)
    replayed(cut, {"witness": lambda: frozen}, n_cases=50, pace=Pace.FROZEN)
    assert not [at for kind, at, *_ in frozen.heard if kind == "learned"]
    assert frozen.heard == [told for told in live.heard if told[0] == "asked"]
    assert len({n for *_, n in frozen.heard}) > 1


def test_what_is_frozen_knows_no_more_of_items_than_the_fit_did() -> None:
    cut = news()
    engine = engine_after(cut.train, cut.catalogue, {})
    known = engine.state.item_rows("item_counts").copy()
    latest = int(np.flatnonzero(cut.test.log.at == cut.test.log.at.max())[0])
    Walk(cut, engine, pace=Pace.FROZEN, told=unheard).before(latest)
    assert np.array_equal(engine.state.item_rows("item_counts"), known)
    Walk(cut, engine, pace=Pace.LIVE, told=unheard).before(latest)
    assert not np.array_equal(engine.state.item_rows("item_counts"), known)


def test_slates_alone_bring_no_row_of_the_ranker() -> None:
    found = by_name(replayed(news(), retriever_factories(["popular"], news()), slates=True, n_cases=60))
    assert found["slates"].skipped is None
    assert "ranker" not in found


def test_slates_without_enough_for_a_ranker_say_why() -> None:
    channels = retriever_factories(["popular"], news())
    found = by_name(replayed(news(), channels, slates=True, n_cases=60, n_lists=5))
    assert "it needs 20" in str(found["slates"].skipped)


def test_a_query_is_timed_where_a_channel_finds_a_hundred() -> None:
    finder = Finder()
    replayed(news(), {"finder": lambda: finder}, n_cases=20)
    assert finder.asked_for == [100] * 20


class Finder(Witness):
    """Notes how many items it is to find."""

    def __init__(self) -> None:
        super().__init__()
        self.asked_for: list[int] = []

    def retrieve(self, request: Request, history: History, limit: int) -> tuple[IntArray, FloatArray]:
        self.asked_for.append(limit)
        return super().retrieve(request, history, limit)


def test_a_replay_tells_of_its_lists_its_trees_and_its_questions() -> None:
    told: list[tuple[str, float]] = []
    channels = retriever_factories(["popular"], news())
    replayed(news(), channels, ranker=True, n_cases=60, told=lambda what, share: told.append((what, share)))
    words, shares = [what for what, _ in told], [share for _, share in told]
    places = [words.index(one) for one in ("folding what is known", "ranker, tree 1 of at most 300", "case 0 of 60")]
    assert places == sorted(places)
    assert any(what.startswith("ranker, list 0 of ") for what in words)
    assert shares == sorted(shares)


def test_a_replay_gives_the_same_figures_twice() -> None:
    first, second = (
        replayed(news(), retriever_factories(["covisitation"], news()), ranker=True, n_cases=60) for _ in range(2)
    )
    assert [row.metrics for row in first] == [row.metrics for row in second]
