"""Plotly figures as plain dicts: what all share, and the learning curve; see also `performance.py`, `map_figure.py`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from oddloop.report.formats import cost, number, plural, with_interval
from oddloop.report.model import CONTROL, EvidenceCurve, EvidencePoint, RoundReport
from oddloop.report.palette import BLUE, COLOURS, INK, LINE, MUTED, ORANGE, PAPER, translucent
from oddloop.report.wording import arm_name

Figure = dict[str, Any]
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
CLEAR = "rgba(0,0,0,0)"


def layout(x: dict[str, Any], y: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The common layout with these axes."""
    axis = {"gridcolor": LINE, "linecolor": LINE, "zeroline": False, "ticks": "outside", "tickcolor": LINE}
    title = {"font": {"color": MUTED, "size": 12}}
    return {
        "font": {"family": FONT, "size": 12, "color": INK},
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "margin": {"l": 56, "r": 12, "t": 28, "b": 44},
        "xaxis": {**axis, **x, "title": {**title, **x.get("title", {})}},
        "yaxis": {**axis, "automargin": True, **y, "title": {**title, "standoff": 8, **y.get("title", {})}},
        "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "font": {"size": 12}},
        "hoverlabel": {"align": "left", "bgcolor": PAPER, "bordercolor": MUTED, "font": {"color": INK, "size": 12}},
        "showlegend": True,
        "hovermode": "closest",
        "dragmode": False,
        "modebar": {"bgcolor": CLEAR, "color": MUTED, "activecolor": INK},
        **more,
    }


def plain(text: str) -> str:
    """Text that Plotly shows as it is: it reads some HTML tags in labels.

    >>> plain("<b>&")
    '&lt;b&gt;&amp;'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def lines(parts: Iterable[str]) -> str:
    """Lines of a hover label."""
    return "<br>".join(plain(part) for part in parts)


def metric_title(metric: str, report: RoundReport) -> str:
    """Title of a metric's axis, with the direction in which it improves where that is known."""
    known = report.lead is not None and report.lead.name == metric
    return f"{plain(metric)} ({report.lead.better} is better)" if known and report.lead else plain(metric)


def evidence_figure(curve: EvidenceCurve, report: RoundReport) -> Figure:
    """Metric by cumulative cost, a line with its interval as a band for each arm."""
    arms = dict.fromkeys(point.arm for point in curve.points)
    traces = []
    for place, arm in enumerate(arms):
        points = [p for p in curve.points if p.arm == arm and p.value is not None]
        traces += _arm_traces(arm, points, _arm_colour(arm, place), report)
    x = {"title": {"text": f"cumulative cost, {plain(report.spend.cost_unit)}"}, "rangemode": "tozero", "nticks": 6}
    y = {"title": {"text": metric_title(curve.metric, report)}}
    return {"data": traces, "layout": layout(x, y)}


def _arm_colour(arm: str, place: int) -> str:
    """The control is always orange; other arms take the remaining colours in turn."""
    others = [BLUE, *(c for c in COLOURS if c not in (BLUE, ORANGE))]
    return ORANGE if arm == CONTROL else others[place % len(others)]


def _arm_traces(arm: str, points: list[EvidencePoint], colour: str, report: RoundReport) -> list[dict[str, Any]]:
    sure = [p for p in points if p.ci_low is not None and p.ci_high is not None]
    band = {
        "type": "scatter",
        "x": [p.cost for p in (*sure, *reversed(sure))],
        "y": [*(p.ci_high for p in sure), *(p.ci_low for p in reversed(sure))],
        "mode": "lines",
        "line": {"width": 0},
        "fill": "toself",
        "fillcolor": translucent(colour, 0.18),
        "hoverinfo": "skip",
        "showlegend": False,
        "legendgroup": arm,
    }
    return [band, _arm_line(arm, points, colour, report)]


def _arm_line(arm: str, points: list[EvidencePoint], colour: str, report: RoundReport) -> dict[str, Any]:
    dash, symbol = ("dash", "square") if arm == CONTROL else ("solid", "circle")
    return {
        "type": "scatter",
        "name": plain(arm_name(arm)),
        "legendgroup": arm,
        "x": [p.cost for p in points],
        "y": [p.value for p in points],
        "mode": "lines+markers",
        "line": {"color": colour, "width": 2, "dash": dash},
        "marker": {"color": colour, "size": 8, "symbol": symbol},
        "text": [lines(_point_lines(p, report)) for p in points],
        "hovertemplate": "%{text}<extra></extra>",
    }


def _point_lines(point: EvidencePoint, report: RoundReport) -> list[str]:
    return [
        f"{arm_name(point.arm)}, round {point.round}",
        with_interval(point.value, point.ci_low, point.ci_high),
        f"{cost(point.cost)} {report.spend.cost_unit}, {plural(point.n_logs, 'log')}",
    ]


def reference_marks(report: RoundReport) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Line and label at the level that segments are held against: (shapes, annotations)."""
    if report.reference is None:
        return [], []
    level = report.reference.value
    name = "target" if report.reference.kind == "target" else "all scenes"
    place = {"xref": "paper", "yref": "y", "y0": level, "y1": level, "x0": 0, "x1": 1}
    line = {"type": "line", **place, "line": {"color": INK, "width": 1.5, "dash": "dot"}, "layer": "below"}
    label = {"xref": "paper", "yref": "y", "x": 1, "y": level, "xanchor": "right", "yanchor": "bottom"}
    text = {"text": f"{name} {number(level)}", "showarrow": False, "font": {"color": INK, "size": 12}}
    return [line], [{**label, **text}]
