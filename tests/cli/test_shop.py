"""A shop's data in and out, as somebody types it: exit codes, JSON, and clear words when something is wrong."""

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tailorbird.backends.sql.log import SqlLog
from tailorbird.cli.config_template import config_template
from tailorbird.config import DEFAULT_WEIGHTS, Config
from tailorbird.ingest.formats import FORMATS
from tailorbird.simulator.saved import FILE as SIMULATED

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def events_csv(tmp_path: Path) -> Path:
    path = tmp_path / "events.csv"
    rows = [f"item_view,2024-05-{1 + n % 28:02d},u{n % 20},i{n % 9}" for n in range(300)]
    path.write_text("\n".join(["type,at,user_id,item_id", *rows, "item_view,2024-05-01,,i1"]) + "\n")
    return path


@pytest.fixture
def items_csv(tmp_path: Path) -> Path:
    path = tmp_path / "items.csv"
    path.write_text("".join(f"{line}\n" for line in ("item_id,title,price", *(f"i{n},Cup {n},{n}" for n in range(9)))))
    return path


# ---- init ---------------------------------------------------------------------------------------------------------


def test_init_writes_every_setting_commented_out_and_never_over_another(run: Run, shop_dir: Path) -> None:
    assert run("init")[0] == 0
    path = shop_dir / "tailorbird.toml"
    assert Config.model_validate(tomllib.loads(path.read_text())) == Config()
    path.write_text("mine")
    code, _, err = run("init")
    assert code == 2
    assert "left alone" in err
    assert path.read_text() == "mine"


def test_the_template_uncommented_is_the_default_configuration() -> None:
    settings = [
        line.removeprefix("# ")
        for line in config_template().splitlines()
        if line.startswith("[") or " = " in line or line == "# [policies.home]"
    ]
    tree = tomllib.loads("\n".join(settings))
    assert tree["events"].pop("weights") == DEFAULT_WEIGHTS
    home = tree.pop("policies")
    assert Config.model_validate(tree) == Config()
    assert set(home["home"]) == set(Config.model_validate({"policies": home}).policies["home"].model_dump())


def test_the_template_names_every_setting() -> None:
    text = config_template()
    for name, field in Config.model_fields.items():
        assert f"[{name}" in text or f"# {name} = " in text
        for inner in getattr(field.annotation, "model_fields", {}):
            assert f"# {inner} = " in text


# ---- import and export --------------------------------------------------------------------------------------------


def test_import_tells_what_became_of_each_row_and_a_second_one_adds_nothing(run: Run, events_csv: Path) -> None:
    code, out, _ = run("import", "events", events_csv, "--json")
    report = json.loads(out)
    assert code == 1
    assert {name: report[name] for name in ("rows", "accepted", "duplicates", "rejected")} == {
        "rows": 301,
        "accepted": 300,
        "duplicates": 0,
        "rejected": 1,
    }
    assert report["reasons"][0] | {"message": ""} == {
        "code": "missing_field",
        "count": 1,
        "first_line": 302,
        "message": "",
        "more": [],
    }
    again = json.loads(run("import", "events", events_csv, "--json")[1])
    assert (again["accepted"], again["duplicates"]) == (0, 300)


def test_import_shows_people_a_table(run: Run, events_csv: Path, items_csv: Path) -> None:
    code, out, err = run("import", "events", events_csv)
    assert code == 1
    assert "missing_field" in out
    assert "accepted" in out
    assert err == ""
    assert run("import", "items", items_csv)[0] == 0


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        ("type,at,user_id,item_id\n", ("--map", "user_id=User"), "has no column 'User'"),
        ("type,at,user_id,item_id\n", ("--map", "usr=user_id"), "--map names the field 'usr'"),
        ("a,b\n1,2\n", (), "--map"),
        ("", (), "is empty"),
        ("type,at,user_id,item_id\n", ("--format", "nativ"), "no format 'nativ'"),
        ("type,at,user_id,item_id\n", ("--encoding", "utf8000"), "no encoding 'utf8000'"),
        ("type,at,user_id,item_id\n", ("--skip", "type"), "--skip is 'type'"),
    ],
)
def test_what_cannot_run_says_why_with_exit_code_2(
    run: Run, tmp_path: Path, content: str, options: tuple[str, ...], said: str
) -> None:
    (tmp_path / "a.csv").write_text(content)
    code, out, err = run("import", "events", tmp_path / "a.csv", *options)
    assert (code, out) == (2, "")
    assert said in err


@pytest.mark.parametrize("kind", FORMATS)
def test_help_names_every_format(run: Run, kind: str) -> None:
    said = run("import", kind, "--help")[1]
    named = {name for forms in FORMATS.values() for name in forms if name in said}
    assert named == set(FORMATS[kind])


def test_a_format_goes_with_its_command(run: Run, tmp_path: Path) -> None:
    (tmp_path / "feed.xml").write_text("<rss><channel></channel></rss>")
    code, _, err = run("import", "events", tmp_path / "feed.xml", "--format", "google-merchant")
    assert code == 2
    assert "google-merchant is a catalogue. Read it with `tailorbird import items`" in " ".join(err.split())


def test_a_file_that_is_not_there_and_a_latin_1_one(run: Run, tmp_path: Path) -> None:
    assert run("import", "items", tmp_path / "nope.csv")[0] == 2
    (tmp_path / "a.csv").write_bytes("item_id,title\n1,Café\n".encode("latin-1"))
    code, _, err = run("import", "items", tmp_path / "a.csv")
    assert code == 2
    assert "--encoding windows-1252" in err
    assert run("import", "items", tmp_path / "a.csv", "--encoding", "windows-1252")[0] == 0


def test_three_mistakes_in_the_configuration_are_told_at_once(run: Run, shop_dir: Path, events_csv: Path) -> None:
    shop_dir.mkdir()
    (shop_dir / "tailorbird.toml").write_text('[server]\nport = 0\nhots = "x"\n[events]\nhistory = "many"\n')
    code, _, err = run("import", "events", events_csv)
    assert code == 2
    assert all(word in err for word in ("3 mistakes", "server.port", "server.hots", "events.history"))


def test_export_writes_what_import_reads_again(
    run: Run, tmp_path: Path, shop_dir: Path, events_csv: Path, items_csv: Path
) -> None:
    run("import", "items", items_csv)
    run("import", "events", events_csv)
    assert len(run("export", "items")[1].splitlines()) == 9
    assert len(run("export", "events", "--user", "u3")[1].splitlines()) == 15
    assert len(run("export", "events", "--since", "2024-05-02", "--until", "2024-05-03")[1].splitlines()) == 11
    assert run("export", "decisions")[:2] == (0, "")
    run("export", "events", "--out", tmp_path / "out.jsonl")
    code, out, _ = run("--shop-dir", shop_dir.with_name("other"), "import", "events", tmp_path / "out.jsonl", "--json")
    assert (code, json.loads(out)["accepted"]) == (0, 300)
    assert run("export", "events", "--since", "soon")[0] == 2
    assert run("export", "events", "--out", tmp_path / "no" / "dir.jsonl")[0] == 2


def test_an_imported_price_is_in_the_currency_of_the_configuration(run: Run, shop_dir: Path, items_csv: Path) -> None:
    shop_dir.mkdir()
    (shop_dir / "tailorbird.toml").write_text('[catalogue]\ncurrency = "SEK"\n')
    assert run("import", "items", items_csv)[0] == 0
    assert json.loads(run("export", "items")[1].splitlines()[0])["currency"] == "SEK"


def test_a_killed_import_lost_nothing_and_the_next_one_adds_the_rest(run: Run, tmp_path: Path, shop_dir: Path) -> None:
    path = tmp_path / "big.csv"
    n_rows = 50_000
    # Every third line repeats the one before: an ordinal that forgot what came before the kill would lose or double it.
    same = (n - (n % 3) // 2 for n in range(n_rows))
    body = "".join(f"item_view,2024-05-01,u{n % 3000},i{n}\n" for n in same)
    path.write_text(f"type,at,user_id,item_id\n{body}")
    assert len(set(body.splitlines())) < 0.7 * n_rows
    shop_dir.mkdir()
    log = SqlLog(shop_dir)
    words = [sys.executable, "-m", "tailorbird", "--shop-dir", str(shop_dir), "import", "events", str(path)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while log.last_seq() < 3_000 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    before = log.last_seq()
    assert 0 < before < n_rows
    report = json.loads(run("import", "events", path, "--json")[1])
    assert (report["accepted"], report["duplicates"], report["rejected"]) == (n_rows - before, before, 0)
    assert log.last_seq() == n_rows


# ---- check and doctor ---------------------------------------------------------------------------------------------


def test_check_says_no_to_an_empty_shop_and_yes_to_a_fed_one(run: Run, events_csv: Path, items_csv: Path) -> None:
    run("init")
    code, out, _ = run("check", "--json")
    assert (code, json.loads(out)["ready"]) == (1, False)
    run("import", "items", items_csv)
    run("import", "events", events_csv)
    code, out, _ = run("check", "--json")
    shape = json.loads(out)
    assert (code, shape["ready"], shape["events"], shape["people"]) == (0, True, 300, 20)
    assert "import_missing_field" in [finding["code"] for finding in shape["findings"]]
    code, out, _ = run("check")
    assert code == 0
    assert "Ready" in out


def findings(run: Run) -> tuple[int, dict[str, Any]]:
    code, out, _ = run("doctor", "--json")
    return code, {state["what"]: state for state in json.loads(out)["findings"]}


def test_check_says_what_is_wrong_first_and_a_cost_once(run: Run, tmp_path: Path) -> None:
    bad = [{"type": "item_view", "at": "2026-03-01", "user_id": "u", "item_id": f"i{n}"} for n in range(40)]
    for n, spoilt in enumerate(({"at": "yesterday"}, {"value": "much"}, {"type": ""}) * 5):
        bad[n] |= spoilt
    events = tmp_path / "events.jsonl"
    events.write_text("\n".join(map(json.dumps, bad)))
    run("import", "events", events)
    items = tmp_path / "items.csv"
    items.write_text("item_id,title,price\n" + "".join(f"i{n},Mug,0\n" for n in range(40)))
    run("import", "items", items)
    out = run("check")[1]
    told = " ".join(out.replace("│", " ").split())
    assert out.index("What to know") < out.index("What the log holds")
    assert told.count("their people have a shorter history") == 1
    assert told.count("were left out") == 3
    assert told.count("at is 'yesterday'") == 1
    assert told.count("(Mug)") <= 2 * 3
    assert [len(finding["examples"]) for finding in json.loads(run("check", "--json")[1])["findings"]].count(5) >= 1


def test_doctor_finds_a_missing_directory_and_then_a_sound_shop(run: Run, events_csv: Path) -> None:
    code, found = findings(run)
    assert (code, found["shop directory"]["state"]) == (1, "problem")
    run("import", "events", events_csv)
    code, found = findings(run)
    assert code == 0
    assert "300 records" in found["log"]["found"]
    assert found["log's lock"]["state"] == "good"
    assert found["models"]["state"] == "warning"
    assert run("doctor")[0] == 0


def test_doctor_names_a_mistake_in_the_configuration(run: Run, shop_dir: Path) -> None:
    shop_dir.mkdir()
    (shop_dir / "tailorbird.toml").write_text("[server]\nport = 0\n")
    code, found = findings(run)
    assert code == 1
    assert "server.port" in found["configuration"]["found"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[policies.home]\nchannels = { populer = 10 }\n", "Did you mean 'popular'?"),
        ('[policies.home]\nranker = "rankr"\n', "Did you mean 'ranker'?"),
        ('[training]\nmodels = ["eas"]\n', "Did you mean 'ease'?"),
        ('[catalogue]\nsources = ["pim"]\nprecedence = { title = ["pin"] }\n', "Did you mean 'pim'?"),
    ],
)
def test_doctor_refuses_a_configuration_that_serve_refuses(run: Run, shop_dir: Path, text: str, told: str) -> None:
    shop_dir.mkdir()
    (shop_dir / "tailorbird.toml").write_text(text)
    code, found = findings(run)
    assert (code, found["configuration"]["state"]) == (1, "problem")
    assert told in found["configuration"]["found"]
    assert found["configuration"]["remedy"]
    assert not (shop_dir / "tailorbird.db").exists()
    code, _, err = run("policy", "check")
    assert (code, told in err) == (1, True)


def test_doctor_refuses_an_address_that_serve_cannot_listen_on(run: Run, shop_dir: Path) -> None:
    shop_dir.mkdir()
    (shop_dir / "tailorbird.toml").write_text('[server]\nhost = "203.0.113.7"\n')
    code, found = findings(run)
    assert (code, found["server"]["state"]) == (1, "problem")
    assert "203.0.113.7" in found["server"]["found"]


def test_doctor_blames_a_variable_for_its_mistake(run: Run, shop_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop_dir.mkdir()
    monkeypatch.setenv("TAILORBIRD_SERVER__PORT", "many")
    found = findings(run)[1]["configuration"]
    assert "TAILORBIRD_SERVER__PORT (server.port) is 'many'" in found["found"]
    assert "tailorbird.toml" not in found["found"]


def test_doctor_sees_who_holds_the_lock(run: Run, events_csv: Path, shop_dir: Path) -> None:
    run("import", "events", events_csv)
    log = SqlLog(shop_dir)
    with log.engine.begin():
        _, found = findings(run)
    assert found["log's lock"]["state"] == "warning"
    assert str(os.getpid()) in found["log's lock"]["found"]


def test_doctor_sees_a_damaged_log(run: Run, shop_dir: Path) -> None:
    shop_dir.mkdir()
    (shop_dir / "tailorbird.db").write_bytes(b"not a database" * 100)
    code, found = findings(run)
    assert (code, found["log"]["state"]) == (1, "problem")


def test_importing_into_a_simulated_shop_says_that_it_is_one(run: Run, tmp_path: Path, shop_dir: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("item_id,title\na,Cup\n")
    assert "simulated" not in run("import", "items", path)[2]
    (shop_dir / SIMULATED).write_text("{}")
    assert "is a simulated shop: these rows join its own" in run("import", "items", path)[2]
