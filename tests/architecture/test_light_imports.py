"""What loads slowly is loaded by the function that needs it, so that commands answer at once."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Up to half a second of CPU each, for what a few functions need.
SLOW = {"scipy.stats", "scipy.optimize", "sklearn", "faiss", "numba", "plotly"}


@pytest.mark.parametrize(
    ("module", "absent"),
    [("oddloop.cli.app", SLOW | {"numpy", "pyarrow", "sqlalchemy"}), ("oddloop.select", SLOW)],
)
def test_an_import_loads_nothing_slow(module: str, absent: set[str]) -> None:
    program = f"import sys, {module}; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert absent & set(result.stdout.split()) == set()
