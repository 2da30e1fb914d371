"""End what a killed run's training has left running.

The training command dies with its run, but what that command itself has started does not. Every process of a training
carries the training's folder in its environment, so whoever holds the workspace's lock can find and end the rest. Where
there is no /proc, nothing is found.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

MARK = "ODDLOOP_TRAINING"
"""Environment variable of every process of a training: the folder that it writes to."""


def end_orphans(workspace: Path) -> int:
    """Kill processes of earlier trainings of a workspace and return their number; hold the workspace's lock."""
    mark = f"{MARK}={workspace}/derived/train".encode()  # also of learning curves, `train_curve`
    orphans = [int(entry.name) for entry in _processes() if _carries(entry, mark)]
    for pid in orphans:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    return len(orphans)


def _processes() -> list[Path]:
    root = Path("/proc")
    return [entry for entry in root.iterdir() if entry.name.isdigit()] if root.is_dir() else []


def _carries(entry: Path, mark: bytes) -> bool:
    try:
        return any(variable.startswith(mark) for variable in (entry / "environ").read_bytes().split(b"\0"))
    except OSError:  # gone meanwhile, or of another user
        return False
