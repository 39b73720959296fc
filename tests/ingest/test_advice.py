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
    advice = advise(n_interactions, n_items, n_labels, n_described=0, n_sessions=0)
    assert {a.model for a in advice if a.train} == {"popular", "trending", "covisitation", "item-knn", *learned}
    assert all(a.reason for a in advice)


@pytest.mark.parametrize(("name", "least"), [("sasrec", 100_000), ("two-tower", 50_000), ("lightgcn", 50_000)])
def test_neural_models_are_advised_where_there_is_enough_and_torch_is_there(name: str, least: int) -> None:
    def said(n_interactions: int, **installed: bool) -> Advice:
        advice = advise(n_interactions, 1_000, 0, n_described=0, n_sessions=0, **installed)
        return next(a for a in advice if a.model == name)

    assert said(least, deep=True) == Advice(name, train=True, reason=f"{least:,} interactions")
    assert f"needs {least:,}" in said(least - 1, deep=True).reason
    assert "pip install 'tailorbird[deep]'" in said(least, deep=False).reason
    assert not said(least - 1, deep=True).train
    assert not said(least, deep=False).train


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
    advice = advise(n_interactions, 1_000, 0, n_described=0, n_sessions=n_sessions)
    (of_sessions,) = (a for a in advice if a.model == "v-sknn")
    assert {a.model for a in advice if a.train} & {"v-sknn"} == trained
    assert reason in of_sessions.reason


def test_one_model_of_sequences_is_enough_unless_it_is_asked_for_by_name() -> None:
    advice = advise(100_000, 1_000, 0, n_described=0, n_sessions=0, deep=True)
    (bert4rec,) = (a for a in advice if a.model == "bert4rec")
    assert not bert4rec.train
    assert "sasrec reads the same sequences" in bert4rec.reason
