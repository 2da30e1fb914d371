"""What the package promises as a whole: its examples run, and it needs neither numba nor its early import."""

import doctest
import importlib
import pkgutil
import subprocess
import sys

import pytest

import oddloop.score.boxes

MODULES = [m.name for m in pkgutil.iter_modules(oddloop.score.boxes.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name):
    module = importlib.import_module(f"oddloop.score.boxes.{name}")
    assert doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0


CODE = """
import sys
{before}
import numpy as np
from oddloop.score.boxes import *
print('numba' in sys.modules)
rng = np.random.default_rng(0)
low = rng.integers(0, 3, (40, 2)) * 6.0 + rng.normal(0, 1, (40, 2))
found = make_detections(
    np.hstack([low, low + rng.uniform(6, 9, (40, 2))]), rng.random(40), np.arange(0, 41, 10),
    labels=rng.choice(["car", "van"], 40).tolist(), members=np.arange(40) % 3,
)
groups = group_boxes(found)
print(groups.order.tolist(), groups.bounds.tolist())
print([values.round(9).tolist() for values in measure_objects(found, groups).values()])
"""


def run(before):
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(before=before)], capture_output=True, text=True, check=True
    )
    return done.stdout.split("\n")


def test_without_numba_the_same_comes_out():
    early, *compiled = run("")
    _, *plain = run("sys.modules['numba'] = None")
    assert early == "False"
    assert compiled == plain
    assert len(set(plain[0])) > 10
