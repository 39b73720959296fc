"""What `tailorbird evaluate` prints for people: a few tables that fit in 80 columns, and what they are about."""

from collections.abc import Iterator
from textwrap import wrap
from typing import Any, Final

from tailorbird.cli.terminal import print_table
from tailorbird.learning.reports import against, beyond_chance, n_asked, verdict

_WIDTH: Final = 79
_COSTS: Final = {
    "fit_seconds": "fit s",
    "fit_cpu_seconds": "fit CPU s",
    "tune_cpu_seconds": "tune CPU s",
    "query_ms": "query ms",
}
_SHORT: Final = {"recall": "rec", "coverage": "cov", "novelty": "nov", "debiased_ndcg": "debiased"}


def print_tables(report: dict[str, Any], *, by_segment: bool) -> None:
    """How good, how broad, how dear; by length of history if asked; then what could not be measured, and the data."""
    data, protocol = report["data"], report["protocol"]
    rows = [row for row in report["results"] if "skipped" not in row]
    if rows:
        _worth(rows, protocol)
        _breadth(rows, protocol)
        if by_segment:
            _segments(rows, protocol)
        costs = [(row["model"], *(row[name] for name in _COSTS), _chosen(row["params"])) for row in rows]
        print_table("Cost", ("model", *_COSTS.values(), "chosen"), costs)
    for line in _notes(rows, protocol, by_segment=by_segment):
        print(line)
    print(*wrap(verdict(report), _WIDTH), sep="\n")
    for row in report["results"]:
        if "skipped" in row:
            print(f"{row['model']} was not measured: {row['skipped']}")
    left_out = ", ".join(f"{n:,} {reason.replace('_', ' ')}" for reason, n in data["left_out"].items())
    print(
        f"{data['users']:,} users, {data['items']:,} items, {data['interactions']:,} interactions, "
        f"{_cases(report)}; split {data['split_sha256'][:16]}"
    )
    if left_out:
        print(f"Left out, since nothing could be asked: {left_out}.")


def _cases(report: dict[str, Any]) -> str:
    asked, there_are = n_asked(report), report["data"]["test_cases"]
    return f"{there_are:,} cases" if asked == there_are else f"{asked:,} of {there_are:,} cases asked"


def _worth(rows: list[dict[str, Any]], protocol: dict[str, Any]) -> None:
    short, long = protocol["k"]
    named = (f"hr@{short}", f"ndcg@{short}", f"recall@{long}", f"mrr@{long}")
    fold_in = f", fold-in {protocol['fold_in']}" if "fold_in" in protocol else ""
    segment = f", {protocol['segment']} histories" if protocol["segment"] else ""
    title = f"{protocol['name']}{fold_in}{segment}, fitted on {protocol['fitted_on']}, all items ranked"
    table = [(row["model"], *(_sure(row, name) for name in named), _against(row, named[1])) for row in rows]
    print_table(title, ("model", *map(_shortened, named), "vs best"), table)


def _breadth(rows: list[dict[str, Any]], protocol: dict[str, Any]) -> None:
    short = protocol["k"][0]
    named = [f"{name}@{short}" for name in ("debiased_ndcg", "coverage", "gini", "novelty", "ild")]
    table = [(row["model"], *(_sure(row, name) for name in named)) for row in rows]
    print_table("Beyond the popular", ("model", *map(_shortened, named)), table)


def _segments(rows: list[dict[str, Any]], protocol: dict[str, Any]) -> None:
    segments, short = rows[0]["segments"], protocol["k"][0]
    asked = [segment for segment, figures in segments.items() if figures["cases"]]
    named = [(segment, f"{name}@{short}") for segment in asked for name in ("hr", "ndcg")]
    table = [(row["model"], *(_four(row["segments"][segment][name]) for segment, name in named)) for row in rows]
    print_table("By length of history", ("model", *(f"{segment}\n{name}" for segment, name in named)), table)


def _notes(rows: list[dict[str, Any]], protocol: dict[str, Any], *, by_segment: bool) -> Iterator[str]:
    """How to read the signs that are in the tables."""
    short = protocol["k"][0]
    if any(bounds for row in rows for bounds in row["intervals"].values()):
        yield "±: half of the 95% interval, over draws of the people."
    best = next((row["against"]["model"] for row in rows if _against(row, f"ndcg@{short}") != "-"), None)
    if best:
        yield f"vs best: ndcg@{short} less that of {best}, the best channel; *: beyond chance."
    if rows:
        yield f"debiased: ndcg@{short} where a rare answer weighs more; nov: bits of surprise."
    if rows and by_segment:
        from tailorbird.learning.segments import described

        counts = (f"{described(name)} {figures['cases']:,}" for name, figures in rows[0]["segments"].items())
        yield f"Cases: {', '.join(counts)}."


def _sure(row: dict[str, Any], name: str) -> str:
    """A figure with its interval, if it has one."""
    bounds = row["intervals"].get(name)
    return _four(row[name]) + (f"±{_four((bounds[1] - bounds[0]) / 2).removeprefix('0')}" if bounds else "")


def _against(row: dict[str, Any], name: str) -> str:
    """The difference from the best channel, with a star where its 95% interval excludes 0."""
    found = against(row, name)
    return "-" if found is None else f"{found['difference']:+.4f}{'*' if beyond_chance(found) else ''}"


def _shortened(name: str) -> str:
    what, at, k = name.partition("@")
    return f"{_SHORT.get(what, what)}{at}{k}"


def _chosen(params: dict[str, Any]) -> str:
    return "\n".join(f"{name.removesuffix('_exponent')} {_or_none(value)}" for name, value in params.items())


def _or_none(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"


def _four(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
