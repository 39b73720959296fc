"""A source's category paths in the shop's own: a table of two columns, applied where the source's items come in."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from tailorbird.errors import BadInput
from tailorbird.ingest.fields import read_path, shown
from tailorbird.ingest.parts.aliases import read_pairs

BETWEEN: Final = " > "


class Taxonomy:
    """Their path -> our path. Paths are compared without case and blanks around their names."""

    def __init__(self, paths: dict[tuple[str, ...], tuple[str, ...]]) -> None:
        """``paths`` maps folded paths of theirs."""
        self._paths = paths

    @classmethod
    def read(cls, path: Path) -> Self:
        """From a table with the columns ``theirs`` and ``ours``; a path is written with ``>``, root first.

        Raises:
            UnknownColumn: a column is missing.
            BadInput: a path of theirs has two counterparts, or the file cannot be read.
        """
        paths: dict[tuple[str, ...], tuple[str, ...]] = {}
        for line, theirs, ours in read_pairs(path):
            mine = read_path("ours", ours)
            if paths.setdefault(_folded(read_path("theirs", theirs)), mine) != mine:
                raise BadInput(
                    f"{path.name}, line {line}: theirs {shown(theirs)} has two counterparts.", hint="Keep one of them."
                )
        return cls(paths)

    def find(self, path: Sequence[str]) -> tuple[str, ...] | None:
        """Our path; None where the table does not have theirs."""
        return self._paths.get(_folded(path))


def _folded(path: Sequence[str]) -> tuple[str, ...]:
    return tuple(name.strip().casefold() for name in path)
