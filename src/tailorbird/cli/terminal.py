"""How commands speak: tables and progress for people, JSON for scripts.

Results go to stdout; everything else (progress, notes) goes to stderr, so that ``--json`` output can be piped.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec


def print_json(value: Any) -> None:
    """One JSON document on stdout, indented; nothing else may go there."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table for people on stdout; numbers stand to the right."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [[_cell(value) for value in row] for row in rows]
    table = Table(title=Text(title), title_justify="left", header_style="bold")
    for n, column in enumerate(columns):
        numeric = bool(cells) and all(_looks_numeric(row[n]) for row in cells)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def note(sentence: str) -> None:
    """A sentence for people on stderr."""
    print(sentence, file=sys.stderr)


@contextmanager
def progress(
    label: str, *, after_seconds: float = 1.0, line_seconds: float = 20.0
) -> Iterator[Callable[[float, str], None]]:
    """Give a function ``(share done in [0, 1], words)`` that draws a bar on a terminal once a second has passed.

    Where there is no terminal, it says now and then in a line how far it is.
    """
    if not sys.stderr.isatty():
        yield _lines(label, line_seconds)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[words]}"),
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task(label, total=1.0, words="")
    began = time.monotonic()

    def show(share: float, words: str) -> None:
        if not bar.live.is_started and time.monotonic() - began >= after_seconds:
            bar.start()
        bar.update(task, completed=share, words=words)

    try:
        yield show
    finally:
        bar.stop()


def _lines(label: str, every_seconds: float) -> Callable[[float, str], None]:
    last = time.monotonic()

    def show(share: float, words: str) -> None:
        nonlocal last
        if time.monotonic() - last >= every_seconds:
            last = time.monotonic()
            note(f"{label}: {words}, {share:.0%}")

    return show


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def _looks_numeric(cell: str) -> bool:
    return cell == "-" or cell.replace(",", "").replace(".", "", 1).lstrip("-").isdigit()
