"""What the comparison with other libraries rests on: their lists are ranked as ours are, and the drawing is one."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from tailorbird.learning.metrics import place

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def script(name):
    spec = spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


worker, drawing = script("peers_worker"), script("peers_plot")


def test_a_list_gives_each_answer_the_rank_that_our_own_metric_gives_it():
    draw = np.random.default_rng(1)
    scores = draw.integers(1, 8, (200, 30)).astype(float)  # few values, so that most are tied
    answers = draw.integers(0, 30, 200)
    order = np.argsort(-scores, axis=1)
    ranks = worker.ranks_in((order, np.take_along_axis(scores, order, axis=1)), answers)
    ours = np.empty(1)
    for case in range(200):
        place(scores[case], answers[case : case + 1], ours, np.empty(10, np.int32), np.empty(10))
        assert ranks[case] == ours[0]


@pytest.mark.parametrize("score", [0.0, np.nan, -3.4e38])
def test_an_answer_that_a_list_is_only_padded_with_is_not_found(score):
    assert worker.ranks_in((np.array([[4, 7]]), np.array([[2.0, score]])), np.array([7])) == np.inf


def test_an_item_weighs_half_of_one_that_is_a_half_life_newer():
    questions = worker.Questions(np.array([0, 3, 4]), np.array([5, 1, 2, 0]), np.array([3, 3]), 6)
    assert questions.matrix(2.0).toarray()[0, [5, 1, 2]] == pytest.approx([0.5, 0.5**0.5, 1.0])
    assert questions.matrix().toarray()[1].tolist() == [1, 0, 0, 0, 0, 0]


def test_the_drawing_is_well_formed_and_tells_every_method_in_words():
    row = {
        "method": "a & b",
        "library": "tailorbird 1",
        "default": {"ndcg@10": 0.1},
        "tuned": {"ndcg@10": 0.2},
        "fit_cpu_seconds": {"default": 0.5, "tuned": 0.5},
        "tune_cpu_seconds": 3.0,
        "peak_mb": 100.0,
    }
    drawn = ET.fromstring(drawing.plot({"shop": [row, {"method": "c", "failed": "no"}], "empty": []}))  # noqa: S314
    said = {element.get("id"): element.text for element in drawn.iter() if element.get("id")}
    assert said["desc"] == "shop: a & b 0.2000 in 3.5 s."
