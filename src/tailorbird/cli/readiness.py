"""What `check` prints: what is wrong with the data first, then what it holds, then what is worth training on it.

Findings that cost the same, and are mended in the same way, say both once. Of the rows to begin with the first three
are printed; `--json` has all.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from tailorbird.cli.terminal import print_table

if TYPE_CHECKING:
    from tailorbird.ingest.advice import Advice
    from tailorbird.ingest.checks.findings import Example, Finding
    from tailorbird.ingest.readiness import Readiness

_MOST_ROWS: Final = 3


def show_readiness(readiness: "Readiness") -> None:
    """Print it."""
    if readiness.findings:
        print_table("What to know", ("", "found"), list(_told(readiness.findings)))
    print_table("What the log holds", ("", ""), list(_facts(readiness)))
    if readiness.by_type:
        print_table("Events by type", ("type", "events"), list(readiness.by_type.items()))
    print_table("Models", ("", "models", "why"), list(_advised(readiness.models)))
    print("Ready: next `tailorbird train`." if readiness.ready else "Not ready yet.")


def _told(findings: Iterable["Finding"]) -> Iterator[tuple[str, str]]:
    """A cell of the table for each cost, a row of the log on each line."""
    alike: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        alike.setdefault((finding.level, finding.cost, finding.hint), []).append(finding)
    for (level, cost, hint), group in alike.items():
        lines = [line for finding in group for line in (finding.message, *_rows(finding.examples))]
        yield level, "\n".join((*lines, f"Cost: {cost}", f"Remedy: {hint}\n"))


def _rows(examples: Iterable["Example"]) -> Iterator[str]:
    """The first few, without those of a file of which the same was said of an earlier line."""
    said: list[str] = []
    for example in islice(examples, _MOST_ROWS):
        what = example.note.partition(": ")[2]
        if not (what and any(earlier.startswith(what) for earlier in said)):
            yield f"- {example}"
            said.append(what)


def _facts(readiness: "Readiness") -> Iterator[tuple[str, Any]]:
    yield "events", readiness.events
    yield "interactions (interest in an item)", readiness.interactions
    yield "explicit noes", readiness.negatives
    yield "labels for the ranker", readiness.labels
    yield "people", readiness.people
    yield "of them anonymous", readiness.anonymous_people
    yield "anonymous ids joined to a user", _share(readiness.share_joined)
    yield "sessions", readiness.sessions
    yield "sessions with an event about an item", _share(readiness.share_of_sessions_about_items)
    yield "from, to", f"{_day(readiness.first_at)}, {_day(readiness.last_at)} ({readiness.days:,.0f} days)"
    yield "items with events", readiness.items_with_events
    yield "items described", readiness.items_described
    yield "events about items not in the catalogue", _share(readiness.share_not_in_catalogue)


def _advised(models: Iterable["Advice"]) -> Iterator[tuple[str, str, str]]:
    """Models of one reason together, those to train first."""
    alike: dict[tuple[bool, str], list[str]] = {}
    for advice in models:
        alike.setdefault((advice.train, advice.reason), []).append(advice.model)
    for (train, reason), names in sorted(alike.items(), key=lambda one: not one[0][0]):
        yield "train" if train else "leave", ", ".join(names), reason


def _day(at: float | None) -> str:
    return "-" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
