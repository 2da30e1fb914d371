"""The next best scene for a pick that is swapped: the round's own policy is asked once more.

It is asked with the round's own settings, scores, vectors and gaps, and only of candidates of the round's pool; what is
kept is picked already (`select.select`, `chosen_ids`), what was rejected or deferred is set aside, and its budget is
what the kept picks leave. The first scene of its answer is the replacement. A pick that chance has drawn, for the
random control or for exploration, is replaced by another draw of the same rule: the policy's best in its place would
make the control no sample by chance any more. Time and memory: those of one selection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from oddloop import select
from oddloop.config import Config, SelectConfig, config_from_mapping
from oddloop.errors import ConfigError, LedgerError, WorkspaceError
from oddloop.lake.derived import read_manifest
from oddloop.lake.scan import read_table
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace
from oddloop.rounds.review.board import DEFER, REJECT, SWAP, Board
from oddloop.rounds.stages import make_generator
from oddloop.rounds.state import Event, RoundState
from oddloop.tables import LABELS, SCENES

_DRAWN = {"control": (1.0, 0.0), "explore": (0.0, 1.0)}
"""Shares of control and exploration that make `gap_driven` draw by this rule alone."""
_MOST_REASONS = 6


@dataclass(frozen=True)
class Wanted:
    """What to replace.

    Attributes:
        scene_id: the pick that goes.
        said: who rejected it and why, for the replacement's reasons.
        forbidden: scenes that people have rejected or deferred, in any round.
    """

    scene_id: str
    said: str
    forbidden: frozenset[str]


def find_replacement(workspace: Workspace, state: RoundState, board: Board, wanted: Wanted) -> dict[str, Any]:
    """The scene that the round's policy would take next, as a pick with reasons.

    Raises:
        LedgerError: no scene is left that fits into what is left of the budget.
        WorkspaceError: a derived folder of the round is gone.
    """
    chosen = [standing.scene_id for standing in board.kept if standing.scene_id != wanted.scene_id]
    left = board.budget - sum(standing.cost for standing in board.kept if standing.scene_id != wanted.scene_id)
    config = config_from_mapping(state.proposal["config"])
    result = _ask(workspace, state, config, _settings(state, board, wanted, config, left), (chosen, wanted))
    picks = result.picks.slice(0, 1).to_pylist()
    if not picks:
        raise LedgerError(_nothing(wanted, f"no scene can be picked instead: {result.stopped}"))
    (pick,) = picks
    reason = {"code": "instead", "value": None, "text": f"instead of {wanted.scene_id}, {wanted.said}"}
    reasons = [*pick["reasons"][: _MOST_REASONS - 1], reason]
    rank = 1 + len(board.standings)
    return {**pick, "rank": rank, "cumulative_cost": board.budget - left + pick["cost"], "reasons": reasons}


def _settings(state: RoundState, board: Board, wanted: Wanted, config: Config, left: float) -> SelectConfig:
    """The round's settings under what is left of its budget; for a drawn pick, those of its draw."""
    if left <= 0:
        raise LedgerError(_nothing(wanted, "the kept picks use up the budget"))
    # The score of several objectives is made anew, as it was for the round.
    score = "" if config.select.objectives else str(state.proposal["score"]) or config.select.score
    chosen = replace(config.select, budget=left, score=score)
    rule = next((str(reason["code"]) for reason in board.find(wanted.scene_id).pick["reasons"]), "")
    if config.select.policy != "gap_driven":
        return chosen
    control, explore = _DRAWN.get(rule, (0.0, 0.0))
    shares = replace(chosen.gap_driven, control_share=control, exploration_share=explore)
    # A draw fills no quota on purpose, but keeps to what each allows.
    quotas = tuple(replace(quota, minimum=0, target=0, back_off=False) for quota in chosen.quotas)
    return replace(chosen, gap_driven=shares, quotas=quotas if rule in _DRAWN else chosen.quotas)


def _ask(
    workspace: Workspace, state: RoundState, config: Config, chosen: SelectConfig, scenes: tuple[list[str], Wanted]
) -> select.SelectResult:
    kept, wanted = scenes
    stage = {name: _folder(workspace, name, digest) for name, digest in state.proposal["stages"].items()}
    table, labelled = _scenes(workspace, stage["select"])
    _refuse_all_dear(stage["select"], labelled, chosen.budget, scenes)
    diagnosis = stage.get("diagnosis")
    try:
        return select.select(
            table,
            labelled,
            stage["score"].read_table("scene_scores.parquet"),
            stage["discover"].read_table("scene_vectors.parquet"),
            stage["coverage"].read_table("segments.parquet"),
            chosen,
            config.cost,
            make_generator(config.workspace.seed, f"swap/{state.round_id}/{wanted.scene_id}"),
            scene_values=stage["coverage"].read_table("scene_values.parquet"),
            gaps=diagnosis.read_table("gaps.parquet") if diagnosis else None,
            verdicts=diagnosis.read_table("verdicts.parquet") if diagnosis else None,
            set_aside={"rejected": sorted(wanted.forbidden | {wanted.scene_id})},
            chosen_ids=kept,
        )
    except ConfigError as error:
        raise LedgerError(_nothing(wanted, str(error))) from error


def _scenes(workspace: Workspace, selected: Storage) -> tuple[pa.Table, pa.Array]:
    """Scenes of the round's pool and labelled ones, and the ids of all that have labels by now."""
    scenes = read_table(workspace.table("scenes"), SCENES)
    labelled = read_table(workspace.table("labels"), LABELS, ["scene_id"])["scene_id"].combine_chunks()
    pool = selected.read_table("candidates.parquet", ["scene_id"])["scene_id"].combine_chunks()
    ids = scenes["scene_id"]
    known = pc.or_(pc.is_in(ids, value_set=pool), pc.is_in(ids, value_set=labelled.cast(pool.type)))
    return scenes.filter(known), labelled


def _refuse_all_dear(selected: Storage, labelled: pa.Array, left: float, scenes: tuple[list[str], Wanted]) -> None:
    """Say so where what is left of the budget pays for no scene."""
    kept, wanted = scenes
    pool = selected.read_table("candidates.parquet", ["scene_id", "cost"])
    gone = pa.concat_arrays([labelled.cast(pa.string()), pa.array([*kept, *wanted.forbidden], pa.string())])
    costs = pool.filter(pc.invert(pc.is_in(pool["scene_id"], value_set=gone)))["cost"]
    cheapest = pc.min(costs).as_py()
    if cheapest is None:
        raise LedgerError(_nothing(wanted, "no other candidate is left"))
    if cheapest > left:
        raise LedgerError(
            _nothing(wanted, f"{left:,.3g} of the budget is left, and the cheapest candidate costs {cheapest:,.3g}")
        )


def _folder(workspace: Workspace, stage: str, digest: str) -> Storage:
    folder = workspace.storage.sub(f"derived/{stage}/{digest}")
    if read_manifest(folder) is None:
        raise WorkspaceError(
            f"{folder.url}: gone, so the policy cannot be asked for the next best scene; restore it from a backup, or "
            "reject the pick without a replacement"
        )
    return folder


def _nothing(wanted: Wanted, why: str) -> str:
    return f"{wanted.scene_id} stays as it was, there is no replacement for it: {why}"


def forbidden_scenes(words: Mapping[str, Event], board: Board) -> frozenset[str]:
    """Scenes that no swap may bring in: rejected in any round, deferred in this one, or a pick of this one."""
    against = {scene for scene, event in words.items() if _speaks_against(event, board.round_id)}
    return frozenset(against | {standing.scene_id for standing in board.standings})


def _speaks_against(event: Event, round_id: str) -> bool:
    decision = event.payload["decision"]
    # Scenes that were deferred before, and not for long enough, are not in the round's pool.
    return decision in (REJECT, SWAP) or (decision == DEFER and event.round_id == round_id)
