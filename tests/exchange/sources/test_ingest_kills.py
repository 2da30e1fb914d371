"""`oddloop ingest` killed at any moment: the lake is as it was or whole, and the next run goes on where it was."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from exchange.sources import argoverse2_folder as av2
from oddloop.lake.validate import find_faults
from oddloop.lake.workspace import Workspace

pytestmark = pytest.mark.system
N_LOGS = 40


def start(folder: Path, workspace: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "oddloop", "ingest", "argoverse2", str(folder), "--workspace", str(workspace)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def scenes(workspace: Workspace) -> list[str]:
    file = "lake/scenes/part-00000.parquet"
    return workspace.storage.read_table(file)["scene_id"].to_pylist() if workspace.storage.exists(file) else []


def is_staged(workspace: Path) -> int:
    return sum(1 for p in (workspace / "derived/ingest").glob("*/manifest.json") if ".staging" not in str(p))


def test_kills_at_random_moments(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    av2.write_log(old / "val/before")
    for i in range(N_LOGS):
        av2.write_log(new / f"train/log-{i:03}")
    Workspace.create(tmp_path / "calm", "")
    begun = time.perf_counter()
    assert start(new, tmp_path / "calm").wait() == 0
    longest_s = (time.perf_counter() - begun) / 20  # so that a fast machine is killed as often as a slow one
    workspace = Workspace.create(tmp_path / "ws", "")
    assert start(old, tmp_path / "ws").wait() == 0
    rng, n_killed, most = np.random.default_rng(0), 0, 0
    for _ in range(200):
        process = start(new, tmp_path / "ws")
        wait_for_work(process, tmp_path / "ws", most, float(rng.uniform(0.0, longest_s)))
        process.send_signal(signal.SIGKILL)
        if process.wait() == 0:
            break
        n_killed += 1
        most = max(most, is_staged(tmp_path / "ws"))
        assert scenes(workspace) == ["before/00"] or len(scenes(workspace)) == N_LOGS
        assert find_faults(workspace) == []
    assert n_killed >= 3
    assert scenes(workspace) == [f"log-{i:03}/00" for i in range(N_LOGS)]
    assert find_faults(workspace) == []


def wait_for_work(process: subprocess.Popen[bytes], workspace: Path, n_staged: int, more_s: float) -> None:
    """Until the process has staged a part more, or ended, and then a little longer."""
    while process.poll() is None and is_staged(workspace) <= n_staged:
        time.sleep(0.01)
    if process.poll() is None:
        time.sleep(more_s)
