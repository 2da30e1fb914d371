"""Loops are imported once, whoever asks for them at the same time."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

# A fresh process, in a folder that holds one called `coverage`, and threads that all come first.
PROGRAM = """
import sys, threading
from oddloop.compiled import import_loops
sys.setswitchinterval(1e-6)
names = ["oddloop.score.fast_kernels", "oddloop.score.fast_groups"] * 8
gate, found = threading.Barrier(len(names)), []
def ask(name):
    gate.wait()
    found.append(import_loops(name))
threads = [threading.Thread(target=ask, args=[name]) for name in names]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(found), None in found, "coverage" in sys.modules)
"""


def test_threads_may_ask_for_loops_at_once(tmp_path: Path) -> None:
    if importlib.util.find_spec("numba") is None:
        pytest.skip("numba is not installed")
    (tmp_path / "coverage").mkdir()
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{PROGRAM}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "16 False False\n", done.stderr
