"""The short way to an event leads where the long one does, or nowhere."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tailorbird.errors import BadInput
from tailorbird.ingest.events import FIELDS, entry_of_event, parse_event
from tailorbird.ingest.fields import EARLIEST
from tailorbird.ingest.usual import usual_event
from tailorbird.types import DAY_SECONDS, EVENT_TYPES, SURFACES

NOW = 1_717_200_000.0
VIEW = {"type": "item_view", "at": NOW - 60, "user_id": "u1", "item_id": "i1"}

odd_texts = st.sampled_from(
    [
        "",
        " ",
        "  x",
        "x ",
        "\t",
        "\n",
        "\0",
        "a\0b",
        "\ud800",
        "ü",
        "\u00a0",
        "\u2003x",
        '"',
        "\\",
        "x" * 256,
        "x" * 257,
    ]
)
texts = st.one_of(st.text(st.characters(max_codepoint=127), max_size=5), odd_texts, st.sampled_from(["1", "EUR", "12"]))
numbers = st.one_of(
    st.integers(-2, 2**54), st.sampled_from([2**63, -(2**63), 10**30, -0.0, 0.5, 3.0, 1e300, -1.0]), st.floats(0, 100)
)
times = st.one_of(
    st.floats(NOW - 1e8, NOW + DAY_SECONDS),
    st.integers(int(NOW * 1e3) - 10**9, int((NOW + DAY_SECONDS) * 1e3)),
    st.sampled_from(
        [0, 17, EARLIEST, EARLIEST - 1, NOW + DAY_SECONDS + 1, 5e11, 1e14, NOW * 1e6, 1e17, 1e300, "2024-05-01"]
    ),
)
scalars = st.one_of(st.none(), st.booleans(), texts, numbers)
lines = st.lists(
    st.one_of(
        scalars,
        st.fixed_dictionaries(
            {}, optional={"item_id": scalars, "quantity": scalars, "price": scalars, "note": scalars}
        ),
        st.fixed_dictionaries({"item_id": st.just("i"), "quantity": st.integers(1, 3), "price": st.floats(0, 9)}),
    ),
    max_size=3,
)
usual: dict[str, st.SearchStrategy[Any]] = {
    "type": st.sampled_from(EVENT_TYPES),
    "at": times,
    "items": lines,
    "surface": st.sampled_from(SURFACES),
    "position": st.integers(0, 50),
    "value": numbers,
}
values = {
    name: st.one_of(usual.get(name, st.just("x")), scalars, st.just([]), st.just({}), st.just({"a": None}))
    for name in (*FIELDS, "unknown")
}
sound = st.fixed_dictionaries(
    {name: usual.get(name, st.just("x1")) for name in ("type", "at", "user_id", "item_id")},
    optional={name: usual.get(name, st.just("x1")) for name in ("items", "surface", "position", "event_id", "value")},
)
records = st.one_of(
    sound,
    st.tuples(sound, st.fixed_dictionaries({}, optional=values)).map(lambda both: {**both[0], **both[1]}),
    st.fixed_dictionaries({}, optional=values),
    scalars,
)


@settings(max_examples=500)
@given(record=records, spaced=st.booleans(), plain=st.booleans())
@example(record=VIEW, spaced=False, plain=True)
def test_an_event_read_the_short_way_is_what_the_long_way_makes_of_it(
    *, record: Any, spaced: bool, plain: bool
) -> None:
    text = json.dumps(record, separators=None if spaced else (",", ":"), ensure_ascii=plain)
    raw = text.encode("utf-8", "surrogatepass")
    event = usual_event(raw, now=NOW)
    if event is not None:
        assert entry_of_event(event) == entry_of_event(parse_event(msgspec.json.decode(raw), now=NOW))


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"at": int(NOW)},
        {"at": int(NOW) * 1_000, "event_id": "e", "anonymous_id": "a", "session_id": "s", "user_id": None},
        {"decision_id": "d", "surface": "home", "position": 3, "type": "list_click"},
        {"type": "purchase", "items": [{"item_id": "i", "quantity": 2, "price": 4.5}], "value": 9, "currency": "EUR"},
        {"type": "page_view", "item_id": None},
    ],
)
def test_what_the_reference_shows_goes_the_short_way(more: dict[str, Any]) -> None:
    sent = {**VIEW, **more}
    event = usual_event(msgspec.Raw(json.dumps(sent).encode()), now=NOW)
    assert event is not None
    assert entry_of_event(event) == entry_of_event(parse_event(sent, now=NOW))


@pytest.mark.parametrize("raw", [b"", b"{", b'{"type":"item_view"', b"[]", b"5", b'{"type":"item_view","at":NaN}'])
def test_what_is_no_event_is_left_to_the_long_way(raw: bytes) -> None:
    assert usual_event(raw, now=NOW) is None


def test_a_refused_event_is_not_taken_on_the_short_way() -> None:
    for changed in ({"at": 17}, {"item_id": None}, {"user_id": None}, {"type": None}, {"user_id": "x" * 257}):
        sent = {**VIEW, **changed}
        with pytest.raises(BadInput):
            parse_event(sent, now=NOW)
        assert usual_event(json.dumps(sent).encode(), now=NOW) is None
