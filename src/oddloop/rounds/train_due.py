"""When the loop trains, and on what."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.errors import WorkspaceError
from oddloop.lake.fingerprint import fingerprint
from oddloop.lake.scan import read_table
from oddloop.lake.workspace import Workspace
from oddloop.rounds.leakage import Guarded, guard_training
from oddloop.rounds.shell import Progress, no_progress
from oddloop.rounds.state import ROUND_ZERO, RoundState
from oddloop.rounds.train_hook import TrainRequest
from oddloop.tables import LABELS, SCENES, is_held_out, refuse_unknown_splits


def needs_training(workspace: Workspace, rounds: list[RoundState]) -> str | None:
    """Round that waits for a training, or None: one whose labels are in, or round zero where there is no model yet."""
    if not workspace.config.train.command:
        return None
    waiting = [s.round_id for s in rounds if s.status in ("labelled", "train_failed")]
    if waiting:
        return waiting[-1]
    return ROUND_ZERO if not rounds and not workspace.models() else None


def training_set(workspace: Workspace, rounds: Sequence[RoundState] = ()) -> Guarded:
    """Every labelled scene that is not held out for evaluation, as far as `[leakage]` lets it pass.

    Raises:
        WorkspaceError: no scene has labels.
        LeakageError: a scene is too close to a held-out one; see `leakage.guard_training`.
    """
    labelled = labelled_scenes(workspace)
    if not labelled.num_rows:
        place = workspace.table("labels").storage.url
        raise WorkspaceError(f"{place}: no scene of the pool has labels, so there is nothing to train on")
    return guard_training(workspace, labelled, rounds)


def request_training(
    workspace: Workspace, round_id: str, labelled: pa.Table, dataset: str, progress: Progress = no_progress
) -> TrainRequest:
    """The training of a round, on a version of the labelled set."""
    config = workspace.config
    tables = [workspace.table(name) for name in ("scenes", "labels")]
    return TrainRequest(
        hook=config.train,
        labelled=labelled,
        model_id=f"m{round_id.removeprefix('r')}",
        seed=config.workspace.seed,
        inputs={**fingerprint(tables, workspace.storage), "dataset": dataset},
        dataset=dataset,
        logs=f"rounds/{round_id}/logs",
        progress=progress,
    )


def labelled_scenes(workspace: Workspace) -> pa.Table:
    """scene_id, log_id, round_id and cost of every labelled scene of the pool, sorted by scene_id."""
    scenes = read_table(workspace.table("scenes"), SCENES)
    labels = read_table(workspace.table("labels"), LABELS, ["scene_id", "round_id", "cost"])
    refuse_unknown_splits(scenes)
    scenes = scenes.filter(pc.invert(is_held_out(scenes)))
    labels = labels.group_by("scene_id", use_threads=False).aggregate([("round_id", "first"), ("cost", "first")])
    labels = labels.rename_columns(["scene_id", "round_id", "cost"])
    joined = scenes.select(["scene_id", "log_id"]).join(labels, "scene_id", join_type="inner")
    return joined.select(["scene_id", "log_id", "round_id", "cost"]).sort_by("scene_id").combine_chunks()
