"""The volume-versus-performance chart: is a segment weak because it is rare, or in spite of many labels?"""

from __future__ import annotations

import math
import statistics
from typing import Any

from oddloop.report.figures import Figure, layout, lines, metric_title, plain, reference_marks
from oddloop.report.formats import shorten
from oddloop.report.model import LeadMetric, Measured, RoundReport, Segment
from oddloop.report.palette import BLUE, INK, MUTED, VERMILLION, translucent
from oddloop.report.segments import badness, confident_bound, surely_misses
from oddloop.report.wording import segment_lines

_VOLUMES = {"labelled time": "duration_s", "labelled logs": "n_logs"}
_WAYS = {1: "one attribute", 2: "two attributes", 3: "three attributes"}
_SECONDS = {1: "1 s", 10: "10 s", 60: "1 min", 600: "10 min", 3600: "1 h", 36_000: "10 h", 360_000: "100 h"}
_SECONDS |= {3_600_000: "1,000 h", 36_000_000: "10,000 h"}
N_NAMED = {1: 5, 2: 3, 3: 3}
"""How many of the weakest points carry their name, by attributes per segment."""


def performance_views(report: RoundReport) -> dict[str, tuple[str, int]]:
    """The arguments of `performance_figure` by name: each volume for each number of attributes that has a metric."""
    ways = sorted({s.n_way for s in report.segments if s.n_way > 0 and s.measured and s.measured.value is not None})
    return {f"{volume}, segments of {_WAYS[n]}": (volume, n) for n in ways for volume in _VOLUMES}


def performance_figure(report: RoundReport, lead: LeadMetric, volume: str, n_way: int) -> Figure:
    """Scatter of segments: labelled volume (logarithmic) against the leading metric with its interval.

    Args:
        report: the round.
        lead: its leading metric.
        volume: `labelled time` or `labelled logs`.
        n_way: attributes of the segments shown.
    """
    field = _VOLUMES[volume]
    shown = [s for s in report.segments if s.n_way == n_way and s.measured and s.measured.value is not None]
    axis = _Axis([_volume(s, field) for s in shown], is_time=field == "duration_s")
    traces = [_trace(group, report, axis, field) for group in _groups(shown, report)]
    shapes, labels = reference_marks(report)
    x = {"title": {"text": f"{volume} (logarithmic)"}, **axis.plotly()}
    y = {"title": {"text": metric_title(lead.name, report)}}
    hints = _hints(lead)
    middle = _divider(statistics.median(axis.place(_volume(s, field)) for s in shown))
    more = {
        "shapes": [*shapes, middle],
        "annotations": [*labels, *hints],
        "margin": {"l": 56, "r": 12, "t": 36, "b": 44},
    }
    return {"data": traces, "layout": layout(x, y, **more)}


def _volume(segment: Segment, field: str) -> float:
    return float(getattr(segment.labelled, field))


class _Axis:
    """A logarithmic axis with a place of its own for 0, left of the smallest value."""

    def __init__(self, values: list[float], *, is_time: bool) -> None:
        positive = [v for v in values if v > 0] or [1.0]
        self.low, self.high = min(positive), max(positive)
        self.zero = self.low / 3
        self.has_zero = any(v <= 0 for v in values)
        self.is_time = is_time
        self.left = self.zero / 1.5 if self.has_zero else self.low / 1.6
        self.right = self.high * 1.8

    def place(self, value: float) -> float:
        return value if value > 0 else self.zero

    def plotly(self) -> dict[str, Any]:
        ticks = {v: t for v, t in self._marks().items() if self.low / 2 <= v <= self.high * 2}
        if self.has_zero:
            ticks = {self.zero: "0", **ticks}
        span = [math.log10(self.left), math.log10(self.right)]
        return {"type": "log", "range": span, "tickvals": list(ticks), "ticktext": list(ticks.values())}

    def _marks(self) -> dict[float, str]:
        if self.is_time:
            return {float(v): text for v, text in _SECONDS.items()}
        return {float(m * 10**e): f"{m * 10**e:,}" for e in range(7) for m in (1, 2, 5)}


class _Group:
    """Segments drawn alike."""

    def __init__(self, name: str, segments: list[Segment], **style: Any) -> None:
        self.name, self.segments, self.style = name, segments, style


def _groups(shown: list[Segment], report: RoundReport) -> list[_Group]:
    few = [s for s in shown if s.measured and not s.measured.valid]
    misses = [s for s in shown if surely_misses(s.measured, report.lead, report.reference)]
    special = {s.segment_id for s in (*few, *misses)}
    others = [s for s in shown if s.segment_id not in special]
    than = "the target" if report.reference and report.reference.kind == "target" else "all scenes"
    groups = [
        _Group("too few logs to judge", few, color=MUTED, symbol="circle-open", size=8),
        _Group("not surely worse", others, color=BLUE, symbol="circle", size=8),
        _Group(f"surely worse than {than}", misses, color=VERMILLION, symbol="diamond", size=10),
    ]
    return [group for group in groups if group.segments]


def _trace(group: _Group, report: RoundReport, axis: _Axis, field: str) -> dict[str, Any]:
    values = [s.measured.value for s in group.segments if s.measured]
    x = [axis.place(_volume(s, field)) for s in group.segments]
    names = _names(group, report)
    style = group.style
    return {
        "type": "scatter",
        "name": group.name,
        "x": x,
        "y": values,
        "mode": "markers+text" if any(names) else "markers",
        "text": names,
        "textposition": ["middle left" if v * v > axis.left * axis.right else "middle right" for v in x],
        "textfont": {"size": 11, "color": INK},
        "marker": {"color": style["color"], "symbol": style["symbol"], "size": style["size"]},
        "error_y": _error_bars([s.measured for s in group.segments if s.measured], style["color"]),
        "customdata": [lines(segment_lines(s, report)) for s in group.segments],
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _error_bars(measured: list[Measured], colour: str) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [_length(m.value, m.ci_high, 1) for m in measured],
        "arrayminus": [_length(m.value, m.ci_low, -1) for m in measured],
        "color": translucent(colour, 0.55) if colour != MUTED else colour,
        "thickness": 1.2,
        "width": 2,
    }


def _length(value: float | None, end: float | None, sign: int) -> float:
    return 0.0 if value is None or end is None else max(sign * (end - value), 0.0)


def _names(group: _Group, report: RoundReport) -> list[str]:
    """The names of the weakest of the surely worse segments; `""` for all others."""
    lead = report.lead
    if lead is None or group.style["color"] != VERMILLION:
        return [""] * len(group.segments)
    bounds = {s.segment_id: confident_bound(s.measured, lead) for s in group.segments}
    judged = [(badness(bound, lead), segment_id) for segment_id, bound in bounds.items() if bound is not None]
    named = {segment_id for _, segment_id in sorted(judged, reverse=True)[: N_NAMED[group.segments[0].n_way]]}
    return [f" {plain(shorten(s.segment_id, 36))} " if s.segment_id in named else "" for s in group.segments]


def _hints(lead: LeadMetric) -> list[dict[str, Any]]:
    """What each corner of the chart means."""
    poor, good = (1, 0) if lead.better == "lower" else (0, 1)
    texts = {
        (0, poor): "few labels, weak: label more",
        (1, poor): "many labels, still weak: look at model, labels, sensors",
        (0, good): "few labels, good",
        (1, good): "many labels, good",
    }
    return [_hint(x, y, text) for (x, y), text in texts.items()]


def _hint(x: int, y: int, text: str) -> dict[str, Any]:
    anchors = {"xanchor": "right" if x else "left", "yanchor": "top" if y else "bottom"}
    font = {"font": {"color": MUTED, "size": 11}}
    return {
        "name": "hint",
        "xref": "paper",
        "yref": "paper",
        "x": x,
        "y": y,
        **anchors,
        "text": text,
        "showarrow": False,
        **font,
    }


def _divider(middle: float) -> dict[str, Any]:
    place = {"xref": "x", "yref": "paper", "x0": middle, "x1": middle, "y0": 0, "y1": 1}
    return {"type": "line", **place, "line": {"color": MUTED, "width": 1, "dash": "dot"}, "layer": "below"}
