"""The training hook: call the team's own command, and take what it wrote only if all of it is right.

The command gets a Parquet file of labelled scenes and an empty output folder, and writes there, in table form:
`predictions/<task>/*.parquet`, and where it has them `features/<encoder_id>/*.parquet` and `metrics/*.parquet`. The
output becomes `derived/train/<digest>/` in one rename, or it leaves no trace.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from oddloop.errors import OddloopError, TrainError
from oddloop.lake.derived import Derived, Recipe, derive
from oddloop.lake.scan import count_rows, partitions, read_batches
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import TableFiles, table_files
from oddloop.tables import FEATURES, METRICS, TASKS, TableSpec

LABELLED_FILE = "labelled.parquet"
LOG_FILE = "train.log"
_TAIL_LINES = 12
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class TrainRequest:
    """One training to do.

    Attributes:
        command: the team's command with its placeholders.
        labelled: scene_id, log_id, round_id, cost of every scene to train on.
        model_id: name that the new model gets.
        seed: seed for the command.
        timeout_s: longest time that it may take, in s.
        inputs: digests of what the training depends on.
    """

    command: str
    labelled: pa.Table
    model_id: str
    seed: int
    timeout_s: float
    inputs: Mapping[str, str]


def train(workspace: Storage, request: TrainRequest) -> Derived:
    """Run the training where its result is not there yet; returns the complete output folder.

    Raises:
        TrainError: the command could not be started, ended with another exit code than 0, took too long, or wrote
            something that is not in table form. Nothing of its output is kept.
    """
    recipe = Recipe(
        "train", request.inputs, {"command": request.command, "model_id": request.model_id}, seed=request.seed
    )
    return derive(workspace, recipe, lambda staging: _train_into(workspace, staging, request))


def trained_tables(folder: Storage) -> dict[str, TableFiles]:
    """Tables of a training's output by name: `predictions/<task>`, `features/<encoder_id>` and `metrics`."""
    found = {
        f"predictions/{task}": table_files(folder.sub(f"predictions/{task}"), f"predictions/{task}") for task in TASKS
    }
    for encoder in folder.list_folders("features"):
        found[f"features/{encoder}"] = table_files(folder.sub(f"features/{encoder}"), f"features/{encoder}")
    found["metrics"] = table_files(folder.sub("metrics"), "metrics")
    return {name: files for name, files in found.items() if files}


def _train_into(workspace: Storage, staging: Storage, request: TrainRequest) -> dict[str, int]:
    output = staging.local_path()
    pq.write_table(request.labelled, output / LABELLED_FILE)
    command = _filled(request, output, workspace.local_path())
    _run(command, request, output, workspace.local_path())
    return _checked(staging, request.model_id)


def _filled(request: TrainRequest, output: Path, workspace: Path) -> list[str]:
    values = {
        "labelled": str(output / LABELLED_FILE),
        "output": str(output),
        "model_id": request.model_id,
        "seed": str(request.seed),
        "workspace": str(workspace),
        "python": sys.executable,
    }
    try:
        return [part.format(**values) for part in shlex.split(request.command)]
    except (KeyError, IndexError, ValueError) as error:
        names = ", ".join(f"{{{name}}}" for name in values)
        raise TrainError(f"train.command: cannot fill in {request.command!r}: {error}; it may use {names}") from error


def _run(command: list[str], request: TrainRequest, output: Path, workspace: Path) -> None:
    log = output / LOG_FILE
    with log.open("wb") as stream:
        try:
            process = subprocess.Popen(
                command,
                cwd=workspace,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        except OSError as error:
            raise TrainError(f"train.command: cannot start {command[0]!r}: {error.strerror}") from error
        code = _wait(process, request.timeout_s)
    if code != 0:
        ended = f"after {request.timeout_s:g} s (train.timeout_s)" if code is None else f"with exit code {code}"
        raise TrainError(
            f"training of {request.model_id} ended {ended}; nothing was kept. Its last lines:\n{_tail(log)}"
        )


def _wait(process: subprocess.Popen[bytes], timeout_s: float) -> int | None:
    """Exit code, or None where the time was up; the whole process group is gone afterwards."""
    try:
        return process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        return None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _die_with_parent() -> None:
    # A killed `oddloop run` must not leave its training behind, writing to a folder that is swept away.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
    return "\n".join(f"    {line}" for line in lines) or "    (it printed nothing)"


def _checked(staging: Storage, model_id: str) -> dict[str, int]:
    """Row counts by table, after every table was read through once against its declaration."""
    tables = trained_tables(staging)
    if not any(name.startswith("predictions/") for name in tables):
        raise TrainError(
            f"training of {model_id} ended well but wrote no predictions; it must write "
            f"predictions/<task>/*.parquet to its output folder, with task one of {', '.join(TASKS)}"
        )
    faults = [fault for name, files in tables.items() if (fault := _fault(name, files, model_id))]
    if faults:
        raise TrainError("\n  ".join([f"training of {model_id} wrote tables that are not right:", *faults]))
    return {name: count_rows(files) for name, files in tables.items()}


def _fault(name: str, files: TableFiles, model_id: str) -> str | None:
    spec = _spec(name)
    try:
        for partition in partitions(files, spec):
            for batch in read_batches(partition, spec, batch_rows=65536):
                if spec is METRICS and set(batch["model_id"].unique().to_pylist()) - {model_id}:
                    return f"{partition.file}: metrics are of another model than {model_id!r}; write the given id"
    except OddloopError as error:
        return str(error)
    return None


def _spec(name: str) -> TableSpec:
    head, _, rest = name.partition("/")
    return TASKS[rest] if head == "predictions" else FEATURES if head == "features" else METRICS
