"""Figures say the same in their picture and in their table, and hold in the dark."""

import json
import re
from pathlib import Path

import msgspec
import numpy as np
import pytest

import tailorbird.console
from tailorbird.console import figures
from tailorbird.types import Decision, Placed, Request

STYLE = (Path(tailorbird.console.__file__).parent / "static" / "console.css").read_text(encoding="utf-8")


@pytest.fixture
def decision():
    return Decision(
        decision_id="d", at=0, surface="home", person="u:1", policy="default", policy_version="v",
        request=Request(surface="home", at=0, explain=True), pool_size=90,
        items=tuple(
            Placed(item_id=str(n), position=n, score=1.0, source="ease", reason="", propensity=0.9) for n in range(12)
        ),
        timings_ms={"retrieve": 1.0, "filter": 0.5, "score": 0.25, "rank": 0.75, "rerank": 0.1, "place": 0.2},
        explanation={
            "retrieved": {"ease": 80, "popular": 60}, "union": 110, "filtered": {"not sellable": 20}, "allowed": 90,
        },
    )  # fmt: skip


def test_the_waterfall_has_a_row_for_each_channel_stage_and_reason(decision):
    rows = {row[0]: row[2:] for row in figures.waterfall(decision).rows}
    assert rows == {
        "ease": (80, None), "popular": (60, None), "All channels": (110, 1.0), "Not sellable": (-20, None),
        "May be shown": (90, 0.5), "Ranked": (90, 1.0), "Re-ranked": (90, 0.1), "Placed": (12, 0.2),
    }  # fmt: skip


def test_a_decision_that_does_not_explain_itself_still_has_its_slate(decision):
    bare = msgspec.structs.replace(decision, explanation={})
    assert [row[0] for row in figures.waterfall(bare).rows] == ["Placed"]
    assert figures.waterfall_story(bare) == ""


def test_the_waterfall_is_told_in_sentences_too(decision):
    assert figures.waterfall_story(decision) == (
        "2 channels proposed 110 different items. 20 of them may not be shown (not sellable: 20). "
        "The 90 others were put in order by the learned ranker and mixed so that neighbours differ; "
        "the first 12 are the slate."
    )


def test_the_story_tells_what_was_moved_behind_the_rest(decision):
    tired = msgspec.structs.replace(decision, explanation={**decision.explanation, "passed_over": 3})
    assert "differ, 3 that were just passed over last; the first 12 are" in figures.waterfall_story(tired)


def test_the_story_leaves_out_what_the_decision_had_to_leave_out(decision):
    excuses = "popular: left out, over budget; ranker: left out, over budget; diversity: left out, over budget"
    explored = msgspec.structs.replace(decision.items[0], explored=True)
    trail = {**decision.explanation, "retrieved": {"ease": 80, "popular": 0}, "allowed": 400}
    story = figures.waterfall_story(
        msgspec.structs.replace(
            decision, degraded=excuses, explanation=trail, pool_size=300, items=(explored, *decision.items[1:])
        )
    )
    assert story.startswith("1 channel proposed")
    assert "The best 300 of the others were put in order by the channels together; the first 12" in story
    assert story.endswith("1 place went to something new, to learn from it.")


def test_counts_per_step_become_minutes_in_the_table():
    starts = [600.0 + 10 * n for n in range(12)]
    figure = figures.pulse(starts, [1] * 12, [2] * 12)
    assert figure.rows == ((600.0, 6, 12), (660.0, 6, 12))
    assert figure.plain["data"][0]["y"] == [6.0] * 11, "one per ten seconds is six a minute; the running step is out"


def test_prices_without_a_price_draw_nothing():
    assert figures.prices(np.array([np.nan, 0.0]), "EUR").rows == ()


def test_one_price_is_one_bar():
    figure = figures.prices(np.array([5.0]), "EUR")
    assert sum(count for _, count in figure.rows) == 1


def test_a_figures_json_cannot_end_its_script():
    figure = figures.counts("c", "s", [("</script><b>", 3)], what="Category")
    assert "</script" not in figure.json
    assert "</script>" in json.loads(figure.json)["data"][0].get("customdata", ["</script>"])[0]


def test_every_colour_of_a_figure_has_a_partner_in_the_dark(decision):
    drawn = [
        figures.waterfall(decision),
        figures.pulse([0.0, 10.0, 20.0], [1, 2, 3], [1, 1, 1]),
        figures.latency({"rank": {"p50": 1.0, "p95": 2.0, "p99": 3.0}}),
        figures.counts("c", "s", [("a", 1)], what="Category"),
        figures.prices(np.arange(1.0, 50.0), "EUR"),
    ]
    for figure in drawn:
        for colour in re.findall(r"#[0-9a-f]{6}", figure.json):
            assert colour in figures.SWAP, (figure.name, colour)


def test_the_figures_palette_is_the_style_sheets():
    light, dark = (STYLE.split(mark)[1].split("}")[0] for mark in (":root {", ':root[data-theme="dark"] {'))
    for name, colours in (("ink", "ink"), ("quiet", "ink-2"), ("line", "line"), ("accent", "accent")):
        assert f"--{colours}: {figures.LIGHT[name]};" in light
        assert f"--{colours}: {figures.DARK[name]};" in dark
