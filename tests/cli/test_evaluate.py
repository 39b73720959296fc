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


def test_rows_that_import_rejects_are_left_out_and_counted(evaluate: Run) -> None:
    good = [f"{line.removesuffix(',look')},5.0,2" for line in LINES]
    header = "user_id,item_id,at,price,quantity"
    code, out, err = evaluate(good, "--json", header=header)
    whole = json.loads(out)["data"]
    assert "row by row" not in err
    ahead, cheap, none = "u1,i1,4000000000,5.0,2", "u2,i2,1700000000,-3.0,2", "u3,i3,1700000000,5.0,0"
    code, out, err = evaluate([*good, ahead, cheap, none], "--json", header=header)
    told = json.loads(out)["data"]
    assert (code, told["rows_left_out"], told["split_sha256"]) == (0, 3, whole["split_sha256"])
    assert "1 of 203 rows are left out as implausible_time: events.csv, line 202: at is" in err
    assert "2 of 203 rows are left out as bad_number: events.csv, line 203: price is '-3.0'" in err
    assert "events.csv, line 204: quantity is 0" in err


def test_what_is_only_an_order_or_long_ago_is_no_reason_to_leave_rows_out(evaluate: Run) -> None:
    for start in (1, 800_000_000):
        lines = [
            f"u{n},i{(n * 7 + k) % 25},{start + k},{-1 if n == k == 0 else 1}" for n in range(40) for k in range(5)
        ]
        code, out, err = evaluate(lines, "--json", header="user_id,item_id,at,price")
        assert (code, json.loads(out)["data"]["rows_left_out"]) == (0, 1)
        assert "as bad_number" in err


def test_decimal_commas_are_read_where_asked(evaluate: Run) -> None:
    lines = [f'{line.removesuffix(",look")},"5,50"' for line in LINES]
    header = "user_id,item_id,at,price"
    assert "imported with `--decimal ,`" in evaluate(lines, header=header)[2]
    code, out, _ = evaluate(lines, "--decimal", ",", "--json", header=header)
    assert (code, json.loads(out)["data"]["rows_left_out"]) == (0, 0)


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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--frozen",), "--frozen is nothing to leave-one-out"),
        (("--protocol", "replay", "--frozen", "--refit"), "--frozen never fits again, --refit does every night"),
    ],
)
def test_frozen_is_for_a_replay_that_never_fits_again(evaluate: Run, words: tuple[str, ...], said: str) -> None:
    code, out, err = evaluate(LINES, "--type", "item_view", *words)
    assert (code, out) == (2, "")
    assert said in err


def test_a_frozen_replay_asks_what_a_live_one_does_and_says_that_it_is_frozen(evaluate: Run) -> None:
    lines = [line.removesuffix(",look") for line in LINES]
    live, frozen = (
        json.loads(evaluate(lines, "--protocol", "replay", "--json", *words)[1]) for words in ((), ("--frozen",))
    )
    assert live["data"] == frozen["data"]
    assert live["protocol"]["fitted_on"] == "train; learning of each event from then on"
    assert frozen["protocol"]["fitted_on"] == "train; people's own histories alone moving on from then on"


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


def test_a_table_by_length_of_history_shows_only_segments_that_were_asked(evaluate: Run) -> None:
    lines = [f"u{n},i{(n * 7 + k) % 25},{1_700_000_000 + 3_600 * k + n}" for n in range(40) for k in range(3 + n % 3)]
    code, out, _ = evaluate(lines, "--by-segment")
    assert code == 0
    assert "By length of history" in out
    assert "Cases: new (0 to 2) 14, light (3 to 10) 26, heavy (11 or more) 0." in out
    header = next(line for line in out.splitlines() if " new " in line)
    assert header.split().count("light") == 2
    assert "heavy" not in header
    assert "By length of history" not in evaluate(lines)[1]
    report = json.loads(evaluate(lines, "--json")[1])
    assert {name: one["cases"] for name, one in report["results"][0]["segments"].items()} == {
        "new": 14,
        "light": 26,
        "heavy": 0,
    }
    code, out, _ = evaluate(lines, "--segment", "new", "--json")
    assert json.loads(out)["protocol"]["segment"] == "new"
    assert json.loads(out)["data"]["split_sha256"] == report["data"]["split_sha256"]


def test_the_table_tells_how_sure_it_is_and_who_is_worse_beyond_chance(evaluate: Run) -> None:
    lines = [f"u{n},i{(n * 7 + k) % 25},{1_700_000_000 + 3_600 * k + n}" for n in range(40) for k in range(5)]
    code, out, _ = evaluate(lines)
    assert code == 0
    assert "vs best: ndcg@10 less that of covisitation" in out
    (popular,) = (line for line in out.splitlines() if line.startswith("│ popular") and "*" in line)
    assert "±" in popular
    assert max(len(line) for line in out.splitlines()) <= 80


def test_the_table_tells_how_many_could_not_be_asked(evaluate: Run) -> None:
    lines = [f"u{n},i{(n + k) % (3 if n < 30 else 9)},{1_700_000_000 + 3_600 * k}" for n in range(40) for k in range(4)]
    out = evaluate(lines)[1]
    assert "10 cases; split" in out
    assert "Left out, since nothing could be asked: 30 repeats." in out


def test_strong_generalisation_says_how_histories_were_folded_in(evaluate: Run) -> None:
    lines = [f"u{n},i{(n * 7 + k) % 25},{1_700_000_000 + 3_600 * k + n}" for n in range(40) for k in range(6)]
    reports = {}
    for told, words in (("random", ()), ("temporal", ("--fold-in", "temporal"))):
        code, out, _ = evaluate(lines, "--protocol", "strong-generalisation", "--json", *words)
        reports[told] = json.loads(out)
        assert code == 0
        assert reports[told]["protocol"]["fold_in"] == told
        assert reports[told]["data"]["test_cases"] == 4
    assert reports["random"]["data"]["split_sha256"] != reports["temporal"]["data"]["split_sha256"]
    assert "strong-generalisation, fold-in random" in evaluate(lines, "--protocol", "strong-generalisation")[1]


@pytest.mark.parametrize("protocol", ["leave-one-out", "time-split", "strong-generalisation"])
def test_people_who_are_all_alike_get_figures(evaluate: Run, protocol: str) -> None:
    lines = [f"u{n},i{k},{1_700_000_000 + 3_600 * k + n}" for n in range(40) for k in range(6)]
    code, out, _ = evaluate(lines, "--protocol", protocol, "--models", "covisitation,ials,ranker", "--json")
    assert code == 0
    measured = [row for row in json.loads(out)["results"] if "skipped" not in row]
    assert {"covisitation", "ials", "popular", "trending", "item-knn", "ease"} <= {row["model"] for row in measured}
    assert all(row["hr@10"] == row["ndcg@10"] == 1 for row in measured)
    assert all(row["intervals"]["hr@10"] == [1, 1] for row in measured)


def test_three_items_are_measured_with_a_word_that_the_list_holds_them_all(evaluate: Run) -> None:
    lines = [f"u{n},i{(n + k) % 3},{1_700_000_000 + 3_600 * k + n}" for n in range(30) for k in range(3)]
    code, out, err = evaluate(lines, "--json")
    assert code == 0
    assert "A list of 10 holds all 3 items" in err
    assert json.loads(out)["results"][0]["hr@10"] == 1
    assert "holds all" not in evaluate(lines, "--k", "1")[2]


@pytest.mark.parametrize(
    ("n_items", "each", "protocol", "word"),
    [
        (5, 1, "leave-one-out", "Nobody among 30 people has three interactions"),
        (5, 1, "time-split", "leaves no case to ask among 30 interactions with 5 items (left out: "),
        (5, 1, "next-in-session", "leaves no case to ask among 30 interactions with 5 items. time-split asks for new"),
        (5, 1, "strong-generalisation", "0 of 30 people have 5 interactions"),
        (1, 6, "leave-one-out", "with 1 item (left out: 30 repeats). Recommending needs a choice of items."),
        (1, 6, "strong-generalisation", "with 1 item (left out: 3 no new items). Recommending needs a choice"),
    ],
)
def test_data_that_cannot_be_asked_says_why(evaluate: Run, n_items: int, each: int, protocol: str, word: str) -> None:
    lines = [f"u{n},i{(n + k) % n_items},{1_700_000_000 + 3_600 * k + n}" for n in range(30) for k in range(each)]
    code, out, err = evaluate(lines, "--protocol", protocol)
    assert (code, out) == (1, "")
    assert word in err
