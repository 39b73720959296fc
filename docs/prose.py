"""Docstrings, tables and values as Markdown, for the pages of the reference."""
# ruff: noqa: INP001  # beside the script that reads it

import inspect
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

_CODE: Final = re.compile(r"``(.+?)``")


def prose(text: str | None) -> str:
    """A docstring as Markdown: code in single backticks, one line per paragraph."""
    if not text:
        return ""
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(text))
    joined = ["\n".join(p.splitlines()) if _is_drawn(p) else " ".join(p.split()) for p in paragraphs]
    return "\n\n".join(_CODE.sub(r"`\1`", p) for p in joined)


def _is_drawn(paragraph: str) -> bool:
    """Whether a paragraph is indented, as formulas are, and must keep its lines."""
    return all(line.startswith("    ") for line in paragraph.splitlines())


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of these rows; nothing without any."""
    lines = [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows]
    if not lines:
        return ""
    return "\n".join([f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}", *lines])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def anchor(title: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def in_json(value: Any) -> str:
    """A value as JSON writes it."""
    return msgspec.json.encode(value).decode()
