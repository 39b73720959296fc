"""One request: always answered, never with what may not be shown, and honest about how."""

import time
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailorbird.config import BudgetConfig, Config, PolicyConfig
from tailorbird.decide import Engine
from tailorbird.errors import BadInput, UnknownSurface
from tailorbird.learning.models import retriever
from tailorbird.types import Array, History, Interaction, Interactions, Item, Request, User

from made_up import NOW, entry, event, records, small_shop


class Broken:
    """A channel that fails, or sleeps, whenever it is asked."""

    name: ClassVar[str] = "broken"

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds

    def fit(self, _interactions: Interactions, _catalogue: Any) -> None:
        """Nothing."""

    def learn(self, _step: Interaction, _history: History) -> None:
        """Nothing."""

    def retrieve(self, _request: Request, _history: History, _limit: int) -> tuple[Array, Array]:
        """Fail, late if so wished."""
        time.sleep(self.seconds)
        raise RuntimeError("this channel is broken")

    def score(self, _request: Request, _history: History, _items: Array) -> Array:
        """Fail."""
        raise RuntimeError("this channel is broken")

    def arrays(self) -> Mapping[str, Array]:
        """Nothing."""
        return {}


def engine_of(
    entries: list, config: Config | None = None, channels: tuple[str, ...] = ("covisitation",), **more
) -> Engine:
    engine = Engine(config or Config(budget=BudgetConfig(total_ms=60_000)))
    engine.install({**{name: retriever(name, {}, None) for name in channels}, **more})
    for record in records(entries):
        engine.apply(record)
    return engine


@pytest.fixture(scope="module")
def engine() -> Engine:
    return engine_of(small_shop())


def ask(engine: Engine, **fields: Any) -> list[str]:
    request = Request(**{"surface": "home", "at": NOW, "user_id": "u1", "limit": 8} | fields)
    return [placed.item_id for placed in engine.decide(request).items]


def test_a_regular_gets_more_of_what_they_look_at_than_a_stranger_does(engine: Engine) -> None:
    mine = [int(i[1:]) % 4 for i in ask(engine, decision_id="d", limit=8)]
    assert mine.count(1) > 8 / 4, "u1 shops in department 1"


@settings(max_examples=40)
@given(
    user=st.sampled_from(["u1", "u29", "nobody", "", None]),
    surface=st.sampled_from(["home", "item", "cart", "email", "search"]),
    item=st.sampled_from(["i0", "i39", "unknown", None]),
    limit=st.integers(1, 60),
    exclude=st.lists(st.sampled_from([f"i{n}" for n in range(40)]), max_size=38),
)
def test_whoever_asks_gets_a_full_slate_of_different_items(engine, user, surface, item, limit, exclude) -> None:
    slate = ask(engine, user_id=user, surface=surface, item_id=item, limit=limit, exclude=tuple(exclude))
    hidden = {*exclude, *([item] if item else [])}
    carted = engine.state.person(f"u:{user}").states["ownership"].cart if user else {}
    left = [i for i in engine.catalogue.ids if i not in hidden and engine.catalogue.find(i) not in carted]
    assert len(slate) == min(limit, len(left))
    assert len(set(slate)) == len(slate)
    assert not hidden & set(slate)


def test_the_same_decision_id_gives_the_same_slate(engine: Engine) -> None:
    assert ask(engine, decision_id="x") == ask(engine, decision_id="x")


def test_a_click_changes_the_next_slate() -> None:
    engine = engine_of(small_shop())
    before = ask(engine, user_id="new", decision_id="d")
    last = len(small_shop()) + 1
    for n, item in enumerate(("i2", "i6", "i10")):
        (record,) = records([event(f"click{n}", user_id="new", item_id=item)])
        engine.apply(type(record)(last + n, record.kind, record.key, NOW, NOW, record.body))
    after = ask(engine, user_id="new", decision_id="d")
    assert before != after
    assert sum(int(i[1:]) % 4 == 2 for i in after) > sum(int(i[1:]) % 4 == 2 for i in before)


def test_a_sold_out_item_is_gone_at_once_and_back_at_once() -> None:
    engine = engine_of(small_shop())
    shown = ask(engine, decision_id="d")[0]
    item = engine.catalogue.item(engine.catalogue.find(shown))
    for stock, expected in ((0.0, False), (3.0, True)):
        version = Item(**{f: getattr(item, f) for f in item.__struct_fields__} | {"stock": stock})
        engine.apply(records([entry("item", shown, version)])[0])
        assert (shown in ask(engine, decision_id="d", limit=40)) is expected


def test_a_broken_channel_is_named_and_the_others_answer() -> None:
    engine = engine_of(small_shop(), broken=Broken())
    decision = engine.decide(Request(surface="home", at=NOW, user_id="u1", limit=8))
    assert len(decision.items) == 8
    assert "broken: failed" in str(decision.degraded)


def test_with_every_channel_broken_the_catalogue_answers() -> None:
    engine = engine_of(small_shop(), channels=(), broken=Broken())
    decision = engine.decide(Request(surface="home", at=NOW, user_id="u1", limit=8))
    assert len(decision.items) == 8
    assert {placed.source for placed in decision.items} == {"fallback"}


def test_a_late_stage_is_left_out_and_the_decision_says_so() -> None:
    config = Config(budget=BudgetConfig(total_ms=30))
    engine = engine_of(small_shop(), config, broken=Broken(seconds=0.05))
    decision = engine.decide(Request(surface="home", at=NOW, user_id="u1", limit=8))
    assert "left out, over budget" in str(decision.degraded)
    assert len(decision.items) == 8


def test_who_said_no_to_personalisation_gets_what_a_stranger_gets() -> None:
    no = entry("user", "u1", User(user_id="u1", consent={"personalisation": False}))
    engine = engine_of([*small_shop(), no])
    assert ask(engine, decision_id="d") == ask(engine, user_id="nobody", decision_id="d")


def test_an_empty_shop_answers_with_an_empty_slate() -> None:
    decision = engine_of([]).decide(Request(surface="home", at=NOW, user_id="u1"))
    assert decision.items == ()


def test_a_shop_with_events_but_no_catalogue_shows_what_the_events_name() -> None:
    engine = engine_of([event(f"{n}", item_id=f"x{n}", user_id=f"u{n % 3}") for n in range(9)])
    assert len(ask(engine, user_id="cold", limit=5)) == 5


def test_items_that_only_events_name_are_hidden_where_a_catalogue_is_kept() -> None:
    engine = engine_of([*small_shop(), *(event(f"ghost{n}", item_id="ghost") for n in range(50))])
    assert "ghost" not in ask(engine, limit=60)


def test_pages_never_repeat_an_item_and_end(engine: Engine) -> None:
    seen: list[str] = []
    cursor, pages = None, 0
    while pages < 20:
        decision = engine.decide(Request(surface="home", at=NOW, user_id="u2", limit=7, cursor=cursor))
        seen += [placed.item_id for placed in decision.items]
        pages += 1
        cursor = decision.decision_id
        if not engine.pages.go_on(cursor):
            break
    assert len(seen) == len(set(seen)) > 30
    assert pages < 20


def test_an_unknown_cursor_and_an_unknown_surface_are_named(engine: Engine) -> None:
    with pytest.raises(BadInput, match="'gone'"):
        engine.decide(Request(surface="home", at=NOW, cursor="gone"))
    with pytest.raises(UnknownSurface, match="'hom'") as caught:
        engine.decide(Request(surface="hom", at=NOW))
    assert "Did you mean 'home'" in caught.value.hint


def test_explain_tells_the_waterfall_and_every_channel(engine: Engine) -> None:
    decision = engine.decide(Request(surface="home", at=NOW, user_id="u1", limit=5, explain=True))
    story = decision.explanation
    assert story["union"] >= story["allowed"] >= len(decision.items)
    assert set(story["retrieved"]) == {"covisitation"}
    assert set(story["items"]) == {placed.item_id for placed in decision.items}
    assert all(set(placed.channels) == {"covisitation"} for placed in decision.items)
    assert all(ms >= 0 for ms in decision.timings_ms.values())


def test_exploration_can_be_switched_off_and_the_logged_share_is_the_configured_one() -> None:
    quiet = engine_of(small_shop(), Config(policies={"home": PolicyConfig(exploration=0.0)}))
    assert all(p.propensity == 1.0 for p in quiet.decide(Request(surface="home", at=NOW, user_id="u1")).items)
    eager = engine_of(small_shop(), Config(policies={"home": PolicyConfig(exploration=0.3)}))
    placed = [
        p.explored
        for n in range(400)
        for p in eager.decide(Request(surface="home", at=NOW, user_id="u1", limit=10, decision_id=str(n))).items
    ]
    assert abs(np.mean(placed) - 0.3) < 0.05


def test_boosts_move_items_up(engine: Engine) -> None:
    plain = ask(engine, decision_id="d", limit=40)
    boosted = ask(engine, decision_id="d", limit=40, boost={"brand:Cirrus": 5.0})
    mean = {
        name: np.mean([slate.index(i) for i in slate if int(i[1:]) % 3 == 2])
        for name, slate in (("plain", plain), ("boosted", boosted))
    }
    assert mean["boosted"] < mean["plain"]


def test_a_reason_names_the_last_item_only_where_it_is_the_cause() -> None:
    steps = [event(f"a{n}", user_id=f"u{n}", item_id=item, at=NOW - 500 + n) for n in range(4) for item in ("i1", "i2")]
    lonely = event("x", user_id="u0", item_id="i39", at=NOW - 10)
    made = engine_of([*(e for e in small_shop() if e.kind == "item"), *steps, lonely])
    request = Request(surface="home", at=NOW, user_id="u0", limit=40)
    reasons = {placed.source: placed.reason for placed in made.decide(request).items if not placed.explored}
    assert reasons["covisitation"] == "Often comes with what you looked at", "nobody went on from i39"
    other = made.decide(Request(surface="home", at=NOW, user_id="u1", limit=40))
    assert "Others went on to this after “" in " ".join(placed.reason for placed in other.items)
    assert not any(f"“{made.catalogue.item(made.catalogue.find(p.item_id)).title}”" in p.reason for p in other.items)
