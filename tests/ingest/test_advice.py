"""Which models are recommended on how much data."""

import pytest

from tailorbird.ingest.advice import RANKER_LABELS, Advice, advise


@pytest.mark.parametrize(
    ("n_interactions", "n_items", "n_labels", "learned"),
    [
        (49_999, 1_000, 49_999, {"user-knn"}),
        (50_000, 1_000, RANKER_LABELS - 1, {"user-knn", "ease", "ials"}),
        (50_000, 15_000, RANKER_LABELS, {"user-knn", "ease", "ials", "ranker"}),
        (1_000_000, 15_001, RANKER_LABELS, {"ials", "ranker"}),
    ],
)
def test_learned_models_are_advised_from_where_they_win(
    n_interactions: int, n_items: int, n_labels: int, learned: set[str]
) -> None:
    advice = advise(n_interactions, n_items, n_labels, n_described=0, n_sessions=0, n_purchases=0)
    assert {a.model for a in advice if a.train} == {"popular", "trending", "covisitation", "item-knn", *learned}
    assert all(a.reason for a in advice)


def said_of(name: str, n_interactions: int, *, deep: bool) -> Advice:
    advice = advise(n_interactions, 1_000, 0, n_described=0, n_sessions=0, n_purchases=0, deep=deep)
    return next(a for a in advice if a.model == name)


def test_a_model_of_sequences_is_advised_where_there_is_enough_and_torch_is_there() -> None:
    assert said_of("sasrec", 100_000, deep=True) == Advice("sasrec", train=True, reason="100,000 interactions")
    few, bare = said_of("sasrec", 99_999, deep=True), said_of("sasrec", 100_000, deep=False)
    assert "needs 100,000" in few.reason
    assert "pip install 'tailorbird[deep]'" in bare.reason
    assert not few.train
    assert not bare.train


@pytest.mark.parametrize("name", ["bert4rec", "two-tower", "lightgcn"])
def test_the_other_neural_models_are_trained_when_they_are_asked_for_by_name(name: str) -> None:
    advice = said_of(name, 100_000, deep=True)
    assert not advice.train
    assert "train it by name" in advice.reason


@pytest.mark.parametrize(
    ("n_interactions", "n_sessions", "trained", "reason"),
    [
        (4_000, 1_000, {"v-sknn"}, "1,000 sessions of 4.0 interactions"),
        (4_000, 999, set(), "needs 1,000"),
        (1_400, 1_000, set(), "sessions of 1.5 to 30"),
        (31_000, 1_000, set(), "1,000 sessions of 31.0 interactions"),
        (0, 0, set(), "0 sessions"),
    ],
)
def test_sessions_are_compared_where_they_are_short_and_many(
    n_interactions: int, n_sessions: int, trained: set[str], reason: str
) -> None:
    advice = advise(n_interactions, 1_000, 0, n_described=0, n_sessions=n_sessions, n_purchases=0)
    (of_sessions,) = (a for a in advice if a.model == "v-sknn")
    assert {a.model for a in advice if a.train} & {"v-sknn"} == trained
    assert reason in of_sessions.reason


@pytest.mark.parametrize(
    ("n_interactions", "n_purchases", "trained", "reason"),
    [
        (900, 0, set(), "no interaction is one"),
        (900, 1, {"bought-after", "bought-with"}, "1 of 900 interactions are purchases"),
        (900, 900, set(), "covisitation says as much"),
    ],
)
def test_purchases_are_counted_where_some_interactions_are_purchases_and_others_are_not(
    n_interactions: int, n_purchases: int, trained: set[str], reason: str
) -> None:
    advice = advise(n_interactions, 1_000, 0, n_described=0, n_sessions=0, n_purchases=n_purchases)
    of_purchases = [a for a in advice if a.model in {"bought-after", "bought-with"}]
    assert {a.model for a in of_purchases if a.train} == trained
    assert reason in of_purchases[0].reason
