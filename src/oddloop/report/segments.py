"""Segments as the page shows them: exposure by status beside the leading metric, and which of them are weak.

A segment is judged by its *confident bound*, the favourable end of its interval: the metric is that bad or worse, at
the confidence of the interval. So a thin segment with a wide interval never passes for the weakest one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.report.columns import finite
from oddloop.report.model import Attribute, Exposure, LeadMetric, Measured, Reference, Segment, Weak
from oddloop.tables import UNKNOWN

N_WEAKEST = 5


def join_segments(segments: pa.Table, metrics: pa.Table, model_id: str, lead: LeadMetric | None) -> tuple[Segment, ...]:
    """One `Segment` per segment_id, sorted by number of attributes and id.

    Args:
        segments: SEGMENTS.
        metrics: SEGMENT_METRICS; only rows of this model and the leading metric count.
        model_id: the model.
        lead: the leading metric.
    """
    measured = {row["segment_id"]: _measured(row) for row in _lead_rows(metrics, model_id, lead)}
    by_id: dict[str, list[dict[str, Any]]] = {}
    for row in segments.to_pylist():
        by_id.setdefault(row["segment_id"], []).append(row)
    joined = (_segment(rows, measured.get(segment_id)) for segment_id, rows in by_id.items())
    return tuple(sorted(joined, key=lambda s: (s.n_way, s.segment_id)))


def _lead_rows(metrics: pa.Table, model_id: str, lead: LeadMetric | None) -> list[dict[str, Any]]:
    if lead is None:
        return []
    mine = pc.and_(pc.equal(metrics["model_id"], model_id), pc.equal(metrics["metric"], lead.name))
    return list(metrics.filter(mine).to_pylist())


def _segment(rows: Sequence[Mapping[str, Any]], measured: Measured | None) -> Segment:
    exposures = {row["status"]: _exposure(row) for row in rows}
    first = rows[0]
    return Segment(
        first["segment_id"],
        first["n_way"],
        tuple(first["attributes"]),
        tuple(first["values"]),
        exposures.get("labelled", Exposure()),
        exposures.get("unlabelled", Exposure()),
        exposures.get("eval", Exposure()),
        measured,
    )


def _exposure(row: Mapping[str, Any]) -> Exposure:
    counts = (row["n_scenes"] or 0, row["n_logs"] or 0, row["n_frames"] or 0)
    return Exposure(*counts, finite(row["duration_s"]) or 0.0, finite(row["distance_m"]) or 0.0)


def _measured(row: Mapping[str, Any]) -> Measured:
    value = finite(row["value"])
    valid = bool(row["valid"]) and value is not None
    ends = (finite(row["ci_low"]), finite(row["ci_high"]))
    return Measured(value, *ends, row["n_scenes"] or 0, row["n_logs"] or 0, row["support"] or 0, valid)


def reference_of(segments: Iterable[Segment], lead: LeadMetric | None) -> Reference | None:
    """The target of the leading metric, else its value over all scenes, else None."""
    if lead is None:
        return None
    if lead.target is not None:
        return Reference(lead.target, "target")
    overall = next((s.measured for s in segments if s.n_way == 0 and s.measured), None)
    return Reference(overall.value, "overall") if overall and overall.value is not None else None


def confident_bound(measured: Measured | None, lead: LeadMetric) -> float | None:
    """The favourable end of the interval, or None where there is too little support for one."""
    if measured is None or not measured.valid:
        return None
    return measured.ci_low if lead.better == "lower" else measured.ci_high


def surely_misses(measured: Measured | None, lead: LeadMetric | None, reference: Reference | None) -> bool:
    """Whether even the favourable end of the interval is worse than the reference."""
    bound = confident_bound(measured, lead) if lead else None
    if lead is None or reference is None or bound is None:
        return False
    return badness(bound, lead) > badness(reference.value, lead)


def badness(value: float, lead: LeadMetric) -> float:
    """The value with the sign that makes larger worse."""
    return value if lead.better == "lower" else -value


def weakest(
    segments: Iterable[Segment], lead: LeadMetric | None, reference: Reference | None, n: int = N_WEAKEST
) -> tuple[Weak, ...]:
    """The `n` segments with the worst confident bound; of equal ones, the simpler first."""
    if lead is None:
        return ()
    bounds = [(s, confident_bound(s.measured, lead)) for s in segments if s.n_way > 0]
    judged = [(s, bound) for s, bound in bounds if bound is not None]
    judged.sort(key=lambda pair: (-badness(pair[1], lead), pair[0].n_way, pair[0].segment_id))
    return tuple(Weak(s.segment_id, b, surely_misses(s.measured, lead, reference)) for s, b in judged[:n])


def count_judged(segments: Iterable[Segment]) -> int:
    """How many segments have enough support to be judged."""
    return sum(1 for s in segments if s.n_way > 0 and s.measured and s.measured.valid)


def attributes_of(
    declared: Mapping[str, Sequence[str]], segments: Iterable[Segment], outside: Mapping[str, Sequence[str]]
) -> tuple[Attribute, ...]:
    """The declared attributes, each with its declared values, then those found, sorted, `unknown` last."""
    found: dict[str, set[str]] = {name: set() for name in declared}
    for segment in segments:
        for name, value in zip(segment.attributes, segment.values, strict=True):
            found.setdefault(name, set()).add(value)
    ordered = {name: _in_order(declared.get(name, ()), values) for name, values in found.items()}
    return tuple(
        Attribute(name, values, tuple(v for v in values if v in outside.get(name, ())))
        for name, values in ordered.items()
    )


def _in_order(declared: Sequence[str], found: set[str]) -> tuple[str, ...]:
    rest = sorted(found - set(declared), key=lambda value: (value == UNKNOWN, value))
    return (*declared, *rest)
