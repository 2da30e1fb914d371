"""Two servers over one workspace, one of them killed again and again: nothing is lost, doubled, or beyond a limit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

N_FIRST = 20
"""Questions that the benchmark asks before it measures."""
BENCH = Path(__file__).parents[2] / "bench/bench_keep.py"


@pytest.mark.system
def test_every_answer_is_recorded_once_whatever_is_killed() -> None:
    """The benchmark looks for each answer in the record, and counts what was kept after each; it fails where not."""
    rate, seconds = 60, 12
    command = [sys.executable, str(BENCH), "--json", "--steady", "0"]
    command += ["--seconds", str(seconds), "--per-s", str(rate), "--restart-s", "4"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["questions"] == rate * seconds + N_FIRST
    assert found["kills"] >= 1
    assert 0 < found["yes"] < found["questions"]
    assert found["MB at last"] < found["MB at first"] + 30
