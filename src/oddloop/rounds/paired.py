"""Two arms on the same evaluation scenes: the difference per segment, with an interval that resamples whole logs.

Both arms are resampled by the same draws of logs (the unit of independence), so what makes a log easy or hard for any
model cancels out; two separate intervals that overlap can hide a difference that this one shows. Ratio estimator
sum(value x support) / sum(support); percentile bootstrap (Efron & Tibshirani 1993, ch. 13). The intervals are not
corrected for the number of segments. Time grows with segments x draws x logs, memory with draws x logs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.derived_tables import DIFFERENCES
from oddloop.lake.scan import read_table
from oddloop.lake.workspace import Workspace
from oddloop.rounds.evidence import evaluated_rounds
from oddloop.rounds.stages import measured_metrics
from oddloop.rounds.state import RoundState
from oddloop.rounds.train import trained_folder, trained_tables
from oddloop.tables import METRICS, SCENES

N_DRAWS = 2000
MIN_LOGS = 5
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Paired:
    """Values of both arms on the N scenes that both measured.

    Attributes:
        scene_ids: (N,) ids.
        logs: (N,) log numbers from 0.
        values: (2, N) value x support of policy and control.
        supports: (2, N) supports.
    """

    scene_ids: pa.Array
    logs: npt.NDArray[np.int64]
    values: Floats
    supports: Floats

    def compare(self, inside: npt.NDArray[np.bool_], rng: np.random.Generator) -> dict[str, float | int | None]:
        """Difference and interval on the scenes of a mask; no interval with fewer than `MIN_LOGS` logs.

        >>> paired = Paired(pa.array(["a", "b"]), np.array([0, 1]), np.array([[2.0, 4.0], [3.0, 5.0]]), np.ones((2, 2)))
        >>> paired.compare(np.array([True, True]), np.random.default_rng(0))["difference"]
        -1.0
        """
        logs = np.unique(self.logs[inside], return_inverse=True)[1]
        n_logs = int(logs.max()) + 1
        value_sums, support_sums = (_sum_by(logs, rows[:, inside], n_logs) for rows in (self.values, self.supports))
        policy, control = value_sums.sum(axis=1) / support_sums.sum(axis=1)
        result = {"policy_value": policy, "control_value": control, "difference": policy - control}
        low, high = _interval(value_sums, support_sums, rng) if n_logs >= MIN_LOGS else (None, None)
        return {**result, "ci_low": low, "ci_high": high, "n_scenes": int(inside.sum()), "n_logs": n_logs}


def paired_differences(policy: Workspace, control: Workspace, metric: str, rng: np.random.Generator) -> pa.Table:
    """Policy minus control after the last round that both have measured, per segment (DIFFERENCES).

    Args:
        policy: the policy's arm.
        control: the control's arm, on the same evaluation scenes.
        metric: metric to compare.
        rng: source of the resampling; every segment is resampled by a stream of its own.

    Returns:
        no rows where the arms have no round, or no scene, in common.
    """
    ours, theirs = ({s.number: s for s in evaluated_rounds(arm)} for arm in (policy, control))
    common = max(set(ours) & set(theirs), default=None)
    if common is None:
        return DIFFERENCES.empty()
    paired = _pair(policy, ours[common], control, theirs[common], metric)
    folder = policy.storage.sub(f"derived/coverage/{ours[common].evaluation['coverage_digest']}")
    values = folder.read_table("scene_values.parquet")
    values = values.take(pc.index_in(paired.scene_ids, values["scene_id"].combine_chunks()))
    segments = folder.read_table("segments.parquet", ["segment_id", "attributes", "values"]).to_pylist()
    rows = []
    for segment in {s["segment_id"]: s for s in segments}.values():
        inside = _inside(values, segment["attributes"], segment["values"])
        if inside.any():
            (stream,) = rng.spawn(1)
            named = {"metric": metric, "segment_id": segment["segment_id"], "round": common}
            rows.append(named | paired.compare(inside, stream))
    return pa.Table.from_pylist(rows, schema=DIFFERENCES.schema())


def _pair(policy: Workspace, ours: RoundState, control: Workspace, theirs: RoundState, metric: str) -> Paired:
    mine = _measured(policy, ours, metric)
    other = _measured(control, theirs, metric)
    scenes = read_table(policy.table("scenes"), SCENES, ["scene_id", "log_id"])
    both = mine.join(other, "scene_id", join_type="inner", right_suffix="_control").join(scenes, "scene_id")
    both = both.sort_by("scene_id").combine_chunks()
    logs = np.unique(both["log_id"].to_numpy(), return_inverse=True)[1]
    supports = np.stack([both[name].to_numpy().astype(np.float64) for name in ("support", "support_control")])
    values = np.stack([both[name].to_numpy() for name in ("value", "value_control")])
    return Paired(both["scene_id"].combine_chunks(), logs, values * supports, supports)


def _measured(workspace: Workspace, state: RoundState, metric: str) -> pa.Table:
    files = trained_tables(trained_folder(workspace, state)).get("metrics")
    metrics = read_table(files, METRICS) if files else METRICS.empty()
    is_sound = pc.and_(pc.greater(metrics["support"], 0), pc.is_finite(metrics["value"]))
    mine = metrics.filter(pc.and_(pc.equal(metrics["metric"], metric), is_sound))
    scenes = read_table(workspace.table("scenes"), SCENES)
    return measured_metrics(mine, scenes).select(["scene_id", "value", "support"])


def _inside(values: pa.Table, attributes: list[str], wanted: list[str]) -> npt.NDArray[np.bool_]:
    """(N,) whether each scene is in the conjunction; a multi-label attribute holds any of its values."""
    inside = np.ones(values.num_rows, dtype=bool)
    for attribute, value in zip(attributes, wanted, strict=True):
        column = values[attribute].combine_chunks()
        if pa.types.is_list(column.type):
            hits = pc.list_parent_indices(column).filter(pc.equal(column.flatten(), value))
            inside &= np.isin(np.arange(len(column)), hits.to_numpy())
        else:
            inside &= pc.equal(column, value).to_numpy(zero_copy_only=False)
    return inside


def _sum_by(logs: npt.NDArray[np.int64], rows: Floats, n_logs: int) -> Floats:
    return np.stack([np.bincount(logs, weights=row, minlength=n_logs) for row in rows])


def _interval(value_sums: Floats, support_sums: Floats, rng: np.random.Generator) -> tuple[float, float]:
    n_logs = value_sums.shape[1]
    draws = rng.multinomial(n_logs, np.full(n_logs, 1 / n_logs), size=N_DRAWS).T
    policy, control = (value_sums @ draws) / (support_sums @ draws)
    low, high = np.quantile(policy - control, [0.025, 0.975])
    return float(low), float(high)
