"""The learning curves of a policy and of its control, by labelling cost.

An arm is a workspace. For each evaluated round it gives the cost of its labels so far, and the model's metric per
segment with its interval. `rounds/paired.py` compares two arms on the same scenes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.derived_tables import EVIDENCE
from oddloop.lake.workspace import Workspace
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.state import RoundState
from oddloop.rounds.train_hook import LABELLED_FILE, trained_folder


def collect_evidence(arms: Mapping[str, Workspace], metric: str) -> pa.Table:
    """One row per arm, evaluated round and segment (EVIDENCE), by arm and round.

    Args:
        arms: workspace by the arm's name, such as the policy and "random".
        metric: the metric to follow.
    """
    parts = [_arm_rows(name, workspace, metric) for name, workspace in arms.items()]
    return pa.concat_tables(parts).sort_by([("arm", "ascending"), ("round", "ascending")])


def evaluated_rounds(workspace: Workspace) -> list[RoundState]:
    """Rounds whose model has been measured, oldest first."""
    ledger = open_ledger(workspace)
    try:
        return [state for state in ledger.rounds() if state.evaluation]
    finally:
        ledger.close()


def labelling_cost(workspace: Workspace, state: RoundState) -> float:
    """Cost of all labels that a round's model was trained on; labels of unknown cost count 0."""
    labelled = trained_folder(workspace, state).read_table(LABELLED_FILE, ["cost"])
    return float(pc.sum(labelled["cost"]).as_py() or 0.0)


def _arm_rows(arm: str, workspace: Workspace, metric: str) -> pa.Table:
    rows: list[dict[str, Any]] = []
    for state in evaluated_rounds(workspace):
        cost = labelling_cost(workspace, state)
        folder = workspace.storage.sub(f"derived/coverage/{state.evaluation['coverage_digest']}")
        table = folder.read_table("segment_metrics.parquet")
        mine = table.filter(pc.equal(table["metric"], metric))
        keep = ("segment_id", "value", "ci_low", "ci_high", "n_logs", "metric")
        rows += [{"arm": arm, "round": state.number, "cost": cost, **row} for row in mine.select(keep).to_pylist()]
    return pa.Table.from_pylist(rows, schema=EVIDENCE.schema())
