"""Train the demo's forecaster on the labelled scenes and predict all scenes: `python -m oddloop.demo.train`.

Called by oddloop's training hook. True futures are read only of the pool scenes in the labelled manifest (to train) and
of the held-out scenes (to measure); held-out scenes in the manifest are not trained on. Writes below the output folder
(for `--purpose curve` the metrics only, since nothing else is looked at):

    predictions/trajectory/part-0.parquet   every scene; positions in the map frame, in metres
    features/demo_hidden/part-0.parquet     every frame that has a forecast
    metrics/part-0.parquet                  every held-out scene that has a forecast with a whole future

Exit code 0, or 1 with one message on stderr.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from oddloop.demo.design import Design, Names, load_design
from oddloop.demo.fleet import load_fleet
from oddloop.demo.forecaster import fit_ensemble, forecast, into_frame
from oddloop.demo.futures import true_futures
from oddloop.demo.outputs import metric_table, output_tables, write_outputs
from oddloop.errors import OddloopError, TrainError

PURPOSES = ("round", "curve")


class _Parser(argparse.ArgumentParser):
    """A parser whose faults look like all others: one line and exit code 1."""

    def error(self, message: str) -> NoReturn:
        raise TrainError(f"{message}; see: python -m oddloop.demo.train --help")


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; raises TrainError where it cannot be followed."""
    about = "Train the demo's forecaster on the labelled scenes and predict all scenes."
    parser = _Parser(prog="python -m oddloop.demo.train", description=about)
    parser.add_argument("--fleet", type=Path, required=True, help="folder of the simulated fleet")
    parser.add_argument("--labelled", type=Path, required=True, help="Parquet file with the labelled scenes (scene_id)")
    parser.add_argument("--output", type=Path, required=True, help="folder to write the three tables to")
    parser.add_argument("--model-id", required=True, help="name of the model version")
    parser.add_argument("--seed", type=int, default=0, help="seed of the ensemble (default 0)")
    parser.add_argument("--purpose", choices=PURPOSES, default="round", help="`curve`: only measure, predict nothing")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the training and return the exit code."""
    try:
        options = parse_arguments(arguments)
        train(options.fleet, options.labelled, options.output, options.model_id, options.seed, options.purpose)
    except (OddloopError, OSError, pa.ArrowException) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def train(fleet_folder: Path, labelled: Path, output: Path, model_id: str, seed: int, purpose: str = "round") -> None:
    """Train on the scenes of the manifest `labelled`, predict every scene of the fleet, and write the three tables.

    For the purpose `curve` only the held-out scenes are forecast, and only their metrics are written.

    Raises:
        OddloopError: there is no complete fleet.
        TrainError: the manifest is missing, names unknown scenes, or leaves nothing to train on.
    """
    if seed < 0:
        raise TrainError(f"--seed {seed} is negative; use 0 or more")
    fleet = load_fleet(fleet_folder)
    wanted = read_manifest(labelled)
    design = load_design(fleet)
    training_ids, eval_ids = _split(fleet_folder, design, wanted, labelled)
    rows, future_m = true_futures(fleet_folder, design, training_ids)
    if len(rows) == 0:
        raise TrainError(
            f"{labelled} names {len(training_ids)} pool scenes, but none has a road user with a whole future; "
            "label more scenes"
        )
    own_frame = into_frame(future_m, design.pose[rows]).astype(np.float32)
    ensemble = fit_ensemble(design.inputs[rows], own_frame, seed)
    _say(f"{model_id}: trained on {len(training_ids):,} scenes, {len(rows):,} forecasts with a known future")
    tables: dict[str, pa.Table] = {}
    if purpose == "round":
        tables = output_tables(design, forecast(ensemble, design.inputs))
        _say(f"{model_id}: {len(design.scene):,} forecasts")
    measured, truth_m = true_futures(fleet_folder, design, eval_ids)
    held_out = forecast(ensemble, design.inputs[measured])
    tables["metrics"] = metric_table(design, held_out.xy_m, measured, truth_m, model_id)
    write_outputs(output, tables)  # metrics come last, so that they vouch for the others
    _say(f"{model_id}: held-out final error {_mean_fde(tables['metrics']):.2f} m")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def read_manifest(path: Path) -> Names:
    """Read the scene ids of a labelled manifest, (n,) without repetition.

    Raises:
        TrainError: the file is missing, is no Parquet file, or has no column `scene_id`.
    """
    if not path.is_file():
        raise TrainError(f"there is no labelled manifest at {path}; give the file that the training hook writes")
    try:
        table = pq.read_table(path, columns=["scene_id"])
    except pa.ArrowException as error:
        raise TrainError(f"{path} is not a Parquet file with a column scene_id: {error}") from error
    return np.unique(np.array(table["scene_id"].to_pylist(), dtype=np.str_))


def _split(folder: Path, design: Design, wanted: Names, path: Path) -> tuple[Names, Names]:
    """Ids of the scenes to train on and of those to measure on; they never overlap."""
    unknown = np.setdiff1d(wanted, design.scene_ids)
    if len(unknown):
        raise TrainError(
            f"{path} names {len(unknown)} scenes that the fleet does not have, such as {str(unknown[0])!r}; "
            "the manifest belongs to another fleet"
        )
    is_eval = np.array(pq.read_table(folder / "lake" / "scenes", columns=["split"])["split"].to_pylist()) == "eval"
    return np.intersect1d(wanted, design.scene_ids[~is_eval]), design.scene_ids[is_eval]


def _mean_fde(metrics: pa.Table) -> float:
    values = metrics["value"].to_numpy()[np.array(metrics["metric"].to_pylist()) == "min_fde_m"]
    return float(values.mean()) if len(values) else float("nan")


if __name__ == "__main__":
    sys.exit(main())
