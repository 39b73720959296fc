"""Word pieces: what BERT's rules make of a text."""

import pytest

from tailorbird.retrieval.deep.wordpiece import WordPieces

VOCABULARY = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "un",
    "##aff",
    "##able",
    "red",
    "##s",
    "cafe",
    "-",
    "!",
    "$",
    "茶",
    "2",
]


def pieces(text: str, longest: int = 20) -> list[str]:
    return [VOCABULARY[n] for n in WordPieces(VOCABULARY, longest).numbers(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  \t\n ", []),
        ("unaffable", ["un", "##aff", "##able"]),
        ("RED reds", ["red", "red", "##s"]),
        ("Café-café!", ["cafe", "-", "cafe", "!"]),
        ("red$2", ["red", "$", "2"]),
        ("red茶茶red", ["red", "茶", "茶", "red"]),
        ("redq red", ["[UNK]", "red"]),
        ("r\u200bed\0", ["red"]),
        ("red\u00a0red", ["red", "red"]),
        ("red" * 40, ["[UNK]"]),
    ],
)
def test_a_text_becomes_the_longest_pieces_of_its_words(text: str, expected: list[str]) -> None:
    assert pieces(text) == ["[CLS]", *expected, "[SEP]"]


def test_a_long_text_is_cut_and_still_ends() -> None:
    assert pieces("red " * 50, longest=5) == ["[CLS]", "red", "red", "red", "[SEP]"]
    assert pieces("unaffable", longest=3) == ["[CLS]", "un", "[SEP]"]


def test_a_vocabulary_without_the_marks_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no \[CLS\], \[SEP\]"):
        WordPieces(["[UNK]", "red"], 10)
