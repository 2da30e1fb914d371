"""Two arms, or two rounds, on the same evaluation scenes: the difference per segment, with an interval over whole logs.

The comparison is that of two models (`oddloop.coverage.compare_segments`): of two arms, each one's after the last round
that both have measured. Time grows with segments x draws x logs, memory with draws x logs.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop import coverage
from oddloop.derived_tables import DIFFERENCES
from oddloop.lake.scan import read_table
from oddloop.lake.workspace import TableFiles, Workspace
from oddloop.rounds.evaluate_hook import measured_tables
from oddloop.rounds.evidence import evaluated_rounds
from oddloop.rounds.stages import measured_metrics
from oddloop.rounds.state import RoundState
from oddloop.tables import METRICS, SCENES

N_DRAWS = 2000
MIN_LOGS = 5


def paired_differences(policy: Workspace, control: Workspace, metric: str, rng: np.random.Generator) -> pa.Table:
    """Policy minus control after the last round that both have measured, per segment (DIFFERENCES).

    Args:
        policy: the policy's arm.
        control: the control's arm, on the same evaluation scenes.
        metric: metric to compare.
        rng: draws the resamples of logs, which all segments share.

    Returns:
        no rows where the arms have no round, or no scene, in common.
    """
    ours, theirs = ({s.number: s for s in evaluated_rounds(arm)} for arm in (policy, control))
    common = max(set(ours) & set(theirs), default=None)
    if common is None:
        return DIFFERENCES.empty()
    scenes = read_table(policy.table("scenes"), SCENES)
    mine, other = _measured(policy, ours[common], metric, scenes), _measured(control, theirs[common], metric, scenes)
    covered = str(ours[common].evaluation["coverage_digest"])
    compared = _compare(policy, covered, (scenes, mine, other), rng)
    table = compared.rename_columns({"first_value": "policy_value", "second_value": "control_value"})
    table = table.append_column("metric", pa.repeat(metric, table.num_rows))
    table = table.append_column("round", pa.repeat(common, table.num_rows))
    return table.select(DIFFERENCES.schema().names).cast(DIFFERENCES.schema())


def compare_rounds(
    workspace: Workspace,
    first: RoundState,
    second: RoundState,
    metric: str,
    rng: np.random.Generator,
    max_way: int | None = None,
) -> pa.Table:
    """The first round's model less the second's, per segment of the first: what `coverage.compare_segments` gives.

    Args:
        workspace: the workspace.
        first: an evaluated round.
        second: another one.
        metric: metric to compare.
        rng: draws the resamples of logs, which all segments share.
        max_way: attributes in a segment, at most; None: as many as the round's segments have.

    Returns:
        no rows where the two models have no scene in common.
    """
    scenes = read_table(workspace.table("scenes"), SCENES)
    mine, other = (_measured(workspace, state, metric, scenes) for state in (first, second))
    return _compare(workspace, str(first.evaluation["coverage_digest"]), (scenes, mine, other), rng, max_way)


def compare_tables(
    workspace: Workspace,
    covered: str,
    metrics: tuple[TableFiles, TableFiles],
    models: tuple[str, str],
    metric: str,
    rng: np.random.Generator,
    max_way: int | None = None,
) -> pa.Table:
    """`compare_rounds` of any two models, also those that no round has trained.

    Args:
        workspace: the workspace.
        covered: digest of the coverage of which the segments are.
        metrics: tables with what each model has measured, among others.
        models: ids of the models.
        metric: metric to compare.
        rng: draws the resamples of logs, which all segments share.
        max_way: attributes in a segment, at most; None: as many as the segments have.
    """
    scenes = read_table(workspace.table("scenes"), SCENES)
    measured = (_only(files, metric, scenes, model) for files, model in zip(metrics, models, strict=True))
    first, second = measured
    return _compare(workspace, covered, (scenes, first, second), rng, max_way)


def compare_overall(
    workspace: Workspace, first: RoundState, second: RoundState, metric: str, rng: np.random.Generator
) -> pa.Table:
    """`compare_rounds` over all scenes only: one row, or none where the two models have no scene in common."""
    return compare_arms((workspace, first), (workspace, second), metric, rng)


def compare_arms(
    first: tuple[Workspace, RoundState], second: tuple[Workspace, RoundState], metric: str, rng: np.random.Generator
) -> pa.Table:
    """`compare_overall` of an evaluated round of one arm and one of another, on the same evaluation scenes."""
    scenes = read_table(first[0].table("scenes"), SCENES)
    mine, other = (_measured(workspace, state, metric, scenes) for workspace, state in (first, second))
    other = other.filter(pc.is_in(other["scene_id"], scenes["scene_id"].combine_chunks()))
    paired = coverage.pair_metrics(scenes, mine, other)
    weights = coverage.draw_weights(paired.n_logs, N_DRAWS, rng)
    everything = coverage.encode_scene_values(scenes.select(["scene_id"])).take(paired.rows)
    return coverage.compare_segments(paired, everything, 0, weights, min_logs=MIN_LOGS)


def _compare(
    workspace: Workspace,
    covered: str,
    tables: tuple[pa.Table, pa.Table, pa.Table],
    rng: np.random.Generator,
    max_way: int | None = None,
) -> pa.Table:
    """Compare two models' metrics of scenes in a coverage's segments; `tables`: scenes, first and second metrics."""
    scenes, mine, other = tables
    other = other.filter(pc.is_in(other["scene_id"], scenes["scene_id"].combine_chunks()))
    paired = coverage.pair_metrics(scenes, mine, other)
    folder = workspace.storage.sub(f"derived/coverage/{covered}")
    listed = folder.read_table("segments.parquet", ["segment_id", "n_way"])
    encoded = _encoded(folder.read_table("scene_values.parquet"), scenes["scene_id"].take(pa.array(paired.rows)))
    weights = coverage.draw_weights(paired.n_logs, N_DRAWS, rng)
    max_way = (pc.max(listed["n_way"]).as_py() or 0) if max_way is None else max_way
    compared = coverage.compare_segments(paired, encoded, max_way, weights, min_logs=MIN_LOGS)
    return compared.filter(pc.is_in(compared["segment_id"], listed["segment_id"].combine_chunks()))


def _measured(workspace: Workspace, state: RoundState, metric: str, scenes: pa.Table) -> pa.Table:
    """The metric's rows of the model of a round, of held-out scenes where there are any."""
    files = measured_tables(workspace, state)
    return _only(files, metric, scenes) if files else METRICS.empty()


def _only(files: TableFiles, metric: str, scenes: pa.Table, model_id: str = "") -> pa.Table:
    """Rows of a metric, of one model where it is named."""
    metrics = read_table(files, METRICS)
    wanted = pc.equal(metrics["metric"], metric)
    if model_id:
        wanted = pc.and_(wanted, pc.equal(metrics["model_id"], model_id))
    return measured_metrics(metrics.filter(wanted), scenes)


def _encoded(values: pa.Table, scene_ids: pa.Array) -> coverage.Encoded:
    """The attributes of these scenes as they were when the round was evaluated."""
    places = pc.index_in(scene_ids, value_set=values["scene_id"].combine_chunks())
    return coverage.encode_scene_values(values).take(places.to_numpy())
