"""The forecast of a round that is about to be proposed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from oddloop.lake.workspace import Workspace
from oddloop.rounds.evidence.arm_rounds import halves_so_far, metric_to_follow
from oddloop.rounds.evidence.forecast import check_forecasts, measured, predict
from oddloop.rounds.state import RoundState


def announce(workspace: Workspace, rounds: Sequence[RoundState], cost: float) -> dict[str, Any] | None:
    """What the model after the next round will be measured at.

    Args:
        workspace: the workspace.
        rounds: all its rounds.
        cost: predicted cost of the round's picks.

    Returns:
        metric, value, low, high, confidence, widened, n_models, and now, the metric of the newest model; None before
        the first round was measured, and where its models on halves are not there.
    """
    evaluated = [state for state in rounds if state.evaluation]
    metric = metric_to_follow(workspace, evaluated[-1]) if evaluated else ""
    if not metric or not evaluated[-1].number or not evaluated[-1].evidence.get("halves"):
        return None
    costs, now = evaluated[-1].evidence["costs"], measured(evaluated[-1], metric)
    if now is None:
        return None
    misses = [one["miss"] for one in check_forecasts(rounds) if one["metric"] == metric]
    spent = costs["base"] + costs["picks"]
    found = predict(halves_so_far(workspace, evaluated, metric), (spent, now), spent + cost, misses)
    return None if found is None else {"metric": metric, "now": now, **found}
