r"""How a data set is cut into what models may know and what they are asked: four protocols, each defined here.

In all of them every item with an interaction is ranked, never a sample of them (W. Krichene and S. Rendle, On Sampled
Metrics for Item Recommendation, KDD 2020), sorting is stable on (time, place in the file), and no interaction is both
known and asked. The split names itself: ``sha256`` is taken over the lines ``user_id,item_id\n`` of all test answers,
sorted by both (as numbers when all ids are whole numbers, else as text), so that two tables of figures can be compared.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.errors import BadInput, NotEnoughEvents, did_you_mean
from tailorbird.learning.interactions import Dataset, is_whole, positions_within
from tailorbird.types import NOBODY, Array, FloatArray, History, IntArray, Interactions

FoldIn = Literal["random", "temporal"]

SESSION_GAP_SECONDS: Final = 1_800.0
HELD_OUT_SHARE: Final = 0.1
FOLDED_SHARE: Final = 0.8
LEAST_TO_FOLD: Final = 5
"""The fewest interactions of which a fifth is one."""


@dataclass(frozen=True, slots=True)
class Cases:
    """Questions with their answers; n of them.

    Case c is asked by ``persons[c]`` at ``at[c]``; its query is the rows ``begins[c]:ends[c]`` of ``log``, oldest
    first, and its right answers are ``answers[starts[c]:starts[c + 1]]``, different items.
    """

    log: Interactions
    persons: IntArray
    at: FloatArray
    begins: Array
    ends: Array
    answers: IntArray
    starts: Array

    def __len__(self) -> int:
        return len(self.persons)

    def history(self, case: int) -> History:
        """What the model may look at."""
        rows = slice(self.begins[case], self.ends[case])
        return History(self.log.items[rows], self.log.at[rows], self.log.weights[rows], self.log.bought[rows])

    def answers_of(self, case: int) -> IntArray:
        """The items that are right; at least one."""
        return self.answers[self.starts[case] : self.starts[case + 1]]

    def askers(self) -> IntArray:
        """Who is behind each case, known to the model (``persons``) or not."""
        return self.log.users[self.begins]

    def take(self, cases: Array) -> "Cases":
        """These cases (positions), in that order."""
        counts = np.diff(self.starts)[cases]
        return Cases(
            self.log,
            self.persons[cases],
            self.at[cases],
            self.begins[cases],
            self.ends[cases],
            self.answers[positions_within(self.starts[:-1][cases], counts)],
            np.concatenate(([0], np.cumsum(counts))),
        )

    def sample(self, n: int | None, seed: int = 1) -> "Cases":
        """At most ``n`` cases drawn without replacement, in their order; the same for the same seed."""
        if n is None or n >= len(self):
            return self
        drawn = np.random.default_rng(seed).choice(len(self), n, replace=False)
        return self.take(np.sort(drawn))


@dataclass(frozen=True)
class Split:
    """What evaluation and training take.

    ``train`` may be fitted on under --strict; ``refit`` is train and validation together. Validation cases are for
    choosing and for labels, their queries hold only train rows; the queries of test cases also hold validation rows
    (in strong-generalisation, where each case is of a person that nothing was fitted on, neither does).
    ``hide_seen``: items of the query are not ranked. ``left_out`` counts cases that could not be asked, by reason.
    """

    protocol: str
    train: Interactions
    refit: Interactions
    validation: Cases
    test: Cases
    catalogue: Catalogue
    user_ids: Sequence[str]
    timed: bool
    hide_seen: bool
    sha256: str
    left_out: dict[str, int]

    @property
    def n_items(self) -> int:
        """How many items are ranked: those with an interaction anywhere in the data."""
        return self.train.n_items


def leave_one_out(data: Dataset) -> Split:
    """Of everybody with at least three interactions the last is asked, the one before it is for validation.

    Train is all the rest, with the whole history of people who have fewer than three. A validation case's query is the
    person's train rows, a test case's also holds the validation row. Items of the query are not ranked; a person whose
    answer is already in the query is left out of the cases and counted as a repeat.
    """
    log, starts = _by_person(data.interactions)
    ends, lengths = starts[1:], np.diff(starts)
    asked = np.flatnonzero(lengths >= 3)
    if not len(asked):
        raise NotEnoughEvents(
            f"Nobody among {len(lengths)} people has three interactions.", hint="Leave-one-out needs them."
        )
    held_out = np.zeros(len(log), np.int8)
    held_out[ends[asked] - 2], held_out[ends[asked] - 1] = 1, 2
    test, repeats = _single_answers(log, asked, starts[:-1][asked], ends[asked] - 1)
    validation, _ = _single_answers(log, asked, starts[:-1][asked], ends[asked] - 2)
    return _split(data, "leave-one-out", log, held_out, validation=validation, test=test, left_out={"repeats": repeats})


def time_split(data: Dataset, *, test_share: float = 0.1, validation_share: float = 0.1) -> Split:
    """One moment for everybody: the last tenth of all interactions is asked, the tenth before it is for validation.

    The cuts are quantiles of the interactions' times; a test answer happened at or after the test cut, everything
    before it may be in the query. A person is asked once, for all new items of the period together; whoever has nothing
    before the cut (``newcomers``) or nothing new after it (``no_new_items``) is left out. Items of the query are not
    ranked. S. Ji et al., A Critical Study on Data Leakage in Recommender System Offline Evaluation, TOIS 2023, say why
    this protocol is the one to trust.

    Raises:
        NotEnoughEvents: the data set knows an order but no times.
    """
    if not data.timed:
        raise NotEnoughEvents(
            "A time-split needs times, and these interactions only carry an order.", hint="Use leave-one-out."
        )
    log, starts = _by_person(data.interactions)
    at = np.sort(log.at)
    cuts = [at[int(len(at) * (1 - test_share - share))] for share in (validation_share, 0.0)]
    held_out = np.searchsorted(np.array(cuts), log.at, side="right").astype(np.int8)
    left_out: dict[str, int] = {}
    validation = _period_cases(log, starts, cuts[0], cuts[1], {})
    test = _period_cases(log, starts, cuts[1], np.inf, left_out)
    return _split(data, "time-split", log, held_out, validation=validation, test=test, left_out=left_out)


def next_in_session(data: Dataset, *, test_share: float = 0.1, validation_share: float = 0.1) -> Split:
    """The last tenth of all sessions is asked item by item, the tenth before it is for validation.

    A session is the run of one person's interactions with the same session id or, where the data has none, without a
    gap of 30 minutes (without times: all of a person's interactions). Sessions are ordered by their first interaction.
    From the second item of a held-out session on, each item is a case; its query is that session so far and nothing
    older, as of somebody unknown. Repeats are answers like any other, so items of the query are ranked too.
    """
    log, _ = _by_person(data.interactions)
    sessions, order = _sessions_of(data, log)
    log, sessions = log.take(order), sessions[order]
    begins = np.flatnonzero(np.r_[True, sessions[1:] != sessions[:-1]])
    lengths = np.diff(np.r_[begins, len(log)])
    # Without times, the order in which the file first names a session is the only one there is.
    by_start = np.argsort(log.at[begins] if data.timed else _first_rows(data, begins, order), kind="stable")
    part = np.zeros(len(begins), np.int8)
    n_test, n_validation = (int(len(begins) * share) for share in (test_share, validation_share))
    part[by_start[len(begins) - n_test :]] = 2
    part[by_start[len(begins) - n_test - n_validation : len(begins) - n_test]] = 1
    validation, test = (_session_cases(log, begins[part == p], lengths[part == p]) for p in (1, 2))
    held_out = np.repeat(part, lengths)
    return _split(
        data, "next-in-session", log, held_out, validation=validation, test=test, left_out={}, hide_seen=False
    )


def strong_generalisation(
    data: Dataset,
    *,
    fold_in: FoldIn = "random",
    test_share: float = HELD_OUT_SHARE,
    validation_share: float = HELD_OUT_SHARE,
    seed: int = 1,
) -> Split:
    """People nobody was fitted on: a tenth of them is asked, another tenth is for validation, the others are train.

    The people are drawn by ``seed`` from those with at least five interactions; whoever has fewer is train. 80% of a
    held-out person's interactions, rounded up, are folded in as the query, and the items among the rest that are not
    in the query are the answers, all in one case; a person without any is counted as ``no_new_items``. With
    ``random`` the 80% are drawn by ``seed``, as D. Liang et al. do (Variational Autoencoders for Collaborative
    Filtering, WWW 2018), so that a query holds what came after the answers; with ``temporal`` they are the oldest.
    Unlike them we rank every item, also one that only held-out people have. Whom the seed draws depends on the ids,
    not on their order in the file.

    Raises:
        NotEnoughEvents: fewer than three people have five interactions.
    """
    log, starts = _by_person(data.interactions)
    lengths = np.diff(starts)
    by_id = np.array(sorted(range(len(lengths)), key=data.user_ids.__getitem__), np.int64)
    able = by_id[lengths[by_id] >= LEAST_TO_FOLD]
    if len(able) < 3:  # one to ask, one to validate, one to learn from
        raise NotEnoughEvents(
            f"{len(able)} of {len(lengths)} people have {LEAST_TO_FOLD} interactions.",
            hint="Strong-generalisation needs three of them; leave-one-out needs less.",
        )
    draw = np.random.default_rng(seed)
    drawn = draw.permutation(able)
    n_test, n_validation = (max(1, int(len(able) * share)) for share in (test_share, validation_share))
    part = np.zeros(len(lengths), np.int8)
    part[drawn[:n_test]], part[drawn[n_test : n_test + n_validation]] = 2, 1
    # Every person's rows in the order of ids, so that the draws do not depend on the file.
    keys = np.empty(len(log))
    keys[positions_within(starts[:-1][by_id], lengths[by_id])] = draw.random(len(log))
    folded = np.ceil(np.round(FOLDED_SHARE * lengths, 9)).astype(np.int64)
    if fold_in == "random":
        log = log.take(_folded_first(log, starts, keys, folded))
    left_out: dict[str, int] = {}
    test = _folded_cases(log, starts, folded, np.flatnonzero(part == 2), left_out)
    validation = _folded_cases(log, starts, folded, np.flatnonzero(part == 1), {})
    held_out = np.repeat(part, lengths)
    return _split(data, "strong-generalisation", log, held_out, validation=validation, test=test, left_out=left_out)


def later_period(train: Interactions, everything: Interactions, since: float, catalogue: Catalogue) -> Split:
    """A shop's own log, for choosing settings: fitted on ``train``, asked what people took up from ``since`` on.

    There are no test cases: whether the choice was good is for an experiment to say.
    """
    log, starts = _by_person(everything)
    cases = _period_cases(log, starts, since, np.inf, {})
    return Split(
        "later-period", train, everything, cases, cases.take(np.empty(0, np.int64)), catalogue, (), True, True, "", {}
    )


PROTOCOLS: Final[dict[str, Callable[..., Split]]] = {
    "leave-one-out": leave_one_out,
    "time-split": time_split,
    "next-in-session": next_in_session,
    "strong-generalisation": strong_generalisation,
}


def split(data: Dataset, protocol: str, **options: Any) -> Split:
    """Cut by the protocol of that name, with ``options`` of its own.

    Raises:
        BadInput: there is no such protocol.
        NotEnoughEvents: the data cannot be cut that way.
    """
    if protocol not in PROTOCOLS:
        raise BadInput(f"There is no protocol '{protocol}'.", hint=did_you_mean(protocol, PROTOCOLS))
    return PROTOCOLS[protocol](data, **options)


def _split(
    data: Dataset,
    protocol: str,
    log: Interactions,
    held_out: Array,
    *,
    validation: Cases,
    test: Cases,
    left_out: dict[str, int],
    hide_seen: bool = True,
) -> Split:
    """Put the parts together; ``held_out`` marks the rows of ``log``: 0 train, 1 validation, 2 test."""
    if not len(test):
        because = ", ".join(f"{n} {reason.replace('_', ' ')}" for reason, n in left_out.items() if n)
        raise NotEnoughEvents(
            f"{protocol} leaves no case to ask among {len(log)} interactions"
            f" with {log.n_items} {'item' if log.n_items == 1 else 'items'}"
            f"{f' (left out: {because})' if because else ''}.",
            hint="Recommending needs a choice of items."
            if log.n_items == 1
            else "time-split asks for new items only, next-in-session for repeats too; more data helps either.",
        )
    in_time = np.argsort(log.at, kind="stable")
    known = held_out[in_time]
    return Split(
        protocol=protocol,
        train=log.take(in_time[known == 0]),
        refit=log.take(in_time[known <= 1]),
        validation=validation,
        test=test,
        catalogue=data.catalogue,
        user_ids=data.user_ids,
        timed=data.timed,
        hide_seen=hide_seen,
        sha256=_hash_of(test, data),
        left_out={reason: n for reason, n in left_out.items() if n},
    )


def _by_person(interactions: Interactions) -> tuple[Interactions, Array]:
    """All rows person by person, oldest first, and where each person starts."""
    order, starts = interactions.by_user()
    return interactions.take(order), starts


def _single_answers(log: Interactions, persons: Array, begins: Array, answers: Array) -> tuple[Cases, int]:
    """Cases whose query ends right before their one answer; repeats are left out and counted."""
    fresh = np.array([log.items[a] not in log.items[b:a] for b, a in zip(begins, answers, strict=True)], np.bool_)
    begins, answers = begins[fresh], answers[fresh]
    cases = Cases(
        log,
        persons[fresh].astype(np.int32),
        log.at[answers],
        begins,
        answers,
        log.items[answers],
        np.arange(len(answers) + 1),
    )
    return cases, int((~fresh).sum())


def _period_cases(log: Interactions, starts: Array, since: float, until: float, left_out: dict[str, int]) -> Cases:
    """One case per person with something before ``since`` and something new from then to before ``until``."""
    rows: list[tuple[int, int, int]] = []
    answers: list[IntArray] = []
    left_out.update(newcomers=0, no_new_items=0)
    for person, (begin, end) in enumerate(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)):
        cut, last = begin + np.searchsorted(log.at[begin:end], (since, until)).astype(int)
        if cut == last:
            continue
        if cut == begin:
            left_out["newcomers"] += 1
            continue
        new = np.setdiff1d(log.items[cut:last], log.items[begin:cut])
        if len(new):
            rows.append((person, begin, cut))
            answers.append(new)
        else:
            left_out["no_new_items"] += 1
    columns = np.array(rows, np.int64).reshape(-1, 3)
    return Cases(
        log,
        columns[:, 0].astype(np.int32),
        np.full(len(rows), since),
        columns[:, 1],
        columns[:, 2],
        np.concatenate([np.empty(0, np.int32), *answers]),
        np.concatenate(([0], np.cumsum([len(a) for a in answers], dtype=np.int64))),
    )


def _folded_first(log: Interactions, starts: Array, keys: FloatArray, folded: Array) -> Array:
    """An order of the rows: each person's ``folded`` ones with the least keys, then the others, both oldest first."""
    lengths = np.diff(starts)
    person = np.repeat(np.arange(len(lengths)), lengths)
    rank = np.empty(len(log), np.int64)
    rank[np.lexsort((keys, person))] = positions_within(np.zeros(len(lengths), np.int64), lengths)
    return np.lexsort((np.arange(len(log)), rank >= folded[person], person))


def _folded_cases(log: Interactions, starts: Array, folded: Array, persons: Array, left_out: dict[str, int]) -> Cases:
    """One case per person: the first ``folded`` rows are the query, as of the next row or, if later, its own end."""
    asked: list[int] = []
    answers: list[IntArray] = []
    for person in persons.tolist():
        begin, cut, end = starts[person], starts[person] + folded[person], starts[person + 1]
        new = np.setdiff1d(log.items[cut:end], log.items[begin:cut])
        if len(new):
            asked.append(person)
            answers.append(new)
    left_out["no_new_items"] = len(persons) - len(asked)
    who = np.array(asked, np.int64)
    return Cases(
        log,
        who.astype(np.int32),
        np.maximum(log.at[starts[who] + folded[who]], log.at[starts[who] + folded[who] - 1]),
        starts[who],
        starts[who] + folded[who],
        np.concatenate([np.empty(0, np.int32), *answers]),
        np.concatenate(([0], np.cumsum([len(a) for a in answers], dtype=np.int64))),
    )


def _sessions_of(data: Dataset, log: Interactions) -> tuple[Array, Array]:
    """A session number for each row of ``log``, and the order that puts sessions together, oldest row first."""
    known = data.sessions[data.interactions.by_user()[0]]
    if (known != NOBODY).any():
        return known, np.lexsort((np.arange(len(log)), known))
    starts_anew = np.r_[True, log.users[1:] != log.users[:-1]]
    if data.timed:
        starts_anew |= np.r_[True, np.diff(log.at) >= SESSION_GAP_SECONDS]
    return np.cumsum(starts_anew), np.arange(len(log))


def _first_rows(data: Dataset, begins: Array, order: Array) -> Array:
    """The place in the data of each session's first row."""
    return data.interactions.by_user()[0][order][begins]


def _session_cases(log: Interactions, begins: Array, lengths: Array) -> Cases:
    """A case for every item of these sessions but their first."""
    answers = positions_within(begins + 1, lengths - 1)
    return Cases(
        log,
        np.full(len(answers), NOBODY, np.int32),
        log.at[answers],
        np.repeat(begins, lengths - 1),
        answers,
        log.items[answers],
        np.arange(len(answers) + 1),
    )


def _hash_of(test: Cases, data: Dataset) -> str:
    """SHA-256 of the test answers; see the top of this file."""
    persons = np.repeat(test.askers(), np.diff(test.starts))
    users = [data.user_ids[person] for person in persons.tolist()]
    items = [data.catalogue.ids[item] for item in test.answers]
    pairs: list[Any] = list(zip(users, items, strict=True))
    if is_whole(users) and is_whole(items):
        pairs.sort(key=lambda pair: (int(pair[0]), int(pair[1])))
    else:
        pairs.sort()
    return hashlib.sha256("".join(f"{user},{item}\n" for user, item in pairs).encode()).hexdigest()


def sampled(whole: Split, n_cases: int | None) -> Split:
    """The same split with at most ``n_cases`` test cases; its hash still names the whole."""
    return replace(whole, test=whole.test.sample(n_cases))
