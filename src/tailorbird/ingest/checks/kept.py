"""The newest check's result, kept beside the log: the console and a restarted server show it without reading the log.

It names no person and no event, so that forgetting somebody leaves nothing here: of events the number stays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec

from tailorbird.ingest.checks.findings import LEVELS, Finding

FILE: Final = "check.json"


class KeptCheck(msgspec.Struct, frozen=True):
    """What a check found, when, and up to which record of the log."""

    at: float
    seq: int
    ready: bool
    findings: list[Finding]

    @property
    def levels(self) -> Mapping[str, int]:
        """How many findings of each level."""
        return {level: sum(finding.level == level for finding in self.findings) for level in LEVELS}


def keep_check(shop_dir: Path, *, at: float, seq: int, ready: bool, findings: Sequence[Finding]) -> KeptCheck:
    """Put it in the place of the one before."""
    kept = KeptCheck(at, seq, ready, [_nameless(finding) for finding in findings])
    unfinished = shop_dir / f"{FILE}.unfinished"
    unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=1))
    unfinished.replace(shop_dir / FILE)
    return kept


def newest_check(shop_dir: Path) -> KeptCheck | None:
    """The newest check's result; None where there is none that can be read."""
    try:
        return msgspec.json.decode((shop_dir / FILE).read_bytes(), type=KeptCheck)
    except (OSError, msgspec.DecodeError):
        return None


def _nameless(finding: Finding) -> Finding:
    return replace(
        finding,
        examples=tuple(one if one.kind == "item" else replace(one, id="") for one in finding.examples),
    )
