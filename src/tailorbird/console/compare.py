"""The page that compares models: how well each foresees what this shop's people took up next, and what it costs."""

import asyncio
from typing import Annotated, Any, Final

from litestar import Response, get
from litestar.params import QueryParameter
from litestar.types import ControllerRouterHandler

from tailorbird.console import figures
from tailorbird.console.desk import Desk, TheDesk
from tailorbird.learning.reports import kept, measured, verdict


@get("/compare")
async def show(desk: TheDesk, n: Annotated[int, QueryParameter(name="report", ge=0)] = 0) -> Response[str]:
    """The page, with the ``n``-th newest evaluation."""
    content = await asyncio.to_thread(_content, desk, n)
    return desk.page("compare.html", page="compare", **content)


def _content(desk: Desk, n: int) -> dict[str, Any]:
    reports = kept(desk.app.evaluations)
    if not reports:
        return {"reports": [], "report": None}
    report = reports[min(n, len(reports) - 1)]
    rows, (short, long) = measured(report), report["protocol"]["k"]
    return {
        "reports": [(at, one["made_at"], one["protocol"]["name"]) for at, one in enumerate(reports)],
        "report": report,
        "shown": min(n, len(reports) - 1),
        "rows": rows,
        "left_out": [row for row in report["results"] if "skipped" in row],
        "verdict": verdict(report),
        "by": f"ndcg@{short}",
        "short": short,
        "long": long,
        "figure": figures.foresight(rows, f"ndcg@{short}") if rows else None,
        "segments": [name for name, found in rows[0]["segments"].items() if found["cases"]] if rows else [],
    }


pages: Final[list[ControllerRouterHandler]] = [show]
