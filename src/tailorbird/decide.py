"""ONE REQUEST from start to finish. Live traffic, replay for training, evaluation and the simulator all come this way.

Read `Engine.decide`: each line is a stage with its own room, its own milliseconds and its own fallback. A stage that
fails or would come too late is left out, and the decision says so; the answer is never empty while the shop has an item
that may be shown.
"""

import dataclasses
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.config import Config, PolicyConfig
from tailorbird.errors import UnknownSurface, did_you_mean
from tailorbird.features import folded
from tailorbird.features.item_counts import ItemCounts
from tailorbird.features.online_state import OnlineState
from tailorbird.identity.joins import Identities
from tailorbird.protocols import FollowsCatalogue, Ranker, Reranker, Retriever
from tailorbird.ranking.matrix import (
    BESIDE_LAST,
    fused_score,
    matrix_columns,
    ranking_matrix,
    reciprocal_ranks,
    usual_popularity,
)
from tailorbird.reranking.dpp import DppDiversity
from tailorbird.reranking.exploration import Placement, place, seed_of
from tailorbird.reranking.fatigue import Fatigue
from tailorbird.reranking.pages import Pages
from tailorbird.reranking.reasons import reason_of
from tailorbird.reranking.rules import allowed, boosts, one_per_group
from tailorbird.stopwatch import Stopwatch
from tailorbird.types import (
    NOBODY,
    SURFACES,
    Candidates,
    Decision,
    FloatArray,
    History,
    IntArray,
    Interaction,
    Person,
    Placed,
    Policy,
    Record,
    Request,
)

_FALLBACK_SECONDS: Final = 30.0


class Engine:
    """State, models and recipes in one process. One thread owns it; nothing in it waits for a disk or a network.

    ``seq`` is the last record applied. ``fitted_seq`` says per retriever up to which record it was fitted: it learns
    only from later ones, so that nothing counts twice.
    """

    def __init__(
        self,
        config: Config,
        *,
        catalogue: Catalogue | None = None,
        identities: Identities | None = None,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self.config = config
        self.catalogue = Catalogue(config.catalogue) if catalogue is None else catalogue
        known, left_out = identities or Identities(config.identity), config.features.leave_out
        views = folded(left_out, config.features.keep)
        self.state = OnlineState(config.events, views, self.catalogue, known, left_out)
        self.retrievers: dict[str, Retriever] = {}
        self.ranker: Ranker | None = None
        self.ranker_columns: tuple[str, ...] = ()
        self.rerankers: list[Reranker] = [Fatigue(), DppDiversity(self.catalogue)]
        self.models: dict[str, str] = {}
        self.fitted_seq: dict[str, int] = {}
        self.policies: dict[str, Policy] = {}
        self.seq = 0
        self._new_id = new_id
        self.pages = Pages()
        self._fallback: tuple[float, int, IntArray] = (-np.inf, -1, np.empty(0, np.int32))
        self._write_policies()

    def install(
        self,
        retrievers: Mapping[str, Retriever],
        ranker: Ranker | None = None,
        *,
        ranker_columns: Sequence[str] = (),
        versions: Mapping[str, str] | None = None,
        fitted_seq: Mapping[str, int] | None = None,
    ) -> None:
        """Serve with these models from the next request on."""
        self.retrievers = dict(sorted(retrievers.items()))
        self.fitted_seq = {name: (fitted_seq or {}).get(name, 0) for name in retrievers}
        self.models = dict(versions or {})
        for retriever in self.retrievers.values():
            if isinstance(retriever, FollowsCatalogue):
                retriever.bind(self.catalogue)
        self.ranker_columns = tuple(ranker_columns)
        # A ranker reads columns by position: with other channels or views than it was fitted on it would read nonsense.
        self.ranker = ranker if self.ranker_columns == self.columns else None
        self._write_policies()

    def warm(self, at: float) -> None:
        """Make slates that nobody sees, so that the first shopper does not wait for compilers and caches."""
        with self.patient():
            for key in ("", *self.state.keys[-1:]):
                self.decide(Request(surface="home", at=at, user_id=key.partition(":")[2] or None))

    @contextmanager
    def patient(self) -> Iterator[None]:
        """While this lasts, no stage is left out for being late."""
        budget = self.config.budget.model_copy(update={"total_ms": 1e9})
        config, self.config = self.config, self.config.model_copy(update={"budget": budget})
        try:
            yield
        finally:
            self.config = config

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the ranking matrix's columns."""
        return matrix_columns(tuple(self.retrievers), self.state.columns)

    def apply(self, record: Record) -> list[Interaction]:
        """Take in one record of the log, in order: channels learn from it, then the features fold it."""
        steps = self.state.steps(record)
        for step in steps:
            self.observe(step, seq=record.seq)
        self.seq = record.seq
        return steps

    def observe(self, step: Interaction, *, seq: int) -> None:
        """One interaction: the channels see the history as it was before."""
        if step.weight > 0:
            history = self.state.history(step.person)
            for name, retriever in self.retrievers.items():
                if seq > self.fitted_seq[name]:
                    retriever.learn(step, history)
        self.state.fold(step)

    def relearn(self, records: Sequence[Record]) -> None:
        """Let channels that were fitted before the last of ``records`` learn from these, which must reach up to now.

        The features have folded them already: the history before one is that of now without what came since.
        """
        steps = [(record.seq, step) for record in records for step in self.state.folded(record) if step.weight > 0]
        left = Counter(step.person for _, step in steps)
        for seq, step in steps:
            history = self.state.history(step.person).without_last(left[step.person])
            left[step.person] -= 1
            for name, retriever in self.retrievers.items():
                if seq > self.fitted_seq[name]:
                    retriever.learn(step, history)

    def decide(self, request: Request, person: Person | None = None) -> Decision:
        """The slate for one request, with all that is needed to explain it.

        It is for whoever the request names; evaluation brings a ``person`` of its own.

        Raises:
            UnknownSurface: no policy is configured for the surface.
            BadInput: the request filters by an unknown field, or its cursor is not known.
        """
        watch = Stopwatch(self.config.budget.total_ms)
        policy = self.policy_of(request.surface)
        decision_id = request.decision_id or self._new_id()
        person = person or self._person(request)
        query = self.query(request, person)
        watch.degraded += _not_read(request, self.catalogue)
        watch.stage("prepare")
        if request.cursor:
            pool, shown = self.pages.rest(request.cursor)
        else:
            pool, shown = self._ranked_pool(request, person, query, policy, watch), set()
        slate = place(
            len(pool), request.limit, policy.exploration, most_explored=policy.diversity_pool, seed=seed_of(decision_id)
        )
        self.pages.keep(decision_id, pool, slate.rows, shown)
        placed = self._placed(request, pool, slate, query)
        watch.stage("place")
        return Decision(
            decision_id=decision_id,
            at=request.at,
            surface=request.surface,
            person=person.key,
            policy=policy.name,
            policy_version=policy.version,
            items=placed,
            request=request,
            seq=self.seq,
            models=self.models,
            pool_size=len(pool),
            degraded="; ".join(watch.degraded) or None,
            timings_ms={name: round(ms, 3) for name, ms in watch.spent.items()},
            explanation=self._explained(pool, slate) if request.explain else {},
        )

    def _ranked_pool(
        self, request: Request, person: Person, query: History, policy: Policy, watch: Stopwatch
    ) -> Candidates:
        """Gather, rank and re-rank."""
        pool = self.gather(request, person, query, policy, watch)
        if self.ranker is not None and policy.ranker:
            ranker, before = self.ranker, pool.score
            matrix = self.matrix(pool, request, person)
            watch.stage("features")
            pool.score = watch.attempt("ranker", partial(ranker.score, matrix), before)
            if request.explain:
                pool.trail["matrix"] = dict(zip(pool.items.tolist(), matrix, strict=True))
            watch.stage("rank")
        for rule, (factor, mask) in boosts(request, pool.items, self.catalogue).items():
            pool.score = np.where(mask, pool.score + np.log(max(factor, 1e-6)), pool.score)
            pool.trail.setdefault("boosted", {})[rule] = int(mask.sum())
        pool = pool.ordered()
        pool.trail["ranked"] = pool.items
        for reranker in self.rerankers:
            unchanged = pool
            pool = watch.attempt(reranker.name, partial(reranker.rerank, request, person, pool, policy), unchanged)
        watch.stage("rerank")
        return pool

    # ---- stages ----------------------------------------------------------------------------------------------

    def gather(self, request: Request, person: Person, query: History, policy: Policy, watch: Stopwatch) -> Candidates:
        """The pool that the ranker sees: retrieved, allowed, judged by every channel, cut to size by fused ranks."""
        pool = self.retrieve(request, query, policy, watch)
        watch.stage("retrieve")
        pool = self._allow(pool, request, person, policy)
        watch.stage("filter")
        self.judge(pool, request, query, watch)
        pool.score = fused_score(pool.scores)
        # Always in this order, so that candidates which the ranker cannot tell apart keep it.
        pool = pool.ordered()
        if len(pool) > policy.pool:
            pool = pool.take(np.arange(policy.pool))
        watch.stage("score")
        return pool

    def query(self, request: Request, person: Person) -> History:
        """The history that channels read: the person's own, with the page's item or the cart as its newest entries."""
        anchors = self.catalogue.numbers((*request.cart, *((request.item_id,) if request.item_id else ())))
        return person.history.plus(anchors, at=request.at)

    def retrieve(self, request: Request, query: History, policy: Policy, watch: Stopwatch) -> Candidates:
        """The union of what the policy's channels propose, each item once."""
        names = tuple(self.retrievers)
        nothing = (np.empty(0, np.int32), np.empty(0))
        found = {
            channel.retriever: watch.attempt(
                channel.retriever,
                partial(self.retrievers[channel.retriever].retrieve, request, query, channel.limit),
                nothing,
            )
            for channel in policy.channels
            if channel.retriever in self.retrievers
        }
        union = np.unique(np.concatenate([nothing[0], *(items for items, _ in found.values())]))
        # A channel fitted on a longer log than this engine has followed knows items that are still to come.
        union = union[union < len(self.catalogue)]
        pool = _candidates(union, names)
        for name, (items, scores) in found.items():
            known = items < len(self.catalogue)
            rows, column = np.searchsorted(union, items[known]), names.index(name)
            pool.found[rows, column] = True
            # Stands until `judge` overwrites it: should no time be left, a channel's own order is better than none.
            pool.scores[rows, column] = scores[known]
        pool.trail["retrieved"] = {name: len(items) for name, (items, _) in found.items()}
        pool.trail["union"] = len(union)
        return pool

    def judge(self, pool: Candidates, request: Request, query: History, watch: Stopwatch) -> None:
        """Every channel's score for the whole pool; some are also asked about the newest item of the query alone."""
        last = query.last(1)
        for column, (name, retriever) in enumerate(self.retrievers.items()):
            pool.scores[:, column] = watch.attempt(
                f"{name} score", partial(retriever.score, request, query, pool.items), pool.scores[:, column]
            )
            if name in BESIDE_LAST:
                pool.beside_last[:, column] = watch.attempt(
                    f"{name} beside last",
                    partial(retriever.score, request, last, pool.items),
                    pool.beside_last[:, column],
                )

    def matrix(self, pool: Candidates, request: Request, person: Person) -> FloatArray:
        """The ranker's matrix of this pool; see `ranking_matrix`."""
        usual = usual_popularity(self.retrievers, request, person.history)
        return ranking_matrix(pool, self.state.read(person, request, pool.items), usual)

    def _allow(self, pool: Candidates, request: Request, person: Person, policy: Policy) -> Candidates:
        """The pool after the hard rules, filled up from the whole catalogue when they leave fewer than the slate."""
        keep, removed = allowed(pool.items, request, person, policy, self.catalogue)
        trail, pool = pool.trail, pool.take(keep)
        if len(pool) < request.limit:
            pool = self._filled_up(pool, request, person, policy)
        singles = one_per_group(pool.items, self.catalogue)
        if not singles.all():
            removed["other variant shown"] = int((~singles).sum())
            pool = pool.take(singles)
        pool.trail = {**trail, "filtered": removed, "allowed": len(pool)}
        return pool

    def _filled_up(self, pool: Candidates, request: Request, person: Person, policy: Policy) -> Candidates:
        """Add the most wanted allowed items of the catalogue until there are three slates of them, or no more."""
        wanted, have = 3 * request.limit, [pool.items]
        order = self._most_wanted(request.at)
        order = order[~np.isin(order, pool.items)]
        for start in range(0, len(order), 2_000):
            some = order[start : start + 2_000]
            have.append(some[allowed(some, request, person, policy, self.catalogue)[0]])
            if sum(map(len, have)) >= wanted:
                break
        more = np.concatenate(have)[: max(wanted, len(pool))]
        bigger = _candidates(more, pool.channels)
        bigger.found[: len(pool)] = pool.found
        bigger.trail = pool.trail
        return bigger

    def _most_wanted(self, at: float) -> IntArray:
        """All items by decayed interest, then the newest first; remade when older than 30 seconds."""
        made, size, order = self._fallback
        if abs(at - made) > _FALLBACK_SECONDS or size != len(self.catalogue):
            interest = self.state.item_rows(ItemCounts.name)[:, ItemCounts.MONTH]
            order = np.lexsort((-np.arange(len(interest)), -interest)).astype(np.int32)
            self._fallback = (at, len(self.catalogue), order)
        return order

    # ---- the answer ------------------------------------------------------------------------------------------

    def policy_of(self, surface: str) -> Policy:
        """The recipe of a surface."""
        policy = self.policies.get(surface)
        if policy is None:
            raise UnknownSurface(
                f"No policy is configured for surface '{surface}'.", hint=did_you_mean(surface, self.policies)
            )
        return policy

    def _person(self, request: Request) -> Person:
        person = self.state.person(request.person)
        if person.may_personalise:
            return person
        stranger = self.state.person("")
        return dataclasses.replace(stranger, key=person.key, user=person.user, consent=person.consent, unit=person.unit)

    def _placed(self, request: Request, pool: Candidates, slate: Placement, query: History) -> tuple[Placed, ...]:
        channels = np.array([*pool.channels, "fallback"])
        # The source is the channel that ranks the item highest; what no channel proposed came from the catalogue.
        standing = np.where(pool.found, reciprocal_ranks(pool.scores), -1.0)
        best = standing.argmax(axis=1) if pool.channels else np.zeros(len(pool), np.int64)
        best = np.where(pool.found.any(axis=1), best, len(pool.channels))
        last = self._title(int(query.items[-1])) if len(query) else ""
        # Whether the newest item of the query alone leads to it, by the channel that is its source.
        beside = np.append(pool.beside_last, np.zeros((len(pool), 1)), axis=1)[np.arange(len(pool)), best] > 0
        placed = []
        for position, row in enumerate(slate.rows.tolist()):
            source = str(channels[best[row]])
            explored = bool(slate.explored[position])
            scores = dict(zip(pool.channels, pool.scores[row].tolist(), strict=True))
            placed.append(
                Placed(
                    item_id=self.catalogue.ids[int(pool.items[row])],
                    position=position,
                    score=float(pool.score[row]),
                    source=source,
                    reason=reason_of(
                        source, self._title(int(pool.items[row])), last if beside[row] else "", explored=explored
                    ),
                    propensity=float(slate.propensities[position]),
                    explored=explored,
                    channels=scores if request.explain else {},
                )
            )
        return tuple(placed)

    def _title(self, item: int) -> str:
        return self.catalogue.item(item).title or self.catalogue.ids[item]

    def _explained(self, pool: Candidates, slate: Placement) -> dict[str, Any]:
        """The waterfall in counts; for each placed item its ranks and what moved its score."""
        trail = dict(pool.trail)
        matrix = trail.pop("matrix", {})
        ranked = {int(item): rank for rank, item in enumerate(trail.pop("ranked", pool.items).tolist())}
        items = {}
        for row in slate.rows.tolist():
            number = int(pool.items[row])
            why = dict(self.ranker.contributions(matrix[number])) if self.ranker and number in matrix else {}
            items[self.catalogue.ids[number]] = {
                "rank_before_diversity": ranked.get(number, row),
                "rank_after_diversity": row,
                "contributions": dict(list(why.items())[:8]),
            }
        return {**trail, "explored": int(slate.explored.sum()), "items": items}

    def _write_policies(self) -> None:
        channels = dict.fromkeys(self.retrievers, 100)
        for surface in SURFACES:
            recipe = self.config.policies.get(surface, PolicyConfig())
            self.policies[surface] = recipe.policy(surface, channels)


def _not_read(request: Request, catalogue: Catalogue) -> Iterator[str]:
    """What the request says that this slate could not follow.

    Nothing of it is refused: a page whose item is still to be imported has to show something.
    """
    if request.query:
        yield "search: the query is not read yet, this is the person's slate"
    if request.surface != "item" or request.cursor:
        return
    if request.item_id is None:
        yield "item: no item_id came, this is the person's slate"
    elif catalogue.find(request.item_id) == NOBODY:
        yield f"item: the item '{request.item_id[:64]}' is not in the catalogue, this is the person's slate"


def _candidates(items: IntArray, channels: Iterable[str]) -> Candidates:
    names = tuple(channels)
    shape = (len(items), len(names))
    return Candidates(items, names, np.zeros(shape), np.zeros(shape), np.zeros(shape, np.bool_), np.zeros(len(items)))
