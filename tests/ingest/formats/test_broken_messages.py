"""Good messages with something else in one or two places: whatever it is, a refusal or entries."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailorbird.backends.memory import MemoryLog
from tailorbird.errors import BadInput
from tailorbird.ingest.formats import FORMATS
from tailorbird.ingest.formats.reader import FormatReader

from hostile import GOOD, spoilt


@pytest.mark.parametrize(("kind", "name", "good"), GOOD)
@settings(max_examples=100, deadline=None, derandomize=True)
@given(data=st.data())
def test_junk_anywhere_is_taken_or_refused(kind: Any, name: str, good: Any, data: st.DataObject) -> None:
    document = data.draw(spoilt(good))
    form = FORMATS[kind][name]()
    reader = FormatReader(form, MemoryLog().current, now=1_700_000_000.0, currency="EUR")
    entries = []
    for message in form.messages(document):
        try:
            entries += reader.read(message).entries
        except BadInput:
            continue
    assert entries or document is not good
