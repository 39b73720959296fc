"""What became of each import, kept beside the log: rows that were rejected are not in it, but must be explained."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from tailorbird.ingest.writing import Report

FILE: Final = "imports.jsonl"


class Receipt(msgspec.Struct, frozen=True):
    """One finished import: when, of which file and kind, and its report."""

    at: float
    path: str
    kind: str
    report: Report

    @property
    def name(self) -> str:
        """The file's, without its folder."""
        return Path(self.path).name


def keep_receipt(shop_dir: Path, receipt: Receipt) -> None:
    """Append it to the shop's receipts."""
    with (shop_dir / FILE).open("ab") as file:
        file.write(msgspec.json.encode(receipt) + b"\n")


def newest_receipts(shop_dir: Path) -> Sequence[Receipt]:
    """The newest receipt of each file and kind, oldest first. A line that a crash cut short is left out."""
    path = shop_dir / FILE
    newest: dict[tuple[str, str], Receipt] = {}
    for line in path.read_bytes().splitlines() if path.exists() else ():
        try:
            receipt = msgspec.json.decode(line, type=Receipt)
        except msgspec.DecodeError:
            continue
        newest.pop((receipt.path, receipt.kind), None)
        newest[receipt.path, receipt.kind] = receipt
    return list(newest.values())
