"""What the demo found: the policy against the random control at equal cost, and why the planted segments fall short."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from oddloop.demo.experiment import CONTROL, METRIC, Arms
from oddloop.lake.lock import locked
from oddloop.lake.workspace import Workspace
from oddloop.rounds.diagnosis import run_diagnosis
from oddloop.rounds.evidence import ALL_SCENES, collect_evidence, evaluated_rounds
from oddloop.rounds.paired import paired_differences

EQUAL_COST = 0.02
"""Costs that differ by less than this share are called equal: scenes are picked whole, so no two sums are the same."""


@dataclass(frozen=True)
class Cause:
    """Why a planted segment falls short: what was planted, what the diagnosis says, its tier, and because of what."""

    segment_id: str
    planted: str
    verdict: str
    tier: str
    because: str


@dataclass(frozen=True)
class Outcome:
    """The demo's figures.

    Attributes:
        metric: the metric, in metres; lower is better.
        planted: planted segments, by segment id.
        rows: per arm and round: arm, round, cost so far, value on all, its interval, value per planted segment.
        differences: DIFFERENCES rows after the last round, on all scenes and per planted segment.
        verdict: what the differences say, a sentence each.
        causes: per planted segment its verdict and evidence, beside the truth.
    """

    metric: str
    planted: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    differences: tuple[dict[str, Any], ...]
    verdict: str
    causes: tuple[Cause, ...]

    @property
    def n_told(self) -> int:
        """Planted segments whose verdict is the truth."""
        return sum(cause.verdict == cause.planted for cause in self.causes)


def summarize_outcome(arms: Arms, seed: int) -> Outcome:
    """Compare both arms after their rounds."""
    truth = json.loads((arms.fleet.folder / "truth.json").read_text(encoding="utf-8"))
    kinds = {p["name"]: p["kind"] for p in truth["planted"] if "segment" in p}
    planted = tuple(kinds)
    evidence = collect_evidence(arms.by_name(), METRIC)
    rng = np.random.default_rng(np.random.SeedSequence([seed, *b"outcome"]))
    table = paired_differences(arms.policy, arms.control, METRIC, rng).to_pylist()
    differences = tuple(row for name in (ALL_SCENES, *planted) for row in table if row["segment_id"] == name)
    policy = arms.policy.config.select.policy
    costs = _last_costs(evidence, policy)
    return Outcome(
        metric=METRIC,
        planted=planted,
        rows=_rows(evidence, planted),
        differences=differences,
        verdict="\n".join(_sentence(policy, row, costs) for row in differences),
        causes=_causes(arms.policy, kinds),
    )


def _causes(workspace: Workspace, kinds: dict[str, str]) -> tuple[Cause, ...]:
    """Verdicts of the policy's last model on the planted segments."""
    last = evaluated_rounds(workspace)[-1].evaluation["coverage_digest"]
    with locked(workspace.storage):
        table = run_diagnosis(workspace, last).storage.read_table("verdicts.parquet")
    found = {row["segment_id"]: row for row in table.to_pylist() if row["metric"] == METRIC}
    rows = [(name, kind, found[name]) for name, kind in kinds.items() if name in found]
    return tuple(Cause(name, kind, row["verdict"], row["tier"], row["because"]) for name, kind, row in rows)


def _rows(evidence: pa.Table, planted: tuple[str, ...]) -> tuple[tuple[Any, ...], ...]:
    found = {(r["arm"], r["round"], r["segment_id"]): r for r in evidence.to_pylist()}
    rows = []
    for (arm, number, segment_id), row in found.items():
        if segment_id != ALL_SCENES:
            continue
        interval = f"{row['ci_low']:.3f} to {row['ci_high']:.3f}" if row["ci_low"] is not None else "-"
        values = [found.get((arm, number, name), {}).get("value") for name in planted]
        rows.append((arm, number, row["cost"], row["value"], interval, *values))
    return tuple(sorted(rows, key=lambda r: (r[1], r[0] == CONTROL)))


def _sentence(policy: str, row: dict[str, Any], costs: tuple[float, float]) -> str:
    ours, theirs = costs
    price = (
        "At equal cost" if abs(ours - theirs) <= EQUAL_COST * theirs else f"For {ours:,.0f} against {theirs:,.0f} EUR"
    )
    where = "on all held-out scenes" if row["segment_id"] == ALL_SCENES else f"in {row['segment_id']}"
    values = f"{row['policy_value']:.2f} against {row['control_value']:.2f} m"
    if row["ci_low"] is None:
        return f"{price}, {where}: {values}; {row['n_logs']} logs are too few to judge."
    is_clear = row["ci_high"] < 0 or row["ci_low"] > 0
    word = ("better than" if row["difference"] < 0 else "worse than") if is_clear else "not clearly different from"
    interval = f"95 % interval {row['ci_low']:+.2f} to {row['ci_high']:+.2f} over {row['n_logs']} logs"
    return f"{price} {policy} is {word} random {where}: {values}, {row['difference']:+.2f} m ({interval})."


def _last_costs(evidence: pa.Table, policy: str) -> tuple[float, float]:
    """Cost of all labels of both arms after their last round."""
    last = {row["arm"]: row["cost"] for row in evidence.sort_by("round").to_pylist()}
    return last[policy], last[CONTROL]
