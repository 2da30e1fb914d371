"""What each round of an arm had picked and measured, from the `evidence` events of its ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from oddloop.config import leading_metric
from oddloop.lake.workspace import Workspace
from oddloop.rounds.evidence.equal_cost import ArmRound
from oddloop.rounds.evidence.forecast import HalvesAt, half_points
from oddloop.rounds.evidence.halves import HALVES_FILE
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.state import RoundState


def arm_rounds(workspace: Workspace, rounds: Sequence[RoundState]) -> list[ArmRound]:
    """Rounds with picks whose models on halves are there, by rising cost of all picks so far."""
    found = [_arm_round(workspace, state) for state in rounds if state.evidence.get("halves") and state.number]
    return sorted((r for r in found if r is not None), key=lambda r: r.cost)


def control_rounds(workspace: Workspace) -> list[ArmRound]:
    """The same of another workspace, such as a control arm."""
    ledger = open_ledger(workspace)
    try:
        return arm_rounds(workspace, ledger.rounds())
    finally:
        ledger.close()


def _arm_round(workspace: Workspace, state: RoundState) -> ArmRound | None:
    folder = workspace.storage.sub(f"derived/halves/{state.evidence['halves']}")
    if not folder.exists(HALVES_FILE):
        return None
    costs = state.evidence["costs"]
    return ArmRound(
        state.round_id, costs["picks"], folder.read_table(HALVES_FILE), costs["n_picks"], state.evidence["halves"]
    )


def halves_so_far(workspace: Workspace, rounds: Sequence[RoundState], metric: str) -> list[HalvesAt]:
    """The models on halves of each round whose costs are known, by round."""
    found = []
    for state in rounds:
        folder = workspace.storage.sub(f"derived/halves/{state.evidence.get('halves', '')}")
        if state.evidence.get("halves") and folder.exists(HALVES_FILE):
            costs: dict[str, Any] = dict(state.evidence["costs"])
            values = half_points(folder.read_table(HALVES_FILE), metric)
            found.append(HalvesAt(costs["base"] + costs["picks"] / 2, tuple(values)))
    return found


def metric_to_follow(workspace: Workspace, state: RoundState) -> str:
    """The metric that reports lead with; "" where the round has none."""
    return leading_metric((str(row["metric"]) for row in state.evaluation.get("overall", ())), workspace.config)
