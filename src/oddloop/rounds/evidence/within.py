"""Two arms within the rounds of one workspace: their control share, and as much of the policy's, by real cost.

A share of each round's picks is drawn by chance (reason `control`). All of them so far are one arm; the other is what
the policy itself wanted, of each round from the first pick on until it cost as much as that round's control. Both begin
with what was labelled before the first round. A control scene that the policy had picked already belongs to both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oddloop.rounds.evidence.halves import PickedScenes
from oddloop.rounds.state import RoundState

CONTROL = "control"
"""Code of the reason of a pick that was drawn as control."""


@dataclass(frozen=True)
class WithinArms:
    """The policy's arm and the control's, of the same base."""

    policy: PickedScenes
    control: PickedScenes


def arms_within(rounds: Sequence[RoundState], picked: PickedScenes, costs: Mapping[str, float]) -> WithinArms | None:
    """Part the labelled picks into the two arms; None where either has fewer than two picks.

    Args:
        rounds: the rounds, with their picks in greedy order.
        picked: what is labelled.
        costs: real cost of each labelled scene.

    >>> def pick(scene, code, gain): return {"scene_id": scene, "gain": gain, "reasons": [{"code": code}]}
    >>> picks = [pick("a", "cover", 3.0), pick("b", "control", None), pick("c", "cover", 2.0), pick("d", "cover", 1.0),
    ...     pick("e", "control", None)]
    >>> state = RoundState("r001", "closed", {"picks": picks})
    >>> picked = PickedScenes(frozenset("x"), {"r001": tuple("abcde")})
    >>> found = arms_within([state], picked, dict.fromkeys("abcdex", 1.0))
    >>> sorted(found.policy.picks), sorted(found.control.picks)
    (['a', 'c'], ['b', 'e'])
    """
    policy, control = {}, {}
    for state in rounds:
        labelled = set(picked.groups.get(state.round_id, ()))
        mine = [pick for pick in state.picks if str(pick["scene_id"]) in labelled]
        drawn = [str(pick["scene_id"]) for pick in mine if _is_control(pick)]
        wanted = [str(pick["scene_id"]) for pick in mine if not _is_control(pick) or pick.get("gain") is not None]
        control[state.round_id] = tuple(drawn)
        policy[state.round_id] = _prefix(wanted, costs, sum(costs[scene] for scene in drawn))
    arms = WithinArms(PickedScenes(picked.base, policy), PickedScenes(picked.base, control))
    return arms if min(len(arms.policy.picks), len(arms.control.picks)) > 1 else None


def _is_control(pick: Mapping[str, Any]) -> bool:
    return any(reason["code"] == CONTROL for reason in pick.get("reasons") or ())


def _prefix(wanted: Sequence[str], costs: Mapping[str, float], limit: float) -> tuple[str, ...]:
    """The first scenes whose cost is nearest to the limit."""
    spent, best, taken = 0.0, limit, 0
    for number, scene in enumerate(wanted, start=1):
        spent += costs[scene]
        if abs(spent - limit) < best:
            best, taken = abs(spent - limit), number
    return tuple(wanted[:taken])
