"""Retention: what is too old is found nowhere, what is younger is as if it had been all there was, numbers stay."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tailorbird.app import App
from tailorbird.backends.memory import MemoryLog
from tailorbird.backends.sql.log import SqlLog
from tailorbird.config import Config, IdentityConfig, LedgerConfig, LogConfig
from tailorbird.decide import Engine
from tailorbird.features.affinity import CATEGORY
from tailorbird.identity.joins import Separation
from tailorbird.privacy.retention import Retention
from tailorbird.types import DAY_SECONDS, Entry, Event, Identity, Record, Request, User

from made_up import NOW, entry, event, small_shop

KEEP_DAYS = 10.0
BEFORE = (NOW - KEEP_DAYS * DAY_SECONDS) // DAY_SECONDS * DAY_SECONDS
OLD, YOUNG = BEFORE - 1.0, BEFORE + 1.0


def at_times() -> list[Entry]:
    """People of whom something, or nothing, is young."""
    return [
        event("o1", at=OLD, user_id="gone-for-good", item_id="only-the-gone-saw-this", session_id="session-of-old"),
        event("o2", at=OLD, user_id=None, anonymous_id="device-of-ann"),
        event("o3", at=OLD, user_id="ann", anonymous_id="device-of-ann", item_id="i2"),
        event("o4", at=OLD, user_id=None, anonymous_id="device-gone", item_id="i3"),
        event("o5", at=OLD, user_id="ben", item_id="i3", consent={"personalisation": False}),
        event("o6", at=OLD, user_id="cleo", type="consent", item_id=None, consent={"analytics": False}),
        entry("user", "ann", User(user_id="ann", traits={"city": "Ulm"}, consent={"ads": True}), OLD),
        entry("user", "dora", User(user_id="dora", traits={"city": "Bonn"}), OLD),
        entry("user", "ann", User(user_id="ann", traits={"city": "Kiel"}), OLD),
        entry("identity", "tablet", Identity(anonymous_id="tablet", user_id="emil", at=OLD), OLD),
        event("o7", at=OLD, user_id=None, anonymous_id="tablet", item_id="i4"),
        event("y1", at=YOUNG, user_id=None, anonymous_id="device-of-ann", item_id="i5"),
        event("y2", at=YOUNG, user_id=None, anonymous_id="tablet", item_id="i6"),
        event("y3", at=YOUNG, user_id="fred", item_id="i7"),
    ]


def config(**days: float) -> Config:
    log, ledger = days.get("log", KEEP_DAYS), days.get("ledger", KEEP_DAYS)
    return Config(log=LogConfig(keep_days=log), ledger=LedgerConfig(keep_days=ledger))


@pytest.fixture
def app(shop_dir: Path) -> Iterator[App]:
    with App.open(shop_dir, config=config(), clock=lambda: NOW) as opened:
        entries = small_shop(n_people=60)
        opened.append([*entries[:700], *at_times(), *entries[700:]])
        yield opened


def everything(app: App) -> list[Record]:
    found: list[Record] = []
    while more := app.log.read(found[-1].seq if found else 0, 1_000):
        found += more
    return found


def replayed(entries: list[Entry]) -> Engine:
    log, engine = MemoryLog(clock=lambda: NOW), Engine(config())
    log.append(entries)
    for record in log.read(0, 100_000):
        engine.apply(record)
    return engine


def is_old(record: Record) -> bool:
    return record.kind == "event" and record.at < BEFORE


def told_of_everybody(engine: Engine, keys: list[str]) -> list[object]:
    """What an engine knows of these people, in words that do not depend on numbers."""
    state, told = engine.state, []
    for key in keys:
        person = state.person(key)
        seen = zip(person.history.items, person.history.at, strict=True)
        history = [(state.catalogue.ids[item], at) for item, at in seen]
        taste = {state.catalogue.categories.names[n]: w for n, w in person.states["affinity"].of_kind(CATEGORY).items()}
        cart = {state.catalogue.ids[item] for item in person.states["ownership"].cart}
        told.append((key, history, taste, cart, dict(person.consent), person.user))
    return told


def test_a_replay_after_retention_equals_one_of_only_the_younger_events(app: App) -> None:
    before = everything(app)
    old = app.build_engine()
    app.retain()
    new = app.build_engine()
    device = entry("identity", "device-of-ann", Identity(anonymous_id="device-of-ann", user_id="ann", at=OLD))
    refusal = event("o5", at=OLD, user_id="ben", type="consent", item_id=None, consent={"personalisation": False})
    younger = [Entry(r.kind, r.key, r.at, r.body) for r in before if not is_old(r) or r.key == "o6"]
    alone = replayed([device, refusal, *younger])
    people = alone.state.keys
    assert told_of_everybody(new, people) == told_of_everybody(alone, people)
    counts = {i: new.state.item_rows("item_counts")[n].tolist() for n, i in enumerate(new.catalogue.ids)}
    assert {i: counts[i] for i in alone.catalogue.ids} == {
        i: alone.state.item_rows("item_counts")[n].tolist() for n, i in enumerate(alone.catalogue.ids)
    }
    assert min(new.state.history(n).at.min(initial=NOW) for n in range(len(new.state.keys))) >= BEFORE
    assert new.catalogue.ids == old.catalogue.ids
    assert len(new.state.keys) == len(old.state.keys)


def test_whoever_is_still_about_keeps_their_number_and_who_is_not_is_nobody(app: App) -> None:
    old = app.build_engine().state
    app.retain()
    new = app.build_engine().state
    pairs = zip(old.keys, new.keys, strict=True)
    assert {was for was, now in pairs if was != now} == {"u:gone-for-good", "a:device-gone"}
    assert new.person("u:gone-for-good").number == -1
    assert new.person("a:device-of-ann").number == new.person("u:ann").number
    assert [old.catalogue.ids[n] for n in new.person("u:ann").history.items] == ["i5"]
    assert new.person("a:tablet").number == new.person("u:emil").number


def test_nothing_of_what_is_too_old_is_left_in_the_log_but_what_must_stay(app: App) -> None:
    app.retain()
    left = b"".join(record.body + record.key.encode() for record in everything(app))
    for gone in (b"gone-for-good", b"device-gone", b"session-of-old", b"Ulm", b'"o1"', b'"o3"'):
        assert gone not in left, gone
    for stays in (b"only-the-gone-saw-this", b"Kiel", b"Bonn", b'"ads":true', b'"analytics":false'):
        assert stays in left, stays
    assert app.user("ann") == User(user_id="ann", traits={"city": "Kiel"})
    state = app.build_engine().state
    assert state.consents.of("u:ben") == {"personalisation": False}
    assert state.consents.of("u:ann")["ads"] is True


def test_what_was_to_go_is_told_before_and_after_and_happens_once(app: App) -> None:
    before = everything(app)
    told = app.retain(dry_run=True)
    assert everything(app) == before
    went = app.retain()
    assert msgspec.structs.replace(went, at=told.at) == told
    assert went.records == sum(map(is_old, before)) - 1 + 1  # less one answer; and one version of a user
    assert went.people == 2
    assert went.bytes > 80 * went.records
    n_records = len(everything(app))
    again = app.retain()
    assert (again.records, again.people, again.bytes) == (0, 0, 0)
    assert len(everything(app)) == n_records
    assert [msgspec.json.decode(body, type=Retention) for body in app.log.newest("retention")] == [went]


def test_days_that_go_by_take_more_and_those_who_had_stayed(shop_dir: Path) -> None:
    now = [NOW]
    with App.open(shop_dir, config=config(), clock=lambda: now[0]) as app:
        app.append(at_times())
        numbers = app.build_engine().catalogue.ids
        app.retain()
        now[0] += 2 * DAY_SECONDS
        assert app.retain().people == 1  # fred; the device is of ann, whom the shop told us of
        left = b"".join(record.body + record.key.encode() for record in everything(app))
        assert b"fred" not in left
        assert b"device-of-ann" not in left
        engine = app.build_engine()
        assert engine.catalogue.ids == numbers
        assert engine.state.person("a:tablet").number == engine.state.person("u:emil").number
        now[0] += DAY_SECONDS
        assert app.retain().records == 0


def test_a_whole_segment_of_what_expired_becomes_small(shop_dir: Path) -> None:
    now = [NOW]
    with App.open(shop_dir, config=config(), clock=lambda: now[0]) as app:
        app.append(small_shop(n_events=6_000))
        now[0] += 60 * DAY_SECONDS
        assert app.log.close_segments(hot_days=1.0, rows=100_000)
        before = app.log.summary()["bytes"], sum(f.stat().st_size for f in (shop_dir / "segments").iterdir())
        app.log.read(0, 10)
        went = app.retain()
        assert went.records == 6_000
        after = sum(f.stat().st_size for f in (shop_dir / "segments").iterdir())
        assert after < before[1] / 4
        assert app.log.read(0, 100)[-1].kind != "event"
        assert len(everything(app)) == 6_041


def test_old_decisions_leave_the_ledger(app: App) -> None:
    for n, at in enumerate((OLD, OLD - 5, YOUNG)):
        app.recommend(Request(surface="home", at=at, user_id="ann", decision_id=f"d{n}"))
    assert app.retain(dry_run=True).decisions == 2
    assert app.ledger.get("d0") is not None
    assert app.retain().decisions == 2
    assert [app.ledger.get(f"d{n}") is None for n in range(3)] == [True, True, False]
    assert app.retain().decisions == 0


def test_nothing_goes_where_all_is_kept_for_ever(shop_dir: Path) -> None:
    with App.open(shop_dir, config=config(log=0, ledger=0), clock=lambda: NOW) as app:
        app.append(small_shop())
        before = everything(app)
        assert app.retain() == Retention(at=NOW)
        assert app.retain_daily() is None
        assert everything(app) == before


def test_an_engine_that_counts_what_went_is_outdated(app: App) -> None:
    now = [NOW]
    app.clock = lambda: now[0]
    assert app.engine is not None
    now[0] += 1
    app.retain()
    app.follow(1_000)
    assert app.outdated
    now[0] += 1
    app.renew(app.build_engine())
    assert not app.outdated


def test_it_happens_once_a_day(app: App) -> None:
    now = [NOW]
    app.clock = lambda: now[0]
    assert app.retain_daily() is not None
    assert app.retain_daily() is None
    now[0] += DAY_SECONDS
    assert app.retain_daily() is not None


def test_what_is_left_of_somebody_is_in_their_copy_and_is_erased_with_them(app: App) -> None:
    app.retain()
    assert [one["type"] for one in app.export_person("ben")["events"]] == ["expired"]
    assert app.export_person("ann")["devices"] == ["device-of-ann"]
    proof, _ = app.erase(["ann", "ben"])
    assert proof.left == 0
    left = b"".join(record.body for record in everything(app))
    assert b'"ann"' not in left
    assert b"device-of-ann" not in left


def test_what_another_process_takes_out_is_not_read_from_memory(shop_dir: Path) -> None:
    now = [NOW]
    with App.open(shop_dir, config=config(), clock=lambda: now[0]) as app:
        app.append([event("e", user_id="gone-for-good", at=NOW)])
        now[0] += 60 * DAY_SECONDS
        app.log.close_segments(hot_days=1.0, rows=1_000)
        other = SqlLog(shop_dir)
        assert b"gone-for-good" in other.read(0, 10)[0].body
        app.retain()
        assert b"gone-for-good" not in other.read(0, 10)[0].body
        other.close()


def test_an_old_event_that_comes_while_it_runs_waits_for_the_next_day(app: App) -> None:
    """Whoever is named for the first time after the log was read has a number that nothing here knows of."""

    class Late(SqlLog):
        def rewrite(self, change):  # type: ignore[no-untyped-def]
            self.append([event("late", at=OLD, user_id="late", item_id="late-item")])
            return super().rewrite(change)

    app.log = Late(app.shop_dir, clock=app.clock)
    app.retain()
    assert msgspec.json.decode(everything(app)[-2].body, type=Event).event_id == "late"
    assert app.retain().records == 1


@pytest.mark.parametrize("seed", [11, 12, 13])
@pytest.mark.parametrize("shared_days", [0.0, 2.0, 30.0])
def test_every_number_is_what_it_was_whatever_came_in_which_order(
    shop_dir: Path, seed: int, shared_days: float
) -> None:
    draw = np.random.default_rng(seed)
    entries: list[Entry] = []
    for n in range(1_200):
        user = f"u{draw.integers(25)}" if draw.random() < 0.5 else None
        device = f"d{draw.integers(25)}" if user is None or draw.random() < 0.4 else None
        at = NOW - float(draw.random()) * 20 * DAY_SECONDS
        consent = {"ads": bool(draw.integers(2))} if draw.random() < 0.03 else {}
        item = f"x{draw.integers(300)}"
        if draw.random() < 0.05:
            entries.append(
                entry("identity", f"d{n % 25}", Identity(anonymous_id=f"d{n % 25}", user_id=f"u{n % 7}", at=at))
            )
        if draw.random() < 0.02:
            pair = {"anonymous_id": f"d{draw.integers(25)}", "user_id": f"u{draw.integers(25)}"}
            entries.append(Separation(**pair, at=at, apart=bool(draw.random() < 0.7)).entry())
        entries.append(event(f"e{n}", at=at, user_id=user, anonymous_id=device, item_id=item, consent=consent))
    now = [NOW - 4 * DAY_SECONDS]
    settings = config().model_copy(update={"identity": IdentityConfig(shared_days=shared_days)})
    with App.open(shop_dir, config=settings, clock=lambda: now[0]) as app:
        app.append(entries)
        old = app.build_engine().state
        for _ in range(4):
            now[0] += DAY_SECONDS
            app.retain()
            new = app.build_engine().state
            assert new.catalogue.ids == old.catalogue.ids
            assert len(new.keys) == len(old.keys)
            before = (now[0] - KEEP_DAYS * DAY_SECONDS) // DAY_SECONDS * DAY_SECONDS
            for number, (was, is_now) in enumerate(zip(old.keys, new.keys, strict=True)):
                assert is_now == was or is_now[2:4] == "x-"
                mine, theirs = new.history(number), old.history(number)
                young = theirs.at >= before
                assert sorted(mine.items.tolist()) == sorted(theirs.items[young].tolist()), (number, was, is_now)
                assert new.identities.unit(number)[2:4] == "x-" or was == is_now
            for key in old.keys:
                if new.identities.find(key) != -1:
                    assert new.identities.find(key) == old.identities.find(key)
                    assert new.identities.is_shared(key) == old.identities.is_shared(key)


class Killed(BaseException):
    """Stands for a kill: nothing of ours catches it."""


@pytest.mark.parametrize("point", ["_rewrite_tail", "append"])
def test_a_run_that_is_killed_half_way_is_completed_with_the_same_names(
    shop_dir: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    """The tail is done and the segments are not, or all is and nobody was told."""
    now = [NOW - 3 * DAY_SECONDS]
    with App.open(shop_dir, config=config(), clock=lambda: now[0]) as app:
        gone = [event(f"g{n}", at=OLD + n / 100, user_id=f"gone-{n % 7}", item_id=f"i{n}") for n in range(40)]
        app.append([*gone[:20], *at_times()])
        now[0] += 3 * DAY_SECONDS
        assert app.log.close_segments(hot_days=1.0, rows=1_000)
        app.append([*gone[20:], event("y9", at=YOUNG, user_id="zoe", item_id="i1")])
        old = app.build_engine().state
        whole = getattr(app.log, point)

        def killed(*given: object) -> None:
            whole(*given)
            raise Killed

        with monkeypatch.context() as patched:
            patched.setattr(app.log, point, killed)
            with pytest.raises(Killed):
                app.retain()
    with App.open(shop_dir, config=config(), clock=lambda: now[0]) as app:
        app.retain()
        new = app.build_engine().state
        assert len(new.keys) == len(old.keys)
        assert new.number("u:zoe") == old.number("u:zoe")
        assert not any("gone-" in key for key in new.keys)
        assert not app.log.newest("expiring")
        assert app.log.newest("retention"), "everybody who follows is told"
