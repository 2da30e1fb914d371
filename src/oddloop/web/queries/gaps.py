"""The worst gaps with their verdicts, from the diagnosis that is there."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.coverage.diagnosis import Diagnosis, worst_gaps
from oddloop.report.columns import plain
from oddloop.report.lead import lead_metric
from oddloop.report.model import LeadMetric
from oddloop.rounds.curves import find_curves
from oddloop.rounds.diagnosis import read_diagnosis
from oddloop.web.store import View


@dataclass(frozen=True)
class GapLine:
    """A segment that misses its target, or may.

    `half_width` is of the value's interval, towards the target. `n_needed` more labelled scenes reach the target, with
    a 90 % interval; of them `n_to_label` lie in the pool, and `n_to_drive` do not exist yet. Null: not known, or
    not asked.
    """

    segment_id: str
    metric: str
    verdict: str
    tier: str
    value: float | None
    half_width: float | None
    target: float
    support: int
    n_logs: int
    n_labelled: int
    n_unlabelled: int
    n_needed: float | None
    n_needed_low: float | None
    n_needed_high: float | None
    n_to_label: int | None
    n_to_drive: int | None
    because: str


@dataclass(frozen=True)
class Gaps:
    """The worst gaps of the leading metric, how many there are, and how many of which verdict."""

    lead: LeadMetric | None
    worst: tuple[GapLine, ...]
    total: int
    verdicts: dict[str, int]


def lead_of(view: View) -> LeadMetric | None:
    """The metric that pages lead with; None where nothing is measured, or nobody has said what is better."""
    measured = view.table("coverage", "segment_metrics.parquet")
    return None if measured is None else lead_metric(measured, view.config)


def read_gaps(view: View, n: int) -> Gaps:
    """The `n` worst gaps, the surest and largest first."""
    return view.cached(("worst gaps", view.digest, n), lambda: _read_gaps(view, n))


def _read_gaps(view: View, n: int) -> Gaps:
    lead = lead_of(view)
    table = gap_table(view)
    if lead is None or table is None:
        return Gaps(lead, (), 0, {})
    mine = table.filter(pc.equal(table["metric"], lead.name))
    rows = mine.slice(0, n).select([f.name for f in fields(GapLine)]).to_pylist()
    worst = tuple(GapLine(**plain(row)) for row in rows)
    return Gaps(lead, worst, mine.num_rows, dict(Counter(mine["verdict"].to_pylist())))


def gap_table(view: View) -> pa.Table | None:
    """What `coverage.diagnosis.worst_gaps` gives of the newest coverage; None where nothing was counted yet.

    Where nobody has asked for verdicts since, they are made here, in memory.
    """
    digest = view.stages.get("coverage", "")
    if view.stage("coverage") is None:
        return None

    def rank() -> pa.Table:
        found = diagnosis_of(view, digest)
        return worst_gaps(found.gaps, found.verdicts)

    return view.cached(("gaps", *_evidence(view, digest)), rank)


def diagnosis_of(view: View, coverage_digest: str) -> Diagnosis:
    """Gaps, verdicts and curves of a coverage, made anew once there is other evidence."""
    key = ("diagnosis", *_evidence(view, coverage_digest))
    return view.cached(key, lambda: read_diagnosis(view.workspace, coverage_digest))


def curves_digest(view: View) -> str:
    """Digest of the newest curves of the present training command; "" without any."""

    def find() -> str:
        found = find_curves(view.workspace)
        return found.digest if found else ""

    return view.cached(("curves", view.digest), find)


def _evidence(view: View, coverage_digest: str) -> tuple[object, ...]:
    """All that a diagnosis is made of."""
    evaluated = tuple(str(state.evaluation["coverage_digest"]) for state in view.rounds if state.evaluation)
    return coverage_digest, view.config_digest, evaluated, curves_digest(view)
