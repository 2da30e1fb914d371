"""The coverage heatmap, ready to be shown: for each pair of attributes a grid of cells with text, shade and state.

The page's script only lays the cells out; what they say and how dark they are is decided here. Shades of volumes grow
with the square root, so that a rare cell still differs from an empty one; shades of the metric grow linearly from best
to worst. One scale serves all grids of as many attributes, so that colours can be compared from pair to pair.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from oddloop.report.formats import count, duration, number
from oddloop.report.model import Attribute, LeadMetric, RoundReport, Segment
from oddloop.report.segments import badness, surely_misses
from oddloop.report.wording import segment_lines

NO_DATA = "no data"


@dataclass(frozen=True)
class Measure:
    """A number of a segment that a cell can show; `is_metric` ones are shaded by badness."""

    name: str
    value: Callable[[Segment], float | None]
    text: Callable[[float | None], str]
    is_metric: bool = False


def measures(lead: LeadMetric | None) -> tuple[Measure, ...]:
    """The numbers that the heatmap can show; the leading metric last, where there is one."""
    volumes = (
        Measure("labelled time", lambda s: s.labelled.duration_s, duration),
        Measure("labelled logs", lambda s: s.labelled.n_logs, lambda n: count(None if n is None else int(n))),
        Measure("unlabelled time", lambda s: s.unlabelled.duration_s, duration),
    )
    if lead is None:
        return volumes
    metric = Measure(lead.name, lambda s: s.measured.value if s.measured else None, number, is_metric=True)
    return (*volumes, metric)


def heatmap_view(report: RoundReport) -> dict[str, Any]:
    """Attributes, measures with their legends, and one grid per attribute and per pair that has segments."""
    by_parts = {frozenset(zip(s.attributes, s.values, strict=True)): s for s in report.segments}
    ways: dict[int, list[tuple[Attribute, Attribute | None]]] = {
        1: [(a, None) for a in report.attributes],
        2: [*itertools.combinations(report.attributes, 2)],
    }
    has_pairs = any(s.n_way == 2 for s in report.segments)
    grids = []
    for n_way in (1, 2) if has_pairs else (1,):
        shown = [(m, _scale(m, report, n_way)) for m in measures(report.lead)]
        grids += [_grid(rows, columns, by_parts, shown, report) for rows, columns in ways[n_way]]
    return {
        "attributes": [a.name for a in report.attributes],
        "measures": [m.name for m in measures(report.lead)],
        "legends": {str(n): [_legend(m, _scale(m, report, n)) for m in measures(report.lead)] for n in (1, 2)},
        "grids": grids,
        "start": _start(report, has_pairs=has_pairs),
    }


def _start(report: RoundReport, *, has_pairs: bool) -> tuple[str, str]:
    """Rows and columns to begin with: those of the weakest segment, filled up with the first other attribute."""
    weak = report.segment(report.weakest[0].segment_id) if report.weakest else None
    names = dict.fromkeys((*(weak.attributes if weak else ()), *(a.name for a in report.attributes)))
    rows, columns = (*names, "", "")[:2]
    return rows, columns if has_pairs else ""


def _grid(
    rows: Attribute,
    columns: Attribute | None,
    by_parts: Mapping[frozenset[tuple[str, str]], Segment],
    shown: list[tuple[Measure, tuple[float, float]]],
    report: RoundReport,
) -> dict[str, Any]:
    def cell(row: str, column: str | None) -> dict[str, Any] | None:
        parts = [(rows.name, row), *([(columns.name, column or "")] if columns else [])]
        segment = by_parts.get(frozenset(parts))
        return _cell(segment, shown, report) if segment else None

    column_values = columns.values if columns else (None,)
    return {
        "rows": rows.name,
        "columns": columns.name if columns else "",
        "row_values": list(rows.values),
        "column_values": list(columns.values) if columns else ["all"],
        "cells": [[cell(row, column) for column in column_values] for row in rows.values],
        "outside": [
            [row in rows.outside or bool(columns and column in columns.outside) for column in column_values]
            for row in rows.values
        ],
    }


def _cell(segment: Segment, shown: list[tuple[Measure, tuple[float, float]]], report: RoundReport) -> dict[str, Any]:
    """Text and shade per measure (null shade: no data), how the metric stands, and the lines of the details."""
    measured = segment.measured
    return {
        "text": [_text(m, m.value(segment)) for m, _ in shown],
        "shade": [shade_of(m, m.value(segment), scale) for m, scale in shown],
        "few": bool(measured and measured.value is not None and not measured.valid),
        "misses": surely_misses(measured, report.lead, report.reference),
        "lines": segment_lines(segment, report),
    }


def _text(measure: Measure, value: float | None) -> str:
    return NO_DATA if value is None else measure.text(value)


def _scale(measure: Measure, report: RoundReport, n_way: int) -> tuple[float, float]:
    """(lightest, darkest) value among the segments of `n_way` attributes; thin ones do not stretch a metric's scale."""
    segments = [s for s in report.segments if s.n_way == n_way]
    if measure.is_metric and report.lead:
        lead = report.lead
        valid = [s.measured.value for s in segments if s.measured and s.measured.valid and s.measured.value is not None]
        ordered = sorted(valid, key=lambda value: badness(value, lead))
        return (ordered[0], ordered[-1]) if ordered else (math.nan, math.nan)
    values = (measure.value(s) for s in segments)
    return (0.0, max((v for v in values if v is not None), default=0.0))


def shade_of(measure: Measure, value: float | None, scale: tuple[float, float]) -> float | None:
    """How dark a value is, from 0 to 1, on a scale from (lightest, darkest); None: no data.

    >>> metric, time = Measure("m", lambda s: 0.0, str, is_metric=True), Measure("labelled time", lambda s: 0.0, str)
    >>> shade_of(metric, 2.5, (2.0, 4.0)), shade_of(time, 25.0, (0.0, 100.0)), shade_of(time, None, (0.0, 1.0))
    (0.25, 0.5, None)
    """
    if value is None:
        return None
    light, dark = scale
    share = (value - light) / (dark - light) if light != dark and not math.isnan(light) else 0.0
    share = min(max(share, 0.0), 1.0)
    return round(share if measure.is_metric else math.sqrt(share), 3)


def _legend(measure: Measure, scale: tuple[float, float]) -> dict[str, Any]:
    light, dark = scale
    words = ("best ", "worst ") if measure.is_metric else ("", "")
    return {
        "is_metric": measure.is_metric,
        "light": words[0] + measure.text(light),
        "dark": words[1] + measure.text(dark),
    }
