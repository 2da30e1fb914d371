"""What a killed run's training has started is ended by the next run, and nothing else is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from oddloop.rounds.orphans import MARK, end_orphans

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]


def started(folder: Path | None) -> subprocess.Popen[bytes]:
    environment = dict(os.environ) | ({MARK: f"{folder}/derived/train/x.tmp-1"} if folder else {})
    process = subprocess.Popen(SLEEP, env=environment, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    return process


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc to look at processes")
def test_only_trainings_of_this_workspace_are_ended(tmp_path: Path) -> None:
    ours, theirs, unmarked = started(tmp_path / "ws"), started(tmp_path / "other"), started(None)
    try:
        assert end_orphans(tmp_path / "ws") == 1
        assert ours.wait(10) == -9
        assert theirs.poll() is None
        assert unmarked.poll() is None
        assert end_orphans(tmp_path / "ws") == 0
    finally:
        for process in (ours, theirs, unmarked):
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
