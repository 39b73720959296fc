"""Quality against CPU seconds as an SVG that can be read on light and dark pages and by a screen reader.

One panel per data set. A line leads from a method's defaults (a ring; seconds of one fit) to its best setting on
validation (a disc; seconds of all tries together); the area of the disc is the peak memory. Ours are orange.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

WIDTH: Final = 900
HEIGHT: Final = 460
LEFT, RIGHT, TOP, BOTTOM = 60, 190, 50, 50
STYLE: Final = """
text { font: 12px system-ui, sans-serif; fill: #24292f } .head { font-size: 15px; font-weight: 600 }
.grid { stroke: #8c959f; stroke-opacity: .25 } .disc { fill-opacity: .7; stroke: none }
.ours { fill: #d9730d; stroke: #d9730d } .peer { fill: #57606a; stroke: #57606a }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .ours { fill: #ffa657; stroke: #ffa657 } .peer { fill: #9da7b3; stroke: #9da7b3 } }
"""


def plot(panels: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """The drawing of these rows of `peers.py`, by data set."""
    shown = {name: [row for row in rows if "tuned" in row] for name, rows in panels.items()}
    shown = {name: rows for name, rows in shown.items() if rows}
    size = f'viewBox="0 0 {WIDTH} {HEIGHT * len(shown)}" width="{WIDTH}" role="img" aria-labelledby="title desc"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
            '<title id="title">NDCG@10 against CPU seconds, by method and data set</title>',
            f'<desc id="desc">{escape(" ".join(map(_told, shown, shown.values())))}</desc>',
            f"<style>{STYLE}</style>",
            *(
                f'<g transform="translate(0 {n * HEIGHT})">{_panel(name, rows)}</g>'
                for n, (name, rows) in enumerate(shown.items())
            ),
            "</svg>\n",
        ]
    )


def _told(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """One panel in words: its methods from the best to the worst."""
    best_first = sorted(rows, key=lambda row: -row["tuned"]["ndcg@10"])
    told = (f"{r['method']} {r['tuned']['ndcg@10']:.4f} in {max(_seconds(r)[1], 0.1):.1f} s" for r in best_first)
    return f"{name}: {', '.join(told)}."


def _seconds(row: Mapping[str, Any]) -> tuple[float, float]:
    """CPU seconds of one fit by the defaults, and until the tuned model is there; ours fits once and then tries."""
    one = row["fit_cpu_seconds"]["default"]
    return one, row["tune_cpu_seconds"] + (one if row["library"].startswith("tailorbird") else 0.0)


@dataclass(frozen=True)
class Scale:
    """Where a panel draws what: seconds from 10 ** ``low`` to 10 ** ``high``, worth from 0 to ``top``."""

    low: int
    high: int
    top: float

    def x(self, seconds: float) -> float:
        """Logarithmic, at least 0.01 s."""
        return LEFT + (math.log10(max(seconds, 0.01)) - self.low) / (self.high - self.low) * (WIDTH - LEFT - RIGHT)

    def y(self, worth: float) -> float:
        """Linear, from the bottom up."""
        return HEIGHT - BOTTOM - worth / self.top * (HEIGHT - TOP - BOTTOM)


def _panel(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Axes, points and labels of one data set."""
    slowest = max(_seconds(row)[1] for row in rows)
    best = max(row[which]["ndcg@10"] for row in rows for which in ("tuned", "default"))
    scale = Scale(-2, max(math.ceil(math.log10(max(slowest, 0.01))), -1), best * 1.05)
    head = f'<text class="head" x="{LEFT}" y="24">{escape(name)}: NDCG@10 against CPU seconds</text>'
    return "".join([head, *_grid(scale), *_points(scale, rows)])


def _grid(scale: Scale) -> Iterator[str]:
    """Lines with their numbers."""
    for power in range(scale.low, scale.high + 1):
        at = f"{scale.x(10**power):.0f}"
        yield f'<line class="grid" x1="{at}" x2="{at}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
        yield f'<text x="{at}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{10**power:g} s</text>'
    for step in range(6):
        worth = scale.top * step / 5
        at = f"{scale.y(worth):.0f}"
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at}" y2="{at}"/>'
        yield f'<text x="{LEFT - 8}" y="{at}" dy="4" text-anchor="end">{worth:.3f}</text>'


def _points(scale: Scale, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """From defaults to tuned, best first; a label that would cover another moves down."""
    placed: list[tuple[float, float]] = []
    for row in sorted(rows, key=lambda row: -row["tuned"]["ndcg@10"]):
        kind, radius = "ours" if row["library"].startswith("tailorbird") else "peer", math.sqrt(row["peak_mb"]) / 4
        (x0, x1), (y0, y1) = (
            map(scale.x, _seconds(row)),
            (scale.y(row[which]["ndcg@10"]) for which in ("default", "tuned")),
        )
        yield f'<line class="{kind}" stroke-opacity=".4" x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}"/>'
        yield f'<circle class="{kind}" style="fill:none" cx="{x0:.1f}" cy="{y0:.1f}" r="3"/>'
        yield f'<circle class="{kind} disc" cx="{x1:.1f}" cy="{y1:.1f}" r="{radius:.1f}"/>'
        at = y1 + 4
        while any(abs(at - other) < 13 and abs(x1 - across) < 190 for across, other in placed):
            at += 1
        placed.append((x1, at))
        label = escape(f"{row['method']} ({row['peak_mb']:.0f} MB)")
        yield f'<text x="{x1 + radius + 4:.1f}" y="{at:.1f}">{label}</text>'
