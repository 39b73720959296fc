"""A copy made while everything runs is a whole shop of one moment."""

import threading
from pathlib import Path

import msgspec
import pytest

from tailorbird.app import App
from tailorbird.backends.backup import LIST, back_up, restore
from tailorbird.errors import BadInput, UnreadableFile
from tailorbird.types import DAY_SECONDS, Record, Request

from made_up import NOW, event, small_shop


def everything(app: App) -> list[Record]:
    found: list[Record] = []
    while more := app.log.read(found[-1].seq if found else 0, 1_000):
        found.extend(more)
    return found


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A shop with closed segments, a tail, decisions, a key in clear and settings."""
    now = [NOW]
    with App.open(tmp_path / "shop", clock=lambda: now[0]) as app:
        app.append(small_shop(n_events=800))
        now[0] += 3 * DAY_SECONDS
        app.log.close_segments(hot_days=1.0, rows=300)
        app.append([event("tail", at=now[0])])
        app.recommend(Request(surface="home", at=now[0], user_id="u1", decision_id="d1"))
    (tmp_path / "shop" / "tailorbird.toml").write_text("")
    (tmp_path / "shop" / "keys.json").write_text('{"secret": "in clear"}')
    (tmp_path / "shop" / "models").mkdir()
    (tmp_path / "shop" / "models" / "current.json").write_text("{}")
    return tmp_path / "shop"


def test_what_was_put_back_is_the_shop_that_was(shop: Path, tmp_path: Path) -> None:
    made = back_up(shop, tmp_path / "copy")
    assert restore(tmp_path / "copy", tmp_path / "again") == made
    with App.open(shop) as one, App.open(tmp_path / "again") as other:
        assert everything(one) == everything(other)
        assert other.ledger.get("d1") == one.ledger.get("d1")
        assert other.engine.seq == made.last_seq == one.log.last_seq()
        assert other.append([event("tail", at=NOW + 3 * DAY_SECONDS), event("new")]) == ["duplicate", "accepted"]
    names = {file.name for file in made.files}
    assert {"tailorbird.db", "decisions.db", "tailorbird.toml", "models/current.json"} <= names
    assert "keys.json" not in names


def test_a_copy_made_while_others_write_and_close_segments_is_one_moment(shop: Path, tmp_path: Path) -> None:
    stop = threading.Event()
    now = [NOW + 3 * DAY_SECONDS]
    with App.open(shop, clock=lambda: now[0]) as app:

        def write() -> None:
            n = 0
            while not stop.is_set():
                app.append([event(f"w{n}-{k}", at=now[0]) for k in range(20)])
                now[0] += DAY_SECONDS / 10
                if n % 10 == 0:
                    app.log.close_segments(hot_days=1.0, rows=100)
                n += 1

        writer = threading.Thread(target=write)
        writer.start()
        try:
            copies = [back_up(shop, tmp_path / f"copy{n}") for n in range(4)]
        finally:
            stop.set()
            writer.join()
        whole = {record.seq: record for record in everything(app)}
    for n, made in enumerate(copies):
        restore(tmp_path / f"copy{n}", tmp_path / f"again{n}")
        with App.open(tmp_path / f"again{n}") as other:
            records = everything(other)
        assert [record.seq for record in records] == list(range(1, made.last_seq + 1))
        assert all(whole[record.seq] == record for record in records)


def test_nothing_is_overwritten_and_a_copy_that_was_not_finished_is_none(shop: Path, tmp_path: Path) -> None:
    back_up(shop, tmp_path / "copy")
    with pytest.raises(BadInput, match="copy is not empty"):
        back_up(shop, tmp_path / "copy")
    with pytest.raises(BadInput, match="within the shop directory"):
        back_up(shop, shop / "copy")
    with pytest.raises(BadInput, match="shop is not empty"):
        restore(tmp_path / "copy", shop)
    (tmp_path / "copy" / LIST).unlink()
    with pytest.raises(UnreadableFile, match="no backup, or one that was not finished"):
        restore(tmp_path / "copy", tmp_path / "again")
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("damage", ["changed", "gone"])
def test_a_damaged_copy_is_named_before_anything_is_written(shop: Path, tmp_path: Path, damage: str) -> None:
    made = back_up(shop, tmp_path / "copy")
    (segment,) = [file.name for file in made.files if file.name.startswith("segments/")][:1]
    file = tmp_path / "copy" / segment
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(UnreadableFile, match="is missing or was changed"):
        restore(tmp_path / "copy", tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_the_list_is_plain(shop: Path, tmp_path: Path) -> None:
    back_up(shop, tmp_path / "copy")
    told = msgspec.json.decode((tmp_path / "copy" / LIST).read_bytes())
    assert {*told} == {"made_at", "tailorbird", "last_seq", "files"}
