"""The cluster map: scenes by place, coloured by cluster, with labelled scenes ringed and picks marked."""

from __future__ import annotations

from typing import Any

import numpy as np

from oddloop.report.figures import Figure, layout, plain
from oddloop.report.formats import shorten
from oddloop.report.model import Cluster, RoundReport
from oddloop.report.palette import INK, MUTED, PAPER, cluster_colour, cluster_symbol

SVG_UP_TO = 5_000
"""More points than this are drawn with WebGL, which prints less crisply but stays quick."""
N_NAMED = 30
"""How many of the largest clusters carry their name."""


def map_figure(report: RoundReport) -> Figure:
    """Scatter of the map's scenes; `customdata` is the index into the columns of `RoundReport.map`."""
    shown = report.map
    kind = "scatter" if len(shown.scene_id) <= SVG_UP_TO else "scattergl"
    cluster = np.array(shown.cluster.codes, int)
    size = _size(len(shown.scene_id))
    loose = {"color": MUTED, "symbol": "circle", "size": size - 1.5, "opacity": 0.45}
    traces = [_points(report, kind, np.flatnonzero(cluster < 0), "no cluster", loose)]
    for place, entry in enumerate(report.clusters):
        code = shown.cluster.values.index(entry.cluster_id) if entry.cluster_id in shown.cluster.values else None
        rows = np.flatnonzero(cluster == code) if code is not None else np.array([], int)
        marker = {"color": cluster_colour(place), "symbol": cluster_symbol(place), "size": size, "opacity": 0.75}
        traces.append(_points(report, kind, rows, plain(shorten(called(entry))), marker))
    traces += _overlays(report, kind)
    axis = {"showgrid": False, "showticklabels": False, "ticks": "", "showline": False}
    more = {"margin": {"l": 8, "r": 8, "t": 32, "b": 8}, "dragmode": "pan", "annotations": _names(report, cluster)}
    return {"data": [t for t in traces if t["x"]], "layout": layout(axis, {**axis, "automargin": False}, **more)}


def called(cluster: Cluster) -> str:
    """A cluster's id, and the name that people gave it."""
    return f"{cluster.cluster_id} {cluster.name}" if cluster.name else cluster.cluster_id


def _size(n: int) -> float:
    """Size of a point in pixels: the more points, the smaller."""
    return 6 if n <= 2_000 else 4.5 if n <= 8_000 else 3.5


def _points(report: RoundReport, kind: str, rows: np.ndarray, name: str, marker: dict[str, Any]) -> dict[str, Any]:
    shown = report.map
    return {
        "type": kind,
        "name": name,
        "mode": "markers",
        "showlegend": name == "no cluster",
        "x": [shown.x[i] for i in rows],
        "y": [shown.y[i] for i in rows],
        "text": [plain(shorten(shown.scene_id[i], 60)) for i in rows],
        "customdata": rows.tolist(),
        "hovertemplate": "%{text}<extra>%{fullData.name}</extra>",
        "marker": marker,
    }


def _overlays(report: RoundReport, kind: str) -> list[dict[str, Any]]:
    """Rings around labelled scenes and stars on picks; the points below them answer to the mouse."""
    shown = report.map
    labelled = shown.status.values.index("labelled") if "labelled" in shown.status.values else -2
    picked = {pick.scene_id for pick in report.picks}
    ringed = [i for i, code in enumerate(shown.status.codes) if code == labelled]
    starred = [i for i, scene_id in enumerate(shown.scene_id) if scene_id in picked]
    size = _size(len(shown.scene_id))
    ring = {"symbol": "circle-open", "size": 1.5 * size, "color": INK, "opacity": size / 12, "line": {"width": 1}}
    star = {
        "symbol": "star",
        "size": 13 if len(starred) <= 100 else 9,
        "color": INK,
        "line": {"width": 1, "color": PAPER},
    }
    return [_overlay(report, kind, ringed, "labelled", ring), _overlay(report, kind, starred, "picked", star)]


def _overlay(report: RoundReport, kind: str, rows: list[int], name: str, marker: dict[str, Any]) -> dict[str, Any]:
    trace = _points(report, kind, np.array(rows, int), name, marker)
    del trace["text"], trace["hovertemplate"], trace["customdata"]
    return {**trace, "showlegend": True, "hoverinfo": "skip"}


def _names(report: RoundReport, cluster: np.ndarray) -> list[dict[str, Any]]:
    """The names of the largest clusters at the median of their scenes, as annotations: those stand above WebGL too."""
    x, y = np.array(report.map.x), np.array(report.map.y)
    codes = {value: code for code, value in enumerate(report.map.cluster.values)}
    named = [c for c in report.clusters[:N_NAMED] if c.cluster_id in codes]
    places = [(c.name or c.cluster_id, np.flatnonzero(cluster == codes[c.cluster_id])) for c in named]
    look = {"showarrow": False, "font": {"size": 12, "color": INK, "weight": 700, "shadow": "auto"}}
    return [
        {"x": float(np.median(x[rows])), "y": float(np.median(y[rows])), "text": plain(shorten(name, 18)), **look}
        for name, rows in places
    ]
