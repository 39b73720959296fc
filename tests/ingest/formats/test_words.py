"""Free words of other systems, and ids of lists that are ours or theirs."""

import pytest

from tailorbird.ingest.formats.words import list_of, type_of
from tailorbird.types import EVENT_TYPES


@pytest.mark.parametrize("ours", EVENT_TYPES)
def test_our_own_words_are_understood_in_any_spelling(ours: str) -> None:
    assert type_of(ours) == type_of(ours.upper()) == type_of(ours.replace("_", " ").title()) == ours


def test_other_words_stay() -> None:
    assert (type_of("Add to basket"), type_of("tasted"), type_of(None)) == ("cart_add", "tasted", None)


def test_a_list_that_somebody_else_made_is_no_decision_of_ours() -> None:
    ours = "0123456789abcdef" * 2
    assert list_of(ours, "ranking") == {"decision_id": ours}
    assert list_of("RID-1", "ranking") == {"properties": {"ranking": "RID-1"}}
    assert list_of("", "ranking") == {}
