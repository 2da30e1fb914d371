"""Was the advice right? Two arms side by side, the policy's rounds and a control's, by labelling cost.

An arm is a workspace. For each evaluated round it gives the cost of its labels so far and the model's metric per
segment with its interval; the paired difference at the last common round resamples whole logs (the unit of
independence), both arms by the same draws, since they are measured on the same evaluation scenes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.derived_tables import EVIDENCE
from oddloop.lake.scan import read_table
from oddloop.lake.workspace import Workspace, table_files
from oddloop.rounds.run import open_ledger
from oddloop.rounds.state import RoundState
from oddloop.tables import METRICS, SCENES

_DRAWS = 2000


@dataclass(frozen=True)
class PairedDifference:
    """Policy minus control for one metric on the same scenes, with a bootstrap interval over logs.

    Attributes:
        metric: the metric.
        segment_id: where it was measured; "all" is all evaluation scenes.
        policy: value of the policy's model.
        control: value of the control's model.
        difference: policy - control.
        ci_low: lower end of the 95 % interval.
        ci_high: upper end.
        n_logs: logs resampled; fewer than 2 give no interval (NaN).
    """

    metric: str
    segment_id: str
    policy: float
    control: float
    difference: float
    ci_low: float
    ci_high: float
    n_logs: int


def collect_evidence(arms: Mapping[str, Workspace], metric: str) -> pa.Table:
    """One row per arm, evaluated round and segment (EVIDENCE), cheapest first.

    Args:
        arms: workspace by the arm's name, such as the policy and "random".
        metric: the metric to follow.
    """
    parts = [_arm_rows(name, workspace, metric) for name, workspace in arms.items()]
    return pa.concat_tables(parts).sort_by([("arm", "ascending"), ("round", "ascending")])


def _arm_rows(arm: str, workspace: Workspace, metric: str) -> pa.Table:
    rows: list[dict[str, Any]] = []
    cost = 0.0
    for state in evaluated_rounds(workspace):
        cost += float(state.labels.get("cost") or state.labels.get("predicted_cost") or 0.0)
        folder = workspace.storage.sub(f"derived/coverage/{state.evaluation['coverage_digest']}")
        table = folder.read_table("segment_metrics.parquet")
        mine = table.filter(pc.equal(table["metric"], metric))
        keep = ("segment_id", "value", "ci_low", "ci_high", "n_logs", "metric")
        rows += [{"arm": arm, "round": state.number, "cost": cost, **row} for row in mine.select(keep).to_pylist()]
    return pa.Table.from_pylist(rows, schema=EVIDENCE.schema())


def evaluated_rounds(workspace: Workspace) -> list[RoundState]:
    """Rounds whose model has been measured, oldest first."""
    ledger = open_ledger(workspace)
    try:
        return [state for state in ledger.rounds() if state.evaluation]
    finally:
        ledger.close()


def paired_difference(
    policy: Workspace, control: Workspace, metric: str, scene_ids: pa.Array, segment_id: str, rng: np.random.Generator
) -> PairedDifference:
    """Compare the newest evaluated models of both arms on the given scenes.

    Args:
        policy: the policy's arm.
        control: the control's arm.
        metric: the metric to compare.
        scene_ids: evaluation scenes that belong to the segment.
        segment_id: name of the segment.
        rng: source of the resampling.
    """
    logs = _log_ids(policy)
    sums = [_sums_by_log(arm, metric, scene_ids, logs) for arm in (policy, control)]
    ours, theirs = (float(value_sum.sum() / support.sum()) for value_sum, support in sums)
    n_logs = len(sums[0][0])
    draws = rng.multinomial(n_logs, np.full(n_logs, 1 / n_logs), size=_DRAWS)
    replicates = [(draws @ value_sum) / (draws @ support) for value_sum, support in sums]
    difference = replicates[0] - replicates[1]
    low, high = np.quantile(difference, [0.025, 0.975]) if n_logs > 1 else (np.nan, np.nan)
    return PairedDifference(metric, segment_id, ours, theirs, ours - theirs, float(low), float(high), n_logs)


def _log_ids(workspace: Workspace) -> pa.Table:
    return read_table(workspace.table("scenes"), SCENES, ["scene_id", "log_id"])


def _sums_by_log(
    workspace: Workspace, metric: str, scene_ids: pa.Array, logs: pa.Table
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Sums of value x support and of support per log, logs in name order."""
    training = evaluated_rounds(workspace)[-1].training
    folder = workspace.storage.sub(f"derived/train/{training['digest']}")
    metrics = read_table(table_files(folder.sub("metrics"), "metrics"), METRICS)
    mine = metrics.filter(pc.and_(pc.equal(metrics["metric"], metric), pc.is_in(metrics["scene_id"], scene_ids)))
    joined = mine.join(logs, "scene_id")
    total = pc.multiply(joined["value"], pc.cast(joined["support"], pa.float64()))
    grouped = joined.append_column("total", total).group_by("log_id").aggregate([("total", "sum"), ("support", "sum")])
    grouped = grouped.sort_by("log_id")
    return grouped["total_sum"].to_numpy(), grouped["support_sum"].to_numpy().astype(np.float64)
