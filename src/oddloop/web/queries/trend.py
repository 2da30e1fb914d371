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

COVERED_LOGS = 5
"""A single condition counts as covered once scenes of so many logs of it are labelled; fewer give no interval."""


@dataclass(frozen=True)
class CoveragePoint:
    """Coverage at a time: labelled scenes, logs and time, and how many single conditions are covered of those seen."""

    at_ns: int
    digest: str
    round_id: str
    n_scenes: int
    n_logs: int
    duration_s: float
    n_covered: int
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
    """A point per coverage result that was kept, oldest first."""
    table = view.cached(("snapshots", view.digest), lambda: read_snapshots(view.workspace))
    rounds = {str(s.evaluation["coverage_digest"]): s.round_id for s in view.rounds if s.evaluation}
    stamps = sorted({(row["at_ns"], row["digest"]) for row in table.select(["at_ns", "digest"]).to_pylist()})
    return tuple(_point(table, at_ns, digest, rounds.get(digest, "")) for at_ns, digest in stamps)


def _point(table: pa.Table, at_ns: int, digest: str, round_id: str) -> CoveragePoint:
    now = table.filter(pc.and_(pc.equal(table["at_ns"], at_ns), pc.equal(table["digest"], digest)))
    labelled = now.filter(pc.equal(now["status"], "labelled"))
    is_single = pc.match_substring(labelled["segment_id"], "=")
    single, overall = labelled.filter(is_single), labelled.filter(pc.invert(is_single)).to_pylist()
    everything: dict[str, Any] = overall[0] if overall else {"n_scenes": 0, "n_logs": 0, "duration_s": 0.0}
    seen = now.filter(pc.match_substring(now["segment_id"], "="))["segment_id"]
    return CoveragePoint(
        at_ns,
        digest,
        round_id,
        everything["n_scenes"],
        everything["n_logs"],
        finite(everything["duration_s"]) or 0.0,
        pc.sum(pc.greater_equal(single["n_logs"], COVERED_LOGS)).as_py() or 0,
        pc.count_distinct(seen).as_py(),
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
