"""The protocols, held to their definitions on data small enough to do by hand."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailorbird.catalogue import Catalogue
from tailorbird.errors import BadInput, NotEnoughEvents
from tailorbird.learning.cases import Cases, Split, sampled
from tailorbird.learning.interactions import Dataset
from tailorbird.learning.splits import PROTOCOLS, split, strong_generalisation
from tailorbird.types import NOBODY, Interactions

DAY = 86_400.0
Line = tuple[str, str, float]


def dataset(lines: list[Line], sessions: list[int] | None = None, *, start: float = 1.7e9) -> Dataset:
    """Lines of (person, item, at) in the order of a file."""
    catalogue, users = Catalogue(), sorted({user for user, _, _ in lines})
    at = np.array([start + moment for _, _, moment in lines], np.float64)
    order = np.argsort(at, kind="stable")
    log = Interactions(
        np.array([users.index(user) for user, _, _ in lines], np.int32)[order],
        np.array([catalogue.number(item) for _, item, _ in lines], np.int32)[order],
        at[order],
        np.ones(len(lines)),
        len(users),
        len(catalogue),
    )
    known = np.full(len(lines), NOBODY, np.int32) if sessions is None else np.array(sessions, np.int32)
    return Dataset(log, catalogue, users, known[order], bool(at.min() > 1e8), len(lines))


def told(cut: Split, cases: Cases) -> list[tuple[str, list[str], list[str]]]:
    """Every case as (person, query, answers), in names."""
    names = cut.catalogue.ids
    return [
        (
            cut.user_ids[cases.persons[c]] if cases.persons[c] != NOBODY else "",
            [names[i] for i in cases.history(c).items],
            [names[i] for i in cases.answers_of(c)],
        )
        for c in range(len(cases))
    ]


def pairs(log: Interactions) -> list[tuple[int, int, float]]:
    return sorted(zip(log.users.tolist(), log.items.tolist(), log.at.tolist(), strict=True))


THREE = [
    ("u", "a", 1),
    ("v", "a", 1),
    ("u", "b", 2),
    ("v", "c", 2),
    ("u", "c", 3),
    ("v", "d", 3),
    ("v", "b", 4),
    ("w", "a", 5),
]


def test_leave_one_out_asks_the_last_and_validates_on_the_one_before() -> None:
    cut = split(dataset(THREE), "leave-one-out")
    assert told(cut, cut.test) == [("u", ["a", "b"], ["c"]), ("v", ["a", "c", "d"], ["b"])]
    assert told(cut, cut.validation) == [("u", ["a"], ["b"]), ("v", ["a", "c"], ["d"])]
    assert len(cut.train) == 4, "u: a; v: a, c; w: a, who has too few to be asked"
    assert len(cut.refit) == 6
    assert cut.hide_seen


def test_leave_one_out_leaves_repeats_out_of_the_cases_and_counts_them() -> None:
    lines = [("u", "a", 1), ("u", "b", 2), ("u", "a", 3), ("v", "a", 1), ("v", "b", 2), ("v", "c", 3)]
    cut = split(dataset(lines), "leave-one-out")
    assert told(cut, cut.test) == [("v", ["a", "b"], ["c"])]
    assert cut.left_out == {"repeats": 1}
    assert len(cut.train) == 2, "what is not asked is still not known"


def test_the_hash_is_of_the_sorted_lines_user_comma_item() -> None:
    numbered = [(user, item, at) for user, item, at in (("10", "7", 1), ("10", "8", 2), ("10", "9", 3))]
    numbered += [("9", "7", 1), ("9", "9", 2), ("9", "10", 3)]
    expected = hashlib.sha256(b"9,10\n10,9\n").hexdigest()
    assert split(dataset(numbered), "leave-one-out").sha256 == expected
    assert split(dataset(numbered[::-1]), "leave-one-out").sha256 == expected
    text = hashlib.sha256(b"u,c\nv,b\n").hexdigest()
    assert split(dataset(THREE), "leave-one-out").sha256 == text


def test_time_split_cuts_everybody_at_one_moment() -> None:
    lines: list[Line] = [(f"u{n % 4}", f"i{n // 3}", n * DAY) for n in range(100)]
    cut = split(dataset(lines), "time-split")
    moment = float(cut.test.at[0])
    assert (cut.test.at == moment).all()
    assert cut.refit.at.max() < moment <= cut.test.log.at.max()
    assert cut.train.at.max() < float(cut.validation.at[0])
    assert (len(cut.train), len(cut.refit)) == (80, 90)


def test_time_split_answers_are_the_new_items_of_the_period() -> None:
    lines: list[Line] = [("u", "a", n) for n in range(80)] + [("u", "b", 80 + n) for n in range(10)]
    lines += [("u", "a", 90), ("u", "c", 91), ("u", "d", 92), ("u", "c", 93), ("new", "a", 94), ("new", "b", 95)]
    lines += [("new", "a", 96 + n) for n in range(4)]
    cut = split(dataset(lines), "time-split")
    ((person, query, answers),) = told(cut, cut.test)
    assert (person, sorted(set(query)), sorted(answers)) == ("u", ["a", "b"], ["c", "d"])
    assert cut.left_out == {"newcomers": 1}


def test_time_split_needs_times() -> None:
    with pytest.raises(NotEnoughEvents, match="only carry an order"):
        split(dataset(THREE, start=0.0), "time-split")


def test_next_in_session_asks_every_item_but_the_first_from_its_session_alone() -> None:
    lines: list[Line] = []
    for n in range(20):
        lines += [("u", f"a{n}", n * DAY), ("u", "b", n * DAY + 60), ("u", f"a{n}", n * DAY + 120)]
    cut = split(dataset(lines), "next-in-session")
    assert told(cut, cut.test) == [
        ("", ["a18"], ["b"]),
        ("", ["a18", "b"], ["a18"]),
        ("", ["a19"], ["b"]),
        ("", ["a19", "b"], ["a19"]),
    ]
    assert [query for _, query, _ in told(cut, cut.validation)] == [["a16"], ["a16", "b"], ["a17"], ["a17", "b"]]
    assert not cut.hide_seen, "repeats are answers"
    assert cut.train.at.max() < cut.validation.at.min()


def test_sessions_that_are_named_are_taken_as_they_are() -> None:
    lines: list[Line] = [("u", f"i{n}", n) for n in range(40)]
    cut = split(dataset(lines, sessions=[n // 4 for n in range(40)]), "next-in-session")
    assert told(cut, cut.test) == [
        ("", ["i36"], ["i37"]),
        ("", ["i36", "i37"], ["i38"]),
        ("", ["i36", "i37", "i38"], ["i39"]),
    ]


def test_a_pause_of_thirty_minutes_ends_a_session() -> None:
    lines: list[Line] = [("u", f"i{n}", n * 1_800.0 - (n % 2)) for n in range(40)]
    cut = split(dataset(lines), "next-in-session")
    assert {len(query) for _, query, _ in told(cut, cut.test)} == {1}


def test_without_times_sessions_are_ordered_as_the_file_names_them() -> None:
    lines: list[Line] = [(f"u{n}", item, at) for n in range(9, -1, -1) for at, item in ((1, "a"), (2, f"b{n}"))]
    cut = split(dataset(lines, start=0.0), "next-in-session")
    assert told(cut, cut.test) == [("", ["a"], ["b0"])]


FOLDED = {
    "five": (["a", "b", "c", "d"], ["e"]),
    "six": (["f", "e", "d", "c", "b"], ["a"]),
    "ten": (["a", "c", "e", "g", "b", "d", "f", "h"], ["i", "j"]),
    "eleven": (["j", "i", "h", "g", "f", "e", "d", "c", "b"], ["a", "k"]),
}
"""Person -> the oldest 80%, rounded up, and what is asked."""

FOLD_LINES: list[Line] = [
    (person, item, at * DAY + n)
    for n, (person, (query, answers)) in enumerate(FOLDED.items())
    for at, item in enumerate([*query, *answers])
] + [("few", item, at * DAY) for at, item in enumerate("abcd")]


def test_strong_generalisation_asks_people_whom_nobody_was_fitted_on() -> None:
    asked = set()
    for seed in range(40):
        cut = strong_generalisation(
            dataset(FOLD_LINES), fold_in="temporal", test_share=0.25, validation_share=0.25, seed=seed
        )
        ((person, query, answers),) = told(cut, cut.test)
        ((other, *_),) = told(cut, cut.validation)
        assert (query, sorted(answers)) == FOLDED[person]
        assert {cut.user_ids[user] for user in cut.train.users} == {*FOLDED, "few"} - {person, other}
        assert {cut.user_ids[user] for user in cut.refit.users} == {*FOLDED, "few"} - {person}
        assert cut.sha256 == hashlib.sha256("".join(f"{person},{item}\n" for item in answers).encode()).hexdigest()
        asked.add(person)
    assert asked == set(FOLDED), "everybody with five interactions may be drawn"


def test_a_random_fold_in_tells_as_many_in_the_order_of_their_times() -> None:
    queries = set()
    for seed in range(8):
        cut = strong_generalisation(dataset(FOLD_LINES), test_share=0.5, validation_share=0.25, seed=seed)
        assert len(cut.test) == 2
        for person, query, answers in told(cut, cut.test):
            whole = [*FOLDED[person][0], *FOLDED[person][1]]
            assert len(query) == len(FOLDED[person][0])
            assert sorted([*query, *answers]) == sorted(whole)
            assert query == [item for item in whole if item in query]
            queries.add((person, *query))
    assert len(queries) > 8, "which are told is drawn"


@pytest.mark.parametrize("fold_in", ["random", "temporal"])
def test_whom_the_seed_draws_does_not_depend_on_the_order_of_the_file(fold_in: str) -> None:
    plain, data = dataset(FOLD_LINES), dataset(FOLD_LINES[::-1])
    log, last = data.interactions, len(data.user_ids) - 1
    turned = replace(
        data, interactions=replace(log, users=(last - log.users).astype(np.int32)), user_ids=list(data.user_ids)[::-1]
    )
    cuts = [split(one, "strong-generalisation", fold_in=fold_in) for one in (plain, turned)]
    assert cuts[0].user_ids != cuts[1].user_ids
    assert cuts[0].sha256 == cuts[1].sha256
    assert told(cuts[0], cuts[0].test)[0][:2] == told(cuts[1], cuts[1].test)[0][:2]


def test_what_a_held_out_person_had_before_is_not_asked_again() -> None:
    lines: list[Line] = [("bore", "a", at * DAY) for at in range(6)]
    lines += [(f"u{n}", f"i{k}", k * DAY) for n in range(3) for k in range(6)]
    left = [
        strong_generalisation(dataset(lines), test_share=0.5, validation_share=0.25, seed=seed).left_out
        for seed in range(8)
    ]
    assert {"no_new_items": 1} in left
    assert {} in left


def test_strong_generalisation_needs_three_people_with_five_interactions() -> None:
    with pytest.raises(NotEnoughEvents, match=r"0 of 3 people have 5 interactions.*leave-one-out needs less"):
        split(dataset(THREE), "strong-generalisation")


def test_one_item_is_no_choice_and_the_error_says_so() -> None:
    lines: list[Line] = [(f"u{n}", "a", k * DAY) for n in range(5) for k in range(6)]
    with pytest.raises(NotEnoughEvents, match=r"30 interactions with 1 item \(left out: 5 repeats\).*choice of items"):
        split(dataset(lines), "leave-one-out")


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from("uvwxy"), st.sampled_from("abcdefgh"), st.integers(0, 40)), min_size=30, max_size=90
    ),
    st.sampled_from(sorted(PROTOCOLS)),
)
def test_what_is_known_is_never_asked(lines: list[tuple[str, str, int]], protocol: str) -> None:
    data = dataset([(user, item, at * 1_000.0) for user, item, at in lines])
    try:
        cut = split(data, protocol)
    except NotEnoughEvents:
        return
    everything = pairs(data.interactions)
    known, withheld = pairs(cut.refit), list(everything)
    for row in known:
        withheld.remove(row)
    assert len(known) + len(withheld) == len(everything)
    assert len(cut.train) <= len(cut.refit)
    for cases in (cut.test, cut.validation):
        for case in range(len(cases)):
            query, answers = cases.history(case), cases.answers_of(case)
            assert len(answers) == len(set(answers.tolist())) > 0
            assert len(query) > 0 or protocol == "replay", "whoever comes for the first time is asked too"
            assert (np.diff(query.at) >= 0).all()
            assert (query.at <= cases.at[case]).all()
            if cut.hide_seen:
                assert not np.isin(answers, query.items).any()


def test_a_sample_of_cases_is_the_same_each_time_and_keeps_the_hash() -> None:
    lines: list[Line] = [(f"u{n}", f"i{(n + k) % 9}", k) for n in range(50) for k in range(4)]
    cut = split(dataset(lines), "leave-one-out")
    one, two = sampled(cut, 10), sampled(cut, 10)
    assert len(one.test) == 10
    assert told(cut, one.test) == told(cut, two.test)
    assert set(map(str, told(cut, one.test))) <= set(map(str, told(cut, cut.test)))
    assert one.sha256 == cut.sha256
    assert len(sampled(cut, 1_000).test) == len(cut.test)


def test_an_unknown_protocol_is_named_with_those_there_are() -> None:
    with pytest.raises(BadInput, match=r"no protocol 'leave-one'.*Did you mean 'leave-one-out'"):
        split(dataset(THREE), "leave-one")


def test_nobody_with_three_interactions_is_too_little() -> None:
    with pytest.raises(NotEnoughEvents, match="three"):
        split(dataset([("u", "a", 1), ("u", "b", 2)]), "leave-one-out")
