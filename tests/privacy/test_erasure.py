"""Forgetting people: found nowhere on the disk or in memory, everybody else as they were, numbers unchanged."""

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tailorbird.app import App
from tailorbird.errors import NotFound
from tailorbird.identity.joins import Identities
from tailorbird.privacy.erasure import Forgetting, Theirs, everything_of
from tailorbird.types import DAY_SECONDS, Entry, Event, Identity, Request, User

from made_up import NOW, entry, event, records, small_shop

GONE = "anna.schmidt-4711"
PHONE = "device-of-anna-99"


def around() -> list[Entry]:
    """Anna at home on a phone, logged in and not; and a tablet that Ben had before her and Cleo after."""
    return [
        event("x1", user_id=None, anonymous_id=PHONE, item_id="only-anna-saw-this"),
        entry("identity", PHONE, Identity(anonymous_id=PHONE, user_id=GONE, at=NOW)),
        entry("user", GONE, User(user_id=GONE, traits={"city": "Ulm"})),
        event("x2", user_id=GONE, anonymous_id=PHONE, item_id="i3", type="purchase"),
        event("x3", user_id=GONE, anonymous_id="tablet", item_id="i4"),
        event("x4", user_id="cleo", anonymous_id="tablet", item_id="i5"),
        event("x5", user_id="cleo", anonymous_id=PHONE, item_id="i5", at=NOW - 5),
        event("x6", user_id=GONE, anonymous_id=PHONE, item_id="i6"),
    ]


@pytest.fixture
def app(shop_dir: Path) -> Any:
    with App.open(shop_dir, clock=lambda: NOW + 60) as opened:
        entries = small_shop()
        opened.append([*entries[:700], *around(), *entries[700:]])
        yield opened


def stores(shop_dir: Path) -> bytes:
    """Every byte of the shop directory, segments as what they hold."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    found = []
    for file in sorted(shop_dir.rglob("*")):
        if file.suffix == ".parquet":
            found.append(json.dumps(pq.read_table(file).to_pydict(), default=bytes.decode).encode())
        elif file.is_file():
            found.append(file.read_bytes())
    return b"\0".join(found)


def slate(app: App, user: str) -> list[str]:
    with app.engine.patient():
        decision = app.recommend(Request(surface="home", at=NOW + 60, user_id=user, decision_id=f"d{len(user)}"))
    return [placed.item_id for placed in decision.items]


def test_nothing_of_somebody_who_is_erased_is_found_in_any_store(app: App, shop_dir: Path) -> None:
    slate(app, GONE)
    before = stores(shop_dir)
    assert GONE.encode() in before
    proof, names = app.erase([GONE])
    app.forget(names)
    assert (proof.people, proof.devices, proof.records, proof.decisions, proof.left) == (1, 1, 7, 1, 0)
    after = stores(shop_dir)
    for needle in (GONE, PHONE, "Ulm"):
        assert needle.encode() not in after, needle
    assert not {f"u:{GONE}", f"a:{PHONE}"} & {*app.engine.state.keys}
    assert app.engine.state.person(f"u:{GONE}").number == -1
    with pytest.raises(NotFound):
        app.export_person(GONE)
    with pytest.raises(NotFound, match=GONE):
        app.erase([GONE])
    assert app.erasures() == [proof]


def test_closed_segments_forget_too(shop_dir: Path) -> None:
    now = [NOW]
    with App.open(shop_dir, clock=lambda: now[0]) as app:
        app.append([*small_shop(n_events=900), *around()])
        now[0] += 3 * DAY_SECONDS
        files = app.log.close_segments(hot_days=1.0, rows=300)
        assert len(files) == 4
        app.log.read(900, 10)  # a row group is held in memory
        assert GONE.encode() in stores(shop_dir)
        proof, _ = app.erase([GONE])
        assert (proof.records, proof.left) == (7, 0)
        assert GONE.encode() not in stores(shop_dir)
        assert GONE not in str(app.log.read(900, 100))


class Killed(BaseException):
    """Stands for a kill: nothing of ours catches it."""


def kill_points(app: App) -> list[tuple[object, str]]:
    return [
        (app.log, "_rewrite_tail"),
        (app.log._files, "rewrite"),
        (app.log, "drop"),
        (app.ledger, "rename"),
        (app.log, "append"),
    ]


@pytest.mark.parametrize("asked_again", [[GONE], ["cleo"]])
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("point", range(5))
def test_an_erasure_that_is_killed_half_way_is_completed_when_asked_again(
    shop_dir: Path, monkeypatch: Any, point: int, moment: str, asked_again: list[str]
) -> None:
    """Anna's phone is known to be hers by records of the tail alone; what she did on it before is in a segment."""
    now = [NOW]
    with App.open(shop_dir, clock=lambda: now[0]) as app:
        entries = small_shop(n_events=600)
        app.append([event("phone", user_id=None, anonymous_id=PHONE, item_id="only-anna-saw-this"), *entries[:400]])
        now[0] += 3 * DAY_SECONDS
        assert app.log.close_segments(hot_days=1.0, rows=150)
        app.append([*around(), *entries[400:]])
        slate(app, GONE)
        old = app.engine.state
        place, name = kill_points(app)[point]
        whole = getattr(place, name)

        def killed(*given: Any) -> Any:
            if given == ([],):
                return whole(*given)
            if moment == "after":
                whole(*given)
            raise Killed

        with monkeypatch.context() as patched:
            patched.setattr(place, name, killed)
            with pytest.raises(Killed):
                app.erase([GONE])
    with App.open(shop_dir, clock=lambda: now[0]) as app:
        proof, _ = app.erase(asked_again)
        assert proof.left == 0
        after = stores(shop_dir)
        for needle in (GONE, PHONE, "Ulm", "erasing"):
            assert needle.encode() not in after, needle
        new = app.build_engine().state
        assert len(new.keys) == len(old.keys), "nobody has the number of somebody else"
        for key in (f"u:u{n}" for n in range(30)):
            assert new.number(key) == old.number(key)
        with pytest.raises(NotFound):
            app.erase([GONE])


def test_people_of_one_device_are_erased_one_after_the_other(app: App, shop_dir: Path) -> None:
    """Cleo had the tablet after Anna, whose erased records still named it: it was found, and moved numbers."""
    old = app.engine.state
    app.erase([GONE])
    app.erase(["cleo"])
    for needle in (GONE, PHONE, "cleo", "tablet"):
        assert needle.encode() not in stores(shop_dir), needle
    new = app.build_engine().state
    assert len(new.keys) == len(old.keys)
    assert [new.number(f"u:u{n}") for n in range(30)] == [old.number(f"u:u{n}") for n in range(30)]


def test_an_erasure_that_was_killed_is_completed_at_the_next_start(shop_dir: Path, monkeypatch: Any) -> None:
    with App.open(shop_dir, clock=lambda: NOW) as app:
        app.append([*small_shop(n_events=50), *around()])
        with monkeypatch.context() as patched:
            patched.setattr(app.ledger, "rename", lambda _names: (_ for _ in ()).throw(Killed))
            with pytest.raises(Killed):
                app.erase([GONE])
    with App.open(shop_dir, clock=lambda: NOW) as app:
        app.finish_erasure()
        assert [proof.left for proof in app.erasures()] == [0]
        assert GONE.encode() not in stores(shop_dir)
        app.finish_erasure()
        assert len(app.erasures()) == 1


def test_a_proof_counts_who_was_found_and_names_models_that_knew_them(app: App) -> None:
    def fitted(name: str, seq: int) -> None:
        made = app.registry.save(name, {"counts": np.ones(2)}, fitted_seq=seq, now=NOW)
        app.registry.promote({name: made.version})

    app.append([event("late", user_id="dora", item_id="i1")])
    (came,) = [record.seq for record in app.log.read(0, 2_000) if record.key == "late"]
    fitted("before", came - 1)
    fitted("after", came)
    proof, _ = app.erase(["dora", "ghost"], ["nobodys-phone"])
    assert (proof.people, proof.devices, proof.records) == (1, 0, 1)
    assert [*proof.models] == ["after"]
    proof, _ = app.erase([GONE, "ghost"], ["tablet"])
    assert proof.people == 2
    assert sorted(proof.models) == ["after", "before"]


def test_what_a_killed_writer_of_segments_left_is_erased_too(shop_dir: Path) -> None:
    with App.open(shop_dir, clock=lambda: NOW + 3 * DAY_SECONDS) as app:
        app.log._clock = lambda: NOW
        app.append([*small_shop(n_events=50), *around()])
        app.log._clock = lambda: NOW + 3 * DAY_SECONDS
        with app.log._files.alone(wait=True):
            app.log._files.write(1, 60, [app.log.read(0, 60)])
        (shop_dir / "segments" / "000000000001-000000000009.parquet.unfinished").write_bytes(GONE.encode())
        app.erase([GONE])
        assert not list((shop_dir / "segments").glob("*.parquet*"))
        assert GONE.encode() not in stores(shop_dir)


def test_what_was_erased_gives_out_the_same_numbers_and_does_nothing_else(app: App) -> None:
    old = app.engine.state
    _, names = app.erase([GONE])
    app.forget(names)
    new = app.build_engine().state
    assert new.catalogue.ids == old.catalogue.ids
    assert new.keys == old.keys
    for key in old.keys:
        mine, theirs = new.person(key), old.person(key)
        assert np.array_equal(mine.history.items, theirs.history.items), key
    assert len(new.history(new.number(names[f"u:{GONE}"]))) == 0
    seen = new.catalogue.find("only-anna-saw-this")
    assert new.item_rows("item_counts")[seen].sum() == 0.0


def test_a_new_engine_is_wanted_until_one_has_read_the_log_again(app: App) -> None:
    now = [NOW + 60]
    app.clock = lambda: now[0]
    assert not app.outdated
    assert app.engine is not None
    now[0] += 1
    app.erase([GONE])
    app.follow(1_000)
    assert app.outdated
    now[0] += 1
    app.renew(app.build_engine())
    assert not app.outdated


def test_the_slates_of_others_change_only_by_what_somebody_counted(app: App) -> None:
    """Anna did six things among 1,500: everybody's order of the most wanted stays but for those."""
    others = [f"u{n}" for n in range(10)]
    before = {user: app.engine.state.history(app.engine.state.number(f"u:{user}")).items.tolist() for user in others}
    app.erase([GONE])
    app.renew(app.build_engine())
    after = {user: app.engine.state.history(app.engine.state.number(f"u:{user}")).items.tolist() for user in others}
    assert after == before


def test_a_device_belongs_to_whoever_used_it_last() -> None:
    log = records(around())
    assert everything_of({GONE}, lambda: log, Identities).keys == {f"u:{GONE}", f"a:{PHONE}"}
    assert everything_of({"cleo"}, lambda: log, Identities).keys == {"u:cleo", "a:tablet"}


def test_somebody_elses_event_on_the_device_stays_and_names_the_device_no_more() -> None:
    forgetting = Forgetting.of(Theirs(frozenset({f"u:{GONE}", f"a:{PHONE}"})))
    (record,) = records([event("x", user_id="cleo", anonymous_id=PHONE, item_id="i5")])
    instead = forgetting.instead(record)
    assert instead is not None
    told = msgspec.json.decode(instead.body, type=Event)
    assert (instead.kind, told.user_id, told.item_id) == ("event", "cleo", "i5")
    assert told.anonymous_id == forgetting.names[f"a:{PHONE}"][2:]


def on_the_tablet(app: App) -> None:
    """Anna looked around on a tablet before and after logging in; then Cleo did, and it is shared since."""
    app.append(
        [
            event("t1", user_id=None, anonymous_id="tablet-2", item_id="i1"),
            event("t2", user_id=GONE, anonymous_id="tablet-2", item_id="i2"),
            event("t3", user_id=None, anonymous_id="tablet-2", item_id="i3"),
            event("t4", user_id="cleo", anonymous_id="tablet-2", item_id="i4"),
            event("t5", user_id=None, anonymous_id="tablet-2", item_id="i6"),
        ]
    )
    app.follow(1_000)


def test_what_was_done_on_a_device_before_somebody_else_came_is_forgotten_too(app: App) -> None:
    on_the_tablet(app)
    assert [one["event_id"] for one in app.export_person(GONE)["events"]][-3:] == ["t1", "t2", "t3"]
    old = app.engine.state
    proof, names = app.erase([GONE])
    app.forget(names)
    assert proof.left == 0
    kept = {one.key for one in app.log.read(0, 5_000) if one.kind == "event"}
    assert {"t1", "t2", "t3"}.isdisjoint(kept)
    assert {"t4", "t5"} <= kept
    new = app.build_engine().state
    assert len(new.keys) == len(old.keys)
    assert all(mine == theirs for mine, theirs in zip(new.keys, old.keys, strict=True) if ":x-" not in mine)
    assert [new.catalogue.ids[n] for n in new.person("a:tablet-2").history.items] == ["i6"]
    assert [new.catalogue.ids[n] for n in new.person("u:cleo").history.items[-1:]] == ["i4"]


@pytest.mark.parametrize("gone", [(GONE, None), (None, PHONE), (GONE, PHONE)])
def test_who_was_taken_apart_stays_so_when_one_of_them_is_erased(app: App, gone: tuple[str | None, str | None]) -> None:
    now = [NOW + 60]
    app.clock = lambda: now[0]
    app.append(app.separation(PHONE, GONE, reason="sold"))
    app.append([event("p", user_id=None, anonymous_id=PHONE, item_id="i9")])
    now[0] += 1
    old = app.build_engine().state
    assert old.person(f"a:{PHONE}").number != old.person(f"u:{GONE}").number
    user, device = gone
    proof, _ = app.erase([user] if user else [], [device] if device else [])
    assert proof.left == 0
    new = app.build_engine().state
    assert len(new.keys) == len(old.keys)
    same = [n for n, key in enumerate(old.keys) if key in (f"u:u{k}" for k in range(30))]
    assert [new.keys[n] for n in same] == [old.keys[n] for n in same], "nobody gets the number of somebody else"
    if not device:
        assert [new.catalogue.ids[n] for n in new.person(f"a:{PHONE}").history.items][-1] == "i9"
    assert (user or "nobody").encode() not in b"".join(app.log.newest("separation"))
    assert (device or "nobody").encode() not in b"".join(app.log.newest("separation"))


def test_what_comes_again_under_its_old_name_is_not_taken_up_again(app: App) -> None:
    entries = around()
    app.erase([GONE])
    assert {*app.append([one for one in entries if one.kind == "event"])} == {"duplicate"}


def test_a_copy_holds_everything_that_is_known_of_somebody(app: App) -> None:
    slate(app, GONE)
    found = app.export_person(GONE)
    assert found["devices"] == [PHONE]
    assert [one["event_id"] for one in found["events"]] == ["x1", "x2", "x3", "x6"]
    assert found["told"] == [{"user_id": GONE, "traits": {"city": "Ulm"}}]
    assert [one["decision_id"] for one in found["decisions"]] == [f"d{len(GONE)}"]
