"""The packages that are our oracles, imported so that what they need for other things does not matter."""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from pathlib import Path
from types import ModuleType
from unittest import mock

import pytest

TESTS = Path(__file__).parents[1]


def load(name: str, reason: str) -> ModuleType:
    """The module, or a skip that says why there is none; `ODDLOOP_ORACLES` names packages that there must be."""
    # Without our folders: numba, which PyOD needs, takes `tests/coverage` for the package of that name.
    path = [entry for entry in sys.path if Path(entry) != TESTS]
    with warnings.catch_warnings(), mock.patch.object(sys, "path", path):
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module(name)
        except (ImportError, RuntimeError, OSError) as error:
            if name.partition(".")[0] in os.environ.get("ODDLOOP_ORACLES", "").split():
                raise
            pytest.skip(reason.format(error=error))


def load_beside_torch(name: str) -> ModuleType:
    """A module that imports torchvision, though none of what is asked of it needs images; or a skip.

    A torchvision built for GPUs beside a torch built for CPUs cannot load its compiled operators, and its import then
    fails at the two that it describes unasked. Declaring them, without any code, lets it be imported.
    """
    reason = f"{name} is not installed; `make test-all` installs it into .venv-torch ({{error}})"
    torch = load("torch", reason)
    if "torchvision" not in sys.modules:
        declared = torch.library.Library("torchvision", "FRAGMENT")
        for operator in ("nms", "qnms"):
            if not hasattr(torch.ops.torchvision, operator):
                declared.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _kept.append(declared)
    return load(name, reason)


_kept: list[object] = []
"""Declarations last as long as their library."""
