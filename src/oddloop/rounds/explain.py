"""Why a scene is picked, or not: its reasons, or what keeps it out and the budget at which it comes in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.lake.derived import Derived
from oddloop.lake.scan import read_table
from oddloop.lake.workspace import Workspace
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.review import describe, last_words, scenes_set_aside
from oddloop.rounds.review.remembered import SKIPPED
from oddloop.rounds.session import session
from oddloop.rounds.shell import Shell
from oddloop.rounds.stages.select import pick_with
from oddloop.select.registry import find_policy
from oddloop.tables import LABELS, SCENES, is_held_out


@dataclass(frozen=True)
class Explanation:
    """What is known of a scene's pick.

    Attributes:
        scene_id: the scene.
        verdict: picked or not, and why, in one sentence.
        rank: place among the picks, or among all candidates had the budget no end; None where it is no candidate.
        reasons: sentences that speak for it.
    """

    scene_id: str
    verdict: str
    rank: int | None
    reasons: tuple[str, ...]


def explain_scene(workspace: Workspace, shell: Shell, done: Mapping[str, Derived], scene_id: str) -> Explanation | None:
    """Explain a scene; None where there is no such scene.

    Args:
        workspace: the workspace, its stages up to date.
        shell: engine, for the candidates in order.
        done: derived folders of all stages.
        scene_id: the scene.
    """
    picks = done["select"].storage.read_table("picks.parquet")
    if mine := _row(picks, scene_id):
        verdict = f"{scene_id} is pick {mine['rank']} of {picks.num_rows}, at {mine['cumulative_cost']:,.2f} spent."
        return Explanation(scene_id, verdict, mine["rank"], _texts(mine))
    if _row(done["select"].storage.read_table("candidates.parquet"), scene_id):
        return _not_picked(workspace, shell, done, picks, scene_id)
    scene = _row(read_table(workspace.table("scenes"), SCENES), scene_id)
    if scene is None:
        return None
    return Explanation(scene_id, f"{scene_id} is no candidate: {_why_none(workspace, scene_id)}.", None, ())


def _not_picked(
    workspace: Workspace, shell: Shell, done: Mapping[str, Derived], picks: pa.Table, scene_id: str
) -> Explanation:
    """Where it would come if the budget had no end."""
    everything = _picked_without_limit(workspace, shell, done)
    budget = workspace.config.select.budget
    mine = _row(everything, scene_id)
    if mine is None:
        why = _why_never(workspace, done, scene_id)
        verdict = f"{scene_id} is not picked, and would not be at any budget: {why}."
        return Explanation(scene_id, verdict, None, ())
    verdict = (
        f"{scene_id} is not picked: it would come as number {mine['rank']} of {everything.num_rows}, at "
        f"{mine['cumulative_cost']:,.2f} spent, and the budget of {budget:,.2f} pays for {picks.num_rows}."
    )
    return Explanation(scene_id, verdict, mine["rank"], _texts(mine))


def _picked_without_limit(workspace: Workspace, shell: Shell, done: Mapping[str, Derived]) -> pa.Table:
    """All candidates in the policy's order; finite, since shares of the budget must be."""
    candidates = done["select"].storage.read_table("candidates.parquet")
    budget = 1.001 * float(pc.sum(candidates["cost"]).as_py())
    with session(workspace, shell) as held:
        return pick_with(held.context, done, budget).picks


def _why_never(workspace: Workspace, done: Mapping[str, Derived], scene_id: str) -> str:
    name = workspace.config.select.policy
    policy = find_policy(name)
    mine = _row(done["select"].storage.read_table("candidates.parquet"), scene_id)
    if policy.scores and mine and not mine["score_valid"]:
        return f"policy `{name}` ranks by a score, and it has none that is valid"
    if policy.needs_vectors and _row(done["discover"].storage.read_table("scene_vectors.parquet"), scene_id) is None:
        return f"policy `{name}` compares scene vectors, and it has none"
    return "the policy wants no more before it comes to it, or a quota's maximum keeps it out"


def _why_none(workspace: Workspace, scene_id: str) -> str:
    scenes = read_table(workspace.table("scenes"), SCENES)
    if _row(scenes.filter(is_held_out(scenes)), scene_id):
        return "it is held out for evaluation"
    if _row(read_table(workspace.table("labels"), LABELS), scene_id):
        return "it has labels"
    if said := _set_aside(workspace, scene_id):
        return said
    return "its frames are not counted, or [select] exclude leaves it out"


def _set_aside(workspace: Workspace, scene_id: str) -> str:
    """Who has rejected or deferred it, or could not label it; "" where nobody has."""
    ledger = open_ledger(workspace)
    try:
        events, rounds = ledger.events(), ledger.rounds()
    finally:
        ledger.close()
    aside = scenes_set_aside(workspace, events, rounds)
    if not any(scene_id in scenes for scenes in aside.values()):
        return ""
    last = last_words(events).get(scene_id)
    said = f"in {last.round_id} {describe(last)}" if last else ""
    if scene_id in aside.get(SKIPPED, ()):
        round_id = next(state.round_id for state in reversed(rounds) if scene_id in state.skipped)
        said = f"annotators of {round_id} left it without labels"
    return f"{said}; `oddloop review undo {scene_id}` makes it a candidate again"


def _row(table: pa.Table, scene_id: str) -> dict[str, Any] | None:
    rows = table.filter(pc.equal(table["scene_id"], scene_id)).slice(0, 1).to_pylist()
    return rows[0] if rows else None


def _texts(pick: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(reason["text"] for reason in pick["reasons"])
