"""Trees: our walk is LightGBM's, and a damaged file is refused."""

from dataclasses import replace

import lightgbm
import numpy as np
import pytest

from tailorbird.errors import BadModelFile, NotEnoughEvents
from tailorbird.ranking.lambda_ranker import LabelledLists, LambdaRanker, LambdaRankerConfig
from tailorbird.ranking.matrix import fused_score, reciprocal_ranks
from tailorbird.ranking.trees import Trees

COLUMNS = [f"c{n}" for n in range(6)]


def labelled(n_lists: int = 120, seed: int = 0) -> LabelledLists:
    matrix, labels, groups = lists(n_lists, seed=seed)
    return LabelledLists.plain(matrix, labels, groups)


def lists(n_lists: int = 120, size: int = 15, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    matrix = draw.normal(size=(n_lists * size, 6))
    matrix[:, 3] = draw.integers(0, 3, len(matrix))
    labels = (matrix[:, 0] + 0.5 * matrix[:, 1] * (matrix[:, 3] > 0) + draw.normal(0, 0.5, len(matrix)) > 1.3) * 1
    labels[::size] = 1
    return matrix, labels, np.full(n_lists, size)


def trained(seed: int = 0) -> lightgbm.Booster:
    matrix, labels, groups = lists(seed=seed)
    data = lightgbm.Dataset(matrix, labels, group=groups)
    return lightgbm.train({"objective": "lambdarank", "verbosity": -1, "num_leaves": 31}, data, 60)


def test_the_walk_scores_as_lightgbm_does() -> None:
    booster = trained()
    matrix = np.random.default_rng(1).normal(size=(500, 6))
    ours = Trees.of_lightgbm(booster.dump_model()).score(matrix)
    assert np.abs(ours - booster.predict(matrix)).max() < 1e-12


def test_a_value_on_a_threshold_goes_where_lightgbm_sends_it() -> None:
    booster = trained()
    trees = Trees.of_lightgbm(booster.dump_model())
    rows = np.zeros((len(trees.threshold), 6))
    for n, (column, threshold) in enumerate(zip(trees.feature, trees.threshold, strict=True)):
        if column >= 0:
            rows[n, column] = threshold
    assert np.abs(trees.score(rows) - booster.predict(rows)).max() < 1e-12


def test_contributions_and_the_mean_sum_to_the_score() -> None:
    trees = Trees.of_lightgbm(trained().dump_model())
    row = np.random.default_rng(2).normal(size=6)
    mean = trees.value[trees.roots].sum()
    assert np.isclose(mean + trees.contributions(row).sum(), trees.score(row[None, :])[0])


@pytest.mark.parametrize(
    ("array", "value"), [("left", 10**6), ("right", 0), ("feature", 99), ("roots", -1), ("roots", 10**6)]
)
def test_arrays_that_would_send_the_walk_astray_are_refused(array: str, value: int) -> None:
    arrays = Trees.of_lightgbm(trained().dump_model()).arrays()
    arrays[array] = arrays[array].copy()
    arrays[array][0] = value
    with pytest.raises(BadModelFile, match="not sound"):
        Trees.of_arrays(arrays, 6)


def test_the_ranker_learns_an_order_and_survives_storage() -> None:
    ranker = LambdaRanker(LambdaRankerConfig(n_trees=50))
    ranker.fit(labelled(), COLUMNS)
    fresh, truth, sizes = lists(seed=9)
    scores = ranker.score(fresh)
    tops = [truth[start + scores[start : start + 15].argmax()] for start in range(0, len(truth), 15)]
    assert np.mean(tops) > 2 * truth.mean()
    assert ranker.metrics["validation_ndcg@10"] > 0.5
    again = LambdaRanker(None, ranker.arrays(), ranker.columns)
    assert np.array_equal(again.score(fresh), scores)
    assert next(iter(ranker.contributions(fresh[0]))) in ranker.columns
    assert len(sizes) == 120


def test_too_few_lists_are_refused_with_a_way_on() -> None:
    with pytest.raises(NotEnoughEvents, match="3 lists"):
        LambdaRanker().fit(LabelledLists.plain(np.zeros((3, 1)), np.ones(3), np.ones(3, np.int32)), ["a"])


def test_ranks_are_by_column_and_no_opinion_has_none() -> None:
    ranks = reciprocal_ranks(np.array([[3.0, 0.0], [5.0, 2.0], [3.0, 0.0]]))
    assert ranks.tolist() == [[0.5, 0.0], [1.0, 1.0], [pytest.approx(1 / 3), 0.0]]


def test_fusion_prefers_what_two_channels_like_to_what_one_loves() -> None:
    scores = np.array([[10.0, 0.0], [9.0, 9.0], [0.0, 1.0]])
    assert fused_score(scores).argmax() == 1


def test_scores_are_log_odds_and_the_ranker_says_how_far_off() -> None:
    ranker = LambdaRanker(LambdaRankerConfig(n_trees=60))
    ranker.fit(labelled(1_500), COLUMNS)
    fresh, truth, _ = lists(400, seed=9)
    chances = 1 / (1 + np.exp(-ranker.score(fresh)))
    assert chances.mean() == pytest.approx(truth.mean(), abs=0.02)
    assert ranker.metrics["calibration_error"] < 0.2


def test_clicks_weighed_by_how_seldom_their_place_is_looked_at_do_not_praise_what_placed_them() -> None:
    draw = np.random.default_rng(4)
    matrix = draw.normal(size=(1_500, 10, 2))
    places = (draw.normal(0, 1.5, (1_500, 10)) - matrix[:, :, 1]).argsort(axis=1).argsort(axis=1) + 1
    clicked = draw.random(places.shape) < 1 / (1 + np.exp(-matrix[:, :, 0])) / places
    some = clicked.any(axis=1)
    plain = LabelledLists.plain(
        matrix[some].reshape(-1, 2), clicked[some].ravel().astype(np.int32), np.full(some.sum(), 10, np.int32)
    )
    weighed = replace(plain, weights=np.where(clicked, places, 1.0)[some].ravel())
    fresh = draw.normal(size=(2_000, 2))

    def leaning(lists: LabelledLists) -> float:
        ranker = LambdaRanker(LambdaRankerConfig(n_trees=80))
        ranker.fit(lists, ["what it is worth", "what placed it"])
        return float(np.corrcoef(ranker.score(fresh), fresh[:, 1])[0, 1])

    assert leaning(plain) > 0.5
    assert leaning(weighed) < 0.5 * leaning(plain)
