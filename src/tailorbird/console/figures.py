"""Figures made in Python, each with the table of its numbers, so that nobody has to read a picture.

A figure is drawn in the light palette, as it would stand in a notebook; the page swaps each colour for its dark partner
(`SWAP`). The palette is the style sheet's: one accent in three strengths, and greys.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final

import msgspec
import numpy as np
import plotly.graph_objects as go

from tailorbird.types import Array, Decision

LIGHT: Final = {
    "ink": "#1b231f", "quiet": "#525d57", "line": "#e2e1d9", "accent": "#1c6a50", "accent_2": "#6aa78f",
    "accent_3": "#b5d3c7", "lost": "#d8cfc0", "grey": "#868d82",
}  # fmt: skip
DARK: Final = {
    "ink": "#e8eeea", "quiet": "#a5b1aa", "line": "#2c3530", "accent": "#6fc9a4", "accent_2": "#3f8a6c",
    "accent_3": "#28523f", "lost": "#57503f", "grey": "#6f7c75",
}  # fmt: skip
SWAP: Final = {LIGHT[name]: DARK[name] for name in LIGHT}
"""Light colour to dark colour, for the page's script."""

MINUS: Final = "\N{MINUS SIGN}"
FONT: Final = '-apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", Arial, sans-serif'

STAGES: Final = ("prepare", "retrieve", "filter", "score", "features", "rank", "rerank", "place")
"""The stages of a decision in their order; a stage of another name comes after them."""


@dataclass(frozen=True)
class Figure:
    """A figure, what it says in one sentence, and its numbers. ``rows`` hold one value per name in ``columns``."""

    name: str
    summary: str
    plot: go.Figure
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    @property
    def json(self) -> str:
        """Data and layout for the page's script; safe inside a script element."""
        content = msgspec.json.encode(self.plain).decode()
        return content.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")

    @property
    def plain(self) -> dict[str, Any]:
        """Data and layout as plain values."""
        content: dict[str, Any] = msgspec.json.decode(self.plot.to_json(validate=False))
        content["layout"].pop("template", None)
        return content


def pulse(starts: Sequence[float], events: Sequence[int], decisions: Sequence[int]) -> Figure:
    """Events and decisions per minute, from counts per step; ``starts`` are the steps' epoch seconds, evenly spaced.

    The step that still runs is left out of the picture, because it always looks like a fall.
    """
    step = starts[1] - starts[0]
    times = [int(start * 1000) for start in starts[:-1]]
    plot = go.Figure(layout=_layout(height=216, left=44, top=34))
    plot.add_scatter(
        x=times, y=_smooth(events[:-1], step), name="Events", mode="lines", fill="tozeroy",
        fillcolor="rgba(76,150,121,0.16)", line={"color": LIGHT["accent"], "width": 2.5},
        hovertemplate="%{y:,.0f} events<extra></extra>",
    )  # fmt: skip
    plot.add_scatter(
        x=times, y=_smooth(decisions[:-1], step), name="Decisions", mode="lines",
        line={"color": LIGHT["grey"], "width": 2, "dash": "dot"}, hovertemplate="%{y:,.0f} decisions<extra></extra>",
    )  # fmt: skip
    plot.update_layout(hovermode="x unified", legend={"orientation": "h", "y": 1.16, "x": 0}, showlegend=True)
    plot.update_xaxes(type="date", showgrid=False, tickformat="%H:%M", hoverformat="%H:%M:%S UTC")
    plot.update_yaxes(rangemode="tozero", nticks=5)
    minutes = dict.fromkeys(start // 60 * 60 for start in starts)
    counted = list(zip(starts, events, decisions, strict=True))
    rows = tuple(
        (minute, *(sum(row[n] for row in counted if row[0] // 60 * 60 == minute) for n in (1, 2))) for minute in minutes
    )
    return Figure("pulse", "Events and decisions per minute.", plot, ("Minute", "Events", "Decisions"), rows)


def history(days: Sequence[tuple[float, int, int]]) -> Figure:
    """Events of each day, and the orders among them; ``days`` are epoch seconds, events and orders, evenly spaced."""
    names = [datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d") for at, _, _ in days]
    plot = go.Figure(layout=_layout(height=180, left=44, top=10))
    plot.add_bar(
        x=names, y=[events for _, events, _ in days], name="Events", marker={"color": LIGHT["accent_2"]},
        customdata=[orders for _, _, orders in days],
        hovertemplate="%{y:,.0f} events<br>%{customdata:,.0f} orders<extra></extra>",
    )  # fmt: skip
    plot.update_layout(bargap=0.25, hovermode="x")
    plot.update_xaxes(type="date", showgrid=False, tickformat="%d %b", hoverformat="%d %B %Y", nticks=8)
    plot.update_yaxes(rangemode="tozero", nticks=4)
    rows = tuple((name, events, orders) for name, (_, events, orders) in zip(names, days, strict=True))
    return Figure("history", "Events and orders per day.", plot, ("Day", "Events", "Orders"), rows)


def _smooth(counts: Sequence[int], step: float) -> list[float]:
    """Counts per step as a rate per minute, each the mean over the step and its two neighbours."""
    if not counts:
        return []
    padded = np.concatenate((counts[:1], counts, counts[-1:])).astype(np.float64)
    return [round(float(mean) * 60 / step, 1) for mean in np.convolve(padded, np.ones(3) / 3, mode="valid")]


def latency(stages: Mapping[str, Mapping[str, float]]) -> Figure:
    """Milliseconds per stage: p50, p95 and p99, in the order in which a request meets them."""
    names = sorted(stages, key=lambda name: STAGES.index(name) if name in STAGES else len(STAGES))
    plot = go.Figure(layout=_layout(height=62 + 34 * max(len(names), 1), left=74, top=34))
    shades = {"p99": LIGHT["accent_3"], "p95": LIGHT["accent_2"], "p50": LIGHT["accent"]}
    for part, shade in shades.items():
        plot.add_bar(
            y=names, x=[stages[name][part] for name in names], name=part, orientation="h", marker={"color": shade},
            hovertemplate=f"{part} %{{x:.2f}} ms<extra>%{{y}}</extra>",
        )  # fmt: skip
    plot.update_layout(
        barmode="overlay",
        bargap=0.35,
        showlegend=True,
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "traceorder": "reversed"},
    )
    plot.update_yaxes(autorange="reversed", showgrid=False)
    plot.update_xaxes(ticksuffix=" ms", nticks=4, rangemode="tozero", tickangle=0)
    rows = tuple((name, *(stages[name][part] for part in ("p50", "p95", "p99"))) for name in names)
    return Figure("latency", "Milliseconds per stage.", plot, ("Stage", "p50 ms", "p95 ms", "p99 ms"), rows)


def foresight(rows: Sequence[Mapping[str, Any]], by: str) -> Figure:
    """One figure of every model, best first, with its 95% interval; ``rows`` are those of an evaluation."""
    names = [row["model"] for row in rows]
    values = [row[by] or 0.0 for row in rows]
    bounds = [row["intervals"].get(by) or (value, value) for row, value in zip(rows, values, strict=True)]
    plot = go.Figure(layout=_layout(height=44 + 30 * len(rows), left=128))
    plot.add_scatter(
        x=values, y=names, mode="markers", marker={"color": LIGHT["accent"], "size": 10},
        error_x={
            "type": "data", "symmetric": False, "color": LIGHT["accent_2"], "thickness": 2.5, "width": 5,
            "array": [high - value for value, (_, high) in zip(values, bounds, strict=True)],
            "arrayminus": [value - low for value, (low, _) in zip(values, bounds, strict=True)],
        },
        hovertemplate="%{y}: %{x:.4f}<extra></extra>",
    )  # fmt: skip
    plot.update_yaxes(autorange="reversed", showgrid=True, type="category")
    plot.update_xaxes(rangemode="tozero", nticks=6, title={"text": by.upper(), "font": {"size": 12}})
    table = tuple(
        (name, f"{value:.4f}", f"{low:.4f} to {high:.4f}")
        for name, value, (low, high) in zip(names, values, bounds, strict=True)
    )
    summary = f"{by.upper()} of each model with its 95% interval."
    return Figure("foresight", summary, plot, ("Model", by.upper(), "95% interval"), table)


def waterfall(decision: Decision) -> Figure:
    """How many candidates each stage of a decision let through, and what it took in milliseconds."""
    steps = waterfall_steps(decision)
    shade = {"channel": LIGHT["accent_3"], "kept": LIGHT["accent"], "lost": LIGHT["lost"]}
    plot = go.Figure(layout=_layout(height=16 + 30 * len(steps), left=130))
    most = max((step.count for step in steps), default=1)
    plot.add_bar(
        y=[f"{step.name} " for step in steps], x=[step.count for step in steps], orientation="h",
        marker={"color": [shade[step.kind] for step in steps]},
        text=[f" {MINUS if s.kind == 'lost' else ''}{s.count:,}" + (f"  ·  {s.ms:.2f} ms" if s.ms is not None else "")
              for s in steps],
        textposition="outside", cliponaxis=False, hoverinfo="skip", textfont={"color": LIGHT["quiet"]},
    )  # fmt: skip
    plot.update_layout(bargap=0.28, margin={"b": 4}, meta={"long": True})
    plot.update_yaxes(autorange="reversed", showgrid=False)
    plot.update_xaxes(visible=False, range=[0, most * 1.38])
    rows = tuple((step.name, step.stage, -step.count if step.kind == "lost" else step.count, step.ms) for step in steps)
    summary = "Candidates from retrieval to the slate, stage by stage."
    return Figure("waterfall", summary, plot, ("Step", "Stage", "Candidates", "ms"), rows)


@dataclass(frozen=True)
class Step:
    """One row of the waterfall: a channel's proposals, what a rule removed, or what was left."""

    name: str
    stage: str
    kind: str
    count: int
    ms: float | None = None


def waterfall_steps(decision: Decision) -> list[Step]:
    """The rows of the waterfall; only the last one when the decision was not asked to explain itself."""
    trail, spent = decision.explanation, decision.timings_ms
    steps = [Step(name, "retrieve", "channel", count) for name, count in trail.get("retrieved", {}).items()]
    if "union" in trail:
        steps.append(Step("All channels", "retrieve", "kept", trail["union"], spent.get("retrieve")))
    steps += [Step(rule.capitalize(), "filter", "lost", count) for rule, count in trail.get("filtered", {}).items()]
    if "allowed" in trail:
        steps.append(Step("May be shown", "filter", "kept", trail["allowed"], spent.get("filter")))
        ranking = [spent[stage] for stage in ("score", "features", "rank") if stage in spent]
        steps.append(Step("Ranked", "rank", "kept", decision.pool_size, sum(ranking) if ranking else None))
        steps.append(Step("Re-ranked", "rerank", "kept", decision.pool_size, spent.get("rerank")))
    steps.append(Step("Placed", "place", "kept", len(decision.items), spent.get("place")))
    return steps


def waterfall_story(decision: Decision) -> str:
    """The same in sentences; empty when the decision was not asked to explain itself."""
    trail = decision.explanation
    if "union" not in trail or "allowed" not in trail:
        return ""
    missing = {excuse.partition(":")[0] for excuse in (decision.degraded or "").split("; ")}
    proposed = sum(count > 0 for count in trail.get("retrieved", {}).values())
    removed = {rule: count for rule, count in trail.get("filtered", {}).items() if count}
    story = f"{_said(proposed, 'channel')} proposed {_said(trail['union'], 'different item')}."
    if removed:
        rules = ", ".join(f"{rule}: {count:,}" for rule, count in removed.items())
        story += f" {sum(removed.values()):,} of them may not be shown ({rules})."
    left = f"best {decision.pool_size:,} of the" if decision.pool_size < trail["allowed"] else f"{decision.pool_size:,}"
    learned = "rank" in decision.timings_ms and "ranker" not in missing
    story += f" The {left} others were put in order by {'the learned ranker' if learned else 'the channels together'}"
    mixed = "" if "diversity" in missing else " and mixed so that neighbours differ"
    tired = trail.get("passed_over", 0)
    last = f", {tired:,} that were just passed over last" if tired else ""
    story += f"{mixed}{last}; the first {len(decision.items):,} are the slate."
    explored = sum(placed.explored for placed in decision.items)
    return f"{story} {_said(explored, 'place')} went to something new, to learn from it." if explored else story


def _said(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def counts(name: str, summary: str, pairs: Sequence[tuple[str, int]], *, what: str) -> Figure:
    """Items per category, brand and the like: a short list of horizontal bars."""
    plot = go.Figure(layout=_layout(height=20 + 26 * max(len(pairs), 1), left=110))
    labels = [label if len(label) <= 22 else f"{label[:21]}…" for label, _ in pairs]
    most = max((count for _, count in pairs), default=1)
    plot.add_bar(
        # Two categories may shorten to one label, so that the axis has to go by place.
        y=list(range(len(pairs))), x=[count for _, count in pairs], orientation="h",
        marker={"color": LIGHT["accent_2"]},
        text=[f" {count:,}" for _, count in pairs], textposition="outside", cliponaxis=False, hoverinfo="skip",
        textfont={"color": LIGHT["quiet"]},
    )  # fmt: skip
    plot.update_layout(bargap=0.3, margin={"b": 4})
    plot.update_yaxes(
        autorange="reversed",
        showgrid=False,
        tickmode="array",
        tickvals=list(range(len(pairs))),
        ticktext=[f"{label} " for label in labels],
    )
    plot.update_xaxes(visible=False, range=[0, most * 1.25])
    return Figure(name, summary, plot, (what, "Items"), tuple(pairs))


def prices(values: Array, currency: str) -> Figure:
    """A histogram of prices; its edges grow by a constant factor, because prices spread over magnitudes."""
    known = values[np.isfinite(values) & (values > 0)]
    rows: tuple[tuple[str, int], ...] = ()
    plot = go.Figure(layout=_layout(height=236, left=36))
    if len(known):
        low, high = np.quantile(known, 0.001), np.quantile(known, 0.999)
        edges = np.geomspace(low, max(high, low * 1.01), 19)
        tally, _ = np.histogram(np.clip(known, edges[0], edges[-1]), edges)
        labels = [f"{_price(a)} to {_price(b)}" for a, b in pairwise(edges)]
        rows = tuple(zip(labels, tally.tolist(), strict=True))
        plot.add_bar(
            x=list(range(len(tally))), y=tally.tolist(), marker={"color": LIGHT["accent_2"]}, customdata=labels,
            hovertemplate=f"{currency} %{{customdata}}<br>%{{y:,}} items<extra></extra>",
        )  # fmt: skip
        shown = list(range(0, len(tally), 3))
        plot.update_xaxes(tickmode="array", tickvals=shown, ticktext=[_price(edges[n]) for n in shown], showgrid=False)
        plot.update_layout(bargap=0.12)
        plot.update_yaxes(nticks=5)
    return Figure("prices", "Items by price", plot, (f"Price, {currency}", "Items"), rows)


def _price(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:,.0f}"


def _layout(*, height: int, left: int, top: int = 4) -> go.Layout:
    axis = {
        "gridcolor": LIGHT["line"], "zeroline": False, "linecolor": LIGHT["line"], "automargin": True,
        "fixedrange": True,
        "tickfont": {"color": LIGHT["quiet"]},
    }  # fmt: skip
    return go.Layout(
        height=height,
        margin={"l": left, "r": 12, "t": top, "b": 28},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT, "size": 13, "color": LIGHT["ink"]},
        showlegend=False,
        xaxis=axis,
        yaxis=axis,
        dragmode=False,
        template="none",
    )
