"""The learned ranker: LambdaMART over the channels and the features, trained by LightGBM, read by `Trees`.

Burges, From RankNet to LambdaRank to LambdaMART: An Overview, 2010.

Chosen over a blend of channels because what a channel is worth depends on the person and the item; over a neural ranker
because trees take raw scores of any scale and train in seconds on two cores.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tailorbird.errors import BadModelFile, NotEnoughEvents
from tailorbird.ranking.trees import Trees
from tailorbird.types import Array, FloatArray, IntArray


class LambdaRankerConfig(BaseModel):
    """How the trees are grown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_trees: int = Field(300, ge=1)
    leaves: int = Field(15, ge=2)
    learning_rate: float = Field(0.05, gt=0)
    min_rows_in_leaf: int = Field(100, ge=1)
    column_share: float = Field(0.7, gt=0, le=1)
    truncation: int = Field(20, ge=1, description="positions that count in the objective")
    patience: int = Field(30, ge=1, description="trees without a better NDCG before it stops")
    validation_share: float = Field(0.15, gt=0, lt=1)
    threads: int = Field(1, ge=1, description="more waits for the slowest one on a shared machine")
    seed: int = 1


class LambdaRanker:
    """Scores the rows of a matrix whose columns are ``columns``."""

    name: ClassVar[str] = "ranker"

    def __init__(
        self,
        config: LambdaRankerConfig | None = None,
        arrays: Mapping[str, Array] | None = None,
        columns: Sequence[str] = (),
    ) -> None:
        self.config = config or LambdaRankerConfig()
        self.columns = tuple(columns)
        self.validation_ndcg = float("nan")
        self._trees = Trees.of_arrays(arrays, len(self.columns)) if arrays is not None else None

    def fit(self, matrix: Array, labels: Array, lists: IntArray, columns: Sequence[str]) -> None:
        """Learn to put higher labels first within each list.

        ``matrix`` (n, c) and ``labels`` (n,) hold the rows of one list together; ``lists`` are the lists' lengths, in
        time order: the last ``validation_share`` of them decide when to stop.

        Raises:
            NotEnoughEvents: fewer than 20 lists.
        """
        if len(lists) < 20:
            raise NotEnoughEvents(
                f"The ranker found {len(lists)} lists with a click or an order; it needs 20.",
                hint="Serve without it (channels are fused by rank) and train again after a few days.",
            )
        import lightgbm  # noqa: PLC0415  # half a second that serving never needs

        self.columns = tuple(columns)
        n_train = len(lists) - max(int(len(lists) * self.config.validation_share), 1)
        rows = int(lists[:n_train].sum())
        train = lightgbm.Dataset(matrix[:rows], labels[:rows], group=lists[:n_train])
        valid = lightgbm.Dataset(matrix[rows:], labels[rows:], group=lists[n_train:], reference=train)
        best: dict[str, dict[str, list[float]]] = {}
        booster = lightgbm.train(
            self._parameters(),
            train,
            num_boost_round=self.config.n_trees,
            valid_sets=[valid],
            callbacks=[
                lightgbm.early_stopping(self.config.patience, verbose=False),
                lightgbm.record_evaluation(best),
            ],
        )
        self.validation_ndcg = float(np.max(best["valid_0"]["ndcg@10"]))
        self._trees = Trees.of_lightgbm(booster.dump_model(num_iteration=booster.best_iteration))

    def score(self, matrix: FloatArray) -> FloatArray:
        """Higher is better; only comparable within one list."""
        return self._fitted.score(matrix)

    def contributions(self, row: FloatArray) -> Mapping[str, float]:
        """What each column added to the score of one row, the largest first, zeros left out."""
        parts = self._fitted.contributions(row)
        order = np.argsort(-np.abs(parts))
        return {self.columns[n]: float(parts[n]) for n in order if parts[n]}

    def arrays(self) -> Mapping[str, Array]:
        """What is stored."""
        return self._fitted.arrays()

    @property
    def _fitted(self) -> Trees:
        if self._trees is None:
            raise BadModelFile("The ranker was never trained.", hint="`tailorbird train` trains it.")
        return self._trees

    def _parameters(self) -> dict[str, object]:
        return {
            "objective": "lambdarank",
            "metric": "ndcg",
            "eval_at": [10],
            "lambdarank_truncation_level": self.config.truncation,
            "label_gain": [float(2**grade - 1) for grade in range(6)],
            "num_leaves": self.config.leaves,
            "learning_rate": self.config.learning_rate,
            "min_data_in_leaf": self.config.min_rows_in_leaf,
            "feature_fraction": self.config.column_share,
            "seed": self.config.seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": self.config.threads,
            "verbosity": -1,
        }
