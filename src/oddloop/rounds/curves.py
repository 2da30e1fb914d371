"""The trainings behind learning curves: planned, run, kept and summed up.

Each training is a derived folder of its own, `derived/train_curve/<digest>/`, named by the scenes it was trained on; of
what the command wrote only the metrics stay, since thirty sets of predictions would fill the disk. Found complete it is
not run again, so a killed `oddloop coverage curves` goes on where it was.
"""

from __future__ import annotations

import contextlib
import json
import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from oddloop.coverage import encode_attributes
from oddloop.coverage.diagnosis import CurvePlan, collect_points, plan_curves
from oddloop.errors import TrainError, WorkspaceError
from oddloop.lake.derived import Derived, Recipe, complete_folders, derive, sweep
from oddloop.lake.fingerprint import digest_of, fingerprint
from oddloop.lake.lock import locked
from oddloop.lake.scan import read_table
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace
from oddloop.rounds.evaluate_hook import EvaluateRequest, evaluate_into, held_out_scenes
from oddloop.rounds.hook import settings_of
from oddloop.rounds.leakage import guard_training
from oddloop.rounds.ledger import read_rounds
from oddloop.rounds.orphans import end_orphans
from oddloop.rounds.shell import Shell
from oddloop.rounds.stages import measured_metrics
from oddloop.rounds.stages.context import make_generator
from oddloop.rounds.train_due import labelled_scenes
from oddloop.rounds.train_hook import OUTPUT, TrainRequest, train_into, trained_tables
from oddloop.tables import METRICS, SCENES, is_held_out

POINTS_FILE = "curve_points.parquet"
_STAGE, _CURVES, _EVALUATION = "train_curve", "curves", "evaluation"


def run_curves(workspace: Workspace, shell: Shell) -> Derived:
    """Run the trainings of the learning curves that are not there yet, and sum up what they were measured at.

    Args:
        workspace: a workspace with a training command, labels, and held-out scenes.
        shell: where to tell of progress.

    Returns:
        the derived folder; `curve_points.parquet` in it is `derived_tables.CURVE_POINTS`.

    Raises:
        WorkspaceError: there is no training command, no label, or no held-out scene.
        LeakageError: a labelled scene is too close to a held-out one.
        TrainError: a training failed, or wrote no metrics of held-out scenes; those that ended before stay.
    """
    with locked(workspace.storage):
        if workspace.storage.is_local:
            end_orphans(workspace.storage.local_path())
        sweep(workspace.storage)
        labelled, scenes = labelled_scenes(workspace), read_table(workspace.table("scenes"), SCENES)
        _refuse_unready(workspace, labelled, scenes)
        labelled = guard_training(workspace, labelled, read_rounds(workspace)).labelled
        plan = _plan(workspace, labelled)
        requests = [_request(workspace, labelled, plan, size, seed) for size, seed in plan.trainings]
        trained = train_for_metrics(workspace, shell, requests, workspace.config.coverage.curves.parallel)
        return _collect(workspace, plan, trained, scenes)


def find_curves(workspace: Workspace) -> Derived | None:
    """The finished curves of the present command and taxonomy; of several those of the most scenes. None: not run.

    Scenes labelled since do not make curves wrong: their points say of how many scenes they are.
    """
    settings = _curve_settings(workspace)
    found = [d for d in complete_folders(workspace.storage, _CURVES) if d.manifest["settings"] == settings]
    return max(found, key=lambda d: (d.manifest["rows"]["labelled"], d.digest), default=None)


def _refuse_unready(workspace: Workspace, labelled: pa.Table, scenes: pa.Table) -> None:
    place = workspace.storage.url
    if not workspace.config.train.command:
        raise WorkspaceError(f"{place}: learning curves need trainings; set `command` in [train] of oddloop.toml")
    if not labelled.num_rows:
        raise WorkspaceError(f"{place}: no scene of the pool has labels, so there is nothing to train on")
    if not any(is_held_out(scenes).to_pylist()):
        raise WorkspaceError(
            f"{place}: no scene is held out to measure the models on; give some labelled scenes the split `eval`"
        )


def _plan(workspace: Workspace, labelled: pa.Table) -> CurvePlan:
    settings = workspace.config.coverage.curves
    rng = make_generator(workspace.config.workspace.seed, "curves")
    return plan_curves(labelled, settings.sizes, settings.seeds, settings.smallest_share, rng)


def _name(size: int, seed: int) -> str:
    return f"curve_{size}_{seed}"


def _request(workspace: Workspace, labelled: pa.Table, plan: CurvePlan, size: int, seed: int) -> TrainRequest:
    mine = labelled.filter(pa.array(plan.takes(size, seed)))
    config = workspace.config
    return TrainRequest(
        hook=config.train,
        labelled=mine,
        model_id=_name(size, seed),
        seed=config.workspace.seed + seed,
        inputs={
            **fingerprint([workspace.table("scenes")], workspace.storage),
            "labelled": digest_of(mine["scene_id"].to_pylist()),
        },
        purpose="curve",
        logs=f"logs/curves/{_name(size, seed)}",
    )


def train_for_metrics(
    workspace: Workspace, shell: Shell, requests: list[TrainRequest], parallel: int, what: str = "curves"
) -> dict[str, Derived]:
    """Folder of each training by its model's name, with nothing but the metrics of held-out scenes in its output.

    After a failure none is begun that was not running yet; those that ended before stay.

    Raises:
        TrainError: a training failed, or wrote no metrics of held-out scenes.
    """
    scenes = read_table(workspace.table("scenes"), SCENES)
    failed = threading.Event()

    def train_one(request: TrainRequest) -> Derived:
        if failed.is_set():
            raise CancelledError
        try:
            return _train(workspace, request, scenes)
        except BaseException:
            failed.set()
            raise

    shell.progress(what, 0, len(requests))
    with ThreadPoolExecutor(parallel) as pool:
        begun = [pool.submit(train_one, request) for request in requests]
        for done, future in enumerate(as_completed(begun), start=1):
            with contextlib.suppress(CancelledError):  # the failure that caused it is among the others
                future.result()
            shell.progress(what, done, len(requests))
    return {request.model_id: future.result() for request, future in zip(requests, begun, strict=True)}


def _train(workspace: Workspace, request: TrainRequest, scenes: pa.Table) -> Derived:
    """One training's folder, with nothing but metrics in its output."""
    settings = {**settings_of(request.hook, request.model_id), **_evaluate_settings(workspace)}
    recipe = Recipe(_STAGE, request.inputs, settings, seed=request.seed)

    def write(staging: Storage) -> dict[str, int]:
        train_into(workspace, staging, request)
        metrics = held_out_metrics(_evaluated(workspace, staging, request), scenes)
        if not metrics.num_rows:
            raise TrainError(
                f"training of {request.model_id} wrote no metrics of held-out scenes, so it gives no point of a "
                "learning curve; let the command write metrics/*.parquet"
            )
        staging.delete_folder(OUTPUT)
        staging.delete_folder(_EVALUATION)
        staging.write_table(f"{OUTPUT}/metrics/part-0.parquet", metrics)
        return {"metrics": metrics.num_rows}

    return derive(workspace.storage, recipe, write)


def _evaluated(workspace: Workspace, staging: Storage, request: TrainRequest) -> Storage:
    """The folder with the model's metrics: that of its evaluation, where there is a command for it."""
    hook = workspace.config.evaluate
    if not hook.command:
        return staging
    held_out = held_out_scenes(workspace)
    wanted = EvaluateRequest(hook, request.model_id, staging, held_out, request.seed, "curve", request.logs)
    evaluate_into(workspace, staging.sub(_EVALUATION), wanted)
    return staging.sub(_EVALUATION)


def held_out_metrics(training: Storage, scenes: pa.Table) -> pa.Table:
    """METRICS of held-out scenes that a training wrote; no rows where it wrote none."""
    files = trained_tables(training).get("metrics")
    return measured_metrics(read_table(files, METRICS), scenes) if files else METRICS.empty()


def _evaluate_settings(workspace: Workspace) -> dict[str, Any]:
    hook = workspace.config.evaluate
    return {"evaluate": {"command": hook.command, "env": hook.env, "cwd": hook.cwd}} if hook.command else {}


def _curve_settings(workspace: Workspace) -> dict[str, Any]:
    config = workspace.config
    settings = {
        "attributes": {name: asdict(attribute) for name, attribute in config.attributes.items()},
        "max_way": config.coverage.max_way,
        "command": config.train.command,
        **({"env": config.train.env} if config.train.env else {}),
        **_evaluate_settings(workspace),
    }
    return dict(json.loads(json.dumps(settings)))


def _collect(workspace: Workspace, plan: CurvePlan, trained: dict[str, Derived], scenes: pa.Table) -> Derived:
    config = workspace.config
    inputs = {name: derived.digest for name, derived in trained.items()}
    recipe = Recipe(_CURVES, inputs, _curve_settings(workspace))

    def write(out: Storage) -> dict[str, int]:
        folders = [(k, r, trained[_name(k, r)].storage) for k, r in plan.trainings]
        measured = pa.concat_tables([_numbered(folder, scenes, k, r) for k, r, folder in folders])
        encoded = encode_attributes(scenes, config.attributes)
        points = collect_points(measured, plan, scenes, encoded, config.coverage.max_way)
        out.write_table(POINTS_FILE, points)
        return {"curve_points": points.num_rows, "trainings": len(trained), "labelled": len(plan.scene_ids)}

    return derive(workspace.storage, recipe, write)


def _numbered(training: Storage, scenes: pa.Table, size: int, seed: int) -> pa.Table:
    """A training's metrics with the columns size and seed."""
    table = held_out_metrics(training, scenes).select(["scene_id", "metric", "value", "support"])
    for name, number in (("size", size), ("seed", seed)):
        table = table.append_column(name, pa.array([number] * table.num_rows, pa.int64()))
    return table
