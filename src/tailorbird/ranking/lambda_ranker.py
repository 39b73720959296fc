"""The learned ranker: LambdaMART over the channels and the features, trained by LightGBM, read by `Trees`.

Burges, From RankNet to LambdaRank to LambdaMART: An Overview, 2010.

Chosen over a blend of channels because what a channel is worth depends on the person and the item; over a neural ranker
because trees take raw scores of any scale and train in seconds on two cores.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tailorbird.errors import BadModelFile, NotEnoughEvents
from tailorbird.protocols import Told, unheard
from tailorbird.ranking.calibration import calibration_error, log_odds
from tailorbird.ranking.trees import Trees
from tailorbird.types import Array, BoolArray, FloatArray, IntArray

LEAST_LISTS: Final = 20
_LEAST_WANTED: Final = 20
"""Wanted candidates without which a half of the lists says nothing of chances."""


@dataclass(frozen=True)
class LabelledLists:
    """Lists of candidates and what was wanted of them; n rows, c columns; the lists stand in time order.

    ``matrix`` (n, c), ``labels`` (n,) grades of 0 to 5, ``lengths`` (lists,). ``shown`` (lists,) tells those that
    were really seen from those that could have been; ``stands_for`` (n,) says of how many candidates each row is a
    sample, ``weights`` (n,) how much it teaches.
    """

    matrix: Array
    labels: IntArray
    lengths: IntArray
    shown: BoolArray
    stands_for: FloatArray
    weights: FloatArray

    @staticmethod
    def plain(matrix: Array, labels: IntArray, lengths: IntArray) -> "LabelledLists":
        """Lists of which every candidate is there and none was shown."""
        ones = np.ones(len(labels))
        return LabelledLists(matrix, labels, lengths, np.zeros(len(lengths), np.bool_), ones, ones)

    def parted(self, n_first: int) -> "tuple[LabelledLists, LabelledLists]":
        """The first lists, and the others; nothing is copied, since millions of rows may not fit twice."""
        row = int(self.lengths[:n_first].sum())
        return self._slice(slice(None, row), slice(None, n_first)), self._slice(slice(row, None), slice(n_first, None))

    def _slice(self, rows: slice, lists: slice) -> "LabelledLists":
        weights = (self.stands_for[rows], self.weights[rows])
        return LabelledLists(self.matrix[rows], self.labels[rows], self.lengths[lists], self.shown[lists], *weights)

    def take(self, lists: BoolArray) -> "LabelledLists":
        """The lists of this mask."""
        rows = np.repeat(lists, self.lengths)
        weights = (self.stands_for[rows], self.weights[rows])
        return LabelledLists(self.matrix[rows], self.labels[rows], self.lengths[lists], self.shown[lists], *weights)

    def __len__(self) -> int:
        return len(self.lengths)


class LambdaRankerConfig(BaseModel):
    """How the trees are grown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_trees: int = Field(300, ge=1)
    leaves: int = Field(15, ge=2)
    learning_rate: float = Field(0.05, gt=0)
    min_rows_in_leaf: int = Field(100, ge=1)
    column_share: float = Field(0.4, gt=0, le=1, description="columns a tree may look at: most say nearly the same")
    l2: float = Field(20.0, ge=0, description="what holds a leaf back, in rows")
    truncation: int = Field(50, ge=1, description="positions that count in the objective")
    patience: int = Field(50, ge=1, description="trees without a better NDCG before it stops")
    validation_share: float = Field(0.15, gt=0, lt=1)
    threads: int = Field(1, ge=1, description="more waits for the slowest one on a shared machine")
    seed: int = 1


class LambdaRanker:
    """Scores the rows of a matrix whose columns are ``columns``.

    A score is the log-odds that the candidate is wanted, on a list of which something is. ``metrics`` are those of the
    newest lists of the fit, which taught nothing: ``validation_ndcg@10``, and ``calibration_error`` where there were
    enough of them (see `calibration_error`). ``told`` hears of every tree of a fit.
    """

    name: ClassVar[str] = "ranker"

    def __init__(
        self,
        config: LambdaRankerConfig | None = None,
        arrays: Mapping[str, Array] | None = None,
        columns: Sequence[str] = (),
    ) -> None:
        self.config = config or LambdaRankerConfig()
        self.columns = tuple(columns)
        self.metrics: dict[str, float] = {}
        self.told: Told = unheard
        self._trees = Trees.of_arrays(arrays, len(self.columns)) if arrays is not None else None

    def fit(self, lists: LabelledLists, columns: Sequence[str]) -> None:
        """Learn to put higher labels first within each list.

        The newest ``validation_share`` of the lists decide when to stop, and what a score is worth.

        Raises:
            NotEnoughEvents: fewer than 20 lists.
        """
        if len(lists) < LEAST_LISTS:
            raise NotEnoughEvents(
                f"The ranker found {len(lists)} lists with a click or an order; it needs {LEAST_LISTS}.",
                hint="Serve without it (channels are fused by rank) and train again after a few days.",
            )
        import lightgbm  # noqa: PLC0415  # half a second that serving never needs

        self.columns = tuple(columns)
        learned, asked = lists.parted(self.n_learned(lists))
        train = lightgbm.Dataset(learned.matrix, learned.labels, group=learned.lengths, weight=learned.weights)
        valid = lightgbm.Dataset(asked.matrix, asked.labels, group=asked.lengths, reference=train)
        best: dict[str, dict[str, list[float]]] = {}
        booster = lightgbm.train(
            self._parameters(),
            train,
            num_boost_round=self.config.n_trees,
            valid_sets=[valid],
            callbacks=[
                lightgbm.early_stopping(self.config.patience, verbose=False),
                lightgbm.record_evaluation(best),
                self._tell,
            ],
        )
        self.metrics = {"validation_ndcg@10": float(np.max(best["valid_0"]["ndcg@10"]))}
        self._trees = Trees.of_lightgbm(booster.dump_model(num_iteration=booster.best_iteration))
        self._calibrate(asked)

    def _tell(self, trees: Any) -> None:
        """LightGBM says after each tree where it is."""
        n = trees.iteration + 1
        self.told(f"tree {n} of at most {trees.end_iteration}", n / trees.end_iteration)

    def n_learned(self, lists: LabelledLists) -> int:
        """How many of these lists, the oldest, a fit learns from; the others validate."""
        return len(lists) - max(int(len(lists) * self.config.validation_share), 1)

    def _calibrate(self, asked: LabelledLists) -> None:
        """Turn scores into log-odds on the older half of these lists, and measure on the newer half how far off.

        Lists that were seen say more of a slate's chances than what a replay would have shown, where there are enough.
        """
        seen = asked.take(asked.shown)
        lists = seen if _tells_of_chances(seen) else asked.take(~asked.shown)
        lists = lists if _tells_of_chances(lists) else asked
        older, newer = lists.parted(len(lists) // 2)
        taught = older if _tells_of_chances(lists) else lists
        curve = log_odds(self.score(taught.matrix), taught.labels > 0, taught.stands_for)
        self._trees = self._fitted.scaled(curve.slope, curve.intercept)
        if taught is older:
            error = calibration_error(self.score(newer.matrix), newer.labels > 0, newer.stands_for)
            self.metrics["calibration_error"] = error

    def score(self, matrix: FloatArray) -> FloatArray:
        """The log-odds that each candidate is wanted, as far as they were calibrated; higher is better."""
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
            "lambda_l2": self.config.l2,
            "seed": self.config.seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": self.config.threads,
            "verbosity": -1,
        }


def _tells_of_chances(lists: LabelledLists) -> bool:
    """Whether each half of these lists holds enough that was wanted."""
    return min(int(np.count_nonzero(half.labels)) for half in lists.parted(len(lists) // 2)) >= _LEAST_WANTED
