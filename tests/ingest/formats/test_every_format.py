"""What holds for every format, whatever it is sent: a clear refusal or entries, nothing else."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailorbird.backends.memory import MemoryLog
from tailorbird.errors import BadInput, UnknownFormat
from tailorbird.ingest.formats import FORMATS, format_of
from tailorbird.ingest.formats.reader import FormatReader

NOW = 1_700_000_000.0
NAMES = """
    type event events batch properties products items userId anonymousId user_id timestamp at id item name value sentAt
    originalTimestamp traits context ecommerce params data eventList fields price quantity
    client_id purchase refund transaction_id engagement_time_msec consent page_location 0
    event_name event_timestamp event_params user_pseudo_id key string_value geo
    eventType itemId sessionId impression recommendationId eventId
    user session ranking interaction FeedbackType UserId ItemId Labels IsHidden Value Timestamp Comment
"""
WORDS = st.sampled_from(NAMES.split())
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | WORDS
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=4), inner, max_size=6),
    max_leaves=25,
)


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=150, deadline=None)
@given(document=TREES)
def test_anything_is_taken_or_refused(name: str, document: Any) -> None:
    form = FORMATS[name]
    reader = FormatReader(form, MemoryLog().current, now=NOW)
    try:
        messages = list(form.messages(document))
    except BadInput:
        return
    for message in messages:
        try:
            taken = reader.read(message)
        except BadInput:
            continue
        else:
            assert len(taken.entries) >= len(taken.events)


def test_a_format_that_is_not_there_is_named_with_the_nearest() -> None:
    assert format_of("native") is None
    with pytest.raises(UnknownFormat, match=r"no format 'segmnt'.*segment"):
        format_of("segmnt")


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_nested_without_end_is_refused(name: str) -> None:
    deep: Any = "end"
    for _ in range(900):
        deep = {"a": deep}
    reader = FormatReader(FORMATS[name], MemoryLog().current, now=NOW)
    for message in (deep, [deep], {"type": "track", "event": "x", "userId": "u", "properties": deep, "context": deep}):
        try:
            reader.read(message)
        except BadInput as error:
            told = str(error)
        else:
            told = ""
        assert len(told) < 500
