"""Text to the numbers of word pieces, as BERT's uncased models were trained with.

The rules are those of J. Devlin et al., BERT: Pre-training of Deep Bidirectional Transformers, NAACL 2019, and its
vocabulary file: lower case without accents, words and punctuation apart, each word cut into the longest pieces that the
vocabulary holds (Y. Wu et al., Google's Neural Machine Translation System, 2016, section 4.1). The package `tokenizers`
does it faster; it also brings a client of a model hub and everything that one needs (decision 18).
"""

import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

_LONGEST_WORD: Final = 100
_CACHED_WORDS: Final = 50_000


class WordPieces:
    """The vocabulary, one piece a line, and how text becomes numbers."""

    def __init__(self, vocabulary: Sequence[str], longest: int) -> None:
        """``longest`` is the most pieces of one text, with both marks.

        Raises:
            ValueError: the vocabulary lacks one of BERT's marks.
        """
        self._number = {piece: n for n, piece in enumerate(vocabulary)}
        missing = [mark for mark in ("[UNK]", "[CLS]", "[SEP]") if mark not in self._number]
        if missing:
            raise ValueError(f"the vocabulary has no {', '.join(missing)}")
        self._unknown, self._begin, self._end = (self._number[mark] for mark in ("[UNK]", "[CLS]", "[SEP]"))
        self._longest = longest
        self._pieces_of = lru_cache(_CACHED_WORDS)(self._cut)

    def numbers(self, text: str) -> list[int]:
        """The numbers of a text's pieces, between the marks of a beginning and an end."""
        found: list[int] = [self._begin]
        for word in _words(text):
            found += self._pieces_of(word)
            if len(found) >= self._longest:
                break
        return [*found[: self._longest - 1], self._end]

    def _cut(self, word: str) -> tuple[int, ...]:
        """The longest pieces from left to right; the mark for unknown if any part of the word is in none."""
        if len(word) > _LONGEST_WORD:
            return (self._unknown,)
        pieces: list[int] = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            end = next((e for e in range(len(word), start, -1) if prefix + word[start:e] in self._number), 0)
            if not end:
                return (self._unknown,)
            pieces.append(self._number[prefix + word[start:end]])
            start = end
        return tuple(pieces)


def _words(text: str) -> Iterator[str]:
    """Lower-case words without accents; each mark of punctuation, and each Chinese character, by itself."""
    word = ""
    for character in unicodedata.normalize("NFD", _without_control(text).lower()):
        kind = unicodedata.category(character)
        if kind == "Mn":
            continue
        if character.isspace() or kind == "Zs":
            alone = ""
        elif _is_punctuation(character, kind) or _is_chinese(character):
            alone = character
        else:
            word += character
            continue
        if word:
            yield word
            word = ""
        if alone:
            yield alone
    if word:
        yield word


def _without_control(text: str) -> str:
    return "".join(
        character
        for character in text
        if character in "\t\n\r" or (character not in "\0\ufffd" and unicodedata.category(character)[0] != "C")
    )


def _is_punctuation(character: str, kind: str) -> bool:
    # Every ASCII sign counts, also those that Unicode calls symbols.
    return kind[0] == "P" or (character.isascii() and not character.isalnum() and character.isprintable())


def _is_chinese(character: str) -> bool:
    code = ord(character)
    return (
        0x4E00 <= code <= 0x9FFF or 0x3400 <= code <= 0x4DBF or 0xF900 <= code <= 0xFAFF or 0x20000 <= code <= 0x2FA1F
    )
