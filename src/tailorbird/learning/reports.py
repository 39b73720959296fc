"""Evaluations of a shop's own log, kept so that a page can show them, and what they come to in words."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

FOLDER: Final = "evaluations"
"""Of a shop directory."""

KEPT: Final = 20
"""Reports that stay; the oldest go."""

_STAMP: Final = "%Y%m%dT%H%M%S%f"

FEW_CASES: Final = 100
"""Fewer prove little."""

Report = Mapping[str, Any]
"""What `tailorbird evaluate --json` prints."""


def keep(folder: Path, report: Report, *, now: float) -> Path:
    """Write a report into the folder and let go of the oldest beyond `KEPT`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name_of({'made_at': now})}.json"
    unfinished = path.with_suffix(".part")
    unfinished.write_bytes(msgspec.json.format(msgspec.json.encode({**report, "made_at": now}), indent=1))
    unfinished.rename(path)
    for old in _paths(folder)[KEPT:]:
        old.unlink(missing_ok=True)
    return path


def name_of(report: Report) -> str:
    """What a kept report goes by, as long as it is kept: the moment of its making."""
    return datetime.fromtimestamp(report["made_at"], UTC).strftime(_STAMP)


def kept(folder: Path) -> list[dict[str, Any]]:
    """The reports of a folder, the newest first; one that cannot be read is left out."""
    found = []
    for path in _paths(folder):
        try:
            report = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        except (OSError, msgspec.DecodeError):
            continue
        if {"protocol", "data", "results", "made_at"} <= report.keys():
            found.append(report)
    return found


def measured(report: Report) -> list[dict[str, Any]]:
    """The rows with figures, the highest NDCG first."""
    by = f"ndcg@{report['protocol']['k'][0]}"
    return sorted((row for row in report["results"] if "skipped" not in row), key=lambda row: -(row[by] or 0.0))


def verdict(report: Report) -> str:
    """Who foresees best, by how much, and who cannot be told apart; empty when nothing was measured."""
    by = f"ndcg@{report['protocol']['k'][0]}"
    rows = measured(report)
    if not rows:
        return ""
    best = rows[0]
    said = f"{best['model']} foresees best: {by} {best[by]:.4f}"
    popular = next((row for row in rows if row["model"] == "popular"), None)
    if popular and popular is not best and popular[by]:
        said += f", {best[by] / popular[by]:.2f} times that of popular"
    if found := against(best, by):
        sure = "" if found["low"] > 0 else ", which may be chance"
        said += f" and {found['difference']:+.4f} to {best['against']['model']}, the best channel{sure}"
    alike = [row["model"] for row in rows[1:] if (one := against(row, by)) and not beyond_chance(one)]
    return f"{said}.{_alike(alike, best)}{_few(report)}"


def against(row: Mapping[str, Any], name: str) -> dict[str, float] | None:
    """The difference of a figure from the best channel's, with its 95% interval; None for that channel itself."""
    found: dict[str, float] | None = row["against"] and row["against"][name]
    return found


def beyond_chance(found: Mapping[str, float]) -> bool:
    """Whether the 95% interval of a difference leaves out 0."""
    return found["low"] > 0 or found["high"] < 0


def _alike(names: list[str], best: dict[str, Any]) -> str:
    """Of channels whose difference from the best channel may be chance."""
    if not names:
        return ""
    channel = best["against"]["model"] if best["against"] else best["model"]
    return f" {', '.join(names)} cannot be told apart from {channel} on this many people."


def _few(report: Report) -> str:
    """A warning where hardly anybody was asked."""
    asked = n_asked(report)
    return f" Only {asked} cases were asked: that proves little." if asked < FEW_CASES else ""


def n_asked(report: Report) -> int:
    """How many cases were asked, of all that there are."""
    data, sampled, segment = report["data"], *(report["protocol"].get(name) for name in ("sampled_cases", "segment"))
    of = int(data["test_cases_by_segment"][segment] if segment else data["test_cases"])
    return of if sampled is None else min(of, int(sampled))


def comparable(one: Report, other: Report) -> bool:
    """Whether both asked the same questions, so that their figures may be held against each other."""
    return _questions(one) == _questions(other)


def _questions(report: Report) -> tuple[Any, ...]:
    protocol = report["protocol"]
    return report["data"]["split_sha256"], protocol.get("segment"), tuple(protocol["k"]), n_asked(report)


def _paths(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.json"), reverse=True)
