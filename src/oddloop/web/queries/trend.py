"""Coverage over time, and what each round's labels brought."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.lake.workspace import Workspace
from oddloop.report.columns import finite
from oddloop.report.model import LeadMetric
from oddloop.rounds.evidence import evaluated_rounds
from oddloop.rounds.paired import compare_arms
from oddloop.rounds.snapshots import read_snapshots
from oddloop.rounds.state import RoundState
from oddloop.web.queries.models import measured_of
from oddloop.web.store import View

DEPTHS = (5, 20, 80)
"""How well a single condition is covered: by labelled scenes from so many logs at least; fewer give no interval."""
MAX_POINTS = 200


@dataclass(frozen=True)
class Depth:
    """How many single conditions are covered by labelled scenes of at least `n_logs` logs."""

    n_logs: int
    n_conditions: int


@dataclass(frozen=True)
class CoveragePoint:
    """Coverage at a time: labelled scenes, logs and time, and how many of the conditions seen are covered how well."""

    at_ns: int
    digest: str
    round_id: str
    n_scenes: int
    n_logs: int
    duration_s: float
    covered: tuple[Depth, ...]
    n_conditions: int


@dataclass(frozen=True)
class LiftPoint:
    """The leading metric after a round, and policy minus control on the same scenes; null without a control."""

    round_id: str
    model_id: str
    value: float | None
    ci_low: float | None
    ci_high: float | None
    n_logs: int
    difference: float | None
    difference_low: float | None
    difference_high: float | None


def read_trend(view: View) -> tuple[CoveragePoint, ...]:
    """A point per coverage result that was kept, oldest first; the newest `MAX_POINTS`."""
    table = view.cached(("trend", view.history_digest), lambda: _summed(read_snapshots(view.workspace)))
    rounds = {str(s.evaluation["coverage_digest"]): s.round_id for s in view.rounds if s.evaluation}
    newest = table.slice(max(table.num_rows - MAX_POINTS, 0)).to_pylist()
    return tuple(_point(row, rounds.get(row["digest"], "")) for row in newest)


def _summed(snapshots: pa.Table) -> pa.Table:
    """A row per result: sums over the labelled, and counts of single conditions, of those covered how well."""
    labelled = pc.equal(snapshots["status"], "labelled")
    single = pc.match_substring(snapshots["segment_id"], "=")
    everything = pc.and_(labelled, pc.invert(single))
    columns = {"at_ns": snapshots["at_ns"], "digest": snapshots["digest"]}
    for name in ("n_scenes", "n_logs", "duration_s"):
        columns[name] = pc.if_else(everything, snapshots[name], 0)
    for depth in DEPTHS:
        covered = pc.and_(pc.and_(labelled, single), pc.greater_equal(snapshots["n_logs"], depth))
        columns[f"depth_{depth}"] = pc.cast(covered, pa.int64())
    columns["condition"] = pc.if_else(single, snapshots["segment_id"], pa.scalar(None, pa.string()))
    sums = [(name, "sum") for name in columns if name not in ("at_ns", "digest", "condition")]
    grouped = pa.table(columns).group_by(["at_ns", "digest"], use_threads=False)
    return grouped.aggregate([*sums, ("condition", "count_distinct")]).sort_by("at_ns")


def _point(row: dict[str, Any], round_id: str) -> CoveragePoint:
    return CoveragePoint(
        row["at_ns"],
        row["digest"],
        round_id,
        row["n_scenes_sum"],
        row["n_logs_sum"],
        finite(row["duration_s_sum"]) or 0.0,
        tuple(Depth(depth, row[f"depth_{depth}_sum"]) for depth in DEPTHS),
        row["condition_count_distinct"],
    )


def read_lift(view: View, lead: LeadMetric | None) -> tuple[LiftPoint, ...]:
    """A point per evaluated round, oldest first."""
    if lead is None:
        return ()
    pointer = view.config.evidence.control
    control = Workspace.open(view.workspace.resolve(pointer)) if pointer else None
    theirs = {state.number: state for state in evaluated_rounds(control)} if control else {}
    return tuple(
        _lift(view, state, control, theirs.get(state.number), lead.name) for state in view.rounds if state.evaluation
    )


def _lift(view: View, state: RoundState, control: Workspace | None, other: RoundState | None, metric: str) -> LiftPoint:
    value = next((m for m in measured_of(state) if m.metric == metric), None)
    difference = _difference(view, state, control, other, metric) if control and other else None
    return LiftPoint(
        state.round_id,
        str(state.training.get("model_id", "")),
        value.value if value else None,
        value.ci_low if value else None,
        value.ci_high if value else None,
        value.n_logs if value else 0,
        *(difference or (None, None, None)),
    )


def _difference(
    view: View, state: RoundState, control: Workspace, other: RoundState, metric: str
) -> tuple[float | None, float | None, float | None]:
    """Policy minus control over all scenes after a round, with its interval; kept, since it never changes."""
    key = ("lift", control.storage.absolute, state.training["digest"], other.training["digest"], metric)

    def compare() -> tuple[float | None, float | None, float | None]:
        rng = np.random.default_rng(np.random.SeedSequence([view.config.workspace.seed, *b"differences"]))
        rows = compare_arms((view.workspace, state), (control, other), metric, rng).to_pylist()
        if not rows:
            return None, None, None
        return finite(rows[0]["difference"]), finite(rows[0]["ci_low"]), finite(rows[0]["ci_high"])

    return view.cached(key, compare)
