"""The comparison of a server that lived with a replay: it finds nothing, and would find something."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def script(name):
    spec = spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


parity = script("parity")


def test_a_small_life_leaves_what_a_replay_of_it_gives(tmp_path):
    found = parity.measured(tmp_path, n_events=6_000, n_people=300, n_days=4)
    assert found["differences"] == []
    assert found["happened"]["renewals"] == 3
    assert found["happened"]["separations"] > 0
    assert found["happened"]["event duplicate"] > 0


def test_one_look_more_is_a_difference(tmp_path):
    one, other = (parity.App.open(tmp_path / name, clock=lambda: 1.76e9) for name in ("one", "other"))
    draw = np.random.default_rng(1)
    for app in (one, other):
        app.append(list(parity.bulk_items(400, at=1.76e9)))
        app.append([entry for entry in parity.a_day(draw, 500, 50, 1.76e9, name="d") if entry.kind == "event"])
        draw = np.random.default_rng(1)
    assert list(parity.compared(one.engine, other.engine, draw, 1.77e9)) == []
    look = b'{"type":"item_view","at":1.76e9,"user_id":"user-1","item_id":"item-1"}'
    other.append([parity.Entry("event", "more", 1.76e9, look)])
    other.follow(1e9)
    assert "the states of 1 of" in " ".join(parity.compared(one.engine, other.engine, draw, 1.77e9))
    for app in (one, other):
        app.close()
