"""Choosing on validation: the climb finds the top, and the model that comes back is the one that was fitted."""

import numpy as np
import pytest

from tailorbird.catalogue import Catalogue
from tailorbird.learning.evaluation import ranks
from tailorbird.learning.interactions import Dataset
from tailorbird.learning.splits import split
from tailorbird.learning.tuning import SEARCHES, choose, climb, with_settings
from tailorbird.retrieval import RETRIEVERS
from tailorbird.types import NOBODY, Interactions


def test_the_climb_reaches_the_top_of_a_hill() -> None:
    axes = {"x": range(10), "y": range(10)}
    asked: list[tuple[int, int]] = []

    def worth(at: dict[str, int]) -> float:
        asked.append((at["x"], at["y"]))
        return -((at["x"] - 7) ** 2) - (at["y"] - 2) ** 2

    assert climb(axes, {"x": 1, "y": 8}, worth) == {"x": 7, "y": 2}
    assert len(set(asked)) < 30, "a full search would ask a hundred times"


def test_where_nothing_matters_the_start_stays() -> None:
    assert climb({"x": (1, 2, 3)}, {"x": 2}, lambda _: 0.5) == {"x": 2}


def test_a_start_off_the_axis_begins_at_its_first_value() -> None:
    assert climb({"x": (1, 2, 3)}, {"x": 99}, lambda at: at["x"]) == {"x": 3}


@pytest.mark.parametrize("name", sorted(SEARCHES))
def test_every_axis_is_a_setting_whose_values_are_allowed(name: str) -> None:
    config = RETRIEVERS[name].Config  # type: ignore[attr-defined]
    for setting, values in SEARCHES[name].items():
        assert setting in config.model_fields
        for value in values:
            assert getattr(config(**{setting: value}), setting) == value


@pytest.mark.parametrize("name", ["covisitation", "item-knn"])
def test_only_the_last_step_counts_where_only_the_last_step_leads_on(name: str) -> None:
    """Each of forty items leads on to its own; everybody looks at six of them and goes on from the last."""
    draw = np.random.default_rng(8)
    items = draw.integers(0, 40, (300, 8))
    items[:, 6], items[:, 7] = items[:, 5] + 40, items[:, 5] + 80
    log = Interactions(
        np.tile(np.arange(300, dtype=np.int32), 8),
        items.T.ravel().astype(np.int32),
        1.7e9 + np.repeat(np.arange(8.0), 300),
        np.ones(2_400),
        300,
        120,
    )
    catalogue = Catalogue()
    for n in range(120):
        catalogue.number(str(n))
    data = Dataset(
        log, catalogue, [str(n) for n in range(300)], np.full(2_400, NOBODY, np.int32), timed=True, rows=2_400
    )
    cut = split(data, "leave-one-out")
    kind = RETRIEVERS[name]
    model = kind(kind.Config(half_life=30.0, target_exponent=0.7))  # type: ignore[attr-defined]
    model.fit(log, catalogue)
    before = ranks(model, cut.validation, cut, k=10).ndcg(10)
    chosen, settings = choose(name, model, cut, ranks)
    assert settings["half_life"] < 10
    assert ranks(chosen, cut.validation, cut, k=10).ndcg(10) > before
    assert chosen.config.half_life == settings["half_life"]
    assert all(np.array_equal(array, model.arrays()[label]) for label, array in chosen.arrays().items())


def test_other_settings_over_the_same_arrays_are_validated() -> None:
    with pytest.raises(ValueError, match="half_life"):
        with_settings(RETRIEVERS["covisitation"](), {"half_life": -1})
