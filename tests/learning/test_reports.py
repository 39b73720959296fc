"""Evaluations are kept, the newest first, and say in words what they come to."""

from pathlib import Path
from typing import Any

from tailorbird.learning.reports import KEPT, comparable, keep, kept, n_asked, verdict

from made_up import NOW


def row(model: str, ndcg: float, against: tuple[float, float] | None = None) -> dict[str, Any]:
    found = against and {"model": "ease", "ndcg@10": {"difference": ndcg - 0.05, "low": against[0], "high": against[1]}}
    return {"model": model, "ndcg@10": ndcg, "against": found}


def report(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"protocol": {"k": [10, 20]}, "data": {"test_cases": 500}, "results": list(rows)}


def test_the_newest_report_comes_first_and_old_ones_go(tmp_path: Path) -> None:
    for n in range(KEPT + 3):
        keep(tmp_path, report(row("ease", n / 100)), now=NOW + n)
    found = kept(tmp_path)
    assert len(found) == KEPT
    assert [one["made_at"] for one in found] == sorted((NOW + n for n in range(3, KEPT + 3)), reverse=True)


def test_a_broken_or_foreign_file_is_left_out(tmp_path: Path) -> None:
    keep(tmp_path, report(row("ease", 0.05)), now=NOW)
    (tmp_path / "20990101T000000000000.json").write_text("{")
    (tmp_path / "20990102T000000000000.json").write_text('{"protocol": 1}')
    assert len(kept(tmp_path)) == 1
    assert kept(tmp_path / "nowhere") == []


def test_a_verdict_on_few_cases_says_that_they_are_few() -> None:
    asked = {**report(row("ease", 0.05)), "protocol": {"k": [10, 20], "sampled_cases": 16}}
    assert verdict(asked).endswith("Only 16 cases were asked: that proves little.")
    assert "proves little" not in verdict(report(row("ease", 0.05)))


def test_the_verdict_names_the_best_its_lead_and_who_is_alike() -> None:
    said = verdict(
        report(
            row("popular", 0.02, (-0.04, -0.02)),
            row("ease", 0.05),
            row("ranker", 0.06, (0.005, 0.015)),
            row("ials", 0.049, (-0.004, 0.002)),
        )
    )
    assert said == (
        "ranker foresees best: ndcg@10 0.0600, 3.00 times that of popular and +0.0100 to ease, the best channel."
        " ials cannot be told apart from ease on this many people."
    )


def test_a_lead_that_may_be_chance_is_called_so_and_nothing_measured_says_nothing() -> None:
    assert "which may be chance" in verdict(report(row("ease", 0.05), row("ranker", 0.051, (-0.01, 0.02))))
    assert verdict(report({"model": "ease", "skipped": "why"})) == ""


def test_only_the_same_questions_compare_and_a_segment_has_fewer() -> None:
    data = {"test_cases": 500, "test_cases_by_segment": {"new": 30}, "split_sha256": "a"}
    whole = {**report(row("ease", 0.05)), "data": data}
    some = {**whole, "protocol": {"k": [10, 20], "sampled_cases": 100}}
    new = {**whole, "protocol": {"k": [10, 20], "sampled_cases": 100, "segment": "new"}}
    other = {**whole, "data": {**data, "split_sha256": "b"}}
    assert [n_asked(one) for one in (whole, some, new)] == [500, 100, 30]
    assert comparable(whole, {**whole, "protocol": {"k": [10, 20], "sampled_cases": 900}})
    assert not any(comparable(whole, one) for one in (some, new, other))
