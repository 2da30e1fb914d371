"""What the demo found: the policy against the random control at equal cost, overall and where something was planted."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from oddloop.demo.experiment import CONTROL, METRIC, Arms
from oddloop.rounds.evidence import collect_evidence
from oddloop.rounds.paired import paired_differences

ALL = "all"
"""The segment of all scenes."""


@dataclass(frozen=True)
class Outcome:
    """The demo's figures.

    Attributes:
        metric: the metric, in metres; lower is better.
        planted: planted segments, by segment id.
        rows: per arm and round: arm, round, cost so far, value on all, its interval, value per planted segment.
        differences: DIFFERENCES rows after the last round, on all scenes and per planted segment.
        verdict: what the differences say, a sentence each.
        where_to_look: where in the report to look first.
    """

    metric: str
    planted: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    differences: tuple[dict[str, Any], ...]
    verdict: str
    where_to_look: str


def summarize_outcome(arms: Arms, seed: int) -> Outcome:
    """Compare both arms after their rounds."""
    truth = json.loads((arms.fleet.folder / "truth.json").read_text(encoding="utf-8"))
    planted = tuple(p["name"] for p in truth["planted"] if "segment" in p)
    evidence = collect_evidence(arms.by_name(), METRIC)
    rng = np.random.default_rng(np.random.SeedSequence([seed, *b"outcome"]))
    table = paired_differences(arms.policy, arms.control, METRIC, rng).to_pylist()
    differences = tuple(row for name in (ALL, *planted) for row in table if row["segment_id"] == name)
    policy = arms.policy.config.select.policy
    return Outcome(
        metric=METRIC,
        planted=planted,
        rows=_rows(evidence, planted),
        differences=differences,
        verdict="\n".join(_sentence(policy, row) for row in differences),
        where_to_look=_where_to_look(evidence, policy, planted),
    )


def _rows(evidence: pa.Table, planted: tuple[str, ...]) -> tuple[tuple[Any, ...], ...]:
    found = {(r["arm"], r["round"], r["segment_id"]): r for r in evidence.to_pylist()}
    rows = []
    for (arm, number, segment_id), row in found.items():
        if segment_id != ALL:
            continue
        interval = f"{row['ci_low']:.3f} to {row['ci_high']:.3f}" if row["ci_low"] is not None else "-"
        values = [found.get((arm, number, name), {}).get("value") for name in planted]
        rows.append((arm, number, row["cost"], row["value"], interval, *values))
    return tuple(sorted(rows, key=lambda r: (r[1], r[0] == CONTROL)))


def _sentence(policy: str, row: dict[str, Any]) -> str:
    where = "on all held-out scenes" if row["segment_id"] == ALL else f"in {row['segment_id']}"
    values = f"{row['policy_value']:.2f} against {row['control_value']:.2f} m"
    if row["ci_low"] is None:
        return f"At equal cost, {where}: {values}; {row['n_logs']} logs are too few to judge."
    is_clear = row["ci_high"] < 0 or row["ci_low"] > 0
    word = ("better than" if row["difference"] < 0 else "worse than") if is_clear else "not clearly different from"
    interval = f"95 % interval {row['ci_low']:+.2f} to {row['ci_high']:+.2f} over {row['n_logs']} logs"
    return f"At equal cost {policy} is {word} random {where}: {values}, {row['difference']:+.2f} m ({interval})."


def _where_to_look(evidence: pa.Table, policy: str, planted: tuple[str, ...]) -> str:
    """The planted segment that is worst for the newest model: what more labels did not mend."""
    last = max(evidence["round"].to_pylist())
    mine = [r for r in evidence.to_pylist() if r["arm"] == policy and r["round"] == last and r["segment_id"] in planted]
    if not mine:
        return "the coverage heatmap shows where the model is weakest."
    worst = max(mine, key=lambda r: r["value"] or 0.0)
    return (
        f"the model is weakest in {worst['segment_id']} ({worst['value']:.2f} m over {worst['n_logs']} held-out logs)."
    )
