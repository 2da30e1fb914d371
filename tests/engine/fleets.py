"""A small fleet in many partitions, runs of it in processes of their own, and what there is to compare of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import toy

HERE = Path(__file__).parent
N_PARTS = 12


def make_fleet(folder: Path, engine: str = "") -> Path:
    """The toy workspace with predictions and features in 12 files each, and the settings of an engine."""
    workspace = toy.make_workspace(folder, config=f"{toy.CONFIG}\n[engine]\n{engine}\n")
    frames = toy.frames_table(toy.scenes_table())
    lake = workspace.storage.local_path("lake")
    (lake / "predictions/classification/toy_model/part-0.parquet").unlink()
    for name, table in {
        "predictions/classification/toy_model": toy.predictions_table(frames),
        "features/camera": toy.features_table(frames),
    }.items():
        rows = table.num_rows // N_PARTS
        for i in range(N_PARTS):
            toy.write(lake / name, table.slice(i * rows, rows), f"part-{i:02d}.parquet")
    return folder


def start_run(url: str | Path, until: str = "score", pause_s: float = 0.0, **environment: str) -> subprocess.Popen[str]:
    """Run the stages elsewhere; see `run_slowly`."""
    path = os.pathsep.join([str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-W", "ignore", "-m", "engine.run_slowly", str(url), until, str(pause_s)]
    return subprocess.Popen(
        command,
        env={**os.environ, **environment, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=HERE,
    )


def finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What a run that goes well has printed."""
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err[-4000:]
    found: dict[str, Any] = json.loads(out)  # nothing else is on stdout
    return found


def failure(process: subprocess.Popen[str]) -> str:
    """What a run that fails has said at last."""
    _, err = process.communicate(timeout=240)
    assert process.returncode not in (0, None)
    return err


def n_parts(folder: Path) -> int:
    """Parts that are committed."""
    return len(list((folder / "derived/parts").glob("*.parquet")))


def wait_until(holds: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait until something holds while a process runs."""
    until = time.monotonic() + 120
    while not holds():
        assert process.poll() is None, process.communicate()[1][-4000:]
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.05)


def tables_of(folder: Path, stage: str, without: tuple[str, ...] = ()) -> Mapping[str, pa.Table]:
    """All tables of the one folder of a stage."""
    (found,) = [path.parent for path in (folder / "derived" / stage).glob("*/manifest.json")]
    files = sorted(path for path in found.rglob("*.parquet") if path.name not in without)
    return {str(path.relative_to(found)): pq.read_table(path, partitioning=None) for path in files}


def bytes_of(folder: Path, stage: str) -> Mapping[str, bytes]:
    """All files of the one folder of a stage, the manifest included."""
    (found,) = [path.parent for path in (folder / "derived" / stage).glob("*/manifest.json")]
    return {str(path.relative_to(found)): path.read_bytes() for path in sorted(found.rglob("*")) if path.is_file()}
