"""`tailorbird simulate`, as typed."""

import json

import pytest

from tailorbird.app import App
from tailorbird.cli import main
from tailorbird.simulator.saved import FILE, PART, begin, load_world
from tailorbird.simulator.world import World
from tailorbird.types import Entry

SMALL = ["--shoppers", "40", "--items", "90", "--days", "5"]


def run(capsys, *words):
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    told = capsys.readouterr()
    return ended.value.code, told.out, told.err


def test_shop_writes_a_history_that_a_world_can_be_loaded_from(capsys, shop_dir):
    code, out, _ = run(capsys, "--shop-dir", shop_dir, "simulate", "shop", *SMALL, "--json")
    assert code == 0
    told = json.loads(out)
    with App.open(shop_dir) as app:
        kinds = [record.kind for record in app.log.read(0, 100_000)]
    assert kinds.count("event") == told["events"] > 0
    assert kinds.count("user") == told["users"]
    assert load_world(shop_dir).shoppers.n == 40


def test_a_directory_that_holds_a_shop_is_left_alone(capsys, shop_dir):
    run(capsys, "--shop-dir", shop_dir, "simulate", "shop", *SMALL)
    code, _, err = run(capsys, "--shop-dir", shop_dir, "simulate", "shop", *SMALL)
    assert code == 2
    assert "already holds a shop" in err


def test_a_killed_run_is_taken_up_and_ends_like_a_whole_one(capsys, shop_dir, tmp_path):
    run(capsys, "--shop-dir", shop_dir, "simulate", "shop", *SMALL)
    world = load_world(shop_dir)
    half = tmp_path / "half"
    with App.open(shop_dir) as app, App.open(half) as torn:
        whole = app.log.read(0, 100_000)
        torn.log.append([record_entry(record) for record in whole[: len(whole) // 2]])
    begin(half, World("fashion", shoppers=40, items=90, seed=1, now=world.now), 5)
    code, _, err = run(capsys, "--shop-dir", half, "simulate", "shop", *SMALL)
    assert code == 0
    assert "half written" in err
    assert (half / FILE).exists()
    assert not (half / PART).exists()
    with App.open(shop_dir) as app, App.open(half) as mended:
        assert [r.body for r in app.log.read(0, 100_000) if r.kind == "event"] == [
            r.body for r in mended.log.read(0, 100_000) if r.kind == "event"
        ]


def record_entry(record):
    return Entry(record.kind, record.key, record.at, record.body)


def test_a_mistyped_world_gets_its_remedy(capsys, shop_dir):
    code, _, err = run(capsys, "--shop-dir", shop_dir, "simulate", "shop", "--world", "grocry")
    assert code == 1
    assert "Did you mean 'grocery'?" in err
    assert not shop_dir.exists()


def test_traffic_without_a_world_says_how_to_get_one(capsys, shop_dir):
    code, _, err = run(capsys, "--shop-dir", shop_dir, "simulate", "traffic", "--key", "k")
    assert code == 1
    assert "simulate shop" in err
