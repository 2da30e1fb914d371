"""An audit of scores as one HTML page that opens from disk: errors found against cost spent, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from oddloop.report.figures import Figure, layout, lines, plain
from oddloop.report.html import environment, own_file, safe_json, safe_script
from oddloop.report.palette import BLUE, GREEN, INK, MUTED, ORANGE, PURPLE, SKY, VERMILLION, translucent

_BASELINES = {
    "object_count": ("object count", ORANGE, "dash"),
    "scene_length": ("scene length", PURPLE, "dot"),
    "random": ("random", MUTED, "dash"),
}
_SCORE_COLOURS = (BLUE, GREEN, VERMILLION, SKY, INK)
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross")
_MARKED = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75)
"""Shares of the cost at which a score's line has its symbol."""
_UP_TO = 50
"""Percent of the cost that the charts show at first: nobody labels more of the pool, and all curves meet at 100."""


@dataclass(frozen=True)
class AuditPage:
    """What the page shows.

    Attributes:
        audit: `derived_tables.AUDIT`.
        curves: `derived_tables.AUDIT_CURVES`.
        sentences: what the audit comes to.
        measured: the metric, its direction and its model, in words.
        n_scenes: scenes that the audit is of.
        digest: digest of the audit.
    """

    audit: pa.Table
    curves: pa.Table
    sentences: Sequence[str]
    measured: str
    n_scenes: int
    digest: str


def render_audit(page: AuditPage) -> str:
    """The page; write it as UTF-8. The same audit gives the same bytes."""
    figures = {"found": found_figure(page.curves), "gain": gain_figure(page.curves)}
    template = environment().get_template("audit.html")
    return template.render(
        page=page,
        rows=page.audit.to_pylist(),
        view=Markup(safe_json({"figures": figures})),  # noqa: S704 - escaped
        css=own_file("round.css"),
        script=own_file("audit.js"),
        plotly=safe_script(get_plotlyjs()),
    )


def found_figure(curves: pa.Table) -> Figure:
    """Share of all errors found by share of the cost, a line with its interval for each score and baseline."""
    shown = curves.filter(pc.less_equal(curves["cost_share"], _UP_TO / 100))
    highest = pc.max(pc.coalesce(shown["found_high"], shown["found"])).as_py() or 0.0
    # To the next ten: curves that lie near each other are told apart the better the more room they have.
    return _figure(curves, "found", "share of all errors found, %", {"range": [0, 10 * (int(10 * highest) + 1)]})


def gain_figure(curves: pa.Table) -> Figure:
    """The same less what the object count finds on the same scenes, in points."""
    scores = curves.filter(pc.not_equal(curves["score"], "object_count"))
    place = {"xref": "paper", "x0": 0, "x1": 1, "y0": 0, "y1": 0}
    zero = {"type": "line", **place, "line": {"color": ORANGE, "dash": "dash"}}
    label = {"text": "object count", "xref": "paper", "x": 1, "y": 0, "xanchor": "right", "yanchor": "bottom"}
    mark = {**label, "showarrow": False, "font": {"color": INK, "size": 12}}
    title = "errors found more than by object count, points"
    return _figure(scores, "gain", title, {}, shapes=[zero], annotations=[mark])


def _figure(curves: pa.Table, name: str, title: str, y: dict[str, Any], **more: Any) -> Figure:
    names = list(dict.fromkeys(curves["score"].to_pylist()))
    scores = [score for score in names if score not in _BASELINES]
    traces = []
    for score in sorted(names, key=lambda score: (score in scores, -names.index(score))):  # the best lies on top
        rows = curves.filter(pc.equal(curves["score"], score)).to_pylist()
        place = scores.index(score) if score in scores else None
        traces += _traces(score, rows, name, place)
    x = {"title": {"text": "share of the label cost spent, by falling score, %"}, "range": [0, _UP_TO], "nticks": 11}
    legend = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "reversed"}
    axis = {"title": {"text": title}, **y}
    return {"data": traces, "layout": layout(x, axis, legend=legend, hovermode="closest", **more)}


def _traces(score: str, rows: list[dict[str, Any]], name: str, place: int | None) -> list[dict[str, Any]]:
    points = [{"cost_share": 0.0, name: 0.0, f"{name}_low": 0.0, f"{name}_high": 0.0}, *rows]
    points = [point for point in points if point[name] is not None]
    colour, dash = (
        (_SCORE_COLOURS[place % len(_SCORE_COLOURS)], "solid") if place is not None else _BASELINES[score][1:]
    )
    shown = score if place is not None else _BASELINES[score][0]
    traces = [] if score == "random" and name == "found" else [_band(points, name, score, colour)]
    return [*traces, *_line(points, name, score, shown, colour, dash, place)]


def _band(points: list[dict[str, Any]], name: str, score: str, colour: str) -> dict[str, Any]:
    sure = [p for p in points if p[f"{name}_low"] is not None]
    fill = "rgba(128,128,128,0.13)" if colour in (MUTED, INK) else translucent(colour, 0.13)
    return {
        "type": "scatter",
        "x": [100 * p["cost_share"] for p in (*sure, *reversed(sure))],
        "y": [*(100 * p[f"{name}_high"] for p in sure), *(100 * p[f"{name}_low"] for p in reversed(sure))],
        "mode": "lines",
        "line": {"width": 0},
        "fill": "toself",
        "fillcolor": fill,
        "hoverinfo": "skip",
        "showlegend": False,
        "legendgroup": score,
    }


def _line(
    points: list[dict[str, Any]], name: str, score: str, shown: str, colour: str, dash: str, place: int | None
) -> list[dict[str, Any]]:
    marked = [p["cost_share"] in _MARKED and place is not None for p in points]
    return [
        {
            "type": "scatter",
            "name": plain(shown),
            "legendgroup": score,
            "x": [100 * p["cost_share"] for p in points],
            "y": [100 * p[name] for p in points],
            "mode": "lines+markers",
            "line": {"color": colour, "width": 2, "dash": dash},
            "marker": {
                "color": colour,
                "symbol": _SYMBOLS[(place or 0) % len(_SYMBOLS)],
                "size": [8 if is_marked else 0 for is_marked in marked],
                "opacity": [1 if is_marked else 0 for is_marked in marked],
            },
            "text": [lines(_hover(p, name, shown)) for p in points],
            "hovertemplate": "%{text}<extra></extra>",
        }
    ]


def _hover(point: dict[str, Any], name: str, shown: str) -> list[str]:
    low, high = point[f"{name}_low"], point[f"{name}_high"]
    sign = "+" if name == "gain" else ""
    unit = "points more than object count" if name == "gain" else "% of all errors"
    value = f"{100 * point[name]:{sign}.1f} {unit}"
    interval = [] if low is None else [f"95 % interval {100 * low:{sign}.1f} to {100 * high:{sign}.1f}"]
    return [shown, f"at {100 * point['cost_share']:.3g} % of the cost", value, *interval]
