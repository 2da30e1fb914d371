"""One segment: why its gap exists, what was seen of it, how it learned, and what lies in it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from oddloop.report.columns import plain
from oddloop.report.model import Exposure, Segment
from oddloop.report.segments import badness, surely_misses
from oddloop.rounds.diagnosis import round_history
from oddloop.rounds.evidence import ALL_SCENES
from oddloop.web.paging import Asked
from oddloop.web.queries.coverage.learning import Curve, read_curve
from oddloop.web.queries.coverage.source import Source, open_source
from oddloop.web.queries.gaps import diagnosis_of
from oddloop.web.queries.models import Measured
from oddloop.web.store import NothingThereError, View

N_WITHIN = 60


class SegmentAsked(Asked):
    """Which segment."""

    id: Annotated[str, Field(max_length=2000, description="the segment, such as `rain=heavy & light=night`")] = (
        ALL_SCENES
    )


@dataclass(frozen=True)
class Verdict:
    """Why the gap of a metric exists, in words with support and interval, and what would change that."""

    metric: str
    verdict: str
    tier: str
    hedged: bool
    target: float
    value: float | None
    half_width: float | None
    n_needed: float | None
    n_needed_low: float | None
    n_needed_high: float | None
    n_to_label: int | None
    n_to_drive: int | None
    because: str
    would_change: str


@dataclass(frozen=True)
class Learned:
    """The leading metric of the segment after a round, beside the labelled scenes of it that the model learned from."""

    round: int
    n_scenes: int
    value: float | None
    ci_low: float | None
    ci_high: float | None


@dataclass(frozen=True)
class Within:
    """A segment of one attribute more, which lies in this one."""

    segment_id: str
    attribute: str
    value: str
    labelled_s: float
    n_labelled: int
    n_unlabelled: int
    metric: float | None
    ci_low: float | None
    ci_high: float | None
    n_logs: int
    is_judged: bool
    misses: bool


@dataclass(frozen=True)
class SegmentPage:
    """One segment; `segment_id` is "" where nothing was counted yet."""

    segment_id: str
    conditions: dict[str, str]
    odd: str
    model_id: str
    metric: str
    better: str
    target: float | None
    labelled: Exposure
    unlabelled: Exposure
    held_out: Exposure
    measured: tuple[Measured, ...]
    verdicts: tuple[Verdict, ...]
    learned: tuple[Learned, ...]
    curve: Curve | None
    parents: tuple[str, ...]
    within: tuple[Within, ...]
    n_within: int


def read_segment(view: View, asked: SegmentAsked) -> SegmentPage:
    """One segment of the newest coverage.

    Raises:
        NothingThereError: there is no such segment.
    """
    source = open_source(view)
    if source is None:
        none = Exposure()
        return SegmentPage("", {}, "", "", "", "", None, none, none, none, (), (), (), None, (), (), 0)
    return view.cached(("segment page", view.digest, asked.id), lambda: _read(view, source, asked.id))


def _read(view: View, source: Source, segment_id: str) -> SegmentPage:
    found = source.of_ids([segment_id])
    if not found:
        raise NothingThereError(f"there is no segment {segment_id!r}, or no scene of it")
    (segment,) = found
    lead = source.lead
    within = _within(source, segment)
    return SegmentPage(
        segment_id=segment_id,
        conditions=dict(zip(segment.attributes, segment.values, strict=True)),
        odd=source.odd_of([segment_id]).get(segment_id, ""),
        model_id=source.model_id,
        metric=lead.name if lead else "",
        better=lead.better if lead else "",
        target=lead.target if lead else None,
        labelled=segment.labelled,
        unlabelled=segment.unlabelled,
        held_out=segment.eval,
        measured=_measured(source, segment_id),
        verdicts=_verdicts(view, source, segment_id),
        learned=_learned(view, source, segment_id),
        curve=read_curve(view, source, segment),
        parents=_parents(source, segment),
        within=within[:N_WITHIN],
        n_within=len(within),
    )


def _rows(table: pa.Table, segment_id: str) -> list[dict[str, Any]]:
    return list(table.filter(pc.equal(table["segment_id"], segment_id)).to_pylist())


def _measured(source: Source, segment_id: str) -> tuple[Measured, ...]:
    names = [field.name for field in fields(Measured)]
    rows = sorted(_rows(source.metrics, segment_id), key=lambda row: row["metric"])
    return tuple(Measured(**plain({name: row[name] for name in names})) for row in rows)


def _verdicts(view: View, source: Source, segment_id: str) -> tuple[Verdict, ...]:
    found = diagnosis_of(view, source.digest)
    known = {row["metric"]: row for row in _rows(found.gaps, segment_id)}
    names = [field.name for field in fields(Verdict)]
    rows = (known[row["metric"]] | row for row in _rows(found.verdicts, segment_id))
    made = [Verdict(**plain({name: row[name] for name in names})) for row in rows]
    lead = source.lead.name if source.lead else ""
    return tuple(sorted(made, key=lambda verdict: (verdict.metric != lead, verdict.metric)))


def _learned(view: View, source: Source, segment_id: str) -> tuple[Learned, ...]:
    if source.lead is None:
        return ()
    evaluated = [state for state in view.rounds if state.evaluation]
    table = view.cached(("round history", view.digest), lambda: round_history(view.workspace, evaluated))
    mine = [row for row in _rows(table, segment_id) if row["metric"] == source.lead.name]
    names = [field.name for field in fields(Learned)]
    return tuple(
        Learned(**plain({name: row[name] for name in names})) for row in sorted(mine, key=lambda r: r["round"])
    )


def _parents(source: Source, segment: Segment) -> tuple[str, ...]:
    parts = [f"{name}={value}" for name, value in zip(segment.attributes, segment.values, strict=True)]
    if not parts:
        return ()
    wider = [" & ".join(parts[:i] + parts[i + 1 :]) or ALL_SCENES for i in range(len(parts))]
    return tuple(s.segment_id for s in source.of_ids(wider))


def _within(source: Source, segment: Segment) -> tuple[Within, ...]:
    """Segments in this one, the worst that can be judged first."""
    lead = source.lead

    def order(one: Within) -> tuple[bool, float, str]:
        bad = badness(one.metric, lead) if lead and one.metric is not None else 0.0
        return not one.is_judged, -bad, one.segment_id

    return tuple(sorted((_one_within(source, segment, s) for s in source.within(segment)), key=order))


def _one_within(source: Source, parent: Segment, segment: Segment) -> Within:
    own = dict(zip(segment.attributes, segment.values, strict=True))
    name = next(name for name in segment.attributes if name not in parent.attributes)
    measured = segment.measured
    return Within(
        segment.segment_id,
        name,
        own[name],
        segment.labelled.duration_s,
        segment.labelled.n_scenes,
        segment.unlabelled.n_scenes,
        measured.value if measured else None,
        measured.ci_low if measured else None,
        measured.ci_high if measured else None,
        measured.n_logs if measured else 0,
        bool(measured and measured.valid),
        surely_misses(measured, source.lead, source.reference),
    )
