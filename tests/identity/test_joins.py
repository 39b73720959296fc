"""Who is one person: joined, on a shared device, taken apart, and under which id they were first met."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailorbird.app import App
from tailorbird.config import IdentityConfig
from tailorbird.identity.joins import Identities, Separation
from tailorbird.types import DAY_SECONDS, Entry, Identity, Request

from made_up import NOW, event, small_shop

DAY = DAY_SECONDS


def apart(anonymous: str, user: str, *, at: float = NOW, stays: bool = True) -> Separation:
    return Separation(anonymous_id=anonymous, user_id=user, at=at, apart=stays)


def test_a_login_joins_a_device_with_its_past_once() -> None:
    people = Identities()
    phone = people.number("a:phone")
    assert people.join("a:phone", "u:1", NOW, "identify") == phone
    assert people.join("a:phone", "u:1", NOW + 1, "purchase") == -1
    assert people.find("a:phone") == people.find("u:1")
    ((key, device),) = people.devices("u:1")
    assert (key, device.since, device.at, device.evidence) == ("a:phone", NOW, NOW + 1, "identify")


def test_a_device_is_shared_while_two_users_come_within_a_month_and_no_longer() -> None:
    people = Identities(IdentityConfig(shared_days=30))
    people.join("a:tv", "u:mother", NOW, "identify")
    people.join("a:tv", "u:child", NOW + 3 * DAY, "identify")
    own = people.find("a:tv")
    assert people.is_shared("a:tv")
    assert own not in (people.find("u:mother"), people.find("u:child"))
    people.join("a:tv", "u:mother", NOW + 20 * DAY, "identify")
    assert people.find("a:tv") == own
    people.join("a:tv", "u:mother", NOW + 60 * DAY, "identify")
    assert not people.is_shared("a:tv")
    assert people.find("a:tv") == people.find("u:mother")
    people.join("a:tv", "u:child", NOW + 61 * DAY, "identify")
    assert people.find("a:tv") == own, "what was nobody's then is nobody's now"


def test_without_a_window_a_device_is_always_the_last_ones() -> None:
    people = Identities(IdentityConfig(shared_days=0))
    people.join("a:tv", "u:mother", NOW, "identify")
    people.join("a:tv", "u:child", NOW, "identify")
    assert people.find("a:tv") == people.find("u:child")
    assert [key for key, _ in people.devices("u:mother")] == []


def test_ids_that_are_apart_are_never_joined_and_only_news_changes_the_past() -> None:
    people = Identities(separations=[apart("tv", "7")], told_seq=4)
    assert people.join("a:tv", "u:7", NOW, "identify") == -1
    assert people.find("a:tv") == -1
    assert not people.separate(apart("tv", "7"), 4), "it was told at the beginning"
    assert people.separate(apart("tv", "7", at=NOW + 1, stays=False), 5)
    people.join("a:tv", "u:7", NOW + 2, "identify")
    assert people.find("a:tv") == people.find("u:7")
    assert people.separate(apart("tv", "7", at=NOW + 3), 6)
    assert people.find("a:tv") not in (-1, people.find("u:7"))
    assert people.is_apart("a:tv", "u:7")


def test_an_old_separation_that_was_taken_back_separates_nobody_in_a_replay() -> None:
    people = Identities(separations=[apart("tv", "7", at=NOW + 5, stays=False)], told_seq=4)
    people.join("a:tv", "u:7", NOW, "identify")
    assert not people.separate(apart("tv", "7", at=NOW + 1), 2)
    assert people.find("a:tv") == people.find("u:7")


def test_whoever_logs_in_keeps_the_id_by_which_they_were_first_met() -> None:
    people = Identities()
    people.number("a:phone")
    people.join("a:phone", "u:new", NOW, "identify")
    assert people.unit(people.find("u:new")) == "a:phone"
    people.number("a:laptop")
    people.join("a:laptop", "u:new", NOW, "identify")
    assert people.unit(people.find("a:laptop")) == "a:phone", "another device changes nothing"
    people.number("u:old")
    people.number("a:tablet")
    people.join("a:tablet", "u:old", NOW, "identify")
    assert people.unit(people.find("a:tablet")) == "u:old", "who was known before stays where they were"


def around() -> list[Entry]:
    """Ben's phone, and a till at which he once logged in."""
    return [
        *small_shop(n_events=200),
        event("1", user_id=None, anonymous_id="till", item_id="i1"),
        event("2", user_id="ben", anonymous_id="till", item_id="i2", at=NOW + 1),
        event("3", user_id=None, anonymous_id="till", item_id="i3", at=NOW + 2),
        event("4", user_id="ben", anonymous_id="phone", item_id="i4", at=NOW + 3),
    ]


def history(app: App, key: str) -> list[str]:
    engine = app.engine
    return [engine.catalogue.ids[n] for n in engine.state.person(key).history.items]


@pytest.fixture
def app(shop_dir: Path) -> Any:
    now = [NOW + 60]
    with App.open(shop_dir, clock=lambda: now[0]) as opened:
        opened.append(around())
        opened.engine.warm(NOW)
        opened.now = now  # type: ignore[attr-defined]
        yield opened


def test_a_separation_holds_at_once_for_the_device_and_after_a_renewal_for_the_past(app: Any) -> None:
    assert history(app, "u:ben") == ["i1", "i2", "i3", "i4"]
    app.append(app.separation("till", "ben", reason="a till"))
    app.follow(1_000)
    assert history(app, "a:till") == []
    assert app.outdated
    app.now[0] += 1
    app.renew(app.build_engine())
    assert history(app, "u:ben") == ["i2", "i4"]
    assert history(app, "a:till") == ["i1", "i3"]
    assert not app.outdated
    app.append([event("5", user_id="ben", anonymous_id="till", item_id="i5", at=NOW + 9)])
    app.follow(1_000)
    assert history(app, "u:ben") == ["i2", "i4", "i5"]
    assert history(app, "a:till") == ["i1", "i3"], "logging in there again joins nothing"


def test_the_newest_word_about_two_ids_holds_where_the_clock_went_back(app: Any) -> None:
    app.append(app.separation("till", "ben"))
    app.append([apart("till", "ben", at=NOW - DAY, stays=False).entry()])
    app.follow(1_000)
    assert not app.engine.state.identities.is_apart("a:till", "u:ben")
    app.renew(app.build_engine())
    assert not app.engine.state.identities.is_apart("a:till", "u:ben"), "a replay takes the last word too"


def test_what_was_taken_apart_by_mistake_comes_together_again(app: Any) -> None:
    app.append(app.separation("till", "ben"))
    assert app.separation("till", "ben") == [], "it is said already"
    app.now[0] += 1
    same = Identity(anonymous_id="till", user_id="ben", at=app.now[0])
    assert app.claim(same, rejoin=False) == ([], "apart")
    entries, became = app.claim(same, rejoin=True)
    assert became == "joined"
    app.append(entries)
    assert app.claim(same, rejoin=False) == ([], "known")
    app.follow(1_000)
    app.now[0] += 1
    app.renew(app.build_engine())
    assert history(app, "u:ben") == ["i1", "i2", "i3", "i4"]


entries_of_a_log = st.lists(
    st.tuples(
        st.sampled_from(["event", "both", "login", "apart", "again"]),
        st.integers(0, 3),
        st.integers(0, 2),
        st.integers(0, 50),
    ),
    max_size=40,
)


@settings(max_examples=40)
@given(entries_of_a_log)
def test_a_renewed_state_is_that_of_a_replay_whatever_was_joined_and_taken_apart(
    tmp_path_factory: pytest.TempPathFactory, happened: list[tuple[str, int, int, int]]
) -> None:
    now = [NOW]
    with App.open(tmp_path_factory.mktemp("shop"), clock=lambda: now[0]) as app:
        app.append(small_shop(n_events=0))
        assert app.engine is not None
        for n, (what, device, user, days) in enumerate(happened):
            now[0] += 60
            at = now[0] + days * DAY
            names = {"anonymous_id": f"d{device}", "user_id": f"u{user}"}
            if what in ("event", "both"):
                ids = {**names, "user_id": None} if what == "event" else names
                app.append([event(f"e{n}", at=at, item_id=f"i{n}", **ids)])
            elif what == "login":
                app.append(app.claim(Identity(**names, at=at), rejoin=False)[0])
            elif what == "apart":
                app.append(app.separation(names["anonymous_id"], names["user_id"]))
            else:
                app.append(app.claim(Identity(**names, at=at), rejoin=True)[0])
            app.follow(1_000)
        now[0] += 60
        if app.outdated:
            app.renew(app.build_engine())
        live, replayed = app.engine.state, app.build_engine().state
        assert live.keys == replayed.keys
        request = Request(surface="home", at=now[0])
        items = np.arange(len(live.catalogue), dtype=np.int32)
        for key in live.keys:
            mine, theirs = live.person(key), replayed.person(key)
            assert (mine.number, mine.unit) == (theirs.number, theirs.unit)
            assert np.array_equal(live.read(mine, request, items), replayed.read(theirs, request, items))
