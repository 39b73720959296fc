"""A reason is true, or general."""

import pytest

from tailorbird.reranking.reasons import REASONS, reason_of


@pytest.mark.parametrize("source", sorted(REASONS))
def test_no_item_is_its_own_reason_and_none_is_named_that_is_not_the_cause(source: str) -> None:
    assert "Cup" not in reason_of(source, "Cup", "Cup", explored=False)
    assert "“" not in reason_of(source, "Cup", "", explored=False)


def test_a_long_title_is_shortened() -> None:
    assert len(reason_of("content", "Cup", "word " * 50, explored=False)) < 80


def test_what_is_explored_says_so_whatever_channel_knows_it() -> None:
    assert reason_of("content", "Cup", "Mug", explored=True) == "Something new to try"
