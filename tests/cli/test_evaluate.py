"""Models measured on a file as it comes: broken lines, other names of types, a narrow terminal."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tailorbird.cli import main

Run = Callable[..., tuple[int, str, str]]
LINES = [f"u{n},i{(n * 7 + k) % 25},{1_700_000_000 + 3_600 * k + n},look" for n in range(40) for k in range(5)]


@pytest.fixture
def evaluate(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Evaluate a file of these lines; exit code, stdout and stderr."""
    monkeypatch.setenv("COLUMNS", "80")

    def call(lines: list[str], *words: str, header: str = "user_id,item_id,at") -> tuple[int, str, str]:
        path = tmp_path / "events.csv"
        path.write_text("\n".join([header, *lines]) + "\n")
        with pytest.raises(SystemExit) as ended:
            main(["evaluate", str(path), "--models", "covisitation", "--no-tune", *words])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return int(ended.value.code or 0), out, err

    return call


def test_a_broken_line_costs_one_line_and_is_told(evaluate: Run) -> None:
    good = [line.removesuffix(",look") for line in LINES]
    code, out, _ = evaluate(good, "--json")
    whole = json.loads(out)["data"]
    broken = [*good[:50], "u1,i1", "u2,i2,yesterday", *good[50:], "u3,,1700000000"]
    code, out, err = evaluate(broken, "--json")
    told = json.loads(out)["data"]
    assert code == 0
    assert told["rows_left_out"] == 3
    assert told["split_sha256"] == whole["split_sha256"]
    assert "1 of 203 rows are left out as broken_line: events.csv, line 52: Line 52 is broken" in err
    assert "1 of 203 rows are left out as bad_time: events.csv, line 53: at is 'yesterday'" in err
    assert "line 204: item_id is missing" in err


def test_their_names_of_types_are_translated(evaluate: Run) -> None:
    header = "user_id,item_id,at,kind"
    code, _, err = evaluate(LINES, "--map", "type=kind", "--type", "purchase=buy", header=header)
    assert code == 1
    assert "None of the 200 good rows" in err
    assert "types: 'look' (200)" in err
    assert "--type item_view=THEIRS" in err
    assert "tailorbird-evaluate" not in err
    lines = [*LINES, "u1,i1,1700000000,gone"]
    options = ("--map", "type=kind", "--type", "item_view=look,dismiss=gone", "--json")
    code, out, _ = evaluate(lines, *options, header=header)
    data = json.loads(out)["data"]
    assert (code, data["interactions"], data["rows_against"], data["rows_left_out"]) == (0, 200, 1, 0)
    code, out, _ = evaluate(LINES, "--type", "item_view", "--json", header=header)
    assert (code, json.loads(out)["data"]["interactions"]) == (0, 200)


def test_a_type_without_a_file_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", "--type", "item_view"])
    assert ended.value.code == 2
    assert "[events.weights]" in capfd.readouterr().err


def test_the_tables_fit_in_80_columns_and_json_keeps_all(evaluate: Run) -> None:
    good = [line.removesuffix(",look") for line in LINES]
    options = ("--models", "covisitation,ials", "--tune", "--k", "10,100")
    code, out, _ = evaluate(good, *options)
    assert code == 0
    assert max(len(line) for line in out.splitlines()) <= 80
    for name in ("covisitation", "item-knn", "ndcg@10", "rec@100", "mrr@100", "cov@10", "ild@10", "tune CPU s"):
        assert f" {name} " in out
    assert out.count("half_life") >= 2
    assert "gini@10" in json.loads(evaluate(good, *options, "--json")[1])["results"][0]
