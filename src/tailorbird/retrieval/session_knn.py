"""Sessions like this one: what stood in the newest of them, near what both share.

V-SKNN of M. Ludewig and D. Jannach, Evaluation of session-based recommendation algorithms, UMUAI 2018. Of the
``recent`` newest sessions that hold an item of the running one, the ``neighbours`` most alike are kept, and

    likeness(s) = sum over the items i of the running session that s holds of weight(i) * sessions(i) ** -exponent
    score(j) = idf(j) * sum over the neighbours s that hold j of likeness(s) * weight(newest) * near(j, newest)

where ``newest`` is the newest item that both share, weight is (1 - steps back / reach) ** steepness, and idf(j) is the
logarithm of 1 + sessions / sessions(j). Where we differ from the paper, whose steepness is 1 and whose exponent is 0:
``near`` halves every ``nearness`` steps between the two items within the neighbour (the third weight of D. Garg et al.,
Sequence and Time Aware Neighborhood for Session-based Recommendations, SIGIR 2019; empty is the paper's), and all three
are chosen on held-out data.

A session is one person's run without a gap of ``gap_minutes``; interactions that carry a mere order (small numbers
instead of times) have no gaps. One of ``longest`` items is over, and of more than ``sessions`` the oldest leaves.
Learning event by event gives the very arrays of a fit. The asker's own session is in the index, too; it is known by its
items and its last moment, and is no neighbour of itself.
"""
# ruff: noqa: PLR0917  # numba takes arrays, not objects, and by position

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numba import njit
from pydantic import BaseModel, ConfigDict, Field

from tailorbird.catalogue import Catalogue
from tailorbird.retrieval.loops import push, sort_heap
from tailorbird.retrieval.rows import Longs, Rows, grown
from tailorbird.types import (
    FIRST_TIME,
    NOBODY,
    Array,
    FloatArray,
    History,
    IntArray,
    Interaction,
    Interactions,
    Request,
)


class SessionKnnConfig(BaseModel):
    """``sessions``, ``longest`` and ``gap_minutes`` belong to the fit, the rest to the query."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    neighbours: int = Field(500, ge=1, description="sessions most alike that are listened to")
    recent: int = Field(2_000, ge=1, description="newest sessions with an item in common that are compared")
    reach: int = Field(10, ge=1, le=50, description="steps back in the running session after which an item counts 0")
    steepness: float = Field(2.0, ge=0, le=16, description="how fast an item counts less on the way there; 1: linearly")
    source_exponent: float = Field(0.5, ge=0, le=2, description="how much a popular item in common says less")
    nearness: float | None = Field(
        2.0, gt=0, description="steps from the shared item after which another counts half; empty: all count alike"
    )
    sessions: int = Field(300_000, ge=1, description="sessions kept; of more the oldest leaves")
    longest: int = Field(50, ge=1, le=1_000, description="items after which a session is over")
    gap_minutes: float = Field(30.0, gt=0, description="silence after which a session is over")


class SessionKnn:
    """The newest sessions as sequences, and from each item the sessions that hold it."""

    name: ClassVar[str] = "v-sknn"
    Config = SessionKnnConfig

    def __init__(self, config: SessionKnnConfig | None = None, arrays: Mapping[str, Array] | None = None) -> None:
        """New, or as `arrays` gave it.

        Raises:
            KeyError, ValueError: the arrays are not what `arrays` gives.
        """
        self.config = config or SessionKnnConfig()
        self._gap_seconds = self.config.gap_minutes * 60.0
        steps = np.maximum(np.arange(self.config.longest) - 1.0, 0.0)
        # Never quite 0, which stands for "not touched".
        self._near = np.maximum(np.exp2(-steps / (self.config.nearness or np.inf)), 2.0**-50)
        self._weights = (1.0 - np.arange(self.config.reach) / self.config.reach) ** self.config.steepness
        nobody = np.empty(0, np.int32)
        self._hold(arrays or {"pointers": np.zeros(1, np.int64), "items": nobody, "owners": nobody, "ended": nobody})

    def fit(self, interactions: Interactions, catalogue: Catalogue) -> None:  # noqa: ARG002  # knows interactions only
        """Cut the log into sessions, numbered by their first interaction; cost: two sorts."""
        numbers, ended = _number_sessions(
            interactions.users,
            interactions.at,
            self._gap_seconds,
            self.config.longest,
            self.config.sessions,
            interactions.n_users,
        )
        first = max(len(ended) - self.config.sessions, 0)
        order = np.argsort(numbers, kind="stable")
        order = order[numbers[order] >= first]
        lengths = np.bincount(numbers[order] - first, minlength=len(ended) - first)
        pointers = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)))
        owners = interactions.users[order][pointers[:-1]]
        self._hold({"pointers": pointers, "items": interactions.items[order], "owners": owners, "ended": ended[first:]})

    def learn(self, step: Interaction, _history: History) -> None:
        """Add it to this person's running session, or begin a new one."""
        if step.weight <= 0 or step.item < 0:
            return
        session = self._running_session(step.person, step.at)
        self._ended[session] = step.at
        place = self._sequences.lengths[session : session + 1].astype(np.int32)
        self._sequences.add(_one(session), place, _one(step.item))
        self._holders.reserve(step.item + 1)
        self._holders.add(_one(step.item), _one(session), _one(1))

    def retrieve(self, request: Request, history: History, limit: int) -> tuple[IntArray, FloatArray]:
        """What the sessions most like the running one hold, best first."""
        n = self._add_up(request, history)
        limit = max(0, min(limit, n))
        items, scores = np.empty(limit, np.int32), np.empty(limit)
        _best(self._holders.lengths, self._n_sessions, self._sums, self._touched[:n], items, scores)
        return items, scores

    def score(self, request: Request, history: History, items: IntArray) -> FloatArray:
        """The same score for each of ``items``; 0 for what no neighbour holds."""
        n, scores = self._add_up(request, history), np.zeros(len(items))
        _judge(self._holders.lengths, self._n_sessions, self._sums, self._touched[:n], items, scores)
        return scores

    def arrays(self) -> Mapping[str, Array]:
        """The sessions, oldest first: their items, whose they were and when their last interaction was."""
        rows, kept = self._sequences.arrays(), slice(self._first, self._sequences.n_rows)
        return {
            "pointers": rows["pointers"][self._first :],
            "items": rows["values"],
            "owners": self._owners[kept].copy(),
            "ended": self._ended[kept].copy(),
        }

    @property
    def _n_sessions(self) -> int:
        return self._sequences.n_rows - self._first

    def _hold(self, arrays: Mapping[str, Array]) -> None:
        """Take these sessions, numbered from 0, and derive from each item the sessions that hold it."""
        pointers, items = arrays["pointers"], arrays["items"].astype(np.int32)
        self._owners, self._ended = arrays["owners"].astype(np.int32), arrays["ended"].astype(np.float64)
        lengths = np.diff(pointers)
        if not len(lengths) == len(self._owners) == len(self._ended) or lengths.sum() != len(items):
            raise ValueError(
                f"{len(lengths)} sessions of {lengths.sum()} items do not fit {len(items)} items, "
                f"{len(self._owners)} owners and {len(self._ended)} ends"
            )
        if lengths.max(initial=0) > self.config.longest or items.min(initial=0) < 0:
            raise ValueError(f"a session is longer than {self.config.longest}, or an item is negative")
        places = (np.arange(len(items)) - np.repeat(pointers[:-1], lengths)).astype(np.int32)
        sequences = {"pointers": pointers, "columns": places, "values": items}
        self._first, self._sequences = 0, Rows.of(sequences, self.config.longest)
        self._holders = _holders(items, np.repeat(np.arange(len(lengths)), lengths), len(lengths))
        self._running = dict(zip(self._owners.tolist(), range(len(lengths)), strict=True))
        self._sequences.make_room()
        self._holders.make_room()
        self._sums, self._touched = np.zeros(0), np.empty(0, np.int32)

    def _running_session(self, person: int, at: float) -> int:
        """The number of the session that an interaction belongs to; a new one if none is running."""
        number: int = self._running.get(person, NOBODY)
        if number >= self._first and self._sequences.lengths[number] < self.config.longest:
            before = float(self._ended[number])
            if before < FIRST_TIME or abs(at - before) < self._gap_seconds:
                return number
        if self._n_sessions == self.config.sessions:
            self._forget_oldest()
        number = self._sequences.n_rows
        self._sequences.reserve(number + 1)
        if number == len(self._owners):
            self._owners, self._ended = (grown(old, 2 * number + 64) for old in (self._owners, self._ended))
        self._owners[number], self._running[person] = person, number
        return number

    def _forget_oldest(self) -> None:
        """Let the oldest session go. It stands first among the holders of each of its items."""
        rows, start = self._sequences, int(self._sequences.starts[self._first])
        items = np.unique(rows.values[start : start + int(rows.lengths[self._first])])
        self._holders.starts[items] += 1
        self._holders.lengths[items] -= 1
        self._holders.capacities[items] -= 1
        rows.lengths[self._first] = 0
        self._first += 1
        if self._first >= self.config.sessions:
            # What has left still takes room: once it is as much as what is kept, number anew.
            self._hold(self.arrays())

    def _current(self, request: Request, history: History) -> tuple[IntArray, FloatArray]:
        """The items of the running session with their times, oldest first; none where the last was too long ago."""
        at = np.append(history.at, request.at)
        gaps = np.flatnonzero((at[:-1] >= FIRST_TIME) & (np.diff(at) >= self._gap_seconds))
        begin = gaps[-1] + 1 if len(gaps) else 0
        return history.items[begin:], history.at[begin:]

    def _add_up(self, request: Request, history: History) -> int:
        """Write what the neighbours say into ``_sums`` and where into ``_touched``; at how many items that is."""
        if len(self._sums) < self._holders.n_rows:
            room = max(self._holders.n_rows, 2 * len(self._sums))
            self._sums, self._touched = np.zeros(room), np.empty(room, np.int32)
        rows, holders = self._sequences, self._holders
        n_touched: int = _add_neighbours(
            rows.starts,
            rows.lengths,
            rows.values,
            self._ended,
            holders.starts,
            holders.lengths[: holders.n_rows],
            holders.columns,
            *self._current(request, history),
            self._weights,
            self.config.source_exponent,
            self.config.recent,
            self.config.neighbours,
            self._near,
            self._sums,
            self._touched,
        )
        return n_touched


def _one(number: int) -> IntArray:
    return np.array([number], np.int32)


def _holders(items: IntArray, sessions: Longs, n_sessions: int) -> Rows:
    """From each item the sessions that hold it, ascending, and how often."""
    n_items = int(items.max(initial=-1)) + 1
    pairs, counts = np.unique(items.astype(np.int64) * max(n_sessions, 1) + sessions, return_counts=True)
    rows, columns = np.divmod(pairs, max(n_sessions, 1))
    pointers = np.concatenate((np.zeros(1, np.int64), np.cumsum(np.bincount(rows, minlength=n_items))))
    made = {"pointers": pointers, "columns": columns.astype(np.int32), "values": counts.astype(np.int32)}
    return Rows.of(made, n_sessions)


@njit(cache=True)
def _number_sessions(
    users: IntArray, at: FloatArray, gap_seconds: float, longest: int, kept: int, n_users: int
) -> tuple[Longs, FloatArray]:
    """The session of each interaction, numbered in the order in which they begin, and the last time of each session.

    A person's session that would have left by then, because ``kept`` others began after it, is not gone on with.
    """
    numbers, ended = np.empty(len(users), np.int64), np.empty(len(users))
    running, lengths = np.full(n_users, -1, np.int64), np.zeros(n_users, np.int64)
    n = 0
    for row in range(len(users)):
        user = users[row]
        number = running[user]
        goes_on = number >= 0 and n - number <= kept and lengths[user] < longest
        if goes_on and ended[number] >= FIRST_TIME and abs(at[row] - ended[number]) >= gap_seconds:
            goes_on = False
        if not goes_on:
            number, n = n, n + 1
            running[user], lengths[user] = number, 0
        lengths[user] += 1
        numbers[row], ended[number] = number, at[row]
    return numbers, ended[:n].copy()


@njit(cache=True)
def _add_neighbours(
    starts: Longs,
    lengths: Longs,
    sequences: IntArray,
    ended: FloatArray,
    holder_starts: Longs,
    n_holders: Longs,
    holders: IntArray,
    current: IntArray,
    current_at: FloatArray,
    weight_of_step: FloatArray,
    source_exponent: float,
    recent: int,
    neighbours: int,
    near: FloatArray,
    sums: FloatArray,
    touched: IntArray,
) -> int:
    """Find the sessions most like ``current`` and add up what they hold, newest items' weight times likeness.

    Session s is ``sequences[starts[s]:starts[s] + lengths[s]]``; item i is held by the sessions
    ``holders[holder_starts[i]:holder_starts[i] + n_holders[i]]``, ascending. ``sums`` is all zero before; ``touched``
    gets the items where it is not afterwards, and their number is returned.
    """
    items, weights = _weighed(current, weight_of_step, len(n_holders))
    next_ones, says = np.empty(len(items), np.int64), np.empty(len(items))
    for i in range(len(items)):
        next_ones[i] = holder_starts[items[i]] + n_holders[items[i]] - 1
        says[i] = weights[i] * max(n_holders[items[i]], 1) ** -source_exponent
    found, shared, likeness = np.empty(recent, np.int32), np.empty(recent, np.int32), np.empty(recent)
    n = 0
    while n < recent:
        # All lists are walked from their ends at once, so that sessions come newest first and each comes once.
        session = -1
        for i in range(len(items)):
            if next_ones[i] >= holder_starts[items[i]] and holders[next_ones[i]] > session:
                session = holders[next_ones[i]]
        if session < 0:
            break
        found[n], shared[n], likeness[n] = session, -1, 0.0
        for i in range(len(items)):
            if next_ones[i] >= holder_starts[items[i]] and holders[next_ones[i]] == session:
                next_ones[i] -= 1
                likeness[n] += says[i]
                shared[n] = i if shared[n] < 0 else shared[n]
        held = sequences[starts[session] : starts[session] + lengths[session]]
        n += not _is_own(current, current_at, held, ended[session])
    nearest, best, size = np.empty(min(neighbours, recent), np.int32), np.empty(min(neighbours, recent)), 0
    for which in range(n):
        size = push(nearest, best, size, which, likeness[which])
    n_touched = 0
    for at in range(size):
        session, last = found[nearest[at]], shared[nearest[at]]
        held = sequences[starts[session] : starts[session] + lengths[session]]
        n_touched = _add_session(held, items[last], best[at] * weights[last], near, sums, touched, n_touched)
    return n_touched


@njit(cache=True)
def _weighed(current: IntArray, weight_of_step: FloatArray, n_items: int) -> tuple[IntArray, FloatArray]:
    """The different known items of the steps that weigh, newest first, each with the weight of its newest place."""
    items, weights, n = np.empty(len(weight_of_step), np.int32), np.empty(len(weight_of_step)), 0
    for step in range(min(len(weight_of_step), len(current))):
        item = current[len(current) - 1 - step]
        if 0 <= item < n_items and not _holds(items[:n], item):
            items[n], weights[n] = item, weight_of_step[step]
            n += 1
    return items[:n], weights[:n]


@njit(cache=True)
def _holds(items: IntArray, item: int) -> bool:
    """Whether it is among them; no array is made, as ``(items == item).any()`` would."""
    for other in items:  # noqa: SIM110  # numba compiles loops, and no generator
        if other == item:
            return True
    return False


@njit(cache=True)
def _is_own(current: IntArray, current_at: FloatArray, session: IntArray, ended: float) -> bool:
    """Whether the running session begins with the whole of this one, which ended at that very moment."""
    if len(session) > len(current) or current_at[len(session) - 1] != ended:
        return False
    for at in range(len(session)):  # noqa: SIM110  # numba compiles loops, and no generator
        if session[at] != current[at]:
            return False
    return True


@njit(cache=True)
def _add_session(
    held: IntArray, shared: int, weight: float, near: FloatArray, sums: FloatArray, touched: IntArray, n: int
) -> int:
    """Add one neighbour's items, each once, at its newest place; how many items are touched now."""
    place = len(held) - 1
    while held[place] != shared:
        place -= 1
    for at in range(len(held) - 1, -1, -1):
        item = held[at]
        if _holds(held[at + 1 :], item):
            continue
        if sums[item] == 0.0:
            touched[n] = item
            n += 1
        sums[item] += weight * near[abs(at - place)]
    return n


@njit(cache=True)
def _best(
    n_holders: Longs, n_sessions: int, sums: FloatArray, touched: IntArray, items: IntArray, scores: FloatArray
) -> None:
    """Write the best of what was touched into ``items`` and ``scores``, no longer than that; empty the sums."""
    size = 0
    for item in touched:
        if len(items):
            size = push(items, scores, size, item, sums[item] * np.log(1.0 + n_sessions / n_holders[item]))
        sums[item] = 0.0
    sort_heap(items, scores, size)


@njit(cache=True)
def _judge(
    n_holders: Longs, n_sessions: int, sums: FloatArray, touched: IntArray, items: IntArray, scores: FloatArray
) -> None:
    """Write the score of each of ``items`` into ``scores``; empty the sums."""
    for at in range(len(items)):
        if 0 <= items[at] < len(sums) and sums[items[at]] > 0.0:
            scores[at] = sums[items[at]] * np.log(1.0 + n_sessions / n_holders[items[at]])
    for item in touched:
        sums[item] = 0.0
