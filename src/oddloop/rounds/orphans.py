"""End what a killed run's commands have left running.

A training or evaluation dies with its run, but what it has itself started does not. Every process of one carries its
folder in its environment, so whoever holds the workspace's lock can find and end the rest. Where there is no /proc,
nothing is found.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

MARK = "ODDLOOP_TRAINING"
"""Environment variable of every process of a training or evaluation: the folder that it writes to."""
_GONE_WITHIN_S = 5.0


def end_orphans(workspace: Path) -> int:
    """Kill processes of earlier commands of a workspace and return their number; hold the workspace's lock."""
    return end_marked(f"{workspace}/derived/")


def end_marked(folder: str) -> int:
    """Kill processes whose mark begins so, wait until they are gone, and return their number."""
    mark = f"{MARK}={folder}".encode()
    found = [int(entry.name) for entry in _processes() if _carries(entry, mark)]
    for pid in found:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + _GONE_WITHIN_S
    while any(_carries(Path("/proc", str(pid)), mark) for pid in found) and time.monotonic() < until:
        time.sleep(0.01)
    return len(found)


def _processes() -> list[Path]:
    root = Path("/proc")
    return [entry for entry in root.iterdir() if entry.name.isdigit()] if root.is_dir() else []


def _carries(entry: Path, mark: bytes) -> bool:
    """Whether a process carries the mark; one that has ended has no environment any more."""
    try:
        return any(variable.startswith(mark) for variable in (entry / "environ").read_bytes().split(b"\0"))
    except OSError:  # gone meanwhile, or of another user
        return False
