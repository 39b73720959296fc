"""The page that compares models: how well each foresees what this shop's people took up next, and what it costs."""

import asyncio
from typing import Annotated, Any, Final

from litestar import Response, get
from litestar.params import QueryParameter
from litestar.types import ControllerRouterHandler

from tailorbird.console import figures
from tailorbird.console.desk import Desk, TheDesk
from tailorbird.errors import NotFound
from tailorbird.learning.reports import (
    KEPT,
    Report,
    against,
    beyond_chance,
    comparable,
    kept,
    measured,
    n_asked,
    name_of,
    verdict,
)


@get("/compare")
async def show(desk: TheDesk, name: Annotated[str, QueryParameter(name="report")] = "") -> Response[str]:
    """The page, with the evaluation of this name, or the newest one.

    Raises:
        NotFound: there is none of this name, or none any more.
    """
    content = await asyncio.to_thread(_content, desk, name)
    return desk.page("compare.html", page="compare", **content)


def _content(desk: Desk, name: str) -> dict[str, Any]:
    reports = {name_of(report): report for report in kept(desk.app.evaluations)}
    if name and name not in reports:
        raise NotFound(f"There is no evaluation '{name[:64]}'.", hint=f"The newest {KEPT} are kept.")
    if not reports:
        return {"report": None}
    name = name or next(iter(reports))
    report = reports[name]
    rows, (short, long) = measured(report), report["protocol"]["k"]
    by = f"ndcg@{short}"
    return {
        "shown": name,
        "reports": [_told(one, report) for one in reports.values()],
        "report": report,
        "n_asked": n_asked(report),
        "rows": rows,
        "best": next((row["against"]["model"] for row in rows if row["against"]), None),
        "against": {row["model"]: found for row in rows if (found := against(row, by))},
        "beyond_chance": beyond_chance,
        "left_out": [row for row in report["results"] if "skipped" in row],
        "verdict": verdict(report),
        "by": by,
        "short": short,
        "long": long,
        "figure": figures.foresight(rows, by) if rows else None,
        "segments": [name for name, found in rows[0]["segments"].items() if found["cases"]] if rows else [],
    }


def _told(report: Report, shown: Report) -> dict[str, Any]:
    """A line about an evaluation: how it was asked, who was best, and whether it may be held against the one shown."""
    rows, protocol = measured(report), report["protocol"]
    by = f"ndcg@{protocol['k'][0]}"
    return {
        "name": name_of(report),
        "made_at": report["made_at"],
        "protocol": protocol["name"] + (f", {protocol['segment']} histories" if protocol["segment"] else ""),
        "fitted_on": protocol["fitted_on"],
        "split": report["data"]["split_sha256"][:8],
        "n_asked": n_asked(report),
        "best": rows[0] if rows else None,
        "by": by,
        "comparable": comparable(report, shown),
    }


pages: Final[list[ControllerRouterHandler]] = [show]
